"""A real browser explores sampling in JupyterLab: sliders, tokens, forks, luck, and keys that stay inside.

Pictures of each step are kept in ``build/sampling_explorer``.
"""

import nbformat
import pytest

from tests.browser.test_widgets import (  # noqa: F401 (fixtures)
    ROOT,
    STEP,
    chromium,
    lab,
    open_and_run,
    page,
    pytestmark,
    sources,
)

PICTURES = ROOT / "build" / "sampling_explorer"
NAME = "sampling.ipynb"
EXPLORER = """
import torch
from arlm_helpers.decoding.sampling_core import SamplingCore
from arlm_helpers.models.ngram import NGram
from arlm_helpers.models.smoothing import KneserNey
from arlm_helpers.reading.widgets import sampling_explorer
from arlm_helpers.text.tokenizers import CharTokenizer

TEXT = "<b id='planted'>快乐的狐狸</b> To be, or not to be, that is the question: "
TEXT = (TEXT + "whether 'tis nobler in the mind to suffer the slings and arrows of fortune. ") * 9
tokenizer = CharTokenizer.from_text(TEXT)
ids = torch.tensor(tokenizer.encode(TEXT))
model = NGram.fit(ids, tokenizer.vocab_size, 3, KneserNey())
sampling_explorer(SamplingCore(model, tokenizer), prompt="<b id='planted'>to be", max_tokens=30)
"""
TOKENS = ".arlm-chooser button[data-token]"


@pytest.fixture
def explorer(page, lab):  # noqa: F811
    """A page with the explorer, run, in a notebook with a second cell that must survive."""
    cells = [nbformat.v4.new_code_cell(EXPLORER), nbformat.v4.new_code_cell("print('another cell')")]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), lab[1] / NAME)
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.set_viewport_size({"width": 1280, "height": 2000})
    open_and_run(page, lab, NAME)
    page.wait_for_selector(TOKENS)
    page.wait_for_timeout(1500)  # the script that listens to the tokens
    return page


def keep_picture(page, name):  # noqa: F811
    page.wait_for_timeout(800)  # plotly is still drawing
    page.screenshot(path=PICTURES / f"{name}.png")


def bars(page):  # noqa: F811
    return page.eval_on_selector(
        ".arlm-widget .js-plotly-plot", "f => JSON.stringify([f.layout.title?.text, f.data.map(d => d.x)])"
    )


def wait_for_other_bars(page, before):  # noqa: F811
    page.wait_for_function(
        "before => { const f = document.querySelector('.arlm-widget .js-plotly-plot');"
        " return JSON.stringify([f.layout.title?.text, f.data.map(d => d.x)]) !== before; }",
        arg=before,
        timeout=STEP,
    )


def ribbon(page):  # noqa: F811
    return page.eval_on_selector_all(
        TOKENS, "tokens => tokens.slice(0, -1).map(t => t.firstChild.textContent).join('')"
    )


def wait_for_text(page, words):  # noqa: F811
    page.wait_for_function(
        "words => document.querySelector('.arlm-widget').innerText.includes(words)", arg=words, timeout=STEP
    )


def slider(page, name):  # noqa: F811
    box = page.locator(".widget-slider", has=page.locator("label", has_text=name)).first
    return box.locator(".noUi-handle")


def move(page, name, key, times=1):  # noqa: F811
    handle = slider(page, name)
    handle.focus()
    for _ in range(times):
        handle.press(key)


def press(page, name):  # noqa: F811
    page.locator(".arlm-widget button", has_text=name).first.click()


