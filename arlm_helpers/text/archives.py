"""Read files out of a zip archive (a wheel is one) without unpacking, installing or running it."""

import stat
import zipfile
import zlib
from fnmatch import fnmatchcase
from pathlib import Path

from arlm_helpers.text.catalogue import DataError

MAX_ENTRIES = 20_000  # files in one archive
MAX_BYTES = 1_000_000_000  # of all files that are read, unpacked
MAX_RATIO = 200  # unpacked bytes per packed byte; text reaches about 4, deflate at most 1032


def read_members(archive: Path, patterns: tuple[str, ...]) -> dict[str, bytes]:
    """Contents of the files that match a pattern, by name, sorted by name.

    ``*`` and ``?`` match within one folder name, so ``plays/*/*.md`` never reaches deeper.

    Raises:
        DataError: if the archive is damaged, if a pattern matches nothing, or if any entry looks hostile:
            a path that leads out, a link, a repeated name, or more bytes than the limits of this module.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            entries = check_entries(archive, opened.infolist())
            chosen = choose_entries(archive, entries, patterns)
            return {entry.filename: opened.read(entry) for entry in chosen}
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise DataError(
            f"{archive} is not a readable zip archive ({error}); delete it and fetch again"
        ) from None


def check_entries(archive: Path, entries: list[zipfile.ZipInfo]) -> list[zipfile.ZipInfo]:
    """The entries, if none of them looks hostile."""
    if len(entries) > MAX_ENTRIES:
        raise DataError(f"{archive} is refused: {len(entries)} entries, at most {MAX_ENTRIES} are allowed")
    names = set()
    for entry in entries:
        if problem := entry_problem(entry) or ("a name twice" if entry.filename in names else ""):
            raise DataError(f"{archive} is refused: {problem} in entry {entry.filename!r}; delete the file")
        names.add(entry.filename)
    return entries


def entry_problem(entry: zipfile.ZipInfo) -> str:
    """What is hostile about an entry; an empty string if nothing is."""
    name = entry.orig_filename  # zipfile itself cuts a name at a zero byte and turns "\\" into "/" on Windows
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if "\0" in name or "\\" in name or ":" in name or name.startswith("/"):
        return "an absolute or unusual path"
    if ".." in name.split("/"):
        return "a path that leads out of its folder"
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "a link or special file"
    if entry.file_size > MAX_RATIO * max(entry.compress_size, 1):
        return f"more than {MAX_RATIO} bytes unpacked per byte packed"
    return ""


def choose_entries(
    archive: Path, entries: list[zipfile.ZipInfo], patterns: tuple[str, ...]
) -> list[zipfile.ZipInfo]:
    """The files that match a pattern, sorted by name."""
    files = [entry for entry in entries if not entry.is_dir()]
    for pattern in patterns:
        if not any(matches(entry.filename, pattern) for entry in files):
            raise DataError(f"{archive} holds no file that matches {pattern!r}; correct datasets.toml")
    chosen = [entry for entry in files if any(matches(entry.filename, pattern) for pattern in patterns)]
    total = sum(entry.file_size for entry in chosen)
    if total > MAX_BYTES:
        raise DataError(f"{archive} is refused: {total:,} bytes unpacked, at most {MAX_BYTES:,} are allowed")
    return sorted(chosen, key=lambda entry: entry.filename)


def matches(name: str, pattern: str) -> bool:
    """Whether each folder and the file name match the pattern's part at the same depth."""
    names, patterns = name.split("/"), pattern.split("/")
    return len(names) == len(patterns) and all(map(fnmatchcase, names, patterns))
