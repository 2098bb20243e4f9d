"""Is this what a tokenizer needs? Each function returns the value, or an error names the way out."""

import re
import sys
from collections import Counter
from collections.abc import Container, Iterable, Sequence
from operator import index


def utf8(text: str) -> bytes:
    """The bytes of ``text``; the same as ``text.encode()``, with errors that name the way out.

    Raises:
        TypeError: if ``text`` is not a string.
        ValueError: if ``text`` holds a lone surrogate (U+D800 to U+DFFF), which UTF-8 cannot write.
    """
    if not isinstance(text, str):
        raise TypeError(f"text must be a str, got {type(text).__name__}; encode_bytes takes bytes")
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        at, point = error.start, ord(text[error.start])
        raise ValueError(
            f"text holds the lone surrogate U+{point:04X} at position {at}, one half of a character; "
            "remove it, or read the text again as UTF-8"
        ) from None


def checked_text(text: str) -> str:
    """``text`` unchanged, for learning from it.

    Raises:
        TypeError, ValueError: if it cannot be written in UTF-8 (see ``utf8``), or is empty.
    """
    if not utf8(text):
        raise ValueError("text is empty; give a text to learn from")
    return text


def checked_bytes(data: bytes) -> bytes:
    """``data`` unchanged.

    Raises:
        TypeError: if ``data`` is not ``bytes``.
    """
    if not isinstance(data, bytes):
        raise TypeError(f"data must be bytes, got {type(data).__name__}; encode takes a str")
    return data


def checked_characters(characters: str) -> str:
    """``characters`` unchanged, the alphabet of a tokenizer.

    Raises:
        TypeError, ValueError: if there is none, one appears twice, or one cannot be written in UTF-8.
    """
    if not utf8(characters) or len(set(characters)) < len(characters):
        raise ValueError(f"characters must be distinct and at least one, got {characters[:40]!r}")
    return characters


def checked_known(text: str, known: Container[str]) -> str:
    """``text`` unchanged.

    Raises:
        ValueError: if a character of ``text`` is not ``known``; at most ten are listed.
    """
    unknown = sorted(character for character in set(text) if character not in known)
    if unknown:
        listed = ", ".join(f"{character!r} (U+{ord(character):04X})" for character in unknown[:10])
        raise ValueError(
            f"{len(unknown)} characters have no token: {listed}{', …' * (len(unknown) > 10)}; remove "
            "them, build the tokenizer from a text that has them, or use ByteTokenizer"
        )
    return text


def checked_specials(specials: Sequence[str]) -> tuple[str, ...]:
    """The names of special tokens as a tuple.

    Raises:
        TypeError: if ``specials`` is one string instead of a sequence of them.
        ValueError: if a name is empty, appears twice or cannot be written in UTF-8.
    """
    if isinstance(specials, str):
        raise TypeError(f"specials must be a sequence of names, got a str; write ({specials!r},)")
    if "" in specials or len(set(specials)) < len(specials):
        raise ValueError(f"specials must be distinct names, none of them empty, got {list(specials)}")
    return tuple(name for name in specials if utf8(name))


def split_at(names: Sequence[str], text: str) -> list[str]:
    """Cut ``text`` before and after each of ``names``; of names that start together the longest wins."""
    longest_first = sorted(map(re.escape, names), key=len, reverse=True)
    return re.split(f"({'|'.join(longest_first)})", text)


def checked_ids(ids: Iterable[int], vocab_size: int) -> list[int]:
    """``ids`` as a list of integers.

    Raises:
        TypeError: if an id is not an integer.
        ValueError: if an id is not in the vocabulary.
    """
    checked = [index(token_id) for token_id in ids]
    wrong = [token_id for token_id in checked if not 0 <= token_id < vocab_size]
    if wrong:
        raise ValueError(
            f"ids must be in 0..{vocab_size - 1}, got {wrong[:10]}; use the tokenizer they come from"
        )
    return checked


def checked_n_merges(vocab_size: int, specials: Sequence[str] = ()) -> int:
    """How many merges fit into a vocabulary beside the 256 bytes and the special tokens.

    Raises:
        ValueError: if the vocabulary has no room for bytes and special tokens, or more than 1,114,112 ids.
    """
    least, most = 256 + len(specials), sys.maxunicode + 1
    if not least <= index(vocab_size) <= most:
        room = f" (256 bytes, {len(specials)} special tokens)" if specials else ""
        raise ValueError(f"vocab_size must be in {least}..{most}{room}, got {vocab_size}")
    return vocab_size - least


def checked_merges(merges: Sequence[Sequence[int]]) -> tuple[tuple[int, int], ...]:
    """``merges`` as a tuple of pairs.

    Raises:
        ValueError: if a merge is not a pair of ids that exist before it, or appears twice.
    """
    for place, merge in enumerate(merges):
        if len(merge) != 2 or not all(0 <= index(part) < 256 + place for part in merge):
            raise ValueError(f"merge {place} must be two ids in 0..{255 + place}, got {merge}")
    pairs = tuple((index(first), index(last)) for first, last in merges)
    if len(set(pairs)) < len(pairs):
        twice = Counter(pairs).most_common(1)[0][0]
        raise ValueError(f"merges must be distinct, got {twice} more than once")
    return pairs
