"""What a dashboard remembers of a run: a bounded number of means, however long the run."""

from collections.abc import Collection
from typing import Any, NamedTuple

N_SAMPLES = 6  # texts that are kept; the first and the newest are among them


class Point(NamedTuple):
    """The mean of some consecutive steps; ``step`` and ``cpu_seconds`` are those of the last of them."""

    step: int
    cpu_seconds: float
    loss: float  # nats per token
    learning_rate: float
    tokens_per_second: float
    gradient_norm: float


class History:
    """The curves of a run, thinned so that at most ``n_points`` points are held.

    While the run is short every step is a point. Whenever the points have become too many, neighbours are
    merged into their mean, and from then on twice as many steps make a point (``stride``). Held-out losses
    are thinned likewise, without their first, last and lowest; of the samples a few are kept.

    A step that was added before (a run that goes on from an earlier checkpoint) takes the place of all
    that came after it.

    Raises:
        ValueError: if ``n_points`` is not an even number of at least 2.
    """

    def __init__(self, *, n_points: int = 512) -> None:
        if n_points < 2 or n_points % 2:
            raise ValueError(f"n_points must be even and at least 2, got {n_points}; take 512")
        self.n_points, self.stride, self.last_step = n_points, 1, 0
        self.held_out: list[tuple[int, float]] = []  # (step, nats per token)
        self.samples: list[tuple[int, str]] = []  # (step, text)
        self._closed: list[Point] = []
        self._open: list[Point] = []  # the steps of the next point

    def add(self, step: Any, *, cpu_seconds: float = 0.0) -> None:
        """Remember a step: an object with ``step`` and the measures of :class:`Point`.

        ``cpu_seconds`` is the processor time that training has used so far.
        """
        if step.step <= self.last_step:
            self._forget_from(step.step)
        measured = (step.loss, step.learning_rate, step.tokens_per_second, step.gradient_norm)
        self._open.append(Point(step.step, cpu_seconds, *measured))
        self.last_step = step.step
        if len(self._open) >= self.stride:
            self._closed.append(_mean(self._open))
            self._open = []
        if len(self._closed) >= self.n_points:
            pairs = zip(self._closed[::2], self._closed[1::2], strict=True)
            self._closed, self.stride = [_mean(pair) for pair in pairs], 2 * self.stride

    def add_held_out(self, step: int, nats: float) -> None:
        """Remember the loss on held-out text after ``step`` steps, in nats per token."""
        self.held_out.append((step, float(nats)))
        if len(self.held_out) > self.n_points:
            kept = _every_second(self.held_out)
            self.held_out = sorted({*kept, self.best}) if self.best else kept

    def add_sample(self, step: int, text: str) -> None:
        """Remember a text that the model wrote after ``step`` steps."""
        self.samples.append((step, text))
        if len(self.samples) > N_SAMPLES:
            self.samples = _every_second(self.samples)

    @property
    def points(self) -> list[Point]:
        """All points, the unfinished one at the end included."""
        return [*self._closed, _mean(self._open)] if self._open else list(self._closed)

    @property
    def best(self) -> tuple[int, float] | None:
        """Step and value of the lowest held-out loss; None while there is none."""
        known = [pair for pair in self.held_out if pair[1] == pair[1]]  # a NaN is not equal to itself
        return min(known, key=lambda pair: pair[1], default=None)

    def column(self, name: str) -> list[float]:
        """One measure of all points, by the name it has in :class:`Point`: ``history.column("loss")``."""
        return [getattr(point, name) for point in self.points]

    def _forget_from(self, step: int) -> None:
        self._closed = [point for point in self._closed if point.step < step]
        self._open = [point for point in self._open if point.step < step]
        self.held_out = [pair for pair in self.held_out if pair[0] < step]
        self.samples = [pair for pair in self.samples if pair[0] < step]


def _mean(points: Collection[Point]) -> Point:
    """The mean of each measure; that of a NaN is a NaN, so that a gap stays visible."""
    *_, last = points
    if len(points) == 1:
        return last
    _, _, *measures = zip(*points, strict=True)
    return Point(last.step, last.cpu_seconds, *[sum(values) / len(points) for values in measures])


def _every_second(items: list) -> list:
    """Half of the items, the first and the last among them."""
    return [*items[:-1:2], items[-1]]
