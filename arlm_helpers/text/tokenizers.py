"""Text to ids and back: what every tokenizer shares, characters as tokens, bytes as tokens.

    text ─encode→ ids ─decode→ text          bytes ─encode_bytes→ ids ─decode_bytes→ bytes

A token stands for some bytes, and its id is its place in the vocabulary. Bytes that do not form a
character are shown one by one as ``⟨E4⟩``, so that half of a Chinese character can be seen.
"""

import codecs
from collections.abc import Iterable, Sequence

from arlm_helpers.text.checking import (
    checked_bytes,
    checked_characters,
    checked_ids,
    checked_known,
    checked_specials,
    checked_text,
    split_at,
    utf8,
)
from arlm_helpers.text.saving import Saved


def show_invalid(error: UnicodeError) -> tuple[str, int]:
    """Write bytes that are no UTF-8 as ``⟨E4⟩``; the signature is the one ``codecs`` asks for.

    Raises:
        UnicodeError: the error itself, if it arose in encoding.
    """
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(f"⟨{byte:02X}⟩" for byte in error.object[error.start : error.end]), error.end


codecs.register_error("show-invalid", show_invalid)  # bytes.decode("utf-8", "show-invalid")


class Tokenizer(Saved):
    """A vocabulary: each token stands for some bytes, and its id is its place in the list.

    Special tokens come after the ordinary ones. Their names in a text are ordinary text, unless
    ``encode`` is told otherwise: what a user types must not end a conversation. Decoding shows a special
    token by its name. ``tokens`` holds each token as a string to show; two may look alike.

    A subclass says in ``encode_ordinary`` how it cuts a text without special tokens.
    """

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
            return self.encode_ordinary(text)
        ids = []
        for part in split_at(self.specials, text):
            ids += [self._special_ids[part]] if part in self._special_ids else self.encode_ordinary(part)
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


class CharTokenizer(Tokenizer):
    """One token per character, in the order of ``characters``.

    Raises:
        ValueError: if there is no character, or one appears twice.
    """

    kind, saved = "characters", ("characters", "specials")

    def __init__(self, characters: str, *, specials: Sequence[str] = ()) -> None:
        self.characters = checked_characters(characters)
        super().__init__([utf8(character) for character in characters], specials)
        self._id_of = {character: i for i, character in enumerate(characters)}

    @classmethod
    def from_text(cls, text: str, *, specials: Sequence[str] = ()) -> "CharTokenizer":
        """A token for every character of ``text``, sorted by code point."""
        return cls("".join(sorted(set(checked_text(text)))), specials=specials)

    def encode_ordinary(self, text: str) -> list[int]:
        return [self._id_of[character] for character in checked_known(text, self._id_of)]


class ByteTokenizer(Tokenizer):
    """One token per byte of UTF-8: 256 ids write every text there is, and every file."""

    kind = "bytes"

    def __init__(self, *, specials: Sequence[str] = ()) -> None:
        super().__init__([bytes([byte]) for byte in range(256)], specials)

    def encode_bytes(self, data: bytes) -> list[int]:
        """The ids of any bytes, valid UTF-8 or not."""
        return list(checked_bytes(data))

    def encode_ordinary(self, text: str) -> list[int]:
        return list(utf8(text))
