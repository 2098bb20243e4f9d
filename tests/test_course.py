"""course.py from outside: what a newcomer sees when it works, and when it cannot."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tools import set_up

ROOT = Path(__file__).resolve().parent.parent
PINS = "alpha==1\ntorch==2.13.0\ntorchlike==3\n"


@pytest.fixture
def copy(tmp_path):
    """A folder with course.py and what it reads, without environment and data."""
    shutil.copy(ROOT / "course.py", tmp_path)
    for name in ("pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "tools", tmp_path / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def call(folder, *arguments, **variables):
    """Run course.py as a user does."""
    keep = {name: value for name, value in os.environ.items() if not name.startswith(("ARLM_", "PIP_"))}
    command = [sys.executable, str(folder / "course.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, env={**keep, **variables}, timeout=120)


def test_help_names_every_command_and_variable(copy):
    shown = call(copy, "--help").stdout
    assert all(word in shown for word in ["lab", "test", "run", "bench", "clean", "ARLM_TORCH", "ARLM_ENV"])


def test_an_older_python_gets_a_sentence():
    code = f"import sys, runpy; sys.version_info = (3, 10, 4); runpy.run_path({str(ROOT / 'course.py')!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("The course needs Python 3.11 or later") and "Traceback" not in done.stderr


def test_a_chosen_torch_is_not_held_back_by_the_pin():
    assert set_up.pinned_torch(PINS) == "torch==2.13.0"
    assert set_up.without_torch(PINS) == "alpha==1\ntorchlike==3\n"


def test_another_torch_changes_the_fingerprint_of_the_environment():
    assert set_up.fingerprint("") == set_up.fingerprint("") != set_up.fingerprint("torch==2.12.0")


def test_a_half_made_environment_is_made_anew_and_a_failed_installation_says_what_to_do(copy):
    left_over = copy / ".venv" / "left-over"
    left_over.mkdir(parents=True)
    (copy / ".venv" / "course.json").write_text(set_up.UNFINISHED)
    done = call(copy, "test", ARLM_TORCH="--no-index no-such-torch")
    assert "removing an unfinished or outdated .venv" in done.stderr and not left_over.exists()
    assert "ARLM_TORCH names another one" in done.stderr and "Traceback" not in done.stderr
    assert done.returncode == 1
    assert (copy / ".venv" / "course.json").read_text() == set_up.UNFINISHED


def test_a_finished_environment_is_used_as_it_is(copy, monkeypatch):
    monkeypatch.setattr(set_up, "ROOT", copy)
    monkeypatch.setattr(set_up, "STATE", copy / "course.json")
    monkeypatch.setattr(set_up, "ENV_PYTHON", Path(sys.executable))
    monkeypatch.setattr(set_up, "step", lambda *_: pytest.fail("nothing is to be done"))
    monkeypatch.delenv("ARLM_TORCH", raising=False)
    choice = "torch==2.12.0"
    state = f'{{"digest": "{set_up.fingerprint(choice)}", "torch": "{choice}"}}'
    set_up.STATE.write_text(state)
    set_up.install(verbose=False)


def test_the_running_python_is_refused_if_it_lacks_the_packages(copy):
    bare = copy / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(bare)], check=True)
    python = bare / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    command = [str(python), str(copy / "course.py"), "test"]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "ARLM_ENV": "current"})
    assert done.returncode == 1
    assert "lacks: arlm_helpers torch" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.skipif(os.name != "posix", reason="Ctrl-C is sent as a POSIX signal")
def test_ctrl_c_ends_with_a_sentence_and_code_130(copy):
    command = [sys.executable, str(copy / "course.py"), "test"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    while not (copy / ".venv" / "course.json").exists():
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    _out, shown = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "The same command goes on from here" in shown and "Traceback" not in shown


@pytest.mark.skipif(os.name != "posix", reason="Ctrl-C is sent as a POSIX signal")
def test_ctrl_c_waits_until_the_step_has_tidied_up(copy):
    (copy / "tidy.py").write_text(
        "import pathlib, time\n"
        "try:\n    pathlib.Path('began').touch(); time.sleep(60)\n"
        "except KeyboardInterrupt:\n    time.sleep(1); pathlib.Path('tidied').touch()\n"
    )
    code = "import sys; from tools.set_up import step; step('a step', [sys.executable, 'tidy.py'])"
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=copy, stderr=subprocess.DEVNULL, start_new_session=True
    )
    while not (copy / "began").exists():
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    process.wait(timeout=60)
    assert (copy / "tidied").exists()


def test_clean_removes_what_the_commands_made_and_nothing_else(copy):
    for name in ("build", ".pytest_cache", "tools/__pycache__", "notebooks/.ipynb_checkpoints", "data/cache"):
        (copy / name).mkdir(parents=True, exist_ok=True)
    assert call(copy, "clean").returncode == 0
    left = {path.name for path in copy.rglob("*") if path.is_dir()}
    assert left == {"tools", "notebooks", "data", "cache"}
    call(copy, "clean", "--all")
    assert not (copy / "data" / "cache").exists()


def test_clean_refuses_what_it_does_not_know(copy):
    assert call(copy, "clean", "--everything").returncode == 1
