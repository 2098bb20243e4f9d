"""Two policies with the same darts beside each other, and where their texts part."""

from collections.abc import Callable
from html import escape
from typing import Any

from ipywidgets import HTML, Button, Output, VBox

from arlm_helpers.reading.widgets.explore import guarded, html_data, row
from arlm_helpers.reading.widgets.sampling_ribbon import text_html
from arlm_helpers.reading.widgets.strings import text as words


def compare_panel(
    core: Any, now: Callable[[], dict[str, Any]], name: Callable[[int], str], problem: HTML
) -> VBox:
    """Keep the policy of the moment as B; write A, that of a later moment, and B with the same darts.

    ``now()`` gives ``text`` (of the prompt alone), ``policy``, ``seed``, ``n`` and ``measure``. B is at first
    the model's own distribution.
    """
    kept = {"b": core.policy()}
    pin = Button(description=words("pin"), layout={"width": "16em"})
    start = Button(description=words("compare"), button_style="primary")
    told, shown = HTML(), Output()

    def tell() -> None:
        told.value = escape(words("policy_b", policy=kept["b"].code()))

    def keep(_button: Button) -> None:
        kept["b"] = now()["policy"]
        tell()

    def write(_button: Button) -> None:
        here = now()
        found = core.compare(here["text"], here["policy"], kept["b"], seed=here["seed"], n=here["n"])
        shown.outputs = (comparison_data(found, here["policy"], kept["b"], here["measure"], name),)

    tell()
    pin.on_click(guarded(keep, problem))
    start.on_click(guarded(write, problem))
    return VBox([row(pin, start, told), shown])


def comparison_data(found: Any, a: Any, b: Any, measure: str, name: Callable[[int], str]) -> dict:
    """Both texts as ribbons, the first difference marked, and in words why they part there."""
    verdict = escape(parting_words(found, name))
    parts = [f'<p role="status">{verdict}</p>']
    for key, text, policy in (("label_a", found.a, a), ("label_b", found.b, b)):
        label = escape(words(key, policy=policy.code()))
        parts.append(f"<p><b>{label}</b></p>{text_html(text, measure, name, marked=found.first_difference)}")
    plain = [" ".join(name(token.id) for token in text.written) for text in (found.a, found.b)]
    return html_data("".join(parts), "\n".join([parting_words(found, name), *plain]))


def parting_words(found: Any, name: Callable[[int], str]) -> str:
    """Where two texts part, and how far apart their distributions are there."""
    at = found.first_difference
    if at is None:
        return words("same_text")
    if found.total_variation is None:
        return words("one_ended", at=at)
    one, other = found.a.written[at], found.b.written[at]
    parted = words(
        "parted",
        at=at,
        u=one.u,
        a=words("quoted", token=name(one.id)),
        b=words("quoted", token=name(other.id)),
    )
    return f"{parted} {words('apart', distance=found.total_variation)}"
