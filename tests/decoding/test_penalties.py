"""Penalties, n-grams and biases: what they refuse. What they do is checked in ``sampler_checks``."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from arlm_helpers.decoding.penalties import (
    FrequencyPenalty,
    LogitBias,
    NoRepeatNGram,
    PresencePenalty,
    RepetitionPenalty,
)
from arlm_helpers.decoding.sampling import generate, sample
from tests.zoo import MODELS

ids_lists = st.lists(st.integers(0, 4), max_size=8)
logit_lists = st.lists(st.floats(-9, 9), min_size=5, max_size=5)


@given(ids_lists, logit_lists, st.floats(1, 3))
def test_a_repetition_penalty_raises_no_logit_and_spares_unseen_tokens(ids, logits, penalty):
    before = torch.tensor([logits], dtype=torch.float64)
    after = RepetitionPenalty(penalty)(torch.tensor([ids], dtype=torch.long), before)
    assert (after <= before).all()
    unseen = [token for token in range(5) if token not in ids]
    assert torch.equal(after[0, unseen], before[0, unseen])


def test_a_repetition_penalty_depends_on_a_constant_added_to_all_logits():
    seen = torch.tensor([[0]])
    shares = [
        RepetitionPenalty(2.0)(seen, torch.tensor([[2.0 + c, 1.0 + c]])).softmax(-1)[0, 0].item()
        for c in (-3, -2, 0, 3)
    ]
    assert shares == pytest.approx([0.5, 0.731, 0.5, 0.182], abs=1e-3)


@pytest.mark.parametrize(
    "processor",
    [RepetitionPenalty(1.0), FrequencyPenalty(0.0), PresencePenalty(0), LogitBias({}), NoRepeatNGram(9)],
)
def test_neutral_settings_change_nothing(processor):
    logits = torch.tensor([[0.5, -2.0, -torch.inf]])
    assert torch.equal(processor(torch.tensor([[0, 1, 1]]), logits), logits)


def test_a_text_without_repeated_trigrams_has_none():
    model, rng = MODELS["kneser-ney"](5), torch.Generator().manual_seed(0)
    start = torch.tensor([[0, 1]])
    steps = generate(model, start, max_tokens=60, processors=[NoRepeatNGram(3)], rng=rng)
    text = [0, 1, *(int(step.ids) for step in steps)]
    trigrams = list(zip(text, text[1:], text[2:], strict=False))
    assert len(set(trigrams)) == len(trigrams)


def test_a_policy_that_leaves_no_token_is_told():
    final = NoRepeatNGram(1)(torch.tensor([[0, 1, 2]]), torch.zeros(1, 3))
    with pytest.raises(ValueError, match=r"no token is allowed.*loosen the last processor"):
        sample(final, torch.tensor([0.5]))


@pytest.mark.parametrize("penalty", [0, -1.5, math.inf, math.nan])
def test_a_repetition_penalty_is_positive_and_finite(penalty):
    with pytest.raises(ValueError, match=f"penalty must be positive and finite, got {penalty}"):
        RepetitionPenalty(penalty)


@pytest.mark.parametrize("make", [FrequencyPenalty, PresencePenalty])
def test_additive_penalties_refuse_what_cannot_be_subtracted_or_counted(make):
    for penalty in (math.inf, math.nan):
        with pytest.raises(ValueError, match="penalty must be finite"):
            make(penalty)
    with pytest.raises(
        ValueError, match="start counts tokens from the beginning and must be at least 0, got -1"
    ):
        make(0.5, -1)
    for wrong in (True, "0.5"):
        with pytest.raises(TypeError):
            make(wrong)
        with pytest.raises(TypeError):
            make(0.5, wrong)


def test_an_n_gram_has_a_whole_positive_length():
    with pytest.raises(ValueError, match="n must be at least 1, got 0"):
        NoRepeatNGram(0)
    for wrong in (2.0, True):
        with pytest.raises(TypeError):
            NoRepeatNGram(wrong)


def test_a_bias_needs_ids_and_numbers():
    for bias, message in [({-1: 0.5}, "got -1: 0.5"), ({1: math.nan}, "got 1: nan")]:
        with pytest.raises(ValueError, match=message):
            LogitBias(bias)
    for bias in ({"a": 1.0}, {True: 1.0}, {1: "2"}):
        with pytest.raises(TypeError):
            LogitBias(bias)
    with pytest.raises(ValueError, match="token 7 has a bias, but the ids end at 4"):
        LogitBias({0: 1.0, 7: 1.0})(torch.zeros(1, 0, dtype=torch.long), torch.zeros(1, 5))
