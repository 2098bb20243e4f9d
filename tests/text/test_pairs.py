"""Pairs of texts as ids: what is read, what is predicted, and what only fills up."""

import pytest
import torch

from arlm_helpers.text.pairs import (
    SPECIALS,
    TextPair,
    decode_target,
    encode_pairs,
    encode_sources,
    pad_rows,
    special_id,
)
from arlm_helpers.text.tokenizers import CharTokenizer

LETTERS = CharTokenizer("abc", specials=SPECIALS)  # a b c <pad> <start> <end> are 0 1 2 3 4 5


def test_two_pairs_by_hand():
    batch = encode_pairs([TextPair("ab", "cab"), TextPair("c", "b")], LETTERS)
    assert batch.source.tolist() == [[0, 1], [2, 3]]
    assert batch.ids.tolist() == [[4, 2, 0, 1], [4, 1, 3, 3]]
    assert batch.targets.tolist() == [[2, 0, 1, 5], [1, 5, 3, 3]]


def test_the_two_sides_may_have_vocabularies_of_their_own():
    digits = CharTokenizer("0123", specials=SPECIALS)
    batch = encode_pairs([TextPair("ab", "3")], LETTERS, digits)
    assert (batch.source.tolist(), batch.ids.tolist()) == ([[0, 1]], [[5, 3]])


def test_a_target_is_found_again_and_what_follows_end_is_dropped():
    batch = encode_pairs([TextPair("a", "cab"), TextPair("a", "")], LETTERS)
    assert [decode_target(row, LETTERS) for row in batch.targets.tolist()] == ["cab", ""]
    assert decode_target([0, 1, 5, 2, 5], LETTERS) == "ab"
    assert decode_target([0, 1], LETTERS) == "ab"


def test_ids_are_int64_even_if_all_rows_are_empty():
    assert pad_rows([[], []], 3).dtype == torch.int64


def test_an_unknown_character_of_a_source_is_named():
    with pytest.raises(ValueError, match="'ü'"):
        encode_sources(["aü"], LETTERS)


def test_a_missing_special_token_is_named():
    with pytest.raises(ValueError, match=r"the tokenizer has no <pad>, only .*; build it with specials"):
        special_id(CharTokenizer("abc"), "<pad>")


def test_no_rows_are_refused():
    with pytest.raises(ValueError, match="no rows to pad"):
        pad_rows([], 0)
