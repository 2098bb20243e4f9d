"""Reading a text that grows: the model is fed only what it has not read yet."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor


def window_start(n_prompt: int, length: int, limit: int | None) -> int:
    """Where the context begins for a text of ``length`` tokens, by the rule of ``generate``.

    A full context is left, and the latest half is read again.
    """
    if limit is None:
        return 0
    start = max(n_prompt - limit, 0)
    while length - start > limit:
        start += limit + 1 - max(limit // 2, 1)
    return start


class PrefixReader:
    """Reads a text that grows: ``logits(ids)`` feeds the model only what it has not read yet."""

    def __init__(self, model, n_prompt: int) -> None:
        self.model, self.n_prompt = model, n_prompt
        self.limit = getattr(model, "context_length", None)
        self.device = next((p.device for p in getattr(model, "parameters", tuple)()), "cpu")
        self.cache, self.read, self.start = None, (), -1

    @torch.inference_mode()
    def logits(self, ids: Sequence[int]) -> Float[Tensor, " vocab"]:
        """The model's logits for the token after ``ids``, on the CPU wherever the model is."""
        ids = tuple(ids)
        start = window_start(self.n_prompt, len(ids), self.limit)
        n_read = len(self.read)
        if self.cache is None or start != self.start or ids[:n_read] != self.read or n_read == len(ids):
            self.cache, self.start, n_read = self.model.new_cache(), start, start
        unread = torch.tensor([ids[n_read:]], device=self.device)
        self.read = ids
        return self.model(unread, self.cache)[0, -1].cpu()
