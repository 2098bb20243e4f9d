"""How much processor time does training take, ours beside a published recipe?

    python -m benchmarks.train_to_loss [--text FILE] [--models lstm,lstm-256] [--seeds N] [--json] [--quick]

All models learn from the first 90 % of the same characters and are judged on all the rest in disjoint windows
of 64; one thread, processor time without evaluation, in turns. ``speedup`` is the peer's seconds to its
final loss over ours to the same loss. ``--quick`` times a few steps of the peer, to say how long its
2,000 steps would take, and aims at its published loss. ``--split tuning`` holds out the last tenth of
the training characters instead: for choosing settings.
"""

import statistics
from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from arlm_helpers.text.data import load_corpus, load_text, split_text
from arlm_helpers.text.tokenizers import CharTokenizer
from benchmarks import peers
from benchmarks.harness import arguments, command, report
from benchmarks.races import Run, evenly, take_turns
from benchmarks.recipes import RACES

PEER = "nanogpt-cpu"
QUICK_MODELS = "lstm,gpt-memory"
QUICK_STEPS = 12  # that are taken of the peer
WINDOW = peers.CONTEXT


@dataclass(frozen=True)
class Split:
    """A text as ids: to learn from, and to be judged on."""

    train: Int[Tensor, " train"]
    held_out: Int[Tensor, " held_out"]
    vocab_size: int


@dataclass(frozen=True)
class Peer:
    """What the peer needed, measured to the end or estimated from a few steps, and what it reached."""

    seconds: float
    nats: float
    parameters: int
    measured_steps: int


def read_split(source: str, split: str) -> Split:
    """The characters of a file, or 1.1 MB of the corpus, in two parts.

    Raises:
        ValueError: if a part is no longer than a window.
    """
    text = load_corpus(source).train[:1_115_394] if source == "shakespeare" else load_text(source)
    parts = split_text(text, held_out=0.1)
    if split == "tuning":
        parts = split_text(parts[0], held_out=0.1)
    if min(map(len, parts)) <= WINDOW + 1:
        raise ValueError(f"the text has {len(text)} characters; give one of at least {20 * WINDOW}")
    tokenizer = CharTokenizer.from_text(text)
    return Split(*(torch.tensor(tokenizer.encode(part)) for part in parts), tokenizer.vocab_size)


def run_of_peer(text: Split, seed: int) -> Run:
    """The peer, judged at the end of its run."""
    model, steps = peers.start(text.train, text.vocab_size, seed)
    return Run(PEER, model, steps, peers.N_STEPS, frozenset({peers.N_STEPS}))


def run_of_ours(name: str, text: Split, seed: int) -> Run:
    """One of our recipes, judged ten times along its run."""
    recipe = RACES[name]
    model, steps = recipe.start(text.train, text.vocab_size, seed)
    return Run(name, model, steps, recipe.config.n_steps, evenly(recipe.config.n_steps, 10))


def estimated_peer(text: Split) -> Peer:
    """The peer's whole time from a few of its steps, the first two left out; its loss as published."""
    run = run_of_peer(text, seed=0)
    for _ in range(QUICK_STEPS):
        run.advance()
        if run.done == 2:
            warm = run.seconds
    per_step = (run.seconds - warm) / (QUICK_STEPS - 2)
    return Peer(per_step * peers.N_STEPS, peers.PUBLISHED_NATS, run.n_parameters, QUICK_STEPS)


def row(runs: list[Run], peer: Peer) -> dict[str, object]:
    """One line of the table: means over the seeds, and the spread of the loss."""
    nats = [run.judged[-1][1] for run in runs]
    reached = [run.seconds_to(peer.nats) for run in runs]
    seconds = statistics.mean(run.seconds for run in runs)
    return {
        "model": runs[0].name,
        "cpu_seconds": seconds,
        "ms_per_step": 1000 * seconds / runs[0].n_steps,
        "full_val_nats": statistics.mean(nats),
        "spread": max(nats) - min(nats),
        "steps": runs[0].n_steps,
        "parameters": runs[0].n_parameters,
        "speedup": None if None in reached else peer.seconds / statistics.mean(reached),
        "seeds": len(runs),
        "measured_steps": runs[0].n_steps,
    }


def row_of_peer(peer: Peer) -> dict[str, object]:
    """The peer's line where it was not run to its end."""
    return {
        "model": PEER,
        "cpu_seconds": peer.seconds,
        "ms_per_step": 1000 * peer.seconds / peers.N_STEPS,
        "full_val_nats": None,
        "spread": None,
        "steps": peers.N_STEPS,
        "parameters": peer.parameters,
        "speedup": 1.0,
        "seeds": 1,
        "measured_steps": peer.measured_steps,
    }


def compare(names: list[str], text: Split, seeds: int, *, quick: bool) -> list[dict[str, object]]:
    """Run the peer and ours for each seed, and put them side by side."""
    runs = {name: [run_of_ours(name, text, seed) for seed in range(seeds)] for name in names}
    if quick:
        peer = estimated_peer(text)
    else:
        runs = {PEER: [run_of_peer(text, seed) for seed in range(seeds)], **runs}
    for seed in range(seeds):
        take_turns([of_name[seed] for of_name in runs.values()], text.held_out, WINDOW)
    if not quick:
        ends = [run.judged[-1] for run in runs[PEER]]
        seconds, nats = (statistics.mean(values) for values in zip(*ends, strict=True))
        peer = Peer(seconds, nats, runs[PEER][0].n_parameters, peers.N_STEPS)
    rows = [row(of_name, peer) for of_name in runs.values()]
    if quick:
        return [row_of_peer(peer), *rows]
    return [{**rows[0], "speedup": 1.0}, *rows[1:]]


def main(argv: list[str] | None = None) -> list[dict[str, object]]:
    """Train the chosen models beside the peer and print the table."""
    options = arguments(
        __doc__.splitlines()[0],
        argv,
        models={"help": f"comma-separated recipes (default: all; with --quick {QUICK_MODELS})"},
        seeds={"type": int, "help": "runs of each model (default: 3; with --quick 1)"},
        split={"choices": ["validation", "tuning"], "default": "validation", "help": "what is held out"},
    )
    names = (options.models or (QUICK_MODELS if options.quick else ",".join(RACES))).split(",")
    if unknown := [name for name in names if name not in RACES]:
        raise ValueError(f"no such models: {', '.join(unknown)}; there are {', '.join(RACES)}")
    seeds = (1 if options.quick else 3) if options.seeds is None else options.seeds
    if seeds < 1:
        raise ValueError(f"--seeds must be at least 1, got {seeds}")
    rows = compare(names, read_split(options.text, options.split), seeds, quick=options.quick)
    report(rows, as_json=options.json)
    if options.quick and not options.json:
        step = rows[0]["ms_per_step"]
        print(
            f"The peer took {step:.0f} ms a step in {QUICK_STEPS} steps; its seconds are estimated from "
            f"them, and speedups aim at its published loss of {peers.PUBLISHED_NATS} nats."
        )
    return rows


if __name__ == "__main__":
    command(main)
