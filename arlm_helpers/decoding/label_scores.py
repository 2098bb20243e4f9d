"""Choosing an answer by its probability instead of asking for it in words."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from arlm_helpers.decoding.completion import device_of


@torch.inference_mode()
def label_log_probs(
    model, prompt: Sequence[int], labels: Sequence[Sequence[int]], *, cache=None
) -> Float[Tensor, " label"]:
    """Log-probability in nats of each label as the continuation of ``prompt``; the largest is the answer.

    The prompt is read once, then each label on a copy of the cache. More tokens make a label less likely, and
    one that begins another is never the less likely of the two: choose labels of equal length, or compare
    with their probabilities behind a prompt without content. A ``cache`` may hold what stands before the
    prompt; it is left as it is.

    Raises:
        ValueError: for an empty prompt, no labels, an empty label, or a text past the model's context.
    Source:
        Brown et al. (2020), section 2.4, https://arxiv.org/abs/2005.14165
    """
    if not prompt or not labels or not all(labels):
        raise ValueError(
            f"a prompt and labels of at least one token each are needed, got {len(prompt)} tokens of prompt "
            f"and labels of {[len(label) for label in labels]}"
        )
    limit, n_needed = getattr(model, "context_length", None), len(prompt) + max(map(len, labels)) - 1
    if limit is not None and cache is not None:
        n_needed += cache.n_read
    if limit is not None and n_needed > limit:
        raise ValueError(
            f"{n_needed} tokens are to be read, but the context holds {limit}; shorten the prompt"
        )
    device = device_of(model)
    cache = model.new_cache() if cache is None else cache.copy()
    first = model(torch.tensor([list(prompt)], device=device), cache)[0, -1].log_softmax(dim=-1)
    scores = []
    for label in labels:
        score = first[label[0]]
        if len(label) > 1:
            read, asked = (torch.tensor(list(part), device=device) for part in (label[:-1], label[1:]))
            rest = model(read[None], cache.copy())[0].log_softmax(dim=-1)
            score = score + rest.gather(1, asked[:, None]).sum()
        scores.append(score)
    return torch.stack(scores).cpu()
