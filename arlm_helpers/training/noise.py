"""Damage that a model learns to live with: lines with missing and wrong tokens."""

from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from arlm_helpers.text.pairs import pad_rows


def replace_some(
    ids: Int[Tensor, "batch time"],
    share: float,
    others: Int[Tensor, "batch time"],
    rng: torch.Generator | None = None,
) -> Int[Tensor, "batch time"]:
    """``ids`` with a random ``share`` of them, each chosen independently, taken from ``others`` instead."""
    chosen = torch.rand(ids.shape, generator=rng) < share
    return torch.where(chosen.to(ids.device), others, ids)


@dataclass(frozen=True)
class TokenNoise:
    """Damage lines for a denoising autoencoder: wrong tokens, then missing ones.

    Each token is ``replaced`` with this probability by one that is drawn from all lines of the batch, so that
    wrong tokens are as frequent as right ones; then each is ``deleted`` with this probability. One token
    of each line always stays. Padding stays at the end.

    Raises:
        ValueError: if a probability is not in [0, 1].
    Source:
        Deletion: Shen et al. (2020), https://arxiv.org/abs/1905.12777; replacement by unigram frequency:
        Xie et al. (2017), https://arxiv.org/abs/1703.02573
    """

    deleted: float = 0.1
    replaced: float = 0.0

    def __post_init__(self) -> None:
        for name in ("deleted", "replaced"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is a probability and must be in [0, 1], got {getattr(self, name)}")

    def __call__(
        self, source: Int[Tensor, "batch source"], pad_id: int, rng: torch.Generator | None = None
    ) -> Int[Tensor, "batch shorter"]:
        """The damaged lines, filled up with ``pad_id`` as far as the longest of them reaches."""
        is_token = source != pad_id
        tokens = source[is_token]
        drawn = torch.randint(len(tokens), source.shape, generator=rng).to(source.device)
        source = torch.where(is_token, replace_some(source, self.replaced, tokens[drawn], rng), pad_id)
        luck = torch.rand(source.shape, generator=rng).to(source.device).masked_fill(~is_token, -1.0)
        stays = is_token & (luck >= self.deleted)
        stays |= torch.nn.functional.one_hot(luck.argmax(dim=1), source.shape[1]).bool()  # at least one
        rows = [row[kept].tolist() for row, kept in zip(source, stays, strict=True)]
        return pad_rows(rows, pad_id).to(source.device)
