"""Walk between the codes of two lines, shake a code, draw one from the prior, and read what is written."""

import random
from collections.abc import Callable, Mapping
from html import escape

import torch
from ipywidgets import HTML, BoundedIntText, Button, Dropdown, FloatSlider, IntSlider, Output, Text, VBox
from jaxtyping import Float
from torch import Tensor

from arlm_helpers.reading.figures.latent import latent_path
from arlm_helpers.reading.widgets.explore import display_data, follow, framed, guarded, html_data, row
from arlm_helpers.reading.widgets.strings import text as words

N_CODES = 101  # one for each per cent of the way
EVERY = 10  # how many per cent lie between the lines of the figure

Encode = Callable[[str], Float[Tensor, " d_latent"]]
Decode = Callable[[Float[Tensor, "batch d_latent"]], list[str]]
Path = Callable[
    [Float[Tensor, " d_latent"], Float[Tensor, " d_latent"], int], Float[Tensor, "n_codes d_latent"]
]


def explore_latent(
    models: Mapping[str, tuple[Encode, Decode]],
    paths: Mapping[str, Path],
    *,
    first: str,
    last: str,
    is_valid: Callable[[str], bool] | None = None,
    claim: str | None = None,
    seed: int = 0,
) -> VBox:
    """Choose two lines and walk between their codes; see what is written on the way, and from a random code.

    ``models`` are pairs of functions, ``encode(line) -> code`` and ``decode(codes) -> lines``; ``paths``
    give ``n`` codes between two. "noise" adds that many standard deviations of a Gaussian to the code of
    the slider. The seed on screen decides that noise and the code from the prior, N(0, 1). Where
    ``is_valid`` judges lines, ``claim`` names what it tests, as in "on the calendar".

    Raises:
        ValueError: if there is no model or no path.
    """
    if not models or not paths:
        raise ValueError(f"give at least one model and one path, got {list(models)} and {list(paths)}")
    return _LatentExplorer(models, paths, first, last, is_valid, claim or words("valid"), seed).box


class _LatentExplorer:
    """The controls of one explorer, and the paths that were written already."""

    def __init__(
        self,
        models: Mapping[str, tuple[Encode, Decode]],
        paths: Mapping[str, Path],
        first: str,
        last: str,
        is_valid: Callable[[str], bool] | None,
        claim: str,
        seed: int,
    ) -> None:
        self.models, self.paths, self.is_valid, self.claim = models, paths, is_valid, claim
        self.written: tuple[tuple, Tensor, list[str]] | None = None  # the last path: its key, codes, lines
        wide = {"continuous_update": False, "layout": {"width": "24em"}}
        self.first = Text(first, description=words("first_line"), **wide)
        self.last = Text(last, description=words("last_line"), **wide)
        self.model = Dropdown(options=list(models), description=words("model"))
        self.path = Dropdown(options=list(paths), description=words("path"))
        slider = {"description": words("way"), "layout": {"width": "26em"}}
        self.place = IntSlider(50, max=N_CODES - 1, **slider)
        self.noise = FloatSlider(0, max=2, step=0.1, description=words("noise"))
        self.seed = BoundedIntText(seed, max=999_999, description=words("seed"), layout={"width": "10em"})
        again = Button(
            description=words("random_code"), tooltip=words("random_code_tip"), layout={"width": "20em"}
        )
        self.said, self.shown, problem = Output(), Output(), HTML()
        draw = guarded(self.redraw, problem)
        again.on_click(
            lambda _button: setattr(self.seed, "value", random.SystemRandom().randrange(1_000_000))
        )
        follow(
            [self.first, self.last, self.model, self.path, self.place, self.noise, self.seed],
            draw,
        )
        choices = [self.model, *([self.path] if len(paths) > 1 else [])]
        self.box = framed(
            row(self.first, self.last), row(*choices), row(self.place, self.noise), row(self.seed, again),
            problem, self.said, self.shown,
        )  # fmt: skip

    def on_the_way(self) -> tuple[Float[Tensor, "n_codes d_latent"], list[str]]:
        """The codes of the path and their lines, written once for the same model, path and ends."""
        key = (self.model.value, self.path.value, self.first.value, self.last.value)
        if self.written is None or self.written[0] != key:
            encode, decode = self.models[self.model.value]
            codes = self.paths[self.path.value](encode(self.first.value), encode(self.last.value), N_CODES)
            self.written = (key, codes, decode(codes))
        return self.written[1:]

    def judged(self, line: str) -> str:
        """The verdict about a line in words, nothing where nobody judges."""
        if self.is_valid is None:
            return ""
        return words("line_valid" if self.is_valid(line) else "line_not_valid", claim=self.claim)

    def redraw(self, _change: object = None) -> None:
        codes, lines = self.on_the_way()
        rng = torch.Generator().manual_seed(self.seed.value)
        from_prior, shake = torch.randn((2, codes.shape[1]), generator=rng, dtype=codes.dtype).to(
            codes.device
        )
        here = codes[self.place.value] + self.noise.value * shake
        shaken, random_line = self.models[self.model.value][1](torch.stack([here, from_prior]))
        line = shaken if self.noise.value else lines[self.place.value]
        told = {"place": self.place.value, "noise": self.noise.value, "seed": self.seed.value}
        spoken = [
            words("written_here", line=line, verdict=self.judged(line), **told),
            words("written_at_random", line=random_line, verdict=self.judged(random_line), **told),
        ]
        self.said.outputs = (lines_data(spoken),)
        places = range(0, N_CODES, EVERY)
        figure = latent_path(
            [place / (N_CODES - 1) for place in places],
            [lines[place] for place in places],
            valid=None if self.is_valid is None else [self.is_valid(lines[place]) for place in places],
            chosen=self.place.value / (N_CODES - 1),
            claim=self.claim,
        )
        self.shown.outputs = (display_data(figure),)


def lines_data(spoken: list[str]) -> dict:
    """What was written, as a notebook output that screen readers announce; it is escaped."""
    shown = "".join(f'<div style="overflow-wrap:anywhere">{escape(line)}</div>' for line in spoken)
    return html_data(f'<div role="status" style="max-width:46em">{shown}</div>', "\n".join(spoken))
