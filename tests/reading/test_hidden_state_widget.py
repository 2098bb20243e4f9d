"""The explorer of hidden states: menu, sliders and figure always speak of the same cell."""

import json

import pytest
import torch
from ipywidgets import HTML, Dropdown, IntSlider

from arlm_helpers.reading.widgets import hidden_state_explorer
from arlm_helpers.reading.widgets.explore import FRAME
from tests.reading.test_widgets import HOSTILE, Elements, figure_of, inside

TEXT = "To be <b>\n快"
STATES = torch.linspace(-1, 1, len(TEXT))[:, None] * torch.tensor([0.2, 1.0, -0.5, 0.1])
SCORES = [0.1, 0.3, 0.9, 0.2]


@pytest.fixture
def explorer():
    return hidden_state_explorer(TEXT, STATES, names={0: "inside <brackets>"}, scores=SCORES, n_best=2)


def controls(box):
    cell, place = sorted(inside(box, IntSlider), key=lambda slider: slider.description)[::-1]
    if cell.description != "cell":
        cell, place = place, cell
    return cell, place, next(iter(inside(box, Dropdown)), None)


def test_it_opens_with_the_most_selective_cell_and_the_menu_offers_best_and_named(explorer):
    cell, _, menu = controls(explorer)
    assert cell.value == 2 and [number for _, number in menu.options] == [2, 1, 0, -1]
    assert menu.options[0][0] == "cell 2 · 0.90" and "inside <brackets>" in menu.options[2][0]
    assert figure_of(explorer)["data"][0]["z"][0][0] == pytest.approx(0.5)


def test_the_menu_moves_the_slider_and_the_figure(explorer):
    cell, _, menu = controls(explorer)
    menu.value = 1
    assert cell.value == 1 and figure_of(explorer)["data"][0]["z"][0][0] == pytest.approx(-1.0)


def test_a_cell_that_is_not_in_the_menu_can_be_chosen_by_slider(explorer):
    cell, _, menu = controls(explorer)
    cell.value = 3
    assert menu.value == -1 and figure_of(explorer)["layout"]["title"]["text"].startswith("cell 3:")
    cell.value = 0
    assert menu.value == 0


def test_the_value_of_each_character_can_be_read_without_a_pointer(explorer):
    _, place, _ = controls(explorer)
    place.value = len(TEXT) - 1
    assert any("&#x27;快&#x27; at 10: -0.500" in shown.value for shown in inside(explorer, HTML))
    assert len(figure_of(explorer)["layout"]["shapes"]) == 1


def test_cells_between_minus_one_and_one_share_one_scale_and_others_have_their_own(explorer):
    assert figure_of(explorer)["data"][0]["zmax"] == 1.0
    wide = hidden_state_explorer(TEXT, 10 * STATES)
    assert figure_of(wide)["data"][0]["zmax"] == pytest.approx(2.0)  # cell 0


def test_without_scores_and_names_there_is_no_menu():
    assert inside(hidden_state_explorer(TEXT, STATES), Dropdown) == []


def test_text_and_names_are_no_markup_and_keys_stay_inside():
    box = hidden_state_explorer(HOSTILE, torch.zeros(len(HOSTILE), 2), names={1: HOSTILE})
    assert FRAME in box._dom_classes
    for shown in inside(box, HTML):
        assert "script" not in Elements(shown.value).names
    cell, _, _ = controls(box)
    assert cell.value == 1 and "<script>" not in json.dumps(figure_of(box)["layout"]["title"])


@pytest.mark.parametrize(
    "options, words",
    [
        ({"scores": [1.0]}, "1 scores for 4 cells"),
        ({"names": {4: "x"}}, r"names has \[4\], but the cells are 0 to 3"),
        ({"n_best": 0}, "n_best must be at least 1, got 0"),
    ],
)
def test_what_does_not_fit_together_is_named(options, words):
    with pytest.raises(ValueError, match=words):
        hidden_state_explorer(TEXT, STATES, **options)


def test_a_text_of_another_length_is_refused():
    with pytest.raises(ValueError, match="11 states for 2 characters"):
        hidden_state_explorer("ab", STATES)
