"""A small chat: what was said, a line to type in, and how much of the context is used."""

import time
from collections.abc import Callable, Iterator
from html import escape
from typing import Any

from ipywidgets import HTML, Button, Output, Text, VBox

from arlm_helpers.reading.style import CHOSEN
from arlm_helpers.reading.widgets.explore import framed, guarded, html_data, row
from arlm_helpers.reading.widgets.strings import text as words

Turn = dict[str, str]  # {"role": "user", "content": "Hello"}
PATIENCE = 0.2  # seconds after which an answer that is being written is shown as far as it has come
BOX = (
    "white-space:pre-wrap;overflow-wrap:anywhere;min-height:4em;max-height:24em;overflow:auto;max-width:50em"
)


def chat_widget(
    reply: Callable[[list[Turn]], Iterator[str]],
    *,
    count: Callable[[list[Turn]], int] | None = None,
    limit: int | None = None,
    said: tuple[Turn, ...] = (),
) -> VBox:
    """Talk to a model: Enter or the button sends, and the answer appears as it is written.

    ``reply(messages)`` yields the pieces of an answer to the conversation so far. ``count(messages)`` gives
    its length in tokens, shown beside ``limit``, the context. ``said`` is what the conversation begins with.
    After an error nothing is added to the conversation, and the line that was typed comes back.
    """
    return _Chat(reply, count, limit, said).box


class _Chat:
    """The widgets of one chat and the conversation that they show."""

    def __init__(
        self,
        reply: Callable[[list[Turn]], Iterator[str]],
        count: Callable[[list[Turn]], int] | None,
        limit: int | None,
        said: tuple[Turn, ...],
    ) -> None:
        self.reply, self.count, self.limit, self.beginning = reply, count, limit, said
        self.messages = list(said)
        self.line = Text(description=words("your_message"), layout={"width": "36em", "max_width": "100%"})
        self.line.style.description_width = "initial"
        self.send_button = Button(description=words("send"), button_style="primary")
        self.again_button = Button(description=words("start_over"))
        self.shown, self.state, self.problem = Output(), HTML(), HTML()
        send, again = guarded(self.send, self.problem), guarded(self.start_over, self.problem)
        self.send_button.on_click(lambda _button: send())
        self.again_button.on_click(lambda _button: again())
        self.line.on_msg(lambda _line, sent, _buffers: send() if sent.get("event") == "submit" else None)
        controls = row(self.line, self.send_button, self.again_button)
        self.box = framed(self.shown, self.problem, self.state, controls)
        guarded(self.show, self.problem)()

    def send(self) -> None:
        """Add what was typed, and the answer to it; both or neither."""
        typed = self.line.value
        if not typed.strip():
            return  # Enter once too often, perhaps while an answer was being written
        asked = [*self.messages, {"role": "user", "content": typed}]
        self.set_busy(True)
        try:
            self.line.value = ""
            answer = self.written(asked)
            self.messages = [*asked, {"role": "assistant", "content": answer}]
        except BaseException:  # an interrupted kernel, too
            self.line.value = typed
            raise
        finally:
            self.set_busy(False)
            self.show()

    def written(self, asked: list[Turn]) -> str:
        """The answer, shown now and then while it grows."""
        answer, shown_at = "", -PATIENCE
        for piece in self.reply([dict(message) for message in asked]):
            answer += piece
            if time.monotonic() - shown_at > PATIENCE:
                self.draw([*asked, {"role": "assistant", "content": answer}])
                shown_at = time.monotonic()
        return answer

    def start_over(self) -> None:
        """Back to the beginning of the conversation."""
        self.messages, self.line.value = list(self.beginning), ""
        self.show()

    def set_busy(self, busy: bool) -> None:
        """While an answer is written nothing can be sent, and a line says so."""
        for control in (self.line, self.send_button, self.again_button):
            control.disabled = busy
        if busy:
            self.state.value = f'<small role="status">{escape(words("writing"))}</small>'

    def show(self) -> None:
        """The conversation and its length."""
        self.draw(self.messages)
        self.state.value = ""
        if self.count is not None:
            n_used = self.count([dict(message) for message in self.messages])
            key = "context_used" if self.limit is None else "context_of_limit"
            used = words(key, used=n_used, limit=self.limit)
            self.state.value = f'<small role="status">{escape(used)}</small>'

    def draw(self, messages: list[Turn]) -> None:
        """The messages below each other, each with the name of who speaks."""
        self.shown.outputs = (conversation_data(messages),)


def conversation_data(messages: list[Turn]) -> dict[str, Any]:
    """A conversation as a notebook output; a name and a rule tell the speakers apart, not colour alone."""
    lines, plain = [], []
    for message in messages:
        role, said = message["role"], message["content"]
        name = words(f"role_{role}") if role in ("system", "user", "assistant") else role
        edge = f"3px solid {CHOSEN}" if role == "assistant" else "3px solid transparent"
        style = f"border-left:{edge};padding-left:8px;margin:4px 0"
        lines.append(f'<p style="{style}"><b>{escape(name)}</b> {escape(said)}</p>')
        plain.append(f"{name} {said}")
    html = "".join(lines) or f"<i>{escape(words('nothing_said'))}</i>"
    label = escape(words("conversation"))
    box = f'<div role="log" aria-live="polite" aria-label="{label}" style="{BOX}">{html}</div>'
    return html_data(box, "\n".join(plain) or words("nothing_said"))
