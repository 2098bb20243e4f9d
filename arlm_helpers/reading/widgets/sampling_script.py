"""What only a script can do: a click on a token of the ribbon sets the number box of its place.

Without scripts the box still works. The arrow keys move within a ribbon, which is one stop of the Tab key.
"""

from arlm_helpers.reading.widgets.explore import FRAME

PLACE_BOX = "arlm-place"  # class of the number box
CHOOSER = "arlm-chooser"  # class around the ribbon whose tokens set it
PICK_TOKENS = f"""
const pickTokens = (triesLeft) => {{
  const frame = element.closest(".{FRAME}");
  if (!frame) {{ if (triesLeft) setTimeout(() => pickTokens(triesLeft - 1), 100); return; }}
  const box = () => frame.querySelector(".{PLACE_BOX} input");
  const show = (place) => frame.querySelectorAll(".{CHOOSER} button[data-token]").forEach((token) => {{
    const on = token.dataset.token === String(place);
    token.setAttribute("aria-pressed", String(on));
    token.style.outline = on ? "3px solid #0072B2" : "";
    if (on) token.tabIndex = 0; else token.tabIndex = -1;
  }});
  frame.addEventListener("click", ({{target}}) => {{
    const token = target.closest(".{CHOOSER} button[data-token]");
    if (!token) return;
    token.focus();
    box().value = token.dataset.token;
    box().dispatchEvent(new Event("change", {{bubbles: true}}));
  }});
  frame.addEventListener("change", ({{target}}) => {{ if (target === box()) show(target.value); }});
  frame.addEventListener("keydown", (event) => {{
    const token = event.target.closest(".arlm-ribbon button[data-token]");
    const steps = {{ArrowLeft: -1, ArrowRight: 1, Home: -1e9, End: 1e9}};
    if (!token || !(event.key in steps)) return;
    const all = [...token.parentElement.querySelectorAll("button[data-token]")];
    const next = Math.min(Math.max(all.indexOf(token) + steps[event.key], 0), all.length - 1);
    token.tabIndex = -1;
    all[next].tabIndex = 0;
    all[next].focus();
    event.preventDefault();
    event.stopPropagation();
  }});
}};
pickTokens(100);
"""


def script_data(code: str) -> dict:
    """The notebook output that runs ``code`` in the page; in it, ``element`` is where the output stands."""
    return {"output_type": "display_data", "metadata": {}, "data": {"application/javascript": code}}
