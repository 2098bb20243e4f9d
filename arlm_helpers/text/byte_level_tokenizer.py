"""Byte-level BPE with a published vocabulary: the tokenizer of GPT-2, SmolLM2 and many other models.

Our own ``BPETokenizer`` numbers its tokens itself. Here the numbers are given, words are cut by GPT-2's rule,
and the merging is left to the ``tokenizers`` library, which does it in compiled code.

Source:
    Radford et al. (2019), section 2.2; the cut before and after every digit: Allal et al. (2025), SmolLM2.
"""

from collections.abc import Sequence

from tokenizers import Tokenizer as LibraryTokenizer
from tokenizers import models, pre_tokenizers

from arlm_helpers.text.checking import checked_specials, utf8
from arlm_helpers.text.tokenizers import Tokenizer


def byte_symbols() -> dict[str, int]:
    """GPT-2's letter for each byte, so that a vocabulary can be written as text.

    A byte that is a visible character of Latin-1 stands for itself; the other 68, in order, are the letters
    from U+0100 on: a space is ``Ġ``, a line feed ``Ċ``.
    """
    visible = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in set(visible)]
    return {chr(byte): byte for byte in visible} | {chr(256 + i): byte for i, byte in enumerate(hidden)}


SYMBOLS = byte_symbols()


def symbol_bytes(symbol: str) -> bytes:
    """The bytes that a vocabulary's entry stands for.

    Raises:
        ValueError: if it holds a letter that stands for no byte.
    """
    try:
        return bytes([SYMBOLS[letter] for letter in symbol])
    except KeyError as error:
        raise ValueError(
            f"the token {symbol!r} holds {error.args[0]!r}, which stands for no byte; if it is a special "
            "token, name it in specials"
        ) from None


class ByteLevelTokenizer(Tokenizer):
    """A tokenizer with the given tokens and merges; ids are places in ``symbols``, special tokens included.

    With ``single_digits`` every digit is cut off alone. A vocabulary may lack tokens for some bytes: the
    library leaves them out in silence, ``encode`` names them.

    Raises:
        ValueError: if tokens repeat, a special token is not among them, or a merge is none of two tokens.
    """

    kind, saved = "byte-level", ("symbols", "merges", "specials", "single_digits")

    def __init__(
        self,
        symbols: Sequence[str],
        merges: Sequence[str],
        *,
        specials: Sequence[str] = (),
        single_digits: bool = False,
    ) -> None:
        self.symbols, self.merges = tuple(symbols), tuple(merges)
        self.specials, self.single_digits = checked_specials(specials), single_digits
        ids = {symbol: i for i, symbol in enumerate(self.symbols)}
        if len(ids) < len(self.symbols):
            raise ValueError(f"the tokens must be distinct, got {len(self.symbols) - len(ids)} repeated")
        if missing := [name for name in self.specials if name not in ids]:
            raise ValueError(f"the special tokens {missing} are not in the vocabulary")
        self._special_ids = {name: ids[name] for name in self.specials}
        self._vocabulary = tuple(
            utf8(symbol) if symbol in self._special_ids else symbol_bytes(symbol) for symbol in self.symbols
        )
        self.tokens = tuple(entry.decode("utf-8", "show-invalid") for entry in self._vocabulary)
        self._without_token = bytes(byte for symbol, byte in SYMBOLS.items() if symbol not in ids)
        self._library = LibraryTokenizer(models.BPE(ids, checked_symbol_merges(self.merges, ids)))
        cuts = [pre_tokenizers.Digits(individual_digits=True)] if single_digits else []
        cuts.append(pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True))
        self._library.pre_tokenizer = pre_tokenizers.Sequence(cuts)

    def encode_ordinary(self, text: str) -> list[int]:
        data = utf8(text)
        if len(data.translate(None, self._without_token)) < len(data):
            lost = sorted({c for c in text if not set(utf8(c)).isdisjoint(self._without_token)})
            listed = ", ".join(f"{c!r} (U+{ord(c):04X})" for c in lost[:10])
            raise ValueError(f"{len(lost)} characters have no token: {listed}; remove them from the text")
        return self._library.encode(text, add_special_tokens=False).ids


def checked_symbol_merges(merges: Sequence[str], known: dict[str, int]) -> list[tuple[str, str]]:
    """The merges, ``"Ġ t"`` and so on, as pairs.

    Raises:
        ValueError: if one is not two tokens with a space between, whose joint is a token as well.
    """
    pairs = []
    for merge in merges:
        first, space, last = merge.partition(" ")
        if not space or not {first, last, first + last} <= known.keys():
            raise ValueError(f"the merge {merge!r} is not one of two tokens to a third")
        pairs.append((first, last))
    return pairs
