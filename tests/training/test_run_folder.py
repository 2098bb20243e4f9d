"""The folder of a run: one writer at a time, no litter, and errors that name it."""

import os
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest
from training.saved import save

from arlm_helpers.training.checkpoints import Checkpoints
from arlm_helpers.training.run_folder import locked, saved_steps, step_path

HOLD = """
import pathlib, sys
from arlm_helpers.training.run_folder import locked
with locked(pathlib.Path(sys.argv[1])):
    print("locked", flush=True)
    sys.stdin.read()
"""


@contextmanager
def another_process_in(folder):
    """A process that holds the lock until the block ends."""
    command = [sys.executable, "-c", HOLD, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "locked\n"
        yield process
        process.stdin.close()


def assert_locked(folder):
    with pytest.raises(RuntimeError, match="another run writes to") as caught, locked(folder):
        pass
    assert str(folder) in str(caught.value)


def test_a_second_writer_is_refused_at_once_until_the_first_has_ended(tmp_path):
    with locked(tmp_path):
        assert_locked(tmp_path)
        with locked(tmp_path / "elsewhere"):
            pass
    with locked(tmp_path):
        pass


def test_a_writer_in_another_process_is_noticed_and_its_death_frees_the_folder(tmp_path):
    with another_process_in(tmp_path) as process:
        assert_locked(tmp_path)
        process.send_signal(signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)
        process.wait()
        with locked(tmp_path):
            pass


def test_the_folder_is_made_and_the_lock_let_go_after_an_error(tmp_path):
    folder = tmp_path / "my runs" / "第一 für Übung"
    with pytest.raises(KeyError), locked(folder):
        raise KeyError
    with locked(folder):
        assert folder.is_dir()


def test_what_killed_writers_left_is_removed_and_nothing_else(tmp_path):
    save(Checkpoints(tmp_path), 1)
    litter = [f"step_00000002.{suffix}.{'0f' * 16}.tmp" for suffix in ("json", "safetensors")]
    notes = ["notes.txt", "mine.tmp", "lstm.safetensors", "step_2.safetensors", "step_00000002.txt"]
    for name in [*litter, "step_00000002.safetensors", *notes]:
        (tmp_path / name).write_text("text")
    with locked(tmp_path):
        pass
    kept = {path.name for path in tmp_path.iterdir()}
    assert kept == {"run.lock", "step_00000001.json", "step_00000001.safetensors", *notes}


def test_steps_are_listed_by_number_even_past_eight_digits(tmp_path):
    for step in (100_000_000, 20, 99_999_999):
        step_path(tmp_path, step).with_suffix(".json").write_text("")
    assert saved_steps(tmp_path) == [20, 99_999_999, 100_000_000]
    assert saved_steps(tmp_path / "no such folder") == []


@pytest.mark.parametrize("name", ["file", "file/below"])
def test_a_folder_that_is_a_file_is_named(tmp_path, name):
    (tmp_path / "file").write_text("text")
    with pytest.raises(OSError, match="is a file, not a folder") as caught, locked(tmp_path / name):
        pass
    assert str(tmp_path / name) in str(caught.value)


@pytest.fixture
def read_only():
    """A folder in which this process may not write, whoever runs the tests."""
    if sys.platform == "win32":
        pytest.skip("Windows has no read-only folders")
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o555)
        user = os.geteuid()
        try:
            if user == 0:
                os.seteuid(65534)  # root may write everywhere: be nobody for a moment
            yield Path(name)
        finally:
            os.seteuid(user)
            os.chmod(name, 0o755)


@pytest.mark.parametrize("name", [".", "new/run"])
def test_a_read_only_folder_is_named(read_only, name):
    with pytest.raises(PermissionError, match="cannot be written; give the run another one") as caught:
        save_in(read_only / name)
    assert str(read_only / name) in str(caught.value)


def save_in(folder):
    checkpoints = Checkpoints(folder)
    with checkpoints.lock():
        save(checkpoints, 1)


def test_a_folder_that_becomes_read_only_is_named_with_the_step_that_is_safe(tmp_path, monkeypatch):
    checkpoints = Checkpoints(tmp_path)
    save(checkpoints, 1)
    denied = PermissionError(13, "Permission denied")
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(denied))
    with pytest.raises(PermissionError, match=r"cannot be written.*Step 2 is not saved; step 1 is"):
        save(checkpoints, 2)
    assert saved_steps(tmp_path) == [1]
