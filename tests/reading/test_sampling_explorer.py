"""The sampling explorer without a browser: its numbers, its branches, its words, and text that stays text."""

import json
import time

import pytest
import torch
from ipywidgets import (
    HTML,
    BoundedIntText,
    Button,
    Dropdown,
    FloatSlider,
    IntSlider,
    Select,
    Text,
    Textarea,
    ToggleButton,
)

from arlm_helpers.decoding.policy import Policy
from arlm_helpers.decoding.sampling_core import SamplingCore
from arlm_helpers.decoding.thresholds import Threshold
from arlm_helpers.decoding.why import why
from arlm_helpers.reading.figures import before_after_bars
from arlm_helpers.reading.figures.token_ribbon import PALETTE, contrast, ribbon_html
from arlm_helpers.reading.style import alt_text
from arlm_helpers.reading.widgets import sampling_explorer
from arlm_helpers.reading.widgets.explore import FRAME, PLOTLY_MIME
from arlm_helpers.reading.widgets.sampling_why import rounded_safely, setting, told_apart, why_lines
from arlm_helpers.text.bpe import BPETokenizer
from arlm_helpers.text.tokenizers import ByteTokenizer, CharTokenizer
from tests.reading.test_widgets import HOSTILE, Elements, bundles, figure_of, html_of, inside

BREAKING = "</script><img src=x onerror=alert(3)>"


class Fixed:
    """A model whose next token depends on the last one only; it counts how often it is asked."""

    context_length = None

    def __init__(self, vocab_size, seed=0):
        rng = torch.Generator().manual_seed(seed)
        self.vocab_size, self.table = (
            vocab_size,
            2 * torch.randn(min(vocab_size, 300), vocab_size, generator=rng),
        )
        self.n_asked = 0

    def new_cache(self):
        return None

    def __call__(self, ids, cache=None):
        self.n_asked += 1
        return self.table[ids % len(self.table)]


class Words:
    """A tokenizer of whole words, some of which would be markup."""

    def __init__(self, tokens):
        self.tokens = tuple(tokens)

    def encode(self, text):
        return [len(word) % len(self.tokens) for word in text.split()]

    def decode(self, ids):
        return " ".join(self.tokens[i] for i in ids)

    def token_bytes(self, i):
        return self.tokens[i].encode()


@pytest.fixture(autouse=True)
def strict(monkeypatch):
    monkeypatch.setenv("ARLM_STRICT", "1")


@pytest.fixture
def core():
    tokenizer = CharTokenizer("abcdefgh")
    return SamplingCore(Fixed(tokenizer.vocab_size), tokenizer)


@pytest.fixture
def box(core):
    return sampling_explorer(core, prompt="abc", max_tokens=12, temperature=0.9)


def button(box, name):
    [found] = [b for b in inside(box, (Button, ToggleButton)) if b.description == name]
    return found


def control(box, name):
    [found] = [
        w
        for w in inside(box, (FloatSlider, IntSlider, BoundedIntText, Dropdown, Text, Textarea, Select))
        if w.description == name
    ]
    return found


def ribbon_of(box):
    """The HTML of the text that is shown, without the tables."""
    [html] = [b["text/html"] for b in bundles(box) if "arlm-chooser" in b.get("text/html", "")]
    return html


def plain_text(box):
    [plain] = [b["text/plain"] for b in bundles(box) if "arlm-chooser" in b.get("text/html", "")]
    return plain


def said(box):
    return Elements("".join(shown.value for shown in inside(box, HTML))).text


def code_of(box):
    [code] = [
        b["text/plain"] for b in bundles(box) if b.get("text/plain", "").rstrip().endswith("decode(ids))")
    ]
    return code


def test_it_is_alive_before_it_is_touched(box, core):
    assert len(plain_text(box)) == 3 + 12
    assert figure_of(box)["data"][0]["name"] == "before"
    assert "The policy now: Policy(temperature=0.9)" in said(box)
    assert FRAME in box._dom_classes


