"""GGUF files are read as the library that defines them reads them; what is none is refused with a reason."""

import struct

import gguf
import numpy as np
import pytest

from arlm_helpers.models.gguf_file import read_gguf
from arlm_helpers.text.catalogue import DataError

RNG = np.random.default_rng(0)
MATRIX = RNG.normal(size=(6, 64)).astype(np.float32)
KINDS = gguf.GGMLQuantizationType


def write(path, *, kinds=(KINDS.F32, KINDS.F16, KINDS.Q8_0, KINDS.Q4_1, KINDS.Q5_0)):
    """A small file with values of every type and the matrix in several formats."""
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_uint32("a.number", 7)
    writer.add_float32("a.fraction", 0.5)
    writer.add_bool("a.choice", True)
    writer.add_int64("a.low", -(2**40))
    writer.add_string("a.text", "你好 🙂")
    writer.add_array("some.texts", ["Ġ t", "", "é"])
    writer.add_array("some.numbers", [3, 1, 2])
    for kind in kinds:
        writer.add_tensor(kind.name, gguf.quantize(MATRIX, kind), raw_dtype=kind)
    writer.add_tensor("vector", MATRIX[0])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.fixture
def path(tmp_path):
    return write(tmp_path / "tiny.gguf")


def test_every_value_comes_back(path):
    assert read_gguf(path).metadata == {
        "general.architecture": "llama", "a.number": 7, "a.fraction": 0.5, "a.choice": True,
        "a.low": -(2**40), "a.text": "你好 🙂", "some.texts": ["Ġ t", "", "é"], "some.numbers": [3, 1, 2],
    }  # fmt: skip


def test_tensors_are_those_that_the_library_reads(path):
    ours, theirs = read_gguf(path), gguf.GGUFReader(path).tensors
    assert list(ours.tensors) == [tensor.name for tensor in theirs]
    for tensor in theirs:
        expected = gguf.dequantize(tensor.data, tensor.tensor_type)
        assert ours.tensors[tensor.name].kind == tensor.tensor_type.name
        np.testing.assert_array_equal(ours.weights(tensor.name), expected)


def test_a_block_of_four_bits_is_a_scale_a_minimum_and_sixteen_pairs(tmp_path):
    block = np.frombuffer(struct.pack("<ee16B", 0.5, -1.0, *range(16)), np.uint8)
    writer = gguf.GGUFWriter(tmp_path / "block.gguf", "llama")
    writer.add_tensor("block", block[None], raw_dtype=KINDS.Q4_1)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    file = read_gguf(tmp_path / "block.gguf")
    assert bytes(file.blocks("block")[0]) == bytes(block)
    expected = [0.5 * low - 1 for low in range(16)] + [-1.0] * 16  # of each pair the high half is 0
    assert file.weights("block").tolist() == [expected]


def test_a_file_cut_off_anywhere_is_refused(path, tmp_path):
    whole = path.read_bytes()
    cut = tmp_path / "cut.gguf"
    for end in [*range(0, 700, 7), len(whole) - 33]:
        cut.write_bytes(whole[:end])
        with pytest.raises(DataError, match=r"cut\.gguf is no usable GGUF file"):
            read_gguf(cut)


def header(n_tensors=0, n_values=0, rest=b"", *, magic=b"GGUF", version=3):
    return magic + struct.pack("<IQQ", version, n_tensors, n_values) + rest


def text(content):
    return struct.pack("<Q", len(content)) + content


BAD = {
    "empty": (b"", "does not begin with the letters GGUF"),
    "foreign": (b"PK\3\4" + bytes(100), "does not begin with the letters GGUF"),
    "old": (header(version=1), r"version is 1, read are \(2, 3\)"),
    "a text longer than the file": (header(0, 1, struct.pack("<Q", 2**60)), "ends within its header"),
    "a text that is no text": (header(0, 1, text(b"\xff\xfe")), "no UTF-8"),
    "an unknown type": (header(0, 1, text(b"a") + struct.pack("<I", 77)), "unknown type 77"),
    "a list longer than the file": (
        header(0, 1, text(b"a") + struct.pack("<IIQ", 9, 8, 2**50)),
        "list of .* values, more than it has bytes",
    ),
    "numbers beyond the end": (
        header(0, 1, text(b"a") + struct.pack("<IIQ", 9, 6, 2**50)),
        "ends within its header",
    ),
    "an unknown format": (
        header(1, 0, text(b"w") + struct.pack("<IQIQ", 1, 32, 99, 0) + bytes(64)),
        "'w' is rounded in the unknown format 99",
    ),
    "half a block": (
        header(1, 0, text(b"w") + struct.pack("<IQIQ", 1, 33, KINDS.Q4_1, 0) + bytes(64)),
        r"sizes \(33,\), its blocks 32 weights",
    ),
    "no sizes": (header(1, 0, text(b"w") + struct.pack("<IIQ", 0, 0, 0) + bytes(64)), r"sizes \(\)"),
    "a tensor beyond the end": (
        header(1, 0, text(b"w") + struct.pack("<IQIQ", 1, 32, 0, 2**40) + bytes(256)),
        "its tensors need",
    ),
}


@pytest.mark.parametrize("content, problem", BAD.values(), ids=BAD)
def test_what_is_no_gguf_file_is_refused_with_its_reason(tmp_path, content, problem):
    path = tmp_path / "bad.gguf"
    path.write_bytes(content)
    with pytest.raises(DataError, match=problem) as caught:
        read_gguf(path)
    assert str(path) in str(caught.value)


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    with pytest.raises(DataError, match=r"there is no file .*nowhere.gguf"):
        read_gguf(tmp_path / "nowhere.gguf")
    with pytest.raises(DataError, match="cannot be read"):
        read_gguf(tmp_path)
