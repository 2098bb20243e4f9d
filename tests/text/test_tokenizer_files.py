"""Saved tokenizers come back equal; anything else is refused with the way out."""

import json
import os

import pytest

from arlm_helpers.text.bpe import BPETokenizer
from arlm_helpers.text.tokenizer_files import load_tokenizer
from arlm_helpers.text.tokenizers import ByteTokenizer, CharTokenizer

TEXT = "to be or not to be\n你好 👩‍👩‍👧 \u2028 \x00"
TOKENIZERS = [
    CharTokenizer.from_text(TEXT, specials=("<|endoftext|>", "结束")),
    ByteTokenizer(),
    ByteTokenizer(specials=("<|endoftext|>",)),
    BPETokenizer.train(TEXT, 270, specials=("<|endoftext|>",)),
    BPETokenizer([]),
]
GOOD = {"kind": "bpe", "version": 1, "specials": [], "merges": [[97, 98]]}
BAD = {
    "a list": [1, 2],
    "no kind": {"version": 1},
    "an unknown kind": {**GOOD, "kind": "wordpiece"},
    "a kind that is a list": {**GOOD, "kind": []},
    "an unknown version": {**GOOD, "version": 2},
    "merges missing": {"kind": "bpe", "version": 1, "specials": []},
    "merges that are no pairs": {**GOOD, "merges": [[97]]},
    "merges of later ids": {**GOOD, "merges": [[97, 300]]},
    "merges of strings": {**GOOD, "merges": [["a", "b"]]},
    "merges of fractions": {**GOOD, "merges": [[97.0, 98.5]]},
    "specials in one string": {**GOOD, "specials": "<|end|>"},
    "specials that are numbers": {**GOOD, "specials": [1]},
    "more than belongs there": {**GOOD, "alphabet": "abc"},
    "characters with a lone surrogate": {"kind": "characters", "version": 1, "characters": "a\ud800"},
    "tokens that fill the memory": {**GOOD, "merges": [[97, 97]] + [[256 + i, 256 + i] for i in range(60)]},
}


@pytest.mark.parametrize("tokenizer", TOKENIZERS, ids=repr)
def test_a_saved_tokenizer_comes_back_equal(tokenizer, tmp_path):
    path = tmp_path / "分词器 with spaces.json"
    tokenizer.save(path)
    loaded = load_tokenizer(path)
    assert loaded == tokenizer
    assert loaded.tokens == tokenizer.tokens
    assert loaded.encode("to be", allow_special=True) == tokenizer.encode("to be", allow_special=True)


def test_a_file_says_what_it_is(tmp_path):
    BPETokenizer([(97, 98)]).save(tmp_path / "file.json")
    assert json.loads((tmp_path / "file.json").read_text(encoding="utf-8")) == GOOD


@pytest.mark.parametrize("record", BAD.values(), ids=BAD)
def test_a_file_with_anything_else_is_refused(record, tmp_path):
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(
        ValueError, match=r"(?s)tokenizer\.json is not a tokenizer file.*save the tokenizer again"
    ):
        load_tokenizer(path)


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xfe\x00", b"hello", b"[" * 100_000], ids=["empty", "UTF-16", "text", "deep"]
)
def test_a_foreign_file_is_refused(data, tmp_path):
    path = tmp_path / "tokenizer.json"
    path.write_bytes(data)
    with pytest.raises(ValueError, match="save the tokenizer again"):
        load_tokenizer(path)


def test_a_file_cut_off_anywhere_is_refused(tmp_path):
    path = tmp_path / "tokenizer.json"
    BPETokenizer.train(TEXT, 260).save(path)
    whole = path.read_bytes().rstrip()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match="save the tokenizer again"):
            load_tokenizer(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="missing"):
        load_tokenizer(tmp_path / "missing.json")


def test_a_save_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "tokenizer.json"
    ByteTokenizer().save(path)

    def no_space(*_paths):
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "replace", no_space)
    with pytest.raises(OSError, match="no space"):
        BPETokenizer([]).save(path)
    assert load_tokenizer(path) == ByteTokenizer()
    assert list(tmp_path.iterdir()) == [path]
