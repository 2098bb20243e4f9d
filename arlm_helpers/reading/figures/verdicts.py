"""Is a model better than the cheapest thing that could do the task? Scores side by side, with a verdict."""

import math
from collections.abc import Mapping
from html import escape

import plotly.graph_objects as go

from arlm_helpers.reading.style import BLUE, CHOSEN, OTHER, TEMPLATE, described

Number = float | int
WORDS = {1: "beats it", 0: "a draw", -1: "does not"}


def verdict(model: Number, baseline: Number, n: int) -> int:
    """1 if the model is better, -1 if it is worse, 0 if ``n`` judged items are too few to tell.

    The standard error of a share of ``n`` items is at most 1 / (2 √n). Within two of these it is a draw.
    """
    return 0 if abs(model - baseline) <= 1 / math.sqrt(n) else 1 if model > baseline else -1


def verdicts(
    scores: Mapping[str, tuple[Number, Number, int]],
    *,
    title: str | None = None,
    x_title: str = "score from 0 to 1: more is better",
) -> go.Figure:
    """Draw the score of a model and of its baseline for each task, and say whether the model is better.

    ``scores`` are (model, baseline, number of items), both from 0 to 1, and more is better. The model is a
    bar, its baseline a diamond; the verdict is written behind them, so colour alone says nothing.

    Raises:
        ValueError: if there is no task or no item, or a score lies outside 0 … 1.
    """
    if not scores:
        raise ValueError("there is nothing to judge; give at least one task")
    for name, (model, baseline, n) in scores.items():
        if not (0 <= model <= 1 and 0 <= baseline <= 1 and n >= 1):
            raise ValueError(
                f"scores lie between 0 and 1, of 1 item at least, got {(model, baseline, n)} for {name!r}"
            )
    found = [verdict(*judged) for judged in scores.values()]
    figure = _bars_and_diamonds(scores, found)
    labels = [f"{escape(name, quote=False)} (n = {n:,})" for name, (_, _, n) in scores.items()]
    figure.update_layout(
        template=TEMPLATE,
        title=title or f"The model beats its baseline in {found.count(1)} of {len(scores)} comparisons",
        height=150 + 28 * len(scores),
        margin_r=170,
        xaxis={"title": f"{x_title}<br>bar: model, diamond: baseline", "range": [0, 1]},
        yaxis={
            "autorange": "reversed",
            "tickvals": list(range(len(scores))),
            "ticktext": labels,
            "showgrid": False,
        },
    )
    spoken = "; ".join(
        f"{name}: model {model:.2f}, baseline {baseline:.2f}, {n:,} items, {WORDS[better]}"
        for (name, (model, baseline, n)), better in zip(scores.items(), found, strict=True)
    )
    return described(figure, f"Scores of models and baselines: {spoken}.")


def _bars_and_diamonds(scores: Mapping[str, tuple[Number, Number, int]], found: list[int]) -> go.Figure:
    """A row per task: a bar for the model, a diamond for the baseline, both numbers and the verdict."""
    names, rows = list(scores), list(range(len(scores)))
    models, baselines, _ = zip(*scores.values(), strict=True)
    bars = go.Bar(
        x=models, y=rows, orientation="h", hovertext=names,
        marker_color=[CHOSEN if better == 1 else OTHER for better in found],
    )  # fmt: skip
    figure = go.Figure(bars)
    figure.add_scatter(
        x=baselines, y=rows, mode="markers", hovertext=names,
        marker={"symbol": "diamond", "size": 10, "color": BLUE},
    )  # fmt: skip
    for row, (model, baseline, _) in enumerate(scores.values()):
        text = f"{model:.2f} : {baseline:.2f}  {WORDS[found[row]]}"
        figure.add_annotation(x=1, xref="paper", xshift=8, y=row, text=text, showarrow=False, xanchor="left")
    return figure
