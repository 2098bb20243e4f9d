"""The figure that judges models against their baselines."""

import pytest

from arlm_helpers.reading.figures import verdicts
from arlm_helpers.reading.figures.verdicts import verdict
from arlm_helpers.reading.style import CHOSEN, OTHER

SCORES = {"dates": (0.9, 0.1), "French <b>": (0.12, 0.2), "sums": (0.5, 0.49)}


@pytest.mark.parametrize(
    "model, baseline, expected",
    [(0.5, 0.4, 1), (0.4, 0.5, -1), (0.5, 0.49, 0), (0.5, 0.5, 0), (0.54, 0.5, 1), (0.46, 0.5, -1)],
)
def test_a_verdict_needs_more_than_the_tie(model, baseline, expected):
    assert verdict(model, baseline, 0.02) == expected


def test_bars_are_the_models_diamonds_the_baselines_and_only_winners_stand_out():
    bars, diamonds = verdicts(SCORES).data
    assert list(bars.x) == [0.9, 0.12, 0.5] and list(diamonds.x) == [0.1, 0.2, 0.49]
    assert list(bars.marker.color) == [CHOSEN, OTHER, OTHER] and diamonds.marker.symbol == "diamond"


def test_title_labels_and_alternative_say_the_verdict_in_words():
    figure = verdicts(SCORES)
    assert figure.layout.title.text == "The model beats its baseline in 1 of 3 comparisons"
    assert [note.text for note in figure.layout.annotations] == [
        "0.90 : 0.10  beats it", "0.12 : 0.20  does not", "0.50 : 0.49  a draw",
    ]  # fmt: skip
    assert "sums: model 0.50, baseline 0.49, a draw" in figure.layout.meta["alt"]
    assert figure.layout.yaxis.ticktext[1] == "French &lt;b&gt;"


@pytest.mark.parametrize(
    "scores, words", [({}, "nothing to judge"), ({"BLEU": (12.0, 3.0)}, "between 0 and 1, got .* for 'BLEU'")]
)
def test_what_cannot_be_judged_is_refused(scores, words):
    with pytest.raises(ValueError, match=words):
        verdicts(scores)
