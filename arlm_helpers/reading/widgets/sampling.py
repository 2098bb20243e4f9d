"""The sampling explorer: a model, its next token before and after a policy, and texts that fork."""

import random
import time
from collections.abc import Callable
from html import escape
from typing import Any

from ipywidgets import HTML, BoundedIntText, Button, Dropdown, Output, Select, Text, VBox

from arlm_helpers.reading.figures.before_after import before_after_bars
from arlm_helpers.reading.widgets.explore import display_data, framed, guarded, html_data, row
from arlm_helpers.reading.widgets.sampling_branches import BranchMenu
from arlm_helpers.reading.widgets.sampling_chances import (
    chances_lines,
    offer,
    offered_ids,
    said_html,
)
from arlm_helpers.reading.widgets.sampling_compare import compare_panel
from arlm_helpers.reading.widgets.sampling_controls import SamplingControls, drawers_of
from arlm_helpers.reading.widgets.sampling_repeat import repeat_panel
from arlm_helpers.reading.widgets.sampling_ribbon import MEASURES, text_data
from arlm_helpers.reading.widgets.sampling_script import PICK_TOKENS, PLACE_BOX, script_data
from arlm_helpers.reading.widgets.sampling_tables import candidates_html, stages_html
from arlm_helpers.reading.widgets.strings import text as words
from arlm_helpers.reading.widgets.tokens import visible_token

PATIENCE = 0.3  # seconds after which a text that is being written is shown as far as it has come


def sampling_explorer(
    core: Any, *, prompt: str, seed: int = 0, max_tokens: int = 40, **settings: Any
) -> VBox:
    """Explore a decoding policy on any model: what it cuts and why, how it writes, where texts part.

    Moving a control changes the chances of the next token, never the text; only the buttons write. Choose a
    token of the text to see its place; choose another one there and fork. The old text stays a branch.
    ``settings`` are those of the policy at the beginning, as in ``temperature=0.8, top_p=0.9``.

    ``core`` answers all questions; ``decoding.sampling_core.SamplingCore(model, tokenizer)`` is one.
    """
    return _Explorer(core, prompt, seed, max_tokens, settings).box