def test_sliders_change_the_figure_and_never_the_text(explorer):
    text, before = ribbon(explorer), bars(explorer)
    keep_picture(explorer, "1_at_first")
    assert explorer.locator("#planted").count() == 0
    move(explorer, "temperature", "ArrowRight", 6)
    wait_for_other_bars(explorer, before)
    wait_for_text(explorer, "Policy(temperature=1.3)")
    before = bars(explorer)
    move(explorer, "top_p", "ArrowLeft", 40)
    wait_for_other_bars(explorer, before)
    wait_for_text(explorer, "top_p=0.6")
    explorer.wait_for_timeout(1000)
    keep_picture(explorer, "2_temperature_and_top_p")
    assert ribbon(explorer) == text


def test_clicking_a_token_shows_its_place_and_another_one_forks(explorer):
    text = ribbon(explorer)
    token = explorer.locator(TOKENS).nth(6)
    token.click()
    wait_for_text(explorer, "for place 6")
    assert token.get_attribute("aria-pressed") == "true"
    assert explorer.evaluate("document.activeElement.dataset.token") == "6"
    options = explorer.locator(".arlm-widget .widget-select select option")
    other = next(option for option in options.all_text_contents() if not option.startswith(text[6]))
    explorer.locator(".arlm-widget .widget-select select").select_option(label=other)
    wait_for_text(explorer, f"“{other[0]}” is kept")
    keep_picture(explorer, "3_a_token_chosen")
    press(explorer, "fork")
    explorer.wait_for_selector(f"{TOKENS} >> text=✎")
    assert ribbon(explorer)[:6] == text[:6] and ribbon(explorer) != text
    keep_picture(explorer, "4_forked")
    explorer.locator(".arlm-widget .widget-dropdown select").filter(has_text="from the prompt").select_option(
        label="1: from the prompt"
    )
    explorer.wait_for_function(
        "() => !document.querySelector('.arlm-chooser').querySelector('.arlm-ribbon').innerText.includes('✎')"
    )
    assert ribbon(explorer) == text


def test_two_policies_are_compared_and_many_draws_are_counted(explorer):
    press(explorer, "Compare A | B")
    move(explorer, "temperature", "ArrowRight", 20)
    wait_for_text(explorer, "Policy(temperature=2.0)")
    press(explorer, "write A and B")
    wait_for_text(explorer, "They part at token")
    press(explorer, "Repeat")
    explorer.locator(".arlm-widget button.mod-primary", has_text="draw").click()
    explorer.wait_for_function("() => document.querySelectorAll('.arlm-widget .js-plotly-plot').length === 2")
    press(explorer, "Code")
    wait_for_text(explorer, "generate(")
    press(explorer, "More controls")
    wait_for_text(explorer, "presence_penalty")
    explorer.set_viewport_size({"width": 1280, "height": 3200})
    keep_picture(explorer, "5_compared_repeated_and_code")


@pytest.mark.parametrize("where", [TOKENS, "button.widget-button", ".noUi-handle", ".widget-select select"])
def test_letters_pressed_inside_leave_the_notebook_alone(explorer, where):
    before = sources(explorer)
    explorer.locator(f".arlm-widget {where}").first.focus()
    for key in "ddabxm":
        explorer.keyboard.press(key)
    explorer.wait_for_timeout(1500)
    assert sources(explorer) == before


def test_arrow_keys_move_within_the_ribbon_and_enter_chooses(explorer):
    explorer.locator(TOKENS).first.focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowRight", "ArrowLeft", "Enter"):
        explorer.keyboard.press(key)
    wait_for_text(explorer, "for place 2")
    explorer.keyboard.press("End")
    explorer.keyboard.press("Enter")
    wait_for_text(explorer, "for place 30")
    explorer.keyboard.press("d")
    explorer.keyboard.press("d")
    explorer.wait_for_timeout(1000)
    assert len(sources(explorer)) == 2


def test_it_can_be_used_on_a_narrow_page(explorer):
    explorer.set_viewport_size({"width": 720, "height": 2600})
    keep_picture(explorer, "6_narrow")
    wide = explorer.eval_on_selector(".arlm-widget", "w => w.scrollWidth - w.clientWidth")
    assert wide <= 2
