"""Going on: a run that was stopped, in whatever way, ends bit for bit like the run that never was."""

import json
import signal
import sys

import faults
import pytest
import torch
from training.interrupted import N_STEPS, SCRIPTS, follow, new_process, start

from arlm_helpers.models.mlp import MLPConfig, MLPLanguageModel
from arlm_helpers.models.rnn import RNNConfig, RNNLanguageModel
from arlm_helpers.training.checkpoints import Checkpoints
from arlm_helpers.training.random_states import random_states, set_random_states
from arlm_helpers.training.run_folder import saved_steps

KINDS = ["adamw-streams", "adamw-windows", "muon-streams", "muon-windows"]


@pytest.fixture(autouse=True)
def as_before():
    """Threads and random states of other tests are not ours."""
    threads, states = torch.get_num_threads(), random_states()
    yield
    torch.set_num_threads(threads)
    set_random_states(states)


def assert_same_end(folder, other, *, not_python=False):
    """Weights, optimizer, carried state, position, random states: every bit of the last checkpoint."""
    tensors, facts = Checkpoints(folder).latest()
    expected_tensors, expected_facts = Checkpoints(other).latest()
    if not_python:  # from whose generator the shape checks of tests draw, too
        facts["random_states"]["python"] = expected_facts["random_states"]["python"]
    assert facts == expected_facts
    assert tensors.keys() == expected_tensors.keys()
    assert [name for name in tensors if not torch.equal(tensors[name], expected_tensors[name])] == []


STOPS = [1, 4, 5, 6, 11]  # an epoch ends after step 5


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Runs that were never stopped, and runs that one process began and a new one ended."""
    folder = tmp_path_factory.mktemp("runs")
    whole = [folder / f"{kind}-whole" for kind in KINDS]
    stopped = [(folder / f"{kind}-{stop}", stop) for kind in KINDS for stop in STOPS]
    script = SCRIPTS / "interrupted.py"
    new_process(script, *sum([(path, N_STEPS) for path in whole], ()), *sum(stopped, ()))
    assert [saved_steps(path)[-1] for path, _ in stopped] == [stop for _, stop in stopped]
    new_process(script, *sum([(path, N_STEPS) for path, _ in stopped], ()))
    return folder


def seen(folder, until=N_STEPS):
    """What the process noted that followed this run until then."""
    return json.loads(folder.with_name(f"{folder.name}.seen{until}").read_text())


@pytest.mark.parametrize("stop", STOPS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_new_process_goes_on_bit_for_bit(runs, kind, stop):
    whole, stopped = runs / f"{kind}-whole", runs / f"{kind}-{stop}"
    assert len(seen(stopped, stop)) == stop
    assert seen(stopped, stop) + seen(stopped) == seen(whole)
    assert_same_end(stopped, whole)


KILLED = """
import sys
import faults
from training.interrupted import follow, start

def work(folder, at):
    faults.Faults(at, faults.power_cut).install()
    follow(start(folder, n_steps=4, checkpoint_every=1))

for at in range(int(sys.argv[2])):
    folder = f"{sys.argv[1]}/at_{at}"
    if at > 0:
        print(faults.forked(lambda: work(folder, at)))
    follow(start(folder, n_steps=4, checkpoint_every=1))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="forks after importing torch")
def test_killed_at_any_moment_of_any_save_a_run_still_ends_the_same(tmp_path):
    n_moments = 12 + 12 + 14  # of three saves; the third also removes the two files of the first
    codes = new_process("-c", KILLED, tmp_path, n_moments + 1)
    assert codes.split() == ["-9"] * n_moments
    for at in range(1, n_moments + 1):
        assert_same_end(tmp_path / f"at_{at}", tmp_path / "at_0")
        assert len(list((tmp_path / f"at_{at}").iterdir())) == 5


def ctrl_c(steps):
    for step in steps:
        if step.step == 5:
            signal.raise_signal(signal.SIGINT)
    assert step.step == 5


def error_in_the_loop(steps):
    with pytest.raises(ZeroDivisionError):
        for step in steps:
            1 / (5 - step.step)
    steps.close()


def full_disk(steps):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("arlm_helpers.training.tensor_files.open", None, raising=False)
        faults.Faults(14, faults.disk_full).install(patch.setattr)
        with pytest.raises(OSError, match=r"disk is full; make room\. Step 4 is not saved; step 2 is"):
            list(steps)


@pytest.mark.parametrize("accident", [ctrl_c, error_in_the_loop, full_disk])
def test_after_any_other_accident_too(tmp_path, accident):
    for _ in start(tmp_path / "whole"):
        pass
    accident(start(tmp_path / "stopped"))
    for _ in start(tmp_path / "stopped"):
        pass
    assert_same_end(tmp_path / "stopped", tmp_path / "whole", not_python=True)


MODELS = {
    "lstm": lambda: RNNLanguageModel(RNNConfig(32, "lstm", d_model=8, n_layers=2), rng=seeded()),
    "gru": lambda: RNNLanguageModel(RNNConfig(32, "gru", d_model=8, by_hand=True), rng=seeded()),
    "mlp": lambda: MLPLanguageModel(MLPConfig(32, order=4, d_embed=4, d_hidden=8), rng=seeded()),
}


def seeded():
    return torch.Generator().manual_seed(5)


@pytest.mark.parametrize("build", MODELS.values(), ids=MODELS)
def test_the_models_of_the_course_go_on_bit_for_bit(tmp_path, build):
    follow(start(tmp_path / "whole", model=build()))
    follow(start(tmp_path / "stopped", model=build()), 7)
    assert any(name.startswith("cache.") for name in Checkpoints(tmp_path / "stopped").latest()[0])
    follow(start(tmp_path / "stopped", model=build()))
    assert_same_end(tmp_path / "stopped", tmp_path / "whole", not_python=True)


def test_a_finished_run_is_finished_and_a_longer_one_goes_on(tmp_path):
    follow(start(tmp_path))
    assert follow(start(tmp_path)) == []
    longer = follow(start(tmp_path, n_steps=N_STEPS + 2, checkpoint_every=None))
    assert [step for step, *_ in longer] == [N_STEPS + 1, N_STEPS + 2]
