"""The attention explorer and its figure: what is chosen is what is drawn, and heads can be switched off."""

import json

import pytest
import torch
from ipywidgets import HTML, Checkbox, Dropdown, IntSlider

from arlm_helpers.reading.figures import alignment_map
from arlm_helpers.reading.style import alt_text
from arlm_helpers.reading.widgets import attention_explorer
from arlm_helpers.reading.widgets.explore import FRAME
from tests.reading.test_widgets import HOSTILE, Elements, figure_of, inside

ACROSS = torch.tensor([[[0.9, 0.1, 0.0], [0.2, 0.3, 0.5]], [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]])
WEIGHTS = {"across": ACROSS, "within": torch.eye(4).unsqueeze(0)}
TOKENS = {"across": (["2", "-"], ["M", "a", "r"]), "within": (list("abcd"), list("abcd"))}


@pytest.fixture
def asked():
    return []


@pytest.fixture
def explorer(asked):
    def loss_without(heads):
        asked.append(json.dumps(heads))
        return 0.25 + sum(map(len, heads.values()))

    return attention_explorer(WEIGHTS, TOKENS, loss_without=loss_without)


def controls(box):
    layer, head = inside(box, Dropdown)
    return layer, head, inside(box, IntSlider)[0], next(iter(inside(box, Checkbox)), None)


def said(box):
    return " ".join(shown.value for shown in inside(box, HTML))


def test_layer_head_and_token_decide_what_is_drawn(explorer):
    layer, head, token, _ = controls(explorer)
    head.value, token.value = 1, 1
    figure = figure_of(explorer)
    assert figure["data"][0]["z"] == ACROSS[1].tolist()
    assert figure["layout"]["shapes"][0]["y0"] == 0.5
    layer.value = "within"
    assert figure_of(explorer)["data"][0]["z"] == torch.eye(4).tolist()
    assert [number for _, number in head.options] == [0] and token.max == 3


def test_a_token_beyond_the_end_of_the_next_layer_moves_to_its_last(explorer):
    layer, _, token, _ = controls(explorer)
    layer.value, token.value = "within", 3
    layer.value = "across"
    assert token.value == 1 and "0.50 to &#x27;r&#x27; at 2" in said(explorer)


def test_the_largest_weights_of_the_token_are_said_in_words(explorer):
    assert "&#x27;2&#x27; gives 0.90 to &#x27;M&#x27; at 0, 0.10 to &#x27;a&#x27; at 1" in said(explorer)


def test_switching_a_head_off_shows_the_loss_and_the_box_follows_the_menus(explorer):
    _, head, _, off = controls(explorer)
    assert "0.250 nats" in said(explorer)
    off.value = True
    assert "1.250 nats" in said(explorer) and "across head 0" in said(explorer)
    head.value = 1
    assert off.value is False and "1.250 nats" in said(explorer)
    off.value = True
    assert "2.250 nats" in said(explorer)
    head.value = 0
    assert off.value is True
    off.value = False
    assert "1.250 nats" in said(explorer) and "across head 0" not in said(explorer)


def test_each_loss_is_asked_for_once(explorer, asked):
    _, head, token, off = controls(explorer)
    off.value = True
    token.value = 1
    off.value, head.value = False, 1
    assert asked == ["{}", '{"across": [0]}']


def test_without_losses_there_is_nothing_to_switch_off():
    assert controls(attention_explorer(WEIGHTS, TOKENS))[3] is None


def test_tokens_and_layers_are_no_markup_and_keys_stay_inside():
    box = attention_explorer({HOSTILE: torch.ones(1, 1, 1)}, {HOSTILE: ([HOSTILE], [HOSTILE])})
    assert FRAME in box._dom_classes
    for shown in inside(box, HTML):
        assert not {"script", "img"} & Elements(shown.value).names
    layout = figure_of(box)["layout"]
    assert "<script>" not in json.dumps([layout[part] for part in ("title", "xaxis", "yaxis")])


@pytest.mark.parametrize("tokens", [{}, {"across": TOKENS["across"]}, {**TOKENS, "within": (["a"], ["b"])}])
def test_tokens_that_do_not_fit_are_refused(tokens):
    with pytest.raises(ValueError, match=r"same layers|tokens for weights of shape"):
        attention_explorer(WEIGHTS, tokens)


def test_the_alternative_of_a_map_says_where_each_token_looks():
    spoken = alt_text(alignment_map(ACROSS[0], *TOKENS["across"], title="Here"))
    assert "'2' gives 0.90 to 'M' at 0" in spoken and "'-' gives 0.50 to 'r' at 2" in spoken


def test_equal_tokens_keep_places_of_their_own_and_blanks_are_visible():
    figure = alignment_map(torch.eye(3), ["a", "a", " "], ["b", "b", "b"], title="")
    assert list(figure.layout.yaxis.ticktext) == ["a", "a", "␣"]
    assert list(figure.layout.yaxis.tickvals) == [0, 1, 2]


@pytest.mark.parametrize(
    "change, message", [({"queries": ["x"]}, "need as many"), ({"chosen": 2}, "in 0 … 1")]
)
def test_a_map_that_does_not_fit_is_refused(change, message):
    parts = {"weights": ACROSS[0], "queries": ["2", "-"], "keys": ["M", "a", "r"], "title": ""}
    with pytest.raises(ValueError, match=message):
        alignment_map(**{**parts, **change})
