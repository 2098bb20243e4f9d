"""A line of text squeezed into one vector, the latent code, and written again token by token.

The encoder reads the whole line at once, the decoder writes one token after the other: only the second half
is autoregressive, and what it is given to begin with is the code.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from arlm_helpers.models.cells import State
from arlm_helpers.models.given import check_id_range
from arlm_helpers.models.rnn import CELLS, read_fused
from arlm_helpers.models.seq2seq import EncoderDecoder, Seq2SeqCache, Seq2SeqConfig, check_state


@dataclass(frozen=True)
class TextAutoencoderConfig(Seq2SeqConfig):
    """Sizes of an encoder and decoder with a code of ``d_latent`` numbers between them.

    The decoder reads at most ``context_length`` tokens: START, and a line of one token less.

    Raises:
        ValueError: for a size below 1, an unknown ``kind``, an odd ``d_model``, or with attention.
    """

    attention: str = "none"
    d_latent: int = 32
    context_length: int = 64

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.attention != "none":
            raise ValueError(
                f"attention {self.attention!r} would show the decoder the line itself, past the code; "
                "an autoencoder needs attention='none'"
            )
        if self.d_latent < 1:
            raise ValueError(f"d_latent must be at least 1, or nothing passes; got {self.d_latent}")
        if self.context_length < 2:
            raise ValueError(
                f"context_length must be at least 2, START and a token, got {self.context_length}"
            )


@dataclass
class LatentCache(Seq2SeqCache):
    """The decoder's state, the code it writes from, and the number of tokens it has read.

    There is no memory of the line: the code is all that the decoder knows of it.
    """

    latent: "Float[Tensor, 'batch d_latent'] | None" = None
    n_read: int = 0

    def select(self, rows: Int[Tensor, " rows"]) -> "LatentCache":
        """The cache of the given rows of the batch, in that order."""
        state = tuple(tensor[rows] for tensor in self.state)
        return LatentCache(state, latent=self.latent[rows], n_read=self.n_read)


class LatentDecoder(EncoderDecoder):
    """Write a line token by token, from a code.

    The code decides the state in which the decoder starts, and is added, through a matrix of its own, to
    everything that the decoder reads.

    Source:
        Bowman et al. (2016), section 3, https://arxiv.org/abs/1511.06349
    """

    def __init__(self, config: TextAutoencoderConfig, *, rng: torch.Generator | None = None) -> None:
        super().__init__(config, rng=rng)
        self.context_length = config.context_length
        n_states = CELLS[config.kind].n_states
        self.to_state = nn.Linear(config.d_latent, n_states * config.d_model)
        self.to_input = nn.Linear(config.d_latent, config.d_model, bias=False)
        for linear in (self.to_state, self.to_input):
            nn.init.xavier_uniform_(linear.weight, generator=rng)
        nn.init.zeros_(self.to_state.bias)

    def start(self, latent: Float[Tensor, "batch d_latent"]) -> State:
        """The state in which the decoder starts to write from each code."""
        n_states = CELLS[self.config.kind].n_states
        return tuple(part.contiguous() for part in self.to_state(latent).tanh().chunk(n_states, dim=-1))

    def read(
        self, ids: Int[Tensor, "batch time"], cache: LatentCache | None
    ) -> Float[Tensor, "batch time d"]:
        """The decoder's hidden state h after each position of ``ids``; the cache moves on.

        Raises:
            ValueError: without a cache, with one of another batch or model, for an unknown id, or if more
                than ``context_length`` tokens were read.
        """
        check_state(cache, len(ids), self.config)
        check_id_range(ids, self.vocab_size, "ids")
        n_read = cache.n_read + ids.shape[1]
        if n_read > self.context_length:
            raise ValueError(
                f"{n_read} tokens are more than this decoder's context_length of {self.context_length}; "
                "cut the line, or build the model with a larger one"
            )
        x = self.embedding(ids) + self.to_input(cache.latent).unsqueeze(1)
        h, cache.state = read_fused(self.decoder, x, cache.state)
        cache.n_read = n_read
        return h


class TextAutoencoder(LatentDecoder):
    """Give back a line of text from a code of fixed size.

    A damaged line as source and the whole one as target makes it a denoising autoencoder.

    Source:
        Sutskever et al. (2014), section 2, for reading into one vector; Bowman et al. (2016), section 3,
        https://arxiv.org/abs/1511.06349, for the code between encoder and decoder; Vincent et al. (2008),
        section 2, for denoising.
    """

    n_vectors = 1  # that the encoder gives of each line: its code

    def __init__(self, config: TextAutoencoderConfig, *, rng: torch.Generator | None = None) -> None:
        super().__init__(config, rng=rng)
        self.to_latent = nn.Linear(config.d_model, self.n_vectors * config.d_latent)
        nn.init.xavier_uniform_(self.to_latent.weight, generator=rng)
        nn.init.zeros_(self.to_latent.bias)

    def summary(self, source: Int[Tensor, "batch source"]) -> Float[Tensor, "batch d_model"]:
        """What the encoder thinks at the two ends of each line.

        Raises:
            ValueError: if a line is too long for the decoder, empty, padded before its end, or has an
                unknown id.
        """
        longest = self.context_length - 1
        if source.shape[1] > longest:
            raise ValueError(
                f"a line of {source.shape[1]} tokens is longer than the {longest} that this decoder can "
                "write; cut it, or build the model with a larger context_length"
            )
        return self.encode(source)[1]

    def latent(self, source: Int[Tensor, "batch source"]) -> Float[Tensor, "batch d_latent"]:
        """The code of each line.

        Raises:
            ValueError: as ``summary`` does.
        """
        return self.to_latent(self.summary(source))

    def new_cache(self, source: Int[Tensor, "batch source"] | Float[Tensor, "batch d_latent"]) -> LatentCache:
        """A cache that holds the code of each line of ``source``, or the codes that are given instead.

        Raises:
            ValueError: if codes have another size than the model's, or as ``summary`` does.
        """
        latent = source if source.is_floating_point() else self.latent(source)
        if latent.shape[1] != self.config.d_latent:
            raise ValueError(
                f"a code of this model has {self.config.d_latent} numbers, got {latent.shape[1]}; "
                "lines are given as int64 ids"
            )
        return LatentCache(self.start(latent), latent=latent)