def test_five_controls_are_in_sight_and_the_rest_behind_a_button(box):
    kinds = (FloatSlider, IntSlider, BoundedIntText, Text, Textarea, Dropdown)
    drawer = next(b for b in inside(box, type(box.children[3])) if control(box, "min_p") in b.children)
    assert drawer.layout.display == "none"
    hidden = {w.description for w in inside(drawer, kinds)}
    assert {
        "min_p",
        "repetition_penalty",
        "frequency_penalty",
        "presence_penalty",
        "order",
        "length",
    } <= hidden
    seen = [w.description for shown in box.children[:3] for w in inside(shown, kinds)]
    assert seen == ["prompt", "temperature", "top_k (0: off)", "top_p", "seed"]
    button(box, "More controls").value = True
    assert drawer.layout.display is None


@pytest.mark.parametrize(
    "name, value",
    [
        ("temperature", 2.0), ("temperature", 0.0), ("top_k (0: off)", 3), ("top_p", 0.5), ("min_p", 0.3),
        ("repetition_penalty", 1.5), ("frequency_penalty", 1.0), ("presence_penalty", 1.0), ("seed", 5),
    ],
)  # fmt: skip
def test_a_control_never_changes_the_text_and_asks_the_model_nothing(box, core, name, value):
    before, asked, figure = ribbon_of(box), core.model.n_asked, figure_of(box)
    control(box, "place in the text").value = 4
    figure = figure_of(box)
    control(box, name).value = value
    assert ribbon_of(box) == before and core.model.n_asked == asked
    assert (figure_of(box) == figure) == (name == "seed")


def test_the_bars_are_the_models_probabilities_and_those_after_the_policy(box, core):
    control(box, "top_p").value = 0.6
    control(box, "place in the text").value = 3
    text = core.text("abc")
    *_, text = core.write(text, Policy(temperature=0.9), seed=0, n=12)
    place = core.place(text, 3, Policy(temperature=0.9, top_p=0.6))
    grey, blue = figure_of(box)["data"]
    order = place.probs.sort(descending=True).indices
    assert sorted(grey["x"]) == pytest.approx(sorted(place.probs.tolist()))
    assert sum(blue["x"]) == pytest.approx(1) and max(blue["x"]) == pytest.approx(
        float(place.final[order[0]])
    )
    assert grey["marker"]["pattern"]["shape"].count("/") == int((place.final == 0).sum())


def test_all_bars_together_are_the_whole_vocabulary():
    probs = torch.rand(5000, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).softmax(0)
    figure = before_after_bars(probs, probs, [str(i) for i in range(5000)], chosen=17)
    for bars in figure.data:
        assert sum(bars.x) == pytest.approx(1, abs=1e-9)
    assert (
        list(figure.layout.yaxis.ticktext)[-1] == "other (4,988)" and "'17'" in figure.layout.yaxis.ticktext
    )
    assert "other (4,988)" in alt_text(figure)


@pytest.mark.parametrize(
    "change, message",
    [({"chosen": 9}, "0 to 2, got 9"), ({"tokens": ["a"]}, "3 and 3 probabilities for 1 tokens")],
)
def test_bars_that_do_not_fit_are_refused(change, message):
    parts = {"before": torch.ones(3) / 3, "after": torch.ones(3) / 3, "tokens": list("abc")}
    with pytest.raises(ValueError, match=message):
        before_after_bars(**{**parts, **change})


def test_the_same_seed_writes_the_text_that_the_core_writes(box, core):
    *_, text = core.write(core.text("abc"), Policy(temperature=0.9), seed=0, n=12)
    assert plain_text(box) == core.decode(text)
    button(box, "one token").click()
    *_, text = core.write(text, Policy(temperature=0.9), seed=0, n=1)
    assert plain_text(box) == core.decode(text)


def test_choosing_a_token_and_another_one_there_forks_and_the_old_branch_stays(box):
    old = plain_text(box)
    control(box, "place in the text").value = 5
    candidates = control(box, "next tokens")
    here = old[3 + 5]
    assert candidates.label.startswith(here)
    other = next(value for label, value in candidates.options if not label.startswith(here))
    candidates.value = other
    button(box, "fork: put this token here").click()
    new = plain_text(box)
    assert new[:8] == old[:8] and new[8] == "abcdefgh"[other] and len(new) == len(old)
    assert f"✎{new[8]}<" in ribbon_of(box)
    branches = control(box, "branch")
    assert [label for label, _ in branches.options] == ["1: from the prompt", f"2: from 1 at 5, {new[8]}"]
    branches.value = 0
    assert plain_text(box) == old


