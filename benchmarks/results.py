"""What the scoreboard gives to a model, and what it gets back."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Held:
    """A text to learn from and one to be judged on. The alphabet of both is known to every model."""

    train: str
    test: str


@dataclass(frozen=True)
class Result:
    """What one run costs and achieves: ``nats`` for the whole held-out text, or for a part of it."""

    nats: float
    parameters: int | None
    train_seconds: float
    eval_seconds: float
    n_characters: int | None = None  # that were scored, where it is only a part
