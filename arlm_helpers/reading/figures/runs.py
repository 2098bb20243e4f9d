"""The loss curves of several runs, over steps or over the processor time they took."""

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
from arlm_helpers.reading.style import DASHES, LINES, TEMPLATE, described

Number = float | int
Curve = tuple[Sequence[Number], Sequence[Number]]


def loss_curves(
    runs: Mapping[str, Curve],
    *,
    x_title: str = "step",
    references: Mapping[str, Number] | None = None,
    title: str | None = None,
    log_x: bool = False,
    smooth: bool = True,
    y_range: tuple[Number, Number] | None = None,
) -> go.Figure:
    """Draw the losses of several runs over steps or processor seconds, each name at the end of its line.

    A run is a pair, where and how high: ``(history.column("cpu_seconds"), history.column("loss"))``.
    The curves may differ in length. The default title names the run that ends lowest.

    Raises:
        ValueError: if there is no run, a pair differs in length or holds no number, or ``log_x`` meets an
            x that is not positive.
    """
    if not runs:
        raise ValueError("runs is empty; give at least one run")
    for name, (xs, losses) in runs.items():
        _check_curve(name, xs, losses, log_x)
    references = dict(references or {})
    curves = {name: (list(x), finite(smoothed(y) if smooth else y)) for name, (x, y) in runs.items()}
    x_range = _range_of([x for xs, _ in curves.values() for x in xs], log_x)
    y_range = y_range or _common_range(curves, references)
    figure = go.Figure([_line(i, name, *curve) for i, (name, curve) in enumerate(curves.items())])
    ends = {name: last_known(*curve) for name, curve in curves.items()}
    endings = [
        Ending(name, math.log10(at) if log_x else at, end, line_label(i))
        for i, (name, (at, end)) in enumerate(ends.items())
    ] + reference_endings(references, x_range[1])
    best = min(ends, key=lambda name: ends[name][1])
    figure.update_layout(
        template=TEMPLATE,
        title=title or f"{best} ends lowest, at {ends[best][1]:.3f} nats per token",
        margin_r=room_for([ending.name for ending in endings]),
        xaxis={"title": x_title, "type": "log" if log_x else "linear", "range": x_range},
        yaxis={"title": "loss in nats per token", "range": list(y_range)},
        shapes=dotted_lines(references.values()),
        annotations=end_labels(endings, x_range=x_range, y_range=y_range),
    )
    if log_x and x_range[1] - x_range[0] >= 2:
        figure.update_xaxes(dtick=1)  # a tick at each power of ten
    spoken = [f"{name} ends at {end:.3f} after {at:g}" for name, (at, end) in ends.items()]
    spoken += [f"dotted reference {name} at {value:.3f}" for name, value in references.items()]
    return described(figure, f"Lines of loss in nats per token over {x_title}: {'; '.join(spoken)}.")


def _line(i: int, name: str, xs: Sequence[Number], ys: Sequence[Number | None]) -> go.Scatter:
    look = {"color": LINES[i % len(LINES)], "dash": DASHES[i % len(DASHES)]}
    return go.Scatter(x=xs, y=ys, name=name, mode="lines", line=look, cliponaxis=True)


def _common_range(curves: Mapping[str, Curve], references: Mapping[str, Number]) -> tuple[float, float]:
    ranges = [visible_range(xs, ys, more=references.values()) for xs, ys in curves.values()]
    return min(low for low, _ in ranges), max(high for _, high in ranges)


def _range_of(xs: Sequence[Number], log_x: bool) -> list[Number]:
    if not log_x:
        return [min(0, *xs), max(xs)]
    return [math.log10(min(xs)), math.log10(max(xs))]


def _check_curve(name: str, xs: Sequence[Number], losses: Sequence[Number], log_x: bool) -> None:
    if len(xs) != len(losses):
        raise ValueError(f"run {name!r} has {len(losses)} losses for {len(xs)} positions on the x axis")
    if not any(math.isfinite(loss) for loss in losses):
        raise ValueError(f"run {name!r} holds no finite loss")
    if log_x and min(xs) <= 0:
        raise ValueError(f"run {name!r} starts at {min(xs)}; a logarithmic axis has only positive numbers")
