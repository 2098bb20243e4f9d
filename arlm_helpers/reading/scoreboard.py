"""The scoreboard of the course: every model on the same held-out text, in bits per character."""

import csv
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from html import escape
from pathlib import Path

import plotly.graph_objects as go

from arlm_helpers.reading.figures import scoreboard_bars

SCOREBOARD = Path(__file__).resolve().parents[2] / "data" / "scoreboard.csv"
REQUIRED = ("model", "nats_per_char", "bits_per_char")
HEADS = (
    "model",
    "bits per character",
    "parameters",
    "training CPU s",
    "scoring CPU s",
    "seeds",
    "spread in bits",
)


@dataclass(frozen=True)
class Row:
    """One model on one text. Losses are per character of the held-out text; an unknown number is None.

    ``kind`` is empty where the loss is a likelihood; else it is a "bound" of one, or "not a probability".
    """

    model: str
    nats_per_char: float
    bits_per_char: float
    parameters: int | None = None
    train_cpu_seconds: float | None = None
    eval_cpu_seconds: float | None = None
    seeds: int | None = None
    spread: float | None = None  # worst minus best seed, in nats per character
    text: str = ""
    note: str = ""
    kind: str = ""

    def cells(self) -> tuple[str, ...]:
        """The row as a table shows it; a dash for what is not known, brackets round what is not ranked."""
        sign = "≤ " if self.kind == "bound" else ""
        bits = f"{sign}{self.bits_per_char:.3f}"
        return (
            self.model,
            f"({bits}, {self.kind})" if self.kind else bits,
            _shown(self.parameters, ",d"),
            _shown(self.train_cpu_seconds, ".1f"),
            _shown(self.eval_cpu_seconds, ".1f"),
            _shown(self.seeds, "d"),
            _shown(None if self.spread is None else self.spread / math.log(2), ".3f"),
        )


class Scoreboard(tuple[Row, ...]):
    """Rows, worst first, after those that are not ranked; a table in a notebook and as plain text."""

    def __repr__(self) -> str:
        table = [HEADS, *(row.cells() for row in self)]
        widths = [max(len(cells[i]) for cells in table) for i in range(len(HEADS))]
        lines = [
            "  ".join([cells[0].ljust(widths[0]), *map(str.rjust, cells[1:], widths[1:])]) for cells in table
        ]
        return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])

    def _repr_html_(self) -> str:
        head = "".join(f'<th scope="col">{escape(name)}</th>' for name in HEADS)
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row.cells()) + "</tr>" for row in self
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    def named(self, *models: str) -> "Scoreboard":
        """The rows of some models only.

        Raises:
            ValueError: if a model is not on the scoreboard.
        """
        known = {row.model for row in self}
        if unknown := [model for model in models if model not in known]:
            raise ValueError(f"no row for {unknown}; there are {sorted(known)}")
        return Scoreboard(row for row in self if row.model in models)

    def figure(
        self, *, ours: Collection[str] = (), references: Mapping[str, float] | None = None
    ) -> go.Figure:
        """The ranked rows as bars, ± half the spread; ``ours`` stand out, ``references`` are dotted."""
        ranked = [row for row in self if not row.kind]
        bits = {row.model: row.bits_per_char for row in ranked}
        spreads = {row.model: row.spread / math.log(2) / 2 for row in ranked if row.spread}
        return scoreboard_bars(bits, ours=ours, references=references, spreads=spreads)


def read_scoreboard(path: str | Path = SCOREBOARD) -> Scoreboard:
    """The stored scoreboard, worst model first; before them the rows that are not ranked.

    Raises:
        FileNotFoundError: if there is none; the message names the command that makes it.
        ValueError: if a column is missing or a number cannot be read.
    """
    if not Path(path).exists():
        raise FileNotFoundError(f"{Path(path).name} is missing; run: python -m benchmarks.scoreboard")
    with open(path, encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        if missing := [name for name in REQUIRED if name not in (reader.fieldnames or ())]:
            raise ValueError(f"{Path(path).name} lacks {missing}; run: python -m benchmarks.scoreboard")
        rows = [_row(record, line) for line, record in enumerate(reader, start=2)]
    return Scoreboard(sorted(rows, key=lambda row: (not row.kind, -row.bits_per_char)))


def _row(record: Mapping[str, str], line: int) -> Row:
    types = {"model": str, "text": str, "note": str, "kind": str, "parameters": int, "seeds": int}
    values = {}
    for field in fields(Row):
        written = record.get(field.name) or ""
        as_type = types.get(field.name, float)
        try:
            values[field.name] = written if as_type is str else as_type(float(written)) if written else None
        except ValueError:
            raise ValueError(f"line {line}: {field.name} must be a number, got {written!r}") from None
    return Row(**values)


def _shown(value: float | int | None, form: str) -> str:
    return "–" if value is None else format(value, form)
