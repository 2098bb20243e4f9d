"""The likeliest of many tokens without ranking them all: what a full sort would give, for less.

A policy keeps a few dozen of 50,000 tokens; most of a full sort ranks tokens that go anyway. Here a bound
that is cheap to find leaves a few candidates, and only they are sorted. All row by row and in NumPy: for a
few hundred numbers a call costs more than the work, and NumPy's calls are the cheaper ones.
"""

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

MANY = 1000  # tokens; ranking fewer costs no more than looking for candidates
LogitRow = Float[np.ndarray, " vocab"]
TokenIds = Int[np.ndarray, " few"]


def is_large(logits: Float[Tensor, "batch vocab"]) -> bool:
    """Whether this file has something to offer for ``logits``: many tokens, on the CPU, outside training."""
    return (
        logits.shape[-1] > MANY
        and logits.device.type == "cpu"
        and logits.dtype in (torch.float32, torch.float64)
        and not logits.requires_grad
    )


def allowed(row: LogitRow) -> TokenIds:
    """The ids of the tokens that nothing has ruled out yet, in increasing order."""
    return (row != -np.inf).nonzero()[0]


def reaching(row: LogitRow, least: float) -> TokenIds:
    """The positions of the numbers that are not below ``least``, in increasing order. NaN is not below."""
    return (~(row < least)).nonzero()[0]


def by_rank(row: LogitRow) -> TokenIds:
    """The positions of the numbers, the largest first; equal ones keep their order.

    Each way is the fastest on its ground. In float32 a number and its position are sorted as one whole
    number: the bits of floats order like the floats (those of negative ones backwards), and the position
    behind them settles ties.
    """
    if len(row) < 100:
        return (-row).argsort(kind="stable")
    if row.dtype == np.float64:
        return torch.from_numpy(row).sort(descending=True, stable=True).indices.numpy()
    bits = (row + np.float32(0)).view(np.int32).astype(np.int64)  # adding 0 makes the two zeros one
    upwards = np.where(bits < 0, bits ^ 0x7FFFFFFF, bits)
    return np.sort((-upwards << 32) + np.arange(len(row))) & 0xFFFFFFFF


def largest_ids(row: LogitRow, k: int) -> TokenIds:
    """The ids of the ``k`` largest logits by rank, equal ones by id; tokens that are ruled out do not count.

    A tournament finds the bound: the tokens form groups, and each group sends its best. The best ``k`` of
    these are ``k`` different tokens, so what lies below all of them is not among the ``k`` largest.
    """
    winners = row[: len(row) // 64 * 64].reshape(64, -1).max(axis=0)
    least = float(np.sort(winners)[-k]) if k <= len(winners) else -np.inf
    ids = reaching(row, least) if least > -np.inf else allowed(row)
    few = row[ids]
    if np.isnan(few.sum()):
        return ids  # NaN has no rank; it stays, and whoever draws will say so
    return ids[by_rank(few)[:k]]


def leading(row: LogitRow, mass: float) -> tuple[Float[np.ndarray, " few"], TokenIds]:
    """Probabilities and ids of the likeliest tokens by rank, as far as they sum to ``mass``, or farther.

    Of n tokens, those with a probability below (1 - mass) / n have less than 1 - mass together: the others
    reach ``mass`` without them. Mostly a higher bound leaves enough too, so higher ones are tried first.
    """
    ids = allowed(row)
    probs = torch.from_numpy(row[ids]).softmax(dim=0, dtype=torch.float64).numpy()
    if len(ids) > MANY:
        for times in (1024, 256, 64, 16, 4, 1):
            few = reaching(probs, times * (1 - mass) / len(ids))
            if probs[few].sum() > mass:
                ids, probs = ids[few], probs[few]
                break
    order = by_rank(row[ids])
    return probs[order], ids[order]


def nucleus_ids(row: LogitRow, p: float) -> TokenIds:
    """The ids that top-p keeps."""
    probs, ids = leading(row, p)
    mass_before = probs.cumsum() - probs
    return ids[~(mass_before >= p)]


def keep_only(
    logits: Float[Tensor, "batch vocab"], choose: Callable[[LogitRow], TokenIds]
) -> Float[Tensor, "batch vocab"]:
    """Rule out all tokens but those that ``choose`` names for each row."""
    kept = torch.full_like(logits, -torch.inf)
    for row, new in zip(logits.numpy(), kept.numpy(), strict=True):
        ids = choose(row)
        new[ids] = row[ids]
    return kept


def sample_large(logits: Float[Tensor, "batch vocab"], u: Float[Tensor, " batch"]) -> Int[Tensor, " batch"]:
    """Throw the darts ``u`` like ``sample``."""
    drawn = []
    for row, dart in zip(logits.numpy(), u.tolist(), strict=True):
        probs, ids = leading(row, dart)
        rank = probs.cumsum().searchsorted(dart, side="right")
        drawn.append(ids[min(rank, np.count_nonzero(probs) - 1)])
    return torch.from_numpy(np.array(drawn))
