"""How surprised a model is: log-probabilities of what came, their mean, and the units it is told in."""

import math

from jaxtyping import Float, Int
from torch import Tensor


def log_probs_of(
    logits: Float[Tensor, "batch time vocab"], targets: Int[Tensor, "batch time"]
) -> Float[Tensor, "batch time"]:
    """Log-probability, in nats, that ``logits`` give to each target: log P(target | what came before).

    The logits at position t predict the target at position t; for next-token prediction the targets
    are the ids shifted by one, ``log_probs_of(model(ids[:, :-1]), ids[:, 1:])``.
    """
    return logits.log_softmax(dim=-1).gather(-1, targets.unsqueeze(-1)).squeeze(-1)


def cross_entropy(
    logits: Float[Tensor, "batch time vocab"], targets: Int[Tensor, "batch time"]
) -> Float[Tensor, ""]:
    """Mean surprise of the targets in nats per token; what training lowers.

    Source:
        Shannon (1948), section 7; equal to ``torch.nn.functional.cross_entropy`` over the same tokens.
    """
    return -log_probs_of(logits, targets).mean()


def perplexity(nats_per_token: float) -> float:
    """The number of equally likely tokens that would surprise as much: e to the nats per token.

    It depends on what a token is: compare perplexities only between models with the same tokenizer.
    """
    return math.exp(nats_per_token)


def bits(nats: float) -> float:
    """The same amount of surprise in bits: one bit is ln 2 nats."""
    return nats / math.log(2)
