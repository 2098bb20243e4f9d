"""Patterns of text as expressions over bytes, and what is left of a pattern after one byte of the text.

Four kinds build all regular expressions: one byte, one after another, one or the other, again and again.
What a pattern still asks for after a byte is a pattern again, its derivative. So a text is checked byte by
byte, and a token may end anywhere, also inside a Chinese character.

Source:
    Brzozowski (1964), "Derivatives of regular expressions"; Owens, Reppy and Turon (2009), section 3.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import groupby

from arlm_helpers.text.checking import utf8


@dataclass(frozen=True)
class ByteIn:
    """One byte from ``low`` to ``high``, both included."""

    low: int
    high: int


@dataclass(frozen=True)
class Chain:
    """The parts one after another; without parts the empty text. Build it with ``in_sequence``."""

    parts: "tuple[Pattern, ...]"


@dataclass(frozen=True)
class Either:
    """Any of the options; without options no text at all. Build it with ``either``."""

    options: "frozenset[Pattern]"


@dataclass(frozen=True)
class Repeat:
    """``part`` ``least`` to ``most`` times, where ``None`` is any number. Build it with ``repeat``."""

    part: "Pattern"
    least: int
    most: int | None


Pattern = ByteIn | Chain | Either | Repeat
EMPTY, NOTHING = Chain(()), Either(frozenset())


def in_sequence(*parts: Pattern) -> Pattern:
    """The parts one after another, without detours: equal patterns should look equal."""
    flat = []
    for part in parts:
        flat += part.parts if isinstance(part, Chain) else [part]
    if NOTHING in flat:
        return NOTHING
    return flat[0] if len(flat) == 1 else Chain(tuple(flat))


def either(options: Iterable[Pattern]) -> Pattern:
    """Any of the options; what stands twice, or inside another choice, is written once."""
    flat = set()
    for option in options:
        flat |= option.options if isinstance(option, Either) else {option}
    return flat.pop() if len(flat) == 1 else Either(frozenset(flat))


def repeat(part: Pattern, least: int = 0, most: int | None = None) -> Pattern:
    """``part`` again and again.

    Raises:
        ValueError: if ``least`` is negative, or above ``most``.
    """
    if least < 0 or (most is not None and most < least):
        raise ValueError(f"a pattern is repeated at least 0 and at most {most} times, got {least}")
    if most == 0 or part == EMPTY or (part == NOTHING and least == 0):
        return EMPTY
    return part if (least, most) == (1, 1) or part == NOTHING else Repeat(part, least, most)


def literal(text: str | bytes) -> Pattern:
    """This text and no other."""
    data = text if isinstance(text, bytes) else utf8(text)
    return in_sequence(*(ByteIn(byte, byte) for byte in data))


def one_of(texts: Iterable[str | bytes]) -> Pattern:
    """Any of a list of words or phrases, as a tree that shares beginnings: thousands of words are no trouble.

    Raises:
        ValueError: if there are none.
    """
    words = sorted({text if isinstance(text, bytes) else utf8(text) for text in texts})
    if not words:
        raise ValueError("there is nothing to choose from; give at least one text")
    options = []
    for _, group in groupby(words, key=lambda word: word[:1]):
        same = list(group)
        first, last = same[0], same[-1]  # sorted: what these two share, all share
        n = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
        rest = one_of([word[n:] for word in same]) if len(same) > 1 else EMPTY
        options.append(in_sequence(literal(first[:n]), rest))
    return either(options)


def utf8_ranges(low: int, high: int) -> Iterator[list[ByteIn]]:
    """The characters from code point ``low`` to ``high`` as rows of byte ranges, surrogates left out.

    A row is right if its ranges may be chosen independently: the code points are cut where a length of
    UTF-8 ends, and where a last byte starts over.
    """
    for end in (0x7F, 0x7FF, 0xD7FF, 0xDFFF, 0xFFFF):
        if low <= end < high:
            yield from utf8_ranges(low, end)
            yield from utf8_ranges(end + 1, high)
            return
    if 0xD800 <= low <= 0xDFFF:
        return
    for bits in (6, 12, 18):  # of the last one, two, three bytes
        block = (1 << bits) - 1
        if high >= 0x80 and low | block < high | block:  # they differ before these bytes
            cut = low | block if low & block else (high & ~block) - 1
            if low & block or high & block != block:
                yield from utf8_ranges(low, cut)
                yield from utf8_ranges(cut + 1, high)
                return
    yield [ByteIn(a, b) for a, b in zip(chr(low).encode(), chr(high).encode(), strict=True)]


def characters(ranges: Sequence[tuple[int, int]]) -> Pattern:
    """One character out of ranges of code points, both ends included."""
    return either(in_sequence(*row) for low, high in ranges for row in utf8_ranges(low, high))


def accepts_empty(pattern: Pattern) -> bool:
    """May the text end here?"""
    match pattern:
        case Chain(parts):
            return all(map(accepts_empty, parts))
        case Either(options):
            return any(map(accepts_empty, options))
        case Repeat(part, least, _):
            return least == 0 or accepts_empty(part)
    return False


def after(pattern: Pattern, byte: int) -> Pattern:
    """What the pattern asks for when ``byte`` has been read; ``NOTHING`` if it may not come."""
    match pattern:
        case ByteIn(low, high):
            return EMPTY if low <= byte <= high else NOTHING
        case Either(options):
            return either(after(option, byte) for option in options)
        case Repeat(part, least, most):
            rest = repeat(part, max(least - 1, 0), None if most is None else most - 1)
            return in_sequence(after(part, byte), rest)
        case Chain(parts):
            n_skipped = next((i for i, part in enumerate(parts) if not accepts_empty(part)), len(parts))
            starts = enumerate(parts[: n_skipped + 1])  # what stands before may be empty
            return either(in_sequence(after(part, byte), *parts[i + 1 :]) for i, part in starts)
    raise TypeError(f"not a pattern: {pattern!r}")


def first_edges(pattern: Pattern) -> set[int]:
    """Bytes at which ``after`` may change: between two of them, all bytes lead to the same rest."""
    match pattern:
        case ByteIn(low, high):
            return {low, high + 1}
        case Either(options):
            return reduce(set.union, map(first_edges, options), set())
        case Repeat(part, _, _):
            return first_edges(part)
        case Chain(parts):
            edges = set()
            for part in parts:
                edges |= first_edges(part)
                if not accepts_empty(part):
                    break
            return edges
    raise TypeError(f"not a pattern: {pattern!r}")
