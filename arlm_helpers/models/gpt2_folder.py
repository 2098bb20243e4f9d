"""GPT-2 and its relatives from a folder as the transformers library saves it, or from the hub's cache.

Nothing is downloaded: a name such as ``openai-community/gpt2`` is found if another program fetched it.
"""

import json
import os
from os import PathLike
from pathlib import Path

import safetensors
from safetensors.torch import load_file
from torch import Tensor

from arlm_helpers.models.gpt_config import GPTConfig, gpt2_config
from arlm_helpers.models.loading import empty_gpt, load_gpt2_state
from arlm_helpers.models.transformer import GPT
from arlm_helpers.text.byte_level_tokenizer import ByteLevelTokenizer
from arlm_helpers.text.catalogue import DataError

ACTIVATION_NAMES = {"gelu_new": "gelu_tanh", "gelu_pytorch_tanh": "gelu_tanh", "gelu": "gelu"}
EXPECTED = {  # what our GPT does; another value would give other numbers without an error
    "model_type": "gpt2",
    "scale_attn_weights": True,
    "scale_attn_by_inverse_layer_idx": False,
    "add_cross_attention": False,
}
WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"


def load_gpt2(folder: str | PathLike[str]) -> GPT:
    """The GPT-2 in ``folder``, or of this name in the hub's cache, in evaluation mode and 32 bits.

    Raises:
        DataError, ValueError: if it is not there, damaged, of another architecture, or not in safetensors.
    """
    folder = gpt2_place(folder)
    model = empty_gpt(config_from_json(folder / "config.json"))
    state = {name: tensor.float() for name, tensor in read_weights(folder).items()}
    load_gpt2_state(model, state)
    return model.eval()


def load_gpt2_tokenizer(folder: str | PathLike[str]) -> ByteLevelTokenizer:
    """The tokenizer beside it: ``vocab.json`` and ``merges.txt``. ``<|endoftext|>`` is its special token.

    Raises:
        DataError, ValueError: if a file is missing or damaged.
    """
    folder = gpt2_place(folder)
    ids = read_json(folder / "vocab.json")
    lines = read_file(folder / "merges.txt").splitlines()
    merges = [line for line in lines if line and not line.startswith("#version")]
    symbols = sorted(ids, key=ids.get)
    return ByteLevelTokenizer(symbols, merges, specials=[s for s in symbols if s == "<|endoftext|>"])


def gpt2_place(name: str | PathLike[str]) -> Path:
    """A folder as it is; a name of the hub as the folder of its newest version in the cache.

    Raises:
        DataError: if there is neither.
    """
    if (folder := Path(name)).is_dir():
        return folder
    home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface")
    cache = Path(os.environ.get("HF_HUB_CACHE") or home / "hub")
    kept = cache / f"models--{str(name).replace('/', '--')}"
    version = kept / "refs" / "main"
    if version.is_file() and (found := kept / "snapshots" / version.read_text().strip()).is_dir():
        return found
    raise DataError(
        f"there is no folder {str(name)!r}, and no model of that name in {cache}; give a folder with "
        f"config.json and {WEIGHTS}"
    )


def config_from_json(path: Path) -> GPTConfig:
    """Our configuration for a ``config.json`` of GPT-2.

    Raises:
        DataError: if the file is missing or damaged, or the model does something that our GPT does not.
    """
    theirs = read_json(path)
    for name, value in EXPECTED.items():
        if (found := theirs.get(name, value)) != value:
            raise DataError(f"{path} says {name} = {found!r}; read are models with {value!r}")
    if (activation := str(theirs.get("activation_function", "gelu_new"))) not in ACTIVATION_NAMES:
        raise DataError(
            f"{path} asks for the activation {activation!r}; known: {', '.join(ACTIVATION_NAMES)}"
        )
    fields = {
        "vocab_size": "vocab_size", "context_length": "n_positions", "n_layers": "n_layer",
        "n_heads": "n_head", "d_model": "n_embd",
    }  # fmt: skip
    if missing := [name for name in fields.values() if not isinstance(theirs.get(name), int)]:
        raise DataError(f"{path} has no whole number for {', '.join(missing)}")
    return gpt2_config(
        activation=ACTIVATION_NAMES[activation],
        d_ff=theirs.get("n_inner"),
        norm_eps=theirs.get("layer_norm_epsilon", 1e-5),
        tied=theirs.get("tie_word_embeddings", True),
        **{ours: theirs[name] for ours, name in fields.items()},
    )


def read_weights(folder: Path) -> dict[str, Tensor]:
    """The tensors of one file, or of all the files that an index names.

    Raises:
        DataError: if a file is missing or damaged, or the index leads out of the folder.
    """
    names = [WEIGHTS]
    if (folder / INDEX).is_file():
        places = read_json(folder / INDEX).get("weight_map")
        if not isinstance(places, dict) or not all(isinstance(place, str) for place in places.values()):
            raise DataError(f"{folder / INDEX} is damaged: its weight_map must say a file for each tensor")
        names = sorted(set(places.values()))
    state = {}
    for name in names:
        if Path(name).name != name:
            raise DataError(f"{folder / INDEX} names {name!r}, which is not in its folder")
        try:
            state |= load_file(folder / name)
        except FileNotFoundError:
            raise DataError(f"there is no {folder / name}; pickled weights (.bin) are not read") from None
        except (safetensors.SafetensorError, OSError) as error:
            raise DataError(f"{folder / name} cannot be read: {error}") from None
    return state


def read_json(path: Path) -> dict:
    """A JSON file that holds an object.

    Raises:
        DataError: if it is missing, damaged, or holds something else.
    """
    try:
        value = json.loads(read_file(path))
    except ValueError as error:
        raise DataError(f"{path} is damaged: {error}") from None
    if not isinstance(value, dict):
        raise DataError(f"{path} is damaged: it holds a {type(value).__name__}, not an object")
    return value


def read_file(path: Path) -> str:
    """A text file of the folder.

    Raises:
        DataError: if it is missing or no UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise DataError(f"there is no {path}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read: {error}") from None
