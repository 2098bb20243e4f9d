"""Letters and phonemes as tokens: what a model that pronounces words reads, and what it writes."""

from collections.abc import Iterable, Sequence

from arlm_helpers.text.pairs import SPECIALS
from arlm_helpers.text.tokenizers import CharTokenizer, Tokenizer

LETTERS = "'abcdefghijklmnopqrstuvwxyz"
PHONEMES = tuple(
    "AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH UH UW V W Y Z ZH"
    .split()
)  # fmt: skip


def letter_tokenizer() -> CharTokenizer:
    """A token for every letter of a word, and PAD, START, END."""
    return CharTokenizer(LETTERS, specials=SPECIALS)


class PhonemeTokenizer(Tokenizer):
    """One token per phoneme; in a text they stand with blanks between them.

    ``decode`` puts the blanks back, beside special tokens too.
    """

    kind = "phonemes"

    def __init__(self, *, specials: Sequence[str] = SPECIALS) -> None:
        super().__init__([phoneme.encode() for phoneme in PHONEMES], specials)
        self._id_of = {phoneme: i for i, phoneme in enumerate(PHONEMES)}

    def encode_ordinary(self, text: str) -> list[int]:
        unknown = sorted(set(text.split()) - set(PHONEMES))
        if unknown:
            raise ValueError(f"not phonemes: {unknown[:10]}; the phonemes are {' '.join(PHONEMES)}")
        return [self._id_of[phoneme] for phoneme in text.split()]

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """The phonemes that ``ids`` stand for, with blanks between them."""
        return b" ".join([super(PhonemeTokenizer, self).decode_bytes([token_id]) for token_id in ids])
