"""Words of a text, each once, and their two parts."""

import pytest

from arlm_helpers.text.words import distinct_words, part_words

TEXT = "The cat's tale: a cat, an old cat, told tales. Don't re-tell; tell2 o'er Café naïve"


def test_words_of_small_letters_come_once_and_sorted():
    assert distinct_words(TEXT) == ["cat", "old", "tale", "tales", "tell", "told"]  # tell of re-tell


def test_pieces_of_words_with_capitals_apostrophes_digits_or_accents_are_no_words():
    assert not set(distinct_words(TEXT, shortest=1)) & {
        "he",
        "s",
        "on",
        "don",
        "t",
        "o",
        "er",
        "caf",
        "na",
        "ve",
    }


def test_lengths_are_kept_within_both_ends():
    assert distinct_words(TEXT, shortest=4, longest=4) == ["tale", "tell", "told"]


def test_a_text_without_such_a_word_is_refused():
    with pytest.raises(ValueError, match="no word of 3 to 12 small letters"):
        distinct_words("你好 OK")


def test_both_parts_together_are_all_words_and_share_none():
    words = [f"w{i}" for i in range(50)]
    parts = part_words(words, 10)
    assert len(parts.held_out) == 10 and sorted((*parts.train, *parts.held_out)) == sorted(words)
    assert parts == part_words(words, 10) != part_words(words, 10, seed=1)


@pytest.mark.parametrize("n", [0, 3])
def test_a_part_without_a_word_is_refused(n):
    with pytest.raises(ValueError, match=f"n_held_out must be from 1 to 2, got {n}"):
        part_words(["a", "b", "c"], n)
