"""The chat: Enter and the button send, errors give the line back, and what was said is never markup."""

import pytest
from ipywidgets import HTML, Button, Text

from arlm_helpers.reading.widgets import chat_widget
from arlm_helpers.reading.widgets.explore import FRAME
from tests.reading.test_widgets import HOSTILE, Elements, bundles, html_of, inside


@pytest.fixture(autouse=True)
def lenient(monkeypatch):
    monkeypatch.delenv("ARLM_STRICT", raising=False)


def echo(messages):
    yield from ("you said ", messages[-1]["content"])


def type_and_press_enter(box, typed):
    [line] = inside(box, Text)
    line.value = typed
    line._handle_custom_msg({"event": "submit"}, [])  # what the browser sends for the Enter key


def button(box, name):
    return next(one for one in inside(box, Button) if one.description == name)


def shown_text(box):
    return Elements(html_of(box)).text


def state_of(box):
    return Elements("".join(shown.value for shown in inside(box, HTML))).text


def test_enter_sends_the_line_and_the_answer_stands_below_it():
    box = chat_widget(echo)
    assert shown_text(box) == "Nothing has been said yet."
    type_and_press_enter(box, "good day 快 🙂")
    assert shown_text(box) == "you: good day 快 🙂model: you said good day 快 🙂"
    assert inside(box, Text)[0].value == ""


def test_the_button_does_the_same_and_the_model_is_given_the_whole_conversation():
    asked = []

    def reply(messages):
        asked.append(messages)
        yield "yes"

    box = chat_widget(reply, said=({"role": "system", "content": "Be brief."},))
    for line in ("one", "two"):
        inside(box, Text)[0].value = line
        button(box, "send").click()
    assert [message["role"] for message in asked[1]] == ["system", "user", "assistant", "user"]
    assert [message["content"] for message in asked[1]] == ["Be brief.", "one", "yes", "two"]


def test_nothing_is_sent_for_an_empty_line():
    box = chat_widget(lambda messages: pytest.fail("it was asked"))
    type_and_press_enter(box, "  \t")
    assert state_of(box) == ""


def test_other_messages_of_the_browser_send_nothing():
    box = chat_widget(echo)
    [line] = inside(box, Text)
    line.value = "half a li"
    line._handle_custom_msg({"event": "blur"}, [])
    assert shown_text(box) == "Nothing has been said yet."


def test_while_an_answer_is_written_the_controls_are_off_and_the_reader_is_told():
    seen = []

    def reply(messages):
        yield "so "
        off = [one.disabled for one in [*inside(box, Text), *inside(box, Button)]]
        seen.append((off, state_of(box), shown_text(box)))
        yield "far"

    box = chat_widget(reply)
    type_and_press_enter(box, "go")
    [(disabled, state, so_far)] = seen
    assert disabled == [True, True, True] and "being written" in state and so_far == "you: gomodel: so "
    assert not any(one.disabled for one in [*inside(box, Text), *inside(box, Button)])


def test_after_an_error_the_line_comes_back_and_the_conversation_is_as_before():
    def reply(messages):
        yield "I begin"
        if messages[-1]["content"] == "boom":
            raise ValueError("the prompt has 9 tokens, <b>the context</b> 8")

    box = chat_widget(reply)
    type_and_press_enter(box, "first")
    before = shown_text(box)
    type_and_press_enter(box, "boom")
    assert shown_text(box) == before and inside(box, Text)[0].value == "boom"
    assert "<b>the context</b> 8" in state_of(box) and not inside(box, Text)[0].disabled
    type_and_press_enter(box, "shorter")
    assert "ValueError" not in state_of(box)


def test_an_interrupted_answer_leaves_a_chat_that_can_be_used():
    def reply(messages):
        yield "…"
        raise KeyboardInterrupt

    box = chat_widget(reply)
    with pytest.raises(KeyboardInterrupt):
        type_and_press_enter(box, "go")
    assert inside(box, Text)[0].value == "go" and not inside(box, Text)[0].disabled


def test_starting_over_leaves_only_what_stood_at_the_beginning():
    box = chat_widget(echo, said=({"role": "assistant", "content": "Hello."},))
    type_and_press_enter(box, "hi")
    button(box, "start over").click()
    assert shown_text(box) == "model: Hello."


def test_the_length_of_the_conversation_is_shown_beside_the_context():
    def count(messages):
        return 1000 * len(messages)

    assert "0 tokens" in state_of(chat_widget(echo, count=count))
    box = chat_widget(echo, count=count, limit=8192)
    type_and_press_enter(box, "hi")
    assert state_of(box) == "The conversation has 2,000 tokens; the context holds 8,192."


def test_what_was_said_is_no_markup_and_keys_stay_inside():
    box = chat_widget(echo, said=({"role": HOSTILE, "content": HOSTILE},))
    type_and_press_enter(box, HOSTILE)
    page = Elements(html_of(box))
    assert page.names == {"div", "p", "b"} and page.handlers == [] and page.text.count(HOSTILE) == 4
    assert FRAME in box._dom_classes


def test_the_conversation_can_be_read_without_html():
    box = chat_widget(echo)
    type_and_press_enter(box, "hi")
    [plain] = [bundle["text/plain"] for bundle in bundles(box) if "text/html" in bundle]
    assert plain == "you: hi\nmodel: you said hi"