class _Explorer:
    """The widgets of one explorer and the texts that they show."""

    def __init__(self, core: Any, prompt: str, seed: int, max_tokens: int, settings: dict[str, Any]) -> None:
        self.core = core
        self.controls = SamplingControls(
            prompt,
            orders=core.orders,
            vocab_size=len(core.tokens),
            seed=seed,
            length=max_tokens,
            start=settings,
        )
        self.place_box = BoundedIntText(
            0, max=0, description=words("place_in_text"), layout={"width": "16em"}
        )
        self.place_box.style.description_width = "initial"
        self.place_box.add_class(PLACE_BOX)
        self.measure = Dropdown(options=[(words(m), m) for m in MEASURES], description=words("colour_by"))
        self.branches = BranchMenu()
        self.find = Text(description=words("find_token"), continuous_update=False, layout={"width": "18em"})
        self.candidates = Select(
            description=words("candidates"), rows=10, layout={"width": "34em", "max_width": "100%"}
        )
        self.problem, self.said = HTML(), HTML()
        self.picture, self.ribbon, self.tables, self.code = Output(), Output(), Output(), Output()
        self.picture.layout.min_height = "540px"  # the page must not jump
        self.prompt, self.picked = prompt, None
        self.quiet = False
        self.box = self.build()
        self.action(self.begin)()

    def action(self, do: Callable[[], None]) -> Callable[..., None]:
        """``do`` as a callback: errors are shown, and what it changes itself does not call back."""

        def run(*_: Any) -> None:
            self.quiet = True
            try:
                do()
            finally:
                self.quiet = False

        guard = guarded(run, self.problem)
        return lambda *args: None if self.quiet else guard(*args)

    def build(self) -> VBox:
        """Lay out all parts and connect them."""
        c = self.controls
        c.prompt.observe(self.action(self.begin), names="value")
        chances = self.action(self.show_chances)
        for control in [*c.policy.values(), c.seed]:
            control.observe(chances, names="value")
        for control, do in (
            (self.place_box, self.go), (self.branches.menu, self.turn_to), (self.measure, self.show_text),
            (self.find, self.show_chances), (self.candidates, self.pick),
        ):  # fmt: skip
            control.observe(self.action(do), names="value")
        keys = ("write", "write_one", "rewrite", "new_seed", "fork")
        buttons = {key: Button(description=words(key)) for key in keys}
        buttons["write"].button_style = "primary"
        for key in ("rewrite", "fork"):
            buttons[key].layout.width = "14em"
        for key, button in buttons.items():
            button.on_click(self.action(getattr(self, key)))
        writing = row(buttons["write"], buttons["write_one"], buttons["rewrite"])
        script = Output(outputs=(script_data(PICK_TOKENS),), layout={"height": "0", "overflow": "hidden"})
        return framed(
            *c.box(buttons["new_seed"]), self.problem, writing, self.ribbon,
            row(self.place_box, self.measure, self.branches.menu),
            self.picture, self.said, row(self.candidates, VBox([self.find, buttons["fork"]])), self.tables,
            *self.drawers(), script,
        )  # fmt: skip

    def drawers(self) -> list[Any]:
        """Comparing, repeating and the code, each behind a button."""
        panels = {
            "show_compare": compare_panel(self.core, self.now, self.name, self.problem),
            "show_repeat": repeat_panel(self.core, self.now, self.name, self.problem),
            "show_code": VBox([self.code]),
        }
        return drawers_of(panels)

    def now(self) -> dict[str, Any]:
        """What the panels ask for: the prompt as a text, the policy, the place, seed, length and colour."""
        policy, text = self.policy, self.branches.text
        return {
            "text": text.cut(0),
            "policy": policy,
            "place": self.core.place(text, self.place_box.value, policy),
            "seed": self.controls.seed.value,
            "n": self.controls.length.value,
            "measure": self.measure.value,
        }

    @property
    def policy(self) -> Any:
        """The policy that the controls describe."""
        return self.core.policy(**self.controls.settings())

    def name(self, token: int) -> str:
        """A token as one can see it."""
        return visible_token(self.core.token_bytes(token), self.core.tokens[token])

    def begin(self) -> None:
        """Start from the prompt, with a first text."""
        prompt = self.controls.prompt.value
        text = self.core.text(prompt)
        self.prompt, self.picked, self.place_box.value = prompt, None, 0
        self.branches.begin(text)
        self.grow(text, self.controls.length.value)

    def grow(self, text: Any, n: int) -> None:
        """Write ``n`` tokens to ``text``, the branch that is shown; an error leaves what is there so far."""
        shown_at = time.monotonic()
        try:
            for longer in self.core.write(text, self.policy, seed=self.controls.seed.value, n=n):
                self.branches.grow(longer)
                if time.monotonic() - shown_at > PATIENCE:
                    self.show_text()
                    shown_at = time.monotonic()
        finally:
            self.show_text()
        self.show_chances()

    def write(self) -> None:
        self.grow(self.branches.text, self.controls.length.value)

    def write_one(self) -> None:
        self.grow(self.branches.text, 1)

    def rewrite(self) -> None:
        """A new branch from this place, as long as the old text, by the policy and the seed of now."""
        at, old = self.place_box.value, self.branches.text
        n = len(old.written) - at or self.controls.length.value
        self.branches.fork(old.cut(at), at, "…")
        self.grow(old.cut(at), n)

    def fork(self) -> None:
        """A new branch with the chosen token at this place, written on to the length of the old text."""
        at, old, token = self.place_box.value, self.branches.text, self.candidates.value
        forked = self.core.fork(old, at, token, self.policy, seed=self.controls.seed.value)
        self.branches.fork(forked, at, self.name(token))
        self.grow(forked, max(0, len(old.written) - at - 1))

    def new_seed(self) -> None:
        self.controls.seed.value = random.SystemRandom().randrange(1_000_000)
        self.show_chances()

    def go(self) -> None:
        self.picked = None
        self.show_chances()

    def pick(self) -> None:
        self.picked = self.candidates.value
        self.show_chances()

    def turn_to(self) -> None:
        self.picked = None
        self.show_text()
        self.show_chances()

    def show_text(self) -> None:
        """The ribbon of the branch, and its code."""
        text = self.branches.text
        self.place_box.max = len(text.written)
        data = text_data(
            text, self.prompt, self.core.decode(text), self.measure.value, self.name,
            self.place_box.value,
        )  # fmt: skip
        self.ribbon.outputs = (data,)
        code = self.core.code(text)
        pre = '<pre style="white-space:pre-wrap;overflow-wrap:anywhere;max-width:60em">'
        self.code.outputs = (html_data(f"{pre}{escape(code)}</pre>", code),)

    def show_chances(self) -> None:
        """The next token at this place: bars before and after the policy, why, and the tables."""
        text, at, policy = self.branches.text, self.place_box.value, self.policy
        place = self.core.place(text, at, policy)
        u = self.core.dart(self.controls.seed.value, at)
        drawn = self.core.drawn(place, u)
        written = text.written[at].id if at < len(text.written) else drawn
        token = written if self.picked is None else self.picked
        ids = offered_ids(place, self.core.tokens, token, self.find.value)
        self.candidates.options = [offer(place, i, self.name) for i in ids]
        self.candidates.value = token
        figure = before_after_bars(place.probs, place.final, self.core.tokens, chosen=token)
        self.picture.outputs = (display_data(figure),)
        seed = self.controls.seed.value
        lines = chances_lines(place, token, drawn, self.name, at=at, seed=seed, u=u)
        self.said.value = said_html(lines)
        tables = stages_html(place) + candidates_html(place, ids, self.name, self.core.token_bytes)
        self.tables.outputs = (html_data(tables, "\n".join(lines)),)
