"""Logits processors: each reshapes the distribution of the next token; a policy is a list of them."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from arlm_helpers.decoding.ranking import is_large, keep_only, largest_ids, nucleus_ids


def check_number(name: str, value: object) -> None:
    """Reject what only looks like a number.

    Raises:
        TypeError: if ``value`` is not an int or a float (True and "0.5" are not).
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name} must be a number, got {value!r}")


@dataclass(frozen=True)
class Temperature:
    """Divide the logits by ``t``: below 1 sharpens the distribution, above 1 flattens it.

    The ranking of the tokens never changes. Below 0.01 the largest logit is moved to 0 first, so that a tiny
    ``t`` gives certainty without overflow; an infinite one gives equal chances; tokens that were ruled
    out (-inf) stay out.

    Raises:
        ValueError: if ``t`` is not positive.
    Source:
        Ackley, Hinton & Sejnowski (1985), equation 5.
    """

    t: float

    def __post_init__(self) -> None:
        check_number("temperature", self.t)
        if not self.t > 0:
            raise ValueError(f"temperature must be positive, got {self.t}; use greedy for 0")

    def __call__(
        self, ids: Int[Tensor, "batch time"], logits: Float[Tensor, "batch vocab"]
    ) -> Float[Tensor, "batch vocab"]:
        if self.t >= 0.01:
            return logits / min(self.t, 1e30)  # -inf / inf would not be -inf
        below_best = logits.double() - logits.max(dim=-1, keepdim=True).values
        return torch.where(logits.isneginf(), logits, (below_best / self.t).to(logits.dtype))


@dataclass(frozen=True)
class TopK:
    """Keep the ``k`` likeliest tokens, exactly; equal logits are ranked by token id.

    Raises:
        ValueError: if ``k`` is below 1.
    Source:
        Fan, Lewis & Dauphin (2018), section 5.1, https://arxiv.org/abs/1805.04833
    """

    k: int

    def __post_init__(self) -> None:
        if isinstance(self.k, bool) or not isinstance(self.k, int):
            raise TypeError(f"k must be a whole number, got {self.k!r}")
        if self.k < 1:
            raise ValueError(f"k must be at least 1, got {self.k}; leave TopK out to keep every token")

    def __call__(
        self, ids: Int[Tensor, "batch time"], logits: Float[Tensor, "batch vocab"]
    ) -> Float[Tensor, "batch vocab"]:
        if is_large(logits):
            return keep_only(logits, lambda row: largest_ids(row, self.k))
        order = logits.sort(dim=-1, descending=True, stable=True).indices
        drop = torch.zeros_like(logits, dtype=torch.bool).scatter(-1, order[:, self.k :], True)
        return logits.masked_fill(drop, -torch.inf)


@dataclass(frozen=True)
class TopP:
    """Keep the smallest set of likeliest tokens whose probabilities sum to at least ``p``.

    The likeliest token always survives; equal logits are ranked by token id.

    Raises:
        ValueError: if ``p`` is not in (0, 1].
    Source:
        Holtzman et al. (2020), section 3.1, https://arxiv.org/abs/1904.09751
    """

    p: float

    def __post_init__(self) -> None:
        check_number("p", self.p)
        if not 0 < self.p <= 1:
            raise ValueError(f"p must be in (0, 1], got {self.p}")

    def __call__(
        self, ids: Int[Tensor, "batch time"], logits: Float[Tensor, "batch vocab"]
    ) -> Float[Tensor, "batch vocab"]:
        if self.p == 1:
            return logits  # all, despite rounding
        if is_large(logits):
            return keep_only(logits, lambda row: nucleus_ids(row, self.p))
        ranked, order = logits.sort(dim=-1, descending=True, stable=True)
        probs = ranked.double().softmax(dim=-1)
        mass_before = probs.cumsum(dim=-1) - probs  # probability of all likelier tokens
        drop = torch.zeros_like(order, dtype=torch.bool).scatter(-1, order, mass_before >= self.p)
        return logits.masked_fill(drop, -torch.inf)


@dataclass(frozen=True)
class MinP:
    """Keep the tokens that are at least ``p`` times as probable as the likeliest one.

    The likeliest token always survives, and with it all that equal it; at ``p`` = 1 nothing else does.

    Raises:
        ValueError: if ``p`` is not in (0, 1].
    Source:
        Nguyen et al. (2024), section 3, https://arxiv.org/abs/2407.01082
    """

    p: float

    def __post_init__(self) -> None:
        check_number("p", self.p)
        if not 0 < self.p <= 1:
            raise ValueError(f"p must be in (0, 1], got {self.p}; leave MinP out to keep every token")

    def __call__(
        self, ids: Int[Tensor, "batch time"], logits: Float[Tensor, "batch vocab"]
    ) -> Float[Tensor, "batch vocab"]:
        below_best = logits.double() - logits.max(dim=-1, keepdim=True).values
        return logits.masked_fill(below_best.exp() < self.p, -torch.inf)


@dataclass(frozen=True)
class TypicalP:
    """Keep the tokens whose surprise is closest to the entropy, until their probabilities sum to ``p``.

    Even the likeliest token goes if it says less than tokens say on average. Tokens equally far from the
    entropy are ranked by token id.

    Raises:
        ValueError: if ``p`` is not in (0, 1].
    Source:
        Meister et al. (2023), section 4, https://arxiv.org/abs/2202.00666
    """

    p: float

    def __post_init__(self) -> None:
        check_number("p", self.p)
        if not 0 < self.p <= 1:
            raise ValueError(f"p must be in (0, 1], got {self.p}")

    def __call__(
        self, ids: Int[Tensor, "batch time"], logits: Float[Tensor, "batch vocab"]
    ) -> Float[Tensor, "batch vocab"]:
        if self.p == 1:
            return logits  # all, despite rounding
        surprise = -logits.double().log_softmax(dim=-1)
        entropy = torch.special.entr((-surprise).exp()).sum(dim=-1, keepdim=True)
        order = (surprise - entropy).abs().sort(dim=-1, stable=True).indices
        probs = (-surprise).exp().gather(-1, order)
        mass_before = probs.cumsum(dim=-1) - probs  # probability of all tokens closer to the entropy
        drop = torch.zeros_like(order, dtype=torch.bool).scatter(-1, order, mass_before >= self.p)
        return logits.masked_fill(drop, -torch.inf)
