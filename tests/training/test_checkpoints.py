"""Checkpoints: what was saved comes back to the bit, and no accident costs more than the last step."""

import subprocess
import sys
from pathlib import Path

import faults
import pytest
import torch
from safetensors import safe_open
from training.saved import assert_holds, facts_of, save, tensors_of

from arlm_helpers.training.checkpoints import Checkpoints
from arlm_helpers.training.run_folder import saved_steps

TESTS = Path(__file__).resolve().parent.parent
needs_fork = pytest.mark.skipif(sys.platform != "linux", reason="forks after importing torch")


@pytest.fixture
def checkpoints(tmp_path):
    return Checkpoints(tmp_path)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.int64, torch.uint8])
@pytest.mark.parametrize("shape", [(), (0,), (3,), (4, 5)])
def test_tensors_come_back_to_the_bit(checkpoints, dtype, shape):
    saved = (torch.randint(256, shape, generator=torch.Generator().manual_seed(0)) / 7).to(dtype)
    checkpoints.save({"a": saved}, facts_of(1))
    loaded = checkpoints.latest()[0]["a"]
    assert (loaded.dtype, loaded.shape) == (saved.dtype, saved.shape)
    assert torch.equal(loaded, saved)


def test_nan_infinity_and_minus_zero_survive(checkpoints):
    odd = torch.tensor([torch.nan, torch.inf, -0.0, 1e-45])
    checkpoints.save({"a": odd}, facts_of(1))
    assert torch.equal(checkpoints.latest()[0]["a"].view(torch.int32), odd.view(torch.int32))


def test_views_transposed_and_shared_tensors_are_saved_whole(checkpoints):
    base = torch.arange(12.0).view(3, 4)
    views = {
        "base": base,
        "again": base,
        "row": base[1],
        "turned": base.T,
        "grad": base.clone().requires_grad_(),
    }
    checkpoints.save(views, facts_of(1))
    torch.testing.assert_close(checkpoints.latest()[0], {k: v.detach() for k, v in views.items()})
    assert torch.equal(base, torch.arange(12.0).view(3, 4))


def test_the_files_are_plain_safetensors_and_json_for_people(checkpoints, tmp_path):
    save(checkpoints, 100)
    with safe_open(tmp_path / "step_00000100.safetensors", framework="np") as file:
        assert (file.get_tensor("model.weight") == 100).all()
    text = (tmp_path / "step_00000100.json").read_text(encoding="utf-8")
    assert '\n    "step": 100,\n' in text
    assert "你好" in text


def test_nothing_saved_is_nothing_found(tmp_path):
    assert Checkpoints(tmp_path / "no such folder").latest() is None
    assert Checkpoints(tmp_path).last_good_step is None


def test_the_newest_two_are_kept(checkpoints):
    save(checkpoints, 1, 2, 30, 100000000)
    assert saved_steps(checkpoints.folder) == [30, 100000000]
    assert len(list(checkpoints.folder.iterdir())) == 4
    assert checkpoints.last_good_step == 100000000
    assert_holds(Checkpoints(checkpoints.folder), 100000000)


def test_what_was_saved_last_is_the_newest_there_is(checkpoints):
    save(checkpoints, 10, 20, 3)
    assert_holds(Checkpoints(checkpoints.folder), 3)
    assert saved_steps(checkpoints.folder) == [3]


@pytest.mark.parametrize(
    ("value", "error"), [(float("nan"), ValueError), (float("inf"), ValueError), (torch.tensor(1), TypeError)]
)
def test_facts_that_json_cannot_hold_are_refused_before_anything_is_written(checkpoints, value, error):
    with pytest.raises(error):
        checkpoints.save(tensors_of(1), facts_of(1) | {"best": value})
    assert list(checkpoints.folder.iterdir()) == []


