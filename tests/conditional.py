"""Every model that answers a source, small and in float64: what all of them promise is tested on each."""

import torch

from arlm_helpers.models.given import Given
from arlm_helpers.models.seq2seq import Seq2Seq, Seq2SeqConfig
from arlm_helpers.models.seq2seq_narrow import NarrowSeq2Seq, NarrowSeq2SeqConfig
from arlm_helpers.models.seq2seq_transformer import Seq2SeqTransformer, Seq2SeqTransformerConfig
from arlm_helpers.models.text_autoencoder import TextAutoencoder, TextAutoencoderConfig
from arlm_helpers.models.text_vae import TextVAE

PAD = 12
SOURCE = torch.tensor([[3, 1, 4, 1, 5, 9, 2], [6, 5, 3, 5, PAD, PAD, PAD], [8, PAD, PAD, PAD, PAD, PAD, PAD]])


def with_random_weights(model: torch.nn.Module) -> torch.nn.Module:
    """The model in float64, all its weights random, also those that start at zero or one."""
    rng = torch.Generator().manual_seed(0)
    for parameter in model.double().parameters():
        torch.nn.init.normal_(parameter, std=0.4, generator=rng)
    return model


def seq2seq(vocab_size: int, **options) -> Seq2Seq:
    """A recurrent encoder and decoder with eight units."""
    config = Seq2SeqConfig(vocab_size, PAD, source_vocab_size=13, d_model=8, **options)
    return with_random_weights(Seq2Seq(config))


def narrow(vocab_size: int) -> NarrowSeq2Seq:
    """Eight units that read embeddings of three numbers."""
    config = NarrowSeq2SeqConfig(vocab_size, PAD, source_vocab_size=13, d_model=8, d_embedding=3)
    return with_random_weights(NarrowSeq2Seq(config))


def transformer(vocab_size: int) -> Seq2SeqTransformer:
    """Two layers of two heads on each side."""
    sizes = {"context_length": 16, "n_layers": 2, "n_heads": 2, "d_model": 8}
    config = Seq2SeqTransformerConfig(vocab_size=vocab_size, pad_id=PAD, source_vocab_size=13, **sizes)
    return with_random_weights(Seq2SeqTransformer(config))


def text_autoencoder(
    vocab_size: int, model_class: type[TextAutoencoder] = TextAutoencoder, **options
) -> TextAutoencoder:
    """A code of four numbers between eight units on each side."""
    sizes = {"source_vocab_size": 13, "d_model": 8, "d_latent": 4, "context_length": 16}
    config = TextAutoencoderConfig(vocab_size, PAD, **sizes | options)
    return with_random_weights(model_class(config))


CONDITIONAL = {
    "bottleneck-gru": lambda v: seq2seq(v, kind="gru", attention="none"),
    "bottleneck-lstm": lambda v: seq2seq(v, kind="lstm", attention="none"),
    "additive-lstm": lambda v: seq2seq(v, kind="lstm", attention="additive"),
    "dot-elman": lambda v: seq2seq(v, kind="elman", attention="dot"),
    "narrow-lstm": narrow,
    "transformer": transformer,
    "autoencoder-gru": lambda v: text_autoencoder(v, kind="gru"),
    "autoencoder-lstm": text_autoencoder,
    "vae": lambda v: text_autoencoder(v, TextVAE),
}


def given(name: str, vocab_size: int) -> Given:
    """A conditional model with one source for all rows: it must keep every promise of a language model."""
    return Given(CONDITIONAL[name](vocab_size), SOURCE[:1])
