"""The figure that judges models against their baselines."""

import pytest

from arlm_helpers.reading.figures import verdicts
from arlm_helpers.reading.figures.verdicts import verdict
from arlm_helpers.reading.style import CHOSEN, OTHER

SCORES = {"dates": (0.9, 0.1, 100), "French <b>": (0.12, 0.2, 400), "sums": (0.5, 0.3, 20)}


@pytest.mark.parametrize(
    "model, baseline, n, expected",
    [
        (0.5, 0.3, 100, 1), (0.3, 0.5, 100, -1),  # 0.2 is four standard errors of 0.05
        (0.5, 0.41, 100, 0), (0.5, 0.41, 400, 1),  # 0.09: less than 1/10, more than 1/20
        (0.5, 0.5, 1_000_000, 0), (1.0, 0.0, 1, 0),  # one item tells nothing
    ],
)  # fmt: skip
def test_a_verdict_needs_more_than_two_standard_errors(model, baseline, n, expected):
    assert verdict(model, baseline, n) == expected


def test_bars_are_the_models_diamonds_the_baselines_and_only_winners_stand_out():
    bars, diamonds = verdicts(SCORES).data
    assert list(bars.x) == [0.9, 0.12, 0.5] and list(diamonds.x) == [0.1, 0.2, 0.3]
    assert list(bars.marker.color) == [CHOSEN, OTHER, OTHER] and diamonds.marker.symbol == "diamond"


def test_title_labels_and_alternative_say_the_verdict_in_words():
    figure = verdicts(SCORES)
    assert figure.layout.title.text == "The model beats its baseline in 1 of 3 comparisons"
    assert [note.text for note in figure.layout.annotations] == [
        "0.90 : 0.10  beats it", "0.12 : 0.20  does not", "0.50 : 0.30  a draw",
    ]  # fmt: skip
    assert "sums: model 0.50, baseline 0.30, 20 items, a draw" in figure.layout.meta["alt"]
    assert figure.layout.yaxis.ticktext[1] == "French &lt;b&gt; (n = 400)"


@pytest.mark.parametrize(
    "scores, words",
    [
        ({}, "nothing to judge"),
        ({"BLEU": (12.0, 3.0, 10)}, "between 0 and 1, .* for 'BLEU'"),
        ({"sums": (0.5, 0.5, 0)}, "of 1 item at least, got .0.5, 0.5, 0."),
    ],
)
def test_what_cannot_be_judged_is_refused(scores, words):
    with pytest.raises(ValueError, match=words):
        verdicts(scores)
