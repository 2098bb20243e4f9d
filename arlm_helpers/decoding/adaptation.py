"""Models that go on learning from the text they are judged on, always after a piece was judged."""

import copy
import math
from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from tqdm import tqdm

from arlm_helpers.training.losses import log_probs_of
from arlm_helpers.training.optimizers import AdamW


def adapted_nats(
    model: nn.Module,
    ids: Int[Tensor, " time"],
    *,
    first: int = 1,
    piece: int = 64,
    lr: float = 1e-3,
    progress: bool = False,
) -> Float[Tensor, " scored"]:
    """Surprise in nats of each token from position ``first`` on, for a copy of ``model`` that keeps learning.

    The text is read in pieces, each with as much context as fits. A piece is judged first and then learned
    from, in one step of AdamW with the learning rate ``lr``: no token is judged by weights that have seen
    it. ``model`` stays as it is.

    Raises:
        ValueError: if ``lr`` is not positive, there is nothing to score, or ``piece`` is not in 1 … the
            context length.
    Source:
        Dynamic evaluation: Krause et al. (2018), https://arxiv.org/abs/1709.07432
    """
    if not 1 <= first < len(ids):
        raise ValueError(f"first must lie in 1 … {len(ids) - 1} for a text of {len(ids)} tokens, got {first}")
    if not 1 <= piece <= model.context_length:
        raise ValueError(f"piece must lie in 1 … {model.context_length}, the context length, got {piece}")
    learner, nats = copy.deepcopy(model), []
    [optimizer] = AdamW(lr).build(learner)
    for start in tqdm(range(first, len(ids), piece), desc="read and learn", disable=not progress):
        end = min(start + piece, len(ids))
        context = max(end - 1 - model.context_length, 0)
        log_probs = log_probs_of(learner(ids[None, context : end - 1]), ids[None, context + 1 : end])
        own = -log_probs[0, start - end :]
        nats.append(own.detach())
        learner.zero_grad()
        own.mean().backward()
        nn.utils.clip_grad_norm_(learner.parameters(), 1.0)
        optimizer.step()
    return torch.cat(nats)


def tracked_nats(nats: Sequence[Float[Tensor, " scored"]], *, share: float = 0.1) -> Float[Tensor, " scored"]:
    """Surprise of each token under a mixture whose weights follow the model that has been right of late.

    ``nats`` holds, for each model, the surprise of the same tokens. After each token every weight is
    multiplied by the probability that its model gave it; then all give up ``share`` of their weight, which
    is spread evenly, so that a model that was wrong for long can come back.

    Raises:
        ValueError: if the numbers of tokens differ, or ``share`` is not in [0, 1].
    Source:
        A variant of fixed share: Herbster and Warmuth (1998), "Tracking the best expert".
    """
    if len({len(row) for row in nats}) != 1:
        raise ValueError(f"all models must judge the same tokens, got rows of {[len(row) for row in nats]}")
    if not 0 <= share <= 1:
        raise ValueError(f"share is a part of the weight and must be in [0, 1], got {share}")
    weights, mixed = [1 / len(nats)] * len(nats), []
    for log_probs in zip(*((-row).tolist() for row in nats), strict=True):
        joint = [weight * math.exp(log_prob) for weight, log_prob in zip(weights, log_probs, strict=True)]
        total = sum(joint)
        mixed.append(-math.log(total))
        weights = [(1 - share) * part / total + share / len(nats) for part in joint]
    return torch.tensor(mixed, dtype=torch.float64)
