"""Exercises that check themselves: an answer goes in, a verdict and perhaps a hint come out.

How to write one, in ``checks/<notebook topic>.py``:

    from arlm_helpers.reading.checks.core import check

    @check
    def surprise_of_a_coin(answer):
        \"\"\"Exercise 1: the surprisal of one fair coin toss, in bits.\"\"\"
        if answer == 1:
            return None                                  # right
        if abs(answer - 0.693) < 0.01:
            return "0.693 is in nats; divide by log(2)"  # a hint for this symptom
        return "the surprisal is -log2(p); which p does a fair coin have?"

    @check
    def surprisal(answer):
        \"\"\"Exercise 2: a function from a probability to its surprisal in bits.\"\"\"
        if answer(0.5) < 0:
            return "a surprisal is never negative; is a minus sign missing?"
        if answer(0.25) != 2:
            return f"p = 0.25 should give 2 bits, yours gives {answer(0.25)}"

How a notebook uses it, as the last expression of a cell:

    from arlm_helpers.reading.checks import chain_rule as check

    my_surprise = ...                       # your answer
    check.surprise_of_a_coin(my_surprise)   # ○ not solved yet

and in the folded solution ``check.surprise_of_a_coin(1).must_pass()``, which raises if the check
does not accept it. ``tests/reading/answers/<notebook topic>.py`` records what the check says:

    ANSWERS = {
        "surprise_of_a_coin": {
            "right": [1, 1.0],
            "wrong": [(0.693, "nats"), (0.5, "which p"), (-1, "which p")],
        },
        "surprisal": {
            "right": [lambda p: -math.log2(p), lambda p: math.log2(1 / p)],
            "wrong": [(math.log2, "minus"), (lambda p: -math.log(p), "2 bits"), (lambda p: 1 / 0, "ZeroDiv")],
        },
    }

At least two right and three wrong answers each; ``tests/reading/test_checks.py`` demands and tries them.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from arlm_helpers.reading.checks.stubs import NotSolved, Traced, is_unsolved

REGISTRY: dict[str, Callable[[Any], Verdict]] = {}  # "module.check" -> the check


@dataclass(frozen=True)
class Verdict:
    """What a check says: ``passed`` is True, False, or None for an exercise not yet begun."""

    passed: bool | None
    message: str = ""

    def __repr__(self) -> str:
        if self.passed is None:
            return "○ not solved yet"
        if self.passed:
            return "✓ solved"
        return f"✗ not yet. Hint: {self.message}"

    def __bool__(self) -> bool:
        return self.passed is True

    def must_pass(self) -> Verdict:
        """This verdict; for the solutions in a notebook, which have to be right.

        Raises:
            AssertionError: if the answer was not accepted.
        """
        if not self:
            raise AssertionError(f"this solution is not accepted: {self!r}")
        return self


def check(judge: Callable[[Any], str | None]) -> Callable[[Any], Verdict]:
    """Turn ``judge(answer)``, which returns a hint or None for a right answer, into a check.

    A stub (``...``, None, a function whose body is ``...``, one that raises NotImplementedError) is
    "not solved yet" and never raises. An exception in the learner's function becomes a hint that
    names it and the input; so does an answer of a type that ``judge`` cannot handle.
    """

    @functools.wraps(judge)
    def judged(answer: Any) -> Verdict:
        if is_unsolved(answer):
            return Verdict(None)
        traced = Traced(answer) if inspect.isroutine(answer) else None
        try:
            hint = judge(traced or answer)
        except (NotSolved, NotImplementedError):
            return Verdict(None)
        except Exception as error:
            return Verdict(False, _cut(_explain(error, answer, traced), 600))
        return Verdict(hint is None, _cut(hint or "", 600))

    REGISTRY[f"{judge.__module__.rpartition('.')[2]}.{judge.__name__}"] = judged
    return judged


def _explain(error: Exception, answer: Any, traced: Traced | None) -> str:
    """A hint for the exception that ended a check: in the learner's function, or about their value."""
    if traced is None:
        return f"{_short(answer)} cannot be checked ({_named(error)}); what kind of value is asked for?"
    if traced.failed:
        return f"{traced.call} raises {_named(error)}"
    if traced.call:
        returned = _short(traced.returned)
        missing = "; is a `return` missing?" if traced.returned is None else f" ({_named(error)})"
        return f"{traced.call} returns {returned}, which cannot be used{missing}"
    return f"your function cannot be checked ({_named(error)})"


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _short(value: Any) -> str:
    try:
        return _cut(" ".join(repr(value).split()), 80)
    except Exception:  # such as an integer of more digits than Python writes
        return f"a value of type {type(value).__name__}"


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
