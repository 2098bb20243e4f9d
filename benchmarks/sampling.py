"""How fast are our filters and darts beside those of transformers, for a vocabulary of 50,257?

    python -m benchmarks.sampling [--rounds N] [--json] [--quick]

Each row is one step of writing: logits are filtered and a token is drawn. Ours draws with a dart, the peer
with ``torch.multinomial``. Before anything is timed, both must keep the same tokens. One thread, processor
time, blocks of calls in turn; the speedup is the median over the rounds, beside the smallest and the largest.
"""

import statistics
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from transformers import (
    LogitsProcessorList,
    MinPLogitsWarper,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from arlm_helpers.decoding.logits import MinP, Temperature, TopK, TopP
from arlm_helpers.decoding.sampling import Processor, sample
from benchmarks.harness import arguments, command, cpu_clock, report

VOCAB_SIZE = 50_257
SPREAD = 3.0  # standard deviation of the logits
POLICIES: dict[str, tuple[list[Processor], list]] = {
    "temperature 0.8, top-k 50, top-p 0.9": (
        [Temperature(0.8), TopK(50), TopP(0.9)],
        [TemperatureLogitsWarper(0.8), TopKLogitsWarper(50), TopPLogitsWarper(0.9)],
    ),
    "temperature 0.8, top-p 0.9": (
        [Temperature(0.8), TopP(0.9)],
        [TemperatureLogitsWarper(0.8), TopPLogitsWarper(0.9)],
    ),
    "top-p 0.9": ([TopP(0.9)], [TopPLogitsWarper(0.9)]),
    "min-p 0.05": ([MinP(0.05)], [MinPLogitsWarper(0.05)]),
    "no filter": ([], []),
}
NO_IDS = torch.zeros(1, 0, dtype=torch.long)


def filtered(processors: Sequence[Processor], logits: Tensor) -> Tensor:
    """What is left after our processors."""
    ids = NO_IDS.expand(len(logits), -1)
    for process in processors:
        logits = process(ids, logits)
    return logits


def check_same_kept(ours: Sequence[Processor], theirs: Callable, inputs: Sequence[Tensor]) -> None:
    """Refuse to time two policies that are not the same.

    Raises:
        ValueError: if they keep other tokens, or give them other logits.
    """
    for logits in inputs:
        if not torch.allclose(filtered(ours, logits), theirs(None, logits), rtol=1e-6, atol=0):
            raise ValueError("the two policies keep other tokens: nothing was timed")


def compare(name: str, batch: int, *, n_rounds: int, n_calls: int) -> dict[str, object]:
    """Time one policy on both sides in turn; a row of the table."""
    ours, peers = POLICIES[name]
    theirs, rng = LogitsProcessorList(peers), torch.Generator().manual_seed(batch)
    inputs = [SPREAD * torch.randn(batch, VOCAB_SIZE, generator=rng) for _ in range(4)]
    darts = torch.rand(4, batch, generator=rng, dtype=torch.float64)
    check_same_kept(ours, theirs, inputs)
    seconds: dict[str, list[float]] = {"ours": [], "peer": []}
    for _ in range(n_rounds):
        with cpu_clock() as clock:
            for i in range(n_calls):
                sample(filtered(ours, inputs[i % 4]), darts[i % 4])
        seconds["ours"].append(clock.seconds / n_calls)
        with cpu_clock() as clock:
            for i in range(n_calls):
                torch.multinomial(theirs(None, inputs[i % 4]).softmax(dim=-1), 1)
        seconds["peer"].append(clock.seconds / n_calls)
    ratios = [peer / own for own, peer in zip(*seconds.values(), strict=True)]
    return {
        "policy": name,
        "batch": batch,
        "ours_ms": 1000 * statistics.median(seconds["ours"]),
        "transformers_ms": 1000 * statistics.median(seconds["peer"]),
        "speedup": statistics.median(ratios),
        "least": min(ratios),
        "most": max(ratios),
    }


@torch.inference_mode()
def main(argv: list[str] | None = None) -> list[dict[str, object]]:
    """Print a row for each policy and batch."""
    rounds = {"type": int, "default": 9, "help": "blocks of calls that are timed on each side"}
    options = arguments(__doc__.splitlines()[0], argv, rounds=rounds)
    if options.rounds < 1:
        raise ValueError(f"rounds must be at least 1, got {options.rounds}")
    rows = [
        compare(
            name,
            batch,
            n_rounds=1 if options.quick else options.rounds,
            n_calls=4 if options.quick else n_calls,
        )
        for batch, n_calls in [(1, 100), (16, 8)]
        for name in POLICIES
    ]
    report(rows, as_json=options.json)
    return rows


if __name__ == "__main__":
    command(main)
