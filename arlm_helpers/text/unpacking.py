"""One large file of an archive, unpacked once into the cache, so that it can be mapped into memory."""

import hashlib
import os
import tempfile
import zipfile
from pathlib import Path

from arlm_helpers.text.archives import check_entries, choose_entries
from arlm_helpers.text.catalogue import DataError, Dataset, cache_folder
from arlm_helpers.text.fetch import storage_message, stored

PIECE = 2**20  # bytes copied at a time


def unpacked(dataset: Dataset) -> Path:
    """The one member of a data set as a file of its own, checked against ``unpacked_sha256`` each time.

    It is written under a temporary name and renamed, so a half file never carries its name; a damaged one is
    replaced. 98 MB take 0.1 seconds to check and 0.6 to unpack.

    Raises:
        DataError: if the data set was not fetched, is damaged, names no single member, or the disk is full.
    """
    if len(dataset.members) != 1 or not dataset.unpacked_sha256:
        raise DataError(f"datasets.toml, [{dataset.name}]: one member and its unpacked_sha256 are needed")
    path = cache_folder() / dataset.members[0].rpartition("/")[2]
    if path.is_file() and file_digest(path) == dataset.unpacked_sha256:
        return path
    archive = stored(dataset)
    try:
        unpack(archive, dataset, path)
    except OSError as error:
        raise DataError(storage_message(error, dataset, path.parent)) from None
    return path


def file_digest(path: Path) -> str:
    """The sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def unpack(archive: Path, dataset: Dataset, path: Path) -> None:
    """Copy the member out of the archive to ``path``, if it is what was promised."""
    with tempfile.TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent) as temporary:
        copy = Path(temporary) / path.name
        with zipfile.ZipFile(archive) as opened, copy.open("wb") as out:
            [entry] = choose_entries(archive, check_entries(archive, opened.infolist()), dataset.members)
            with opened.open(entry) as packed:
                while piece := packed.read(PIECE):
                    out.write(piece)
        if (digest := file_digest(copy)) != dataset.unpacked_sha256:
            raise DataError(f"{path.name} in {archive} is not the promised file: its sha256 is {digest}")
        os.replace(copy, path)