def test_writing_anew_makes_a_branch_by_the_settings_of_now(box):
    old = plain_text(box)
    control(box, "temperature").value = 0.0
    control(box, "place in the text").value = 4
    button(box, "write anew from here").click()
    assert plain_text(box)[:7] == old[:7] and len(control(box, "branch").options) == 2


def test_a_prompt_of_several_lines_keeps_its_line_breaks():
    tokenizer = CharTokenizer.from_text("KING LEAR:\nNo more of that.")
    box = sampling_explorer(
        SamplingCore(Fixed(tokenizer.vocab_size), tokenizer), prompt="KING LEAR:\n", max_tokens=3
    )
    assert control(box, "prompt").value == "KING LEAR:\n"
    assert plain_text(box).startswith("KING LEAR:\n")


def test_the_policy_shows_the_fraction_that_the_slider_shows(box):
    control(box, "top_p").value = 0.1 + 0.2 + 0.6  # 0.9000000000000000222
    assert "top_p=0.9)" in said(box)


def test_a_new_prompt_begins_anew(box):
    control(box, "prompt").value = "h"
    assert plain_text(box)[0] == "h" and len(control(box, "branch").options) == 1


def test_a_new_seed_is_visible_and_changes_no_text(box):
    before, ribbon = control(box, "seed").value, ribbon_of(box)
    button(box, "new seed").click()
    assert control(box, "seed").value != before and ribbon_of(box) == ribbon
    assert f"The dart of seed {control(box, 'seed').value} for place 0" in said(box)


def test_two_policies_with_the_same_luck_and_where_they_part(box, core):
    button(box, "keep these settings as B").click()
    button(box, "write A and B").click()
    assert "A and B write the same text" in html_of(box)
    control(box, "temperature").value = 3.0
    button(box, "write A and B").click()
    found = core.compare(core.text("abc"), Policy(temperature=3.0), Policy(temperature=0.9), seed=0, n=12)
    assert f"They part at token {found.first_difference}" in html_of(box)
    assert html_of(box).count("double") == 2  # the bar, in both texts


def test_many_draws_stand_beside_what_was_to_be_expected(box):
    control(box, "draws").value = 1000
    button(box, "draw").click()
    figure = [bundle[PLOTLY_MIME] for bundle in bundles(box) if PLOTLY_MIME in bundle][-1]
    assert sum(figure["data"][0]["x"]) == pytest.approx(1) and sum(figure["data"][1]["x"]) == pytest.approx(1)
    assert "frequencies lie within the 95 % range" in figure["layout"]["title"]["text"]


def test_the_code_writes_the_text_that_is_shown(box, core):
    control(box, "place in the text").value = 5
    control(box, "next tokens").value = 2
    button(box, "fork: put this token here").click()
    names = {"model": core.model, "tokenizer": core.tokenizer}
    assert "tokenizer.encode('abc')" in code_of(box)
    exec(code_of(box), names)
    assert core.tokenizer.decode(names["ids"]) == plain_text(box)


def test_a_token_can_be_looked_for_in_the_whole_vocabulary():
    tokens = [f"w{i}" for i in range(400)] + ["needle"]
    box = sampling_explorer(SamplingCore(Fixed(401), Words(tokens)), prompt="one two", max_tokens=3)
    control(box, "find a token").value = "needle"
    assert any(label.startswith("needle") for label, _ in control(box, "next tokens").options)


def test_an_error_is_shown_and_raised_in_strict_runs(core, monkeypatch):
    box = sampling_explorer(core, prompt="abc", max_tokens=3)
    with pytest.raises(ValueError, match=r"unknown character|快"):
        control(box, "prompt").value = "快"
    assert 'role="alert"' in "".join(shown.value for shown in inside(box, HTML))
    monkeypatch.delenv("ARLM_STRICT")
    control(box, "prompt").value = ""
    assert "the prompt is empty" in said(box)
    control(box, "prompt").value = "ab"
    assert plain_text(box)[:2] == "ab" and "prompt is empty" not in said(box)


