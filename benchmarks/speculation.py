"""Does guessing ahead pay, and what do eight bits cost?

    python -m benchmarks.speculation [--text FILE] [--rounds N] [--json] [--quick]

A small GPT is trained in seconds, and made wide and deep without changing what it says: so the costs are
those of a large model, and the share of accepted guesses is that of a trained one. Everything takes turns on
one thread; a ratio above 1 is a gain. Times include the prompt of 20 characters.
"""

import time
from collections.abc import Iterator, Mapping
from statistics import median

import torch
from jaxtyping import Int
from torch import Tensor

from arlm_helpers.decoding.evaluation import bits_per_character, token_nats
from arlm_helpers.decoding.sampling import generate
from arlm_helpers.decoding.speculative import acceptance_rate, expected_speedup, speculate
from arlm_helpers.models.ngram import NGram
from arlm_helpers.models.numpy_gpt import NumpyGPT
from arlm_helpers.models.quantised import quantised
from arlm_helpers.models.transformer import GPT
from arlm_helpers.text.tokenizers import CharTokenizer
from benchmarks.decoding_clock import compared, in_turns, loop_of, seeded
from benchmarks.harness import arguments, command, report
from benchmarks.recipes import Recipe, gpt, muon
from benchmarks.scoreboard import held_out
from benchmarks.twins import widened

Row = dict[str, object]
COLUMNS = (
    "model", "draft", "guesses", "accepted", "expected", "ratio", "ratio_low", "ratio_high",
    "tokens_per_second", "peer_tokens_per_second", "bits_per_char", "fp32_bits_per_char", "bits_lost",
)  # fmt: skip


def row(**cells: object) -> Row:
    """A row with every column."""
    return dict.fromkeys(COLUMNS) | cells


def trained(text: str, *, quick: bool) -> tuple[GPT, Mapping[str, object], Int[Tensor, " time"]]:
    """A small GPT and drafts for it, trained in seconds on the same characters, and held-out ids."""
    held = held_out(text, quick=quick)
    tokenizer = CharTokenizer.from_text(held.train + held.test)
    train, test = (torch.tensor(tokenizer.encode(part)) for part in (held.train[:1_000_000], held.test))
    build = gpt(1, 64, n_heads=2, context_length=256)
    recipe = Recipe(build, muon(120, 0.04, 0.03, clip=None), "", batch_size=24, context_length=128)
    model, steps = recipe.for_at_most(2 if quick else 120).start(train, tokenizer.vocab_size, seed=0)
    for _ in steps:
        pass
    drafts = {f"counts of {n}": NGram.fit(train, tokenizer.vocab_size, n) for n in (5, 1)}
    return model.eval(), drafts | {"the small model": NumpyGPT(model)}, test[: 500 if quick else 5000]


def cost_row(name: str, model: GPT, ids: Int[Tensor, " time"]) -> Row:
    """What rounding to eight bits costs a model on held-out ids, one character each."""
    exact, rounded = (
        bits_per_character(token_nats(each, ids).sum().item(), len(ids) - 1)
        for each in (model, quantised(model))
    )
    return row(
        model=f"{name}, int8", bits_per_char=rounded, fp32_bits_per_char=exact, bits_lost=rounded - exact
    )


@torch.inference_mode()
def reading_seconds(model, ids: Int[Tensor, "1 time"], n: int) -> float:
    """The time it takes to read n tokens behind a text, at best of some tries."""
    seconds = []
    for _ in range(4):
        cache = model.new_cache()
        model(ids, cache)
        start = time.process_time()
        model(ids[:, :n], cache)
        seconds.append(time.process_time() - start)
    return min(seconds)


def speculative_cells(
    model, draft, ids: Int[Tensor, "1 time"], n_guesses: int, n: int, n_rounds: int
) -> dict[str, float]:
    """A model with a draft against plain sampling, and what the costs of both let one expect."""
    steps, rng = [], seeded()  # another text in each round

    def guessing() -> Iterator[object]:
        for step in speculate(model, draft, ids, max_tokens=n, n_guesses=n_guesses, rng=rng):
            steps.append(step)
            yield step

    loops = {
        "speculative": loop_of(guessing),
        "plain": loop_of(lambda: generate(model, ids, max_tokens=n, rng=rng)),
        "draft": loop_of(lambda: generate(draft, ids, max_tokens=n, rng=rng)),
    }
    seconds, rate = in_turns(loops, n_rounds, n_first=0), acceptance_rate(steps)
    one, all_guesses = (reading_seconds(model, ids, each) for each in (1, n_guesses + 1))
    expected = expected_speedup(
        rate,
        n_guesses,
        guess_cost=median(seconds["draft"]) / median(seconds["plain"]),
        judge_cost=all_guesses / one,
    )
    measured = compared(seconds["speculative"], seconds["plain"])
    return {"guesses": n_guesses, "accepted": rate, "expected": expected} | measured


def main(argv: list[str] | None = None) -> list[Row]:
    """Print a row per model, draft and number of guesses, and one for what eight bits cost."""
    rounds = {"type": int, "default": 5, "help": "how often everything is timed"}
    options = arguments(__doc__.splitlines()[0], argv, rounds=rounds)
    small, drafts, held = trained(options.text, quick=options.quick)
    wide, ids = widened(small, *((2, 2) if options.quick else (12, 12))), held[None, :20]
    torch.testing.assert_close(wide(ids), small(ids), rtol=1e-3, atol=1e-3)
    millions = f"{wide.n_parameters / 1e6:.0f} M"
    models = {f"{millions}, int8": NumpyGPT(wide, int8=True), f"{millions}, fp32": NumpyGPT(wide)}
    models["the small model, fp32"] = drafts["the small model"]
    n, n_rounds = (8, 1) if options.quick else (96, options.rounds)
    rows = [
        row(model=name, draft=draft, **speculative_cells(model, drafts[draft], ids, n_guesses, n, n_rounds))
        for name, model in models.items()
        for draft in drafts
        for n_guesses in (2, 4)
    ]
    rows.append(cost_row("the small model", small, held))
    report(rows, as_json=options.json)
    return rows


if __name__ == "__main__":
    command(main)
