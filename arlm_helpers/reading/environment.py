"""Is everything in place? A self-test of the reader's machine that needs no network and changes nothing."""

import os
import platform
import re
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DISTRIBUTION = "arlm-helpers"
MARKS = {True: "✓ ok", False: "✗ problem", None: "· for information"}
REPAIR = "run `python3 course.py lab` in the course folder, which installs what is missing"


@dataclass(frozen=True)
class Line:
    """One thing that was looked at. ``passed`` is None where there is nothing to pass."""

    name: str
    passed: bool | None
    found: str
    way_out: str = ""

    def cells(self) -> tuple[str, str, str]:
        """Mark, name, and what was found; with what to do where something is wrong."""
        told = self.found if self.passed is not False else f"{self.found}. Way out: {self.way_out}"
        return MARKS[self.passed], self.name, told


class Report(tuple[Line, ...]):
    """The lines of a self-test; a table in a notebook and as plain text. ``passed`` if no line failed."""

    @property
    def passed(self) -> bool:
        """Whether no line is a problem."""
        return all(line.passed is not False for line in self)

    @property
    def verdict(self) -> str:
        """The report in one sentence."""
        n_failed = sum(line.passed is False for line in self)
        if self.passed:
            return "Everything the course needs is in place."
        return f"{n_failed} {'thing needs' if n_failed == 1 else 'things need'} attention."

    def __repr__(self) -> str:
        rows = [line.cells() for line in self]
        widths = [max(len(cells[i]) for cells in rows) for i in range(2)] if rows else []
        lines = ["  ".join([*map(str.ljust, cells[:2], widths), cells[2]]) for cells in rows]
        return "\n".join([*lines, self.verdict])

    def _repr_html_(self) -> str:
        names = ("result", "what", "found")
        head = "".join(f'<th scope="col" style="text-align:left">{name}</th>' for name in names)
        body = "".join(
            "<tr>" + "".join(f'<td style="text-align:left">{escape(cell)}</td>' for cell in line.cells())
            for line in self
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table><p>{self.verdict}</p>"


def self_test(tries: Mapping[str, Callable[[], str]] | None = None) -> Report:
    """Look at Python, libraries, processor and folders, then at each of ``tries``.

    ``tries`` maps a name to a function that says what it found, or raises an error whose message says
    what to do. An unexpected error is a problem of that line only; a self-test never raises.
    """
    lines = [python_line(), *map(library_line, ("torch", "plotly", "ipywidgets", "jupyterlab-widgets"))]
    lines += [threads_line(), device_line(), *map(folder_line, writable_folders())]
    return Report([*lines, *(tried(name, attempt) for name, attempt in (tries or {}).items())])


def tried(name: str, attempt: Callable[[], str]) -> Line:
    """What ``attempt()`` says, or the message of its error as the way out."""
    try:
        return Line(name, True, str(attempt()))
    except Exception as error:
        return Line(name, False, type(error).__name__, " ".join(str(error).split()) or REPAIR)


def python_line(version: tuple[int, ...] = tuple(sys.version_info[:3])) -> Line:
    """Python's version; 3.11 is the oldest that will do."""
    found = f"{'.'.join(map(str, version))} on {platform.system()} {platform.machine()}"
    way_out = "install Python 3.11 or later from https://www.python.org and run course.py with it"
    return Line("Python", tuple(version) >= (3, 11), found, way_out)


def library_line(name: str) -> Line:
    """The version of a library, compared with the oldest that the package accepts."""
    try:
        found = metadata.version(name)
    except metadata.PackageNotFoundError:
        return Line(name, False, "not installed", REPAIR)
    oldest = oldest_version(name)
    new_enough = numbers(found) >= numbers(oldest)
    return Line(name, new_enough, found if new_enough else f"{found}, older than {oldest}", REPAIR)


def oldest_version(name: str) -> str:
    """The lower bound in the package's own list of requirements; "0" if it has none."""
    try:
        wanted = metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:  # the folder is used without being installed
        wanted = []
    bounds = [re.match(rf"{re.escape(name)}\s*>=\s*([\d.]+)", requirement) for requirement in wanted]
    return next((bound[1] for bound in bounds if bound), "0")


def numbers(version: str) -> tuple[int, ...]:
    """The numbers at the start of a version: "2.13.0+cpu" gives (2, 13, 0)."""
    return tuple(map(int, re.findall(r"\d+", re.match(r"[\d.]*", version)[0])))


def threads_line() -> Line:
    """On how many processor threads torch computes."""
    import torch

    n_threads = torch.get_num_threads()
    return Line("threads", None, f"torch computes on {n_threads} of {os.cpu_count()} processor threads")


def device_line() -> Line:
    """The accelerator that torch sees; none is needed."""
    import torch

    if torch.cuda.is_available():
        found = f"{torch.cuda.get_device_name()}, seen by torch as 'cuda'"
    elif torch.backends.mps.is_available():
        found = "Apple GPU, seen by torch as 'mps'"
    else:
        found = "none seen by torch; every notebook as stored runs without one"
    return Line("GPU", None, found)


def writable_folders() -> dict[str, Path]:
    """The folders that the course writes into, by the names that its documents use."""
    data = Path(os.environ.get("ARLM_DATA") or ROOT / "data").expanduser()
    return {"folder build/": ROOT / "build", "folder data/cache/": data / "cache"}


def folder_line(name: str, folder: Path | None = None) -> Line:
    """Whether a folder can be written, tried with a temporary file; in its parent while it does not exist."""
    folder = writable_folders()[name] if folder is None else folder
    place = next((path for path in (folder, *folder.parents) if path.is_dir()), folder)
    way_out = f"make {folder} writable for you, or put the course folder where you may write"
    try:
        with tempfile.TemporaryFile(dir=place) as file:
            file.write(b"self-test")
    except OSError as error:
        return Line(name, False, f"cannot be written ({error.strerror})", way_out)
    return Line(name, True, "can be written")
