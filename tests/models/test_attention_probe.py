"""What is recorded is what the model used; what is silenced is out, and back again afterwards."""

import pytest
import torch

from arlm_helpers.models.attention import MultiHeadAttention
from arlm_helpers.models.attention_probe import attention_layers, recorded_weights, without_heads
from arlm_helpers.models.gpt_config import GPTConfig
from arlm_helpers.models.masked import MaskedLM
from tests.zoo import MODELS, TINY


def some_ids(rows=2, time=6):
    return torch.randint(11, (rows, time), generator=torch.Generator().manual_seed(1))


def test_the_layers_are_named_in_the_order_of_reading():
    assert list(attention_layers(MODELS["llama"](11))) == ["blocks.0.attention", "blocks.1.attention"]


@pytest.mark.parametrize("name", ["gpt", "gpt-by-hand", "llama", "compact"])
def test_recorded_weights_sum_to_one_and_see_no_future(name):
    model = MODELS[name](11)
    with recorded_weights(model) as weights:
        model(some_ids())
    for layer in ("blocks.0.attention", "blocks.1.attention"):
        assert weights[layer].shape == (2, 4, 6, 6)
        torch.testing.assert_close(weights[layer].sum(dim=-1), torch.ones(2, 4, 6, dtype=torch.float64))
        assert weights[layer].triu(diagonal=1).eq(0).all()


def test_recorded_weights_of_a_masked_model_see_the_future():
    config = GPTConfig(vocab_size=11, **TINY, fast=False)
    model = MaskedLM(config, rng=torch.Generator().manual_seed(0)).double()
    with recorded_weights(model) as weights:
        model(some_ids())
    found = weights["blocks.0.attention"]
    assert found.triu(diagonal=1).gt(0).any(dim=-1)[..., :-1].all()
    torch.testing.assert_close(found.sum(dim=-1), torch.ones(2, 4, 6, dtype=torch.float64))


@pytest.mark.parametrize("masked", [True, False])
def test_recorded_weights_are_those_of_the_librarys_module(masked):
    ours = MultiHeadAttention(12, 3, rng=torch.Generator().manual_seed(0))
    theirs = torch.nn.MultiheadAttention(12, 3, batch_first=True)
    linears = [ours.query, ours.key, ours.value]
    theirs.in_proj_weight.data = torch.cat([linear.weight.data for linear in linears])
    rng = torch.Generator().manual_seed(1)
    x, memory = torch.randn(2, 5, 12, generator=rng), torch.randn(2, 7, 12, generator=rng)
    mask = torch.ones(5, 7, dtype=torch.bool).tril() if masked else None
    hidden = ~mask if masked else None
    expected = theirs(x, memory, memory, attn_mask=hidden, average_attn_weights=False)[1]
    with recorded_weights(ours) as weights:
        ours(x, memory, mask)
    torch.testing.assert_close(weights["attend"], expected)


def test_with_a_cache_the_weights_reach_back_to_the_first_token():
    model = MODELS["gpt"](11)
    with recorded_weights(model) as whole:
        model(some_ids())
    cache = model.new_cache()
    model(some_ids()[:, :4], cache)
    with recorded_weights(model) as rest:
        model(some_ids()[:, 4:], cache)
    torch.testing.assert_close(rest["blocks.1.attention"], whole["blocks.1.attention"][:, :, 4:])


def test_silent_heads_are_heads_whose_output_has_no_weight():
    model, ids = MODELS["gpt"](11), some_ids()
    before = model(ids)
    with without_heads(model, {"blocks.1.attention": [0, 2]}):
        silenced = model(ids)
    assert torch.equal(model(ids), before)  # all heads are back
    columns = [*range(4), *range(8, 12)]  # heads are four wide
    model.blocks[1].attention.output.weight.data[:, columns] = 0
    torch.testing.assert_close(silenced, model(ids))
    assert not torch.allclose(silenced, before)


def test_silent_heads_learn_nothing_and_the_others_learn():
    model = MODELS["gpt"](11)
    with without_heads(model, {"blocks.0.attention": [1]}):
        model(some_ids()).square().sum().backward()
    learned = model.blocks[0].attention.value.weight.grad.abs().sum(dim=1)
    assert learned[4:8].eq(0).all() and learned[:4].gt(0).all() and learned[8:].gt(0).all()


def test_listening_stops_with_the_block():
    model = MODELS["gpt"](11)
    with recorded_weights(model) as weights:
        pass
    model(some_ids())
    assert weights == {}


def test_unknown_layers_and_heads_are_refused_with_those_there_are():
    model = MODELS["gpt"](11)
    with (
        pytest.raises(ValueError, match=r"blocks\.0\.attention, blocks\.1\.attention"),
        without_heads(model, {"x": [0]}),
    ):
        pass
    with (
        pytest.raises(ValueError, match=r"numbered 0 … 3, got \[4\]"),
        without_heads(model, {"blocks.0.attention": [4]}),
    ):
        model(some_ids())
