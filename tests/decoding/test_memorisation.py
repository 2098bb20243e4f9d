"""The longest copied piece, by hand and against trying all pieces."""

import random

from arlm_helpers.decoding.memorisation import longest_copy


def test_by_hand():
    assert longest_copy("to be or not", "not to be, or so") == "to be"
    assert longest_copy("学而时习之", "温故而知新，学而时") == "学而时"
    assert longest_copy("abc", "xyz") == longest_copy("", "abc") == longest_copy("abc", "") == ""


def test_of_equally_long_copies_the_first_is_given():
    assert longest_copy("ab-cd", "cd ab") == "ab"


def test_it_is_as_long_as_the_longest_of_all_pieces():
    rng = random.Random(0)
    for _ in range(50):
        text, source = ("".join(rng.choices("abc", k=k)) for k in (12, 30))
        pieces = (text[i:j] for i in range(12) for j in range(i, 13))
        assert len(longest_copy(text, source)) == max(len(p) for p in pieces if p in source)
