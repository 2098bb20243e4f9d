"""A policy as a value: its processors in the order of an engine, its stages, and its way to text and back."""

import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from arlm_helpers.decoding.logits import MinP, Temperature, TopK, TopP
from arlm_helpers.decoding.penalties import (
    FrequencyPenalty,
    NoRepeatNGram,
    PresencePenalty,
    RepetitionPenalty,
)
from arlm_helpers.decoding.policy import Policy
from arlm_helpers.decoding.presets import ORDERS

IDS = torch.tensor([[0, 1, 1]])
EVERYTHING = {
    "temperature": 0.5,
    "top_k": 3,
    "top_p": 0.8,
    "min_p": 0.1,
    "repetition_penalty": 1.2,
    "frequency_penalty": 0.5,
    "presence_penalty": -0.5,
    "no_repeat": 3,
}
settings = st.fixed_dictionaries(
    {},
    optional={
        "temperature": st.floats(0, 5),
        "top_k": st.none() | st.integers(1, 9),
        "top_p": st.floats(0.01, 1),
        "min_p": st.floats(0, 1),
        "repetition_penalty": st.floats(0.5, 2),
        "frequency_penalty": st.floats(-2, 2),
        "presence_penalty": st.floats(-2, 2),
        "no_repeat": st.none() | st.integers(1, 4),
        "order": st.sampled_from(list(ORDERS)),
    },
)


def test_a_policy_left_alone_does_nothing():
    assert Policy().processors() == []


@pytest.mark.parametrize("order", ORDERS)
def test_every_setting_becomes_its_processor_in_the_order_of_the_engine(order):
    made = Policy(**EVERYTHING, order=order).processors(start=2)
    assert sorted(made, key=repr) == sorted(
        [
            Temperature(0.5), TopK(3), TopP(0.8), MinP(0.1), RepetitionPenalty(1.2),
            FrequencyPenalty(0.5, 2), PresencePenalty(-0.5, 2), NoRepeatNGram(3),
        ],
        key=repr,
    )  # fmt: skip
    places = [ORDERS[order].index(type(processor)) for processor in made]
    assert places == sorted(places)


def test_the_same_settings_keep_other_tokens_in_another_order():
    """Logits 3, 2, 1: at temperature 1/2 the first holds 0.87, at 1 the first two hold 0.91."""
    logits = torch.tensor([3.0, 2.0, 1.0])
    first = Policy(temperature=0.5, top_p=0.8).final(IDS, logits)
    last = Policy(temperature=0.5, top_p=0.8, order="llama.cpp").final(IDS, logits)
    assert first.isfinite().tolist() == [True, False, False] and last.isfinite().tolist() == [
        True,
        True,
        False,
    ]


@pytest.mark.parametrize("order", ORDERS)
def test_temperature_zero_keeps_the_first_of_the_likeliest(order):
    final = Policy(temperature=0, top_p=0.9, order=order).final(IDS, torch.tensor([1.0, 3.0, 3.0]))
    assert final.isfinite().tolist() == [False, True, False]


def test_stages_tell_what_each_control_leaves():
    probs = torch.tensor([0.5, 0.25, 0.125, 0.125])
    one, two = Policy(top_k=3, top_p=0.6).stages(IDS, probs.log())
    assert (one.control, one.n_kept) == ("top_k", 3) and one.mass_kept == pytest.approx(0.875, abs=1e-7)
    assert one.cut.tolist() == [False, False, False, True]
    assert (two.control, two.n_kept) == ("top_p", 2)  # 4/7 does not reach 0.6
    assert two.mass_kept == pytest.approx(6 / 7) and two.cut.tolist() == [False, False, True, False]
    assert two.entropy == pytest.approx(0.9183, abs=1e-4)  # of 2/3 and 1/3, in bits


@given(settings, st.integers(0, 99))
def test_the_last_stage_is_what_the_processors_give_one_after_the_other(facts, seed):
    logits = torch.randn(9, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    policy, rows = Policy(**facts), logits.unsqueeze(0)
    for process in policy.processors(start=1):
        rows = process(IDS, rows)
    stages = policy.stages(IDS, logits, start=1)
    assert torch.equal(stages[-1].after if stages else logits, rows[0])
    assert torch.equal(policy.final(IDS, logits, start=1), rows[0])


@given(settings)
def test_a_policy_goes_to_json_and_to_code_and_comes_back(facts):
    policy = Policy(**facts)
    assert Policy.from_facts(json.loads(json.dumps(policy.facts()))) == policy
    assert eval(policy.code(), {"Policy": Policy}) == policy


def test_code_names_only_what_was_changed():
    assert Policy(top_p=0.9, order="vLLM").code() == "Policy(top_p=0.9, order='vLLM')"


@pytest.mark.parametrize(
    "facts, message",
    [
        ({"temperature": -1}, "temperature must be at least 0 and finite, got -1"),
        ({"temperature": float("nan")}, "temperature must be at least 0"),
        ({"temperature": float("inf")}, "finite, got inf"),
        ({"top_k": 0}, "k must be at least 1, got 0"),
        ({"top_p": 0}, r"p must be in \(0, 1\], got 0"),
        ({"top_p": 1.5}, r"p must be in \(0, 1\], got 1.5"),
        ({"min_p": -0.1}, r"min_p must be in \[0, 1\], got -0.1"),
        ({"repetition_penalty": 0}, "penalty must be positive and finite, got 0"),
        ({"frequency_penalty": float("nan")}, "penalty must be finite"),
        ({"no_repeat": 0}, "n must be at least 1, got 0"),
        ({"order": "alphabetical"}, "order must be one of Hugging Face, llama.cpp, vLLM, got 'alphabetical'"),
        ({"top_q": 0.9}, "a policy has no top_q; it has temperature, top_k"),
    ],
)
def test_settings_that_mean_nothing_are_refused_by_name(facts, message):
    with pytest.raises(ValueError, match=message):
        Policy.from_facts(facts)