def test_a_first_prompt_that_cannot_be_read_can_be_mended(core, monkeypatch):
    monkeypatch.delenv("ARLM_STRICT")
    box = sampling_explorer(core, prompt="快", max_tokens=3)
    control(box, "temperature").value = 0.5
    assert "there is no text yet" in said(box)
    control(box, "prompt").value = "a"
    assert len(plain_text(box)) == 4 and 'role="alert"' not in "".join(w.value for w in inside(box, HTML))


def test_a_policy_that_leaves_no_token_says_so(core, monkeypatch):
    monkeypatch.delenv("ARLM_STRICT")
    box = sampling_explorer(core, prompt="abcdefgh", max_tokens=1)
    control(box, "no_repeat (0: off)").value = 1
    assert "no token is allowed" in said(box)


HTML_TOKENS = [HOSTILE, BREAKING, "<b>", "&lt;", "`", "'", '"', "快"]


def test_no_text_of_a_model_or_a_prompt_becomes_markup_in_any_output():
    box = sampling_explorer(
        SamplingCore(Fixed(8), Words(HTML_TOKENS)), prompt=f"{HOSTILE} {BREAKING}", max_tokens=9
    )
    control(box, "place in the text").value = 2
    control(box, "next tokens").value = 1
    button(box, "fork: put this token here").click()
    control(box, "top_k (0: off)").value = 1
    for name in ("write A and B", "draw"):
        button(box, name).click()
    page = Elements(html_of(box) + "".join(shown.value for shown in inside(box, HTML)))
    assert page.names <= {
        "div", "button", "br", "small", "p", "b", "pre", "details", "summary", "table", "thead", "tbody",
        "tr", "th", "td",
    } and not page.handlers  # fmt: skip
    assert HOSTILE in page.text and BREAKING in page.text
    for bundle in bundles(box):
        if PLOTLY_MIME in bundle:
            layout = bundle[PLOTLY_MIME]["layout"]
            shown = json.dumps(
                [layout[part] for part in ("title", "xaxis", "yaxis")] + bundle[PLOTLY_MIME]["data"]
            )
            assert "<script" not in shown and "<img" not in shown


@pytest.mark.parametrize(
    "tokenizer, prompt, shown",
    [
        (CharTokenizer.from_text("快乐的狐狸 fox"), "快乐的", "狐"),
        (ByteTokenizer(), "快", "⟨E5⟩"),
        (BPETokenizer.train("快乐的狐狸跳过懒狗 " * 30, 300), "快乐", "快乐"),
    ],
)
def test_it_works_with_characters_bytes_and_pairs_and_shows_half_characters_as_bytes(
    tokenizer, prompt, shown
):
    box = sampling_explorer(SamplingCore(Fixed(tokenizer.vocab_size), tokenizer), prompt=prompt, max_tokens=5)
    control(box, "find a token").value = shown
    assert any(shown in label for label, _ in control(box, "next tokens").options)
    everything = (
        html_of(box) + "".join(shown.value for shown in inside(box, HTML)) + json.dumps(figure_of(box))
    )
    assert "\ufffd" not in everything and prompt in html_of(box)


@pytest.mark.parametrize("vocab_size, milliseconds", [(65, 100), (4000, 100), (50_257, 250)])
def test_a_slider_is_answered_in_a_blink(vocab_size, milliseconds):
    """Processor time, best of five, with three times the budget for machines that are slow or busy."""
    box = sampling_explorer(
        SamplingCore(Fixed(vocab_size), Words([f"w{i}" for i in range(vocab_size)])),
        prompt="one two", max_tokens=2, top_k=50, top_p=0.9, min_p=0.01, repetition_penalty=1.1,
    )  # fmt: skip
    spent = []
    for value in (0.5, 0.7, 0.9, 1.1, 1.3):
        begun = time.process_time()
        control(box, "temperature").value = value
        spent.append(1000 * (time.process_time() - begun))
    assert min(spent) < 3 * milliseconds


def test_a_ribbon_has_a_button_for_each_token_and_one_stop_of_the_tab_key():
    html = ribbon_html(
        ["a", "<b>"],
        [0.5, 1.0],
        label="L",
        hints=["h0", "<h1>"],
        highest=1.0,
        selected=1,
        forced=[0],
        marked=1,
        more="<m>",
    )
    page = Elements(html)
    assert html.count("<button") == 3 and html.count('tabindex="0"') == 1 and 'aria-pressed="true"' in html
    assert page.names == {"div", "button", "br", "small"} and "0.50" in page.text and "dashed" in html


