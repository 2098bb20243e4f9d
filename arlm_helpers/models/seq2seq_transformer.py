"""Encoder and decoder as a Transformer: every look, within the source, within the target and between them,
is the same attention."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from arlm_helpers.models.attention import MultiHeadAttention
from arlm_helpers.models.attention_probe import recorded_weights
from arlm_helpers.models.blocks import CausalSelfAttention, FeedForward, Stream, new_norm
from arlm_helpers.models.cache import LayerCache, TransformerCache
from arlm_helpers.models.embedding import InputEmbedding
from arlm_helpers.models.given import check_source
from arlm_helpers.models.gpt_config import GPTConfig
from arlm_helpers.models.transformer import check_ids

SourceHeads = Float[Tensor, "batch head source d_head"]
SourceKeysAndValues = tuple[SourceHeads, SourceHeads]
SourceMask = Bool[Tensor, "batch 1 1 source"]  # the same for every head and every query


@dataclass(frozen=True, kw_only=True)
class Seq2SeqTransformerConfig:
    """Sizes of a Transformer with an encoder and a decoder of ``n_layers`` each.

    ``context_length`` limits source and target. ``pad_id`` fills up short sources, which have the vocabulary
    of the targets, unless ``source_vocab_size`` says otherwise.

    Raises:
        ValueError: for sizes that do not fit together; see ``GPTConfig``.
    """

    vocab_size: int
    pad_id: int
    source_vocab_size: int | None = None
    context_length: int = 256
    n_layers: int = 2
    n_heads: int = 4
    d_model: int = 64
    dropout: float = 0.0

    def __post_init__(self) -> None:
        self.side(self.vocab_size)
        self.side(self.n_source_tokens)

    @property
    def n_source_tokens(self) -> int:
        """Size of the vocabulary of the sources."""
        return self.vocab_size if self.source_vocab_size is None else self.source_vocab_size

    def side(self, vocab_size: int) -> GPTConfig:
        """The choices for one of the two sides, as for a GPT of that vocabulary."""
        return GPTConfig(
            vocab_size=vocab_size, context_length=self.context_length, n_layers=self.n_layers,
            n_heads=self.n_heads, d_model=self.d_model, dropout=self.dropout,
            positions="sinusoidal", activation="gelu", tied=False,
        )  # fmt: skip


class EncoderBlock(nn.Module):
    """A layer of the encoder: every position of the source looks at all others, before and behind it."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.attention_norm = new_norm(config)
        self.attention = MultiHeadAttention(config.d_model, config.n_heads, dropout=config.dropout)
        self.feed_forward_norm = new_norm(config)
        self.feed_forward = FeedForward(config)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Stream, mask: SourceMask) -> Stream:
        """The stream behind this layer."""
        x = x + self.dropout(self.attention(self.attention_norm(x), mask=mask))
        return x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))


