"""How temperature changes the next token and the text that follows."""

import random
from collections.abc import Callable, Sequence
from html import escape

from ipywidgets import HTML, BoundedIntText, Button, FloatSlider, IntSlider, Output, Text, VBox
from torch import Tensor

from arlm_helpers.reading.figures import next_token_bars
from arlm_helpers.reading.style import CHOSEN
from arlm_helpers.reading.widgets.explore import display_data, follow, framed, guarded, html_data, row
from arlm_helpers.reading.widgets.strings import text

BOX = "white-space:pre-wrap;overflow-wrap:anywhere;height:11em;overflow:auto;max-width:46em"
Completion = tuple[str, Tensor, Sequence[str]]


def temperature_explorer(
    complete: Callable[..., Completion],
    *,
    prompt: str,
    temperature: float = 0.8,
    seed: int = 0,
    max_tokens: int | None = None,
) -> VBox:
    """Continue a prompt at a temperature the reader moves, beside the next token's probabilities.

    ``complete(prompt, temperature, seed)`` returns the continuation, the probabilities of the first next
    token after the policy, and the tokens. With ``max_tokens`` a length slider appears and ``complete`` is
    called with a fourth argument. Moving the temperature keeps the seed; only "new seed" draws again.
    """
    question = Text(prompt, description=text("prompt"), continuous_update=False, layout={"width": "30em"})
    heat = FloatSlider(temperature, min=0.1, max=2.0, step=0.05, description=text("temperature"))
    seed_box = BoundedIntText(seed, max=999_999, description=text("seed"), layout={"width": "10em"})
    controls = [question, heat, seed_box]
    if max_tokens is not None:
        controls.append(IntSlider(max_tokens, min=1, max=4 * max_tokens, description=text("max_tokens")))
    again = Button(description=text("new_seed"), tooltip=text("new_seed_tip"))
    again.on_click(lambda _button: setattr(seed_box, "value", random.randrange(1_000_000)))
    written, shown, problem = Output(), Output(), HTML()

    def redraw(_change: object = None) -> None:
        continuation, probs, tokens = complete(*[control.value for control in controls])
        written.outputs = (continuation_data(question.value, continuation),)
        shown.outputs = (display_data(next_token_bars(probs, tokens)),)

    follow(controls, guarded(redraw, problem))
    return framed(row(question, heat), row(*controls[2:], again), problem, written, shown)


def continuation_data(prompt: str, continuation: str) -> dict:
    """Prompt and continuation as a notebook output; a rule and a label part them, not colour alone."""
    legend = f"{escape(text('your_prompt'))} │ <b>{escape(text('written_by_model'))}</b>"
    html = (
        f'<div role="region" aria-live="polite" aria-label="{escape(text("continuation"))}" style="{BOX}">'
        f"<small>{legend}</small><br><span>{escape(prompt)}</span>"
        f'<b style="border-left:3px solid {CHOSEN}">{escape(continuation)}</b></div>'
    )
    return html_data(html, f"{prompt} │ {continuation}")
