"""Tell an exercise that was not begun from one that was solved wrongly."""

from __future__ import annotations

import dis
import inspect
from collections.abc import Callable
from typing import Any

IDLE = {"RESUME", "NOP", "COPY_FREE_VARS", "LOAD_CONST", "RETURN_VALUE", "RETURN_CONST"}


class NotSolved(Exception):  # noqa: N818  (it reports a state of the exercise, not an error)
    """A part of the answer is still a stub."""


def is_stub(function: Any) -> bool:
    """Whether a function written in Python does nothing: its body is ``...``, ``pass`` or ``return None``."""
    code = getattr(function, "__code__", None)
    steps = [] if code is None else list(dis.get_instructions(code))
    if not IDLE.issuperset(step.opname for step in steps):
        return False
    values = [step.argval for step in steps if step.opname in ("LOAD_CONST", "RETURN_CONST")]
    return values[-1:] in ([None], [Ellipsis])


def is_unsolved(answer: Any) -> bool:
    """Whether an answer is, or contains, what an exercise cell holds before the reader writes anything."""
    if answer is None or answer is ...:
        return True
    if isinstance(answer, (list, tuple, set)):
        return any(item is ... for item in answer)
    if isinstance(answer, dict):
        return any(item is ... for item in answer.values())
    if inspect.isclass(answer):
        return any(is_stub(member) for member in vars(answer).values() if inspect.isfunction(member))
    return is_stub(answer)


class Traced:
    """A learner's function that remembers its latest call, so that a hint can name the input."""

    def __init__(self, function: Callable) -> None:
        self.function = function
        self.call = ""
        self.failed = False
        self.returned: Any = None

    def __call__(self, *args: Any, **options: Any) -> Any:
        self.call = self._describe(args, options)
        self.failed = True
        self.returned = self.function(*args, **options)
        self.failed = False
        if self.returned is ...:
            raise NotSolved
        return self.returned

    def _describe(self, args: tuple, options: dict) -> str:
        shown = [" ".join(repr(value).split()) for value in args]
        shown += [f"{name}={' '.join(repr(value).split())}" for name, value in options.items()]
        text = ", ".join(shown)
        name = getattr(self.function, "__name__", "your function").replace("<lambda>", "your function")
        return f"{name}({text if len(text) <= 120 else text[:119] + '…'})"
