"""Weights in eight bits: what is rounded and how far, by hand and by the library, and what stays."""

import pytest
import torch
from torch import nn

from arlm_helpers.models.gpt_config import GPTConfig, llama_config
from arlm_helpers.models.quantised import QuantisedLinear, quantise_rows, quantised, whole_steps
from arlm_helpers.models.transformer import GPT
from tests.zoo import LLAMA, MODELS, TINY, gpt


def randn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def linear(d_in, d_out, bias=True):
    layer = nn.Linear(d_in, d_out, bias=bias)
    for i, parameter in enumerate(layer.parameters()):
        parameter.data = randn(*parameter.shape, seed=i)
    return layer


def some_ids(rows=3, time=10):
    return torch.randint(11, (rows, time), generator=torch.Generator().manual_seed(1))


def test_rows_are_rounded_as_by_hand():
    rows, scales = quantise_rows(torch.tensor([[1.27, -0.502, 0.004], [-254.0, 3.1, 2.9], [0.0, 0.0, 0.0]]))
    assert rows.tolist() == [[127, -50, 0], [-127, 2, 1], [0, 0, 0]] and rows.dtype == torch.int8
    torch.testing.assert_close(scales, torch.tensor([0.01, 2.0, 1.0]))


def test_rows_are_those_of_torchs_own_rounding():
    weight = randn(40, 30)
    rows, scales = quantise_rows(weight)
    zeros = torch.zeros(40, dtype=torch.int32)
    expected = torch.fake_quantize_per_channel_affine(weight, scales, zeros, 0, -128, 127)
    torch.testing.assert_close(rows * scales.unsqueeze(1), expected)
    assert ((expected - weight).abs() <= scales.unsqueeze(1) * 0.5001).all()


@pytest.mark.parametrize("wrong", [torch.nan, torch.inf])
def test_weights_that_are_not_finite_are_refused(wrong):
    with pytest.raises(ValueError, match="weights must be finite"):
        quantise_rows(torch.tensor([[1.0, wrong]]))


def test_an_input_becomes_steps_between_its_own_ends_as_by_hand():
    steps, size, zero = whole_steps(torch.tensor([[-1.0, 0.0, 0.26, 1.54], [2.54, 1.0, 0.0, 0.03]]))
    torch.testing.assert_close(size, torch.tensor([[0.02], [0.02]]))
    assert zero.tolist() == [[50], [0]]
    assert steps.tolist() == [[0, 50, 63, 127], [127, 50, 0, 2]]  # 1.5 steps are rounded to the even 2


@pytest.mark.parametrize("shift", [-3.0, 0.0, 3.0])
def test_zero_stays_zero_and_nothing_moves_by_more_than_half_a_step(shift):
    x = randn(50, 60) + shift
    x[:, 7] = 0.0
    steps, size, zero = whole_steps(x)
    back = (steps - zero) * size
    assert back[:, 7].eq(0).all() and steps.min() >= 0 and steps.max() <= 127
    inside = x < x.max(dim=1, keepdim=True).values  # the largest may be cut by up to a step
    assert ((back - x).abs() <= size * 0.501)[inside].all()


@pytest.mark.parametrize("shape", [(1, 1, 30), (30,), (4, 30), (2, 3, 30)])
@pytest.mark.parametrize("bias", [True, False])
def test_the_librarys_product_gives_the_numbers_by_hand(shape, bias):
    layer, x = linear(30, 20, bias), 3 * randn(*shape, seed=2) + 1
    fast, by_hand = QuantisedLinear(layer), QuantisedLinear(layer, fast=False)
    torch.testing.assert_close(fast(x), by_hand(x), rtol=1e-4, atol=1e-4)
    assert (fast.packed is not None) == (len(shape) > 1) and by_hand.packed is None
    error = (fast(x) - layer(x)).square().mean().sqrt() / layer(x).std()
    assert 1e-4 < error < 0.03


def test_large_weights_and_inputs_do_not_overflow_the_librarys_sums():
    """All products at their largest: if a sum of two did not fit its 16 bits, the result would show it."""
    layer = nn.Linear(64, 4, bias=False)
    layer.weight.data = torch.ones(4, 64)
    torch.testing.assert_close(QuantisedLinear(layer)(torch.ones(3, 64)), torch.full((3, 4), 64.0))
    torch.testing.assert_close(QuantisedLinear(layer)(torch.ones(1, 64)), torch.full((1, 4), 64.0))


def test_zeros_give_the_bias():
    layer = linear(30, 20)
    for fast in (True, False):
        torch.testing.assert_close(
            QuantisedLinear(layer, fast=fast)(torch.zeros(1, 30)), layer.bias[None].detach()
        )


def test_each_vector_is_rounded_by_itself():
    layer, x = QuantisedLinear(linear(30, 20)), randn(5, 30)
    louder = torch.cat([x[:4], 100 * x[4:]])
    torch.testing.assert_close(layer(louder)[:4], layer(x)[:4], rtol=0, atol=0)
    torch.testing.assert_close(layer(x)[2:3], layer(x[2:3]), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "config", [GPTConfig(vocab_size=11, **TINY), llama_config(vocab_size=11, **LLAMA)], ids=["gpt", "llama"]
)
def test_every_linear_layer_of_a_gpt_is_quantised_and_the_original_is_not_touched(config):
    model = gpt(config).float()
    before = {name: parameter.clone() for name, parameter in model.named_parameters()}
    small = quantised(model)
    assert not any(isinstance(module, nn.Linear) for module in small.modules())
    n_linears = sum(isinstance(module, nn.Linear) for module in model.modules())
    assert sum(isinstance(module, QuantisedLinear) for module in small.modules()) == n_linears
    assert small.embed.tokens.weight is model.embed.tokens.weight
    assert all(torch.equal(parameter, before[name]) for name, parameter in model.named_parameters())


@torch.inference_mode()
def test_a_quantised_gpt_reads_in_parts_as_at_once_and_says_nearly_the_same():
    model = GPT(GPTConfig(vocab_size=11, **TINY), rng=torch.Generator().manual_seed(0)).eval()
    small, cache = quantised(model), quantised(model).new_cache()
    steps = torch.cat([small(column, cache) for column in some_ids().split(1, dim=1)], dim=1)
    torch.testing.assert_close(steps, small(some_ids()), rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(
        small(some_ids()), quantised(model, fast=False)(some_ids()), rtol=1e-3, atol=1e-3
    )
    difference = small(some_ids()).log_softmax(-1) - model(some_ids()).log_softmax(-1)
    assert 0 < difference.abs().max() < 0.02


def test_recurrent_models_keep_their_cells_and_lose_their_head():
    small = quantised(MODELS["lstm"](11))
    assert isinstance(small.head, QuantisedLinear) and small(some_ids()).shape == (3, 10, 11)
