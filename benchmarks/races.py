"""Training runs that take turns on one machine, each with a clock of its own processor time."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Int
from torch import Tensor, nn

from arlm_helpers.training.losses import log_probs_of


@dataclass
class Run:
    """A model in training. After each of the steps in ``judge_at`` it is judged, off the clock."""

    name: str
    model: nn.Module
    steps: Iterator[object]
    n_steps: int
    judge_at: frozenset[int]
    seconds: float = 0.0
    done: int = 0
    judged: list[tuple[float, float]] = field(default_factory=list)  # (seconds so far, nats)

    def advance(self) -> None:
        """Take one step on the clock."""
        start = time.process_time()
        next(self.steps)
        self.seconds += time.process_time() - start
        self.done += 1

    def seconds_to(self, nats: float) -> float | None:
        """The seconds after which it was first judged at least as good as ``nats``; None if never."""
        return next((seconds for seconds, loss in self.judged if loss <= nats), None)

    @property
    def n_parameters(self) -> int:
        """Numbers that are trained."""
        return sum(parameter.numel() for parameter in self.model.parameters())


def evenly(n_steps: int, times: int) -> frozenset[int]:
    """``times`` step numbers, evenly spread, the last step among them."""
    return frozenset(round(n_steps * (i + 1) / times) for i in range(times))


def take_turns(runs: Sequence[Run], held_out: Int[Tensor, " held_out"], window: int) -> None:
    """Advance the run that is furthest behind until all are done, so that a busy machine slows all alike."""
    while waiting := [run for run in runs if run.done < run.n_steps]:
        run = min(waiting, key=lambda run: run.done / run.n_steps)
        run.advance()
        if run.done in run.judge_at:
            run.judged.append((run.seconds, window_nats(run.model, held_out, window)))


@torch.inference_mode()
def window_nats(model: nn.Module, ids: Int[Tensor, " text"], window: int) -> float:
    """Mean surprise over disjoint windows, each read without what came before it; nats per character."""
    n_windows = (len(ids) - 1) // window
    cut = n_windows * window
    inputs, targets = ids[:cut].view(-1, window), ids[1 : cut + 1].view(-1, window)
    total = 0.0
    for part, expected in zip(inputs.split(128), targets.split(128), strict=True):
        total -= log_probs_of(model(part), expected).double().sum().item()
    if cut < len(ids) - 1:  # what is left over is a shorter window
        total -= log_probs_of(model(ids[None, cut:-1]), ids[None, cut + 1 :]).double().sum().item()
    return total / (len(ids) - 1)
