"""A Llama in a GGUF file becomes our GPT: tiny ones written by the library, and SmolLM2 itself."""

import gguf
import numpy as np
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.modeling_gguf_pytorch_utils import load_gguf_checkpoint

from arlm_helpers.decoding.fast import generate_ids
from arlm_helpers.decoding.sampling import generate
from arlm_helpers.models.gguf_file import read_gguf
from arlm_helpers.models.loading import unpermuted
from arlm_helpers.models.numpy_gpt import NumpyGPT
from arlm_helpers.models.pretrained import (
    gpt_from_gguf,
    load_smollm2,
    smollm2_path,
    tokenizer_from_gguf,
)
from arlm_helpers.text.byte_level_tokenizer import SYMBOLS
from arlm_helpers.text.catalogue import DataError
from tests.smollm2 import needs_smollm2, smollm2

IDS = torch.randint(40, (2, 30), generator=torch.Generator().manual_seed(0))
THEIR_NAMES = {
    "attn_norm": "input_layernorm", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj", "ffn_up": "mlp.up_proj",
    "ffn_norm": "post_attention_layernorm", "ffn_gate": "mlp.gate_proj", "ffn_down": "mlp.down_proj",
}  # fmt: skip


def library_llama(*, tied=True):
    """A Llama of the transformers library with two layers, every number of it random."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=40, max_position_embeddings=160, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, hidden_size=32, intermediate_size=64, rms_norm_eps=1e-5,
        tie_word_embeddings=tied, rope_parameters={"rope_type": "default", "rope_theta": 500.0},
    )  # fmt: skip
    model = LlamaForCausalLM(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.2 * torch.randn_like(parameter)
    return model


def side_by_side(weight, n_heads):
    """Rows of queries or keys as llama.cpp wants them: numbers i and i + half of a head become neighbours."""
    heads = weight.reshape(n_heads, 2, -1, weight.shape[1])
    return np.ascontiguousarray(heads.swapaxes(1, 2)).reshape(weight.shape)


def write(path, model, *, architecture="llama", without=(), turned=True, pre="gpt-2", scaling=None):
    """The model as llama.cpp's own converter would write it, in 32 bits."""
    writer = gguf.GGUFWriter(path, architecture)
    sizes = {
        "block_count": 2, "context_length": 160, "embedding_length": 32, "feed_forward_length": 64,
        "attention.head_count": 4, "attention.head_count_kv": 2,
    }  # fmt: skip
    for name, value in sizes.items():
        if name not in without:
            writer.add_uint32(f"llama.{name}", value)
    writer.add_float32("llama.attention.layer_norm_rms_epsilon", 1e-5)
    writer.add_float32("llama.rope.freq_base", 500.0)
    if scaling:
        writer.add_string("llama.rope.scaling.type", scaling)
    symbols = ["<|end|>", *list(SYMBOLS)[:38], "!!"]
    writer.add_string("tokenizer.ggml.model", "gpt2")
    writer.add_string("tokenizer.ggml.pre", pre)
    writer.add_array("tokenizer.ggml.tokens", symbols)
    writer.add_array("tokenizer.ggml.token_type", [3] + [1] * 39)
    writer.add_array("tokenizer.ggml.merges", ["! !"])
    state = {name: tensor.detach().numpy() for name, tensor in model.state_dict().items()}
    tensors = {"token_embd": state["model.embed_tokens.weight"], "output_norm": state["model.norm.weight"]}
    if not model.config.tie_word_embeddings:
        tensors["output"] = state["lm_head.weight"]
    for layer in range(2):
        for ours, theirs in THEIR_NAMES.items():
            weight = state[f"model.layers.{layer}.{theirs}.weight"]
            if turned and ours in ("attn_q", "attn_k"):
                weight = side_by_side(weight, 4 if ours == "attn_q" else 2)
            tensors[f"blk.{layer}.{ours}"] = weight
    for name, tensor in tensors.items():
        if name not in without:
            writer.add_tensor(f"{name}.weight", tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
def test_a_tiny_llama_gives_the_logits_of_transformers(tmp_path, tied):
    theirs = library_llama(tied=tied)
    ours = gpt_from_gguf(read_gguf(write(tmp_path / "tiny.gguf", theirs)))
    assert ours.config.tied is tied and (ours.head.weight is ours.embed.tokens.weight) is tied
    with torch.inference_mode():
        torch.testing.assert_close(ours(IDS), theirs(IDS).logits, rtol=1e-5, atol=1e-5)


@torch.inference_mode()
def written_by(theirs, ids):
    """A hundred tokens of the transformers library, each its likeliest."""
    read = torch.tensor([ids])
    written = theirs.generate(
        read, attention_mask=torch.ones_like(read), do_sample=False, pad_token_id=2,
        min_new_tokens=100, max_new_tokens=100,
    )  # fmt: skip
    return written[0, len(ids) :].tolist()


def test_a_tiny_llama_writes_the_text_of_transformers(tmp_path):
    theirs, ids = library_llama(), IDS[0].tolist()
    theirs.generation_config.eos_token_id = None
    ours = gpt_from_gguf(read_gguf(write(tmp_path / "tiny.gguf", theirs)))
    expected = written_by(theirs, ids)
    assert len(set(expected)) > 5  # no single token over and over
    assert [step.ids.item() for step in generate(ours, IDS[:1], max_tokens=100)] == expected
    assert list(generate_ids(NumpyGPT(ours), ids, max_tokens=100)) == expected


def test_a_text_past_the_context_is_refused(tmp_path):
    ours = gpt_from_gguf(read_gguf(write(tmp_path / "tiny.gguf", library_llama())))
    with pytest.raises(ValueError, match="161 tokens do not fit context_length = 160"):
        ours(torch.zeros(1, 161, dtype=torch.long))


def test_rows_in_another_order_give_other_logits(tmp_path):
    theirs = library_llama()
    ours = gpt_from_gguf(read_gguf(write(tmp_path / "tiny.gguf", theirs, turned=False)))
    with torch.inference_mode():
        assert (ours(IDS) - theirs(IDS).logits).abs().max() > 1


def test_the_order_of_rows_by_hand():
    rows = torch.arange(12.0)[:, None]  # two heads of three planes: 0 and 1, 2 and 3, 4 and 5 belong together
    assert unpermuted(rows, 2).flatten().tolist() == [0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11]


def test_the_tokenizer_of_the_file(tmp_path):
    file = read_gguf(write(tmp_path / "tiny.gguf", library_llama()))
    tokenizer = tokenizer_from_gguf(file)
    assert tokenizer.specials == ("<|end|>",) and tokenizer.encode("!!!") == [39, 1]


@pytest.mark.parametrize(
    "changes, problem",
    [
        ({"architecture": "mamba"}, "the architecture 'mamba'; read is 'llama'"),
        ({"scaling": "yarn"}, r"stretches its rotary angles \('yarn'\)"),
        ({"without": ["block_count"]}, "does not say 'llama.block_count'"),
        ({"without": ["blk.1.ffn_up"]}, "blocks.1.feed_forward.up.weight is missing"),
        ({"without": ["token_embd"]}, "vocab_size must be at least 1, got 0"),
    ],
)
def test_a_model_that_is_no_whole_llama_is_refused(tmp_path, changes, problem):
    path = write(tmp_path / "tiny.gguf", library_llama(), **changes)
    with pytest.raises(ValueError, match=problem):
        gpt_from_gguf(read_gguf(path))


@pytest.mark.parametrize(
    "name, value, problem",
    [
        ("llama.block_count", "2", "says llama.block_count = '2', no number"),
        ("llama.attention.head_count_kv", [2, 2], r"head_count_kv = \[2, 2\], no number"),
        ("llama.block_count", 10**9, "says it has 1,000,000,000 layers, and holds 2"),
        ("llama.attention.head_count_kv", 1, r"attn_k.weight has 16 rows, the heads of the header 8"),
        ("tokenizer.ggml.tokens", 7, "tokens is no list of texts"),
        ("tokenizer.ggml.merges", [1], "merges is no list of texts"),
        ("tokenizer.ggml.token_type", [3], "its 40 tokens have not a type each"),
        ("tokenizer.ggml.pre", ["gpt-2"], r"by the rule \['gpt-2'\]"),
    ],
)
def test_a_header_that_says_something_else_is_refused(tmp_path, name, value, problem):
    file = read_gguf(write(tmp_path / "tiny.gguf", library_llama()))
    file.metadata[name] = value
    with pytest.raises(DataError, match=problem):
        tokenizer_from_gguf(file) if name.startswith("tokenizer") else gpt_from_gguf(file)


def test_an_unknown_rule_for_words_is_refused(tmp_path):
    path = write(tmp_path / "tiny.gguf", library_llama(), pre="llama-bpe")
    with pytest.raises(DataError, match="by the rule 'llama-bpe'; known is 'gpt2' with 'gpt-2' or 'smollm'"):
        tokenizer_from_gguf(read_gguf(path))


def test_without_the_file_the_command_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("ARLM_DATA", str(tmp_path))
    with pytest.raises(DataError, match=r"python -m arlm_helpers\.text\.data fetch smollm2"):
        load_smollm2()


# SmolLM2 itself, beside transformers' own reading of the same file.


@pytest.fixture(scope="module")
def reference():
    """The transformers library's model, with its own reading of the GGUF file."""
    path = str(smollm2_path())
    config = LlamaConfig(
        **(load_gguf_checkpoint(path)["config"] | {"dtype": "float32", "attn_implementation": "eager"})
    )
    with torch.device("meta"):
        model = LlamaForCausalLM(config)
    tensors = load_gguf_checkpoint(path, return_tensors=True, model_to_load=model)["tensors"]
    model.load_state_dict(tensors, strict=False, assign=True)
    model.tie_weights()
    model.model.rotary_emb = type(model.model.rotary_emb)(config)
    return model.eval()


@needs_smollm2
@torch.inference_mode()
def test_smollm2_gives_the_logits_of_transformers(reference):
    model, _ = smollm2()
    ids = torch.randint(49_152, (1, 60), generator=torch.Generator().manual_seed(1))
    expected = reference(ids).logits
    assert expected.std() > 1
    torch.testing.assert_close(model(ids), expected, rtol=0, atol=1e-3)


@needs_smollm2
@torch.inference_mode()
def test_smollm2_writes_the_text_of_transformers(reference):
    model, tokenizer = smollm2()
    ids = tokenizer.encode("Once upon a time, in a small village by the sea,")
    reference.generation_config.eos_token_id = None
    assert list(generate_ids(NumpyGPT(model), ids, max_tokens=100)) == written_by(reference, ids)


@needs_smollm2
@torch.inference_mode()
def test_smollm2_with_the_rows_of_the_file_is_far_away():
    model, tokenizer = smollm2()
    ids = torch.tensor([tokenizer.encode("The capital of France is the city of")])
    right = model(ids)
    attention, file = model.blocks[0].attention, read_gguf(smollm2_path())
    rows = torch.from_numpy(file.weights("blk.0.attn_q.weight"))
    assert torch.equal(unpermuted(rows, 9), attention.query.weight)
    saved = [(b.attention.query.weight.clone(), b.attention.key.weight.clone()) for b in model.blocks]
    try:
        for number, block in enumerate(model.blocks):
            for layer, name in ((block.attention.query, "attn_q"), (block.attention.key, "attn_k")):
                layer.weight.copy_(torch.from_numpy(file.weights(f"blk.{number}.{name}.weight")))
        wrong = model(ids)
    finally:
        for block, (query, key) in zip(model.blocks, saved, strict=True):
            block.attention.query.weight.copy_(query)
            block.attention.key.weight.copy_(key)
    assert (wrong - right).abs().max() > 5
