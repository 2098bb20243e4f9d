"""Orders of engines: every processor has its place, and the place changes what is kept."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import GenerationConfig, GPT2Config, GPT2LMHeadModel

from arlm_helpers.decoding import logits as filters
from arlm_helpers.decoding import penalties
from arlm_helpers.decoding.logits import MinP, Temperature, TopK, TopP, TypicalP
from arlm_helpers.decoding.penalties import (
    FrequencyPenalty,
    LogitBias,
    NoRepeatNGram,
    PresencePenalty,
    RepetitionPenalty,
)
from arlm_helpers.decoding.presets import ORDERS, arrange

ONE_OF_EACH = [
    Temperature(0.5), TopK(3), TopP(0.8), MinP(0.1), TypicalP(0.9), RepetitionPenalty(1.2),
    FrequencyPenalty(0.5), PresencePenalty(0.5), NoRepeatNGram(3), LogitBias({0: 1.0}),
]  # fmt: skip


def kept(policy, logits):
    ids = torch.zeros(len(logits), 0, dtype=torch.long)
    for process in policy:
        logits = process(ids, logits)
    return logits[0].isfinite().nonzero().flatten().tolist()


def test_every_processor_of_the_package_has_a_place_in_every_order():
    kinds = {
        value
        for module in (filters, penalties)
        for value in vars(module).values()
        if isinstance(value, type) and value.__module__ == module.__name__
    }
    assert len(kinds) == 10
    assert all(len(order) == 10 and set(order) == kinds for order in ORDERS.values())


@given(st.permutations(ONE_OF_EACH), st.sampled_from(list(ORDERS)))
def test_an_arranged_policy_does_not_depend_on_the_order_it_came_in(processors, order):
    assert [type(one) for one in arrange(processors, order)] == list(ORDERS[order])


def test_two_of_a_kind_keep_their_order():
    assert arrange([TopP(0.9), TopK(2), TopP(0.5)], "vLLM") == [TopK(2), TopP(0.9), TopP(0.5)]


def test_processors_without_a_place_come_first_in_their_order():
    def mask(ids, logits):
        return logits

    def other(ids, logits):
        return logits

    policy = [TopK(2), mask, LogitBias({0: 1.0}), other]
    assert arrange(policy, "llama.cpp") == [mask, other, LogitBias({0: 1.0}), TopK(2)]


def test_an_unknown_engine_is_named_with_those_there_are():
    with pytest.raises(ValueError, match=r"one of Hugging Face, llama.cpp, vLLM, got 'hf'"):
        arrange([TopK(2)], "hf")


def test_the_order_of_transformers_is_the_one_its_generate_builds():
    config = GenerationConfig(
        do_sample=True, temperature=0.5, top_k=3, top_p=0.8, min_p=0.1, typical_p=0.9,
        repetition_penalty=1.2, no_repeat_ngram_size=3, sequence_bias={(0,): 1.0},
    )  # fmt: skip
    model = GPT2LMHeadModel(GPT2Config(vocab_size=5, n_embd=4, n_layer=1, n_head=1))
    theirs = model._get_logits_processor(config, 1, None, None, [], device="cpu", model_kwargs={})
    ours = {
        "SequenceBias": LogitBias, "RepetitionPenalty": RepetitionPenalty, "NoRepeatNGram": NoRepeatNGram,
        "Temperature": Temperature, "TopK": TopK, "TopP": TopP, "MinP": MinP, "Typical": TypicalP,
    }  # fmt: skip
    names = [
        type(one).__name__.removesuffix("LogitsProcessor").removesuffix("LogitsWarper") for one in theirs
    ]
    absent = {FrequencyPenalty, PresencePenalty}
    assert [ours[name] for name in names] == [one for one in ORDERS["Hugging Face"] if one not in absent]


def test_temperature_first_or_last_decides_what_top_p_keeps():
    logits = torch.tensor([[3.0, 2.0, 1.0]])  # 67, 24 and 9 %; colder: 87, 12 and 2 %
    policy = [TopP(0.8), Temperature(0.5)]
    assert kept(arrange(policy, "Hugging Face"), logits) == [0]
    assert kept(arrange(policy, "vLLM"), logits) == [0]
    assert kept(arrange(policy, "llama.cpp"), logits) == [0, 1]


def test_min_p_first_or_last_decides_what_top_p_keeps():
    logits = torch.tensor([[0.4, 0.35, 0.15, 0.1]]).log()
    policy = [TopP(0.5), MinP(0.5)]
    assert kept(arrange(policy, "Hugging Face"), logits) == [0, 1]
    assert kept(arrange(policy, "vLLM"), logits) == [0]  # of the two that min-p keeps, 0 has 53 %
