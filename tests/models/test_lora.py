"""An adapter adds exactly (alpha / r) B A, changes nothing at first, and can be merged and taken back."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional

from arlm_helpers.models.gpt_config import GPTConfig, gpt2_config, llama_config
from arlm_helpers.models.lora import (
    LoRALinear,
    add_lora,
    lora_layers,
    lora_parameters,
    merge_lora,
    remove_lora,
    set_strength,
    unmerge_lora,
)
from arlm_helpers.models.transformer import GPT

IDS = torch.tensor([[3, 1, 4, 1, 5, 9, 2, 6]])


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def small_gpt(**changes):
    sizes = {"vocab_size": 11, "context_length": 16, "n_layers": 2, "n_heads": 2, "n_kv_heads": 1}
    return GPT(llama_config(**(sizes | {"d_model": 16, "d_ff": 24} | changes)), rng=rng()).eval()


def learned(model, seed=5):
    """Adapters that have learned something."""
    with torch.no_grad():
        for _, weight in lora_parameters(model):
            weight.normal_(std=0.3, generator=rng(seed))
            seed += 1
    return model


def test_the_detour_is_that_of_a_sum_by_hand():
    base = nn.Linear(3, 2)
    layer = LoRALinear(base, 1, alpha=6.0)
    with torch.no_grad():
        base.weight.copy_(torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]))
        base.bias.copy_(torch.tensor([0.5, -0.5]))
        layer.a.copy_(torch.tensor([[1.0, 0.0, -1.0]]))
        layer.b.copy_(torch.tensor([[2.0], [10.0]]))
    x = torch.tensor([5.0, 1.0, 3.0])  # W x + b = [16.5, 42.5]; A x = 2; B A x = [4, 20]; times 6 / 1
    assert layer(x).tolist() == [16.5 + 24, 42.5 + 120]
    assert layer.update().tolist() == [[12, 0, -12], [60, 0, -60]]
    layer.strength = 0.5
    assert layer(x).tolist() == [16.5 + 12, 42.5 + 60]


@pytest.mark.parametrize("make", [small_gpt, lambda: GPT(gpt2_config(vocab_size=11, context_length=16,
    n_layers=2, n_heads=2, d_model=16), rng=rng()).eval()], ids=["llama", "gpt2"])  # fmt: skip
def test_before_training_the_logits_are_the_same_to_the_bit(make):
    model = make()
    before = model(IDS)
    add_lora(model, 2, layers=["query", "value", "up"], rng=rng(1))
    assert torch.equal(model(IDS), before)


def test_the_number_of_parameters_is_r_times_the_sum_of_both_widths():
    model = small_gpt()
    adapters = add_lora(model, 3)
    widths = {"query": (16, 16), "key": (16, 8), "value": (16, 8), "output": (16, 16)}
    widths |= {"gate": (16, 24), "up": (16, 24), "down": (24, 16)}
    by_hand = 2 * sum(3 * (d_in + d_out) for d_in, d_out in widths.values())
    assert len(adapters) == 14
    assert sum(weight.numel() for _, weight in lora_parameters(model)) == by_hand
    assert sum(weight.numel() for weight in model.parameters() if weight.requires_grad) == by_hand


def test_names_pick_layers_by_their_end_or_their_whole_path():
    assert list(add_lora(small_gpt(), 1, layers=["value"])) == [
        "blocks.0.attention.value", "blocks.1.attention.value"
    ]  # fmt: skip
    assert list(add_lora(small_gpt(), 1, layers=["blocks.1.feed_forward.up"])) == ["blocks.1.feed_forward.up"]


def test_only_the_adapters_learn_and_the_weights_stay_to_the_bit():
    model = small_gpt()
    before = copy.deepcopy(model.state_dict())
    add_lora(model, 2, rng=rng(1))
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=0.03)
    first = functional.cross_entropy(model(IDS)[0, :-1], IDS[0, 1:])
    for _ in range(60):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(IDS)[0, :-1], IDS[0, 1:])
        loss.backward()
        optimizer.step()
    assert loss < first - 0.1  # the frozen head is small: no logit can grow beyond 0.4
    remove_lora(model)
    assert all(torch.equal(weight, before[name]) for name, weight in model.state_dict().items())


def test_at_first_a_gets_no_gradient_and_b_does():
    model = small_gpt()
    add_lora(model, 2, rng=rng(1))
    model(IDS).logsumexp(-1).sum().backward()
    assert all(not layer.a.grad.any() and layer.b.grad.any() for layer in lora_layers(model).values())


def test_merged_the_logits_are_equal_to_rounding_and_unmerged_to_the_bit():
    model = small_gpt()
    plain = copy.deepcopy(model)
    add_lora(model, 2, rng=rng(1))
    learned(model)
    beside = model(IDS)
    assert (beside - plain(IDS)).abs().max() > 0.01  # the adapters matter
    merge_lora(model)
    merge_lora(model)  # a second time changes nothing
    torch.testing.assert_close(model(IDS), beside, rtol=1e-5, atol=1e-6)
    unmerge_lora(model)
    unmerge_lora(model)
    assert torch.equal(model(IDS), beside)
    remove_lora(model)
    assert torch.equal(model(IDS), plain(IDS))


def test_a_merged_model_without_its_adapters_is_a_plain_model_of_the_same_size():
    model = small_gpt()
    kinds = [type(layer) for layer in model.modules()]
    add_lora(model, 2, rng=rng(1))
    beside = learned(model)(IDS)
    merge_lora(model)
    remove_lora(model)
    assert [type(layer) for layer in model.modules()] == kinds
    torch.testing.assert_close(model(IDS), beside, rtol=1e-5, atol=1e-6)


def test_strength_zero_is_the_model_as_it_was_and_the_update_grows_in_proportion():
    model = small_gpt()
    before = model(IDS)
    adapters = add_lora(model, 2, rng=rng(1))
    learned(model)
    whole = {name: layer.update() for name, layer in adapters.items()}
    set_strength(model, 0.0)
    assert torch.equal(model(IDS), before)
    set_strength(model, 1.5)
    for name, layer in adapters.items():
        torch.testing.assert_close(layer.update(), 1.5 * whole[name])


def test_the_update_has_the_rank_of_the_adapter():
    model = small_gpt()
    adapters = add_lora(model, 3, rng=rng(1))
    learned(model)
    assert {int(torch.linalg.matrix_rank(layer.update())) for layer in adapters.values()} == {3}


def test_a_cache_still_gives_the_logits_of_one_reading():
    model = small_gpt()
    add_lora(model, 2, rng=rng(1))
    learned(model)
    cache = model.new_cache()
    parts = [model(IDS[:, :3], cache), model(IDS[:, 3:], cache)]
    torch.testing.assert_close(torch.cat(parts, dim=1), model(IDS))


@pytest.mark.parametrize("rank", [0, -1, 9])
def test_a_rank_that_the_layers_do_not_have_is_refused_before_anything_changes(rank):
    model = small_gpt()  # keys are 8 wide
    with pytest.raises(ValueError, match=rf"the rank must lie in 1 … \d+ .*, got {rank}"):
        add_lora(model, rank)
    assert not lora_layers(model) and all(weight.requires_grad for weight in model.parameters())


def test_names_that_fit_nothing_are_refused_with_those_that_do():
    with pytest.raises(ValueError, match=r"no linear layer is called 'q_proj'; there are .*'query'"):
        add_lora(small_gpt(), 1, layers=["query", "q_proj"])


def test_no_names_are_refused():
    with pytest.raises(ValueError, match="no linear layer is called by no name at all; there are"):
        add_lora(small_gpt(), 1, layers=[])


def test_a_head_that_is_the_embedding_gets_no_adapter():
    with pytest.raises(ValueError, match="head: tied to another layer, and merging would change both"):
        add_lora(small_gpt(), 1, layers=["head"])
    assert list(add_lora(small_gpt(tied=False), 1, layers=["head"])) == ["head"]


def test_what_makes_no_sense_is_refused():
    with pytest.raises(ValueError, match="alpha must be positive, got 0"):
        add_lora(small_gpt(), 1, alpha=0)
    model = small_gpt()
    for needs_adapters in (merge_lora, unmerge_lora, remove_lora, lambda m: set_strength(m, 1.0)):
        with pytest.raises(ValueError, match="this GPT has no adapters"):
            needs_adapters(model)
    add_lora(model, 1)
    with pytest.raises(ValueError, match="has adapters already"):
        add_lora(model, 1)
    with pytest.raises(ValueError, match="the strength must be a number, got nan"):
        set_strength(model, float("nan"))
    merge_lora(model)
    with pytest.raises(ValueError, match=r"merged into the weights; unmerge_lora"):
        set_strength(model, 0.5)


def test_adapters_fit_any_module_with_linear_layers():
    config = GPTConfig(vocab_size=5)
    model = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, config.vocab_size))
    assert list(add_lora(model, 2, layers=["2"])) == ["2"]
