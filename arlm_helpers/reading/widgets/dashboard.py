"""Watch a training while it runs: curves, progress and samples, at a price of two percent at most."""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from IPython import get_ipython
from IPython.display import display
from ipywidgets import HTML, Output, VBox

from arlm_helpers.reading.figures.training import HEIGHT, training_picture
from arlm_helpers.reading.history import History
from arlm_helpers.reading.pace import LINE, PICTURE, Pace
from arlm_helpers.reading.style import CONFIG
from arlm_helpers.reading.undisturbed import undisturbed
from arlm_helpers.reading.widgets.explore import PLOTLY_MIME, alert, guarded, html_data
from arlm_helpers.reading.widgets.strings import text
from arlm_helpers.reading.widgets.training_report import (
    progress_html,
    readable,
    report_html,
    report_lines,
    sample_html,
)


def dashboard(
    steps: Iterable[Any],
    *,
    n_steps: int,
    validate: Callable[[], float] | None = None,
    sample: Callable[[], str] | None = None,
    references: Mapping[str, float] | None = None,
    validate_every: int | None = None,
    sample_every: int | None = None,
    history: History | None = None,
) -> Iterator[Any]:
    """Yield the ``steps`` of a training on, and draw them: ``for step in dashboard(train(…), n_steps=…)``.

    A step has ``step``, ``loss`` (nats per token), ``learning_rate``, ``tokens_per_second`` and
    ``gradient_norm``. ``validate()`` returns the loss on held-out text in nats per token; it is called
    after every ``validate_every`` steps (default: a tenth of ``n_steps``) and after the last.
    ``sample()`` returns a text, every ``sample_every`` steps (a fifth) and after the last. An error in
    one of them is shown while training goes on. ``references`` are dotted lines in the picture of the loss.

    Drawing takes at most 2 % of the processor time of a training that lasts five seconds or longer, with
    steps of some milliseconds; where it is slow it is done less often. Validation and samples are not
    drawing: they cost what they cost, and the report at the end says what that was. Random states are
    left as they were: the trained numbers are the same to the bit with and without a dashboard.

    When the steps end, or the loop is left by ``break``, Ctrl-C or an error, the last picture stays as a
    plain figure with a report below it. Give a ``history`` to keep the numbers; one that has steps
    already goes on. In a script nothing is drawn and the report is printed.

    Raises:
        ValueError: if a number of steps is below 1.
    """
    given = {"n_steps": n_steps, "validate_every": validate_every, "sample_every": sample_every}
    for name, value in given.items():
        if value is not None and value < 1:
            raise ValueError(f"{name} must be at least 1, got {value}")
    wishes = {
        "validate": (validate, validate_every or max(1, n_steps // 10)),
        "sample": (sample, sample_every or max(1, n_steps // 5)),
    }
    board = _Board(History() if history is None else history, n_steps, dict(references or {}), wishes)
    return _watched(steps, board)


def _watched(steps: Iterable[Any], board: "_Board") -> Iterator[Any]:
    board.begin()
    try:
        for step in steps:
            board.look_at(step)
            yield step
    finally:
        board.finish()


def in_notebook() -> bool:
    """Whether this is the kernel of a notebook, in a browser or headless, and not a script or terminal."""
    return hasattr(get_ipython(), "kernel")


class _Board:
    """The widgets of one dashboard, and what they show."""

    def __init__(self, history: History, n_steps: int, references: dict, wishes: dict) -> None:
        self.history, self.n_steps, self.references, self.wishes = history, n_steps, references, wishes
        self.problems: dict[str, str] = {}  # the last error of each function of the reader
        self.n_done, self.handle = 0, None

    def begin(self) -> None:
        self.pace, self.began = Pace(), time.monotonic()
        if in_notebook():
            with self.pace.while_drawing(), undisturbed():
                self.line, self.problem = HTML(text("waiting")), HTML()
                self.picture = Output(layout={"min_height": f"{HEIGHT + 20}px"})  # the page must not jump
                self.writing = Output()
                self.box = VBox([self.line, self.problem, self.picture, self.writing])
                self.redraw = guarded(self.draw, self.problem)
                self.handle = display(self.box, display_id=True)

    def look_at(self, step: Any) -> None:
        """Remember a step, ask for what is due after it, and draw what can be afforded."""
        began = self.pace.clock()
        self.history.add(step, cpu_seconds=self.pace.training(began))
        self.n_done += 1
        self.pace.drawing += self.pace.clock() - began
        for name, (function, every) in self.wishes.items():
            if function is not None and (step.step % every == 0 or step.step == self.n_steps):
                self.ask(name, function, step.step)
        if self.handle is None:
            return
        for kind, show in ((LINE, self.write), (PICTURE, self.redraw)):
            if self.pace.may_draw(kind):
                with self.pace.while_drawing(kind), undisturbed():
                    show()

    def ask(self, name: str, function: Callable[[], Any], step: int) -> None:
        """Call ``validate`` or ``sample`` and remember what it returns, or why it could not."""
        try:
            with self.pace.while_asked(), undisturbed():
                answer = function()
            if name == "validate":
                self.history.add_held_out(step, float(answer))
            else:
                self.history.add_sample(step, str(answer))
        except Exception as error:
            problem = readable(f"{type(error).__name__}: {error}")
            self.problems[name] = text("failed", name=name, step=step, problem=problem)
            if os.environ.get("ARLM_STRICT") == "1":
                raise

    def write(self) -> None:
        seconds = time.monotonic() - self.began
        line = progress_html(self.history, self.n_steps, seconds=seconds, n_done=self.n_done)
        self.line.value = line + "".join(map(alert, self.problems.values()))

    def draw(self) -> None:
        shown = {"output_type": "display_data", "metadata": {}, "data": self.drawn(n_steps=self.n_steps)}
        self.picture.outputs = (shown,)
        if self.history.samples:
            step, newest = self.history.samples[-1]
            self.writing.outputs = (html_data(sample_html(step, newest), readable(newest)),)

    def drawn(self, n_steps: int | None = None) -> dict:
        """The picture as a notebook stores it: the figure, and its text alternative."""
        picture = training_picture(self.history, references=self.references, n_steps=n_steps)
        return {PLOTLY_MIME: {**picture, "config": CONFIG}, "text/plain": picture["layout"]["meta"]["alt"]}

    def finish(self) -> None:
        """Put a plain figure in the place of the widgets, which a stored notebook cannot show."""
        with undisturbed():
            seconds, pace = time.monotonic() - self.began, self.pace
            with pace.while_drawing(PICTURE):
                picture = self.drawn() if self.history.points else {"text/plain": text("no_steps")}
            account = {"training": pace.training(), "asked": pace.asked, "drawing": pace.drawing}
            lines = report_lines(self.history, self.n_steps, seconds=seconds, **account)
            plain = "\n".join([*lines, *self.problems.values()])
            if self.handle is None:
                print(plain)
                return
            self.handle.update(picture, raw=True)
            report = report_html(self.history, lines, list(self.problems.values()))
            display(html_data(report, plain)["data"], raw=True)
        for widget in (self.box, *self.box.children):
            widget.close()
