"""An encoder and decoder whose embeddings are narrower than their states."""

from dataclasses import dataclass

import torch
from torch import nn

from arlm_helpers.models.rnn import CELLS
from arlm_helpers.models.seq2seq import Seq2Seq, Seq2SeqConfig


@dataclass(frozen=True)
class NarrowSeq2SeqConfig(Seq2SeqConfig):
    """Sizes of a ``NarrowSeq2Seq``: embeddings have ``d_embedding`` numbers, states ``d_model``.

    Raises:
        ValueError: as ``Seq2SeqConfig``, and for a ``d_embedding`` below 1.
    """

    d_embedding: int = 32

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.d_embedding < 1:
            raise ValueError(f"d_embedding must be at least 1, got {self.d_embedding}")


class NarrowSeq2Seq(Seq2Seq):
    """A ``Seq2Seq`` that reads narrow embeddings, which saves nearly half of its multiplications.

    With thirty different letters a vector of 32 numbers can hold each of them apart; the gates of a cell
    turn it into wide ones anyway. It computes what the ``Seq2Seq`` does whose embeddings, and the matrices
    ``weight_ih`` that read them, are filled up with zeros.
    """

    def __init__(self, config: NarrowSeq2SeqConfig, *, rng: torch.Generator | None = None) -> None:
        super().__init__(config, rng=rng)
        d_embedding, d_model, cell = config.d_embedding, config.d_model, CELLS[config.kind]
        self.source_embedding = nn.Embedding(config.n_source_tokens, d_embedding)
        self.embedding = nn.Embedding(config.vocab_size, d_embedding)
        for embedding in (self.source_embedding, self.embedding):
            nn.init.normal_(embedding.weight, generator=rng)
        self.rightward = cell(d_embedding, d_model // 2, rng=rng)
        self.leftward = cell(d_embedding, d_model // 2, rng=rng)
        self.decoder = cell(d_embedding, d_model, rng=rng)
