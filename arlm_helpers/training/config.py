"""Everything that decides how a model is trained, in one frozen value that checks itself."""

from dataclasses import dataclass, field, fields, is_dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import nn

from arlm_helpers.training.schedules import Constant, Schedule


@runtime_checkable
class OptimizerConfig(Protocol):
    """What moves the weights: AdamW or Muon, with the peak learning rate ``lr``."""

    lr: float

    def build(self, model: nn.Module) -> list[torch.optim.Optimizer]:
        """Optimizers that together own every trainable parameter of ``model`` exactly once.

        Each of their groups knows its peak learning rate as ``initial_lr``; the schedule scales it.
        """


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """How to train: how long, with what, and on which machine.

    A step reads ``accumulate`` batches and moves the weights once. ``clip`` limits the norm of the whole
    gradient. ``precision="bf16"`` runs the forward pass under autocast; the weights stay in float32.
    ``compile`` may name a backend of ``torch.compile``. Checkpoints are written every
    ``checkpoint_every`` steps and at the end, if the run has a folder.

    Raises:
        ValueError: if a number is out of range or a name unknown.
    """

    n_steps: int
    optimizer: OptimizerConfig
    schedule: Schedule = field(default_factory=Constant)
    clip: float | None = None
    accumulate: int = 1
    device: str = "cpu"
    precision: str = "fp32"  # or "bf16"
    compile: bool | str = False
    checkpoint_every: int | None = None

    def __post_init__(self) -> None:
        for name in ("n_steps", "accumulate", "checkpoint_every"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")
        if self.clip is not None and not self.clip > 0:
            raise ValueError(f"clip must be positive, got {self.clip}; use None for no clipping")
        if self.precision not in ("fp32", "bf16"):
            raise ValueError(f"precision must be 'fp32' or 'bf16', got {self.precision!r}")
        try:
            torch.device(self.device)
        except RuntimeError as error:
            raise ValueError(f"{self.device!r} is no device; use 'cpu', 'cuda' or 'mps'") from error


def as_facts(value: object) -> object:
    """A configuration as JSON: a dataclass becomes its type and its fields, a function its name."""
    if is_dataclass(value):
        named = {item.name: as_facts(getattr(value, item.name)) for item in fields(value)}
        return {"type": type(value).__name__, **named}
    if callable(value):
        return value.__qualname__
    return list(value) if isinstance(value, tuple) else value
