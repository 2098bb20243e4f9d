"""An n-gram model that has learned nothing beforehand and counts what it reads while it reads it."""

import copy
from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

Counts = dict[int, int]  # how often each token followed a context


def no_contexts() -> "defaultdict[tuple[int, ...], Counts]":
    """The counts of each context; those of a new context are empty."""
    return defaultdict(dict)


@dataclass
class Reader:
    """What was read of one text: counts of what followed each context, and the last ids."""

    order: int
    contexts: "defaultdict[tuple[int, ...], Counts]" = field(default_factory=no_contexts)
    last: tuple[int, ...] = ()

    def read(self, token: int) -> None:
        """Count ``token`` behind the last 0, 1, … ``order`` - 1 ids."""
        for length in range(len(self.last) + 1):
            counts = self.contexts[self.last[len(self.last) - length :]]
            counts[token] = counts.get(token, 0) + 1
        self.last = (*self.last, token)[-(self.order - 1) :] if self.order > 1 else ()

    def probs(self, vocab_size: int) -> np.ndarray:
        """The distribution of the next token, from the shortest context to the longest that was seen.

        A context followed by ``d`` different tokens in ``n`` visits gives d / (n + d) to the shorter one.
        """
        probs = np.full(vocab_size, 1 / vocab_size)
        for length in range(len(self.last) + 1):
            counts = self.contexts.get(self.last[len(self.last) - length :])
            if counts is None:
                break
            tokens, seen = list(counts), np.fromiter(counts.values(), dtype=float)
            total = seen.sum() + len(tokens)
            probs *= len(tokens) / total
            probs[tokens] += seen / total
        return probs


@dataclass
class RecentCache:
    """A reader for each row of the batch; none before the first ids."""

    readers: list[Reader] = field(default_factory=list)

    def select(self, rows: Int[Tensor, " rows"]) -> "RecentCache":
        """The cache of the given rows of the batch, in that order."""
        return RecentCache(
            [copy.deepcopy(self.readers[row]) for row in rows.tolist()] if self.readers else []
        )

    def copy(self) -> "RecentCache":
        """A cache that goes on from here without touching this one."""
        return copy.deepcopy(self)


class RecentNGram:
    """Predict the next token from the text itself: what followed the last ``order`` - 1 tokens so far?

    All that it knows is in its cache. Alone it is poor; beside a trained model it supplies what that one
    cannot know: the names and turns of phrase of this text.

    Raises:
        ValueError: if ``order`` is below 1, or a cache has another number of rows than ``ids``.
    Source:
        A cache of recent words: Kuhn and De Mori (1990), section III. Smoothing: Witten and Bell (1991),
        method C, as in the compressor PPM.
    """

    context_length = None  # any length may be read at once

    def __init__(self, vocab_size: int, *, order: int = 6) -> None:
        if order < 1:
            raise ValueError(f"order must be at least 1, got {order}; order 1 counts single tokens")
        self.vocab_size, self.order = vocab_size, order

    def new_cache(self) -> RecentCache:
        """An empty cache: nothing has been read."""
        return RecentCache()

    def __call__(
        self, ids: Int[Tensor, "batch time"], cache: RecentCache | None = None
    ) -> Float[Tensor, "batch time vocab"]:
        """Log-probabilities of the token after each position of ``ids``, in float64."""
        cache = self.new_cache() if cache is None else cache
        cache.readers = cache.readers or [Reader(self.order) for _ in ids]
        if len(cache.readers) != len(ids):
            raise ValueError(
                f"the cache has read {len(cache.readers)} rows, but ids have {len(ids)}; choose rows with "
                "cache.select(rows), or start anew with model.new_cache()"
            )
        probs = np.empty((*ids.shape, self.vocab_size))
        for row, reader in enumerate(cache.readers):
            for at, token in enumerate(ids[row].tolist()):
                reader.read(token)
                probs[row, at] = reader.probs(self.vocab_size)
        return torch.from_numpy(probs).log()
