"""How well a model predicts text that it was not trained on, while it is being trained."""

import torch
from jaxtyping import Int
from torch import Tensor, nn

from arlm_helpers.training.batches import gather_windows
from arlm_helpers.training.losses import log_probs_of


def held_out_loss(
    model: nn.Module, ids: Int[Tensor, " text"], context_length: int, *, batch_size: int = 8
) -> float:
    """Mean surprise of ``ids``, in nats per token, each token with at least half a window before it.

    Windows overlap by half, and only their second half counts, so that no token is judged without its
    context. The first half window, and what is left over at the end, is read but not judged. The model
    should be in evaluation mode, as it is between the steps of ``train``.

    Raises:
        ValueError: if the text is shorter than a window.
    """
    if len(ids) <= context_length:
        raise ValueError(
            f"the held-out text has {len(ids)} tokens, and one window needs {context_length + 1}: give a "
            "longer text"
        )
    device = next(model.parameters()).device
    judged_from = context_length // 2
    starts = torch.arange(0, len(ids) - context_length, context_length - judged_from)
    nats = []
    with torch.inference_mode():
        for some in starts.split(batch_size):
            batch = gather_windows(ids, some, context_length)
            log_probs = log_probs_of(model(batch.ids.to(device)).float(), batch.targets.to(device))
            nats.append(-log_probs[:, judged_from:])
    return torch.cat(nats).double().mean().item()
