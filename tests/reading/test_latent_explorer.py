"""Latent codes: the two figures, and the explorer, which is moved here without a browser."""

import pytest
import torch
from ipywidgets import HTML, BoundedIntText, Button, Dropdown, FloatSlider, IntSlider, Text

from arlm_helpers.reading.figures import collapse_meter, latent_path
from arlm_helpers.reading.widgets import explore_latent
from tests.reading.test_widgets import HOSTILE, Elements, figure_of, html_of, inside

KL = {"a<b": torch.tensor([0.5, 2.0, 0.0]), "collapsed": torch.tensor([0.0, 0.01, 0.0])}
ACTIVE = {"a<b": [True, True, False], "collapsed": [False, False, False]}


def test_the_meter_sorts_each_code_crosses_what_is_not_active_and_shares_one_scale():
    figure = collapse_meter(KL, ACTIVE)
    assert figure.data[0].y == (2.0, 0.5, 0.0) and figure.data[1].y == pytest.approx((0.01, 0.0, 0.0))
    assert figure.data[0].text == ("", "", "×") and figure.data[1].text == ("×", "×", "×")
    assert figure.data[0].hovertext[0] == "number 1 of the code"
    assert figure.layout.yaxis.matches == "y2"


def test_the_meter_says_totals_and_active_numbers_and_names_are_text():
    figure = collapse_meter(KL, ACTIVE)
    assert figure.layout.title.text == "The codes tell 2.5 and 0.0 nats a line"
    rows = [note.text for note in figure.layout.annotations]
    assert rows == ["a&lt;b: 2.5 nats, 2 of 3 active", "collapsed: 0.0 nats, 0 of 3 active"]
    assert "collapsed 0.0 nats, 0 of 3 active, its largest number 0.01" in figure.layout.meta["alt"]


@pytest.mark.parametrize(
    "kl, active, message",
    [
        ({}, {}, "same models"),
        (KL, {"a<b": [True]}, "same models"),
        (KL, {**ACTIVE, "a<b": [True]}, "1 verd"),
    ],
)
def test_a_meter_without_a_verdict_for_each_number_is_refused(kl, active, message):
    with pytest.raises(ValueError, match=message):
        collapse_meter(kl, active)


def test_lines_on_a_path_carry_their_sign_and_new_ones_are_bold():
    figure = latent_path([0, 0.5, 1], ["<i>快", "<i>快", "😀"], valid=[True, False, True])
    signs, lines = figure.data
    assert signs.text == ("✓", "✗", "✓") and len(set(signs.textfont.color)) == 2
    assert lines.text == ("<b>'&lt;i&gt;快'</b>", "'&lt;i&gt;快'", "<b>'😀'</b>")
    assert lines.y == (0, 50, 100)
    assert figure.layout.title.text == "2 different lines; 0 of 1 between are valid"
    assert "50 % '<i>快' (not valid)" in figure.layout.meta["alt"]


def test_lines_that_nobody_judges_have_no_verdict():
    figure = latent_path([0, 1], ["a", "a"])
    assert set(figure.data[0].text) == {"●"} and figure.layout.title.text == "The same line all the way"
    assert "valid" not in figure.layout.meta["alt"]


@pytest.mark.parametrize(
    "shares, texts, valid", [([0], ["a"], None), ([0, 1], ["a"] * 3, None), ([0, 1], ["a", "b"], [True])]
)
def test_a_path_that_does_not_fit_is_refused(shares, texts, valid):
    with pytest.raises(ValueError, match="two lines at least"):
        latent_path(shares, texts, valid=valid)


@pytest.fixture(autouse=True)
def lenient(monkeypatch):
    monkeypatch.delenv("ARLM_STRICT", raising=False)


def encode(line):
    if not line:
        raise ValueError("an empty line has no code")
    return torch.tensor([float(len(line)), 0.0])


def decode(codes):
    return [f"{HOSTILE}{code[0]:.2f}" for code in codes]


def straight(first, last, n):
    return torch.stack([torch.lerp(first, last, i / (n - 1)) for i in range(n)])


