"""How often one may draw without slowing down what one looks at."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PICTURE, LINE = "picture", "line"
SECONDS_APART = {PICTURE: 2.0, LINE: 0.5}  # of wall time: a page that changes faster cannot be read
HEAD_START = 0.02  # processor seconds that may be spent at once, so that the first picture comes early


class Pace:
    """An account of processor time that says when there is some to spare for drawing.

    Three things use the processor: training, what the reader asked for (validation, samples), and drawing.
    Drawing may use ``HEAD_START`` and ``share`` of what training uses, as far as it can be seen: sending a
    picture goes on in other threads, and other programs slow it down, so that the whole is up to three times
    as much. A picture costs what the
    one before did; the last, which is drawn in any case, is set aside from the start.

    ``clock`` counts processor seconds of this process, ``wall`` seconds of the day.

    Raises:
        ValueError: if ``share`` is not in (0, 1).
    """

    def __init__(
        self,
        share: float = 0.005,
        *,
        clock: Callable[[], float] = time.process_time,
        wall: Callable[[], float] = time.monotonic,
    ) -> None:
        if not 0 < share < 1:
            raise ValueError(f"share must be in (0, 1), got {share}; 0.01 is one percent")
        self.share, self.clock, self.wall = share, clock, wall
        self.drawing = self.asked = 0.0  # processor seconds
        self._cost = {PICTURE: 0.004, LINE: 0.002}  # seconds, a guess until the first is drawn
        self._drawn = {PICTURE: -float("inf"), LINE: -float("inf")}
        self._began = clock()

    def training(self, now: float | None = None) -> float:
        """Processor seconds used up to ``now`` for neither drawing nor what was asked for."""
        return (self.clock() if now is None else now) - self._began - self.drawing - self.asked

    def may_draw(self, kind: str) -> bool:
        """Whether a ``PICTURE`` or a ``LINE`` may be drawn now."""
        if self.wall() - self._drawn[kind] < SECONDS_APART[kind]:
            return False
        planned = self.drawing + self._cost[kind] + self._cost[PICTURE]
        return planned <= HEAD_START + self.share * self.training()

    @contextmanager
    def while_drawing(self, kind: str | None = None) -> Iterator[None]:
        """Count what happens inside as drawing; ``kind`` learns from it what it costs."""
        began = self.clock()
        try:
            yield
        finally:
            used = self.clock() - began
            self.drawing += used
            if kind is not None:
                self._cost[kind], self._drawn[kind] = used, self.wall()

    @contextmanager
    def while_asked(self) -> Iterator[None]:
        """Count what happens inside as asked for by the reader."""
        began = self.clock()
        try:
            yield
        finally:
            self.asked += self.clock() - began
