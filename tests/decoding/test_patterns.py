"""Patterns against Python's own regular expressions, UTF-8 against every character there is."""

import itertools
import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlm_helpers.decoding.automaton import DEAD, Automaton, TokenAutomaton
from arlm_helpers.decoding.json_shape import json_shape
from arlm_helpers.decoding.patterns import (
    EMPTY,
    NOTHING,
    accepts_empty,
    after,
    characters,
    either,
    in_sequence,
    literal,
    one_of,
    repeat,
)
from arlm_helpers.decoding.regex import regex
from arlm_helpers.text.bpe import BPETokenizer
from arlm_helpers.text.tokenizers import ByteTokenizer, CharTokenizer

ATOMS = [
    "a",
    "b",
    "你",
    "😀",
    ".",
    "[ab]",
    "[^a]",
    "[a-c你]",
    r"\d",
    r"\W",
    r"\.",
    r"\n",
    r"\u4f60",
    "()",
    "",
]
expressions = st.recursive(
    st.sampled_from(ATOMS),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda two: f"({two[0]}|{two[1]})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "{2,}", "{0,2}"])).map(
            lambda two: f"(?:{two[0]}){two[1]}"
        ),
    ),
    max_leaves=6,
)
texts = st.text(st.sampled_from("abc你😀.1\n"), max_size=5)


def matches(pattern, text):
    for byte in text.encode():
        pattern = after(pattern, byte)
    return accepts_empty(pattern)


@given(expressions, st.lists(texts, min_size=5, max_size=5))
def test_a_pattern_accepts_what_python_accepts(expression, candidates):
    pattern = regex(expression)
    for text in candidates:
        assert matches(pattern, text) == bool(re.fullmatch(expression, text, re.ASCII))


@given(expressions)
def test_the_machine_does_what_the_pattern_does_and_dies_when_all_is_lost(expression):
    automaton = Automaton.of(regex(expression))
    for text in map("".join, itertools.product("ab你1", repeat=3)):
        for n in range(4):
            state = automaton.read(text[:n].encode())
            assert automaton.accepting[state] == bool(re.fullmatch(expression, text[:n], re.ASCII))
            if state == DEAD:
                assert not re.fullmatch(expression, text, re.ASCII)


@pytest.mark.parametrize(
    "ranges",
    [
        [(0, 0x10FFFF)],
        [(0x7F, 0x80)],
        [(0x7FE, 0x801)],
        [(0x4E00, 0x9FFF)],
        [(0x61, 0x1F600)],
        [(0xFFF0, 0x10010)],
    ],
)
def test_a_range_of_characters_is_exactly_their_utf8(ranges):
    automaton = Automaton.of(characters(ranges))
    points = [*range(0xD800), *range(0xE000, 0x110000)]
    accepted = 0
    for point in points[::97] + [p + d for p in (0x80, 0x800, 0xD800, 0x10000) for d in (-2, -1)]:
        is_in = any(low <= point <= high for low, high in ranges)
        assert automaton.accepting[automaton.read(chr(point).encode("utf-8", "surrogatepass"))] == is_in
        accepted += is_in
    assert accepted > 0
    assert automaton.read(b"\xed\xa0\x80") == automaton.read(b"\xc0\x80") == automaton.read(b"\xff") == DEAD


def test_derivatives_by_hand():
    assert after(literal("ab"), ord("a")) == literal("b")
    assert after(literal("ab"), ord("b")) == NOTHING
    assert after(regex("a{2,3}b?"), ord("a")) == regex("a{1,2}b?")
    assert after(regex("a*b"), ord("a")) == regex("a*b") and after(regex("a*b"), ord("b")) == EMPTY
    assert after(literal("你"), 0xE4) == literal("你".encode()[1:])


def test_what_is_equal_looks_equal():
    assert (
        in_sequence(EMPTY, literal("a"), EMPTY) == literal("a")
        and in_sequence(literal("a"), NOTHING) == NOTHING
    )
    assert either([literal("a"), either([literal("a"), NOTHING])]) == literal("a")
    assert (
        repeat(literal("a"), 1, 1) == literal("a") and repeat(NOTHING) == repeat(literal("a"), 0, 0) == EMPTY
    )


@given(st.lists(st.text("ab你", max_size=4), min_size=1), st.text("ab你", max_size=4))
def test_a_list_of_words_accepts_its_words_alone(words, text):
    assert matches(one_of(words), text) == (text in words)


def test_ten_thousand_words_share_their_beginnings():
    words = [f"{i:04d}" for i in range(10_000)]
    assert len(Automaton.of(one_of(words)).accepting) == 2 + 4  # the rest after each digit is the same


