"""Finished models on disk: their weights come back into the model they belong to, and into no other."""

from dataclasses import dataclass

import faults
import pytest
import torch
from torch import nn
from training.saved import save

from arlm_helpers.training.checkpoints import Checkpoints
from arlm_helpers.training.tensor_files import DamagedError
from arlm_helpers.training.weights import load_weights, read_record, save_weights

RECORD = {"corpus": "toy", "corpus_sha256": "ab" * 32, "steps": 140, "seconds": 9.5, "seed": 0}


@dataclass(frozen=True)
class TiedConfig:
    vocab_size: int = 5
    d_model: int = 3
    rates: tuple[float, ...] = (0.1, 0.2)
    by_hand: bool = False


class Tied(nn.Module):
    """Embedding and head share one matrix; a buffer is saved, another is not."""

    def __init__(self, config=TiedConfig(), seed=0):
        super().__init__()
        rng = torch.Generator().manual_seed(seed)
        self.config = config
        self.embedding = nn.Embedding(config.vocab_size, config.d_model)
        self.head = nn.Linear(config.d_model, config.vocab_size)
        self.head.weight = self.embedding.weight
        self.register_buffer("scale", torch.rand(2, generator=rng))
        self.register_buffer("scratch", torch.rand(2, generator=rng), persistent=False)
        for parameter in self.parameters():
            nn.init.normal_(parameter, generator=rng)


class Other(Tied):
    pass


def tensors(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


@pytest.mark.parametrize("name", ["lstm", "lstm-1.5", "lstm.safetensors", "lstm.json"])
def test_weights_and_record_come_back(tmp_path, name):
    save_weights(Tied(), tmp_path / "new folder" / name, RECORD)
    loaded = Tied(seed=1)
    record = load_weights(loaded, tmp_path / "new folder" / name)
    torch.testing.assert_close(tensors(loaded), tensors(Tied()), rtol=0, atol=0)
    assert loaded.head.weight is loaded.embedding.weight
    assert all(parameter.requires_grad for parameter in loaded.parameters())
    assert RECORD.items() <= record.items()
    stem = name.removesuffix(".safetensors").removesuffix(".json")
    files = sorted(path.name for path in (tmp_path / "new folder").iterdir())
    assert files == [f"{stem}.json", f"{stem}.safetensors"]


def test_the_record_alone_is_enough_to_build_the_model(tmp_path):
    save_weights(Tied(TiedConfig(d_model=4)), tmp_path / "tied", RECORD)
    record = read_record(tmp_path / "tied")
    assert record["model"] == "Tied"
    config = TiedConfig(**record["config"] | {"rates": tuple(record["config"]["rates"])})
    assert config == TiedConfig(d_model=4)
    load_weights(Tied(config, seed=2), tmp_path / "tied")


def test_tied_weights_are_stored_once(tmp_path):
    save_weights(Tied(TiedConfig(vocab_size=5000)), tmp_path / "tied", RECORD)
    matrix_and_bias = 4 * (5000 * 3 + 5000)
    assert 0 <= (tmp_path / "tied.safetensors").stat().st_size - matrix_and_bias < 1000


@pytest.mark.parametrize(
    ("model", "difference"),
    [
        (Tied(TiedConfig(d_model=4)), "d_model was 3 and is now 4.*embedding.weight was .*float32 .5, 3"),
        (Tied(TiedConfig(rates=(0.1, 0.3))), r"rates was \[0.1, 0.2\] and is now \[0.1, 0.3\]"),
        (Tied(TiedConfig(by_hand=True)), "by_hand was False and is now True"),
        (Other(), "the class was 'Tied' and is now 'Other'"),
        (Tied().double(), "scale was 'torch.float32 .*is now 'torch.float64"),
    ],
    ids=["size", "setting", "flag", "class", "precision"],
)
def test_another_model_is_refused_untouched_and_the_difference_named(tmp_path, model, difference):
    save_weights(Tied(), tmp_path / "tied", RECORD)
    before = tensors(model)
    with pytest.raises(ValueError, match=difference) as caught:
        load_weights(model, tmp_path / "tied")
    assert str(tmp_path / "tied") in str(caught.value)
    torch.testing.assert_close(tensors(model), before, rtol=0, atol=0)


def test_a_setting_may_differ_if_the_caller_says_so(tmp_path):
    save_weights(Tied(), tmp_path / "tied", RECORD)
    model = Tied(TiedConfig(by_hand=True), seed=3)
    load_weights(model, tmp_path / "tied", may_differ=["by_hand"])
    assert torch.equal(model.embedding.weight, Tied().embedding.weight)


def test_one_flipped_bit_is_noticed(tmp_path):
    save_weights(Tied(), tmp_path / "tied", RECORD)
    content = bytearray((tmp_path / "tied.safetensors").read_bytes())
    content[-1] ^= 1
    (tmp_path / "tied.safetensors").write_bytes(content)
    with pytest.raises(DamagedError, match=r"tied\.safetensors is damaged"):
        load_weights(Tied(), tmp_path / "tied")


def test_a_missing_file_and_a_checkpoint_of_a_run_are_told_apart(tmp_path):
    with pytest.raises(DamagedError, match=r"nothing\.json is missing"):
        load_weights(Tied(), tmp_path / "nothing")
    save(Checkpoints(tmp_path), 1)
    with pytest.raises(ValueError, match="holds no finished model"):
        load_weights(Tied(), tmp_path / "step_00000001")


def test_a_record_may_not_hide_the_configuration(tmp_path):
    with pytest.raises(ValueError, match="config of the record would hide"):
        save_weights(Tied(), tmp_path / "tied", {"config": {}})


def test_a_full_disk_names_the_folder_and_leaves_the_old_weights(tmp_path, monkeypatch):
    save_weights(Tied(), tmp_path / "tied", RECORD)
    monkeypatch.setattr("arlm_helpers.training.tensor_files.open", None, raising=False)
    faults.Faults(2, faults.disk_full).install(monkeypatch.setattr)
    with pytest.raises(OSError, match="the disk is full; make room") as caught:
        save_weights(Tied(seed=1), tmp_path / "tied", RECORD)
    assert str(tmp_path) in str(caught.value)
    loaded = Tied(seed=2)
    load_weights(loaded, tmp_path / "tied")
    assert torch.equal(loaded.head.weight, Tied().head.weight)
    assert len(list(tmp_path.iterdir())) == 2
