"""The text of the sampling explorer as a ribbon: prompt, tokens coloured by a number, and the legend."""

from collections.abc import Callable
from html import escape
from typing import Any

from arlm_helpers.reading.figures.token_ribbon import ribbon_html
from arlm_helpers.reading.widgets.explore import html_data
from arlm_helpers.reading.widgets.sampling_script import CHOOSER
from arlm_helpers.reading.widgets.sampling_tables import chosen_by_words, written_html
from arlm_helpers.reading.widgets.strings import text as words

MEASURES = {"probability": "base", "surprisal": "surprisal", "entropy": "entropy"}


def hint_of(at: int, token: Any, name: Callable[[int], str]) -> str:
    """All about one token in a line."""
    numbers = {key: getattr(token, key) for key in ("base", "final", "surprisal", "entropy")}
    return words("token_hint", at=at, token=name(token.id), chosen=chosen_by_words(token), **numbers)


def text_html(
    text: Any,
    measure: str,
    name: Callable[[int], str],
    *,
    selected: int | None = None,
    marked: int | None = None,
    more: str = "",
) -> str:
    """The tokens of ``text`` (``written``, each with ``id`` and numbers) as a ribbon with its legend."""
    written = text.written
    values = [getattr(token, MEASURES[measure]) for token in written]
    highest = 1.0 if measure == "probability" else max([1.0, *values])
    unit = words("share_unit" if measure == "probability" else "bits_unit", measure=words(measure))
    ribbon = ribbon_html(
        [name(token.id) for token in written],
        values,
        label=words("text_ribbon", measure=words(measure)),
        hints=[hint_of(at, token, name) for at, token in enumerate(written)],
        highest=highest,
        digits=2 if measure == "probability" else 1,
        selected=selected,
        forced=[at for at, token in enumerate(written) if token.u is None],
        marked=marked,
        more=more,
    )
    legend = words("text_scale", measure=unit, highest=highest)
    return f"{ribbon}<small>{escape(legend)}</small>"


def text_data(
    text: Any, prompt: str, plain: str, measure: str, name: Callable[[int], str], selected: int
) -> dict:
    """The whole text as a notebook output: prompt, ribbon to choose from, and the same as a table."""
    before = f'<div style="white-space:pre-wrap;overflow-wrap:anywhere;max-width:60em">{escape(prompt)}</div>'
    if not text.written:
        return html_data(f"{before}<p>{escape(words('nothing_written'))}</p>", plain)
    ribbon = text_html(text, measure, name, selected=selected, more=words("next_place"))
    html = f'<div class="{CHOOSER}">{before}{ribbon}</div>{written_html(text.written, name)}'
    return html_data(html, plain)
