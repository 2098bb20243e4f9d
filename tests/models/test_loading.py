"""Weights of GPT-2 and Llama as transformers builds them give the same logits in our GPT."""

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

from arlm_helpers.models.gpt_config import gpt2_config, llama_config
from arlm_helpers.models.loading import load_gpt2_state, load_llama_state
from arlm_helpers.models.transformer import GPT

SIZES = {"vocab_size": 31, "context_length": 40, "n_layers": 3, "n_heads": 4, "d_model": 32}
IDS = torch.randint(31, (2, 40), generator=torch.Generator().manual_seed(0))


@torch.no_grad()
def shaken(model):
    """The model with weights large enough to matter, biases and gains among them."""
    torch.manual_seed(0)
    for parameter in model.parameters():
        parameter += 0.2 * torch.randn_like(parameter)
    return model.eval()


def library_gpt2():
    return shaken(
        GPT2LMHeadModel(
            GPT2Config(
                vocab_size=31, n_positions=40, n_layer=3, n_head=4, n_embd=32, bos_token_id=0, eos_token_id=0
            )
        )
    )


def library_llama(**choices):
    return shaken(
        LlamaForCausalLM(
            LlamaConfig(
                vocab_size=31, max_position_embeddings=40, num_hidden_layers=3, num_attention_heads=4,
                hidden_size=32, intermediate_size=50, rms_norm_eps=1e-5,
                rope_parameters={"rope_type": "default", "rope_theta": 100_000.0}, **choices,
            )
        )
    )  # fmt: skip


@torch.inference_mode()
def assert_same_logits(ours, theirs):
    expected = theirs(IDS).logits
    assert expected.std() > 0.5  # a difference would show
    torch.testing.assert_close(ours(IDS), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("fast", [True, False], ids=["fast", "by-hand"])
def test_gpt2_gives_the_logits_of_transformers(fast):
    ours, theirs = GPT(gpt2_config(**SIZES, fast=fast)), library_gpt2()
    load_gpt2_state(ours, theirs.state_dict())
    assert_same_logits(ours, theirs)


@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
@pytest.mark.parametrize("n_kv_heads", [1, 2, 4])
def test_llama_gives_the_logits_of_transformers(n_kv_heads, tied):
    theirs = library_llama(num_key_value_heads=n_kv_heads, tie_word_embeddings=tied)
    ours = GPT(llama_config(**SIZES, n_kv_heads=n_kv_heads, d_ff=50, tied=tied))
    load_llama_state(ours, theirs.state_dict())
    assert_same_logits(ours, theirs)


def test_llama_with_biases_gives_the_logits_of_transformers():
    theirs = library_llama(
        num_key_value_heads=2, tie_word_embeddings=True, attention_bias=True, mlp_bias=True
    )
    ours = GPT(llama_config(**SIZES, n_kv_heads=2, d_ff=50, bias=True))
    load_llama_state(ours, theirs.state_dict())
    assert_same_logits(ours, theirs)


def test_files_without_prefix_or_head_and_with_stored_masks_are_read_as_well():
    theirs, ours = library_gpt2(), GPT(gpt2_config(**SIZES))
    state = theirs.transformer.state_dict()
    load_gpt2_state(
        ours, state | {"h.0.attn.bias": torch.ones(1, 1, 40, 40), "h.2.attn.masked_bias": torch.ones(())}
    )
    assert_same_logits(ours, theirs)


@pytest.mark.parametrize(
    "changes, hint",
    [
        ({"n_layers": 2}, "blocks.2.attention.key.bias has no place in the model"),
        ({"n_layers": 4}, "blocks.3.attention.key.bias is missing"),
        ({"vocab_size": 30}, r"embed.tokens.weight has shape \(31, 32\), the model's \(30, 32\)"),
    ],
)
def test_weights_that_do_not_fit_are_refused_and_change_nothing(changes, hint):
    ours = GPT(gpt2_config(**(SIZES | changes)))
    before = {name: parameter.clone() for name, parameter in ours.named_parameters()}
    with pytest.raises(ValueError, match=hint):
        load_gpt2_state(ours, library_gpt2().state_dict())
    assert all(torch.equal(parameter, before[name]) for name, parameter in ours.named_parameters())


def test_a_head_of_its_own_does_not_fit_a_tied_model():
    theirs = library_llama(num_key_value_heads=4, tie_word_embeddings=False)
    with pytest.raises(ValueError, match="build the model with tied=False"):
        load_llama_state(GPT(llama_config(**SIZES, n_kv_heads=4, d_ff=50)), theirs.state_dict())