def backwards(first, last, n):
    return straight(last, first, n)


@pytest.fixture
def calls():
    return []


@pytest.fixture
def explorer(calls):
    def counted(codes):
        calls.append(len(codes))
        return decode(codes)

    models = {"one": (encode, counted), "same": (encode, lambda codes: ["stuck"] * len(codes))}
    return explore_latent(
        models,
        {"straight": straight, "backwards": backwards},
        first="a",
        last="abcde",
        is_valid=lambda line: line.endswith("00"),
        claim="a <whole> number",
    )


def said(box):
    return Elements(html_of(box)).text


def test_it_is_alive_in_the_middle_and_the_slider_walks_from_the_first_line_to_the_last(explorer):
    [place] = inside(explorer, IntSlider)
    assert f"50 % of the way, noise 0.0: “{HOSTILE}3.00”  ✓ a <whole> number" in said(explorer)
    for at, code in ((0, "1.00"), (100, "5.00"), (10, "1.40")):
        place.value = at
        assert f"{at} % of the way, noise 0.0: “{HOSTILE}{code}”" in said(explorer)
    assert "1.40”  ✗ not a <whole> number" in said(explorer)
    assert figure_of(explorer)["layout"]["annotations"][-1]["text"] == "10 %"


def test_moving_the_slider_writes_no_path_anew(explorer, calls):
    assert calls == [101, 2]
    inside(explorer, IntSlider)[0].value = 7
    assert calls == [101, 2, 2]


def test_model_path_and_lines_are_taken_from_the_controls(explorer):
    model, path = inside(explorer, Dropdown)
    inside(explorer, IntSlider)[0].value = 0
    path.value = "backwards"
    assert f"“{HOSTILE}5.00”" in said(explorer)
    inside(explorer, Text)[1].value = "abc"
    assert f"“{HOSTILE}3.00”" in said(explorer)
    model.value = "same"
    assert "“stuck”" in said(explorer) and HOSTILE not in said(explorer)


def test_noise_and_the_random_code_are_those_of_the_seed_on_screen(explorer):
    seed, noise = inside(explorer, BoundedIntText)[0], inside(explorer, FloatSlider)[0]
    noise.value = 0.5
    draws = torch.randn((2, 2), generator=torch.Generator().manual_seed(0))
    assert f"noise 0.5: “{HOSTILE}{3 + 0.5 * float(draws[1, 0]):.2f}”" in said(explorer)
    assert f"seed 0: “{HOSTILE}{float(draws[0, 0]):.2f}”" in said(explorer)
    before = said(explorer)
    seed.value = 1
    assert said(explorer) != before
    seed.value = 0
    assert said(explorer) == before


def test_the_button_draws_a_seed_that_is_shown(explorer):
    inside(explorer, Button)[0].click()
    assert f"From the prior, seed {inside(explorer, BoundedIntText)[0].value}: “" in said(explorer)


def test_what_a_model_writes_is_text_and_not_markup(explorer):
    page = Elements(html_of(explorer))
    assert page.names == {"div"} and not page.handlers
    assert "<img" not in "".join(figure_of(explorer)["data"][1]["text"])


def test_a_line_that_has_no_code_is_explained_and_the_last_picture_stays(explorer):
    before = said(explorer)
    inside(explorer, Text)[0].value = ""
    assert "an empty line has no code" in "".join(shown.value for shown in inside(explorer, HTML))
    assert said(explorer) == before
    inside(explorer, Text)[0].value = "a"
    assert not any(shown.value for shown in inside(explorer, HTML))


def test_one_path_needs_no_menu_and_without_a_judge_there_is_no_verdict():
    box = explore_latent({"one": (encode, decode)}, {"straight": straight}, first="a", last="abc")
    assert [menu.description for menu in inside(box, Dropdown)] == ["model"]
    assert "✓" not in said(box) and "✗" not in said(box)


def test_nothing_to_explore_is_refused():
    with pytest.raises(ValueError, match="at least one model and one path"):
        explore_latent({}, {"straight": straight}, first="a", last="b")
