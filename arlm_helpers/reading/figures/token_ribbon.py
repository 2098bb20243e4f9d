"""A text as a row of tokens, each coloured by a number and carrying it: HTML, with all text escaped."""

from collections.abc import Collection, Sequence
from html import escape

from plotly.colors import sample_colorscale, unlabel_rgb

from arlm_helpers.reading.style import CHOSEN, INK, MAGNITUDE

N_COLOURS = 32
BOX = (
    "display:flex;flex-wrap:wrap;gap:2px;align-items:stretch;max-width:60em;max-height:17em;overflow:auto;"
    "line-height:1.25;padding:3px"
)
CHIP = (
    "font:inherit;white-space:pre;text-align:center;border-radius:3px;padding:1px 3px;margin:0;cursor:pointer"
)


def palette() -> list[tuple[str, str]]:
    """Background and text colour for each step of the scale, dark 0 to bright 1."""
    steps = [i / (N_COLOURS - 1) for i in range(N_COLOURS)]
    found = []
    for colour in sample_colorscale(MAGNITUDE, steps):
        numbers = [round(float(value)) for value in unlabel_rgb(colour)]
        background = "#" + "".join(f"{value:02x}" for value in numbers)
        found.append((background, max(("#ffffff", "#000000"), key=lambda ink: contrast(ink, background))))
    return found


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours, 1 to 21; for text to be read it is at least 4.5.

    Source:
        Web Content Accessibility Guidelines 2.1, "contrast ratio" and "relative luminance".
    """
    light = []
    for colour in (one, other):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        light.append(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2])
    return (max(light) + 0.05) / (min(light) + 0.05)


PALETTE = palette()


def ribbon_html(
    tokens: Sequence[str],
    values: Sequence[float],
    *,
    label: str,
    hints: Sequence[str],
    highest: float,
    digits: int = 2,
    selected: int | None = None,
    forced: Collection[int] = (),
    marked: int | None = None,
    more: str = "",
) -> str:
    """Tokens as buttons in reading order, each on the colour of its value and with the number below.

    The scale goes from 0 to ``highest``. ``hints`` say more about each token when it is pointed at or
    read aloud. A token in ``forced`` has a dashed edge and a pen; ``marked`` stands behind a heavy bar.
    With ``more``, a hint, an empty button follows for the token that comes next.
    Each button carries its position in ``data-token``; a script may listen. Only one of them is a tab stop.

    Raises:
        ValueError: if tokens, values and hints differ in number.
    """
    if not len(tokens) == len(values) == len(hints):
        raise ValueError(f"{len(tokens)} tokens, {len(values)} values and {len(hints)} hints; give one each")
    stop = selected if selected is not None and selected <= len(tokens) - (not more) else 0
    chips = []
    for at, (token, value, hint) in enumerate(zip(tokens, values, hints, strict=True)):
        share = min(max(value / highest, 0.0), 1.0) if highest > 0 else 0.0
        background, ink = PALETTE[round(share * (N_COLOURS - 1))]
        edge = f"border:{f'2px dashed {CHOSEN}' if at in forced else f'1px solid {INK}'};"
        edge += f"border-left:6px double {CHOSEN};" * (at == marked)
        sign = "✎" * (at in forced) + "▶" * (at == marked)
        look = f"{edge}background:{background};color:{ink}"
        inner = f"{sign}{escape(token)}<br><small>{value:.{digits}f}</small>"
        chips.append(chip(at, inner, hint, look, selected=at == selected, stop=at == stop))
    if more:
        at, look = len(tokens), f"border:1px dashed {INK};background:#ffffff;color:#000000"
        inner = "…<br><small>?</small>"
        chips.append(chip(at, inner, more, look, selected=at == selected, stop=at == stop))
    name = f'role="group" class="arlm-ribbon" aria-label="{escape(label)}"'
    return f'<div {name} style="{BOX}">{"".join(chips)}</div>'


def chip(at: int, inner: str, hint: str, look: str, *, selected: bool, stop: bool) -> str:
    """One button of a ribbon; ``inner`` is HTML already, ``hint`` is text."""
    ring = "outline:3px solid #0072B2;" if selected else ""
    state = f'data-token="{at}" aria-pressed="{str(selected).lower()}" tabindex="{0 if stop else -1}"'
    said = f'title="{escape(hint)}" aria-label="{escape(hint)}"'
    return f'<button type="button" {state} {said} style="{CHIP};{ring}{look}">{inner}</button>'
