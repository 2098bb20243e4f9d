"""Phoneme and word error rates: by hand, and against edit distances counted another way."""

from functools import cache

import pytest
import torch

from arlm_helpers.decoding.error_rates import ErrorRates, error_rates, errors_to_nearest


def test_three_words_by_hand():
    answers = ["R EH D", "K AE T S", ""]
    references = [("R IY D", "R EH D"), ("K AE T",), ("AH",)]
    assert error_rates(answers, references) == ErrorRates(phoneme=2 / 7, word=2 / 3, n_words=3)


@pytest.mark.parametrize(
    "answer, references, found",
    [
        ("A B C", ["A B C D", "A X C"], (1, 4)),  # equally near: the longest counts
        ("A B C", ["A X C", "A B C D"], (1, 4)),
        ("A B", ["A B", "A B C D E F"], (0, 2)),
        ("", ["A B", "A"], (1, 1)),
        ("A A A A A", ["B"], (5, 1)),  # more errors than phonemes
    ],
)
def test_the_nearest_reference_counts(answer, references, found):
    assert errors_to_nearest(answer.split(), [one.split() for one in references]) == found


def fewest_edits(one, other):
    """From the definition: the first tokens are kept or replaced, or one of them is taken out."""

    @cache
    def edits(i, j):
        if i == len(one) or j == len(other):
            return len(one) - i + len(other) - j
        return min(edits(i + 1, j + 1) + (one[i] != other[j]), edits(i + 1, j) + 1, edits(i, j + 1) + 1)

    return edits(0, 0)


def test_the_distance_is_the_fewest_edits():
    rng = torch.Generator().manual_seed(0)

    def drawn():
        length = int(torch.randint(1, 9, (), generator=rng))
        return [f"P{i}" for i in torch.randint(4, (length,), generator=rng).tolist()]

    for _ in range(200):
        one, other = drawn(), drawn()
        assert errors_to_nearest(one, [other]) == (fewest_edits(one, other), len(other))


def test_a_phoneme_of_two_letters_is_one_error():
    assert error_rates(["SH IY"], [("S IY",)]) == ErrorRates(0.5, 1.0, 1)


@pytest.mark.parametrize("answers, references", [([], []), (["A"], []), (["A"], [("A",), ("B",)])])
def test_answers_without_references_are_refused(answers, references):
    with pytest.raises(ValueError, match="give references for each answer"):
        error_rates(answers, references)


@pytest.mark.parametrize("references", [(), ("",), ("A", "")])
def test_an_empty_reference_is_refused(references):
    with pytest.raises(ValueError, match="references that are not empty"):
        error_rates(["A"], [references])
