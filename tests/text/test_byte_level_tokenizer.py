"""A published vocabulary: ids as llama.cpp gives them, and special tokens only where they are meant."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers.pre_tokenizers import ByteLevel

from arlm_helpers.text.byte_level_tokenizer import SYMBOLS, ByteLevelTokenizer
from arlm_helpers.text.streaming import StreamingDecoder
from tests.smollm2 import needs_smollm2, smollm2

RECORDED = json.loads((Path(__file__).parent / "llama_cpp_ids.json").read_text())["texts"]
END = "<|im_end|>"
TINY = ByteLevelTokenizer([END, *SYMBOLS, "Ġt", "he", "Ġthe"], ["Ġ t", "h e", "Ġt he"], specials=[END])


def test_each_byte_has_the_letter_that_the_library_writes_for_it():
    assert SYMBOLS.keys() == set(ByteLevel.alphabet())
    assert sorted(SYMBOLS.values()) == list(range(256))
    write = ByteLevel(add_prefix_space=False, use_regex=False)
    for point in [*range(0x800), *range(0x800, 0xD800, 0x40), *range(0x10000, 0x110000, 0x1000)]:
        [(written, _)] = write.pre_tokenize_str(chr(point))
        assert bytes(SYMBOLS[letter] for letter in written) == chr(point).encode()


def test_merges_are_taken_in_their_order():
    assert TINY.encode(" the") == [TINY.tokens.index(" the")]
    assert [TINY.tokens[i] for i in TINY.encode("the then")] == ["t", "he", " the", "n"]


@given(st.text())
def test_any_text_survives_a_vocabulary_of_all_bytes(text):
    assert TINY.decode(TINY.encode(text)) == text


def test_half_a_character_is_shown_as_bytes_and_completed_in_a_stream():
    ids = TINY.encode("你")
    assert TINY.decode(ids[:2]) == "⟨E4⟩⟨BD⟩"
    stream = StreamingDecoder(TINY)
    assert [stream.push(i) for i in ids] == ["", "", "你"]


def test_the_name_of_a_special_token_is_ordinary_text_unless_allowed():
    text = f"a{END}b"
    assert 0 not in TINY.encode(text) and TINY.decode(TINY.encode(text)) == text
    assert TINY.encode(text, allow_special=True) == [*TINY.encode("a"), 0, *TINY.encode("b")]


def test_digits_are_cut_one_by_one_only_if_asked_for():
    symbols, merges = [*SYMBOLS, "19"], ["1 9"]
    assert len(ByteLevelTokenizer(symbols, merges).encode("19")) == 1
    assert len(ByteLevelTokenizer(symbols, merges, single_digits=True).encode("19")) == 2


def test_a_character_whose_bytes_have_no_token_is_named():
    small = ByteLevelTokenizer([s for s in SYMBOLS if s not in "az"], [])
    assert small.decode(small.encode("bcd")) == "bcd"
    with pytest.raises(ValueError, match=r"2 characters have no token: 'a' \(U\+0061\), 'z' \(U\+007A\)"):
        small.encode("a jazz")


@pytest.mark.parametrize(
    "arguments, problem",
    [
        ((["a", "a"], []), "distinct, got 1 repeated"),
        ((["a", "你"], []), "'你', which stands for no byte"),
        ((["a", "b"], ["a b"]), "'a b' is not one of two tokens to a third"),
        ((["a", "b"], ["ab"]), "'ab' is not one of two tokens"),
        ((["a"], [], [END]), "special tokens .* are not in the vocabulary"),
    ],
)
def test_a_vocabulary_that_cannot_be_is_refused(arguments, problem):
    symbols, merges, *specials = arguments
    with pytest.raises(ValueError, match=problem):
        ByteLevelTokenizer(symbols, merges, specials=specials[0] if specials else ())


@needs_smollm2
@pytest.mark.parametrize("row", RECORDED, ids=range(len(RECORDED)))
def test_ids_are_those_of_llama_cpp(row):
    _, tokenizer = smollm2()
    assert tokenizer.encode(row["text"]) == row["ids"]
    assert tokenizer.decode(row["ids"]) == row["text"]
    with_special = row.get("with_special", row["ids"])
    assert tokenizer.encode(row["text"], allow_special=True) == with_special


@needs_smollm2
def test_smollm2_has_no_token_for_some_control_characters_and_says_so():
    _, tokenizer = smollm2()
    with pytest.raises(ValueError, match=r"1 characters have no token: '\\x04'"):
        tokenizer.encode("a\x04b")
