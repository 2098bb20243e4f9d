"""The weights of a finished model and the record of how they came about: NAME.safetensors, NAME.json."""

import dataclasses
import json
from collections.abc import Collection, Mapping
from os import PathLike
from pathlib import Path

import torch
from torch import Tensor, nn

from arlm_helpers.training.run_folder import errors_that_name
from arlm_helpers.training.run_state import differences, model_tensors
from arlm_helpers.training.tensor_files import read_facts, read_pair, write_pair

SUFFIXES = (".safetensors", ".json")


def save_weights(model: nn.Module, path: str | PathLike[str], record: Mapping[str, object]) -> None:
    """Save the weights of ``model`` with a ``record``: corpus and its hash, steps, seconds, result, seed …

    The class of the model and its configuration are added. ``path`` is the name without suffix. Tied
    weights are saved once.

    Raises:
        ValueError: if the record uses the names "model" or "config".
        OSError: if the disk is full or the folder cannot be written; no half file is left.
    """
    taken = {"model", "config"} & set(record)
    if taken:
        raise ValueError(f"{' and '.join(sorted(taken))} of the record would hide the model's own; rename")
    path = without_suffix(path)
    with errors_that_name(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_pair(path, model_tensors(model), identity(model) | dict(record))


def load_weights(
    model: nn.Module, path: str | PathLike[str], *, may_differ: Collection[str] = ()
) -> dict[str, object]:
    """Put saved weights into ``model``, which was built with the same configuration; returns the record.

    ``may_differ`` names fields of the configuration whose value does not matter here. The model is changed
    only if everything fits.

    Raises:
        ValueError: if the model has another class, configuration, or other tensors; it names each difference.
        DamagedError: a ValueError; if the files are not what was saved.
    """
    path = without_suffix(path)
    weights, record = read_pair(path)
    if not {"model", "config"} <= record.keys():
        raise ValueError(f"{path} holds no finished model (is it a checkpoint of a run?); use save_weights")
    own = model_tensors(model)
    saved = described(record, weights, may_differ)
    if found := list(differences(saved, described(identity(model), own, may_differ))):
        raise ValueError(
            f"the weights in {path} belong to another model: {'; '.join(found)}. Build the model from the "
            "class and the configuration in read_record(path)"
        )
    with torch.no_grad():
        for name, tensor in own.items():
            tensor.copy_(weights[name])
    return record


def read_record(path: str | PathLike[str]) -> dict[str, object]:
    """The record alone, with "model" (the class) and "config" (its arguments): enough to build the model.

    Raises:
        DamagedError: a ValueError; if the JSON file is missing or not what was saved.
    """
    return read_facts(without_suffix(path))


def without_suffix(path: str | PathLike[str]) -> Path:
    """The common name of the two files; a dot in the name itself (lstm-1.5) stays."""
    path = Path(path)
    return path.with_suffix("") if path.suffix in SUFFIXES else path


def identity(model: nn.Module) -> dict[str, object]:
    """What makes a model this one, as JSON holds it: its class and its configuration."""
    config = json.loads(json.dumps(dataclasses.asdict(model.config)))
    return {"model": type(model).__name__, "config": config}


def described(
    record: Mapping, tensors: Mapping[str, Tensor], may_differ: Collection[str]
) -> dict[str, object]:
    """All that has to be equal for weights to fit, in words: class, configuration, shapes and formats."""
    config = {name: value for name, value in record["config"].items() if name not in may_differ}
    kinds = {name: f"{tensor.dtype} {tuple(tensor.shape)}" for name, tensor in tensors.items()}
    return {"the class": record["model"], **config, **kinds}
