"""Encoder and decoder, both recurrent: one reads a source, the other writes the answer.

Without attention all that the decoder learns of the source is one state of fixed size, the bottleneck. With
attention it also looks back at what the encoder thought at every position.
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from arlm_helpers.models.attention import AdditiveAttention, attention_weights
from arlm_helpers.models.both_ways import read_both_ways
from arlm_helpers.models.cells import State
from arlm_helpers.models.given import check_id_range, check_source
from arlm_helpers.models.rnn import CELLS, read_fused

ATTENTIONS = ("none", "additive", "dot")


@dataclass(frozen=True)
class Seq2SeqConfig:
    """Sizes of a recurrent encoder and decoder, and how the second looks back at the first.

    ``pad_id`` fills up short sources. Sources have the vocabulary of the targets, unless
    ``source_vocab_size`` says otherwise.

    Raises:
        ValueError: for an unknown ``kind`` or ``attention``, a size below 1, or an odd ``d_model``.
    """

    vocab_size: int
    pad_id: int
    source_vocab_size: int | None = None
    kind: str = "lstm"
    attention: str = "additive"
    d_model: int = 64

    def __post_init__(self) -> None:
        for name, known in (("kind", CELLS), ("attention", ATTENTIONS)):
            if getattr(self, name) not in known:
                raise ValueError(f"{name} must be one of {', '.join(known)}, got {getattr(self, name)!r}")
        if min(self.vocab_size, self.n_source_tokens) < 1:
            raise ValueError(
                f"vocabularies must have at least 1 token, got {self.vocab_size} and {self.n_source_tokens}"
            )
        if self.d_model < 2 or self.d_model % 2:
            raise ValueError(f"d_model must be even, half for each direction of reading, got {self.d_model}")

    @property
    def n_source_tokens(self) -> int:
        """Size of the vocabulary of the sources."""
        return self.vocab_size if self.source_vocab_size is None else self.source_vocab_size


@dataclass
class Seq2SeqCache:
    """The decoder's state, and the encoder's memory of the source if the decoder may look back.

    Tensors are replaced from call to call, never changed in place, so caches may share them.
    """

    state: State
    memory: "Float[Tensor, 'batch source d_model'] | None" = None
    is_token: "Bool[Tensor, 'batch source'] | None" = None  # False where the source is padded

    def select(self, rows: Int[Tensor, " rows"]) -> "Seq2SeqCache":
        """The cache of the given rows of the batch, in that order."""
        state = tuple(tensor[rows] for tensor in self.state)
        if self.memory is None:
            return Seq2SeqCache(state)
        return Seq2SeqCache(state, self.memory[rows], self.is_token[rows])

    def copy(self) -> "Seq2SeqCache":
        """A cache that goes on from here without touching this one."""
        return replace(self)


def check_state(cache: "Seq2SeqCache | None", n_rows: int, config: Seq2SeqConfig) -> None:
    """Refuse a cache that these ids and this model cannot go on from.

    Raises:
        ValueError: if there is none, since it holds the source, or if it is of another batch or model.
    """
    if cache is None:
        raise ValueError("this model answers a source: call model(ids, model.new_cache(source))")
    found = [tuple(tensor.shape) for tensor in cache.state]
    expected = [(n_rows, config.d_model)] * CELLS[config.kind].n_states
    if found != expected:
        raise ValueError(
            f"the cache holds states of shape {found}, but these ids and this model need {expected}; "
            "start with model.new_cache(source), one row of the source for each row of ids"
        )


class SourceReader(nn.Module):
    """The encoder: an embedding of the source, read in both directions, half of ``d_model`` each."""

    def __init__(self, config: Seq2SeqConfig, *, rng: torch.Generator | None = None) -> None:
        super().__init__()
        self.config, self.vocab_size = config, config.vocab_size
        d_model, cell = config.d_model, CELLS[config.kind]
        self.source_embedding = nn.Embedding(config.n_source_tokens, d_model)
        self.rightward = cell(d_model, d_model // 2, rng=rng)
        self.leftward = cell(d_model, d_model // 2, rng=rng)
        nn.init.normal_(self.source_embedding.weight, generator=rng)

    def encode(
        self, source: Int[Tensor, "batch source"]
    ) -> tuple[Float[Tensor, "batch source d_model"], Float[Tensor, "batch d_model"]]:
        """What the two cells think at each position, and at their ends.

        Raises:
            ValueError: if a row of ``source`` is empty, padded before its end, or has an unknown id.
        """
        check_source(source, self.config.n_source_tokens, self.config.pad_id)
        lengths = (source != self.config.pad_id).sum(dim=1)
        return read_both_ways(self.rightward, self.leftward, self.source_embedding(source), lengths)

    @property
    def n_parameters(self) -> int:
        """Numbers the model has learned."""
        return sum(parameter.numel() for parameter in self.parameters())


class EncoderDecoder(SourceReader):
    """Score the next token of a target, given the target so far and one state that holds the source.

    The encoder's last hidden state h is where the decoder starts; c of an LSTM starts at zero. The head
    starts at zero: a new model holds all tokens for equally likely.

    Source:
        Sutskever et al. (2014), section 2, https://arxiv.org/abs/1409.3215
    """

    context_length = None  # any length may be read at once

    def __init__(self, config: Seq2SeqConfig, *, rng: torch.Generator | None = None) -> None:
        super().__init__(config, rng=rng)
        self.embedding = nn.Embedding(config.vocab_size, config.d_model)
        self.decoder = CELLS[config.kind](config.d_model, config.d_model, rng=rng)
        self.head = nn.Linear(config.d_model, config.vocab_size)
        nn.init.normal_(self.embedding.weight, generator=rng)
        for zero in (self.head.weight, self.head.bias):
            nn.init.zeros_(zero)

    def new_cache(self, source: Int[Tensor, "batch source"]) -> Seq2SeqCache:
        """A cache that holds ``source``, read by the encoder; nothing of the target has been read.

        Raises:
            ValueError: if a row of ``source`` is empty, padded before its end, or has an unknown id.
        """
        memory, summary = self.encode(source)
        state = (summary, *self.decoder.start(len(source))[1:])  # c, for an LSTM
        if self.config.attention == "none":
            return Seq2SeqCache(state)
        return Seq2SeqCache(state, memory, source != self.config.pad_id)

    def read(
        self, ids: Int[Tensor, "batch time"], cache: Seq2SeqCache | None
    ) -> Float[Tensor, "batch time d"]:
        """The decoder's hidden state h after each position of ``ids``; the cache moves on."""
        check_state(cache, len(ids), self.config)
        check_id_range(ids, self.vocab_size, "ids")
        h, cache.state = read_fused(self.decoder, self.embedding(ids), cache.state)
        return h

    def forward(
        self, ids: Int[Tensor, "batch time"], cache: Seq2SeqCache | None = None
    ) -> Float[Tensor, "batch time vocab"]:
        """Logits of the target's token after each position of ``ids``.

        Raises:
            ValueError: without a cache, since it holds the source; if it is of another batch or model.
        """
        return self.head(self.read(ids, cache))

    def matrices(self) -> dict[str, int]:
        """Weight matrices by name, and how many gates each holds: what Muon orthogonalises, gate by gate."""
        return {
            f"{cell}.{name}": getattr(self, cell).n_gates
            for cell in ("rightward", "leftward", "decoder")
            for name in ("weight_ih", "weight_hh")
        }


