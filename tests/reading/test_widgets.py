"""Widgets are controls around functions: moved here without a browser."""

from html.parser import HTMLParser

import plotly.graph_objects as go
import pytest
import torch
from ipywidgets import HTML, Button, Dropdown, FloatSlider, IntSlider, Output, Text, Textarea

from arlm_helpers.reading.widgets import explore, order_explorer, temperature_explorer, token_view
from arlm_helpers.reading.widgets.explore import PLOTLY_MIME, guarded
from arlm_helpers.reading.widgets.strings import STRINGS, text
from arlm_helpers.reading.widgets.tokens import LIMIT, token_ribbon_html, visible_token

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&"


def inside(widget, kind):
    """All widgets of a kind, in order."""
    children = getattr(widget, "children", ())
    return [w for child in children for w in ([child] if isinstance(child, kind) else inside(child, kind))]


def bundles(widget):
    return [output["data"] for shown in inside(widget, Output) for output in shown.outputs]


def html_of(widget):
    return "".join(bundle.get("text/html", "") for bundle in bundles(widget))


def figure_of(widget):
    [bundle] = [bundle for bundle in bundles(widget) if PLOTLY_MIME in bundle]
    return bundle[PLOTLY_MIME]


class Elements(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.names, self.handlers, self.text = set(), [], ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.names.add(tag)
        self.handlers += [name for name, _ in attrs if name.startswith("on")]

    def handle_data(self, data):
        self.text += data


def titled(**values):
    return go.Figure().update_layout(title=str(values))


@pytest.fixture
def strict(monkeypatch):
    monkeypatch.setenv("ARLM_STRICT", "1")


@pytest.fixture(autouse=True)
def lenient(monkeypatch):
    monkeypatch.delenv("ARLM_STRICT", raising=False)


def test_a_figure_is_there_before_a_control_is_touched_and_follows_it():
    slider = IntSlider(2)
    box = explore(titled, n=slider)
    assert figure_of(box)["layout"]["title"]["text"] == "{'n': 2}"
    slider.value = 5
    assert figure_of(box)["layout"]["title"]["text"] == "{'n': 5}"
    assert "sendChartToCloud" in figure_of(box)["config"]["modeBarButtonsToRemove"]


def test_an_error_is_announced_and_goes_away_when_mended():
    slider = IntSlider(1)
    box = explore(lambda n: titled(n=1 / n), n=slider)
    slider.value = 0
    [problem] = inside(box, HTML)
    assert 'role="alert"' in problem.value and "ZeroDivisionError" in problem.value
    slider.value = 2
    assert problem.value == ""


def test_an_error_is_fatal_in_strict_runs(strict):
    monitor = HTML()
    with pytest.raises(ZeroDivisionError):
        guarded(lambda: 1 / 0, monitor)()
    assert "ZeroDivisionError" in monitor.value


def test_the_last_value_wins_when_a_control_moves_while_drawing():
    slider, drawn = IntSlider(0), []

    def draw(n):
        drawn.append(n)
        if n == 1:
            slider.value = 2
            slider.value = 3  # both arrive while 1 is being drawn: one more drawing, of the last
        return titled(n=n)

    box = explore(draw, n=slider)
    slider.value = 1
    assert drawn == [0, 1, 3] and figure_of(box)["layout"]["title"]["text"] == "{'n': 3}"


TOKENS = ["a", "<b>", "快"]


def complete(prompt, temperature, seed):
    if not prompt:
        raise ValueError("the prompt is empty; type a word")
    return f"{HOSTILE} {seed}", torch.softmax(torch.tensor([3.0, 2.0, 1.0]) / temperature, 0), TOKENS


@pytest.fixture
def temperature():
    return temperature_explorer(complete, prompt=HOSTILE)


def test_moving_the_temperature_keeps_the_seed_and_changes_the_bars(temperature):
    before, written = figure_of(temperature), html_of(temperature)
    inside(temperature, FloatSlider)[0].value = 2.0
    assert figure_of(temperature)["data"][0]["x"][0] < before["data"][0]["x"][0]
    assert html_of(temperature) == written


def test_a_new_seed_changes_the_text_and_not_the_bars(temperature):
    before, written = figure_of(temperature), html_of(temperature)
    inside(temperature, Button)[0].click()
    assert html_of(temperature) != written and figure_of(temperature) == before


def test_prompt_and_continuation_are_text_and_not_markup(temperature):
    page = Elements(html_of(temperature))
    assert page.names <= {"div", "small", "b", "br", "span"} and not page.handlers
    assert page.text.count(HOSTILE) == 2


def test_a_refused_prompt_is_explained_and_the_figure_stays(temperature):
    before = figure_of(temperature)
    inside(temperature, Text)[0].value = ""
    assert "the prompt is empty" in "".join(problem.value for problem in inside(temperature, HTML))
    assert figure_of(temperature) == before


RESULTS = {
    (order, name): {
        "train_bits": 4 / order,
        "held_out_bits": 4.5 - bonus,
        "sample": HOSTILE,
        "seen": 1 / order,
    }
    for order in range(1, 8)
    for name, bonus in [("add-k", 0), ("Kneser–Ney", 2)]
}


def test_order_and_smoothing_choose_the_ringed_numbers_and_the_sample():
    box = order_explorer(RESULTS)
    inside(box, IntSlider)[0].value = 5
    inside(box, Dropdown)[0].value = "Kneser–Ney"
    assert figure_of(box)["layout"]["title"]["text"] == "Order 5: 2.50 bits on new text, 0.80 on old"
    assert figure_of(box)["data"][-1]["x"] == [5, 5]
    page = Elements(html_of(box))
    assert HOSTILE in page.text and "20.0%" in page.text and "script" not in page.names


def test_the_axis_stays_when_the_smoothing_changes():
    box = order_explorer(RESULTS)
    before = figure_of(box)["layout"]["yaxis"]["range"]
    inside(box, Dropdown)[0].value = "Kneser–Ney"
    assert figure_of(box)["layout"]["yaxis"]["range"] == before


def test_a_missing_result_is_named():
    with pytest.raises(ValueError, match=r"\(3, 'add-k'\)"):
        order_explorer({key: row for key, row in RESULTS.items() if key != (3, "add-k")})


def test_an_order_that_no_smoothing_has_is_named():
    with pytest.raises(ValueError, match=r"\(3, 'add-k'\)"):
        order_explorer({key: row for key, row in RESULTS.items() if key[0] != 3})


class Bytes:
    """A tokenizer written for this test: one token per byte."""

    tokens = tuple(f"byte {i}" for i in range(256))

    def encode(self, content):
        return list(content.encode())

    def token_bytes(self, i):
        return bytes([i])


class Letters(Bytes):
    def encode(self, content):
        if not content.isascii():
            raise ValueError("unknown character '快'; choose another tokenizer")
        return list(content.encode())


@pytest.fixture
def ribbon():
    return token_view({"bytes": Bytes(), "letters": Letters()}, "a 快")


def test_the_ribbon_counts_tokens_and_shows_unfinished_bytes(ribbon):
    page = Elements(html_of(ribbon))
    assert "5 tokens · 0.60 characters, 1.00 bytes per token" in page.text
    assert "␣32" in page.text and "⟨E5⟩229" in page.text and "\ufffd" not in page.text


def test_a_text_the_tokenizer_cannot_encode_is_explained(ribbon):
    inside(ribbon, Dropdown)[0].value = "letters"
    assert 'role="alert"' in html_of(ribbon) and "unknown character" in html_of(ribbon)


@pytest.mark.parametrize("length, refused", [(LIMIT, False), (LIMIT + 1, True)])
def test_a_text_beyond_the_limit_is_refused_with_a_message(ribbon, length, refused):
    inside(ribbon, Textarea)[0].value = "x" * length
    assert ("at most 10,000" in html_of(ribbon)) == refused


def test_an_empty_text_has_no_tokens(ribbon):
    inside(ribbon, Textarea)[0].value = ""
    assert "0 tokens" in html_of(ribbon)


def test_tokens_are_text_and_not_markup():
    page = Elements(token_ribbon_html([HOSTILE], [7]))
    assert page.names == {"ol", "li", "span", "br", "small"} and not page.handlers and HOSTILE in page.text


@pytest.mark.parametrize(
    "data, shown",
    [
        (b"a\t", "a⇥"),
        ("快".encode(), "快"),
        (b"\xe5\xbf", "⟨E5⟩⟨BF⟩"),
        ("快\xa0".encode(), "快⟨U+00A0⟩"),
        (b"", "<end>"),
    ],
)
def test_a_token_is_shown_so_that_one_can_see_it(data, shown):
    assert visible_token(data, "<end>") == shown


@pytest.mark.parametrize("language", STRINGS)
def test_every_language_has_the_same_words_to_fill_in(language):
    assert STRINGS[language].keys() == STRINGS["en"].keys()
    assert text("seen", language=language, seen=0.5, order=3)
