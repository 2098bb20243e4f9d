"""How fast does text come, beside ``transformers``, the memory's bandwidth, and writing without a cache?

    python -m benchmarks.generation [--parts tiny,large] [--rounds N] [--json] [--quick]

One thread; seconds per token without the reading of the prompt; everything in turns, ratios by round. Models
that are compared have the same weights, and their logits are compared first.
"""

from collections.abc import Iterator
from statistics import median

import torch
from jaxtyping import Int
from torch import Tensor

from arlm_helpers.decoding.fast import generate_ids
from arlm_helpers.decoding.sampling import choose, generate, row_generators
from arlm_helpers.models.gpt_config import gpt2_config
from arlm_helpers.models.numpy_gpt import NumpyGPT
from arlm_helpers.models.quantised import quantised
from arlm_helpers.models.transformer import GPT
from benchmarks.decoding_clock import Loop, compared, in_turns, loop_of, seeded
from benchmarks.harness import arguments, command, report
from benchmarks.twins import assert_parity, library_loop, twins

Row = dict[str, object]
COLUMNS = (
    "model", "context", "ours", "peer", "tokens_per_second", "peer_tokens_per_second",
    "ratio", "ratio_low", "ratio_high", "goal", "note",
)  # fmt: skip
LARGE_COMPARISONS = (
    ("generate_ids, NumpyGPT", "memory bandwidth", 0.8),
    ("NumpyGPT", "memory bandwidth", 0.8),
    ("GPT", "memory bandwidth", None),
    ("transformers", "memory bandwidth", None),
    ("NumpyGPT", "transformers", None),
    ("GPT", "transformers", None),
    ("NumpyGPT, int8", "transformers", None),
    ("NumpyGPT, int8", "NumpyGPT", 1.8),
    ("GPT, int8", "GPT", 1.8),
)
TINY = {"vocab_size": 65, "n_layers": 4, "n_heads": 4, "d_model": 128}
QUICK = {"vocab_size": 65, "n_layers": 2, "n_heads": 2, "d_model": 16}


def row(**cells: object) -> Row:
    """A row with every column."""
    return dict.fromkeys(COLUMNS) | cells


@torch.inference_mode()
def without_cache(model, ids: Int[Tensor, "1 time"], n: int) -> Iterator[None]:
    """Sample n tokens the slow way: the whole text is read again for each."""
    sources = row_generators(seeded(), 1)
    for _ in range(n):
        ids = torch.cat([ids, choose(model(ids)[:, -1], sources).unsqueeze(1)], dim=1)
        yield


