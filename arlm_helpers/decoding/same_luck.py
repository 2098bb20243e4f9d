"""Two policies with the same luck; and many draws from one, beside what was to be expected."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from arlm_helpers.decoding.branches import ForkableText, last_of, row_of, write_on
from arlm_helpers.decoding.policy import Policy


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two continuations of the same text, every token of both chosen by the dart of its place.

    ``first_difference`` is the position of the continuation from which they differ; None if they are equal.
    """

    a: ForkableText
    b: ForkableText
    first_difference: int | None

    @property
    def total_variation(self) -> float | None:
        """How far apart the two distributions are where the texts part: half the sum of all differences.

        At least this share of darts chooses different tokens. None if the texts are equal, or one had ended.
        """
        at = self.first_difference
        if at is None or at >= min(len(self.a.written), len(self.b.written)):
            return None
        probs = []
        for text in (self.a, self.b):
            token = text.written[at]
            ids = row_of(text.ids(at))
            final = token.policy.final(ids, token.logits.double(), start=len(text.prompt))
            probs.append(final.softmax(dim=-1))
        return float((probs[0] - probs[1]).abs().sum() / 2)


def first_difference(a: ForkableText, b: ForkableText) -> int | None:
    """The first position of the continuations at which the tokens differ, or one text has ended."""
    ids = [[token.id for token in text.written] for text in (a, b)]
    for at, (one, other) in enumerate(zip(*ids, strict=False)):
        if one != other:
            return at
    shorter, longer = sorted(map(len, ids))
    return shorter if shorter < longer else None


def compare_policies(
    model, text: ForkableText, a: Policy, b: Policy, *, seed: int, max_tokens: int, end_id: int | None = None
) -> Comparison:
    """Continue ``text`` under ``a`` and under ``b`` with the same darts. Equal policies write equal texts."""
    longer = []
    for policy in (a, b):
        steps = write_on(model, text, policy, seed=seed, max_tokens=max_tokens, end_id=end_id)
        longer.append(last_of(text, steps))
    return Comparison(*longer, first_difference(*longer))


@dataclass(frozen=True, eq=False)
class Repeated:
    """How often each token was drawn in ``n_draws`` draws, and its probability."""

    counts: Int[Tensor, " vocab"]
    probs: Float[Tensor, " vocab"]
    n_draws: int

    @property
    def half_width(self) -> Float[Tensor, " vocab"]:
        """Relative frequencies lie this near to the probability 95 times in 100 (normal approximation)."""
        return 1.96 * (self.probs * (1 - self.probs) / self.n_draws).sqrt()


def repeat_draws(final: Float[Tensor, " vocab"], n_draws: int, *, seed: int) -> Repeated:
    """Draw ``n_draws`` tokens from ``final``, the logits after a policy, each with a dart of its own.

    The darts land as those of ``sample``, on tokens laid end to end by rank.

    Raises:
        ValueError: if ``n_draws`` is below 1.
    """
    if n_draws < 1:
        raise ValueError(f"n_draws must be at least 1, got {n_draws}")
    probs = final.double().softmax(dim=-1)
    ranked, order = probs.sort(descending=True, stable=True)
    edges = ranked[: int((ranked > 0).sum())].cumsum(dim=0)
    rng = torch.Generator().manual_seed(seed)
    u = torch.rand(n_draws, generator=rng, dtype=torch.float64) * edges[-1]
    places = torch.searchsorted(edges, u, right=True).clamp(max=len(edges) - 1)
    return Repeated(order[places].bincount(minlength=len(probs)), probs, n_draws)
