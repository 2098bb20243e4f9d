"""Pairs of texts, a source and what it is to become, as rows of ids of equal length."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from arlm_helpers.text.tokenizers import Tokenizer

PAD, START, END = SPECIALS = ("<pad>", "<start>", "<end>")


@dataclass(frozen=True)
class TextPair:
    """A text and what it is to become."""

    source: str
    target: str


@dataclass(frozen=True)
class PairIds:
    """Pairs as ids, one in each row, padded at the end.

    ``ids`` are what a decoder reads, from START on; the target of each is the id that comes after it, and
    the last one is END: the true target is read whatever the model would have said (teacher forcing).
    """

    source: Int[Tensor, "batch source"]
    ids: Int[Tensor, "batch time"]
    targets: Int[Tensor, "batch time"]


def special_id(tokenizer: Tokenizer, name: str) -> int:
    """The id of a special token.

    Raises:
        ValueError: if the tokenizer does not have it.
    """
    if name not in tokenizer.specials:
        raise ValueError(
            f"the tokenizer has no {name}, only {list(tokenizer.specials)}; build it with specials, such as "
            f"{SPECIALS}"
        )
    return tokenizer.encode(name, allow_special=True)[0]


def pad_rows(rows: Sequence[Sequence[int]], pad_id: int) -> Int[Tensor, "batch time"]:
    """Rows of ids as one tensor, the shorter ones filled up at the end.

    Raises:
        ValueError: if there is no row.
    """
    if not rows:
        raise ValueError("there are no rows to pad; give at least one")
    longest = max(map(len, rows))
    return torch.tensor([[*row, *[pad_id] * (longest - len(row))] for row in rows], dtype=torch.int64)


def encode_sources(texts: Sequence[str], tokenizer: Tokenizer) -> Int[Tensor, "batch source"]:
    """What an encoder reads.

    Raises:
        ValueError: if a text holds a character that has no token, or no PAD token is there.
    """
    return pad_rows([tokenizer.encode(text) for text in texts], special_id(tokenizer, PAD))


def encode_pairs(
    pairs: Sequence[TextPair], tokenizer: Tokenizer, target_tokenizer: Tokenizer | None = None
) -> PairIds:
    """Sources for the encoder; targets, from START to END, for the decoder.

    Without a ``target_tokenizer`` both sides share one vocabulary.

    Raises:
        ValueError: if a text holds a character that has no token, or a special token is missing.
    """
    targets = target_tokenizer or tokenizer
    pad, start, end = (special_id(targets, name) for name in SPECIALS)
    rows = pad_rows([[start, *targets.encode(pair.target), end] for pair in pairs], pad)
    ids = rows[:, :-1].masked_fill(rows[:, :-1] == end, pad)  # nothing is read after END
    return PairIds(encode_sources([pair.source for pair in pairs], tokenizer), ids, rows[:, 1:])


def decode_target(ids: Sequence[int], tokenizer: Tokenizer) -> str:
    """The text before END, or all of it where no END was written."""
    end = special_id(tokenizer, END)
    ids = list(ids)
    return tokenizer.decode(ids[: ids.index(end)] if end in ids else ids)
