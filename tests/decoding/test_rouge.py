"""ROUGE: by hand, and what a text without words gets."""

import re
from collections import Counter
from functools import cache
from itertools import pairwise

import pytest

from arlm_helpers.decoding.rouge import Rouge, rouge

ANSWERS = ["Return the sum of a list.", "the the cat", "Close it"]
REFERENCES = ["Return a list's sum of numbers", "The cat sat on the mat", "Open the file."]


def f1(overlap, n_answer, n_reference):
    return 2 * overlap / (n_answer + n_reference)


def common(one, other):
    """Length of the longest common subsequence, from its definition."""

    @cache
    def length(i, j):
        if i == len(one) or j == len(other):
            return 0
        if one[i] == other[j]:
            return 1 + length(i + 1, j + 1)
        return max(length(i + 1, j), length(i, j + 1))

    return length(0, 0)


def test_all_three_by_hand():
    means = [0.0, 0.0, 0.0]
    for answer, reference in zip(ANSWERS, REFERENCES, strict=True):
        a, r = (re.findall("[a-z0-9]+", text.lower()) for text in (answer, reference))
        pairs = [Counter(pairwise(words)) for words in (a, r)]
        means[0] += f1((Counter(a) & Counter(r)).total(), len(a), len(r)) / 3
        means[1] += f1((pairs[0] & pairs[1]).total(), len(a) - 1, len(r) - 1) / 3
        means[2] += f1(common(a, r), len(a), len(r)) / 3
    found = rouge(ANSWERS, REFERENCES)
    assert [found.rouge1, found.rouge2, found.rouge_l] == pytest.approx(means, abs=1e-6)
    assert found.n_texts == 3


def test_one_text_counted_with_pencil():
    found = rouge(["the cat sat"], ["the cat sat on the mat"])  # 3 of 3 and 6 words; 2 of 2 and 5 pairs
    assert (found.rouge1, found.rouge2, found.rouge_l) == pytest.approx((6 / 9, 4 / 7, 6 / 9))


def test_the_same_text_has_one_and_an_empty_answer_none():
    assert rouge(["a b"], ["A b!"]) == Rouge(1.0, 1.0, 1.0, 1)
    assert rouge(["", "。"], ["a b", "a b"]) == Rouge(0.0, 0.0, 0.0, 2)


@pytest.mark.parametrize("answers, references", [([], []), (["a"], ["a", "b"])])
def test_answers_without_references_are_refused(answers, references):
    with pytest.raises(ValueError, match="one answer for each reference"):
        rouge(answers, references)
