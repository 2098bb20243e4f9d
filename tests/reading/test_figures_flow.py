"""The figures of the first notebook: what they show is what they were given."""

import pytest
import torch

from arlm_helpers.reading.figures.flow import generation_loop
from arlm_helpers.reading.figures.panels import next_token_panels
from arlm_helpers.reading.style import alt_text

STEP = {"vocab_size": 63, "chosen": "t", "chosen_id": 55}
LOGITS = {"<b>": -3.0, "t": -1.9, "h": -2.02, "s": -2.1}
COLD, HOT = torch.tensor([0.9, 0.1, 0.0]), torch.tensor([0.4, 0.35, 0.25])


def words_of(figure):
    return [note.text for note in figure.layout.annotations]


def test_the_loop_shows_the_three_largest_logits_in_order():
    words = words_of(generation_loop("To be, or not to ", [1, 2, 3, 4, 5], LOGITS, **STEP))
    assert "'t'  -1.90<br>'h'  -2.02<br>'s'  -2.10<br>…" in words
    assert "[… 2, 3, 4, 5]" in words and "<b>55</b>" in words


def test_the_loop_names_the_four_calls_in_order():
    words = words_of(generation_loop("be", [2, 3], LOGITS, **STEP))
    calls = [
        word for word in words if word in [f"<b>{c}</b>" for c in ("encode", "model", "choose", "decode")]
    ]
    assert calls == ["<b>encode</b>", "<b>model</b>", "<b>choose</b>", "<b>decode</b>"]


def test_the_loop_escapes_the_text():
    words = " ".join(words_of(generation_loop("<i>x", [1], {"<b>": 0.0}, **{**STEP, "chosen": "<u>"})))
    assert "&lt;i&gt;x" in words and "'&lt;b&gt;'" in words and "<u>" not in words


def test_the_loop_says_in_words_what_it_shows():
    spoken = alt_text(generation_loop("be", [2, 3], LOGITS, **STEP))
    assert "'t' -1.90" in spoken and "id 55" in spoken and "63 logits" in spoken


@pytest.mark.parametrize("ids, logits", [([], LOGITS), ([1], {})])
def test_the_loop_needs_numbers(ids, logits):
    with pytest.raises(ValueError, match="empty"):
        generation_loop("be", ids, logits, **STEP)


def test_panels_show_the_same_tokens_in_the_order_of_the_first():
    figure = next_token_panels({"cold": COLD, "hot": HOT}, ["a", "b", "c"], n_bars=2)
    first, second = figure.data
    assert first.x == pytest.approx((0.9, 0.1, 0.0), abs=1e-6) and second.x == pytest.approx(
        (0.4, 0.35, 0.25), abs=1e-6
    )
    assert list(figure.layout.yaxis.ticktext) == ["'a'", "'b'", "other"]
    assert figure.layout.title.text == "'a' has 90%, then 40%"
    assert "hot: 'a' 40%, 'b' 35%, other 25%" in alt_text(figure)


def test_panels_have_equal_axes():
    figure = next_token_panels({"cold": COLD, "hot": HOT}, ["a", "b", "c"])
    assert figure.layout.xaxis.range == figure.layout.xaxis2.range


def test_panels_refuse_a_wrong_number_of_tokens():
    with pytest.raises(ValueError, match="'cold' has 3 probabilities for 2 tokens"):
        next_token_panels({"cold": COLD}, ["a", "b"])
    with pytest.raises(ValueError, match="empty"):
        next_token_panels({}, ["a"])


def test_a_small_share_is_not_shown_as_nothing():
    figure = next_token_panels({"cold": torch.tensor([0.998, 0.002]).double()}, ["a", "b"])
    assert list(figure.data[0].text)[:2] == [">99%", "<1%"]
