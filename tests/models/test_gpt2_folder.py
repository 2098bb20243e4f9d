"""Folders that the transformers library saved are read, whole or in pieces; others are refused."""

import json

import pytest
import torch
from safetensors.torch import save_file
from transformers import GPT2Config, GPT2LMHeadModel

from arlm_helpers.models.gpt2_folder import load_gpt2, load_gpt2_tokenizer
from arlm_helpers.text.byte_level_tokenizer import SYMBOLS
from arlm_helpers.text.catalogue import DataError

IDS = torch.randint(31, (2, 40), generator=torch.Generator().manual_seed(0))


def library_gpt2(**choices):
    """A GPT-2 of the library, every number of it random: its own start has no biases and gains of 1."""
    sizes = {"vocab_size": 31, "n_positions": 40, "n_layer": 3, "n_head": 4, "n_embd": 32}
    torch.manual_seed(0)
    model = GPT2LMHeadModel(GPT2Config(**(sizes | {"bos_token_id": 0, "eos_token_id": 0} | choices))).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.2 * torch.randn_like(parameter)
    return model


@torch.inference_mode()
def assert_same_logits(folder, theirs):
    expected = theirs(IDS).logits
    assert expected.std() > 0.5  # a difference would show
    torch.testing.assert_close(load_gpt2(folder)(IDS), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "choices",
    [
        {},
        {"activation_function": "gelu"},
        {"n_inner": 50},
        {"layer_norm_epsilon": 0.1},
        {"tie_word_embeddings": False},
    ],
    ids=["plain", "exact-gelu", "width", "epsilon", "untied"],
)
def test_a_saved_model_gives_the_logits_of_transformers(tmp_path, choices):
    theirs = library_gpt2(**choices)
    theirs.save_pretrained(tmp_path)
    assert_same_logits(tmp_path, theirs)


def test_a_model_in_several_files_is_put_together(tmp_path):
    theirs = library_gpt2()
    theirs.save_pretrained(tmp_path, max_shard_size="40KB")
    assert len(list(tmp_path.glob("model-*.safetensors"))) > 1
    assert_same_logits(tmp_path, theirs)


def test_a_tied_head_stays_tied_and_half_precision_becomes_32_bits(tmp_path):
    library_gpt2().half().save_pretrained(tmp_path)
    model = load_gpt2(tmp_path)
    assert model.head.weight is model.embed.tokens.weight and model.head.weight.dtype == torch.float32


def test_a_name_is_found_in_the_hubs_cache(tmp_path, monkeypatch):
    theirs, kept = library_gpt2(), tmp_path / "models--some--gpt2"
    theirs.save_pretrained(kept / "snapshots" / "abc")
    (kept / "refs").mkdir()
    (kept / "refs" / "main").write_text("abc")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    assert_same_logits("some/gpt2", theirs)
    with pytest.raises(DataError, match="no folder 'other/gpt2', and no model of that name in"):
        load_gpt2("other/gpt2")


@pytest.mark.parametrize(
    "changes, problem",
    [
        ({"model_type": "gpt_neo"}, "says model_type = 'gpt_neo'; read are models with 'gpt2'"),
        ({"scale_attn_by_inverse_layer_idx": True}, "says scale_attn_by_inverse_layer_idx = True"),
        ({"activation_function": "silu"}, "the activation 'silu'; known: gelu_new"),
        ({"n_layer": "3", "n_embd": None}, "has no whole number for n_layer, n_embd"),
        ({"n_layer": 4}, "blocks.3.attention.key.bias is missing"),
    ],
)
def test_a_model_that_ours_cannot_be_is_refused(tmp_path, changes, problem):
    library_gpt2().save_pretrained(tmp_path)
    path = tmp_path / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    with pytest.raises(ValueError, match=problem):
        load_gpt2(tmp_path)


def test_missing_and_damaged_files_are_named(tmp_path):
    library_gpt2().save_pretrained(tmp_path)
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(DataError, match=r"model\.safetensors cannot be read"):
        load_gpt2(tmp_path)
    weights.unlink()
    with pytest.raises(DataError, match=r"there is no .*model\.safetensors; pickled weights"):
        load_gpt2(tmp_path)
    (tmp_path / "config.json").write_text("[1]")
    with pytest.raises(DataError, match=r"config\.json is damaged: it holds a list"):
        load_gpt2(tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(DataError, match=r"config\.json is damaged"):
        load_gpt2(tmp_path)


def test_an_index_that_leads_out_of_the_folder_is_refused(tmp_path):
    inside = tmp_path / "inside"
    library_gpt2().save_pretrained(inside)
    save_file({"x": torch.zeros(1)}, tmp_path / "outside.safetensors")
    index = {"weight_map": {"x": "../outside.safetensors"}}
    (inside / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(DataError, match="which is not in its folder"):
        load_gpt2(inside)


@pytest.mark.parametrize("weight_map", [None, ["model.safetensors"], {"x": 3}])
def test_an_index_that_names_no_files_is_refused(tmp_path, weight_map):
    library_gpt2().save_pretrained(tmp_path)
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    with pytest.raises(DataError, match="its weight_map must say a file for each tensor"):
        load_gpt2(tmp_path)


def test_the_tokenizer_beside_it(tmp_path):
    symbols = [*SYMBOLS, "he", "<|endoftext|>"]
    (tmp_path / "vocab.json").write_text(json.dumps({s: i for i, s in enumerate(symbols)}), encoding="utf-8")
    (tmp_path / "merges.txt").write_text("#version: 0.2\nh e\n", encoding="utf-8")
    tokenizer = load_gpt2_tokenizer(tmp_path)
    assert tokenizer.encode("he") == [256] and tokenizer.specials == ("<|endoftext|>",)
    assert tokenizer.decode(tokenizer.encode("你好 🙂")) == "你好 🙂"
