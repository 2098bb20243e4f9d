"""A noisy curve made readable, and the part of it that is worth the height of a figure."""

import math
from collections.abc import Iterable, Sequence

import numpy as np

Number = float | int


def smoothed(values: Sequence[Number], *, width: float | None = None) -> list[float]:
    """The values averaged with their neighbours, weighted by a bell curve of ``width`` points.

    The weights look both ways, so that a falling curve is not shown later than it fell; at the ends they
    look at what there is. ``width`` defaults to a fiftieth of the curve. A value that is no finite
    number has no weight.
    """
    numbers = np.asarray(values, dtype=float)
    known = np.isfinite(numbers)
    width = max(0.5, len(numbers) / 50) if width is None else width
    reach = min(math.ceil(3 * width), max(len(numbers) - 1, 0) // 2)
    bell = np.exp(-0.5 * (np.arange(-reach, reach + 1) / width) ** 2)
    total = np.convolve(np.where(known, numbers, 0.0), bell, mode="same")
    weight = np.convolve(known.astype(float), bell, mode="same")
    return np.divide(total, weight, out=np.full(len(numbers), np.nan), where=weight > 0).tolist()


def visible_range(
    xs: Sequence[Number], ys: Sequence[Number | None], *, more: Iterable[Number] = ()
) -> tuple[float, float]:
    """A range for losses: of the line without the first twentieth of the run, and of all in ``more``.

    A loss falls off a cliff in the first steps; drawn whole, the cliff would flatten all that follows.
    """
    begin = xs[0] + 0.05 * (xs[-1] - xs[0])
    shown = [y for x, y in zip(xs, ys, strict=True) if y is not None and x >= begin]
    values = [*shown, *more] or [0.0]
    height = max(values) - min(values) or 1.0
    return min(values) - 0.1 * height, max(values) + 0.05 * height
