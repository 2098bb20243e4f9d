"""Exact match and F1 as the SQuAD paper defines them, by hand."""

import pytest

from arlm_helpers.decoding.answer_scores import NO_ANSWER, answer_f1, answer_matches, normalised_answer


@pytest.mark.parametrize(
    "answer, expected",
    [
        ("The Eiffel Tower!", "eiffel tower"),
        ("  an   apple, a pear ", "apple pear"),
        ("theatre", "theatre"),  # only whole words are articles
        ("U.S.", "us"),
        ("42", "42"),
        ("The", ""),
        ("大象 Ａ", "大象 ａ"),  # other scripts stay
    ],
)
def test_capitals_punctuation_articles_and_blanks_do_not_count(answer, expected):
    assert normalised_answer(answer) == expected


@pytest.mark.parametrize(
    "answer, references, expected",
    [
        ("the Gull Rock.", ["Gull Rock"], True),
        ("Rock Gull", ["Gull Rock"], False),
        ("7", ["platform 7", "7"], True),
        ("", [NO_ANSWER], True),
        ("boats", [NO_ANSWER], False),
        ("", ["boats"], False),
    ],
)
def test_an_answer_matches_if_it_is_a_reference(answer, references, expected):
    assert answer_matches(answer, references) is expected


@pytest.mark.parametrize(
    "answer, references, expected",
    [
        ("a silver spoon", ["silver spoon"], 1.0),
        ("silver spoon and bread", ["a silver spoon"], 2 * (2 / 4) * (2 / 2) / (2 / 4 + 2 / 2)),
        ("bread bread", ["bread"], 2 * (1 / 2) * 1 / (1 / 2 + 1)),  # the second one is not in the reference
        ("crabs", ["sea urchins and crabs"], 2 * 1 * (1 / 4) / (1 + 1 / 4)),
        ("iron fork", ["silver spoon"], 0.0),
        ("the sea", ["urchins", "sea urchins"], 2 * 1 * (1 / 2) / (1 + 1 / 2)),  # the best reference
        ("", [NO_ANSWER], 1.0),
        ("not stated", [NO_ANSWER], 0.0),
        ("", ["kelp"], 0.0),
    ],
)
def test_shared_words_are_counted_by_hand(answer, references, expected):
    assert answer_f1(answer, references) == pytest.approx(expected)


def test_a_question_without_a_reference_is_refused():
    with pytest.raises(ValueError, match=r"give \[NO_ANSWER\]"):
        answer_f1("kelp", [])
