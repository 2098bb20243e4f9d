"""Names at the ends of lines that do not all end at the same place, and dotted references."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from arlm_helpers.reading.style import INK, LINE_LABELS, REFERENCE

Number = float | int
_LABEL = {"showarrow": False, "xanchor": "left", "xshift": 8, "bgcolor": "rgba(255,255,255,0.75)"}


@dataclass(frozen=True)
class Ending:
    """Where a line ends, in the units of the axes (exponents of ten on a logarithmic axis)."""

    name: str
    x: Number
    y: Number
    colour: str = INK


def end_labels(
    endings: Sequence[Ending], *, x_range: Sequence[Number], y_range: Sequence[Number]
) -> list[dict]:
    """Annotations that write each name beside the end of its line, moved apart where two would overlap.

    The ranges are those of the axes, in their units.
    """
    gap, labels = 0.08 * (y_range[1] - y_range[0]), []
    for crowd in _crowds(endings, 0.2 * (x_range[1] - x_range[0])):
        heights = moved_apart([e.y for e in crowd], gap=gap, low=y_range[0], high=y_range[1])
        for ending, height in zip(crowd, heights, strict=True):
            look = {"text": ending.name, "font": {"color": ending.colour}, **_LABEL}
            labels.append({"x": ending.x, "y": height, **look})
    return labels


def moved_apart(values: Sequence[Number], *, gap: Number, low: Number, high: Number) -> list[Number]:
    """The values, raised or lowered as little as needed to be ``gap`` apart and inside the axis."""
    order = sorted(range(len(values)), key=lambda i: values[i])
    placed = [min(max(values[i], low), high) for i in order]
    for i in range(1, len(placed)):
        placed[i] = max(placed[i], placed[i - 1] + gap)
    overflow = max(0.0, placed[-1] - high)
    for i in range(len(placed) - 1, -1, -1):
        limit = high if i == len(placed) - 1 else placed[i + 1] - gap
        placed[i] = min(placed[i], limit) if overflow else placed[i]
    result = [0.0] * len(values)
    for i, height in zip(order, placed, strict=True):
        result[i] = height
    return result


def _crowds(endings: Sequence[Ending], distance: Number) -> list[list[Ending]]:
    """Endings from left to right, those less than ``distance`` apart together."""
    crowds: list[list[Ending]] = []
    for ending in sorted(endings, key=lambda ending: ending.x):
        if crowds and ending.x - crowds[-1][-1].x < distance:
            crowds[-1].append(ending)
        else:
            crowds.append([ending])
    return crowds


def dotted_lines(heights: Iterable[Number]) -> list[dict]:
    """Shapes: a dotted line over the whole width of the first axis at each height."""
    whole = {"type": "line", "xref": "x domain", "x0": 0, "x1": 1, "line": REFERENCE}
    return [{**whole, "y0": height, "y1": height} for height in heights]


def reference_endings(references: Mapping[str, Number], right: Number) -> list[Ending]:
    """The names of references, at the right end of the axis."""
    return [Ending(name, right, height) for name, height in references.items()]


def line_label(i: int) -> str:
    """The colour in which the name of the ``i``-th line is written."""
    return LINE_LABELS[i % len(LINE_LABELS)]


def finite(values: Sequence[Number | None]) -> list[Number | None]:
    """The values with None, a gap in the line, for those that are no finite number."""
    return [value if value is not None and math.isfinite(value) else None for value in values]


def last_known(xs: Sequence[Number], ys: Sequence[Number | None]) -> tuple[Number, Number]:
    """The last point of a line that is not a gap."""
    return next((x, y) for x, y in zip(reversed(xs), reversed(ys), strict=True) if y is not None)


def room_for(names: Sequence[str]) -> int:
    """Pixels to the right of a figure that its longest name takes."""
    return 30 + 8 * max(map(len, names), default=0)
