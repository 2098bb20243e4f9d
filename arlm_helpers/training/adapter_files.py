"""Adapters on disk: what fine-tuning learned, without its model, as NAME.safetensors and NAME.json."""

import hashlib
from collections.abc import Mapping
from os import PathLike

import torch
from torch import nn

from arlm_helpers.models.lora import add_lora, lora_parameters, needed_adapters
from arlm_helpers.training.run_folder import errors_that_name
from arlm_helpers.training.run_state import differences
from arlm_helpers.training.tensor_files import read_pair, write_pair
from arlm_helpers.training.weights import identity, without_suffix

N_HASHED = 64  # numbers of each tensor: enough to tell models apart, quick for a hundred million weights


def save_lora(
    model: nn.Module, path: str | PathLike[str], record: Mapping[str, object], *, half: bool = False
) -> None:
    """Save the adapters of ``model`` with a ``record``; ``half`` stores numbers of 16 bits.

    Class and configuration of the model, rank, alpha, the adapted layers and a sign of the model's own
    weights are added. ``path`` is the name without suffix.

    Raises:
        ValueError: if there are no adapters, they are merged, or the record uses one of these names.
        OSError: if the disk is full or the folder cannot be written; no half file is left.
    """
    facts = identity(model) | adapter_facts(model) | {"weights": sign_of_weights(model)}
    if taken := facts.keys() & record.keys():
        raise ValueError(f"{', '.join(sorted(taken))} of the record would hide the adapter's own; rename")
    path = without_suffix(path)
    tensors = {name: weight.half() if half else weight for name, weight in lora_parameters(model)}
    with errors_that_name(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_pair(path, tensors, facts | dict(record))


def load_lora(model: nn.Module, path: str | PathLike[str]) -> dict[str, object]:
    """Put saved adapters beside the layers of ``model``, which has none yet; returns the record.

    The model is changed only if everything fits.

    Raises:
        ValueError: if the adapters belong to another model; it names each difference; or as ``add_lora``.
        DamagedError: a ValueError; if the files are not what was saved.
    """
    path = without_suffix(path)
    weights, record = read_pair(path)
    if "lora" not in record:
        raise ValueError(f"{path} holds no adapters; load_weights reads whole models")
    now = identity(model) | {"weights": sign_of_weights(model)}
    if found := list(differences({name: record[name] for name in now}, now)):
        raise ValueError(f"the adapters in {path} belong to another model: {'; '.join(found)}")
    lora = record["lora"]
    add_lora(model, lora["rank"], alpha=lora["alpha"], layers=lora["layers"])
    with torch.no_grad():
        for name, weight in lora_parameters(model):
            weight.copy_(weights[name])
    return record


def adapter_facts(model: nn.Module) -> dict[str, object]:
    """Rank, alpha and layers of the adapters.

    Raises:
        ValueError: if there are none, they are not alike, or they are merged.
    """
    adapters = needed_adapters(model)
    kinds = {(adapter.rank, adapter.alpha) for adapter in adapters.values()}
    if len(kinds) > 1:
        raise ValueError(f"all adapters must have one rank and alpha to be saved, got {sorted(kinds)}")
    if any(adapter.kept is not None for adapter in adapters.values()):
        raise ValueError("the adapters are merged into the weights; unmerge_lora(model) first")
    rank, alpha = kinds.pop()
    return {"lora": {"rank": rank, "alpha": alpha, "layers": list(adapters)}}


def sign_of_weights(model: nn.Module) -> str:
    """The sha256 of names, shapes and first numbers of the model's own weights, adapters left out."""
    digest = hashlib.sha256()
    learned = {id(weight) for _, weight in lora_parameters(model)}
    for name, weight in model.named_parameters():
        if id(weight) in learned:
            continue
        plain_name = name.replace(".base.", ".")  # where the layer stands when it has no adapter
        digest.update(f"{plain_name} {tuple(weight.shape)}".encode())
        digest.update(weight.detach().flatten()[:N_HASHED].float().cpu().numpy().tobytes())
    return digest.hexdigest()
