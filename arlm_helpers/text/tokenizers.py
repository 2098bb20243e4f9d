"""Text to ids and back: what every tokenizer shares, characters as tokens, bytes as tokens.

    text ─encode→ ids ─decode→ text          bytes ─encode_bytes→ ids ─decode_bytes→ bytes

A token stands for some bytes, and its id is its place in the vocabulary. Bytes that do not form a
character are shown one by one as ``⟨E4⟩``, so that half of a Chinese character can be seen.
"""

import codecs
import os
import re
from collections.abc import Iterable, Sequence
from operator import index


def show_invalid(error: UnicodeError) -> tuple[str, int]:
    """Write bytes that are no UTF-8 as ``⟨E4⟩``; the signature is the one ``codecs`` asks for.

    Raises:
        UnicodeError: the error itself, if it arose in encoding.
    """
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(f"⟨{byte:02X}⟩" for byte in error.object[error.start : error.end]), error.end


codecs.register_error("show-invalid", show_invalid)  # bytes.decode("utf-8", "show-invalid")


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


def checked_bytes(data: bytes) -> bytes:
    """``data`` unchanged.

    Raises:
        TypeError: if ``data`` is not ``bytes``.
    """
    if not isinstance(data, bytes):
        raise TypeError(f"data must be bytes, got {type(data).__name__}; encode takes a str")
    return data


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


class Tokenizer:
    """A vocabulary: each token stands for some bytes, and its id is its place in the list.

    Special tokens come after the ordinary ones. Their names in a text are ordinary text, unless
    ``encode`` is told otherwise: what a user types must not end a conversation. Decoding shows a special
    token by its name. ``tokens`` holds each token as a string to show; two may look alike.

    Two tokenizers are equal if they have one class and equal settings.
    """

    kind = ""  # the name of the class in a saved file

    def __init__(self, vocabulary: Sequence[bytes], specials: Sequence[str] = ()) -> None:
        self.specials = checked_specials(specials)
        self._vocabulary = (*vocabulary, *map(utf8, self.specials))
        self._special_ids = {name: len(vocabulary) + i for i, name in enumerate(self.specials)}
        self.tokens = tuple(entry.decode("utf-8", "show-invalid") for entry in self._vocabulary)

    @property
    def vocab_size(self) -> int:
        """Number of tokens, the special ones included."""
        return len(self._vocabulary)

    def encode(self, text: str, *, allow_special: bool = False) -> list[int]:
        """The ids of ``text``; with ``allow_special`` the name of a special token becomes its id.

        Raises:
            ValueError: if ``text`` holds a lone surrogate, or a character that has no token.
        """
        utf8(text)  # raises if the text cannot be written
        if not (allow_special and self.specials):
            return self._encode_ordinary(text)
        ids = []
        for part in split_at(self.specials, text):
            ids += [self._special_ids[part]] if part in self._special_ids else self._encode_ordinary(part)
        return ids

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """The bytes that ``ids`` stand for."""
        return b"".join([self._vocabulary[token_id] for token_id in checked_ids(ids, self.vocab_size)])

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ``ids``; bytes that do not form a character are shown as ``⟨E4⟩``."""
        return self.decode_bytes(ids).decode("utf-8", "show-invalid")

    def token_bytes(self, token_id: int) -> bytes:
        """The bytes that one token stands for."""
        return self.decode_bytes([token_id])

    def settings(self) -> dict[str, object]:
        """The arguments that build this tokenizer again, as they are saved."""
        return {"specials": list(self.specials)}

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the tokenizer to a JSON file, which ``load_tokenizer`` reads."""
        from arlm_helpers.text.tokenizer_files import save_tokenizer

        save_tokenizer(self, path)

    def _encode_ordinary(self, text: str) -> list[int]:
        raise NotImplementedError(f"{type(self).__name__} must say how it encodes")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.settings() == other.settings()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(vocab_size={self.vocab_size})"


class CharTokenizer(Tokenizer):
    """One token per character, in the order of ``characters``.

    Raises:
        ValueError: if there is no character, or one appears twice.
    """

    kind = "characters"

    def __init__(self, characters: str, *, specials: Sequence[str] = ()) -> None:
        if not characters or len(set(characters)) < len(characters):
            raise ValueError(f"characters must be distinct and at least one, got {characters[:40]!r}")
        super().__init__([utf8(character) for character in characters], specials)
        self.characters = characters
        self._id_of = {character: i for i, character in enumerate(characters)}

    @classmethod
    def from_text(cls, text: str, *, specials: Sequence[str] = ()) -> "CharTokenizer":
        """A token for every character of ``text``, sorted by code point."""
        utf8(text)  # raises if the text cannot be written
        if not text:
            raise ValueError("text is empty; give a text with at least one character")
        return cls("".join(sorted(set(text))), specials=specials)

    def settings(self) -> dict[str, object]:
        return {"characters": self.characters, "specials": list(self.specials)}

    def _encode_ordinary(self, text: str) -> list[int]:
        unknown = sorted(set(text) - self._id_of.keys())
        if unknown:
            listed = ", ".join(f"{character!r} (U+{ord(character):04X})" for character in unknown[:10])
            raise ValueError(
                f"{len(unknown)} characters have no token: {listed}{', …' * (len(unknown) > 10)}; remove "
                "them, build the tokenizer from a text that has them, or use ByteTokenizer"
            )
        return [self._id_of[character] for character in text]


class ByteTokenizer(Tokenizer):
    """One token per byte of UTF-8: 256 ids write every text there is, and every file."""

    kind = "bytes"

    def __init__(self, *, specials: Sequence[str] = ()) -> None:
        super().__init__([bytes([byte]) for byte in range(256)], specials)

    def encode_bytes(self, data: bytes) -> list[int]:
        """The ids of any bytes, valid UTF-8 or not."""
        return list(checked_bytes(data))

    def _encode_ordinary(self, text: str) -> list[int]:
        return list(utf8(text))
