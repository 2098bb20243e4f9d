"""Measuring a model on held-out text: the surprise of every token, each with enough context."""

from collections.abc import Iterator

import torch
from jaxtyping import Float, Int
from torch import Tensor

from arlm_helpers.training.losses import bits, log_probs_of


def read_on(model, ids: Int[Tensor, " time"], first: int, piece: int = 1024) -> Iterator[Tensor]:
    """Surprise of the tokens from ``first`` on, for a model that remembers: read on with one cache."""
    cache = model.new_cache()
    for start in range(0, len(ids) - 1, piece):
        end = min(start + piece, len(ids) - 1)
        log_probs = log_probs_of(model(ids[None, start:end], cache), ids[None, start + 1 : end + 1])[0]
        yield -log_probs[max(first - start - 1, 0) :]


def slide(model, ids: Int[Tensor, " time"], first: int, window: int, min_context: int) -> Iterator[Tensor]:
    """The same in windows of at most ``window`` tokens that overlap, so that no token lacks context."""
    while first < len(ids):
        start = max(first - max(min_context, 1), 0)
        end = min(start + window, len(ids) - 1)
        log_probs = log_probs_of(model(ids[None, start:end]), ids[None, start + 1 : end + 1])[0]
        yield -log_probs[first - start - 1 :]
        first = end + 1


def token_nats(
    model,
    ids: Int[Tensor, " time"],
    *,
    first: int = 1,
    window: int | None = None,
    min_context: int | None = None,
) -> Float[Tensor, " scored"]:
    """Surprise in nats of each token of ``ids`` from position ``first`` on, given the tokens before it.

    A model without a ``context_length`` reads the whole text with one cache. For the others, or where a
    ``window`` is given, a window of that many tokens slides over the text, and each scored token sees
    at least ``min_context`` earlier ones (default: half a window). With ``min_context=0`` the text falls
    into separate pieces, and the tokens at the seams are judged without their context.

    Raises:
        ValueError: if there is nothing to score, or the window or context do not fit the text.
    """
    if not 1 <= first < len(ids):
        raise ValueError(f"first must lie in 1 … {len(ids) - 1} for a text of {len(ids)} tokens, got {first}")
    limit = getattr(model, "context_length", None)
    if window is None and limit is not None:
        window = min(limit, len(ids))
    with torch.inference_mode():
        if window is None:
            return torch.cat(list(read_on(model, ids, first)))
        if not 1 <= window <= len(ids):
            raise ValueError(
                f"the text has {len(ids)} tokens: window must lie in 1 … {len(ids)}, got {window}"
            )
        min_context = window // 2 if min_context is None else min_context
        if not 0 <= min_context < max(window, 2):
            raise ValueError(
                f"min_context must be at least 0 and below the window {window}, got {min_context}"
            )
        return torch.cat(list(slide(model, ids, first, window, min_context)))


def bits_per_character(total_nats: float, n_characters: int) -> float:
    """Total surprise shared out over the characters of the text: comparable between all tokenizers."""
    if n_characters < 1:
        raise ValueError(f"n_characters must be at least 1, got {n_characters}")
    return bits(total_nats) / n_characters