class DecoderBlock(nn.Module):
    """A layer of the decoder: look back at the target, look across at the source, then think."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.attention_norm = new_norm(config)
        self.attention = CausalSelfAttention(config)
        self.across_norm = new_norm(config)
        self.across = MultiHeadAttention(config.d_model, config.n_heads, dropout=config.dropout)
        self.feed_forward_norm = new_norm(config)
        self.feed_forward = FeedForward(config)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Stream, source: SourceKeysAndValues, mask: SourceMask, cache: LayerCache) -> Stream:
        """The stream behind this layer; ``source`` holds the keys and values of the source."""
        x = x + self.dropout(self.attention(self.attention_norm(x), cache=cache))
        x = x + self.dropout(self.across.look(self.across_norm(x), *source, mask))
        return x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))


@dataclass
class Seq2SeqTransformerCache:
    """Keys and values of the target as far as it was read, and, for each layer, those of the source."""

    target: TransformerCache
    sources: list[SourceKeysAndValues]
    mask: SourceMask  # False where the source is padded

    def select(self, rows: Int[Tensor, " rows"]) -> "Seq2SeqTransformerCache":
        """The cache of the given rows of the batch, in that order."""
        sources = [(keys[rows], values[rows]) for keys, values in self.sources]
        return Seq2SeqTransformerCache(self.target.select(rows), sources, self.mask[rows])

    def copy(self) -> "Seq2SeqTransformerCache":
        """A cache that goes on from here without touching this one."""
        return Seq2SeqTransformerCache(self.target.copy(), self.sources, self.mask)


class Seq2SeqTransformer(nn.Module):
    """Score the next token of a target, given the target so far and a source.

    The encoder turns the source into vectors once; each layer of the decoder looks at them with keys and
    values of its own. The head starts at zero: a new model holds all tokens for equally likely.

    Source:
        Vaswani et al. (2017), section 3.1, https://arxiv.org/abs/1706.03762; the norm stands before each
        layer as in Xiong et al. (2020), and at the end of both sides.
    """

    def __init__(self, config: Seq2SeqTransformerConfig, *, rng: torch.Generator | None = None) -> None:
        super().__init__()
        self.config = config
        self.vocab_size, self.context_length = config.vocab_size, config.context_length
        self.source_side, self.target_side = (
            config.side(config.n_source_tokens),
            config.side(config.vocab_size),
        )
        self.source_embed, self.embed = InputEmbedding(self.source_side), InputEmbedding(self.target_side)
        self.encoder = nn.ModuleList(EncoderBlock(self.source_side) for _ in range(config.n_layers))
        self.decoder = nn.ModuleList(DecoderBlock(self.target_side) for _ in range(config.n_layers))
        self.source_norm, self.norm = new_norm(self.source_side), new_norm(self.target_side)
        self.head = nn.Linear(config.d_model, config.vocab_size)
        for parameter in self.parameters():
            if parameter.ndim == 2:
                nn.init.xavier_uniform_(parameter, generator=rng)
        for name, parameter in self.named_parameters():
            if name.endswith("bias") or name.startswith("head"):
                nn.init.zeros_(parameter)

    def new_cache(self, source: Int[Tensor, "batch source"]) -> Seq2SeqTransformerCache:
        """A cache that holds ``source``, read by the encoder; nothing of the target has been read.

        Raises:
            ValueError: if ``source`` is too long, or a row is empty, padded before its end or has an
                unknown id.
        """
        check_source(source, self.config.n_source_tokens, self.config.pad_id)
        check_ids(source, self.source_side, 0)
        mask = (source != self.config.pad_id)[:, None, None]
        x = self.source_embed(source, torch.arange(source.shape[1], device=source.device))
        for block in self.encoder:
            x = block(x, mask)
        memory = self.source_norm(x)
        sources = [block.across.keys_and_values(memory) for block in self.decoder]
        return Seq2SeqTransformerCache(TransformerCache(self.target_side), sources, mask)

    def forward(
        self, ids: Int[Tensor, "batch time"], cache: Seq2SeqTransformerCache | None = None
    ) -> Float[Tensor, "batch time vocab"]:
        """Logits of the target's token after each position of ``ids``.

        Raises:
            ValueError: without a cache, since it holds the source; if it is of another batch or model; or if
                the target grows beyond ``context_length``.
        """
        if cache is None:
            raise ValueError("this model answers a source: call model(ids, model.new_cache(source))")
        if len(cache.mask) != len(ids):
            raise ValueError(
                f"the cache holds {len(cache.mask)} sources, but ids have {len(ids)} rows; give "
                "model.new_cache(source) one row per row of ids"
            )
        layers, n_read = cache.target.begin(self.target_side, len(ids))
        check_ids(ids, self.target_side, n_read)
        x = self.embed(ids, torch.arange(n_read, n_read + ids.shape[1], device=ids.device))
        for block, source, layer in zip(self.decoder, cache.sources, layers, strict=True):
            x = block(x, source, cache.mask, layer)
        return self.head(self.norm(x))

    def alignments(
        self, ids: Int[Tensor, "batch time"], cache: Seq2SeqTransformerCache
    ) -> Float[Tensor, "layer batch head time source"]:
        """How much of its attention each position of ``ids`` gives to each token of the source."""
        with recorded_weights(self) as weights:
            self(ids, cache)
        return torch.stack([weights[f"decoder.{layer}.across"] for layer in range(self.config.n_layers)])

    def alignment(
        self, ids: Int[Tensor, "batch time"], cache: Seq2SeqTransformerCache
    ) -> Float[Tensor, "batch time source"]:
        """The mean of ``alignments`` over layers and heads."""
        return self.alignments(ids, cache).mean(dim=(0, 2))

    @property
    def n_parameters(self) -> int:
        """Numbers the model has learned."""
        return sum(parameter.numel() for parameter in self.parameters())

    def matrices(self) -> dict[str, int]:
        """The weight matrices of the blocks, by name, each a single block: what Muon orthogonalises."""
        blocks = nn.ModuleDict({"encoder": self.encoder, "decoder": self.decoder})
        return {name: 1 for name, parameter in blocks.named_parameters() if parameter.ndim == 2}