@pytest.mark.parametrize(
    "expression, message",
    [
        ("(a", r"a \) is missing at position 2"),
        ("a)", r"a \) without its \( at position 1"),
        ("*a", "nothing to repeat before"),
        ("a**", "repeat a repetition in brackets"),
        ("a*?", "lazy signs change nothing"),
        ("^a$", r"leave \^ out"),
        ("a{x}", r"write \\{ for a brace"),
        ("a{3", "a count such as"),
        ("a{3,2}", "at least 0 and at most 2 times, got 3"),
        (r"\b", r"\\b is not known"),
        (r"\uD8", "something is missing"),
        (r"\xgg", r"\\xgg is no character"),
        ("[z-a]", "from a character to a later one"),
        (r"[\d-z]", "from a character to a later one"),
        ("[ab", "something is missing at position 3"),
        ("(?=a)", "only"),
        ("a\\", "something is missing"),
    ],
)
def test_what_is_not_known_is_refused_with_its_position(expression, message):
    with pytest.raises(ValueError, match=message):
        regex(expression)


def test_a_pattern_with_too_many_states_and_an_empty_list_are_refused(monkeypatch):
    monkeypatch.setattr("arlm_helpers.decoding.automaton.MOST_STATES", 200)
    assert (
        len(Automaton.of(regex("(a|b)*a(a|b){6}")).accepting) == 1 + 2**7
    )  # it must know the last 7 letters
    with pytest.raises(ValueError, match="more than 200 states"):
        Automaton.of(regex("(a|b)*a(a|b){7}"))
    with pytest.raises(ValueError, match="nothing to choose from"):
        one_of([])


TOKENIZERS = {
    "characters": CharTokenizer("ab你", specials=("<end>",)),
    "bytes": ByteTokenizer(specials=("<end>",)),
    "bpe": BPETokenizer.train("ab ab 你ab 你你", 264, specials=("<end>",)),
}


@pytest.mark.parametrize("name", TOKENIZERS)
@pytest.mark.parametrize("expression", ["(ab|你)*", "a{2,5}", "你ab|b", "[^a]b", "<end>|a"])
def test_every_token_leads_where_its_bytes_lead(name, expression):
    tokenizer, automaton = TOKENIZERS[name], Automaton.of(regex(expression))
    machine = TokenAutomaton(automaton, tokenizer)
    for state in range(len(automaton.accepting)):
        expected = [automaton.read(tokenizer.token_bytes(i), state) for i in range(tokenizer.vocab_size - 1)]
        assert machine.reach(state).tolist() == [*expected, DEAD]  # a special token is no text


@pytest.mark.parametrize("name", TOKENIZERS)
def test_the_distance_is_that_of_the_shortest_spelling(name):
    tokenizer, automaton = TOKENIZERS[name], Automaton.of(regex("aab|你ab你|bb*a"))
    machine = TokenAutomaton(automaton, tokenizer)
    ends, distances, states = set(), {}, {1}
    for n in range(9):  # breadth first over states, by hand
        ends = {s for s in states if automaton.accepting[s]}
        distances |= {"shortest": n} if ends and "shortest" not in distances else {}
        states = {int(t) for s in states for t in np.unique(machine.reach(s))} - {DEAD}
    assert machine.distances[1] == distances["shortest"] == {"characters": 2, "bytes": 2, "bpe": 2}[name]


SHAPE = {"name": str, "age": int, "tags": [("a", "b")], "ok": bool, "size": float, "none": None}


@pytest.mark.parametrize(
    "value",
    [
        {
            "name": 'x "y" \\ 你😀',
            "age": -12,
            "tags": ["a", "b", "a"],
            "ok": True,
            "size": 1.5e-7,
            "none": None,
        },
        {"name": "", "age": 0, "tags": [], "ok": False, "size": 3, "none": None},
    ],
)
def test_what_json_writes_of_a_shape_fits_it(value):
    assert matches(json_shape(SHAPE), json.dumps(value, ensure_ascii=False))
    assert not matches(json_shape(SHAPE), json.dumps(value | {"age": "x"}))
    assert not matches(json_shape(SHAPE), json.dumps(value | {"more": 1}))
    assert not matches(json_shape(SHAPE), json.dumps(value)[:-1])


@pytest.mark.parametrize(
    "text", ["01", "1.", "-", '"a', '"\n"', '"\\x"', "+1", "nul", "[1,]", "1234567890123456"]
)
def test_what_is_no_json_fits_no_shape(text):
    assert not matches(json_shape((str, int, float, None, [int])), text)


@pytest.mark.parametrize("shape", [{"a": set()}, [], [int, int], (), {1: int}, object])
def test_what_is_no_shape_is_refused(shape):
    with pytest.raises(ValueError, match="no JSON shape"):
        json_shape(shape)
