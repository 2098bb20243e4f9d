"""What beam search asks of a model: the next token's log-probabilities, for all branches in one call."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from arlm_helpers.decoding.sampling import Processor


class DeadEndError(ValueError):
    """Nothing may follow this text: beam search drops the branch, sampling stops with the message."""


class BeamReader:
    """All branches as rows of one batch with one cache; ``follow`` picks and re-orders them."""

    def __init__(self, model, prompt: Int[Tensor, " time"], filters: Sequence[Processor]) -> None:
        self.model, self.filters = model, filters
        self.limit = getattr(model, "context_length", None)
        self.ids, self.cache, self.n_read = prompt.unsqueeze(0), model.new_cache(), 0
        self.unread = self.ids if self.limit is None else self.ids[:, -self.limit :]

    def log_probs(self) -> Float[Tensor, "beam vocab"]:
        """Log-probability in nats of every next token of every branch; -inf where a filter rules it out."""
        if self.limit is not None and self.n_read + self.unread.shape[1] > self.limit:
            self.cache, self.n_read = self.model.new_cache(), 0  # full: go on as ``generate`` does
            self.unread = self.ids[:, -max(self.limit // 2, 1) :]
        logits = self.model(self.unread, self.cache)[:, -1]
        self.n_read += self.unread.shape[1]
        if logits.isnan().any():
            raise ValueError("logits contain NaN: the model overflowed or divided by zero")
        allowed = torch.cat([self.filtered(i, logits[i : i + 1]) for i in range(len(logits))])
        return logits.double().log_softmax(dim=-1).masked_fill(allowed.isneginf(), -torch.inf)

    def filtered(self, i: int, logits: Float[Tensor, "1 vocab"]) -> Float[Tensor, "1 vocab"]:
        """The logits of branch ``i``; -inf where a filter rules a token out, everywhere at a dead end."""
        for rule in self.filters:
            try:
                left = rule(self.ids[i : i + 1], logits)
            except DeadEndError:
                return torch.full_like(logits, -torch.inf)
            if not torch.equal(left, logits.masked_fill(left.isneginf(), -torch.inf)):
                raise ValueError(
                    f"{rule} changes logits of tokens that it keeps; beam search ranks by the model's own "
                    "probabilities: give filters that only rule tokens out, such as TopK or a pattern"
                )
            logits = left
        return logits

    def follow(self, parents: Sequence[int], tokens: Sequence[int]) -> None:
        """Make each row the one that ``parents`` names, continued by its token."""
        rows = torch.tensor(parents, device=self.ids.device)
        self.unread = torch.tensor(tokens, device=self.ids.device).unsqueeze(1)
        self.cache = self.cache.select(rows)
        self.ids = torch.cat([self.ids[rows], self.unread], dim=1)
