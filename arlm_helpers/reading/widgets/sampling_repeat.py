"""Many draws of the next token: how often each came, beside what was to be expected."""

from collections.abc import Callable
from html import escape
from typing import Any

import plotly.graph_objects as go
from ipywidgets import HTML, Button, IntSlider, Output, VBox

from arlm_helpers.reading.figures.comparisons import observed_and_expected
from arlm_helpers.reading.widgets.explore import display_data, guarded, row
from arlm_helpers.reading.widgets.strings import text as words

N_BARS = 10


def repeat_panel(
    core: Any, now: Callable[[], dict[str, Any]], name: Callable[[int], str], problem: HTML
) -> VBox:
    """Draw the next token many times at the place of the moment; ``now()`` gives ``place`` and ``seed``."""
    slider = IntSlider(500, min=10, max=2000, step=10, description=words("draws"), layout={"width": "24em"})
    start = Button(description=words("draw"), button_style="primary")
    shown = Output()

    def draw(_button: Button) -> None:
        here = now()
        found = core.repeat(here["place"], slider.value, seed=here["seed"])
        shown.outputs = (display_data(repeat_figure(found, name)),)

    start.on_click(guarded(draw, problem))
    return VBox([HTML(escape(words("repeat_ask"))), row(slider, start), shown])


def repeat_figure(found: Any, name: Callable[[int], str]) -> go.Figure:
    """Frequencies of the likeliest tokens and of all others together, with the range of 95 in 100."""
    n = len(found.probs)
    ids = found.probs.topk(min(N_BARS, n)).indices.tolist()
    observed = (found.counts[ids] / found.n_draws).tolist()
    expected = found.probs[ids].tolist()
    errors = found.half_width[ids].tolist()
    labels = [name(i) for i in ids]
    if n > len(ids):
        rest = max(0.0, 1 - sum(expected))
        observed.append(max(0.0, 1 - sum(observed)))
        expected.append(rest)
        errors.append(1.96 * (rest * (1 - rest) / found.n_draws) ** 0.5)
        labels.append(words("other_tokens", n=n - len(ids)))
    inside = sum(abs(o - e) <= s + 1e-9 for o, e, s in zip(observed, expected, errors, strict=True))
    title = words("repeat_title", inside=inside, n=len(labels))
    return observed_and_expected(labels, observed, expected, errors=errors, title=title)
