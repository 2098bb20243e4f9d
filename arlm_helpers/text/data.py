"""Texts to learn from: a corpus by its name, or the reader's own file.

Command line::

    python -m arlm_helpers.text.data fetch [names …]     download what is missing (all data sets by default;
                                                         an optional one that fails is a line, no failure)
    python -m arlm_helpers.text.data list                what there is, and what is here
"""

import argparse
import difflib
import sys
from dataclasses import dataclass, field
from pathlib import Path

from arlm_helpers.text import shakespeare
from arlm_helpers.text.archives import read_members
from arlm_helpers.text.catalogue import DataError, datasets, find_dataset
from arlm_helpers.text.fetch import fetch, is_stored, stored, try_once
from arlm_helpers.text.unpacking import unpacked

CORPORA = {"shakespeare": shakespeare.split_plays}  # name → its files to (train, validation, test)
MAX_FILE_BYTES = 500_000_000  # of the reader's own file; it is held in memory


@dataclass(frozen=True)
class Corpus:
    """Text in three parts: fit on ``train``, choose on ``validation``, report on ``test``."""

    train: str = field(repr=False)
    validation: str = field(repr=False)
    test: str = field(repr=False)
    name: str = ""

    @property
    def text(self) -> str:
        """The three parts in this order."""
        return self.train + self.validation + self.test


def load_corpus(source: str | Path) -> Corpus:
    """A corpus of ``data/datasets.toml`` by its name, or the reader's own file, in three parts.

    Shakespeare is split by whole plays (``shakespeare.py`` names them). A file is split by position: the
    last tenth of its characters is ``test``, the last tenth of what stands before it ``validation``.

    Raises:
        DataError: (a ``ValueError``) if a corpus was not fetched, or if its file is damaged.
        ValueError: if a file cannot be used as text; see ``read_text``.
    """
    if isinstance(source, str) and source in CORPORA:
        dataset = find_dataset(source)
        members = read_members(stored(dataset), dataset.members)
        train, validation, test = CORPORA[source](members)
        return Corpus(train, validation, test, name=source)
    rest, test = split_text(read_text(source))
    train, validation = split_text(rest)
    return Corpus(train, validation, test, name=Path(source).name)


def load_text(source: str | Path) -> str:
    """All text of a corpus, or of the reader's own UTF-8 file.

    A ``str`` that names a corpus means the corpus; write ``"./shakespeare"`` for a file of that name.

    Raises:
        DataError, ValueError: as ``load_corpus``.
    """
    if isinstance(source, str) and source in CORPORA:
        return load_corpus(source).text
    return read_text(source)


def split_text(text: str, held_out: float = 0.1) -> tuple[str, str]:
    """Cut a text in two: all but the last ``held_out`` of its characters, and those.

    The number of characters held out is ``round(held_out * len(text))``.

    Raises:
        ValueError: if ``held_out`` is not between 0 and 1, or if a part would be empty.
    """
    if not 0 < held_out < 1:
        raise ValueError(f"held_out must be a fraction between 0 and 1, got {held_out}")
    cut = len(text) - round(held_out * len(text))
    if not 0 < cut < len(text):
        raise ValueError(
            f"a text of {len(text)} characters is too short to hold out {held_out:.0%}; use a longer text"
        )
    return text[:cut], text[cut:]


def read_text(path: str | Path) -> str:
    """A UTF-8 file as text. A byte order mark at its start is removed; lines end with a line feed,
    whether the file writes them as Windows (CR LF), Unix (LF) or the old Mac (CR) did.

    Raises:
        ValueError: if the file is missing, a folder, empty, too large for memory, or not UTF-8; the
            message says what to do.
    """
    if len(str(path)) > 1000:
        raise ValueError(
            f"the path of a file is asked for, got {len(str(path)):,} characters, {str(path)[:40]!r} …; "
            "a text that you hold already need not be loaded"
        )
    path = Path(path)
    data = read_bytes(path)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(not_utf8_message(path, data, error)) from None
    if "\0" in text:
        raise ValueError(
            f"{path} holds a zero byte at position {data.index(0)}: it is no plain text, or it is UTF-16. "
            + convert_hint(path, "utf-16")
        )
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        raise ValueError(f"{path} is empty; choose a file with text in it")
    return text


def read_bytes(path: Path) -> bytes:
    """The bytes of a file, if it is one of a size we can hold."""
    try:
        if path.is_dir():
            raise ValueError(f"{path} is a folder; name one text file in it")
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise ValueError(
                f"{path} has {size:,} bytes, at most {MAX_FILE_BYTES:,} are read; cut a part out of it"
            )
        return path.read_bytes()
    except FileNotFoundError:
        raise ValueError(missing_message(path)) from None
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}; check its name and permissions") from None


def missing_message(path: Path) -> str:
    """What to say about a source that is neither a corpus nor a file."""
    close = difflib.get_close_matches(str(path).lower(), CORPORA, n=1, cutoff=0.5)
    hint = f"Did you mean the corpus {close[0]!r}?" if close else f"The corpora are: {', '.join(CORPORA)}."
    return f"there is no file {str(path)!r} in {Path.cwd()}, and no corpus has that name. {hint}"


def not_utf8_message(path: Path, data: bytes, error: UnicodeDecodeError) -> str:
    """Which byte is wrong, which encoding it may be, and how to convert the file."""
    likely = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "gb18030"
    others = "" if likely == "utf-16" else " (or 'big5', 'cp1252', … in place of 'gb18030')"
    byte = data[error.start]
    problem = f"{path} is not UTF-8: byte 0x{byte:02X} at position {error.start}"
    return f"{problem}. {convert_hint(path, likely)}{others}"


def convert_hint(path: Path, encoding: str) -> str:
    """A line of Python that writes a copy in UTF-8."""
    copy = path.with_name(f"{path.stem}-utf8{path.suffix}")
    read, write = f"Path({str(path)!r}).read_text(encoding={encoding!r})", f"Path({str(copy)!r}).write_text"
    return f"Convert it, for example with: from pathlib import Path; {write}({read}, encoding='utf-8')"


def command_fetch(names: list[str]) -> None:
    """Fetch the named data sets, or all; of these the optional ones may fail."""
    for dataset in [find_dataset(name) for name in names] or datasets().values():
        here = is_stored(dataset)
        path = try_once(dataset) if dataset.optional and not names else fetch(dataset)
        if path is None:
            continue
        if dataset.unpacked_sha256:
            path = unpacked(dataset)
        print(f"{dataset.name}: {'already here' if here else 'fetched'}, {path}")


def command_list() -> None:
    """Print one line per data set."""
    for dataset in datasets().values():
        here = "here" if is_stored(dataset) else "not fetched"
        print(f"{dataset.name:12} {dataset.size / 1e6:7.1f} MB  {here:12} {dataset.about}; {dataset.licence}")


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns its exit status: 0 done, 1 failed, 130 interrupted."""
    parser = argparse.ArgumentParser(
        prog="python -m arlm_helpers.text.data", description="Data of the course."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("fetch", help="download what is missing").add_argument("names", nargs="*")
    commands.add_parser("list", help="show the data sets")
    chosen = parser.parse_args(arguments)
    try:
        command_list() if chosen.command == "list" else command_fetch(chosen.names)
    except DataError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; nothing half-fetched was kept, run the command again to continue", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
