"""An encoder and decoder that can also copy tokens of the source into its answer."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from arlm_helpers.models.seq2seq import Seq2Seq, Seq2SeqCache, Seq2SeqConfig


@dataclass
class CopyCache(Seq2SeqCache):
    """The cache of a ``Seq2Seq``, and the ids of the source."""

    source: "Int[Tensor, 'batch source'] | None" = None

    def select(self, rows: Int[Tensor, " rows"]) -> "CopyCache":
        """The cache of the given rows of the batch, in that order."""
        kept = super().select(rows)
        return CopyCache(kept.state, kept.memory, kept.is_token, self.source[rows])


class CopySeq2Seq(Seq2Seq):
    """A ``Seq2Seq`` whose next token is written by the head or copied from where the decoder looks.

    P(token) = p_write · P_head(token) + (1 - p_write) · (attention weights where the source has the token)

    p_write, between 0 and 1, follows from the decoder's state and from what it found. So words can be written
    that were never seen in training. The logits are log P(token): their softmax is P itself.

    Raises:
        ValueError: without attention, or if source and target have different vocabularies.
    Source:
        See, Liu and Manning (2017), section 2.2, equations 8 and 9, https://arxiv.org/abs/1704.04368
    """

    def __init__(self, config: Seq2SeqConfig, *, rng: torch.Generator | None = None) -> None:
        if config.attention == "none" or config.n_source_tokens != config.vocab_size:
            raise ValueError(
                "to copy, a model needs attention and one vocabulary for both sides, got "
                f"attention={config.attention!r} and {config.n_source_tokens} and {config.vocab_size} tokens"
            )
        super().__init__(config, rng=rng)
        self.write = nn.Linear(2 * config.d_model, 1)
        nn.init.zeros_(self.write.weight)
        nn.init.zeros_(self.write.bias)

    def new_cache(self, source: Int[Tensor, "batch source"]) -> CopyCache:
        """A cache that holds ``source``, read by the encoder; nothing of the target has been read."""
        cache = super().new_cache(source)
        return CopyCache(cache.state, cache.memory, cache.is_token, source)

    def forward(
        self, ids: Int[Tensor, "batch time"], cache: CopyCache | None = None
    ) -> Float[Tensor, "batch time vocab"]:
        """Logits of the target's token after each position of ``ids``.

        Raises:
            ValueError: without a cache, since it holds the source; if it is of another batch or model.
        """
        h = self.read(ids, cache)
        weights = self.weights(h, cache)
        state = torch.cat([weights @ cache.memory, h], dim=-1)
        p_write = self.write(state).sigmoid()
        written = self.head(self.mix(state).tanh()).softmax(dim=-1)
        places = cache.source.unsqueeze(1).expand_as(weights)
        copied = torch.zeros_like(written).scatter_add(-1, places, weights)
        return (p_write * written + (1 - p_write) * copied).clamp(min=1e-30).log()
