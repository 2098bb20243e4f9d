"""What a policy does to one token, told by ranks alone: fast enough to try many settings of a control.

Temperature, top-k, top-p and min-p keep the tokens in their order of rank, and what they keep is always the
likeliest n. So a policy is a chain of numbers n, and a token survives while its place is below each.
"""

from dataclasses import dataclass, field, replace

import torch
from jaxtyping import Float
from torch import Tensor

from arlm_helpers.decoding.logits import MinP, Temperature, TopK, TopP
from arlm_helpers.decoding.policy import Policy
from arlm_helpers.decoding.presets import ORDERS

FILTERS = {Temperature: "temperature", TopK: "top_k", TopP: "top_p", MinP: "min_p"}
Weights = tuple[Float[Tensor, " kept"], Float[Tensor, " edges"]]


def filter_order(order: str) -> list[str]:
    """The controls that keep ranks, in the order of an engine."""
    return [FILTERS[kind] for kind in ORDERS[order] if kind in FILTERS]


@dataclass(frozen=True, eq=False)
class RankedToken:
    """The tokens that nothing has ruled out yet, by rank, and the ``place`` of one of them, from 0.

    ``below`` are their logits minus the largest, descending. ``policy`` says what comes: settings can
    be tried with ``under``, which keeps what was computed for a temperature.
    """

    below: Float[Tensor, " kept"]
    place: int
    policy: Policy
    known: dict[float, Weights] = field(default_factory=dict)

    @classmethod
    def of(cls, logits: Float[Tensor, " vocab"], token: int, policy: Policy) -> "RankedToken":
        """The ranking of ``logits``, with the penalties applied already; ``token`` must not be ruled out."""
        ranked, ids = logits.double().sort(descending=True, stable=True)
        place = int((ids == token).nonzero())
        ranked = ranked[~ranked.isneginf()]
        return cls(ranked - ranked[0], place, policy)

    def under(self, **settings: object) -> "RankedToken":
        """The same ranking under a policy with other ``settings``."""
        return replace(self, policy=replace(self.policy, **settings))

    def weights(self, temperature: float) -> Weights:
        """Probabilities relative to the best token's, and the sums before each place and after the last."""
        if temperature not in self.known:
            weights = (self.below / temperature).exp()
            self.known[temperature] = (weights, torch.cat([weights.new_zeros(1), weights.cumsum(0)]))
        return self.known[temperature]

    def forget(self, temperature: float) -> None:
        """Drop what was computed for a temperature that was only tried."""
        self.known.pop(temperature, None)

    def after(self, control: str, n: int, temperature: float) -> int:
        """How many tokens ``control`` leaves of the likeliest ``n``."""
        policy = self.policy
        if control == "temperature":
            return 1 if policy.temperature == 0 else n
        if control == "top_k":
            return n if policy.top_k is None else min(n, policy.top_k)
        weights, sums = self.weights(temperature)
        if control == "min_p":
            return min(n, int((weights >= policy.min_p).sum()))
        if policy.top_p == 1:
            return n
        return int(torch.searchsorted(sums[:n], policy.top_p * sums[n]))

    def walk(self, until: str | None = None) -> tuple[list[tuple[str, int]], float]:
        """How many tokens each control leaves, up to ``until``, and the temperature they were left at."""
        n, temperature, steps = len(self.below), 1.0, []
        for control in filter_order(self.policy.order):
            if control == until:
                break
            if control == "temperature" and self.policy.temperature > 0:
                temperature = float(self.policy.temperature)
            n = self.after(control, n, temperature)
            steps.append((control, n))
        return steps, temperature

    def left_before(self, control: str) -> tuple[int, float]:
        """How many tokens reach ``control``, and the temperature by then."""
        steps, temperature = self.walk(until=control)
        return (steps[-1][1] if steps else len(self.below)), temperature

    @property
    def survives(self) -> bool:
        """Whether the token gets through the whole policy."""
        steps, _ = self.walk()
        return self.place < steps[-1][1]
