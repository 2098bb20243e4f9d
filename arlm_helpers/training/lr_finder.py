"""Which learning rate? Try all of them once, in a short run that is thrown away."""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import replace

from torch import nn

from arlm_helpers.training.batches import Batches
from arlm_helpers.training.config import TrainConfig
from arlm_helpers.training.schedules import ExponentialRise
from arlm_helpers.training.trainer import DivergedError, TrainStep, train


def try_learning_rates(
    model: nn.Module, batches: Batches, config: TrainConfig, *, first: float = 1e-4, give_up: float = 1.2
) -> Iterator[TrainStep]:
    """Train a copy while the learning rate rises from ``first`` times the peak to the peak of ``config``.

    The model and the place in the text stay as they are. Ends early once the loss is more than
    ``give_up`` times the lowest so far, or is no longer a number.

    Raises:
        ValueError: if ``give_up`` is not above 1, or ``first`` not in (0, 1).
    Source:
        Smith (2017), section 3.3, https://arxiv.org/abs/1506.01186, along a line; by a factor: Gugger (2018),
        "How do you find a good learning rate", https://sgugger.github.io
    """
    if not give_up > 1:
        raise ValueError(f"give_up is a factor on the lowest loss and must be above 1, got {give_up}")
    rising = replace(config, schedule=ExponentialRise(first), checkpoint_every=None)
    lowest = float("inf")
    try:
        for step in train(copy.deepcopy(model), copy.copy(batches), rising):
            yield step
            lowest = min(lowest, step.loss)
            if step.loss > give_up * lowest:
                return
    except DivergedError:
        return


def steepest(steps: Sequence[TrainStep], *, width: int = 10) -> float:
    """The learning rate at which the loss fell fastest: a first guess at the peak of a real run.

    The fall is measured over ``width`` steps, since single losses jump.

    Raises:
        ValueError: if there are not more than ``width`` steps.
    Source:
        Gugger (2018), "How do you find a good learning rate", https://sgugger.github.io
    """
    if len(steps) <= width:
        raise ValueError(f"{len(steps)} steps are too few to see a fall over {width}; take more steps")
    falls = [before.loss - after.loss for before, after in zip(steps, steps[width:], strict=False)]
    return steps[falls.index(max(falls)) + width // 2].learning_rate
