"""How many bits does each model need for a character of text it has not seen?

    python -m benchmarks.scoreboard [--text FILE] [--models kn6,xz] [--seeds N] [--json] [--quick]

Every row scores the same held-out characters, each with all the context the model can use. Rows that are
only a bound, or no probability at all, say so in the column ``kind`` and are not ranked. A new model is a
new entry of ``ENTRIES`` in benchmarks/entries.py.
"""

import csv
from pathlib import Path

from arlm_helpers.decoding.evaluation import bits_per_character
from arlm_helpers.text.data import load_corpus, load_text, split_text
from benchmarks.entries import ENTRIES
from benchmarks.harness import arguments, command, report
from benchmarks.results import Held, Result

ROOT = Path(__file__).resolve().parents[1]


def held_out(text: str, *, quick: bool) -> Held:
    """The texts to learn from and to be judged on: whole plays, or the last 10 % of a file."""
    if text == "shakespeare":
        corpus = load_corpus(text)
        held = Held(corpus.train, corpus.test)  # its validation plays are for choosing settings
    else:
        held = Held(*split_text(load_text(text), held_out=0.1))
    return Held(held.train[:30_000], held.test[:3_000]) if quick else held


def row(name: str, held: Held, seeds: int) -> dict[str, object]:
    """Run an entry for each seed (once, if no chance is involved): means, and the spread of the seeds."""
    entry = ENTRIES[name]
    results: list[Result] = [entry.run(held, seed) for seed in range(seeds if entry.uses_chance else 1)]
    nats = [result.nats / (result.n_characters or len(held.test)) for result in results]
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
        "kind": entry.kind,
    }


def table_file(text: str) -> Path:
    """Where the rows are kept: the course's own table in data/, that of a reader's file in build/."""
    if text == "shakespeare":
        return ROOT / "data" / "scoreboard.csv"
    return ROOT / "build" / f"scoreboard_{Path(text).stem}.csv"


def store(rows: list[dict[str, object]], path: Path) -> None:
    """Write the rows to ``path``, the unranked first, best model last; other rows that were there stay."""
    lines = {
        row["model"]: {k: f"{v:.6g}" if isinstance(v, float) else v for k, v in row.items()} for row in rows
    }
    if path.exists():
        with path.open(encoding="utf-8", newline="") as file:
            lines = {old["model"]: old for old in csv.DictReader(file) if old["model"] in ENTRIES} | lines
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".csv.part")
    with temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        order = sorted(lines.values(), key=lambda line: (not line.get("kind"), -float(line["bits_per_char"])))
        writer.writerows(order)
    temporary.replace(path)


def main(argv: list[str] | None = None) -> list[dict[str, object]]:
    """Score the chosen models, print the table, and store it where the whole corpus was used."""
    options = arguments(
        __doc__.splitlines()[0],
        argv,
        models={"default": ",".join(ENTRIES), "help": "comma-separated names of entries (default: all)"},
        seeds={"type": int, "help": "runs of each model that uses chance (default: 3; with --quick 1)"},
    )
    names = options.models.split(",")
    if unknown := [name for name in names if name not in ENTRIES]:
        raise SystemExit(f"no such models: {', '.join(unknown)}; there are {', '.join(ENTRIES)}")
    seeds = (1 if options.quick else 3) if options.seeds is None else options.seeds
    if seeds < 1:
        raise SystemExit(f"--seeds must be at least 1, got {seeds}")
    held = held_out(options.text, quick=options.quick)
    rows = [row(name, held, seeds) for name in names]
    report(rows, as_json=options.json)
    if not options.quick:
        store(rows, table_file(options.text))
    return rows


if __name__ == "__main__":
    command(main)