def test_a_ribbon_needs_a_value_and_a_hint_for_each_token():
    with pytest.raises(ValueError, match="2 tokens, 1 values and 2 hints"):
        ribbon_html(["a", "b"], [1.0], label="", hints=["", ""], highest=1.0)


def test_text_on_every_colour_can_be_read():
    assert min(contrast(ink, background) for background, ink in PALETTE) >= 4.5
    light = [contrast("#000000", background) for background, _ in PALETTE]
    assert light == sorted(light)  # brighter means more, also without colour vision


@pytest.mark.parametrize(
    "value, upwards, expected",
    [
        (0.75000000075, True, 0.7501),
        (0.2499999, False, 0.2499),
        (8, True, 8),
        (0.5, True, 0.5),
        (1e-7, False, 1e-7),
    ],
)
def test_a_threshold_is_rounded_to_the_side_that_keeps_the_token(value, upwards, expected):
    assert rounded_safely(value, upwards=upwards) == pytest.approx(expected, rel=1e-12)


def test_numbers_that_decide_are_told_apart():
    assert told_apart(0.90004, 0.9) == ("0.90004", "0.9")
    assert told_apart(0.5, 0.5) == ("0.5", "0.5")


def test_a_setting_names_its_side():
    assert setting(Threshold("top_p", 0.75, 0.74)) == "top_p ≥ 0.75"
    assert setting(Threshold("min_p", 0.01, 0.011)) == "min_p ≤ 0.01"
    assert setting(Threshold("temperature", 0.01, 0.0)) == "temperature > 0"


def lines_for(policy, token, probs=(0.5, 0.25, 0.125, 0.125), ids=(0, 2, 2)):
    found = why(policy, torch.tensor([ids]), torch.tensor(probs, dtype=torch.float64).log(), token, start=1)
    return why_lines(found, "“x”")


def test_the_sentences_of_a_token_that_was_cut_by_hand():
    head, top_p, ways = lines_for(Policy(top_p=0.7), 2)
    assert head == "“x” is cut: 12.5% for the model, rank 3."
    assert top_p.startswith("top_p cuts it: the 2 likelier tokens hold 0.75 already, at least 0.7.")
    assert ways.startswith("One of these alone would save it: temperature ≥ 1.")
    assert ways.endswith("; top_p ≥ 0.7501.")


@pytest.mark.parametrize(
    "policy, token, expected",
    [
        (Policy(top_k=3), 3, "top_k cuts it: rank 4 of 4; the best 3 stay. Its logit is that of number 3"),
        (Policy(top_k=3), 0, "top_k 3: passes, rank 1 of 4."),
        (Policy(min_p=0.3), 2, "min_p cuts it: 0.125 is less than 0.3 × 0.5 = 0.15."),
        (Policy(min_p=0.2), 2, "min_p 0.2: passes, 0.125 is at least 0.2 × 0.5 = 0.1."),
        (Policy(temperature=0), 1, "temperature 0 cuts it: only the likeliest token stays; this is number 2"),
        (Policy(temperature=0), 0, "temperature 0 keeps the likeliest token: this one."),
        (Policy(no_repeat=1), 2, "no_repeat 1 cuts it: a run of this length"),
        (Policy(no_repeat=1), 2, "is ruled out"),
        (Policy(presence_penalty=0.5), 2, "presence_penalty 0.5: logit -2.079 → -2.579; 2 × so far."),
        (Policy(top_k=1, min_p=0.4), 2, "It needs all of these at once: top_k ≥ 3; min_p ≤ 0.2499"),
        (Policy(top_p=0.7), 0, "top_p 0.7: passes, no token is likelier."),
        (Policy(top_p=0.7, order="llama.cpp"), 2, "No temperature alone would."),
        (Policy(), 0, "None of temperature, top_k, top_p and min_p alone can cut it."),
        (Policy(), 1, "It stays as long as temperature > 0; top_k ≥ 2; top_p ≥ 0.5001; min_p ≤ 0.4999"),
    ],
)  # fmt: skip
def test_each_stage_has_its_sentence(policy, token, expected):
    assert expected in " ".join(lines_for(policy, token))
