"""What every benchmark shares: its arguments, a clock that ignores other programs, and its output."""

import argparse
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch


@dataclass
class Clock:
    """Seconds of processor time that this process used inside a ``cpu_clock`` block."""

    seconds: float = 0.0


@contextmanager
def cpu_clock() -> Iterator[Clock]:
    """Measure processor time, not wall time: other programs on the machine count less."""
    clock, start = Clock(), time.process_time()
    yield clock
    clock.seconds = time.process_time() - start


def arguments(description: str, argv: Sequence[str] | None = None, **more: dict) -> argparse.Namespace:
    """Parse the options of every benchmark, and those in ``more`` (name=dict of add_argument's words).

    Sets one thread, since times of several threads on a busy machine mean little.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--text", default="shakespeare", help="a corpus name or a UTF-8 text file")
    parser.add_argument("--quick", action="store_true", help="a small run that only shows it works")
    parser.add_argument("--json", action="store_true", help="print the rows as JSON")
    for name, words in more.items():
        parser.add_argument(f"--{name}", **words)
    torch.set_num_threads(1)
    return parser.parse_args(argv)


def command(main: Callable[[], object]) -> None:
    """Run ``main`` as a command: what is wrong with the reader's text or options is said in one line."""
    try:
        main()
    except ValueError as error:
        raise SystemExit(f"error: {error}") from None


def shown(value: object) -> str:
    """A table cell: four significant digits for a fraction, thousands grouped, nothing for None."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}" if value < 1000 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else "" if value is None else str(value)


def report(rows: Sequence[Mapping[str, object]], *, as_json: bool) -> None:
    """Print the rows, as a JSON list or as a table with a column per key."""
    if as_json:
        print(json.dumps(rows, ensure_ascii=False, indent=1))
        return
    columns = list(rows[0])
    cells = [columns, *([shown(row[column]) for column in columns] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    for line in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