def tiny_rows(n_rounds: int, *, quick: bool) -> list[Row]:
    """A model of 0.8 million parameters: what a call costs is all that counts."""
    n, contexts = (4, [8]) if quick else (64, [64, 256, 1024])
    ours, theirs = twins(gpt2_config(**(QUICK if quick else TINY), context_length=max(contexts) + n))
    fast = NumpyGPT(ours)
    rows = []
    for context in contexts:
        ids = torch.randint(65, (1, context), generator=seeded())
        for model in (ours, fast):
            assert_parity(model(ids), theirs, ids)
        n_slow = max(min(n, 6000 // context), 3)
        loops = {
            "generate, GPT": loop_of(lambda ids=ids: generate(ours, ids, max_tokens=n, rng=seeded())),
            "generate, NumpyGPT": loop_of(lambda ids=ids: generate(fast, ids, max_tokens=n, rng=seeded())),
            "generate_ids, NumpyGPT": loop_of(
                lambda ids=ids: generate_ids(fast, ids[0].tolist(), max_tokens=n, rng=seeded())
            ),
            "transformers": library_loop(theirs, ids, n, greedy=False),
            "without a cache": loop_of(lambda ids=ids, n=n_slow: without_cache(ours, ids, n)),
        }
        seconds = in_turns(loops, n_rounds)
        goals = {("generate, NumpyGPT", "transformers"): 2.7, ("generate_ids, NumpyGPT", "transformers"): 7}
        slow = {64: 10, 256: 25, 1024: 100}.get(context)
        goals |= {("generate_ids, NumpyGPT", "without a cache"): slow}
        for peer in ("transformers", "without a cache"):
            for name in list(loops)[:3]:
                cells = {"model": "0.8 M, 4 layers of 128", "context": context, "ours": name, "peer": peer}
                cells["goal"] = goals.get((name, peer))
                rows.append(row(**cells, **compared(seconds[name], seconds[peer])))
    return rows


def reading_loop(n_bytes: int, n: int = 5) -> Loop:
    """One core reads so many bytes and adds them up, again for each token: no model can be faster."""
    numbers = torch.ones(n_bytes // 4)
    return loop_of(lambda: (numbers.sum() for _ in range(n)))


def bytes_per_token(model: GPT, context: int) -> int:
    """What must come from memory for one token in float32: every weight, and the keys and values so far."""
    weights = sum(p.numel() for name, p in model.named_parameters() if name != "embed.positions.weight")
    return 4 * (weights + 2 * model.config.n_layers * model.config.d_kv * context)


def large_rows(n_rounds: int, *, quick: bool) -> list[Row]:
    """GPT-2's 124 million parameters, random: what counts is how fast they come from memory."""
    n, contexts = (4, [8]) if quick else (12, [64, 512])
    ours, theirs = twins(gpt2_config(**(QUICK if quick else {})))
    fast = NumpyGPT(ours)
    models = {"NumpyGPT": fast, "GPT": ours}
    models |= {"NumpyGPT, int8": NumpyGPT(ours, int8=True), "GPT, int8": quantised(ours)}
    rows = []
    for context in contexts:
        n_bytes = bytes_per_token(ours, context)
        ids = torch.randint(ours.vocab_size, (1, context), generator=seeded())
        for name in ("NumpyGPT", "GPT"):
            assert_parity(models[name](ids), theirs, ids)
        loops = {
            name: loop_of(lambda model=model, ids=ids: generate(model, ids, max_tokens=n))
            for name, model in models.items()
        }
        loops["generate_ids, NumpyGPT"] = loop_of(
            lambda ids=ids: generate_ids(fast, ids[0].tolist(), max_tokens=n)
        )
        loops["transformers"] = library_loop(theirs, ids, n, greedy=True)
        seconds = in_turns(loops | {"memory bandwidth": reading_loop(n_bytes)}, n_rounds)
        for name, peer, goal in LARGE_COMPARISONS:
            note = None
            if peer == "memory bandwidth":
                note = f"{n_bytes / median(seconds[peer]) / 1e9:.1f} GB/s"
            cells = {"model": "124 M, fp32, greedy", "context": context, "ours": name, "peer": peer}
            rows.append(row(**cells, goal=goal, note=note, **compared(seconds[name], seconds[peer])))
    return rows


def main(argv: list[str] | None = None) -> list[Row]:
    """Print a row per comparison."""
    options = arguments(
        __doc__.splitlines()[0], argv,
        parts={"default": "tiny,large", "help": "which comparisons, separated by commas"},
        rounds={"type": int, "default": 5, "help": "how often everything is timed"},
    )  # fmt: skip
    n_rounds = 1 if options.quick else options.rounds
    parts = {
        "tiny": lambda: tiny_rows(n_rounds, quick=options.quick),
        "large": lambda: large_rows(n_rounds, quick=options.quick),
    }
    if unknown := [name for name in options.parts.split(",") if name not in parts]:
        raise ValueError(f"no part {', '.join(unknown)}; there are {', '.join(parts)}")
    rows = [line for name in options.parts.split(",") for line in parts[name]()]
    report(rows, as_json=options.json)
    return rows


if __name__ == "__main__":
    command(main)
