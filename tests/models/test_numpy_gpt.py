"""The GPT in NumPy has the logits of the GPT in torch, whatever its settings, and shares its caches."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from arlm_helpers.decoding.sampling import generate
from arlm_helpers.models import numpy_gpt, numpy_linear
from arlm_helpers.models.blocks import ACTIVATION
from arlm_helpers.models.gpt_config import GPTConfig, compact_config, gpt2_config, llama_config
from arlm_helpers.models.loading import load_gpt2_state
from arlm_helpers.models.numpy_gpt import NumpyGPT
from arlm_helpers.models.numpy_linear import row_by_row
from arlm_helpers.models.quantised import quantised
from arlm_helpers.models.transformer import GPT
from tests.zoo import LLAMA, TINY, gpt

GPT2 = GPTConfig(vocab_size=11, **TINY)
SETTINGS = {
    "gpt2": GPT2,
    "llama": llama_config(vocab_size=11, **LLAMA),
    "compact": compact_config(vocab_size=11, **TINY, ngram_rows=100),
    "sinusoidal": replace(GPT2, positions="sinusoidal"),
    "no positions": replace(GPT2, positions="none"),
    "no norm": replace(GPT2, norm="none"),
    "norm without gain": replace(GPT2, norm_gain=False),
    "no bias": replace(GPT2, bias=False),
    "rms and bias": replace(GPT2, norm="rms"),
    "exact gelu": replace(GPT2, activation="gelu"),
    "no residual": replace(GPT2, residual=False),
    "shared keys, qk norm, scale": replace(GPT2, n_kv_heads=1, qk_norm=True, attention_scale=0.3),
}


def some_ids(rows=3, time=10):
    return torch.randint(11, (rows, time), generator=torch.Generator().manual_seed(1))


def steps(model, ids):
    """Logits of a text that is read one token at a time."""
    cache = model.new_cache()
    return torch.cat([model(column, cache) for column in ids.split(1, dim=1)], dim=1)


def assert_same(ours, expected):
    assert expected.std() > 0.1  # a difference would show
    torch.testing.assert_close(ours, expected.detach(), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_has_the_logits_of_torch_at_once_and_step_by_step(name):
    model = gpt(SETTINGS[name])
    assert_same(NumpyGPT(model)(some_ids()), model(some_ids()))
    assert_same(steps(NumpyGPT(model), some_ids()), model(some_ids()))


@pytest.mark.parametrize("name", ["gpt2", "llama", "compact"])
def test_matrices_that_are_streamed_and_texts_in_pieces_change_nothing(name, monkeypatch):
    monkeypatch.setattr(numpy_linear, "STREAMED", 0)
    monkeypatch.setattr(numpy_gpt, "PIECE", 3)
    model = gpt(SETTINGS[name])
    assert_same(NumpyGPT(model)(some_ids()), model(some_ids()))
    assert_same(steps(NumpyGPT(model), some_ids()), model(some_ids()))


@pytest.mark.parametrize("name", ["gpt2", "llama", "compact"])
def test_in_eight_bits_it_says_what_the_quantised_gpt_says_to_the_rounding(name):
    model = GPT(replace(SETTINGS[name], zero_init=False), rng=torch.Generator().manual_seed(0)).eval()
    exact = model(some_ids()).detach()
    rounded = NumpyGPT(model, int8=True)
    by_torch = (quantised(model)(some_ids()) - exact).detach().square().mean().sqrt()
    by_numpy = (rounded(some_ids()) - exact).square().mean().sqrt()
    assert 0 < by_numpy < 1.5 * by_torch < 0.02 * exact.std()  # gains are worked in before the rounding
    torch.testing.assert_close(steps(rounded, some_ids()), rounded(some_ids()), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("rows", [1, 2, 4, 5, 9])
def test_a_streamed_product_is_the_product(rows):
    rng = np.random.default_rng(0)
    x, weight = rng.standard_normal((rows, 6)), rng.standard_normal((7, 6))
    np.testing.assert_allclose(row_by_row(x, weight), np.einsum("ri,oi->ro", x, weight), rtol=1e-12)
    assert row_by_row(x, weight).flags.c_contiguous


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", numpy_gpt.NUMPY_ACTIVATION)
def test_activations_are_those_of_torch_also_far_from_zero(name):
    x = torch.tensor([-1e4, -100.0, -12.0, -1.5, 0.0, 0.3, 12.0, 1e4])
    ours = torch.from_numpy(numpy_gpt.NUMPY_ACTIVATION[name](x.numpy()))
    torch.testing.assert_close(ours, ACTIVATION[name](x), rtol=1e-5, atol=1e-6)


@torch.inference_mode()
def test_gpt2_has_the_logits_of_transformers():
    torch.manual_seed(0)
    sizes = {"n_positions": 40, "n_layer": 3, "n_head": 4, "n_embd": 32}
    theirs = GPT2LMHeadModel(GPT2Config(vocab_size=31, **sizes, bos_token_id=0, eos_token_id=0)).eval()
    for parameter in theirs.parameters():
        parameter += 0.2 * torch.randn_like(parameter)
    model = GPT(gpt2_config(vocab_size=31, context_length=40, n_layers=3, n_heads=4, d_model=32))
    load_gpt2_state(model, theirs.state_dict())
    ids = torch.randint(31, (2, 40))
    expected = theirs(ids).logits
    for logits in (NumpyGPT(model)(ids), steps(NumpyGPT(model), ids)):
        torch.testing.assert_close(logits, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["gpt2", "llama", "compact"])
@pytest.mark.parametrize("inference", [False, True])
def test_torch_and_numpy_take_turns_with_one_cache(name, inference):
    model, ids = gpt(SETTINGS[name]), some_ids()
    fast, cache = NumpyGPT(model), model.new_cache()
    with torch.inference_mode(inference):
        parts = [model(ids[:, :4], cache), fast(ids[:, 4:6], cache), fast(ids[:, 6:7], cache)]
        parts += [model(ids[:, 7:9], cache), fast(ids[:, 9:], cache)]
        assert_same(torch.cat([part.detach() for part in parts], dim=1), model(ids))


def test_the_same_seed_writes_the_same_text_past_the_context_length():
    model = gpt(SETTINGS["gpt2"])

    def written(model):
        rng = torch.Generator().manual_seed(0)
        return [step.ids.tolist() for step in generate(model, some_ids(), max_tokens=20, rng=rng)]

    assert written(NumpyGPT(model)) == written(model)


def test_what_torch_refuses_is_refused():
    model = gpt(GPT2)
    fast, cache = NumpyGPT(model), model.new_cache()
    with pytest.raises(ValueError, match="13 tokens do not fit context_length = 12"):
        fast(some_ids(time=13))
    with pytest.raises(ValueError, match=r"ids must lie in 0 … 10, got -1 … 2"):
        fast(torch.tensor([[-1, 2]]))
    fast(some_ids(), cache)
    with pytest.raises(ValueError, match="keys of 3 rows, but ids have 2"):
        fast(some_ids(rows=2, time=1), cache)


@pytest.mark.parametrize("model", [GPT(GPT2).bfloat16(), GPT(GPT2).to("meta")])
def test_weights_that_numpy_cannot_read_are_refused(model):
    with pytest.raises(ValueError, match=r"NumPy reads float32 and float64 .* model\.float\(\)\.cpu\(\)"):
        NumpyGPT(model)
