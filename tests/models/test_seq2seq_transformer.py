"""The Transformer with encoder and decoder against the one of ``torch.nn``."""

import pytest
import torch
from torch import nn

from arlm_helpers.models.seq2seq_transformer import Seq2SeqTransformerConfig
from arlm_helpers.training.losses import cross_entropy
from tests.conditional import PAD, SOURCE, transformer
from tests.models.test_seq2seq import IDS

OPTIONS = {"activation": "gelu", "dropout": 0.0, "norm_first": True, "batch_first": True}


def copy_attention(ours, theirs):
    """The weights of our multi-head attention in the library's, which stacks three of its matrices."""
    layers = (ours.query, ours.key, ours.value)
    theirs.in_proj_weight.data = torch.cat([layer.weight.detach() for layer in layers])
    theirs.in_proj_bias.data = torch.cat([layer.bias.detach() for layer in layers])
    theirs.out_proj.load_state_dict(ours.output.state_dict())


def copy_block(ours, theirs):
    """The weights of one of our blocks in the library's layer."""
    copy_attention(ours.attention, theirs.self_attn)
    norms = [ours.attention_norm, ours.feed_forward_norm]
    if hasattr(ours, "across"):
        copy_attention(ours.across, theirs.multihead_attn)
        norms.insert(1, ours.across_norm)
    for number, norm in enumerate(norms, start=1):
        getattr(theirs, f"norm{number}").load_state_dict(norm.state_dict())
    theirs.linear1.load_state_dict(ours.feed_forward.up.state_dict())
    theirs.linear2.load_state_dict(ours.feed_forward.down.state_dict())


def library(model):
    """The library's encoder and decoder with the weights of ``model``."""
    encoder = nn.TransformerEncoder(
        nn.TransformerEncoderLayer(8, 2, 32, **OPTIONS), 2, nn.LayerNorm(8), enable_nested_tensor=False
    )
    decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(8, 2, 32, **OPTIONS), 2, nn.LayerNorm(8))
    theirs = [*encoder.layers, *decoder.layers]
    for ours, layer in zip([*model.encoder, *model.decoder], theirs, strict=True):
        copy_block(ours, layer)
    encoder.norm.load_state_dict(model.source_norm.state_dict())
    decoder.norm.load_state_dict(model.norm.state_dict())
    return encoder.double(), decoder.double()


def library_logits(model, encoder, decoder):
    """The logits of the library's layers between our embeddings and our head."""
    x = model.source_embed(SOURCE, torch.arange(SOURCE.shape[1]))
    padding = SOURCE == PAD
    memory = encoder(x, src_key_padding_mask=padding)
    future = torch.ones(5, 5, dtype=torch.bool).triu(1)
    y = model.embed(IDS, torch.arange(5))
    return model.head(decoder(y, memory, tgt_mask=future, memory_key_padding_mask=padding))


def test_logits_and_gradients_are_those_of_the_librarys_layers():
    model = transformer(11)
    encoder, decoder = library(model)
    logits, expected = model(IDS, model.new_cache(SOURCE)), library_logits(model, encoder, decoder)
    torch.testing.assert_close(logits, expected)
    gradients = []
    for result in (logits, expected):
        model.zero_grad()
        cross_entropy(result, IDS).backward()
        gradients.append([model.source_embed.tokens.weight.grad, model.embed.tokens.weight.grad])
    torch.testing.assert_close(gradients[0], gradients[1])


def test_alignments_tell_every_layer_and_head():
    model = transformer(11)
    heads = model.alignments(IDS, model.new_cache(SOURCE))
    assert heads.shape == (2, 3, 2, 5, 7)
    torch.testing.assert_close(heads.mean(dim=(0, 2)), model.alignment(IDS, model.new_cache(SOURCE)))


def test_a_target_or_a_source_beyond_the_context_is_refused():
    model = transformer(11)
    with pytest.raises(ValueError, match="context_length = 16"):
        model.new_cache(torch.ones(1, 17, dtype=torch.int64))
    cache = model.new_cache(SOURCE)
    model(IDS.repeat(1, 3), cache)
    with pytest.raises(ValueError, match="2 tokens behind the 15 of the cache do not fit"):
        model(IDS[:, :2], cache)


def test_a_cache_of_another_model_is_refused():
    config = Seq2SeqTransformerConfig(vocab_size=12, pad_id=0)
    other = type(transformer(11))(config).double()
    with pytest.raises(ValueError, match="the cache is of another model"):
        transformer(11)(IDS, other.new_cache(SOURCE.clamp(max=11)))


@pytest.mark.parametrize(
    "options, message",
    [
        ({"d_model": 7, "n_heads": 2}, "cannot share"),
        ({"d_model": 9, "n_heads": 3}, "even"),
        ({"source_vocab_size": 0}, "vocab_size must be at least 1"),
        ({"dropout": 1.0}, "dropout"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Seq2SeqTransformerConfig(vocab_size=11, pad_id=0, **options)
