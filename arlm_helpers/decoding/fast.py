"""The loop of ``generate`` with everything taken out that a bare text does not need."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from jaxtyping import Float

from arlm_helpers.decoding.logits import Temperature
from arlm_helpers.decoding.sampling import row_generators
from arlm_helpers.models.numpy_gpt import NumpyGPT


def token_hit(logits: Float[np.ndarray, " vocab"], temperature: float, dart: float) -> int:
    """The token that a dart in [0, 1) hits; the tokens lie in order of rank, as in ``sample``."""
    logits = logits.astype(np.float64)
    weights = np.exp((logits - logits.max()) / temperature)
    order = np.argsort(-weights, kind="stable")
    edges = weights[order].cumsum()
    rank = edges.searchsorted(dart * edges[-1], side="right")
    if rank == len(order):  # by rounding, the dart hit the far edge
        rank = np.count_nonzero(weights) - 1
    return int(order[rank])


def generate_ids(
    model: NumpyGPT,
    ids: Sequence[int],
    *,
    max_tokens: int,
    temperature: float = 1.0,
    rng: torch.Generator | None = None,
) -> Iterator[int]:
    """Continue one text by ``max_tokens`` tokens, yielding their ids and nothing else.

    The text is that of ``generate`` with the same ``rng`` and the processors ``[Temperature(temperature)]``;
    without ``rng`` it is greedy. No steps, no other processors, no second row, and the step of the
    model itself, unchecked: for a small model this is nearly half of the time.

    Raises:
        ValueError: for an empty prompt, unknown ids, a negative ``max_tokens``, or a temperature that is
            not positive.
    """
    if not ids:
        raise ValueError("the prompt is empty: give at least one token, such as a line break")
    if max_tokens < 0:
        raise ValueError(f"max_tokens must be at least 0, got {max_tokens}")
    temperature = Temperature(temperature).t  # checks it
    darts = [None] * max_tokens
    if rng is not None:
        [source] = row_generators(rng, 1)
        darts = torch.rand(max_tokens, generator=source, dtype=torch.float64).tolist()
    text, limit = list(ids), model.context_length
    cache, unread = model.new_cache(), text[-limit:]
    for dart in darts:
        if cache.n_read + len(unread) > limit:  # full: go on from the latest half, as ``generate`` does
            cache, unread = model.new_cache(), text[-max(limit // 2, 1) :]
        if len(unread) > 1 or not cache.n_read:
            logits = model(torch.tensor([unread]), cache).numpy()
        else:
            logits = model.read(np.array([unread]), cache)
        last = logits[0, -1]
        token = int(last.argmax()) if dart is None else token_hit(last, temperature, dart)
        unread = [token]
        text.append(token)
        yield token
