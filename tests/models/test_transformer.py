"""The whole GPT: what it starts from, what it refuses, and that speed changes no number."""

import math
from dataclasses import replace

import jaxtyping
import pytest
import torch

from arlm_helpers.models.gpt_config import GPTConfig, compact_config, llama_config
from arlm_helpers.models.positions import rotary_angles
from arlm_helpers.models.transformer import GPT
from arlm_helpers.training.losses import cross_entropy
from tests.zoo import LLAMA, MODELS, TINY, gpt

MODERN = compact_config(vocab_size=11, **TINY)


def seeded(config, seed=0):
    return GPT(config, rng=torch.Generator().manual_seed(seed))


def some_ids(rows=3, time=10):
    return torch.randint(11, (rows, time), generator=torch.Generator().manual_seed(1))


def loss_and_gradients(model):
    loss = cross_entropy(model(some_ids()[:, :-1]), some_ids()[:, 1:])
    loss.backward()
    return loss.detach(), {name: parameter.grad for name, parameter in model.named_parameters()}


@pytest.mark.parametrize(
    "config", [GPTConfig(vocab_size=11, **TINY), MODERN, llama_config(vocab_size=11, **LLAMA)]
)
def test_loss_and_gradients_by_hand_are_those_of_the_fused_call(config):
    fused, by_hand = (loss_and_gradients(gpt(replace(config, fast=fast))) for fast in (True, False))
    torch.testing.assert_close(fused, by_hand, rtol=1e-10, atol=1e-10)


def test_the_same_seed_gives_the_same_weights_and_another_seed_others():
    config = GPTConfig(vocab_size=11, **TINY)
    first, again, other = (seeded(config, seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["embed.tokens.weight"], other["embed.tokens.weight"])


def test_a_new_model_is_nearly_or_exactly_undecided():
    logits = seeded(GPTConfig(vocab_size=11, **TINY))(some_ids())
    assert abs(cross_entropy(logits[:, :-1], some_ids()[:, 1:]).item() - math.log(11)) < 0.05
    assert seeded(MODERN)(some_ids()).eq(0).all()


def test_layers_that_write_to_the_stream_start_smaller():
    model = seeded(GPTConfig(vocab_size=11, n_layers=8, n_heads=4, d_model=128))
    block = model.blocks[3]
    assert block.feed_forward.up.weight.std().item() == pytest.approx(0.02, rel=0.02)
    for writer in (block.attention.output, block.feed_forward.down):
        assert writer.weight.std().item() == pytest.approx(0.02 / 4, rel=0.02)  # √(2 · 8)
        assert writer.bias.eq(0).all()


def test_a_zero_start_leaves_the_stream_as_embedded_and_a_tied_head_alive():
    model = seeded(replace(MODERN, tied=True))
    first, *_, last = model.stream(some_ids())
    assert torch.equal(first, last) and model.head.weight.std() > 0.01


def test_the_stream_ends_where_the_logits_begin():
    model = MODELS["llama"](11)
    states = model.stream(some_ids())
    angles = rotary_angles(torch.arange(10), model.config.d_head, base=model.config.rotary_base)
    assert len(states) == 1 + model.config.n_layers
    torch.testing.assert_close(states[1], model.blocks[0](states[0], angles))
    torch.testing.assert_close(model.head(model.norm(states[-1])), model(some_ids()))


def test_without_positions_the_order_of_earlier_tokens_is_lost():
    ids = torch.tensor([[1, 2, 3, 4], [2, 3, 1, 4]])
    for positions, lost in (("none", True), ("learned", False), ("sinusoidal", False), ("rotary", False)):
        config = GPTConfig(vocab_size=11, **{**TINY, "n_layers": 1}, positions=positions)
        first, second = gpt(config)(ids)[:, -1]
        assert torch.allclose(first, second) == lost, positions


def test_tied_weights_are_one_parameter_that_counts_once():
    tied, untied = (GPT(GPTConfig(vocab_size=11, **TINY, tied=tied)) for tied in (True, False))
    assert tied.head.weight is tied.embed.tokens.weight
    assert untied.n_parameters - tied.n_parameters == 11 * 16


def test_matrices_are_those_of_the_blocks_and_nothing_else():
    model = GPT(replace(MODERN, bias=True, norm_gain=True))
    shapes = {name: tuple(model.get_parameter(name).shape) for name in model.matrices()}
    parts = ["attention.query", "attention.key", "attention.value", "attention.output"]
    expected = {f"blocks.{i}.{part}.weight": (16, 16) for i in range(2) for part in parts}
    expected |= {f"blocks.{i}.feed_forward.up.weight": (64, 16) for i in range(2)}
    expected |= {f"blocks.{i}.feed_forward.down.weight": (16, 64) for i in range(2)}
    assert shapes == expected and set(model.matrices().values()) == {1}


@pytest.mark.parametrize(
    "ids, hint",
    [
        (torch.zeros(1, 13, dtype=torch.long), r"13 tokens do not fit context_length = 12; .*ids\[:, -12:\]"),
        (torch.zeros(1, 0, dtype=torch.long), "ids are empty"),
        (torch.tensor([[3, 11]]), r"ids must lie in 0 … 10, got 3 … 11"),
        (torch.tensor([[-1, 2]]), r"ids must lie in 0 … 10, got -1 … 2"),
        (torch.zeros(1, 3, dtype=torch.int16), r"must be int64, got torch.int16; .*ids.long\(\)"),
    ],
)
def test_ids_that_cannot_be_read_are_refused_with_a_way_out(ids, hint):
    with pytest.raises(ValueError, match=hint):
        seeded(MODERN)(ids)


def test_a_compiled_model_gives_the_same_logits_without_a_graph_break(monkeypatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # a compiler cannot follow the checks
    model = gpt(replace(MODERN, n_layers=1))
    compiled = torch.compile(model, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(some_ids()), model(some_ids()))


@pytest.mark.parametrize("name", ["gpt", "llama", "compact"])
@pytest.mark.parametrize("cached", [False, True])
def test_bfloat16_autocast_gives_nearly_the_same_loss(name, cached):
    model = MODELS[name](11).float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = model(some_ids(), model.new_cache() if cached else None)
    losses = [cross_entropy(each.float(), some_ids()).item() for each in (logits, model(some_ids()))]
    assert losses[0] == pytest.approx(losses[1], rel=0.02)


def test_a_model_on_the_meta_device_tells_shapes_without_memory():
    with torch.device("meta"):
        logits = GPT(llama_config())(torch.zeros(2, 100, dtype=torch.long))
    assert logits.shape == (2, 100, 49_152)
