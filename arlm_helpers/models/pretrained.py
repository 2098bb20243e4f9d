"""A real chat model in the class of the course: SmolLM2-135M-Instruct, read from its GGUF file.

Loading takes about 4 processor seconds and at most 1 GB of memory, of which 0.54 GB stay.

Source:
    Allal et al. (2025), "SmolLM2", https://arxiv.org/abs/2502.02737
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor
from tqdm import tqdm

from arlm_helpers.models.gguf_file import GGUFFile, read_gguf
from arlm_helpers.models.gpt_config import GPTConfig, llama_config
from arlm_helpers.models.loading import empty_gpt, load_exactly, renamed, unpermuted
from arlm_helpers.models.transformer import GPT
from arlm_helpers.text.byte_level_tokenizer import ByteLevelTokenizer
from arlm_helpers.text.catalogue import DataError, find_dataset
from arlm_helpers.text.unpacking import unpacked

GGUF_NAMES = {  # of llama.cpp; {} is the number of a block
    "token_embd": "embed.tokens",
    "blk.{}.attn_norm": "blocks.{}.attention_norm",
    "blk.{}.attn_q": "blocks.{}.attention.query",
    "blk.{}.attn_k": "blocks.{}.attention.key",
    "blk.{}.attn_v": "blocks.{}.attention.value",
    "blk.{}.attn_output": "blocks.{}.attention.output",
    "blk.{}.ffn_norm": "blocks.{}.feed_forward_norm",
    "blk.{}.ffn_up": "blocks.{}.feed_forward.up",
    "blk.{}.ffn_gate": "blocks.{}.feed_forward.gate",
    "blk.{}.ffn_down": "blocks.{}.feed_forward.down",
    "output_norm": "norm",
    "output": "head",
}
SINGLE_DIGITS = {"gpt-2": False, "smollm": True}  # rule for cutting words -> is every digit cut off alone?
CONTROL = 3  # the type of a token that no text spells


def smollm2_path() -> Path:
    """The GGUF file of SmolLM2-135M-Instruct, unpacked into the cache at the first call.

    Raises:
        DataError: a ValueError; if it was not fetched; the message names the command that does it.
    """
    return unpacked(find_dataset("smollm2"))


def load_smollm2(*, progress: bool = True) -> tuple[GPT, ByteLevelTokenizer]:
    """SmolLM2-135M-Instruct as our ``GPT``, ready to read, and its tokenizer. Offline, once it is fetched.

    Raises:
        DataError: a ValueError; if it was not fetched; the message names the command that does it.
    """
    file = read_gguf(smollm2_path())
    return gpt_from_gguf(file, progress=progress), tokenizer_from_gguf(file)


def value_of(file: GGUFFile, name: str) -> object:
    """A value of the header; a size of the model must be one number.

    Raises:
        DataError: if there is none of this name, or a size is a text or a list.
    """
    if name not in file.metadata:
        raise DataError(f"{file.path} does not say {name!r}; it is no language model, or an old file")
    value = file.metadata[name]
    if name.startswith("llama.") and not isinstance(value, int | float):
        raise DataError(f"{file.path} says {name} = {value!r}, no number; our GPT has one for all its layers")
    return value


def listed_texts(file: GGUFFile, name: str) -> list[str]:
    """A list of texts in the header.

    Raises:
        DataError: if there is none of this name, or it is something else.
    """
    texts = value_of(file, name)
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise DataError(f"{file.path} is damaged: {name} is no list of texts; fetch it again")
    return texts


def config_from_gguf(file: GGUFFile) -> GPTConfig:
    """The sizes and choices of a Llama in a GGUF file.

    Raises:
        DataError, ValueError: if it is of another architecture, or stretches its rotary angles.
    """
    if (architecture := value_of(file, "general.architecture")) != "llama":
        raise DataError(f"{file.path} holds a model of the architecture {architecture!r}; read is 'llama'")
    if (scaling := file.metadata.get("llama.rope.scaling.type", "none")) != "none":
        raise DataError(f"{file.path} stretches its rotary angles ({scaling!r}), which our GPT does not")
    fields = {
        "context_length": "context_length", "n_layers": "block_count", "d_model": "embedding_length",
        "d_ff": "feed_forward_length", "n_heads": "attention.head_count",
        "n_kv_heads": "attention.head_count_kv", "norm_eps": "attention.layer_norm_rms_epsilon",
    }  # fmt: skip
    sizes = {ours: value_of(file, f"llama.{theirs}") for ours, theirs in fields.items()}
    base = file.metadata.get("llama.rope.freq_base", 10_000.0)
    rows = file.tensors["token_embd.weight"].shape[0] if "token_embd.weight" in file.tensors else 0
    return llama_config(vocab_size=rows, rotary_base=base, tied="output.weight" not in file.tensors, **sizes)


def gpt_from_gguf(file: GGUFFile, *, progress: bool = False) -> GPT:
    """The Llama of a GGUF file as our ``GPT``, with weights of 32 bits, in evaluation mode.

    Raises:
        DataError, ValueError: if it is of another architecture, or its tensors do not fit its sizes.
    """
    config = config_from_gguf(file)
    check_tensors(file, config)
    names = tqdm(file.tensors, desc="loading", unit=" tensors", leave=False, disable=not progress)
    model = empty_gpt(config)
    load_exactly(model, dict(given_tensors(file, names, config)))
    return model.eval()


def check_tensors(file: GGUFFile, config: GPTConfig) -> None:
    """Refuse a damaged file before a million layers are built, or rows parted among heads that do not fit.

    Raises:
        DataError: if the tensors are of another number of layers or heads than the header says.
    """
    n_blocks = len({name.split(".")[1] for name in file.tensors if name.startswith("blk.")})
    if n_blocks != config.n_layers:
        raise DataError(f"{file.path} says it has {config.n_layers:,} layers, and holds {n_blocks:,}")
    n_rows = {"attn_q.weight": config.d_model, "attn_k.weight": config.d_kv}
    for name, tensor in file.tensors.items():
        if (expected := n_rows.get(name.split(".", 2)[-1])) not in (None, tensor.shape[0]):
            raise DataError(
                f"{file.path}: {name} has {tensor.shape[0]:,} rows, the heads of the header {expected:,}"
            )


def given_tensors(
    file: GGUFFile, names: Iterable[str], config: GPTConfig
) -> Iterator[tuple[str, Float[Tensor, "..."]]]:
    """The tensors under our names, queries and keys in our order."""
    n_rows = {"attention.query": config.n_heads, "attention.key": config.n_kv_heads}
    for name in names:
        ours, weights = renamed(name, GGUF_NAMES), torch.from_numpy(file.weights(name).copy())
        layer = ours.removesuffix(".weight").partition(".")[2].partition(".")[2]
        yield ours, unpermuted(weights, n_rows[layer]) if layer in n_rows else weights


def tokenizer_from_gguf(file: GGUFFile) -> ByteLevelTokenizer:
    """The tokenizer of a GGUF file.

    Raises:
        DataError, ValueError: if it is no byte-level BPE, or cuts words by a rule that is not known here.
    """
    kind, cut = value_of(file, "tokenizer.ggml.model"), file.metadata.get("tokenizer.ggml.pre", "gpt-2")
    if kind != "gpt2" or str(cut) not in SINGLE_DIGITS:
        raise DataError(
            f"{file.path} has a tokenizer of the kind {kind!r} that cuts words by the rule {cut!r}; known "
            f"is 'gpt2' with {' or '.join(map(repr, SINGLE_DIGITS))}"
        )
    symbols, types = listed_texts(file, "tokenizer.ggml.tokens"), value_of(file, "tokenizer.ggml.token_type")
    if not isinstance(types, list) or len(types) != len(symbols):
        raise DataError(f"{file.path} is damaged: its {len(symbols):,} tokens have not a type each")
    specials = [symbol for symbol, kind in zip(symbols, types, strict=True) if kind == CONTROL]
    merges = listed_texts(file, "tokenizer.ggml.merges")
    return ByteLevelTokenizer(symbols, merges, specials=specials, single_digits=SINGLE_DIGITS[cut])
