"""The folder of one training run: who may write in it, what lies in it, and errors that name it."""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from arlm_helpers.training.tensor_files import facts_file, tensors_file

LOCK = "run.lock"
STEP = re.compile(r"step_(\d{8,})\.(safetensors|json)(\.[0-9a-f]{32}\.tmp)?")


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Be the only writer in ``folder``, which is made if need be, for as long as the block runs.

    The operating system holds the lock (``flock``), so it ends with the process, even a killed one; the
    file ``run.lock`` stays and means nothing by itself. What a killed writer left half done is removed.

    Raises:
        RuntimeError: at once, if another run (of this or another process) writes there.
        OSError: if the folder cannot be made or written; the message names it.
    """
    lock = FileLock(folder / LOCK)
    with errors_that_name(folder):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            raise RuntimeError(
                f"another run writes to {folder}: wait until it ends, stop it (it may be a notebook kernel "
                "that still runs), or give this run a folder of its own"
            ) from None
    try:
        with errors_that_name(folder):
            remove_leftovers(folder)
        yield
    finally:
        lock.release()


def step_path(folder: Path, step: int) -> Path:
    """The two files of a step, without their suffix."""
    return folder / f"step_{step:08d}"


def saved_steps(folder: Path) -> list[int]:
    """The steps whose checkpoint was written to the end, ascending: those that have a JSON file."""
    files = names_in(folder)
    return sorted({int(file[1]) for file in files if file[2] == "json" and not file[3]})


def remove_step(folder: Path, step: int) -> None:
    """Remove a checkpoint: first the JSON file, so that none is left that promises missing tensors."""
    facts_file(step_path(folder, step)).unlink(missing_ok=True)
    tensors_file(step_path(folder, step)).unlink(missing_ok=True)


def remove_leftovers(folder: Path) -> None:
    """Remove what killed writers left: temporary files, and tensors without their JSON file."""
    complete = set(saved_steps(folder))
    for file in names_in(folder):
        if file[3] or int(file[1]) not in complete:
            (folder / file[0]).unlink(missing_ok=True)


def names_in(folder: Path) -> list[re.Match[str]]:
    """The file names in ``folder`` that belong to checkpoints, taken apart: step, suffix, ``.….tmp``."""
    if not folder.is_dir():
        return []
    return [match for name in os.listdir(folder) if (match := STEP.fullmatch(name))]


ADVICE = {
    errno.ENOSPC: "the disk is full; make room",
    errno.EDQUOT: "your share of the disk is used up; make room",
    errno.EACCES: "this folder cannot be written; give the run another one",
    errno.EPERM: "this folder cannot be written; give the run another one",
    errno.EROFS: "this disk is read-only; give the run a folder elsewhere",
    errno.EEXIST: "this is a file, not a folder; give the run another name",
    errno.ENOTDIR: "a part of this path is a file, not a folder; give the run another name",
}


@contextmanager
def errors_that_name(folder: Path, consequence: str = "") -> Iterator[None]:
    """Turn an error of the disk into one of the same kind that says what to do, and what it means."""
    try:
        yield
    except OSError as error:
        advice = ADVICE.get(error.errno or 0, error.strerror or str(error))
        message = f"{advice}. {consequence}" if consequence else advice
        raise OSError(error.errno, message, str(folder)) from error
