"""Generation with a masked model: start from gaps, and fill some of them in each round."""

from collections.abc import Iterator, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from arlm_helpers.decoding.sampling import Processor, greedy, sample

GAP_ORDERS = ("confident", "random", "left to right")


@torch.inference_mode()
def unmask(
    model,
    ids: Int[Tensor, " time"],
    *,
    n_rounds: int,
    order: str = "confident",
    processors: Sequence[Processor] = (),
    rng: torch.Generator | None = None,
) -> Iterator[Int[Tensor, " time"]]:
    """Fill the gaps of ``ids``, where it holds ``model.mask_id``, yielding the text after each round.

    A round draws a token for every gap and keeps an equal part of them; the others stay gaps and are drawn
    again, knowing more. Kept are those the model is surest of, any at random, or the leftmost. The tokens
    of one round do not see each other; what is filled stays. Without ``rng`` the likeliest token is drawn.

    Raises:
        ValueError: if there is no gap, ``n_rounds`` is not in 1 … the number of gaps, or the order is
            unknown, or random without ``rng``.
    Source:
        Ghazvininejad et al. (2019), section 3, https://arxiv.org/abs/1904.09324; Chang et al. (2022),
        section 3.2, https://arxiv.org/abs/2202.04200
    """
    now, n_gaps = ids.clone(), int((ids == model.mask_id).sum())
    if not 1 <= n_rounds <= n_gaps:
        raise ValueError(f"n_rounds must lie in 1 … {n_gaps}, the number of gaps, got {n_rounds}")
    if order not in GAP_ORDERS or (order == "random" and rng is None):
        raise ValueError(f"order must be one of {', '.join(GAP_ORDERS)} (random needs rng), got {order!r}")
    for done in range(1, n_rounds + 1):
        gaps = (now == model.mask_id).nonzero().squeeze(-1)
        final = model(now.unsqueeze(0))[0, gaps]
        for process in processors:
            final = process(now.expand(len(gaps), -1), final)
        tokens = greedy(final)
        if rng is not None:
            tokens = sample(final, torch.rand(len(gaps), generator=rng).to(final.device))
        n_kept = len(gaps) - (n_gaps - n_gaps * done // n_rounds)
        kept = rank_gaps(final, tokens, order, rng)[:n_kept]
        now = now.index_put((gaps[kept],), tokens[kept])
        yield now


def rank_gaps(
    logits: Float[Tensor, "gap vocab"], tokens: Int[Tensor, " gap"], order: str, rng: torch.Generator | None
) -> Int[Tensor, " gap"]:
    """The numbers of the gaps, those to fill first in front; equally sure ones from left to right."""
    if order == "left to right":
        return torch.arange(len(tokens), device=tokens.device)
    if order == "random":
        return torch.randperm(len(tokens), generator=rng).to(tokens.device)
    log_probs = logits.log_softmax(dim=-1).gather(-1, tokens.unsqueeze(-1)).squeeze(-1)
    return log_probs.argsort(descending=True, stable=True)
