"""Tensors and what there is to know about them, as two files: NAME.safetensors and, written last, NAME.json.

The JSON file holds the sha256 of the tensors and of its own facts. Whoever finds it knows that both files
were written to the end, and can prove it. Neither file can hold code, as a pickle could.
"""

import hashlib
import json
import os
import uuid
from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
from torch import Tensor

VERSION = 1


class DamagedError(ValueError):
    """A file does not hold what was written, or its partner is missing."""


def tensors_file(path: Path) -> Path:
    """Where the tensors of ``path`` (without suffix) are."""
    return path.with_name(path.name + ".safetensors")


def facts_file(path: Path) -> Path:
    """Where the facts of ``path`` (without suffix) are."""
    return path.with_name(path.name + ".json")


def write_pair(path: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, object]) -> None:
    """Write the tensors, then the JSON file that declares them complete.

    Tensors may share memory (tied weights); each is written out whole.

    Raises:
        TypeError, ValueError: if ``facts`` are not plain JSON values (NaN and infinity are not).
        OSError: if the disk is full or the folder cannot be written. No half file is left.
    """
    facts_as_text(facts)  # complain before anything is written
    content = safetensors.torch.save({name: plain(tensor) for name, tensor in tensors.items()})
    write_whole(tensors_file(path), content)
    document = {
        "version": VERSION,
        "tensors_sha256": hashlib.sha256(content).hexdigest(),
        "facts_sha256": fingerprint(facts),
        "facts": facts,
    }
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
    write_whole(facts_file(path), (text + "\n").encode())


def read_pair(path: Path) -> tuple[dict[str, Tensor], dict]:
    """The tensors and facts that ``write_pair`` wrote, compared with their sha256.

    Raises:
        DamagedError: if one of the two files is missing, altered or cut short; it names the file.
    """
    document = read_document(path)
    file = tensors_file(path)
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        raise DamagedError(f"{file} is missing, though {facts_file(path).name} promises it") from None
    found = hashlib.sha256(content).hexdigest()
    if found != document["tensors_sha256"]:
        raise DamagedError(
            f"{file} is damaged: its {len(content):,} bytes have sha256 {found[:12]}…, "
            f"{facts_file(path).name} says {str(document['tensors_sha256'])[:12]}…"
        )
    loaded = safetensors.torch.load(content)  # lies in memory as in the file, at any address
    return {name: tensor.clone() for name, tensor in loaded.items()}, document["facts"]


def read_facts(path: Path) -> dict:
    """The facts alone, compared with their sha256; the tensors are not read.

    Raises:
        DamagedError: if the JSON file is missing, altered or cut short.
    """
    return read_document(path)["facts"]


def read_document(path: Path) -> dict:
    """The whole JSON file, once it is known to be what was written."""
    file = facts_file(path)
    try:
        document = json.loads(file.read_bytes())
        version, promised, facts = document["version"], document["facts_sha256"], document["facts"]
        document["tensors_sha256"]
    except FileNotFoundError:
        raise DamagedError(f"{file} is missing") from None
    except (ValueError, LookupError, TypeError) as error:
        raise DamagedError(f"{file} is damaged: {type(error).__name__}: {error}") from error
    if version != VERSION:
        raise DamagedError(f"{file} has version {version!r}, this package reads version {VERSION}; update it")
    if fingerprint(facts) != promised:
        raise DamagedError(f"{file} is damaged or was edited: its facts no longer have the sha256 in it")
    return document


def fingerprint(facts: object) -> str:
    """The sha256 of the facts, whatever their order and layout in a file."""
    return hashlib.sha256(facts_as_text(facts).encode()).hexdigest()


def facts_as_text(facts: object) -> str:
    """The one way in which equal facts are written: keys sorted, no spaces."""
    return json.dumps(facts, sort_keys=True, separators=(",", ":"), allow_nan=False)


def plain(tensor: Tensor) -> Tensor:
    """A copy on the CPU, dense and with memory of its own, as the file format asks for."""
    return tensor.detach().to("cpu", copy=True).contiguous()


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that even after a power cut it holds either its old content or all of the new.

    The bytes go to a temporary name first and are forced to the disk (fsync); only then does the file get
    its name, and the folder, which holds the names, is forced to the disk too.

    Raises:
        OSError: if the disk is full or the folder cannot be written. No half file is left.
    """
    temporary = path.with_name(f"{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        with open(temporary, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        sync_names(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def sync_names(folder: Path) -> None:
    """Force the names in a folder to the disk. Windows cannot open a folder, and does this by itself."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
