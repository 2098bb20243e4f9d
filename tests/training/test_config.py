"""A training configuration checks itself and can be written down."""

import dataclasses
import json

import pytest

from arlm_helpers.training.config import TrainConfig, as_facts
from arlm_helpers.training.optimizers import AdamW, Muon
from arlm_helpers.training.schedules import Constant, WarmupFlatLinear


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"n_steps": 0}, "n_steps must be at least 1, got 0"),
        ({"accumulate": 0}, "accumulate must be at least 1, got 0"),
        ({"checkpoint_every": 0}, "checkpoint_every must be at least 1, got 0"),
        ({"clip": 0.0}, "clip must be positive, got 0.0; use None"),
        ({"clip": float("nan")}, "clip must be positive, got nan"),
        ({"precision": "fp8"}, "precision must be 'fp32' or 'bf16', got 'fp8'"),
        ({"device": "abacus"}, "'abacus' is no device"),
    ],
)
def test_impossible_settings_are_refused(settings, complaint):
    with pytest.raises(ValueError, match=complaint):
        TrainConfig(**{"n_steps": 10, "optimizer": AdamW(0.01), **settings})


def test_a_configuration_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        TrainConfig(n_steps=10, optimizer=AdamW(0.01)).n_steps = 20


def test_a_configuration_as_json_names_every_type_and_value():
    config = TrainConfig(n_steps=10, optimizer=Muon(0.05, adamw=AdamW(0.02)), schedule=WarmupFlatLinear(3))
    facts = json.loads(json.dumps(as_facts(config)))
    assert facts["n_steps"] == 10 and facts["clip"] is None
    assert facts["schedule"] == {"type": "WarmupFlatLinear", "warmup": 3, "decay": 0.5}
    adamw = {"type": "AdamW", "lr": 0.02, "betas": [0.9, 0.95], "eps": 1e-8, "weight_decay": 0.0}
    assert facts["optimizer"] == {"type": "Muon", "lr": 0.05, "momentum": 0.95, "adamw": adamw}


def half(step, n_steps):
    return 0.5


def test_a_schedule_may_be_any_function_and_is_told_by_its_name():
    facts = as_facts(TrainConfig(n_steps=10, optimizer=AdamW(), schedule=half))
    assert facts["schedule"] == "half"
    assert as_facts(TrainConfig(n_steps=10, optimizer=AdamW()))["schedule"] == as_facts(Constant())
