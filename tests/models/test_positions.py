"""Computed positions against those of transformers, and what rotations promise."""

import pytest
import torch
from transformers import LlamaConfig
from transformers.models.distilbert.modeling_distilbert import create_sinusoidal_embeddings
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding, apply_rotary_pos_emb

from arlm_helpers.models.positions import rotary_angles, rotate, sinusoidal_positions


def randn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_sinusoidal_positions_are_those_of_transformers():
    expected = torch.empty(50, 16)
    create_sinusoidal_embeddings(50, 16, out=expected)
    torch.testing.assert_close(sinusoidal_positions(torch.arange(50), 16), expected, rtol=0, atol=1e-5)


def test_the_first_sine_has_a_wavelength_of_two_pi_tokens():
    positions = sinusoidal_positions(torch.tensor([0, 1, 2]), 4)
    # place 0: sin(t), place 1: cos(t); the second clock is 100 times slower
    by_hand = [[0, 1, 0, 1], [0.841471, 0.540302, 0.01, 0.99995], [0.909297, -0.416147, 0.019999, 0.9998]]
    torch.testing.assert_close(positions, torch.tensor(by_hand), rtol=0, atol=1e-6)


@pytest.mark.parametrize("base", [100.0, 10_000.0])
def test_rotation_is_that_of_transformers_llama(base):
    config = LlamaConfig(head_dim=8, rope_parameters={"rope_type": "default", "rope_theta": base})
    queries, keys, positions = randn(2, 3, 20, 8), randn(2, 3, 20, 8, seed=1), torch.arange(20) + 100
    cos, sin = LlamaRotaryEmbedding(config)(queries, positions[None])
    expected = apply_rotary_pos_emb(queries, keys, cos, sin)
    rotary = rotary_angles(positions, 8, base=base)
    for ours, theirs in zip((rotate(queries, *rotary), rotate(keys, *rotary)), expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-4)


def test_products_of_rotated_vectors_depend_on_the_distance_only():
    query, key = randn(1, 8), randn(1, 8, seed=1)

    def product(query_at, key_at):
        turned = [
            rotate(x, *rotary_angles(torch.tensor([at]), 8)) for x, at in ((query, query_at), (key, key_at))
        ]
        return (turned[0] @ turned[1].mT).item()

    assert product(9, 4) == pytest.approx(product(25, 20), abs=1e-5)
    assert abs(product(9, 4) - product(9, 5)) > 1e-2


def test_rotation_keeps_lengths_and_leaves_position_zero_alone():
    x = randn(5, 8)
    turned = rotate(x, *rotary_angles(torch.arange(5), 8))
    torch.testing.assert_close(turned.norm(dim=-1), x.norm(dim=-1))
    assert torch.equal(turned[0], x[0])


def test_rotation_keeps_the_precision_of_its_input():
    assert rotate(randn(5, 8).bfloat16(), *rotary_angles(torch.arange(5), 8)).dtype == torch.bfloat16
