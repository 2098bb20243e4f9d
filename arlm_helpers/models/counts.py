"""Counting what follows what: one sparse table per length of context."""

from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor


@dataclass(frozen=True)
class CountTable:
    """Which tokens followed each context of one length, and how often.

    A context is named by a number. ``keys`` is sorted and holds, for context number c,
    ``earliest token * number of shorter contexts + number of the context without it``, so that long
    contexts need no long tuples. The entries of context c lie at ``starts[c] : starts[c + 1]``.
    """

    keys: Int[Tensor, " contexts"]
    starts: Int[Tensor, " contexts_and_end"]
    tokens: Int[Tensor, " entries"]
    counts: Int[Tensor, " entries"]

    @property
    def n_contexts(self) -> int:
        """Number of different contexts of this length."""
        return len(self.keys)

    def context_of_entry(self) -> Int[Tensor, " entries"]:
        """The number of the context that each entry belongs to."""
        return torch.repeat_interleave(torch.arange(self.n_contexts), self.starts.diff())


def tally(
    keys: Int[Tensor, " contexts"],
    contexts: Int[Tensor, " seen"],
    tokens: Int[Tensor, " seen"],
    vocab_size: int,
) -> CountTable:
    """Count the pairs (context number, next token); both are given once per time they were seen."""
    pairs, counts = torch.unique(contexts * vocab_size + tokens, return_counts=True)
    starts = torch.searchsorted(pairs, torch.arange(len(keys) + 1) * vocab_size)
    return CountTable(keys, starts, pairs % vocab_size, counts)


def find_contexts(
    ids: Int[Tensor, "batch time"], tables: list[CountTable]
) -> list[Int[Tensor, "batch time"]]:
    """The number of the context that ends at each position, for each table; -1 where it was never seen.

    A context is looked up by its earliest token and by the number of the shorter context behind it,
    so one binary search per length is enough.
    """
    ids = ids.long()  # keys need 64 bits
    found = [torch.zeros_like(ids)]  # every position ends the empty context, number 0
    for length, table in enumerate(tables[1:], start=1):
        earliest = torch.full_like(ids, -1)
        earliest[:, length - 1 :] = ids[:, : max(ids.shape[1] - length + 1, 0)]
        key = earliest * tables[length - 1].n_contexts + found[-1]
        place = torch.searchsorted(table.keys, key).clamp(max=max(table.n_contexts - 1, 0))
        known = (earliest >= 0) & (found[-1] >= 0)
        if table.n_contexts:
            known &= table.keys[place] == key
        found.append(torch.where(known, place, -1))
    return found


def count_ngrams(ids: Int[Tensor, " time"], vocab_size: int, order: int) -> list[CountTable]:
    """Count every n-gram of ``ids`` for n = 1 … ``order``: table k holds contexts of k tokens.

    Raises:
        ValueError: if ``order`` is below 1, the text is shorter than ``order``, or an id is not in the
            vocabulary.
    """
    if order < 1:
        raise ValueError(f"order must be at least 1, got {order}; order 1 counts single tokens")
    if len(ids) < order:
        raise ValueError(
            f"the text has {len(ids)} tokens, fewer than order {order}; give more text or a lower order"
        )
    if not 0 <= int(ids.min()) <= int(ids.max()) < vocab_size:
        raise ValueError(f"ids must lie in 0 … {vocab_size - 1}, got {int(ids.min())} … {int(ids.max())}")
    ids = ids.long()  # keys need 64 bits
    contexts = torch.zeros_like(ids)
    tables = [tally(torch.zeros(1, dtype=ids.dtype), contexts, ids, vocab_size)]
    for length in range(1, order):  # a context is its earliest token and the shorter context after it
        keys = ids[:-length] * tables[-1].n_contexts + contexts[1:]
        keys, contexts = torch.unique(keys, return_inverse=True)
        tables.append(tally(keys, contexts, ids[length:], vocab_size))
    return tables


def continuation_counts(longer: CountTable, shorter: CountTable, vocab_size: int) -> CountTable:
    """In how many different places was a shorter n-gram seen: count the tokens that stood before it.

    "Francisco" is frequent, but only after "San": as a guess for an unknown place it should count
    once. Kneser-Ney uses these counts for all but the longest context.

    Source:
        Kneser & Ney (1995); Chen & Goodman (1998), section 2.7.
    """
    contexts = longer.keys[longer.context_of_entry()] % shorter.n_contexts
    return tally(shorter.keys, contexts, longer.tokens, vocab_size)
