"""Several models vote: a weighted mean of their probabilities, with weights learned from other text."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor


def mixed_nats(
    nats: Sequence[Float[Tensor, " scored"]], weights: Float[Tensor, " models"]
) -> Float[Tensor, " scored"]:
    """Surprise of each token under the mixture Σ weight · P: at most that of the best model plus -log weight.

    ``nats`` holds, for each model, the surprise of the same tokens, as ``token_nats`` gives it.

    Raises:
        ValueError: if the numbers of tokens or models differ, or the weights are no distribution.
    Source:
        Jelinek and Mercer (1980): linear interpolation.
    """
    if len({len(row) for row in nats}) != 1 or len(nats) != len(weights):
        got = ", ".join(str(len(row)) for row in nats)
        raise ValueError(
            f"{len(weights)} weights need as many rows of equal length, got rows of {got} tokens"
        )
    if (weights < 0).any() or abs(weights.sum().item() - 1) > 1e-6:
        raise ValueError(f"weights must be at least 0 and sum to 1, got {weights.tolist()}")
    log_probs = -torch.stack(list(nats)).double()
    return -(log_probs + weights.double().log().unsqueeze(1)).logsumexp(dim=0)


def mixing_weights(nats: Sequence[Float[Tensor, " scored"]], *, rounds: int = 50) -> Float[Tensor, " models"]:
    """The weights under which a text is least surprising, by expectation maximisation.

    Each round asks how much of every token each model is responsible for; its mean share is its new
    weight. The surprise never rises. Choose weights on other text than that on which you report.

    Source:
        Dempster, Laird and Rubin (1977), section 4.3; for language models Jelinek and Mercer (1980).
    """
    log_probs = -torch.stack(list(nats)).double()
    weights = torch.full((len(log_probs),), 1 / len(log_probs), dtype=torch.float64)
    for _ in range(rounds):
        weights = (log_probs + weights.log().unsqueeze(1)).softmax(dim=0).mean(dim=1)
    return weights
