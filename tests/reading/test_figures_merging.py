"""The figure of merges: what it draws, says and refuses."""

import pytest

from arlm_helpers.reading.figures.merging import merge_steps
from arlm_helpers.reading.style import CHOSEN

STEPS = [["o", "l", "d", "o", "l", "d"], ["ol", "d", "ol", "d"], ["old", "old"]]


def marked(figure):
    return [shape for shape in figure.layout.shapes if shape.line.color == CHOSEN]


def test_every_token_of_every_row_has_a_box():
    assert len(merge_steps(STEPS).layout.shapes) == 6 + 4 + 2


def test_only_tokens_made_by_a_step_stand_out_and_are_starred():
    figure = merge_steps(STEPS)
    assert [(round(s.x0), round(s.x1)) for s in marked(figure)] == [(0, 2), (3, 5), (0, 3), (3, 6)]
    assert sum("★" in a.text for a in figure.layout.annotations) == 4


def test_the_title_counts_and_the_alternative_spells_every_row():
    figure = merge_steps(STEPS)
    assert figure.layout.title.text == "2 merges turn 6 tokens into 2"
    assert "'ol' 'd' 'ol' 'd'" in figure.layout.meta["alt"]


def test_labels_are_escaped_and_spaces_visible():
    texts = [a.text for a in merge_steps([[" ", "<", "b"], [" <", "b"]]).layout.annotations]
    assert "␣&lt; ★" in texts


@pytest.mark.parametrize(
    "steps, notes, fragment",
    [([], [], "empty"), ([["a"], ["b"]], [], "same word"), (STEPS, ["only one"], "1 notes for 3 steps")],
)
def test_impossible_steps_are_refused(steps, notes, fragment):
    with pytest.raises(ValueError, match=fragment):
        merge_steps(steps, notes=notes)
