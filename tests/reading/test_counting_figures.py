"""The drawing of a count table and the nested intervals of arithmetic coding."""

from fractions import Fraction

import pytest

from arlm_helpers.reading.figures.counting import count_table_drawing
from arlm_helpers.reading.figures.intervals import nested_intervals
from arlm_helpers.reading.style import CHOSEN, alt_text

TABLE = {
    "contexts": ["a", "b"], "keys": [0, 1], "starts": [0, 2, 3],
    "tokens": ["a", "b", "<i>"], "counts": [4, 1, 7],
}  # fmt: skip
STEP_ONE = {"x": (Fraction(0), Fraction(3, 4)), "y": (Fraction(3, 4), Fraction(1))}
STEP_TWO = {"x": (Fraction(0), Fraction(9, 16)), "y": (Fraction(9, 16), Fraction(3, 4))}


def written(figure):
    return [note.text for note in figure.layout.annotations]


def test_every_number_of_the_table_is_written_once():
    texts = written(count_table_drawing(**TABLE))
    assert sorted(texts) == sorted("'a' 0 0 'b' 1 2 3 'a' 4 'b' 1 '&lt;i&gt;' 7".split())


def test_the_chosen_context_and_its_entries_stand_out():
    figure = count_table_drawing(**TABLE, chosen=0)
    boxes = [shape for shape in figure.layout.shapes if shape.type == "rect"]
    assert sum(box.line.color == CHOSEN for box in boxes) == 3 + 2 * 2  # three of the context, two entries


def test_the_alternative_lists_the_slices():
    assert "'b' has key 1 and entries 2 up to 3: '<i>' 7" in alt_text(count_table_drawing(**TABLE))


@pytest.mark.parametrize("change", [{"starts": [0, 2]}, {"keys": [0]}, {"counts": [4, 1]}])
def test_arrays_that_do_not_fit_are_refused(change):
    with pytest.raises(ValueError, match="2 contexts need as many keys"):
        count_table_drawing(**{**TABLE, **change})


def test_a_context_that_is_not_there_cannot_be_chosen():
    with pytest.raises(ValueError, match="from 0 to 1, got 2"):
        count_table_drawing(**TABLE, chosen=2)


def test_the_title_tells_the_width_of_the_last_interval():
    figure = nested_intervals([STEP_ONE, STEP_TWO], ["x", "y"])
    assert figure.layout.title.text == "After 2 symbols the interval is 0.1875 wide"
    assert "symbol 2 is 'y', the interval becomes 9/16 to 3/4" in alt_text(figure)


def test_each_step_is_drawn_at_full_width():
    boxes = [s for s in nested_intervals([STEP_ONE, STEP_TWO], ["x", "y"]).layout.shapes if s.type == "rect"]
    assert [(box.x0, box.x1) for box in boxes] == [(0, 0.75), (0.75, 1)] * 2


def test_the_number_is_marked_at_its_place():
    figure = nested_intervals([STEP_ONE, STEP_TWO], ["x", "y"], number=Fraction(5, 8))
    [mark] = [note for note in figure.layout.annotations if "number" in note.text]
    assert mark.text == "the number 0.625" and mark.x == pytest.approx(0.625 / 0.75)


@pytest.mark.parametrize("chosen", [["x"], ["x", "z"]])
def test_a_symbol_per_step_is_needed(chosen):
    with pytest.raises(ValueError, match="2 steps need as many chosen symbols"):
        nested_intervals([STEP_ONE, STEP_TWO], chosen)
