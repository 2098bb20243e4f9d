"""Choices that do not fit are refused, and the formula for the parameters agrees with real models."""

import json
from dataclasses import asdict

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

from arlm_helpers.models.gpt_config import (
    GPTConfig,
    compact_config,
    count_parameters,
    gpt2_config,
    llama_config,
)
from arlm_helpers.models.transformer import GPT

SMALL = {"vocab_size": 13, "context_length": 9, "n_layers": 2, "n_heads": 4, "d_model": 16}


@pytest.mark.parametrize(
    "changes, hint",
    [
        ({"n_heads": 3}, "3 heads cannot share d_model = 16 equally; the nearest that fits is 15"),
        ({"n_kv_heads": 3}, r"one of \[1, 2, 4\]"),
        ({"n_kv_heads": 0}, "n_kv_heads must be at least 1, got 0"),
        ({"positions": "rope"}, "learned, sinusoidal, rotary, none, got 'rope'"),
        ({"norm": "batch"}, "layer, rms, none, got 'batch'"),
        ({"activation": "relu"}, "relu2, swiglu, got 'relu'"),
        ({"vocab_size": 0}, "vocab_size must be at least 1, got 0"),
        ({"n_heads": 16, "positions": "rotary"}, "even width, got 1"),
        ({"d_model": 15, "n_heads": 3, "positions": "sinusoidal"}, "even width, got 15"),
        ({"ngram_sizes": (1, 2)}, r"at least 2 \(1 is the embedding\), got \(1, 2\)"),
        ({"dropout": 1.0}, r"in \[0, 1\), got 1.0"),
    ],
)
def test_what_does_not_fit_is_refused_with_a_way_out(changes, hint):
    with pytest.raises(ValueError, match=hint):
        GPTConfig(**(SMALL | changes))


def test_a_configuration_survives_json():
    config = compact_config(vocab_size=65)
    assert GPTConfig(**json.loads(json.dumps(asdict(config)))) == config


def test_an_explicit_default_is_the_default():
    implicit, explicit = GPTConfig(**SMALL), GPTConfig(**SMALL, d_ff=64, n_kv_heads=4)
    shapes = [
        {name: weight.shape for name, weight in GPT(c).named_parameters()} for c in (implicit, explicit)
    ]
    assert shapes[0] == shapes[1]


CHOICES = {
    "plain": {},
    "untied-no-bias": {"tied": False, "bias": False},
    "shared-heads": {"n_kv_heads": 2, "d_ff": 50},
    "gains": {"norm": "rms"},
    "no-gains": {"norm_gain": False},
    "no-norm": {"norm": "none"},
    "swiglu": {"activation": "swiglu"},
    "sinusoidal": {"positions": "sinusoidal"},
    "ngrams": {"ngram_sizes": (2, 4), "ngram_rows": 500},
}


@pytest.mark.parametrize("changes", CHOICES.values(), ids=CHOICES)
def test_the_formula_counts_what_the_model_has(changes):
    config = GPTConfig(**SMALL, **changes)
    assert count_parameters(config) == GPT(config).n_parameters


def library_count(model_class, config):
    with torch.device("meta"):  # shapes without numbers
        return model_class(config).num_parameters()


def test_gpt2_small_has_124_439_808_parameters():
    assert count_parameters(gpt2_config()) == 124_439_808 == library_count(GPT2LMHeadModel, GPT2Config())
    with torch.device("meta"):
        assert GPT(gpt2_config()).n_parameters == 124_439_808


@pytest.mark.parametrize("tied", [True, False])
def test_llama_has_the_parameters_of_transformers(tied):
    config = llama_config(tied=tied)
    theirs = LlamaConfig(
        vocab_size=49_152, hidden_size=576, intermediate_size=1536, num_hidden_layers=30,
        num_attention_heads=9, num_key_value_heads=3, tie_word_embeddings=tied,
    )  # fmt: skip
    assert count_parameters(config) == library_count(LlamaForCausalLM, theirs)


def test_the_parameters_of_the_compact_model_by_hand():
    tables, embedding_and_head = 66**2 + 2 * 16_384, 2 * 65  # rows of 48 numbers
    matrices = 4 + 2 * 4  # of 48 × 48: attention, and a feed-forward layer four times as wide
    expected = (tables + embedding_and_head) * 48 + matrices * 48 * 48
    assert count_parameters(compact_config(vocab_size=65)) == expected == 1_815_840
