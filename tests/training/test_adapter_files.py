"""Adapters come back from disk as they were, and go to no other model."""

from pathlib import Path

import pytest
import torch

from arlm_helpers.decoding.evaluation import token_nats
from arlm_helpers.models.gpt_config import compact_config
from arlm_helpers.models.lora import (
    add_lora,
    lora_layers,
    lora_parameters,
    merge_lora,
    remove_lora,
    set_strength,
)
from arlm_helpers.models.transformer import GPT
from arlm_helpers.text.data import load_corpus
from arlm_helpers.training.adapter_files import load_lora, save_lora
from arlm_helpers.training.tensor_files import DamagedError, read_pair
from arlm_helpers.training.weights import load_weights, save_weights
from tests.smollm2 import needs_smollm2, smollm2

CHECKPOINTS = Path(__file__).resolve().parents[2] / "data" / "checkpoints"

IDS = torch.tensor([[3, 1, 4, 1, 5, 9, 2, 6]])
RECORD = {"corpus": "none", "seed": 0}


def new_model(seed=0, **changes):
    sizes = {"vocab_size": 11, "n_layers": 2, "n_heads": 2, "d_model": 16, "zero_init": False}
    rng = torch.Generator().manual_seed(seed)
    return GPT(compact_config(**(sizes | changes)), rng=rng).eval()


def taught(**options):
    model = new_model()
    add_lora(model, 2, **({"alpha": 3.0, "layers": ["query", "up"]} | options))
    with torch.no_grad():
        for number, (_, weight) in enumerate(lora_parameters(model)):
            weight.normal_(std=0.3, generator=torch.Generator().manual_seed(number))
    return model


def test_saved_and_loaded_adapters_give_the_same_logits(tmp_path):
    model = taught()
    save_lora(model, tmp_path / "a", RECORD)
    other = new_model()
    record = load_lora(other, tmp_path / "a.json")
    assert torch.equal(other(IDS), model(IDS)) and not torch.equal(other(IDS), new_model()(IDS))
    assert record["seed"] == 0 and record["lora"]["rank"] == 2 and record["lora"]["alpha"] == 3.0


def test_only_the_adapters_are_in_the_file_and_half_of_the_bytes_if_asked(tmp_path):
    model = taught()
    n = sum(weight.numel() for _, weight in lora_parameters(model))
    for half, n_bytes in ((False, 4), (True, 2)):
        save_lora(model, tmp_path / "a", RECORD, half=half)
        tensors, _ = read_pair(tmp_path / "a")
        assert sum(t.numel() * t.element_size() for t in tensors.values()) == n_bytes * n
    other = new_model()
    load_lora(other, tmp_path / "a")
    torch.testing.assert_close(other(IDS), model(IDS), rtol=1e-2, atol=1e-3)
    assert all(layer.a.dtype == torch.float32 for layer in lora_layers(other).values())


@pytest.mark.parametrize(
    "other, said",
    [
        (lambda: new_model(1), "weights was"),
        (lambda: new_model(d_model=32), "config.d_model was 16 and is now 32"),
        (lambda: new_model(vocab_size=12), "config.vocab_size was 11 and is now 12"),
    ],
)
def test_the_adapters_of_another_model_are_refused_and_change_nothing(tmp_path, other, said):
    save_lora(taught(), tmp_path / "a", RECORD)
    model = other()
    with pytest.raises(ValueError, match=f"belong to another model: .*{said}"):
        load_lora(model, tmp_path / "a")
    assert not lora_layers(model) and all(weight.requires_grad for weight in model.parameters())


def test_what_cannot_be_saved_or_loaded_says_why(tmp_path):
    with pytest.raises(ValueError, match="this GPT has no adapters"):
        save_lora(new_model(), tmp_path / "a", RECORD)
    with pytest.raises(ValueError, match="lora of the record would hide"):
        save_lora(taught(), tmp_path / "a", RECORD | {"lora": 1})
    model = taught()
    merge_lora(model)
    with pytest.raises(ValueError, match="unmerge_lora"):
        save_lora(model, tmp_path / "a", RECORD)
    save_weights(new_model(), tmp_path / "whole", {})
    with pytest.raises(ValueError, match="holds no adapters; load_weights reads whole models"):
        load_lora(new_model(), tmp_path / "whole")
    save_lora(taught(), tmp_path / "a", RECORD)
    with pytest.raises(ValueError, match="belong to another model"):
        load_weights(new_model(), tmp_path / "a")
    (tmp_path / "a.safetensors").write_bytes(b"cut")
    with pytest.raises(DamagedError, match=r"a\.safetensors is damaged"):
        load_lora(new_model(), tmp_path / "a")


def test_adapters_of_different_ranks_are_refused(tmp_path):
    model = taught()
    next(iter(lora_layers(model).values())).rank = 1
    with pytest.raises(ValueError, match="must have one rank and alpha"):
        save_lora(model, tmp_path / "a", RECORD)


@needs_smollm2
def test_the_stored_adapters_fit_the_chat_model_and_make_a_play_less_surprising():
    model, tokenizer = smollm2()  # of all tests: left as it was found
    ids = torch.tensor(tokenizer.encode(load_corpus("shakespeare").validation[:1000]))
    before = token_nats(model, ids)
    load_lora(model, CHECKPOINTS / "lora_shakespeare")
    try:
        after = token_nats(model, ids).mean()
        set_strength(model, 0.0)
        untouched = token_nats(model, ids)
    finally:
        remove_lora(model)
        model.requires_grad_(True)
    assert torch.equal(untouched, before) and after < before.mean() - 0.15
