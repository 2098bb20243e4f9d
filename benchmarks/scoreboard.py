"""How many bits does each model need for a character of text it has not seen?

    python -m benchmarks.scoreboard [--text FILE] [--models kn6,xz] [--seeds N] [--json] [--quick]

Every row scores the same held-out characters, each with all the context the model can use. A new model
is a new entry of ``ENTRIES`` in benchmarks/entries.py.
"""

import csv
from pathlib import Path

from arlm_helpers.decoding.evaluation import bits_per_character
from arlm_helpers.text.data import load_corpus, load_text, split_text
from benchmarks.entries import ENTRIES, Held, Result
from benchmarks.harness import arguments, report

STORED = Path(__file__).resolve().parents[1] / "data" / "scoreboard.csv"


def held_out(text: str, *, quick: bool) -> Held:
    """The texts to learn from and to be judged on: whole plays, or the last 10 % of a file."""
    if text == "shakespeare":
        corpus = load_corpus(text)
        held = Held(corpus.train, corpus.test)  # its validation plays are for choosing settings
    else:
        held = Held(*split_text(load_text(text), held_out=0.1))
    return Held(held.train[:100_000], held.test[:10_000]) if quick else held


def row(name: str, held: Held, seeds: int) -> dict[str, object]:
    """Run an entry for each seed (once, if no chance is involved): means, and the spread of the seeds."""
    entry = ENTRIES[name]
    results: list[Result] = [entry.run(held, seed) for seed in range(seeds if entry.uses_chance else 1)]
    nats = [result.nats / len(held.test) for result in results]
    mean = sum(nats) / len(nats)
    return {
        "model": name,
        "nats_per_char": mean,
        "bits_per_char": bits_per_character(mean, 1),
        "parameters": results[0].parameters,
        "train_cpu_seconds": sum(result.train_seconds for result in results) / len(results),
        "eval_cpu_seconds": sum(result.eval_seconds for result in results) / len(results),
        "seeds": len(results),
        "spread": max(nats) - min(nats) if len(nats) > 1 else 0.0,
        "note": entry.note,
    }


def store(rows: list[dict[str, object]], text: str) -> None:
    """Write the rows to data/scoreboard.csv, best model last, replacing rows of the same models."""
    kept = []
    if STORED.exists():
        with STORED.open(encoding="utf-8", newline="") as file:
            new = {row["model"] for row in rows}
            kept = [old for old in csv.DictReader(file) if old["model"] not in new and old["text"] == text]
    lines = sorted(
        [*kept, *({**row, "text": text} for row in rows)], key=lambda r: -float(r["bits_per_char"])
    )
    temporary = STORED.with_suffix(".csv.part")
    with temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=[*rows[0], "text"], lineterminator="\n")
        writer.writeheader()
        writer.writerows(
            {k: f"{v:.6g}" if isinstance(v, float) else v for k, v in line.items()} for line in lines
        )
    temporary.replace(STORED)


def main(argv: list[str] | None = None) -> list[dict[str, object]]:
    """Score the chosen models, print the table, and store it where the whole corpus was used."""
    options = arguments(
        __doc__.splitlines()[0],
        argv,
        models={"default": ",".join(ENTRIES), "help": "comma-separated names of entries (default: all)"},
        seeds={"type": int, "default": 3, "help": "runs of each model that uses chance"},
    )
    names = options.models.split(",")
    if unknown := [name for name in names if name not in ENTRIES]:
        raise SystemExit(f"no such models: {', '.join(unknown)}; there are {', '.join(ENTRIES)}")
    if options.seeds < 1:
        raise SystemExit(f"--seeds must be at least 1, got {options.seeds}")
    held = held_out(options.text, quick=options.quick)
    rows = [row(name, held, options.seeds) for name in names]
    report(rows, as_json=options.json)
    if not options.quick and options.text == "shakespeare":
        store(rows, options.text)
    return rows


if __name__ == "__main__":
    main()
