"""Two sizes of training: what they build and need, and the path of the GPU as far as a processor goes."""

import json
from dataclasses import replace

import pytest
import torch
from training.interrupted import new_process
from training.tiny import TEXT

from arlm_helpers.decoding.evaluation import token_nats
from arlm_helpers.models.gpt_config import count_parameters
from arlm_helpers.models.transformer import GPT
from arlm_helpers.training.held_out import held_out_loss
from arlm_helpers.training.scales import GPU, SCALES, on_this_machine


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(("name", "smallest", "largest"), [("laptop", 3e5, 1.6e6), ("gpu", 9e6, 12e6)])
def test_without_memory_a_batch_of_full_size_goes_through_a_model_of_full_size(name, smallest, largest):
    scale = SCALES[name]
    config = scale.model(69)
    with torch.device("meta"):
        model = GPT(config)
        ids = torch.zeros(scale.batch_size, config.context_length, dtype=torch.long)
        assert model(ids).shape == (scale.batch_size, 256, 69)
    assert smallest < model.n_parameters == count_parameters(config) < largest


GPU_ON_A_PROCESSOR = """
import json
from dataclasses import replace
import torch
from training.tiny import TEXT
from arlm_helpers.models.transformer import GPT
from arlm_helpers.training.batches import ShuffledWindows
from arlm_helpers.training.scales import GPU
from arlm_helpers.training.trainer import train

def losses(**changes):
    sizes = {"context_length": 16, "n_layers": 2, "n_heads": 2, "d_model": 16, "dropout": 0.0}
    model = GPT(replace(GPU.model(32), **sizes), rng=torch.Generator().manual_seed(0))
    training = replace(GPU.training, device="cpu", n_steps=4, **changes)
    batches = ShuffledWindows(TEXT, context_length=16, batch_size=8)
    return [step.loss for step in train(model, batches, training)]

torch.set_num_threads(1)
plain = losses(compile=False, precision="fp32")
compiled = losses(compile="eager", precision="fp32")
n_breaks = sum(torch._dynamo.utils.counters["graph_break"].values())
print(json.dumps([plain, compiled, losses(compile="eager"), n_breaks]))
"""


def test_the_training_of_the_gpu_runs_on_a_processor_compiled_and_in_bfloat16():
    plain, compiled, bfloat16, n_breaks = json.loads(new_process("-c", GPU_ON_A_PROCESSOR))
    assert compiled == pytest.approx(plain, abs=1e-5) and n_breaks == 0
    assert bfloat16 == pytest.approx(plain, rel=0.02) and bfloat16 != plain


def test_dropout_is_part_of_the_gpu_scale():
    assert GPU.model(69).dropout > 0 and GPU.model(69).fast and GPU.training.compile is True


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"),
    [(True, False, ("cuda", True, "bf16")), (False, True, ("mps", False, "bf16"))],
)
def test_the_gpu_that_is_there_is_taken(monkeypatch, cuda, mps, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    training = on_this_machine(GPU).training
    assert (training.device, training.compile, training.precision) == expected


@pytest.mark.parametrize("context_length", [16, 15])
def test_the_held_out_loss_is_that_of_a_sliding_window(context_length):
    config = replace(SCALES["laptop"].model(32), context_length=context_length, d_model=12, zero_init=False)
    model = GPT(config, rng=torch.Generator().manual_seed(0)).eval()
    half, rest = context_length // 2, (context_length + 1) // 2
    ids = TEXT[: context_length + 1 + 9 * rest]  # ten windows to the end
    expected = token_nats(model, ids, first=half + 1, window=context_length, min_context=half + 1)
    assert held_out_loss(model, ids, context_length, batch_size=4) == pytest.approx(
        expected.double().mean().item(), abs=1e-6
    )
    with pytest.raises(ValueError, match=f"has {context_length} tokens, and one window needs"):
        held_out_loss(model, ids[:context_length], context_length)
