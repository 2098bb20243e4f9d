"""Damaged checkpoints: each damage is noticed, and costs no more than the steps since the one before."""

import json

import pytest
from training.saved import assert_holds, save

from arlm_helpers.training.checkpoints import Checkpoints
from arlm_helpers.training.run_folder import saved_steps
from arlm_helpers.training.tensor_files import DamagedError


@pytest.fixture
def checkpoints(tmp_path):
    return Checkpoints(tmp_path)


def flip(path, position):
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)


def cut(path, length):
    path.write_bytes(path.read_bytes()[:length])


DAMAGE = {
    "first byte of the tensors": lambda stem: flip(stem.with_suffix(".safetensors"), 0),
    "last byte of the tensors": lambda stem: flip(stem.with_suffix(".safetensors"), -1),
    "tensors cut short": lambda stem: cut(stem.with_suffix(".safetensors"), -1),
    "no tensors left": lambda stem: cut(stem.with_suffix(".safetensors"), 0),
    "tensors missing": lambda stem: stem.with_suffix(".safetensors").unlink(),
    "JSON file cut short": lambda stem: cut(stem.with_suffix(".json"), 200),
    "JSON file empty": lambda stem: cut(stem.with_suffix(".json"), 0),
    "JSON file of something else": lambda stem: stem.with_suffix(".json").write_text("[1]"),
    "JSON file is not text": lambda stem: stem.with_suffix(".json").write_bytes(b"\xff\xfe\x00"),
    "step edited": lambda stem: edit(stem.with_suffix(".json"), '"step": 2', '"step": 9'),
    "version of tomorrow": lambda stem: edit(stem.with_suffix(".json"), '"version": 1', '"version": 2'),
}
each_damage = pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)


def edit(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


@each_damage
def test_a_damaged_checkpoint_is_skipped_with_a_warning_and_later_removed(checkpoints, damage):
    save(checkpoints, 1, 2)
    damage(checkpoints.folder / "step_00000002")
    again = Checkpoints(checkpoints.folder)
    with pytest.warns(UserWarning, match=r"step_00000002\..*Going on from step 1 instead"):
        assert_holds(again, 1)
    assert again.last_good_step == 1
    save(again, 3)  # saves less often than before: the damaged one must not push out step 1
    assert saved_steps(checkpoints.folder) == [1, 3]


@each_damage
def test_if_none_is_whole_the_error_names_the_file_and_the_way_out(checkpoints, damage):
    save(checkpoints, 2)
    damage(checkpoints.folder / "step_00000002")
    with pytest.raises(DamagedError, match=r"step_00000002\.(json|safetensors)") as caught:
        Checkpoints(checkpoints.folder).latest()
    assert f"remove the step_* files in {checkpoints.folder}" in str(caught.value)


def test_no_flipped_bit_of_the_json_file_goes_unnoticed(checkpoints):
    save(checkpoints, 2)
    file = checkpoints.folder / "step_00000002.json"
    for position in range(file.stat().st_size):
        flip(file, position)
        with pytest.raises(DamagedError):
            checkpoints.latest()
        flip(file, position)
    assert_holds(checkpoints, 2)


def test_a_future_that_was_given_up_is_removed(checkpoints):
    save(checkpoints, 10, 20)
    flip(checkpoints.folder / "step_00000020.safetensors", -1)
    again = Checkpoints(checkpoints.folder)
    with pytest.warns(UserWarning):
        again.latest()
    save(again, 15)
    assert saved_steps(checkpoints.folder) == [10, 15]
    save(again, 20)
    assert_holds(Checkpoints(checkpoints.folder), 20)
    assert json.loads((checkpoints.folder / "step_00000020.json").read_text("utf-8"))["facts"]["step"] == 20
