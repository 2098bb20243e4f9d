"""How a training goes: its loss, its learning rate and its speed, in three panels."""

import math
from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from arlm_helpers.reading.figures.endings import (
    Ending,
    dotted_lines,
    end_labels,
    finite,
    last_known,
    line_label,
    reference_endings,
    room_for,
)
from arlm_helpers.reading.figures.smoothing import smoothed, visible_range
from arlm_helpers.reading.history import History
from arlm_helpers.reading.style import BLUE, DASHES, GREEN, OTHER, TEMPLATE, described

Number = float | int
HEIGHT = 520  # pixels
_TEMPLATE = TEMPLATE.to_plotly_json()
_HEADING = {"showarrow": False, "xref": "paper", "yref": "paper", "xanchor": "left", "yanchor": "bottom"}


def training_figure(
    history: History,
    *,
    references: Mapping[str, Number] | None = None,
    n_steps: int | None = None,
    title: str | None = None,
) -> go.Figure:
    """Draw a run: training loss (grey, smoothed in blue) and held-out loss, learning rate, speed.

    ``references`` are dotted lines at a loss in nats per token, by name, say that of an n-gram model.
    With ``n_steps``, the planned length, the axis leaves room for what is to come. The first steps, where
    the loss falls off a cliff, may lie above the axis.

    Raises:
        ValueError: if the history holds no step.
    """
    picture = training_picture(history, references=references, n_steps=n_steps, title=title)
    return described(go.Figure(picture), picture["layout"]["meta"]["alt"])


def training_picture(
    history: History,
    *,
    references: Mapping[str, Number] | None = None,
    n_steps: int | None = None,
    title: str | None = None,
) -> dict:
    """The same as plain data and layout: a tenth of the work, for a picture that is drawn again and again.

    Raises:
        ValueError: if the history holds no step.
    """
    points, references = history.points, dict(references or {})
    if not points:
        raise ValueError("the history holds no step; add one, or draw it after the first")
    steps, _, losses, rates, speeds, _ = map(list, zip(*points, strict=True))
    smooth = finite(smoothed(losses))
    held_out = [(step, nats) for step, nats in history.held_out if math.isfinite(nats)]
    x_range = [0, _right_end(steps[-1], n_steps)]
    y_range = visible_range(steps, smooth, more=[*(nats for _, nats in held_out), *references.values()])
    endings = _endings(steps, smooth, held_out) + reference_endings(references, x_range[1])
    layout = _three_panels(x_range, list(y_range))
    layout["annotations"] += end_labels(endings, x_range=x_range, y_range=y_range)
    layout["shapes"] = dotted_lines(references.values())
    layout["margin"] = {"r": room_for([ending.name for ending in endings])}
    layout["title"] = {"text": title or _headline(history, smooth, held_out, references)}
    layout["meta"] = {"alt": _spoken(history, smooth, held_out, references, n_steps)}
    mode = {"mode": "lines+markers" if len(steps) <= 10 else "lines"}  # one point is no line
    data = [
        _line(steps, losses, {"color": OTHER, "width": 1}, hoverinfo="skip", **mode),
        _line(steps, smooth, {"color": BLUE}, name="training", **mode),
        _held_out_line(held_out),
        _line(steps, rates, {"color": BLUE, "width": 2}, xaxis="x2", yaxis="y2", **mode),
        _line(steps, speeds, {"color": BLUE, "width": 2}, xaxis="x3", yaxis="y3", **mode),
    ]
    return {"data": data, "layout": layout}


def _line(x: Sequence[Number], y: Sequence[Number | None], line: dict, **look) -> dict:
    return {"type": "scatter", "x": list(x), "y": finite(y), "line": line, "cliponaxis": True, **look}


def _held_out_line(held_out: Sequence[tuple[Number, Number]]) -> dict:
    look = {"name": "held-out", "mode": "lines+markers", "marker": {"symbol": "diamond", "size": 8}}
    x, y = [step for step, _ in held_out], [nats for _, nats in held_out]
    return {**_line(x, y, {"color": GREEN, "dash": DASHES[1]}, **look), "cliponaxis": False}


def _right_end(last: int, n_steps: int | None) -> float:
    """Where the axis of the steps ends: at ``n_steps``, or nearer while so little of it would be filled."""
    right = float(max(n_steps or 0, last))
    while right > 4 * last:
        right /= 2
    return right


def _three_panels(x_range: list, y_range: list) -> dict:
    """Loss above; learning rate and speed below, side by side, with their names as headings."""
    below = {"title": {"text": "step"}, "range": x_range, "nticks": 5}
    small = {"domain": [0, 0.24], "rangemode": "tozero", "nticks": 5}
    return {
        "template": _TEMPLATE,
        "height": HEIGHT,
        "xaxis": {"domain": [0, 1], "range": x_range},
        "yaxis": {"domain": [0.42, 1], "range": y_range, "title": {"text": "loss in nats per token"}},
        "xaxis2": {**below, "domain": [0, 0.42], "anchor": "y2"},
        "yaxis2": {**small, "anchor": "x2", "exponentformat": "e"},
        "xaxis3": {**below, "domain": [0.58, 1], "anchor": "y3"},
        "yaxis3": {**small, "anchor": "x3"},
        "annotations": [
            {**_HEADING, "x": 0, "y": 0.25, "text": "learning rate"},
            {**_HEADING, "x": 0.58, "y": 0.25, "text": "tokens per second"},
        ],
    }


def _endings(steps, smooth, held_out) -> list[Ending]:
    lines = []
    if any(loss is not None for loss in smooth):
        lines.append(Ending("training", *last_known(steps, smooth), line_label(0)))
    if held_out:
        lines.append(Ending("held-out", *held_out[-1], line_label(1)))
    return lines


def _headline(history: History, smooth, held_out, references) -> str:
    """The newest loss, held-out if there is one, beside the first reference."""
    kind, value = ("held-out", held_out[-1][1]) if held_out else ("training", smooth[-1])
    known = f"{kind} {value:.3f}" if value is not None else "no finite loss"
    beside = "".join(f", {name} {nats:.3f}" for name, nats in list(references.items())[:1])
    return f"Step {history.last_step:,}: {known}{beside} nats per token"


def _spoken(history: History, smooth, held_out, references, n_steps: int | None) -> str:
    of = f" of {n_steps:,}" if n_steps else ""
    known = [loss for loss in smooth if loss is not None] or [math.nan]
    last = history.points[-1]
    lines = [f"training loss, smoothed, from {known[0]:.3f} to {known[-1]:.3f} nats per token"]
    if held_out and history.best:
        lines.append(f"held-out loss {held_out[-1][1]:.3f} at step {held_out[-1][0]:,}")
        lines.append(f"its lowest {history.best[1]:.3f} at step {history.best[0]:,}")
    lines += [f"dotted reference {name} at {value:.3f}" for name, value in references.items()]
    lines.append(f"learning rate now {last.learning_rate:.3g}")
    lines.append(f"{last.tokens_per_second:,.0f} tokens per second")
    return f"A training after {history.last_step:,}{of} steps: {'; '.join(lines)}."
