"""Why a token was cut and what would save it, in sentences with numbers."""

import math
from collections.abc import Iterable
from typing import Any

from arlm_helpers.reading.figures.probabilities import percent
from arlm_helpers.reading.widgets.strings import text as words

DIGITS = 3


def why_lines(why: Any, token: str) -> list[str]:
    """The fate of a token: a headline, a sentence for each stage, and what would turn it.

    ``why`` has ``kept``, ``rank``, ``base``, ``final``, ``verdicts`` (``control``, ``outcome``,
    ``numbers``), ``alone`` and ``needs`` (``control``, ``keeps``, ``cuts``); ``token`` is its name.
    """
    shares = {"base": percent(why.base), "final": percent(why.final)}
    if why.rank is None:
        head = words("why_ruled_out", token=token)
    else:
        head = words("why_kept" if why.kept else "why_cut", token=token, rank=why.rank, **shares)
    return [head, *(sentence(verdict) for verdict in why.verdicts), *ways_out(why)]


def sentence(verdict: Any) -> str:
    """What one stage did, with its numbers."""
    numbers, key = dict(verdict.numbers), f"{verdict.control}_{verdict.outcome}"
    if verdict.control == "temperature":
        numbers |= {name: percent(numbers[name]) for name in ("before", "after")}
        if verdict.outcome == "moved" and numbers["t"] == 0:
            key = "temperature_greedy"
    if verdict.control == "top_p":
        key = "top_p_first" if numbers["n"] == 0 else key
        numbers["held"], numbers["p"] = told_apart(numbers["held"], numbers["p"])
    if verdict.control == "min_p":
        numbers["prob"], numbers["bar"] = told_apart(numbers["prob"], numbers["bar"])
    said = words(key, **{name: few_digits(value) for name, value in numbers.items()})
    return f"{said} {words('top_k_tied', k=numbers['k'])}" if numbers.get("tied") else said


def ways_out(why: Any) -> list[str]:
    """What would save the token, or lose it."""
    if why.rank is None:
        return []
    if why.needs:
        return [words("needs_all", lines=joined(why.needs))]
    if why.kept:
        return [words("stays_while", lines=joined(why.alone)) if why.alone else words("always_stays")]
    said = [words("saved_by", lines=joined(why.alone))]
    return (
        said
        if any(line.control == "temperature" for line in why.alone)
        else [*said, words("not_by_temperature")]
    )


def joined(lines: Iterable[Any]) -> str:
    """The settings beyond which the token survives, separated by semicolons."""
    return "; ".join(map(setting, lines))


def setting(line: Any) -> str:
    """A setting that keeps the token, as in "top_p ≥ 0.7501": rounded so that typing it in works."""
    if line.control == "temperature" and line.cuts == 0:
        return words("above_zero")
    upwards = line.keeps > line.cuts
    value = few_digits(rounded_safely(line.keeps, upwards=upwards))
    return words("at_least" if upwards else "at_most", control=line.control, value=value)


def rounded_safely(value: float, *, upwards: bool, digits: int = 4) -> float:
    """``value`` with ``digits`` significant digits, never on the other side of it; whole numbers stay."""
    if isinstance(value, int) or value == 0:
        return value
    places = digits - 1 - math.floor(math.log10(abs(value)))
    near = round(value, places)
    step = 10.0**-places
    if upwards and near < value:
        near = round(near + step, places)
    if not upwards and near > value:
        near = round(near - step, places)
    return min(near, 1.0) if upwards and value <= 1 else near


def few_digits(value: Any) -> str:
    """A number with few digits; text as it is."""
    if isinstance(value, str):
        return value
    return f"{value:,}" if isinstance(value, int) else f"{value:.{DIGITS + 1}g}"


def told_apart(one: float, other: float) -> tuple[str, str]:
    """Two numbers with as many digits as it takes to see which is larger; at least three, at most fifteen."""
    for digits in range(DIGITS, 16):
        pair = f"{one:.{digits}g}", f"{other:.{digits}g}"
        if pair[0] != pair[1] or one == other:
            break
    return pair
