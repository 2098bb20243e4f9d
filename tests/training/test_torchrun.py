"""The command under torchrun: a process is killed, the run ends in words, and goes on where it was saved."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
from training.test_distributed import python_path
from training.test_pretrain import STORY

from arlm_helpers.training.run_folder import saved_steps
from arlm_helpers.training.weights import read_record

COMMAND = "-m torch.distributed.run --standalone --nproc-per-node 2 -m arlm_helpers.training.pretrain"


def together(folder, *more):
    """Two processes that train on the story, in a process of torchrun."""
    (folder / "story.txt").write_text(STORY)
    own = ["--text", folder / "story.txt", "--out", folder / "run", "--batch-size", 2, *more]
    environment = os.environ | {"PYTHONPATH": python_path(), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, *COMMAND.split(), *map(str, own)]
    return subprocess.Popen(command, env=environment, text=True, stderr=subprocess.PIPE)


def worker(torchrun, number):
    """The process that torchrun gave this number."""
    for process in psutil.Process(torchrun.pid).children(recursive=True):
        if process.environ().get("RANK") == str(number):
            return process
    raise AssertionError(f"torchrun has no process {number}")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes by their environment")
@pytest.mark.parametrize("number", [0, 1])
def test_a_killed_process_ends_the_run_in_words_and_it_goes_on(tmp_path, number):
    torchrun = together(tmp_path, "--steps", 2000, "--checkpoint-every", 2)
    try:
        while not saved_steps(tmp_path / "run"):
            assert torchrun.poll() is None
            time.sleep(0.1)
        worker(torchrun, number).send_signal(signal.SIGKILL)
        said = torchrun.communicate(timeout=60)[1]
    finally:
        torchrun.kill()
    *_, saved = saved_steps(tmp_path / "run")
    assert torchrun.returncode == 1
    assert f"error: process {1 - number} of 2 no longer hears from the others" in said
    assert f"Step {saved} is saved in {tmp_path / 'run'}: the same command with --resume" in said
    again = together(tmp_path, "--steps", saved + 2, "--checkpoint-every", 2, "--resume")
    again.communicate(timeout=120)
    record = read_record(tmp_path / "run" / "weights")
    assert (again.returncode, record["steps_timed"], record["processes"]) == (0, 2, 2)
