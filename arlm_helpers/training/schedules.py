"""Learning-rate schedules: the factor of the peak learning rate at each step of a run.

``step`` counts the steps already taken, from 0 to ``n_steps`` - 1.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

Schedule = Callable[[int, int], float]


def check_warmup(warmup: int) -> None:
    """Refuse a warm-up of a negative number of steps.

    Raises:
        ValueError: if ``warmup`` is negative.
    """
    if warmup < 0:
        raise ValueError(f"warmup is a number of steps and must be at least 0, got {warmup}")


@dataclass(frozen=True)
class Constant:
    """The peak learning rate at every step."""

    def __call__(self, step: int, n_steps: int) -> float:
        return 1.0


@dataclass(frozen=True)
class WarmupFlatLinear:
    """Rise for ``warmup`` steps, stay at the peak, and fall in a line over the last ``decay`` of the run.

    The line ends at zero right after the last step, so that no step is wasted.

    Raises:
        ValueError: if ``warmup`` is negative or ``decay`` not in [0, 1].
    Source:
        Hu et al. (2024), "warmup, stable, decay", section 4, https://arxiv.org/abs/2404.06395
    """

    warmup: int = 10
    decay: float = 0.5

    def __post_init__(self) -> None:
        check_warmup(self.warmup)
        if not 0 <= self.decay <= 1:
            raise ValueError(f"decay is a fraction of the run and must be in [0, 1], got {self.decay}")

    def __call__(self, step: int, n_steps: int) -> float:
        rise = (step + 1) / max(self.warmup, 1)
        fall = (n_steps - step) / max(self.decay * n_steps, 1)
        return min(rise, fall, 1.0)


@dataclass(frozen=True)
class WarmupCosine:
    """Rise for ``warmup`` steps, then fall along half a cosine to ``final``, reached at the last step.

    Raises:
        ValueError: if ``warmup`` is negative or ``final`` not in [0, 1].
    Source:
        Loshchilov and Hutter (2017), section 3, https://arxiv.org/abs/1608.03983
    """

    warmup: int = 100
    final: float = 0.1

    def __post_init__(self) -> None:
        check_warmup(self.warmup)
        if not 0 <= self.final <= 1:
            raise ValueError(f"final is a fraction of the peak and must be in [0, 1], got {self.final}")

    def __call__(self, step: int, n_steps: int) -> float:
        if step + 1 <= self.warmup:
            return (step + 1) / self.warmup
        progress = (step + 1 - self.warmup) / (n_steps - self.warmup)
        return self.final + (1 - self.final) * (1 + math.cos(math.pi * progress)) / 2


@dataclass(frozen=True)
class ExponentialRise:
    """From ``first`` to the peak by the same factor at each step: tries every learning rate once.

    Raises:
        ValueError: if ``first`` is not in (0, 1).
    Source:
        Gugger (2018), "How do you find a good learning rate", https://sgugger.github.io
    """

    first: float = 1e-4

    def __post_init__(self) -> None:
        if not 0 < self.first < 1:
            raise ValueError(f"first is a fraction of the peak and must be in (0, 1), got {self.first}")

    def __call__(self, step: int, n_steps: int) -> float:
        return self.first ** ((n_steps - 1 - step) / max(n_steps - 1, 1))
