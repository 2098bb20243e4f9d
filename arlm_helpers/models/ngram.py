"""The n-gram model: counted contexts that answer the call of every model in this course."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from arlm_helpers.models.counts import CountTable, count_ngrams, find_contexts
from arlm_helpers.models.smoothing import KneserNey, Level


@runtime_checkable
class Smoothing(Protocol):
    """What turns counts into probabilities: AddK, KneserNey, ModifiedKneserNey."""

    def levels(self, tables: list[CountTable], vocab_size: int) -> list[Level]:
        """Smoothed levels, shortest context first."""


@dataclass
class NGramCache:
    """What an n-gram model remembers between two calls: the last ids, at most ``order`` - 1 of them."""

    ids: "Int[Tensor, 'batch time'] | None" = None

    def extend(self, ids: Int[Tensor, "batch time"], keep: int) -> Int[Tensor, "batch longer"]:
        """The remembered ids followed by the new ones; the last ``keep`` of them are remembered."""
        joined = ids if self.ids is None else torch.cat([self.ids, ids], dim=1)
        self.ids = joined[:, max(joined.shape[1] - keep, 0) :]
        return joined

    def select(self, rows: Int[Tensor, " rows"]) -> "NGramCache":
        """The cache of the given rows of the batch, in that order."""
        return NGramCache(None if self.ids is None else self.ids[rows])

    def copy(self) -> "NGramCache":
        """A cache that goes on from here without touching this one."""
        return NGramCache(self.ids)


class NGram:
    """Predict the next token from the ``order`` - 1 tokens before it, by counting.

    Logits are log-probabilities in float64: their softmax is the distribution itself. At the start of
    a text, where fewer tokens have been read, the shorter contexts decide.
    """

    context_length = None  # any length may be read at once

    def __init__(self, levels: list[Level], vocab_size: int, tables: list[CountTable]) -> None:
        self.levels, self.vocab_size, self.tables = levels, vocab_size, tables
        self.order = len(tables)

    @classmethod
    def fit(
        cls, ids: Int[Tensor, " time"], vocab_size: int, order: int, smoothing: Smoothing = KneserNey()
    ) -> "NGram":
        """Count ``ids`` and smooth the counts."""
        tables = count_ngrams(ids, vocab_size, order)
        return cls(smoothing.levels(tables, vocab_size), vocab_size, tables)

    def new_cache(self) -> NGramCache:
        """An empty cache: nothing has been read."""
        return NGramCache()

    @property
    def n_parameters(self) -> int:
        """Numbers the model stores: a gain per n-gram seen and a rest per context seen."""
        return sum(len(level.gain) + len(level.rest) for level in self.levels)

    def __call__(
        self, ids: Int[Tensor, "batch time"], cache: NGramCache | None = None
    ) -> Float[Tensor, "batch time vocab"]:
        """Log-probabilities of the token after each position of ``ids``."""
        cache = self.new_cache() if cache is None else cache
        read = cache.extend(ids, self.order - 1)
        contexts = find_contexts(read, self.tables)[-len(self.levels) :]
        probs = torch.full((ids.numel(), self.vocab_size), 1 / self.vocab_size, dtype=torch.float64)
        for level, context in zip(self.levels, contexts, strict=True):
            interpolate_(probs, level, context[:, read.shape[1] - ids.shape[1] :].flatten())
        return probs.log().view(*ids.shape, self.vocab_size)


def interpolate_(probs: Float[Tensor, "rows vocab"], level: Level, contexts: Int[Tensor, " rows"]) -> None:
    """Turn P(· | shorter context) into P(· | context) in place: times the rest, plus the gains.

    Rows whose context was never seen (-1) stay as they are.
    """
    seen = (contexts >= 0).nonzero().flatten()
    context = contexts[seen]
    probs[seen] *= level.rest[context].unsqueeze(-1)
    start = level.table.starts[context]
    size = level.table.starts[context + 1] - start
    row = torch.repeat_interleave(size)  # which of the seen rows each entry belongs to: 0 0 0 1 2 2 …
    entry = torch.arange(len(row)) + (start - size.cumsum(0) + size)[row]
    probs[seen[row], level.table.tokens[entry]] += level.gain[entry]
