"""A text in the colours of a cell: every character in its place, its value as colour and as height."""

import json
import math

import pytest
import torch

from arlm_helpers.reading.figures import hidden_state_strip
from arlm_helpers.reading.figures.hidden_states import LIMIT, wrapped

TEXT = "To be, or <b>not</b> & so\n快\t\n"


def strip(text=TEXT, values=None, **options):
    return hidden_state_strip(
        text, torch.linspace(-0.5, 0.8, len(text)) if values is None else values, **options
    )


@pytest.mark.parametrize("width", [1, 2, 7, 60])
@pytest.mark.parametrize("text", [TEXT, "abc " * 40, "天地玄黄" * 30, "\n\n\n", "x" * 61])
def test_lines_hold_every_character_once_and_are_no_wider_than_allowed(text, width):
    rows = wrapped(text, width)
    assert [i for row in rows for i in row] == list(range(len(text)))
    assert all(1 <= len(row) <= width for row in rows)
    assert all("\n" not in text[row.start : row.stop - 1] for row in rows)


def test_lines_are_parted_after_a_space_in_their_second_half():
    text = "who is there? an answer"
    lines = [text[row.start : row.stop] for row in wrapped(text, 16)]
    assert lines == ["who is there? ", "an answer"]


def test_each_character_carries_its_value_and_the_scale_is_centred_on_zero():
    heat = strip("ab\nc", torch.tensor([0.5, -1.0, 2.0, 0.0])).data[0]
    assert heat.z[0] == [0.5, -1.0, 2.0] and heat.z[2] == [0.0, None, None]
    assert (heat.zmin, heat.zmid, heat.zmax) == (-2.0, 0, 2.0)
    assert heat.text[0] == ["a", "b", "↵"] and heat.hovertext[0][1] == "'b' at 1: -1.000"


def test_the_curve_says_the_value_without_colour():
    curve = strip("ab\nc", torch.tensor([0.5, -1.0, 2.0, 0.0]), limit=2.0).data[2]
    assert curve.x == (-0.5, 0.5, 0.5, 1.5, 1.5, 2.5, None, -0.5, 0.5, None)
    heights = [round(1 - y, 3) for y in curve.y[:6:2]] + [round(3 - curve.y[7], 3)]
    assert heights == [0.1, -0.2, 0.4, 0.0]  # 0.4 of a row is the limit, upwards is positive


def test_a_value_beyond_the_limit_stays_inside_its_row():
    assert strip("a", torch.tensor([9.0]), limit=1.0).data[2].y[0] == pytest.approx(0.6)


def test_markup_line_breaks_and_broken_bytes_are_shown_and_can_be_stored():
    figure = strip("<&\n\udce5\x07快")
    assert figure.data[0].text[0] == ["&lt;", "&amp;", "↵"]
    assert figure.data[0].text[2] == ["E5", "▯", "快"]
    stored = json.dumps(json.loads(figure.to_json()), ensure_ascii=False)
    assert stored.encode("utf-8") and "<b>" not in strip().to_json()


def test_the_text_alternative_tells_extremes_and_lines():
    alt = strip("ab\nc", torch.tensor([0.5, -1.0, 2.0, 0.0]), name="cell 7").layout.meta["alt"]
    assert "Lowest -1.00 at position 1, highest +2.00 at 2" in alt and r"'ab\n' mean +0.50" in alt


def test_the_chosen_character_is_framed():
    [frame] = strip("ab\ncd", chosen=4).layout.shapes
    assert (frame.x0, frame.x1) == (0.5, 1.5) and frame.y0 == 1.5


def test_a_cell_that_is_always_zero_is_drawn():
    assert strip("ab", torch.zeros(2)).data[0].zmax == 1.0


@pytest.mark.parametrize(
    "text, values, chosen, words",
    [
        ("abc", torch.zeros(2), None, "2 values for 3 characters"),
        ("", torch.zeros(0), None, "the text has 0 characters"),
        ("x" * (LIMIT + 1), torch.zeros(LIMIT + 1), None, "between 1 and 2,000"),
        ("ab", torch.tensor([0.0, math.nan]), None, "not finite"),
        ("ab", torch.zeros(2), 2, "position from 0 to 1, got 2"),
    ],
)
def test_what_cannot_be_drawn_is_refused_with_the_way_out(text, values, chosen, words):
    with pytest.raises(ValueError, match=words):
        hidden_state_strip(text, values, chosen=chosen)
