"""A real browser talks in JupyterLab: Enter sends, the answer grows, and keys stay inside.

A picture is kept in ``build/chat``.
"""

import nbformat
import pytest

from tests.browser.test_widgets import (  # noqa: F401 (fixtures)
    ROOT,
    chromium,
    lab,
    page,
    pytestmark,
    sources,
)

PICTURES = ROOT / "build" / "chat"
CHAT = """
import time
from arlm_helpers.reading.widgets import chat_widget

def reply(messages):
    said = messages[-1]["content"]
    if said == "boom":
        raise ValueError("the conversation is too long; start over")
    for piece in ("You said ", said, ". 快乐的狐狸 🦊 <b id='planted'>bold</b>"):
        time.sleep(0.5)
        yield piece

chat_widget(reply, count=lambda messages: 10 * len(messages), limit=8192)
"""
LINE, LOG = ".widget-text input", '[role="log"]'


@pytest.fixture
def chat(page, lab):  # noqa: F811
    """A page with the chat, run, in a notebook with a second cell that must survive."""
    cells = [nbformat.v4.new_code_cell(CHAT), nbformat.v4.new_code_cell("print('another cell')")]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), lab[1] / "chat.ipynb")
    page.goto(f"{lab[0]}/lab/tree/chat.ipynb?token=t&reset")
    page.wait_for_function("window.jupyterapp && window.jupyterapp.shell.currentWidget?.sessionContext")
    status = "window.jupyterapp.shell.currentWidget.sessionContext.session?.kernel?.status"
    page.wait_for_function(f"{status} === 'idle'")
    page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')")
    page.wait_for_selector(LINE)
    page.locator(LOG, has_text="Nothing has been said").wait_for()
    page.wait_for_timeout(1500)  # the script that keeps the keys
    return page


def test_enter_sends_and_the_answer_grows_while_the_controls_are_off(chat):
    chat.locator(LINE).fill("good day")
    chat.locator(LINE).press("Enter")
    chat.get_by_text("An answer is being written").wait_for()
    assert chat.locator(LINE).is_disabled()
    chat.locator(LOG, has_text="You said good day. 快乐的狐狸 🦊 <b id='planted'>bold</b>").wait_for()
    chat.get_by_text("The conversation has 20 tokens; the context holds 8,192.").wait_for()
    assert chat.locator("#planted").count() == 0 and chat.locator(LINE).input_value() == ""
    assert chat.locator(LINE).get_attribute("aria-label") == "your message"
    PICTURES.mkdir(parents=True, exist_ok=True)
    chat.screenshot(path=PICTURES / "chat.png")


def test_an_error_is_announced_and_the_line_comes_back(chat):
    chat.locator(LINE).fill("boom")
    chat.locator(LINE).press("Enter")
    chat.locator('[role="alert"]', has_text="too long; start over").wait_for()
    assert chat.locator(LINE).input_value() == "boom" and chat.locator(LINE).is_enabled()


def test_letters_typed_into_the_line_are_no_commands(chat):
    before = sources(chat)
    chat.locator(LINE).click()
    chat.keyboard.type("ddaabb")
    chat.locator("button.widget-button", has_text="send").focus()
    chat.keyboard.press("d")
    chat.keyboard.press("d")
    chat.wait_for_timeout(1500)
    assert sources(chat) == before and chat.locator(LINE).input_value() == "ddaabb"
