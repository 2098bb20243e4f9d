"""The layers of a GPT, each option against the library or against what it promises."""

import pytest
import torch
from torch.nn import functional

from arlm_helpers.models.blocks import Block, CausalSelfAttention, FeedForward, new_norm
from arlm_helpers.models.gpt_config import GPTConfig
from arlm_helpers.models.positions import rotary_angles, rotate

SMALL = {"vocab_size": 5, "n_heads": 4, "d_model": 16}


def randn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def layer_of(kind, **choices):
    torch.manual_seed(0)
    return kind(GPTConfig(**(SMALL | choices))).double()


@pytest.mark.parametrize("fast", [True, False], ids=["fast", "by-hand"])
def test_shared_heads_are_grouped_query_attention_of_the_library(fast):
    layer, x = layer_of(CausalSelfAttention, n_kv_heads=2, fast=fast), randn(2, 5, 16)
    queries, keys, values = (
        part(x).view(2, 5, -1, 4).transpose(1, 2) for part in (layer.query, layer.key, layer.value)
    )
    found = functional.scaled_dot_product_attention(queries, keys, values, is_causal=True, enable_gqa=True)
    torch.testing.assert_close(layer(x), layer.output(found.transpose(1, 2).reshape(2, 5, 16)))


def test_normalised_queries_and_keys_have_length_root_d_head_whatever_their_weights():
    layer, x = layer_of(CausalSelfAttention, qk_norm=True), randn(2, 5, 16)
    before = layer(x)
    layer.query.weight.data *= 100
    layer.query.bias.data *= 100
    torch.testing.assert_close(layer(x), before, rtol=1e-6, atol=1e-6)  # but for the norm's epsilon
    lengths = layer.place(randn(2, 4, 5, 4), None).norm(dim=-1)
    torch.testing.assert_close(lengths, torch.full_like(lengths, 2))


def test_attention_weights_are_dropped_while_training_only():
    layer, x = layer_of(CausalSelfAttention, dropout=0.5), randn(2, 5, 16)
    whole = layer_of(CausalSelfAttention)(x)
    assert torch.equal(layer.eval()(x), whole)
    assert not torch.allclose(layer.train()(x), whole)


def test_queries_and_keys_are_rotated_and_values_are_not():
    layer, x = layer_of(CausalSelfAttention), randn(2, 5, 16)
    rotary = rotary_angles(torch.arange(5), 4)
    queries, keys, values = (
        part(x).view(2, 5, 4, 4).transpose(1, 2) for part in (layer.query, layer.key, layer.value)
    )
    found = functional.scaled_dot_product_attention(
        rotate(queries, *rotary), rotate(keys, *rotary), values, is_causal=True
    )
    torch.testing.assert_close(layer(x, rotary), layer.output(found.transpose(1, 2).reshape(2, 5, 16)))


def test_the_scale_of_scores_can_be_chosen():
    default, same = layer_of(CausalSelfAttention), layer_of(CausalSelfAttention, attention_scale=0.5)
    torch.testing.assert_close(default(randn(2, 5, 16)), same(randn(2, 5, 16)))  # 1/√4
    other = layer_of(CausalSelfAttention, attention_scale=1.0)
    assert not torch.allclose(other(randn(2, 5, 16)), same(randn(2, 5, 16)))


@pytest.mark.parametrize(
    "name, by_hand",
    [
        ("gelu", lambda x: x * (1 + torch.erf(x / 2**0.5)) / 2),
        ("gelu_tanh", lambda x: x / 2 * (1 + torch.tanh((2 / torch.pi) ** 0.5 * (x + 0.044715 * x**3)))),
        ("relu2", lambda x: x.clamp(min=0) ** 2),
    ],
)
def test_activations_are_their_formulas(name, by_hand):
    layer, x = layer_of(FeedForward, activation=name), randn(2, 5, 16)
    torch.testing.assert_close(layer(x), layer.down(by_hand(layer.up(x))))


def test_swiglu_multiplies_by_a_gate():
    layer, x = layer_of(FeedForward, activation="swiglu"), randn(2, 5, 16)
    gate = layer.gate(x)
    torch.testing.assert_close(layer(x), layer.down(gate * gate.sigmoid() * layer.up(x)))


def test_norms_by_hand():
    x, eps = randn(2, 5, 16), 1e-5
    centred = x - x.mean(dim=-1, keepdim=True)
    layer_norm = centred / (centred.square().mean(dim=-1, keepdim=True) + eps).sqrt()
    rms_norm = x / (x.square().mean(dim=-1, keepdim=True) + eps).sqrt()
    for name, expected in (("layer", layer_norm), ("rms", rms_norm), ("none", x)):
        torch.testing.assert_close(new_norm(GPTConfig(**SMALL, norm=name)).double()(x), expected)


def test_a_block_adds_to_the_stream_what_its_layers_read_off_it():
    block, x = layer_of(Block), randn(2, 5, 16)
    between = x + block.attention(block.attention_norm(x))
    expected = between + block.feed_forward(block.feed_forward_norm(between))
    torch.testing.assert_close(block(x), expected)


def test_a_block_without_residuals_replaces_the_stream():
    block, x = layer_of(Block, residual=False), randn(2, 5, 16)
    torch.nn.init.zeros_(block.feed_forward.down.weight)
    torch.nn.init.zeros_(block.feed_forward.down.bias)
    assert block(x).eq(0).all()


def test_a_block_without_norms_reads_the_stream_as_it_is():
    block, x = layer_of(Block, norm="none"), randn(2, 5, 16)
    between = x + block.attention(x)
    torch.testing.assert_close(block(x), between + block.feed_forward(between))


def test_dropout_acts_on_what_is_added_and_only_while_training():
    block, x = layer_of(Block, dropout=0.9), randn(1, 1, 16)  # a single key: no weights to drop but one
    assert torch.equal(block.eval()(x), layer_of(Block)(x))
    torch.manual_seed(0)
    untouched = (block.train()(x) == x).double().mean()
    assert untouched > 0.5  # 0.9² on average; fewer than half in one of a million runs
