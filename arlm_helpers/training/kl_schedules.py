"""KL schedules: how much the cost of the code counts at each step of a run.

``step`` counts the steps already taken, from 0 to ``n_steps`` - 1.
"""

from collections.abc import Callable
from dataclasses import dataclass

KLSchedule = Callable[[int, int], float]


@dataclass(frozen=True)
class ConstantKL:
    """The same weight of the KL term at every step; 1 makes the loss the negative ELBO.

    Raises:
        ValueError: if ``weight`` is negative.
    Source:
        Higgins et al. (2017), beta-VAE, equation 4, for a weight other than 1.
    """

    weight: float = 1.0

    def __post_init__(self) -> None:
        if not self.weight >= 0:
            raise ValueError(f"the KL weight must be at least 0, got {self.weight}; 1 gives the ELBO")

    def __call__(self, step: int, n_steps: int) -> float:
        return self.weight


@dataclass(frozen=True)
class LinearKL:
    """KL annealing: no weight for the first ``wait`` of the run, then a line up to ``final``.

    ``wait`` and ``rise`` are fractions of the run; after both the weight stays ``final``.

    Raises:
        ValueError: if ``final`` is negative, or the fractions are, or add up to more than 1.
    Source:
        Bowman et al. (2016), section 3.1, https://arxiv.org/abs/1511.06349
    """

    final: float = 1.0
    wait: float = 0.0
    rise: float = 0.5

    def __post_init__(self) -> None:
        if not self.final >= 0:
            raise ValueError(f"the KL weight must be at least 0, got {self.final}; 1 ends at the ELBO")
        if min(self.wait, self.rise) < 0 or self.wait + self.rise > 1:
            raise ValueError(
                f"wait and rise are fractions of the run, together at most 1; got {self.wait} and {self.rise}"
            )

    def __call__(self, step: int, n_steps: int) -> float:
        progress = (step - self.wait * n_steps) / max(self.rise * n_steps, 1)
        return self.final * min(max(progress, 0.0), 1.0)
