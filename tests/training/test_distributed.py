"""Several processes share every batch and make the steps that one process would make."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from training.side_by_side import ADAMW, MUON, gpt, seen, windows

from arlm_helpers.training import distributed
from arlm_helpers.training.batches import ShuffledWindows, Streams
from arlm_helpers.training.checkpoints import Checkpoints
from arlm_helpers.training.distributed import check_shares, own_gpu, share
from arlm_helpers.training.run_folder import saved_steps
from arlm_helpers.training.trainer import train
from tests.training.tiny import TEXT

SCRIPT = Path(__file__).resolve().with_name("side_by_side.py")


def free_ports(n):
    """Ports of this machine that nobody listens at."""
    listeners = [socket.socket() for _ in range(n)]
    for listener in listeners:
        listener.bind(("127.0.0.1", 0))
    ports = [listener.getsockname()[1] for listener in listeners]
    for listener in listeners:
        listener.close()
    return ports


def python_path():
    """Where new processes find the tests and the package."""
    folders = [*map(str, SCRIPT.parents[1:3]), os.environ.get("PYTHONPATH", "")]
    return os.pathsep.join(filter(None, folders))


def start(number, folder, *ports):
    """One of two processes, as torchrun would start it."""
    told = {"RANK": number, "LOCAL_RANK": number, "WORLD_SIZE": 2, "MASTER_ADDR": "127.0.0.1"}
    told |= {"MASTER_PORT": ports[0], "OMP_NUM_THREADS": 1, "PYTHONPATH": python_path()}
    environment = os.environ | {name: str(value) for name, value in told.items()}
    return subprocess.Popen([sys.executable, SCRIPT, folder, str(ports[1])], env=environment)


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    """The folder of two processes that trained side by side, and what each of them saw."""
    folder, ports = tmp_path_factory.mktemp("together"), free_ports(2)
    both = [start(number, folder, *ports) for number in range(2)]
    try:
        both[0].wait(timeout=120)
    finally:
        for process in both:
            process.kill()
            process.wait()
    return folder, [json.loads((folder / f"{number}.json").read_text()) for number in range(2)]


@pytest.fixture
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(("name", "config"), [("muon", MUON), ("adamw", ADAMW)])
def test_two_processes_make_the_steps_of_one_with_the_joint_batch(together, one_thread, name, config):
    model = gpt()
    alone = seen(train(model, windows(), config), model)
    for process in together[1]:
        steps = torch.tensor(process[name]["steps"])
        torch.testing.assert_close(steps, torch.tensor(alone["steps"]), atol=1e-4, rtol=1e-4)
        assert process[name]["weights"] == pytest.approx(alone["weights"], abs=1e-3)


@pytest.mark.parametrize("name", ["muon", "adamw", "dropout", "stopped"])
def test_all_processes_see_the_same_to_the_bit(together, name):
    assert together[1][0][name] == together[1][1][name]


def test_only_the_first_process_saves_and_the_checkpoint_goes_on_alone(together, one_thread):
    folder = together[0] / "muon"
    assert [process["saved"] for process in together[1]] == [[2, 4, 6], []]
    assert saved_steps(folder) == [4, 6]
    assert len(list(folder.iterdir())) == 5  # two pairs and the lock
    model = gpt(seed=9)
    assert list(train(model, windows(), MUON, folder=folder)) == []
    sums = [weight.double().sum().item() for weight in model.parameters()]
    assert sums == together[1][0]["muon"]["weights"]


def test_no_two_shares_get_the_same_dropout(together):
    first, second = (process["dropped"] for process in together[1])
    assert len(first) == len(second) == 6
    assert all(a != b for a, b in zip(first, second, strict=True))  # by chance equal: 6 in 256


def test_asking_one_process_to_stop_stops_all_and_they_go_on_bit_for_bit(together):
    whole = together[1][0]["dropout"]
    for first, rest in (process["stopped"] for process in together[1]):
        assert [len(first["steps"]), len(rest["steps"])] == [3, 3]
        assert first["steps"] + rest["steps"] == whole["steps"] and rest["weights"] == whole["weights"]
    last, expected = (Checkpoints(together[0] / name).latest()[1] for name in ("stopped", "whole"))
    assert last["random_states"]["torch"] == expected["random_states"]["torch"]


def test_a_process_that_does_not_answer_is_given_up(together):
    said = (together[0] / "silence").read_text()
    assert "process 0 of 2 no longer hears from the others" in said and "its last checkpoint" in said


@pytest.fixture
def second_of_four(monkeypatch):
    monkeypatch.setattr(distributed, "n_processes", lambda: 4)
    monkeypatch.setattr(distributed, "process_number", lambda: 1)


def test_a_share_is_the_rows_of_one_process(second_of_four):
    batch = ShuffledWindows(TEXT, context_length=16, batch_size=8).next_batch()
    assert torch.equal(share(batch).ids, batch.ids[2:4])
    assert torch.equal(share(batch).targets, batch.targets[2:4])


@pytest.mark.parametrize(
    ("batches", "complaint"),
    [
        (ShuffledWindows(TEXT, context_length=16, batch_size=6), "batches of 6 rows .* such as 8"),
        (ShuffledWindows(TEXT, context_length=16, batch_size=1), "batches of 1 rows .* such as 4"),
        (Streams(TEXT, context_length=16, batch_size=8), "Streams carry a state .* use ShuffledWindows"),
    ],
)
def test_batches_that_cannot_be_shared_are_refused(second_of_four, batches, complaint):
    with pytest.raises(ValueError, match=complaint):
        check_shares(batches)


def test_more_processes_than_gpus_are_refused(monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", "2")
    assert own_gpu(3) == 2
    with pytest.raises(ValueError, match=r"process 2 has no GPU, this machine has 2: use .*per-node 2"):
        own_gpu(2)