def test_each_file_is_on_the_disk_before_it_gets_its_name_and_the_json_file_comes_last(
    checkpoints, monkeypatch
):
    save(checkpoints, 1, 2)
    log = counted(monkeypatch).log
    save(checkpoints, 3)
    writing = ["open {0}", "write {0}", "fsync file", "replace {0}", "fsync folder", "unlink {0}"]
    written = [line.format(suffix) for suffix in ("safetensors", "json") for line in writing]
    assert log == [
        *written,
        "unlink json",
        "unlink safetensors",
    ]  # and of the old one the JSON file goes first


def counted(monkeypatch, at=0, strike=None):
    """Faults for the length of a test."""
    monkeypatch.setattr("arlm_helpers.training.tensor_files.open", None, raising=False)  # restored later
    return faults.Faults(at, strike).install(monkeypatch.setattr)


N_STEPS_OF_A_SAVE = 14  # as listed above


@pytest.mark.parametrize("at", [1, 2, 3, 5, 7, 8, 9, 11])  # the opens, writes and fsyncs
def test_a_full_disk_is_a_clear_error_and_costs_nothing(checkpoints, monkeypatch, at):
    save(checkpoints, 1, 2)
    with monkeypatch.context() as patch:
        counted(patch, at, faults.disk_full)
        with pytest.raises(
            OSError, match=r"disk is full; make room\. Step 3 is not saved; step 2 is"
        ) as caught:
            save(checkpoints, 3)
    assert str(checkpoints.folder) in str(caught.value)
    assert not list(checkpoints.folder.glob("*.tmp"))
    if at < N_STEPS_OF_A_SAVE - 3:  # at the very last fsync the checkpoint has its name already
        assert_holds(Checkpoints(checkpoints.folder), 2)
    save(checkpoints, 3)  # once there is room
    assert_holds(Checkpoints(checkpoints.folder), 3)


def test_a_disk_full_at_the_first_save_says_that_nothing_is_saved(checkpoints, monkeypatch):
    counted(monkeypatch, 2, faults.disk_full)
    with pytest.raises(OSError, match="Step 1 is not saved, and no step was before"):
        save(checkpoints, 1)


def test_an_old_file_that_cannot_be_removed_does_not_stop_the_run(checkpoints, monkeypatch):
    save(checkpoints, 1, 2)
    with monkeypatch.context() as patch:
        counted(patch, N_STEPS_OF_A_SAVE - 1, lambda: (_ for _ in ()).throw(PermissionError("in use")))
        save(checkpoints, 3)
    assert saved_steps(checkpoints.folder) == [1, 2, 3]
    save(checkpoints, 4)
    assert saved_steps(checkpoints.folder) == [3, 4]


KILLED_WHILE_SAVING = """
import sys
sys.path.insert(0, {tests!r})
import faults
from training.saved import save
from arlm_helpers.training.checkpoints import Checkpoints

def work(folder, at):
    faults.Faults(at, faults.power_cut).install()
    with folder.lock():
        save(folder, 3)

for at in range(1, 100):
    folder = Checkpoints({folder!r} + f"/at_{{at:02}}")
    with folder.lock():
        save(folder, 1, 2)
    code = faults.forked(lambda: work(folder, at))
    print(code)
    if code != -9:
        break
"""


@needs_fork
def test_killed_at_any_moment_of_a_save_a_whole_checkpoint_is_there_and_no_litter_stays(tmp_path):
    script = KILLED_WHILE_SAVING.format(tests=str(TESTS), folder=str(tmp_path))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.split() == ["-9"] * N_STEPS_OF_A_SAVE + ["0"], done.stderr
    found = []
    for folder in sorted(tmp_path.iterdir()):
        checkpoints = Checkpoints(folder)
        with checkpoints.lock():  # nobody holds the lock of the dead
            found.append(checkpoints.latest()[1]["step"])
            assert_holds(checkpoints, found[-1])
            steps = saved_steps(folder)
            names = [f"step_{step:08d}.{suffix}" for step in steps for suffix in ("json", "safetensors")]
            assert sorted(path.name for path in folder.iterdir()) == ["run.lock", *names]
            save(checkpoints, 4)
    assert found == [2] * 10 + [3] * 5  # the tenth step gives the JSON file its name
