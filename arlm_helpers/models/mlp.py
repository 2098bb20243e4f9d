"""The first neural language model: a network that reads the last few tokens, as an n-gram model does."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from arlm_helpers.models.mlp_cache import MLPCache


@dataclass(frozen=True)
class MLPConfig:
    """Sizes of the model: it reads the last ``order`` - 1 tokens, like an n-gram model of that order.

    Raises:
        ValueError: if ``order`` is below 2, or another size below 1.
    """

    vocab_size: int
    order: int = 9
    d_embed: int = 24
    d_hidden: int = 200

    def __post_init__(self) -> None:
        if self.order < 2:
            raise ValueError(f"order must be at least 2 to read a token at all, got {self.order}")
        for name in ("vocab_size", "d_embed", "d_hidden"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")


class MLPLanguageModel(nn.Module):
    """Score the next token from the embeddings of the last n = ``order`` - 1, side by side.

    h = tanh(H (x₁, …, xₙ) + d), logits = U h + b

    Before the start of the text stands a learned embedding. The head starts at zero: a new model holds
    all tokens for equally likely.

    Source:
        Bengio et al. (2003), equation 1, without the optional direct connections W.
    """

    context_length = None  # any length may be read at once

    def __init__(self, config: MLPConfig, *, rng: torch.Generator | None = None) -> None:
        super().__init__()
        self.config, self.vocab_size, self.order = config, config.vocab_size, config.order
        self.embedding = nn.Embedding(config.vocab_size, config.d_embed)
        self.start = nn.Parameter(torch.empty(config.d_embed))
        self.hidden = nn.Linear((config.order - 1) * config.d_embed, config.d_hidden)
        self.head = nn.Linear(config.d_hidden, config.vocab_size)
        nn.init.normal_(self.embedding.weight, generator=rng)
        nn.init.normal_(self.start, generator=rng)
        nn.init.xavier_uniform_(self.hidden.weight, generator=rng)
        for zero in (self.hidden.bias, self.head.weight, self.head.bias):
            nn.init.zeros_(zero)

    def new_cache(self) -> MLPCache:
        """An empty cache: nothing has been read."""
        return MLPCache()

    def forward(
        self, ids: Int[Tensor, "batch time"], cache: MLPCache | None = None
    ) -> Float[Tensor, "batch time vocab"]:
        """Logits of the token after each position of ``ids``.

        Raises:
            ValueError: if ``ids`` are empty, or the cache is of another batch size.
        """
        if ids.shape[1] < 1:
            raise ValueError("ids are empty: give at least one token, such as a line break")
        cache = self.new_cache() if cache is None else cache
        n_context = self.order - 1
        x = self.embedding(cache.extend(ids, keep=n_context - 1))
        n_missing = max(n_context - 1 - (x.shape[1] - ids.shape[1]), 0)  # tokens before the text began
        x = torch.cat([self.start.expand(len(x), n_missing, -1), x], dim=1)
        windows = x.unfold(dimension=1, size=n_context, step=1).mT  # (batch, time, n_context, d_embed)
        h = self.hidden(windows.flatten(start_dim=2)).tanh()
        return self.head(h)

    @property
    def n_parameters(self) -> int:
        """Numbers the model has learned."""
        return sum(parameter.numel() for parameter in self.parameters())

    def matrices(self) -> dict[str, int]:
        """Weight matrices by name, and how many blocks each holds: what Muon orthogonalises."""
        return {"hidden.weight": 1}
