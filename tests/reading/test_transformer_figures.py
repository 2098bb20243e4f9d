"""Attention maps, and the guesses read off the stream at each depth."""

import pytest
import torch

from arlm_helpers.reading.figures import attention_maps, layer_guesses
from arlm_helpers.reading.style import alt_text

WEIGHTS = torch.tensor([[[1.0, 0.0], [0.25, 0.75]], [[1.0, 0.0], [0.5, 0.5]]])
CAUSAL = torch.tensor([[True, False], [True, True]])
MAPS = {"weights": WEIGHTS, "tokens": ["<", "b"], "names": ["head 0", "head 1"]}
PROBS = torch.tensor([[0.1, 0.2], [0.6, 0.3]])
TABLE = {
    "tokens": ["a", "b"], "targets": ["b", "<"], "guesses": [["a", "b"], ["b", "c"]],
    "probs": PROBS, "names": ["in", "block 0"],
}  # fmt: skip


def test_each_head_has_a_panel_with_its_weights():
    figure = attention_maps(**MAPS)
    assert [[list(row) for row in trace.z] for trace in figure.data] == WEIGHTS.tolist()
    assert [note.text for note in figure.layout.annotations] == ["head 0", "head 1"]


def test_what_the_mask_forbids_is_blank_and_a_weight_of_zero_is_not():
    figure = attention_maps(WEIGHTS, ["a", "b"], names=["x", "y"], mask=CAUSAL)
    assert figure.data[0].z[0][1] is None
    assert attention_maps(**MAPS).data[0].z[0][1] == 0


def test_the_panels_share_one_scale_from_0_to_1():
    figure = attention_maps(**MAPS)
    assert {trace.coloraxis for trace in figure.data} == {"coloraxis"}
    assert (figure.layout.coloraxis.cmin, figure.layout.coloraxis.cmax) == (0, 1)


def test_blanks_are_visible_in_labels():
    assert attention_maps(WEIGHTS, [" ", "b"], names=["x", "y"]).layout.xaxis.ticktext[0] == "␣"
    changed = {"guesses": [[" ", "b"], ["b", "c"]]}
    assert layer_guesses(**{**TABLE, **changed}).data[0].text[0][0] == "␣"


def test_tokens_of_a_map_are_escaped():
    assert list(attention_maps(**MAPS).layout.xaxis.ticktext) == ["&lt;", "b"]


def test_the_alternative_tells_how_far_back_each_head_looks():
    # head 0: itself (1 + 0.75) / 2, one back 0.25, first token (1 + 0.25) / 2; head 1: 0.75, 0.5, 0.75
    said = alt_text(attention_maps(**MAPS))
    assert "head 0: 0.88 to itself, 0.25 one back, 0.62 to the first token" in said
    assert "head 1: 0.75 to itself, 0.50 one back, 0.75 to the first token" in said


@pytest.mark.parametrize("change", [{"names": ["one"]}, {"tokens": ["a", "b", "c"]}])
def test_maps_that_do_not_fit_are_refused(change):
    with pytest.raises(ValueError, match=r"\(2, 2, 2\) weights need as many names"):
        attention_maps(**{**MAPS, **change})


def test_a_guess_that_came_true_is_bold():
    [heat] = layer_guesses(**TABLE).data
    assert [list(row) for row in heat.text] == [["a", "b"], ["<b>b</b>", "c"]]


def test_the_colour_is_the_probability_of_what_came():
    [heat] = layer_guesses(**TABLE).data
    torch.testing.assert_close(torch.tensor(heat.z, dtype=torch.float32), PROBS)
    assert (heat.zmin, heat.zmax) == (0, 1)


def test_the_axis_shows_what_was_read_and_what_came():
    assert list(layer_guesses(**TABLE).layout.xaxis.ticktext) == ["a<br>b", "b<br>&lt;"]


def test_the_alternative_counts_the_guesses_that_came_true():
    said = alt_text(layer_guesses(**TABLE))
    assert "in: 0 of 2 guesses come true, mean probability of what came 0.15" in said
    assert "block 0: 1 of 2 guesses come true, mean probability of what came 0.45" in said


@pytest.mark.parametrize("change", [{"names": ["in"]}, {"targets": ["b"]}, {"guesses": [["a", "b"], ["b"]]}])
def test_a_table_that_does_not_fit_is_refused(change):
    with pytest.raises(ValueError, match="need 2 names and rows of guesses, and 2 tokens"):
        layer_guesses(**{**TABLE, **change})
