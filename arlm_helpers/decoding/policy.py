"""A decoding policy as one value: the settings of the usual controls, in the order of an engine."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from arlm_helpers.decoding.logits import MinP, Temperature, TopK, TopP, check_number
from arlm_helpers.decoding.penalties import (
    FrequencyPenalty,
    NoRepeatNGram,
    PresencePenalty,
    RepetitionPenalty,
)
from arlm_helpers.decoding.presets import ORDERS
from arlm_helpers.decoding.sampling import Processor
from arlm_helpers.training.losses import bits


@dataclass(frozen=True, eq=False)
class Stage:
    """What one control of a policy does at one place of a text: the logits before it and after it."""

    control: str
    processor: Processor
    before: Float[Tensor, " vocab"]
    after: Float[Tensor, " vocab"]

    @cached_property
    def probs(self) -> Float[Tensor, " vocab"]:
        """The distribution after the stage."""
        return self.after.softmax(dim=-1)

    @cached_property
    def cut(self) -> Bool[Tensor, " vocab"]:
        """Which tokens this stage ruled out."""
        return self.after.isneginf() & ~self.before.isneginf()

    @property
    def n_kept(self) -> int:
        """How many tokens are left."""
        return int((~self.after.isneginf()).sum())

    @property
    def mass_kept(self) -> float:
        """The probability that the kept tokens had before the stage, together."""
        return float(self.before.softmax(dim=-1)[~self.after.isneginf()].sum())

    @property
    def entropy(self) -> float:
        """Entropy of the distribution after the stage in bits; 0 · log 0 counts as 0."""
        return bits(float(torch.special.entr(self.probs).sum()))


@dataclass(frozen=True)
class Policy:
    """The settings of a sampler; what is left alone is off. ``processors`` has them in an engine's order.

    ``temperature`` 0 is greedy: a stage that keeps the likeliest token only. Frequency and presence penalties
    count what was written after the prompt; the repetition penalty and ``no_repeat`` (n tokens in a row)
    count the prompt as well.

    Raises:
        ValueError: for a setting out of its range, or an ``order`` that has no such name.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float = 1.0
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    no_repeat: int | None = None
    order: str = next(iter(ORDERS))

    def __post_init__(self) -> None:
        check_number("temperature", self.temperature)
        if not 0 <= self.temperature < math.inf:
            raise ValueError(f"temperature must be at least 0 and finite, got {self.temperature}")
        check_number("min_p", self.min_p)
        if not 0 <= self.min_p <= 1:
            raise ValueError(f"min_p must be in [0, 1], got {self.min_p}; 0 keeps every token")
        if self.order not in ORDERS:
            raise ValueError(f"order must be one of {', '.join(ORDERS)}, got {self.order!r}")
        TopP(self.top_p)  # the processors know their ranges
        self.named_processors(start=0)

    def named_processors(self, *, start: int) -> list[tuple[str, Processor]]:
        """The controls that do something, with their processors, in the order of the engine."""
        on: dict[type, tuple[str, Processor]] = {}
        if self.temperature != 1:
            cold = self.temperature == 0
            on[Temperature] = ("temperature", TopK(1) if cold else Temperature(self.temperature))
        if self.top_k is not None:
            on[TopK] = ("top_k", TopK(self.top_k))
        if self.top_p < 1:
            on[TopP] = ("top_p", TopP(self.top_p))
        if self.min_p > 0:
            on[MinP] = ("min_p", MinP(self.min_p))
        if self.repetition_penalty != 1:
            on[RepetitionPenalty] = ("repetition_penalty", RepetitionPenalty(self.repetition_penalty))
        if self.frequency_penalty != 0:
            on[FrequencyPenalty] = ("frequency_penalty", FrequencyPenalty(self.frequency_penalty, start))
        if self.presence_penalty != 0:
            on[PresencePenalty] = ("presence_penalty", PresencePenalty(self.presence_penalty, start))
        if self.no_repeat is not None:
            on[NoRepeatNGram] = ("no_repeat", NoRepeatNGram(self.no_repeat))
        return [on[kind] for kind in ORDERS[self.order] if kind in on]

    def processors(self, *, start: int = 0) -> list[Processor]:
        """The list to give to ``generate``; ``start`` is the length of the prompt in tokens."""
        return [processor for _, processor in self.named_processors(start=start)]

    def final(
        self, ids: Int[Tensor, "1 time"], logits: Float[Tensor, " vocab"], *, start: int = 0
    ) -> Float[Tensor, " vocab"]:
        """The logits of the token after ``ids`` when the whole policy has been applied."""
        rows = logits.unsqueeze(0)
        for process in self.processors(start=start):
            rows = process(ids, rows)
        return rows[0]

    def stages(
        self, ids: Int[Tensor, "1 time"], logits: Float[Tensor, " vocab"], *, start: int = 0
    ) -> list[Stage]:
        """What each control does to the token after ``ids``, in order; computed in float64."""
        row, found = logits.double(), []
        for control, process in self.named_processors(start=start):
            after = process(ids, row.unsqueeze(0))[0]
            found.append(Stage(control, process, row, after))
            row = after
        return found

    def facts(self) -> dict[str, Any]:
        """The settings as plain values, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> "Policy":
        """The policy with these settings; those that are missing are off.

        Raises:
            ValueError: for a setting that no policy has, or one out of its range.
        """
        known = [field.name for field in fields(cls)]
        if unknown := [name for name in facts if name not in known]:
            raise ValueError(f"a policy has no {', '.join(unknown)}; it has {', '.join(known)}")
        return cls(**facts)

    def code(self) -> str:
        """Python that gives this policy: only the settings that differ from the defaults."""
        changed = {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != f.default}
        return f"Policy({', '.join(f'{name}={value!r}' for name, value in changed.items())})"
