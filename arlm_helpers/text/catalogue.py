"""Which data sets exist, and where they lie: ``data/datasets.toml`` read into ``Dataset`` records.

The data folder is ``data/`` of the course folder that holds this package, or the folder named by the
environment variable ``ARLM_DATA``. Downloads go into its subfolder ``cache/``.
"""

import difflib
import os
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

COURSE_FOLDER = Path(__file__).resolve().parents[2]
SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")


class DataError(ValueError):
    """Data that is missing, damaged or not what was promised; the message says what to do about it."""


@dataclass(frozen=True)
class Dataset:
    """One entry of ``datasets.toml``.

    ``file`` is the archive with exactly ``size`` bytes and this ``sha256``; ``members`` are patterns of
    the files in it that are read. A single large member may be unpacked into the cache, and has then a
    sha256 of its own. What is ``optional`` only some notebooks need: set-up goes on without it.

    Raises:
        DataError: if a name could leave the cache folder or be read by pip as an option, if the size is
            not positive, or if a hash is not 64 hexadecimal digits.
    """

    name: str
    about: str
    package: str
    version: str
    file: str
    size: int
    sha256: str
    licence: str
    members: tuple[str, ...]
    unpacked_sha256: str = ""
    optional: bool = False

    def __post_init__(self) -> None:
        for value in (self.name, self.package, self.version, self.file):
            if not SAFE_NAME.fullmatch(value):
                raise DataError(
                    f"datasets.toml, [{self.name}]: {value!r} is not a plain name; correct the entry"
                )
        hashes = (self.sha256, self.unpacked_sha256 or self.sha256)
        if self.size <= 0 or not all(re.fullmatch("[0-9a-f]{64}", value) for value in hashes):
            raise DataError(
                f"datasets.toml, [{self.name}]: size must be positive and sha256 64 hexadecimal digits, "
                f"got {self.size} and {hashes}"
            )


def data_folder() -> Path:
    """The folder of all data: ``$ARLM_DATA``, else ``data/`` of the course folder.

    Raises:
        DataError: if neither exists, as after an installation that copies the package elsewhere.
    """
    if chosen := os.environ.get("ARLM_DATA"):
        return Path(chosen).expanduser()
    if (COURSE_FOLDER / "data" / "datasets.toml").is_file():
        return COURSE_FOLDER / "data"
    raise DataError(
        f"no folder data/ with datasets.toml in {COURSE_FOLDER}: the package is installed apart from the "
        "course folder. Install it there with `pip install -e .`, or set the environment variable "
        "ARLM_DATA to the data/ folder of the course"
    )


def cache_folder() -> Path:
    """Where downloads are kept; it need not exist yet."""
    return data_folder() / "cache"


def datasets() -> dict[str, Dataset]:
    """All data sets by name. A ``datasets.toml`` in ``$ARLM_DATA`` stands in for the course's own.

    Raises:
        DataError: if there is no ``datasets.toml``, or if it cannot be read.
    """
    own = data_folder() / "datasets.toml"
    path = own if own.is_file() else COURSE_FOLDER / "data" / "datasets.toml"
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))
        return {name: Dataset(name=name, **entry_values(entry)) for name, entry in entries.items()}
    except FileNotFoundError:
        raise DataError(
            f"{own} does not exist; copy datasets.toml of the course's data/ folder there"
        ) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, TypeError) as error:
        raise DataError(f"{path} cannot be read: {error}; restore it from the course's repository") from None


def entry_values(entry: dict) -> dict:
    """The values of one TOML table, lists made tuples."""
    return {key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()}


def find_dataset(name: str) -> Dataset:
    """The data set of this name.

    Raises:
        DataError: if there is none; the message suggests close names.
    """
    known = datasets()
    if name in known:
        return known[name]
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known)}"
    raise DataError(f"no data set is called {name!r}; {hint}")
