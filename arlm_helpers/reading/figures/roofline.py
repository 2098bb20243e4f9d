"""A roofline: how fast a program computes, below what memory and arithmetic allow."""

import math
from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from arlm_helpers.reading.figures.endings import Ending, end_labels
from arlm_helpers.reading.style import INK, LINE_LABELS, LINES, REFERENCE, TEMPLATE, described

Number = float | int
Points = Mapping[str, Sequence[tuple[Number, Number]]]  # operations per byte, operations per second
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x", "cross")
_NOTE = {"showarrow": False, "font_color": INK, "xanchor": "right", "yanchor": "bottom", "xshift": -8}


def roofline(points: Points, *, bytes_per_second: Number, flops_per_second: Number, title: str) -> go.Figure:
    """Draw measured speeds below min(operations per byte · bytes per second, operations per second).

    Both axes are logarithmic, speeds in thousand million operations per second. Each name stands at the
    last of its points. A point may lie above the roof: then its bytes came from nearer than main memory.

    Raises:
        ValueError: if there is no point, or a number is not positive.
    """
    every = [point for series in points.values() for point in series]
    numbers = [bytes_per_second, flops_per_second, *(number for point in every for number in point)]
    if not every or not all(0 < number < math.inf for number in numbers):
        raise ValueError(
            f"a roofline needs points, and positive numbers, got {dict(points)} below {numbers[:2]}"
        )
    ridge = (flops_per_second / bytes_per_second, flops_per_second)
    xs, ys = zip(*every, ridge, strict=True)
    x_range = [math.log10(min(xs)) - 0.7, math.log10(max(xs)) + 0.5]
    y_range = [math.log10(min(ys) / 1e9) - 0.3, math.log10(max(ys) / 1e9) + 0.3]
    figure = go.Figure()
    _add_roof(figure, x_range, bytes_per_second, flops_per_second)
    _add_points(figure, points, x_range, y_range)
    figure.update_layout(
        template=TEMPLATE,
        title=title,
        height=440,
        margin_r=150,
        xaxis={"title": "operations per byte of weights", "type": "log", "range": x_range, "dtick": 1},
        yaxis={"title": "10⁹ operations per second", "type": "log", "range": y_range, "dtick": 1},
    )
    return described(figure, _spoken(title, points, bytes_per_second, flops_per_second))


def _add_roof(figure: go.Figure, x_range, bytes_per_second: Number, flops_per_second: Number) -> None:
    """The dotted limits: memory on the left, arithmetic on the right, each with its name."""
    ridge = math.log10(flops_per_second / bytes_per_second)
    xs = [10 ** x_range[0], 10**ridge, 10 ** x_range[1]]
    ys = [min(x * bytes_per_second, flops_per_second) / 1e9 for x in xs]
    figure.add_scatter(x=xs, y=ys, mode="lines", line=REFERENCE, hoverinfo="skip")
    middle = 0.4 * x_range[0] + 0.6 * ridge
    for x, y, text in (
        (middle, middle + math.log10(bytes_per_second / 1e9), f"memory: {bytes_per_second / 1e9:.3g} GB/s"),
        (ridge, math.log10(flops_per_second / 1e9), f"arithmetic: {flops_per_second / 1e9:.3g}"),
    ):
        figure.add_annotation(x=x, y=y, text=text, **_NOTE)


def _add_points(figure: go.Figure, points: Points, x_range, y_range) -> None:
    """Marks and lines, and each name at its last point."""
    endings = []
    for i, (name, series) in enumerate(points.items()):
        colour = LINES[i % len(LINES)]
        figure.add_scatter(
            x=[x for x, _ in series],
            y=[y / 1e9 for _, y in series],
            name=name,
            mode="lines+markers",
            marker={"size": 9, "symbol": SYMBOLS[i % len(SYMBOLS)], "color": colour},
            line={"color": colour, "width": 1.5},
        )
        x, y = series[-1]
        endings.append(Ending(name, math.log10(x), math.log10(y / 1e9), LINE_LABELS[i % len(LINES)]))
    for label in end_labels(endings, x_range=x_range, y_range=y_range):
        figure.add_annotation(label)


def _spoken(title: str, points: Points, bytes_per_second: Number, flops_per_second: Number) -> str:
    ends = {name: [series[0], series[-1]][: len(series)] for name, series in points.items()}
    spoken = "; ".join(
        f"{name}: " + ", ".join(f"{y / 1e9:.3g} at {x:.3g} operations per byte" for x, y in two)
        for name, two in ends.items()
    )
    return (
        f"{title}. Roofline, 10⁹ operations per second on logarithmic axes: memory gives "
        f"{bytes_per_second / 1e9:.3g} GB/s, arithmetic at most {flops_per_second / 1e9:.3g}. {spoken}."
    )
