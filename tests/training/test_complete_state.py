"""What a checkpoint holds is all there is: each piece left out is noticed, and so is another run's."""

import json

import pytest
import torch
from training.interrupted import SCRIPTS, follow, new_process, start
from training.tiny import TEXT, TinyLSTM

from arlm_helpers.training.random_states import random_states, set_random_states


@pytest.fixture(scope="module", autouse=True)
def as_before():
    """Threads and random states of other tests are not ours."""
    threads, states = torch.get_num_threads(), random_states()
    yield
    torch.set_num_threads(threads)
    set_random_states(states)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """For each kind of loss: every name that was tried, and whether the run went on as if none were lost."""
    return json.loads(new_process(SCRIPTS / "omissions.py", tmp_path_factory.mktemp("omissions")))


@pytest.fixture(params=["adamw-windows", "muon-streams"])
def unnoticed(request, runs):
    return runs[request.param]


@pytest.mark.parametrize("loss", ["tensor", "fresh tensor", "fact", "fresh fact"])
def test_each_piece_of_state_left_out_or_fresh_would_be_noticed(unnoticed, loss):
    assert unnoticed["nothing"] == {"nothing": True}
    assert [name for name, same in unnoticed[loss].items() if same] == []


def test_every_kind_of_state_was_tried(unnoticed):
    parts = {name.split(".")[0] for name in unnoticed["tensor"]}
    assert parts - {"cache"} == {"model", "optimizer"}
    moving = set(unnoticed["fresh fact"])
    assert {"step", "random_states.torch", "random_states.numpy", "random_states.python"} < moving
    carried = {"position.window"} if "cache" in parts else {"position.epoch", "position.n_unread"}
    assert carried < moving


FREE = {"config.n_steps", "config.checkpoint_every", "config.device", "config.compile"}


def test_each_part_of_the_identity_must_be_equal_but_for_what_the_reader_may_change(unnoticed):
    assert {name for name, same in unnoticed["identity"].items() if same} == FREE


other_ids = TEXT.clone()
other_ids[0] += 1


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"model": TinyLSTM(d_model=9)}, r"model.shapes.embedding.weight was \[32, 8\] and is now \[32, 9\]"),
        ({"ids": other_ids}, "batches.fingerprint was .* and is now"),
        ({"batches": "windows"}, "batches.type was 'Streams' and is now 'ShuffledWindows'"),
        ({"optimizer": "adamw"}, "config.optimizer.type was 'Muon' and is now 'AdamW'"),
        ({"clip": None}, "config.clip was 0.5 and is now None"),
        ({"accumulate": 2}, "config.accumulate was 1 and is now 2"),
    ],
    ids=["model", "corpus", "batches", "optimizer", "clip", "accumulate"],
)
def test_a_folder_of_another_run_is_refused_and_kept(tmp_path, changes, difference):
    follow(start(tmp_path), 3)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(ValueError, match=f"{difference}.*use another folder"):
        follow(start(tmp_path, **changes))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert follow(start(tmp_path))[0][0] == 4


def test_two_runs_cannot_share_a_folder(tmp_path):
    first = start(tmp_path)
    next(first)
    with pytest.raises(RuntimeError, match="another run writes to"):
        next(start(tmp_path))
    assert next(first).step == 2
    first.close()
    assert next(start(tmp_path)).step == 3
