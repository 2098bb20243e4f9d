"""AdamW and Muon: every weight has one owner, and moves as torch's optimizers would move it."""

import pytest
import torch
from torch import nn

from arlm_helpers.training.optimizers import AdamW, Muon
from tests.training.tiny import TEXT, TinyLSTM, weights

MATRICES = ["lstm.weight_ih_l0", "lstm.weight_hh_l0"]


def learn(model, optimizers, n_steps=3):
    ids = TEXT[:64].view(4, 16)
    for _ in range(n_steps):
        model.zero_grad()
        nn.functional.cross_entropy(model(ids).flatten(0, 1), ids.flatten()).backward()
        for optimizer in optimizers:
            optimizer.step()
    return weights(model)


def test_adamw_is_torchs_with_decay_on_matrices_only():
    model, other = TinyLSTM(), TinyLSTM()
    config = AdamW(0.02, betas=(0.8, 0.9), eps=1e-6, weight_decay=0.3)
    groups = [
        {"params": [p for p in other.parameters() if p.ndim == 2], "weight_decay": 0.3},
        {"params": [p for p in other.parameters() if p.ndim == 1], "weight_decay": 0.0},
    ]
    expected = learn(other, [torch.optim.AdamW(groups, lr=0.02, betas=(0.8, 0.9), eps=1e-6)])
    torch.testing.assert_close(learn(model, config.build(model)), expected, atol=1e-6, rtol=1e-5)


def test_the_first_step_of_adamw_is_the_learning_rate_by_hand():
    model = nn.Linear(1, 1)
    nn.init.zeros_(model.weight)
    [optimizer] = AdamW(0.25).build(model)
    model(torch.tensor([3.0])).sum().backward()
    optimizer.step()
    assert model.weight.item() == pytest.approx(-0.25, rel=1e-6)


def test_muon_moves_the_matrices_and_leaves_the_rest_to_adamw():
    model, other = TinyLSTM(), TinyLSTM()
    learned = learn(model, Muon(0.05, adamw=AdamW(0.02)).build(model), n_steps=1)
    adam = learn(other, AdamW(0.02).build(other), n_steps=1)
    muon, rest = Muon(0.05, adamw=AdamW(0.02)).build(model)
    assert [group["initial_lr"] for group in muon.param_groups + rest.param_groups] == [0.05, 0.02, 0.02]
    for name, start in TinyLSTM().named_parameters():
        assert not torch.equal(learned[name], start)
        assert torch.equal(learned[name], adam[name]) == (name not in MATRICES)


def test_the_update_of_every_gate_has_singular_values_near_one():
    model = TinyLSTM()
    learned = learn(model, Muon(0.05).build(model), n_steps=1)
    for name in MATRICES:
        for gate in (learned[name] - TinyLSTM().get_parameter(name)).chunk(4):
            values = torch.linalg.svdvals(gate / 0.05)
            assert values[0] < 1.25 and values[3] > 0.6  # a batch of 64 says little about the last directions


@pytest.mark.parametrize("config", [AdamW(), Muon()], ids=["adamw", "muon"])
def test_frozen_weights_have_no_owner_and_stand_still(config):
    model = TinyLSTM()
    model.embedding.requires_grad_(False)
    model.lstm.weight_hh_l0.requires_grad_(False)
    optimizers = config.build(model)
    owned = [weight for each in optimizers for group in each.param_groups for weight in group["params"]]
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    assert sum(weight.numel() for weight in owned) == sum(weight.numel() for weight in trained)
    learned = learn(model, optimizers)
    for name, start in TinyLSTM().named_parameters():
        frozen = name in ("embedding.weight", "lstm.weight_hh_l0")
        assert torch.equal(learned[name], start) == frozen, name


class Naming(TinyLSTM):
    """A model that names other matrices."""

    def __init__(self, named):
        super().__init__()
        self.named = named

    def matrices(self):
        return self.named


@pytest.mark.parametrize(
    ("model", "complaint"),
    [
        (Naming({"lstm.weight": 4}), "'lstm.weight', but the model only has embedding.weight, lstm"),
        (Naming({"lstm.weight_ih_l0": 5}), r"shape \(32, 8\), which is no stack of 5 equal matrices"),
        (Naming({"head.bias": 1}), r"'head.bias' has shape \(32,\)"),
        (Naming({}), r"Naming has no matrices\(\) for Muon to train; use AdamW"),
        (nn.Linear(2, 2), r"Linear has no matrices\(\) for Muon to train; use AdamW"),
    ],
)
def test_muon_refuses_matrices_it_cannot_have(model, complaint):
    with pytest.raises(ValueError, match=complaint):
        Muon().build(model)


@pytest.mark.parametrize(
    ("build", "complaint"),
    [
        (lambda: AdamW(0.0), "learning rate must be positive, got 0.0"),
        (lambda: AdamW(float("nan")), "learning rate must be positive, got nan"),
        (lambda: AdamW(betas=(0.9, 1.0)), r"betas must be in \[0, 1\), got \(0.9, 1.0\)"),
        (lambda: AdamW(eps=0.0), "eps must be positive .* got 0.0"),
        (lambda: AdamW(weight_decay=-0.1), "weight_decay at least 0, got .* -0.1"),
        (lambda: Muon(-0.02), "learning rate must be positive, got -0.02"),
        (lambda: Muon(momentum=1.0), r"momentum must be in \[0, 1\), got 1.0"),
    ],
)
def test_impossible_settings_are_refused(build, complaint):
    with pytest.raises(ValueError, match=complaint):
        build()
