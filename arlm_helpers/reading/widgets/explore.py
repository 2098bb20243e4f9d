"""Controls around a figure: whenever a control changes, the figure is drawn anew."""

import json
import os
from collections.abc import Callable, Iterable
from html import escape
from typing import Any

import plotly.graph_objects as go
from ipywidgets import HTML, HBox, Output, ValueWidget, VBox, Widget

from arlm_helpers.reading.style import CONFIG, alt_text
from arlm_helpers.reading.widgets.strings import text

PLOTLY_MIME = "application/vnd.plotly.v1+json"
FRAME = "arlm-widget"
KEEP_KEYS = f"""
const keepKeys = (triesLeft) => {{
  const frame = element.closest(".{FRAME}");
  const mark = ({{target}}) => {{
    target.setAttribute("data-lm-suppress-shortcuts", "true");
    const label = target.closest(".jupyter-widgets")?.querySelector(".widget-label");
    if (label) target.setAttribute("aria-label", label.textContent);
  }};
  if (frame) frame.addEventListener("focusin", mark);
  else if (triesLeft) setTimeout(() => keepKeys(triesLeft - 1), 100);
}};
keepKeys(100);
"""


def display_data(figure: go.Figure) -> dict:
    """The notebook output that JupyterLab and Voila draw as an interactive figure."""
    bundle = {PLOTLY_MIME: {**json.loads(figure.to_json()), "config": CONFIG}, "text/plain": alt_text(figure)}
    return {"output_type": "display_data", "metadata": {}, "data": bundle}


def html_data(html: str, plain: str) -> dict:
    """The notebook output for a piece of HTML, whose parts from outside must be escaped already."""
    bundle = {"text/html": html, "text/plain": plain}
    return {"output_type": "display_data", "metadata": {}, "data": bundle}


def explore(draw: Callable[..., go.Figure], **controls: ValueWidget) -> VBox:
    """Show ``draw(**values)`` and draw it anew whenever a control changes.

    An error of ``draw`` appears in words under the controls, and the last figure stays.
    """
    shown, problem = Output(), HTML()

    def redraw(_change: object = None) -> None:
        figure = draw(**{name: control.value for name, control in controls.items()})
        shown.outputs = (display_data(figure),)

    follow(controls.values(), guarded(redraw, problem))
    return framed(row(*controls.values()), problem, shown)


def follow(controls: Iterable[ValueWidget], redraw: Callable[..., None]) -> None:
    """Call ``redraw`` now and whenever one of the controls changes; write their labels in full."""
    for control in controls:
        if hasattr(getattr(control, "style", None), "description_width"):
            control.style.description_width = "initial"
        control.observe(redraw, names="value")
    redraw()


def framed(*parts: Widget) -> VBox:
    """The parts of a widget below each other; keys pressed inside stay inside.

    JupyterLab would take "d d", pressed on a slider, as its command to delete the cell. An attribute of
    the element that has the focus switches its shortcuts off; only a script can set it. The same
    script names the control for screen readers, since a slider's label is not tied to it.
    """
    keys = {"output_type": "display_data", "metadata": {}, "data": {"application/javascript": KEEP_KEYS}}
    script = Output(outputs=(keys,), layout={"height": "0", "overflow": "hidden", "margin": "0"})
    return VBox([*parts, script]).add_class(FRAME)


def row(*controls: Widget) -> HBox:
    """Controls side by side, on several lines where the page is narrow."""
    return HBox(list(controls), layout={"flex_flow": "row wrap"})


def guarded(action: Callable[..., Any], problem: HTML) -> Callable[..., None]:
    """``action`` as a callback whose errors are shown in ``problem``, an alert for screen readers too.

    Widgets would otherwise only log them. With ``ARLM_STRICT=1`` in the environment the error is
    raised as well, so that a test run fails. A change that arrives while ``action`` runs is not lost:
    it runs once more afterwards, with the values of that moment, however many changes there were.
    """
    state = {"running": False, "again": False}

    def run(*args: Any) -> None:
        state["again"] = True
        if state["running"]:
            return
        state["running"] = True
        try:
            while state["again"]:
                state["again"] = False
                action(*args)
            problem.value = ""
        except Exception as error:
            problem.value = alert(text("error", problem=f"{type(error).__name__}: {error}"))
            if os.environ.get("ARLM_STRICT") == "1":
                raise
        finally:
            state["running"] = False

    return run


def alert(message: str) -> str:
    """A message as HTML that screen readers announce; the message is escaped."""
    return f'<div role="alert" style="border-left:4px solid #D55E00;padding:2px 8px">{escape(message)}</div>'
