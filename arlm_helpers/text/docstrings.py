"""Docstrings of the standard library as a summarisation task: from the body to the first line.

    "If x is already in a, insert it to the right of the rightmost x. Optional args lo (default 0) …"
        →  "Insert item x in list a, and keep it sorted assuming a is sorted."

The writer of a docstring puts what it is about into its first line and the rest below. The files of the
standard library are read as text and never imported. They differ between versions of Python, so the pairs do
too; for one version they are always the same.

Source:
    van Rossum and Goodger (2001), PEP 257, "Multi-line docstrings", https://peps.python.org/pep-0257
"""

import ast
import hashlib
import re
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from arlm_helpers.text.catalogue import DataError
from arlm_helpers.text.pairs import TextPair

NOT_THE_LIBRARY = {"site-packages", "dist-packages", "test", "tests", "idlelib", "lib2to3", "turtledemo"}
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
MIN_SUMMARY, MAX_SUMMARY, MIN_BODY, MAX_BODY = 2, 20, 5, 60  # words
TEST_PERCENT, VALIDATION_PERCENT = 20, 10  # of the modules


@dataclass(frozen=True)
class Docstrings:
    """Bodies of docstrings with their first lines, in three parts that share no module and no body."""

    train: tuple[TextPair, ...] = field(repr=False)
    validation: tuple[TextPair, ...] = field(repr=False)
    test: tuple[TextPair, ...] = field(repr=False)


def docstring_pairs(code: str | bytes) -> list[TextPair]:
    """The docstrings of a Python file that have a first line, a blank line and a body, outer ones first.

    White space becomes single blanks, and a body is cut after 60 words. First lines of less than 2 or more
    than 20 words, those that do not begin with a letter, and bodies of less than 5 words are left out.

    Raises:
        SyntaxError: if this version of Python cannot parse the file.
    """
    pairs = []
    for node in ast.walk(ast.parse(code)):
        docstring = ast.get_docstring(node) if isinstance(node, DOCUMENTED) else None
        summary, _, body = (" ".join(part.split()) for part in (docstring or "").partition("\n\n"))
        words, n_summary = body.split(), len(summary.split())
        if MIN_SUMMARY <= n_summary <= MAX_SUMMARY and len(words) >= MIN_BODY and summary[0].isalpha():
            pairs.append(TextPair(" ".join(words[:MAX_BODY]), summary))
    return pairs


def library_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """The Python files of the library in ``folder`` with the module or package each is of, sorted by path.

    ``json/decoder.py`` is of ``json``, ``_pydecimal.py`` of ``pydecimal``. Tests and installed packages are
    left out.
    """
    for path in sorted(folder.rglob("*.py")):
        within = path.relative_to(folder)
        if not NOT_THE_LIBRARY & {*within.parts}:
            yield within.parts[0].removesuffix(".py").lstrip("_"), path


def part_of_module(module: str) -> str:
    """The part of all pairs of a module, since its docstrings resemble one another: its sha256 decides.

    20 % of the modules are "test", 10 % "validation", the others "train".
    """
    percent = int.from_bytes(hashlib.sha256(module.encode()).digest()[:8], "big") % 100
    if percent >= 100 - TEST_PERCENT:
        return "test"
    return "validation" if percent >= 100 - TEST_PERCENT - VALIDATION_PERCENT else "train"


@cache
def load_docstrings(folder: Path | None = None) -> Docstrings:
    """The pairs of the standard library of this Python, or of another library's ``folder``.

    A body that occurs twice is used once, where it comes first. A file that cannot be parsed is left out.

    Raises:
        DataError: if a part has no pairs, as where the library is packed away.
    """
    folder = folder or Path(sysconfig.get_path("stdlib"))
    parts: dict[str, dict[str, TextPair]] = {"train": {}, "validation": {}, "test": {}}
    seen: set[str] = set()
    for module, path in library_files(folder):
        try:
            pairs = docstring_pairs(path.read_bytes())
        except (SyntaxError, ValueError):
            continue
        for pair in pairs:
            if pair.source not in seen:
                seen.add(pair.source)
                parts[part_of_module(module)][pair.source] = pair
    if not all(parts.values()):
        raise DataError(
            f"too few docstrings in {folder}: the source files of Python's library must lie there"
        )
    return Docstrings(**{part: tuple(pairs.values()) for part, pairs in parts.items()})


def lead(text: str) -> str:
    """The first sentence of a text: it ends at a ``.``, ``!`` or ``?`` before a blank, or with the text."""
    return re.split(r"(?<=[.!?]) ", text, maxsplit=1)[0]
