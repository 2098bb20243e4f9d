"""How far back a gradient reaches: its norm against the distance, on a logarithmic axis."""

import math
from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from arlm_helpers.reading.figures.endings import Ending, end_labels, last_known, line_label, room_for
from arlm_helpers.reading.style import DASHES, LINES, TEMPLATE, described

Number = float | int
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x", "star")


def gradient_norms(
    distances: Sequence[Number],
    norms: Mapping[str, Sequence[Number]],
    *,
    title: str | None = None,
    x_title: str = "steps back in time",
    y_title: str = "norm of the gradient",
) -> go.Figure:
    """Draw one line per model: the norm of a gradient that has travelled so many steps back.

    On the logarithmic axis a gradient that shrinks by the same factor at each step is a straight line. A
    norm that is zero (or no finite number) has no place on it: the line has a gap there. The default
    title compares how much is left of the gradients that fade most and least.

    Raises:
        ValueError: if there is no line, a line is not as long as ``distances``, holds no positive number,
            or holds a negative one.
    """
    lines = {name: _on_log_axis(name, distances, values) for name, values in norms.items()}
    if not lines:
        raise ValueError("norms is empty; give at least one line")
    logs = [math.log10(value) for values in lines.values() for value in values if value is not None]
    pad = 0.06 * (max(logs) - min(logs)) or 0.5
    y_range, x_range = [min(logs) - pad, max(logs) + pad], [min(distances), max(distances)]
    figure, endings = go.Figure(), []
    for i, (name, values) in enumerate(lines.items()):
        look = {"color": LINES[i % len(LINES)], "dash": DASHES[i % len(DASHES)]}
        marker = {"symbol": SYMBOLS[i % len(SYMBOLS)], "size": 8}
        mode = "lines+markers" if len(distances) <= 30 else "lines"
        figure.add_scatter(x=list(distances), y=values, name=name, mode=mode, line=look, marker=marker)
        at, end = last_known(distances, values)
        endings.append(Ending(name, at, math.log10(end), line_label(i)))
    figure.update_layout(
        template=TEMPLATE,
        title=title or _headline(distances, lines),
        margin_r=room_for(list(lines)),
        annotations=end_labels(endings, x_range=x_range, y_range=y_range),
        xaxis={"title": x_title, "range": x_range},
        yaxis={"title": y_title, "type": "log", "range": y_range, "exponentformat": "power", "nticks": 8},
    )
    return described(figure, _spoken(distances, lines, x_title, y_title))


def _on_log_axis(name: str, distances: Sequence[Number], values: Sequence[Number]) -> list[float | None]:
    """The values as floats, None for what a logarithmic axis cannot show."""
    if len(values) != len(distances):
        raise ValueError(f"line {name!r} has {len(values)} norms for {len(distances)} distances")
    if any(value < 0 for value in values):
        raise ValueError(f"line {name!r} holds {min(values)}; a norm is never negative")
    known = [float(value) if 0 < value < math.inf else None for value in values]
    if not any(known):
        raise ValueError(f"line {name!r} holds no positive number; a logarithmic axis shows no zero")
    return known


def _known(distances, values) -> list[tuple[Number, float]]:
    return [(at, value) for at, value in zip(distances, values, strict=True) if value is not None]


def _left(distances, values) -> float:
    """The last norm as a share of the first."""
    known = _known(distances, values)
    return known[-1][1] / known[0][1]


def _headline(distances: Sequence[Number], lines: Mapping[str, Sequence[float | None]]) -> str:
    left = {name: _left(distances, values) for name, values in lines.items()}
    order = sorted(left, key=left.__getitem__)
    ends = dict.fromkeys((order[0], order[-1]))
    told = ", ".join(f"{name} ×{_short(left[name])}" for name in ends)
    return f"Left after {max(distances) - min(distances):g} steps: {told}"


def _short(share: float) -> str:
    """A factor in three signs or so: 0.31, 12, 10⁻⁹."""
    if 0.001 <= share < 1000:
        return f"{share:.2g}"
    signs = str(math.floor(math.log10(share) + 0.5)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"10{signs}"


def _spoken(distances, lines, x_title: str, y_title: str) -> str:
    told = []
    for name, values in lines.items():
        known = _known(distances, values)
        gaps = len(values) - len(known)
        lost = f", {gaps} values are zero or not finite" if gaps else ""
        (first, begin), (last, end) = known[0], known[-1]
        told.append(f"{name} from {begin:.2g} at {first:g} to {end:.2g} at {last:g}{lost}")
    return f"Lines of {y_title}, logarithmic axis, over {x_title}: {'; '.join(told)}."