class Seq2Seq(EncoderDecoder):
    """An encoder and decoder that also looks back at the source, unless ``attention`` is "none".

    What the decoder takes from the source is mixed with its own state before the head; so it looks after
    each step, and a whole target is scored in one call.

    Source:
        Bahdanau et al. (2015), section 3, https://arxiv.org/abs/1409.0473, for the encoder and the additive
        score, with the look before the step; Luong et al. (2015), section 3.1, equation 5, for the look
        after it and the dot product.
    """

    def __init__(self, config: Seq2SeqConfig, *, rng: torch.Generator | None = None) -> None:
        super().__init__(config, rng=rng)
        d_model = config.d_model
        if config.attention == "additive":
            self.look = AdditiveAttention(d_model, d_model, d_model // 2, rng=rng)
        if config.attention != "none":
            self.mix = nn.Linear(2 * d_model, d_model)
            nn.init.xavier_uniform_(self.mix.weight, generator=rng)
            nn.init.zeros_(self.mix.bias)

    def forward(
        self, ids: Int[Tensor, "batch time"], cache: Seq2SeqCache | None = None
    ) -> Float[Tensor, "batch time vocab"]:
        """Logits of the target's token after each position of ``ids``.

        Raises:
            ValueError: without a cache, since it holds the source; if it is of another batch or model.
        """
        if self.config.attention == "none":
            return super().forward(ids, cache)
        h = self.read(ids, cache)
        found = self.weights(h, cache) @ cache.memory
        return self.head(self.mix(torch.cat([found, h], dim=-1)).tanh())

    def weights(
        self, h: Float[Tensor, "batch time d"], cache: Seq2SeqCache
    ) -> Float[Tensor, "batch time source"]:
        """Attention weights: where each state of the decoder looks; never at padding."""
        mask = cache.is_token.unsqueeze(1)  # the same for every position of the target
        if self.config.attention == "additive":
            return self.look(h, cache.memory, mask)
        return attention_weights(h, cache.memory, mask, scale=1.0)

    def alignment(
        self, ids: Int[Tensor, "batch time"], cache: Seq2SeqCache
    ) -> Float[Tensor, "batch time source"]:
        """How much of its attention each position of ``ids`` gives to each token of the source.

        Raises:
            ValueError: if the model has no attention.
        """
        if self.config.attention == "none":
            raise ValueError("this model has no attention to show; choose attention='additive' or 'dot'")
        return self.weights(self.read(ids, cache), cache)

    def matrices(self) -> dict[str, int]:
        """Weight matrices by name, and how many gates each holds; those of the look have one."""
        looks = ("look.query.weight", "look.key.weight", "mix.weight")
        return super().matrices() | {name: 1 for name in looks if name in dict(self.named_parameters())}
