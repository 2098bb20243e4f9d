"""The controls of the sampling explorer: five in sight, the rest behind "More controls"."""

from collections.abc import Mapping, Sequence
from typing import Any

from ipywidgets import (
    BoundedIntText,
    Box,
    Dropdown,
    FloatSlider,
    HBox,
    IntSlider,
    Textarea,
    ToggleButton,
    Widget,
)

from arlm_helpers.reading.widgets.explore import row
from arlm_helpers.reading.widgets.strings import text as words

LONGEST = 200  # tokens to write at once


class SamplingControls:
    """Prompt, settings of the policy, seed and length; ``settings`` are the keyword arguments of a policy.

    A slider for whole numbers means "off" at 0.
    """

    def __init__(
        self,
        prompt: str,
        *,
        orders: Sequence[str],
        vocab_size: int,
        seed: int,
        length: int,
        start: dict[str, Any],
    ) -> None:
        wide = {"layout": {"width": "22em"}}
        self.prompt = Textarea(  # several lines: a prompt may end with a speaker's name and a line break
            prompt,
            description=words("prompt"),
            continuous_update=False,
            rows=min(max(2, len(prompt.splitlines())), 6),
            layout={"width": "40em", "max_width": "100%"},
        )
        penalty = {"min": -2.0, "max": 2.0, "step": 0.05, **wide}
        self.policy: dict[str, Widget] = {
            "temperature": FloatSlider(1.0, min=0.0, max=3.0, step=0.05, **wide),
            "top_k": IntSlider(0, min=0, max=min(vocab_size, 100), **wide),
            "top_p": FloatSlider(1.0, min=0.01, max=1.0, step=0.01, **wide),
            "min_p": FloatSlider(0.0, min=0.0, max=1.0, step=0.01, **wide),
            "repetition_penalty": FloatSlider(1.0, min=1.0, max=2.0, step=0.05, **wide),
            "frequency_penalty": FloatSlider(0.0, **penalty),
            "presence_penalty": FloatSlider(0.0, **penalty),
            "no_repeat": IntSlider(0, min=0, max=6, **wide),
            "order": Dropdown(options=list(orders)),
        }
        for name, control in self.policy.items():
            control.description = words("engine" if name == "order" else name)
            control.style.description_width = "initial"
        for name, value in start.items():
            self.policy[name].value = value or 0 if name in ("top_k", "no_repeat") else value
        self.seed = BoundedIntText(seed, max=2**32 - 1, description=words("seed"), layout={"width": "14em"})
        self.seed.style.description_width = "initial"
        self.length = IntSlider(length, min=1, max=LONGEST, description=words("max_tokens"), **wide)
        self.more = ToggleButton(False, description=words("more"), icon="sliders")

    def settings(self) -> dict[str, Any]:
        """What the controls say, as the keyword arguments of a policy."""
        values = {name: rounded(control.value) for name, control in self.policy.items()}
        return values | {name: values[name] or None for name in ("top_k", "no_repeat")}

    def box(self, *buttons: Widget) -> list[Box]:
        """The rows of controls, those behind "More controls" hidden until it is pressed."""
        hidden = [
            control for name, control in self.policy.items() if name not in ("temperature", "top_k", "top_p")
        ]
        drawer = HBox([*hidden, self.length], layout={"flex_flow": "row wrap", "display": "none"})
        reveal(self.more, drawer)
        seen = [self.policy[name] for name in ("temperature", "top_k", "top_p")]
        return [row(self.prompt), row(*seen), row(self.seed, *buttons, self.more), drawer]


def rounded(value: object) -> object:
    """A slider's fraction without the error of adding up its steps: 0.9, not 0.9000000000000001."""
    return round(value, 6) if isinstance(value, float) else value


def reveal(button: ToggleButton, box: Box) -> None:
    """Show ``box`` while ``button`` is pressed."""
    button.observe(
        lambda change: setattr(box.layout, "display", None if change["new"] else "none"), names="value"
    )


def drawers_of(panels: Mapping[str, Box]) -> list[Widget]:
    """A row of buttons, one for each panel, and below it the panels, hidden until theirs is pressed."""
    buttons = []
    for key, panel in panels.items():
        buttons.append(ToggleButton(False, description=words(key)))
        panel.layout.display = "none"
        reveal(buttons[-1], panel)
    return [row(*buttons), *panels.values()]
