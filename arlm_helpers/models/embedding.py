"""What a GPT knows of a token before it looks at others: its meaning, its place, its last n-grams."""

import math

from jaxtyping import Float, Int
from torch import Tensor, nn

from arlm_helpers.models.cache import TransformerCache
from arlm_helpers.models.gpt_config import GPTConfig
from arlm_helpers.models.hashed_ngrams import HashedNGrams
from arlm_helpers.models.positions import sinusoidal_positions


class InputEmbedding(nn.Module):
    """The vector with which each token enters the stream: a sum of what is known of it.

    Sines and cosines are large beside a new embedding, which is multiplied by √d_model to be heard.

    Source:
        Vaswani et al. (2017), sections 3.4 and 3.5, https://arxiv.org/abs/1706.03762
    """

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.config = config
        self.tokens = nn.Embedding(config.vocab_size, config.d_model)
        if config.positions == "learned":
            self.positions = nn.Embedding(config.context_length, config.d_model)
        if config.ngram_sizes:
            self.ngrams = HashedNGrams(
                config.vocab_size, config.d_model, config.ngram_sizes, n_rows=config.ngram_rows
            )
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self,
        ids: Int[Tensor, "batch time"],
        positions: Int[Tensor, " time"],
        cache: "TransformerCache | None" = None,
    ) -> Float[Tensor, "batch time d_model"]:
        """The vectors of ``ids``, which stand at ``positions``."""
        x = self.tokens(ids)
        if self.config.positions == "learned":
            x = x + self.positions(positions)
        if self.config.positions == "sinusoidal":
            d_model = self.config.d_model
            x = math.sqrt(d_model) * x + sinusoidal_positions(positions, d_model).type_as(x)
        if self.config.ngram_sizes:
            read = ids if cache is None else cache.extend_ids(ids, keep=max(self.config.ngram_sizes) - 1)
            x = x + self.ngrams(read)[:, -ids.shape[1] :]
        return self.dropout(x)
