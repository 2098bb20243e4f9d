"""Reading a text in both directions: one cell goes to the right, another to the left."""

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor

from arlm_helpers.models.cells import RecurrentCell
from arlm_helpers.models.rnn import read_fused


def reverse_rows(
    x: Shaped[Tensor, "batch time d"], lengths: Int[Tensor, " batch"]
) -> Shaped[Tensor, "batch time d"]:
    """Each row back to front: its first ``lengths[i]`` positions, and apart from them what fills it up."""
    time = torch.arange(x.shape[1], device=x.device)
    mirrored = (lengths.unsqueeze(1) - 1 - time) % x.shape[1]
    return x.gather(1, mirrored.unsqueeze(-1).expand_as(x))


def read_both_ways(
    rightward: RecurrentCell,
    leftward: RecurrentCell,
    x: Float[Tensor, "batch time d_in"],
    lengths: Int[Tensor, " batch"],
) -> tuple[Float[Tensor, "batch time d_both"], Float[Tensor, "batch d_both"]]:
    """What two cells think at each position, side by side: one reads to the right, the other to the left.

    The second result is what each thinks at its end, ``rightward`` at position lengths[i] - 1 of row i and
    ``leftward`` at position 0. Positions from lengths[i] on hold nothing of use.
    """
    right, _ = read_fused(rightward, x, rightward.start(len(x)))
    mirrored, _ = read_fused(leftward, reverse_rows(x, lengths), leftward.start(len(x)))
    left = reverse_rows(mirrored, lengths)
    rows = torch.arange(len(x), device=x.device)
    return torch.cat([right, left], dim=-1), torch.cat([right[rows, lengths - 1], left[:, 0]], dim=-1)
