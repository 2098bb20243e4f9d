"""Seconds per token of loops that write, in turns."""

import time
from collections.abc import Callable, Iterable, Mapping
from statistics import median

import torch

Loop = Callable[[], list[float]]  # writes a text; the processor time at its start and at each token


def seeded() -> torch.Generator:
    """The same randomness for every loop."""
    return torch.Generator().manual_seed(0)


def loop_of(write: Callable[[], Iterable[object]]) -> Loop:
    """Writes a new text each time it is called."""

    def loop() -> list[float]:
        return [time.process_time(), *(time.process_time() for _ in write())]

    return loop


def in_turns(loops: Mapping[str, Loop], n_rounds: int, *, n_first: int = 1) -> dict[str, list[float]]:
    """Seconds per token of each loop in each round; a round runs each once, after one for warming up.

    The first ``n_first`` tokens do not count: to read the prompt is part of the first.
    """
    seconds = {name: [] for name in loops}
    for turn in range(n_rounds + 1):
        for name, loop in loops.items():
            times = loop()[n_first:]
            if turn:
                seconds[name].append((times[-1] - times[0]) / (len(times) - 1))
    return seconds


def compared(ours: list[float], theirs: list[float]) -> dict[str, float]:
    """Tokens per second, and how many times as fast we are: the median of the rounds, and the ends."""
    ratios = [b / a for a, b in zip(ours, theirs, strict=True)]
    return {
        "tokens_per_second": 1 / median(ours),
        "peer_tokens_per_second": 1 / median(theirs),
        "ratio": median(ratios),
        "ratio_low": min(ratios),
        "ratio_high": max(ratios),
    }
