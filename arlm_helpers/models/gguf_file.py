"""GGUF files: a header that names everything, then the weights, each matrix in the format it was rounded to.

The header is read here and the formats by the ``gguf`` library. The library reads headers too, and takes
5.4 processor seconds for the 98,000 strings of a tokenizer (version 0.19); these lines take 0.2.

Source:
    The GGUF specification, https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

import math
import struct
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType
from gguf.quants import dequantize
from jaxtyping import Float, UInt8

from arlm_helpers.text.catalogue import DataError

MAGIC = b"GGUF"
VERSIONS = (2, 3)
STRING, ARRAY = 8, 9
NUMBERS = dict(enumerate("B b H h I i f ?".split())) | {
    10: "Q",
    11: "q",
    12: "d",
}  # type -> struct


class Cursor:
    """Reads a header from front to back, and never past its end.

    Raises:
        DataError: for a header that is cut off or holds a type that does not exist.
    """

    def __init__(self, data: UInt8[np.ndarray, " size"]) -> None:
        self.data, self.at = memoryview(data), 0

    def take(self, n_bytes: int) -> memoryview:
        """The next bytes."""
        if n_bytes > len(self.data) - self.at:
            raise DataError(f"it ends within its header, after {len(self.data):,} bytes")
        self.at += n_bytes
        return self.data[self.at - n_bytes : self.at]

    def number(self, code: str) -> int | float | bool:
        """The next number; ``code`` is that of ``struct``."""
        [value] = struct.unpack(f"<{code}", self.take(struct.calcsize(code)))
        return value

    def string(self) -> str:
        """The next text: its length in bytes, then the bytes."""
        return str(self.take(self.number("Q")), "utf-8")

    def value(self, kind: int) -> object:
        """The next value of a type; an array becomes a list."""
        if kind == STRING:
            return self.string()
        if kind == ARRAY:
            kind, n = self.number("I"), self.number("Q")
            if kind in NUMBERS:
                packed = self.take(n * struct.calcsize(NUMBERS[kind]))
                return list(struct.unpack(f"<{n}{NUMBERS[kind]}", packed))
            if n > len(self.data):
                raise DataError(f"it promises a list of {n:,} values, more than it has bytes")
            return [self.value(kind) for _ in range(n)]
        if kind not in NUMBERS:
            raise DataError(f"it holds a value of the unknown type {kind}")
        return self.number(NUMBERS[kind])


@dataclass(frozen=True)
class StoredTensor:
    """Where a tensor lies in the file, and in which format, ``Q4_1``, ``F32`` …; a matrix is (rows, row)."""

    name: str
    shape: tuple[int, ...]
    kind: str
    start: int

    @property
    def rows(self) -> tuple[int, int]:
        """Number of rows, and bytes of each: a row is a whole number of blocks."""
        weights, size = GGML_QUANT_SIZES[GGMLQuantizationType[self.kind]]
        return math.prod(self.shape[:-1]), self.shape[-1] // weights * size

    @property
    def n_bytes(self) -> int:
        """Bytes of the tensor in the file."""
        return math.prod(self.rows)


@dataclass(frozen=True)
class GGUFFile:
    """What a file says of itself, and its tensors by name; weights stay on disk until they are asked for."""

    path: Path
    metadata: dict[str, object] = field(repr=False)
    tensors: dict[str, StoredTensor] = field(repr=False)

    def blocks(self, name: str) -> UInt8[np.ndarray, "row bytes"]:
        """The bytes of a tensor as they lie in the file, mapped into memory."""
        tensor = self.tensors[name]
        return np.memmap(self.path, mode="r", offset=tensor.start, shape=tensor.rows)

    def weights(self, name: str) -> Float[np.ndarray, "..."]:
        """A tensor as numbers of 32 bits, each what its rounded form stands for."""
        tensor = self.tensors[name]
        values = dequantize(self.blocks(name), GGMLQuantizationType[tensor.kind])
        return values.reshape(tensor.shape)


def read_gguf(path: str | PathLike[str]) -> GGUFFile:
    """Read the header of a GGUF file and see that the tensors it promises are there.

    Raises:
        DataError: a ValueError; if the file is missing, no GGUF file, of an unknown version, cut off or
            otherwise damaged, or holds a format that the ``gguf`` library cannot read.
    """
    path = Path(path)
    try:
        size = path.stat().st_size
        data = np.memmap(path, mode="r") if size else np.zeros(0, np.uint8)
        return GGUFFile(path, *read_header(Cursor(data), size))
    except FileNotFoundError:
        raise DataError(f"there is no file {path}; give the path of a .gguf file") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error}") from None
    except UnicodeDecodeError:
        raise DataError(f"{path} is damaged: a text in its header is no UTF-8; fetch it again") from None
    except DataError as problem:
        raise DataError(f"{path} is no usable GGUF file: {problem}; fetch it again or give another") from None


def read_header(cursor: Cursor, size: int) -> tuple[dict[str, object], dict[str, StoredTensor]]:
    """Metadata and tensors of a file of ``size`` bytes.

    Raises:
        DataError, UnicodeDecodeError: if it is damaged.
    """
    if size < len(MAGIC) or cursor.take(len(MAGIC)) != MAGIC:
        raise DataError("it does not begin with the letters GGUF")
    if (version := cursor.number("I")) not in VERSIONS:
        raise DataError(f"its version is {version}, read are {VERSIONS}")
    n_tensors, n_values = cursor.number("Q"), cursor.number("Q")
    metadata = {}
    for _ in range(n_values):
        name = cursor.string()
        metadata[name] = cursor.value(cursor.number("I"))
    found = [read_tensor(cursor) for _ in range(n_tensors)]
    alignment = metadata.get("general.alignment", 32)
    if not isinstance(alignment, int) or alignment < 1:
        raise DataError(f"its alignment is {alignment!r}")
    begin = -(-cursor.at // alignment) * alignment
    tensors = {t.name: StoredTensor(t.name, t.shape, t.kind, begin + t.start) for t in found}
    end = max((tensor.start + tensor.n_bytes for tensor in tensors.values()), default=0)
    if end > size:
        raise DataError(f"it has {size:,} bytes, its tensors need {end:,}")
    return metadata, tensors


def read_tensor(cursor: Cursor) -> StoredTensor:
    """One entry of the list of tensors: its sizes innermost first, and where it lies behind the header.

    Raises:
        DataError: if its format is not known, or its rows are no whole number of blocks.
    """
    name, n_sizes = cursor.string(), cursor.number("I")
    shape = tuple(cursor.number("Q") for _ in range(n_sizes))[::-1]
    kind, start = cursor.number("I"), cursor.number("Q")
    if kind not in {known.value for known in GGMLQuantizationType}:
        raise DataError(f"the tensor {name!r} is rounded in the unknown format {kind}")
    known = GGMLQuantizationType(kind)
    weights, _ = GGML_QUANT_SIZES[known]
    if not 1 <= n_sizes <= 4 or shape[-1] % weights or min(shape) < 1:
        raise DataError(f"the tensor {name!r} has the sizes {shape}, its blocks {weights} weights")
    return StoredTensor(name, shape, known.name, start)
