"""Characters and bytes as tokens, special tokens, and what all tokenizers share."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlm_helpers.text.bpe import BPETokenizer
from arlm_helpers.text.checking import utf8
from arlm_helpers.text.tokenizers import ByteTokenizer, CharTokenizer, Tokenizer

END = "<|endoftext|>"
AWKWARD = [
    "",
    "a\x00b",
    "to be\r\nor not\r",
    " \t  \n\n  trailing  ",
    "你好，世界。",
    "👩‍👩‍👧‍👦🏳️‍🌈",
    "שלום English مرحبا ١٢٣",
    "e\u0301 हिन्दी \u200b\ufeff\ufffd\U0010ffff\ue000",
    "⟨E4⟩",
]


@pytest.fixture(
    params=[
        ByteTokenizer(),
        CharTokenizer.from_text("".join(AWKWARD) + "".join(map(chr, range(128)))),
        BPETokenizer.train("to be or not to be 你好你好 👩‍👩‍👧 <|endoftext|>", 300),
    ],
    ids=["bytes", "characters", "bpe"],
)
def tokenizer(request):
    return request.param


def with_end(tokenizer: Tokenizer) -> Tokenizer:
    return type(tokenizer)(**{**tokenizer.settings(), "specials": [END]})


def test_characters_are_sorted_by_code_point():
    tokenizer = CharTokenizer.from_text("hello 你")
    assert tokenizer.tokens == (" ", "e", "h", "l", "o", "你")
    assert tokenizer.encode("hello") == [2, 1, 3, 3, 4]
    assert tokenizer.token_bytes(5) == b"\xe4\xbd\xa0"


def test_bytes_are_their_own_ids():
    tokenizer = ByteTokenizer()
    assert tokenizer.encode("A你") == [65, 0xE4, 0xBD, 0xA0]
    assert (tokenizer.vocab_size, tokenizer.tokens[65], tokenizer.tokens[0xE4]) == (256, "A", "⟨E4⟩")


@pytest.mark.parametrize("text", AWKWARD)
def test_awkward_texts_survive(tokenizer, text):
    assert tokenizer.decode(tokenizer.encode(text)) == text


@given(st.text(min_size=1))
def test_any_text_survives_characters_made_from_it(text):
    tokenizer = CharTokenizer.from_text(text)
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    assert len(ids) == len(text)


@given(st.text())
def test_any_text_survives_bytes(text):
    tokenizer = ByteTokenizer()
    assert tokenizer.decode(tokenizer.encode(text)) == text


@given(st.binary())
def test_any_bytes_survive_bytes(data):
    tokenizer = ByteTokenizer()
    assert tokenizer.decode_bytes(tokenizer.encode_bytes(data)) == data


@given(st.binary())
def test_each_byte_that_is_no_character_is_shown_by_its_number(data):
    escaped = data.decode("utf-8", "surrogateescape")  # Python marks the same bytes as U+DC80 to U+DCFF
    expected = "".join(f"⟨{ord(c) - 0xDC00:02X}⟩" if "\udc80" <= c <= "\udcff" else c for c in escaped)
    assert ByteTokenizer().decode(data) == expected


def test_half_a_character_is_shown_as_bytes():
    assert ByteTokenizer().decode([0xE4, 0xBD]) == "⟨E4⟩⟨BD⟩"
    assert ByteTokenizer().decode(b"ok \xff\xed\xa0\x80!") == "ok ⟨FF⟩⟨ED⟩⟨A0⟩⟨80⟩!"


def test_unknown_characters_are_named_with_code_points():
    with pytest.raises(
        ValueError, match=r"2 characters have no token: '你' \(U\+4F60\), '🙂' \(U\+1F642\); rem"
    ):
        CharTokenizer.from_text("abc").encode("a你🙂你")


def test_at_most_ten_unknown_characters_are_listed():
    with pytest.raises(ValueError, match="12 characters") as caught:
        CharTokenizer.from_text("z").encode("abcdefghijkl")
    assert str(caught.value).count("U+") == 10


@pytest.mark.parametrize("surrogate", ["\ud83d", "\udc80"])
def test_a_lone_surrogate_is_named_with_its_place(tokenizer, surrogate):
    with pytest.raises(ValueError, match=rf"U\+{ord(surrogate):04X} at position 2"):
        tokenizer.encode(f"ab{surrogate}c")
    with pytest.raises(ValueError, match="at position 2"):
        CharTokenizer.from_text(f"ab{surrogate}c")


@pytest.mark.parametrize("wrong", [-1, 10**6, sys.maxsize])
def test_ids_outside_the_vocabulary_are_refused(tokenizer, wrong):
    with pytest.raises(ValueError, match=rf"0\.\.{tokenizer.vocab_size - 1}, got \[{wrong}\]"):
        tokenizer.decode([0, wrong])
    with pytest.raises(ValueError, match=str(wrong)):
        tokenizer.token_bytes(wrong)


def test_values_of_the_wrong_type_are_refused(tokenizer):
    for wrong in (b"bytes", None, 5, ["a"]):
        with pytest.raises(TypeError):
            tokenizer.encode(wrong)
    with pytest.raises(TypeError):
        tokenizer.decode([1.5])
    with pytest.raises(TypeError):
        ByteTokenizer().encode_bytes("text")


def test_one_token_string_and_one_byte_string_per_id(tokenizer):
    assert len(tokenizer.tokens) == tokenizer.vocab_size
    assert b"".join(map(tokenizer.token_bytes, tokenizer.encode("to be"))) == b"to be"


def test_special_tokens_come_after_the_ordinary_ones(tokenizer):
    special = with_end(tokenizer)
    assert special.vocab_size == tokenizer.vocab_size + 1
    assert special.tokens[-1] == END
    assert special.decode([special.vocab_size - 1]) == END


def test_the_name_of_a_special_token_is_ordinary_text_unless_allowed(tokenizer):
    special = with_end(tokenizer)
    text = f"to be{END}{END} or"
    end = tokenizer.vocab_size
    assert special.encode(text) == tokenizer.encode(text)
    allowed = special.encode(text, allow_special=True)
    assert allowed == [*tokenizer.encode("to be"), end, end, *tokenizer.encode(" or")]
    assert special.decode(allowed) == special.decode(special.encode(text)) == text


def test_of_two_names_that_start_together_the_longer_wins():
    tokenizer = ByteTokenizer(specials=("<a", "<a|b>", "."))
    assert tokenizer.encode("<a|b><ax.", allow_special=True) == [257, 256, ord("x"), 258]


@pytest.mark.parametrize("specials", [("",), (END, END), ("\ud800",)])
def test_special_names_are_checked(specials):
    with pytest.raises(ValueError):
        ByteTokenizer(specials=specials)


def test_one_string_is_no_list_of_special_names():
    with pytest.raises(TypeError, match=r"write \('<|endoftext|>',\)"):
        ByteTokenizer(specials=END)


@pytest.mark.parametrize("characters", ["", "aba"])
def test_characters_must_be_distinct_and_present(characters):
    with pytest.raises(ValueError, match="distinct"):
        CharTokenizer(characters)


def test_an_empty_text_has_no_characters():
    with pytest.raises(ValueError, match="text is empty"):
        CharTokenizer.from_text("")


def test_tokenizers_are_equal_if_class_and_settings_are():
    assert CharTokenizer("ab") == CharTokenizer.from_text("abba")
    assert CharTokenizer("ab") != CharTokenizer("ba")
    assert ByteTokenizer() != ByteTokenizer(specials=(END,))
    assert ByteTokenizer() != BPETokenizer([])


def test_utf8_says_what_it_was_given():
    with pytest.raises(TypeError):
        utf8(b"bytes")
