"""Choosing tokens and writing with a model: one random number a token, one ``Step`` at a time."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from arlm_helpers.decoding.ranking import is_large, sample_large

Processor = Callable[[Tensor, Tensor], Tensor]


def check_distribution(logits: Float[Tensor, "batch vocab"]) -> None:
    """Refuse logits from which nothing can be chosen.

    Raises:
        ValueError: if a row holds a NaN or an infinite logit, or allows no token.
    """
    best = logits.amax(dim=-1).tolist()  # NaN in a row that holds one
    if all(map(math.isfinite, best)):
        return
    if -math.inf in best:
        raise ValueError("no token is allowed: every logit is -inf; loosen the last processor of the policy")
    raise ValueError("logits contain NaN or inf: the model or a processor overflowed or divided by zero")


def greedy(logits: Float[Tensor, "batch vocab"]) -> Int[Tensor, " batch"]:
    """The likeliest token of each row; of equal ones the lowest id. What temperature 0 means."""
    check_distribution(logits)
    return logits.eq(logits.max(dim=-1, keepdim=True).values).int().argmax(dim=-1)


def sample(logits: Float[Tensor, "batch vocab"], u: Float[Tensor, " batch"]) -> Int[Tensor, " batch"]:
    """Draw a token per row by throwing a dart ``u`` in [0, 1) at the probabilities laid end to end.

    The tokens lie in order of rank, likeliest first (equal ones by id), so the same dart can be compared
    between two policies. A token without probability is never drawn.

    Raises:
        ValueError: if a row holds a NaN, or allows no token.
    Source:
        Inverse transform sampling: Devroye (1986), section III.2.
    """
    check_distribution(logits)
    if is_large(logits):
        return sample_large(logits, u)
    probs = logits.double().softmax(dim=-1)
    ranked, order = probs.sort(dim=-1, descending=True, stable=True)
    edges = ranked.cumsum(dim=-1)
    dart = u.double() * edges[:, -1]  # the last edge may lie a rounding error beside 1
    rank = (edges <= dart.unsqueeze(-1)).sum(dim=-1)
    last = (ranked > 0).sum(dim=-1) - 1
    return order.gather(-1, torch.minimum(rank, last).unsqueeze(-1)).squeeze(-1)


@dataclass(frozen=True)
class Step:
    """One token written in every row of the batch.

    ``logits`` are the model's, ``final`` those after the policy: alternatives before and after.
    A row that has ended (``active`` false) repeats its last id.
    """

    ids: Int[Tensor, " batch"]
    logits: Float[Tensor, "batch vocab"]
    final: Float[Tensor, "batch vocab"]
    active: Bool[Tensor, " batch"]

    @property
    def log_probs(self) -> Float[Tensor, " batch"]:
        """Log-probability in nats that the model itself gave to the chosen tokens."""
        return self.logits.log_softmax(dim=-1).gather(-1, self.ids.unsqueeze(-1)).squeeze(-1)

    @property
    def entropy(self) -> Float[Tensor, " batch"]:
        """Entropy in nats of the distribution the tokens were drawn from; 0 · log 0 counts as 0."""
        return torch.special.entr(self.final.softmax(dim=-1)).sum(dim=-1)


def row_generators(rng: torch.Generator, n_rows: int) -> list[torch.Generator]:
    """A source of randomness for each row, so that no row's text depends on how many others there are."""
    seeds = [int(torch.randint(2**62, (), generator=rng)) for _ in range(n_rows)]
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def choose(logits: Float[Tensor, "batch vocab"], sources: list[torch.Generator]) -> Int[Tensor, " batch"]:
    """A token per row: the likeliest without ``sources`` of randomness, else by a dart from each."""
    if not sources:
        return greedy(logits)
    darts = [torch.rand(1, generator=source, dtype=torch.float64) for source in sources]
    return sample(logits, torch.cat(darts).to(logits.device))


@torch.inference_mode()
def generate(
    model,
    ids: Int[Tensor, "batch time"],
    *,
    max_tokens: int,
    processors: Sequence[Processor] = (),
    rng: torch.Generator | None = None,
    end_id: int | None = None,
) -> Iterator[Step]:
    """Continue each row of ``ids`` by up to ``max_tokens`` tokens, yielding one ``Step`` a token.

    Without ``rng`` the likeliest token is taken (greedy); with it a token is sampled after the
    ``processors``, in their order. Stops when every row has written ``end_id``. A model with a
    ``context_length`` that is full goes on from the latest half of the text.

    Raises:
        ValueError: for an empty prompt or a negative ``max_tokens``.
    """
    if ids.shape[1] < 1:
        raise ValueError("the prompt is empty: give at least one token, such as a line break")
    if max_tokens < 0:
        raise ValueError(f"max_tokens must be at least 0, got {max_tokens}")
    limit = getattr(model, "context_length", None)
    sources = [] if rng is None else row_generators(rng, len(ids))
    active = torch.ones(len(ids), dtype=torch.bool, device=ids.device)
    cache, unread, n_read = model.new_cache(), ids if limit is None else ids[:, -limit:], 0
    for _ in range(max_tokens):
        if limit is not None and n_read + unread.shape[1] > limit:
            cache, unread, n_read = model.new_cache(), ids[:, -max(limit // 2, 1) :], 0
        logits = model(unread, cache)[:, -1]
        n_read += unread.shape[1]
        final = logits
        for process in processors:
            final = process(ids, final)
        chosen = torch.where(active, choose(final, sources), ids[:, -1])
        yield Step(chosen, logits, final, active)
        unread = chosen.unsqueeze(1)
        ids = torch.cat([ids, unread], dim=1)
        if end_id is not None:
            active = active & (chosen != end_id)
            if not active.any():
                return
