"""Learn answers, not questions: which tokens of a dialogue count in the loss, and windows that say so."""

import re

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from arlm_helpers.text.tokenizers import Tokenizer
from arlm_helpers.training.batches import ShuffledWindows
from arlm_helpers.training.masking import MaskedBatch

SPEAKER = re.compile(r"(?:\A|(?<=\n\n))[^\n]+:\n")  # a line of its own, after an empty one, such as "HAMLET:"


def counted_tokens(
    tokenizer: Tokenizer, text: str, given: re.Pattern[str] = SPEAKER
) -> tuple[Int[Tensor, " time"], Bool[Tensor, " time"]]:
    """The ids of a text, and which of them count: all but those that start in a passage that is ``given``.

    By default the names of speakers are given, as a play or a chat gives them, and what they say counts.

    Raises:
        ValueError: as ``tokenizer.encode``.
    """
    ids = torch.tensor(tokenizer.encode(text), dtype=torch.long)
    lengths = torch.tensor([len(tokenizer.token_bytes(i)) for i in ids.tolist()], dtype=torch.long)
    is_given = torch.zeros(int(lengths.sum()), dtype=torch.bool)  # for each byte
    for match in given.finditer(text):
        start, end = (len(text[:place].encode()) for place in match.span())
        is_given[start:end] = True
    return ids, ~is_given[lengths.cumsum(0) - lengths]


class AnswerWindows(ShuffledWindows):
    """Shuffled windows in which only some tokens count; ``chosen`` marks those of the targets.

    All tokens are read. A batch in which none counts is passed over.

    Raises:
        ValueError: if there is not one mark for each token, if no token behind the first counts, or as
            ``ShuffledWindows``.
    """

    def __init__(
        self,
        ids: Int[Tensor, " text"],
        counts: Bool[Tensor, " marks"],
        *,
        context_length: int,
        batch_size: int,
        seed: int = 0,
    ) -> None:
        if len(ids) != len(counts):
            raise ValueError(f"each token needs a mark: got {len(ids)} tokens and {len(counts)} marks")
        if not counts[1:].any():
            raise ValueError("no token behind the first counts: there would be nothing to learn")
        marked = torch.where(counts, ids, -1 - ids)  # a mark that travels with its token: below zero
        super().__init__(marked, context_length=context_length, batch_size=batch_size, seed=seed)

    def next_batch(self) -> MaskedBatch:
        """The next windows, and which of their targets count."""
        batch = super().next_batch()
        while not (chosen := batch.targets >= 0).any():
            batch = super().next_batch()
        ids, targets = (torch.where(part < 0, -1 - part, part) for part in (batch.ids, batch.targets))
        return MaskedBatch(ids, targets, chosen=chosen)
