"""Is a model better than the cheapest thing that could do the task? Scores side by side, with a verdict."""

from collections.abc import Mapping
from html import escape

import plotly.graph_objects as go

from arlm_helpers.reading.style import BLUE, CHOSEN, OTHER, TEMPLATE, described

Number = float | int
WORDS = {1: "beats it", 0: "a draw", -1: "does not"}


def verdict(model: Number, baseline: Number, tie: Number) -> int:
    """1 if the model is better by more than ``tie``, -1 if it is worse by more, 0 between."""
    return 0 if abs(model - baseline) <= tie else 1 if model > baseline else -1


def verdicts(
    scores: Mapping[str, tuple[Number, Number]],
    *,
    tie: Number = 0.02,
    title: str | None = None,
    x_title: str = "share of right answers, or another score from 0 to 1: more is better",
) -> go.Figure:
    """Draw the score of a model and of its baseline for each task, and say whether the model is better.

    ``scores`` are (model, baseline), both from 0 to 1, and more is better. Within ``tie`` it is a draw. The
    model is a bar, its baseline a diamond; the verdict is written behind them, so colour alone says nothing.

    Raises:
        ValueError: if there is no task, or a score lies outside 0 … 1.
    """
    if not scores:
        raise ValueError("there is nothing to judge; give at least one task")
    for name, pair in scores.items():
        if not all(0 <= score <= 1 for score in pair):
            raise ValueError(f"scores lie between 0 and 1, got {pair} for {name!r}")
    names, rows = list(scores), list(range(len(scores)))
    models, baselines = zip(*scores.values(), strict=True)
    found = [verdict(*pair, tie) for pair in scores.values()]
    bars = go.Bar(
        x=models, y=rows, orientation="h", hovertext=names,
        marker_color=[CHOSEN if better == 1 else OTHER for better in found],
    )  # fmt: skip
    figure = go.Figure(bars)
    figure.add_scatter(
        x=baselines, y=rows, mode="markers", hovertext=names,
        marker={"symbol": "diamond", "size": 10, "color": BLUE},
    )  # fmt: skip
    for row, pair in enumerate(scores.values()):
        text = f"{pair[0]:.2f} : {pair[1]:.2f}  {WORDS[found[row]]}"
        figure.add_annotation(x=1.02, y=row, text=text, showarrow=False, xanchor="left")
    n_better = found.count(1)
    figure.update_layout(
        template=TEMPLATE,
        title=title or f"The model beats its baseline in {n_better} of {len(names)} comparisons",
        height=150 + 28 * len(names),
        margin_r=150,
        xaxis={"title": f"{x_title}<br>bar: model; blue diamond: baseline", "range": [0, 1]},
        yaxis={
            "autorange": "reversed",
            "tickvals": rows,
            "ticktext": [*map(escape, names)],
            "showgrid": False,
        },
    )
    spoken = "; ".join(
        f"{name}: model {pair[0]:.2f}, baseline {pair[1]:.2f}, {WORDS[better]}"
        for (name, pair), better in zip(scores.items(), found, strict=True)
    )
    return described(figure, f"Scores of models and baselines: {spoken}.")
