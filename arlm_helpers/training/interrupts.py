"""Ctrl-C as a wish to stop after the step in progress."""

import signal
import threading
from types import FrameType, TracebackType


class Interrupts:
    """A context in which the first Ctrl-C only sets ``asked``; the second interrupts as usual.

    ``listen`` is called before each piece of work that must not be torn: a notebook takes Ctrl-C back for
    itself between cells. Where Ctrl-C is ignored, or outside the main thread, nothing changes.
    """

    def __init__(self) -> None:
        self.asked = False
        self.before = None

    def __enter__(self) -> "Interrupts":
        self.listen()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if in_main_thread() and signal.getsignal(signal.SIGINT) == self.handle:
            signal.signal(signal.SIGINT, self.before)

    def listen(self) -> None:
        """See to it that the next Ctrl-C comes here."""
        if in_main_thread():
            current = signal.getsignal(signal.SIGINT)
            if current not in (self.handle, signal.SIG_IGN, None):
                self.before = signal.signal(signal.SIGINT, self.handle)

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Take note of the first Ctrl-C; interrupt at the second."""
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True


def in_main_thread() -> bool:
    """Whether this thread is the one that receives Ctrl-C."""
    return threading.current_thread() is threading.main_thread()
