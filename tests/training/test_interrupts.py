"""Ctrl-C: the step in progress is finished, the run is saved, and a second one interrupts at once."""

import signal
import threading

import pytest
import torch

from arlm_helpers.training.batches import ShuffledWindows
from arlm_helpers.training.config import TrainConfig
from arlm_helpers.training.interrupts import Interrupts
from arlm_helpers.training.optimizers import Muon
from arlm_helpers.training.trainer import train
from tests.training.tiny import TEXT, TinyLSTM, assert_same_weights

CONFIG = TrainConfig(n_steps=5, optimizer=Muon(0.05))


def ctrl_c():
    signal.raise_signal(signal.SIGINT)


class Pressing(TinyLSTM):
    """A model during whose third forward pass the reader presses Ctrl-C a number of times."""

    def __init__(self, n_times):
        super().__init__()
        self.n_times, self.n_read = n_times, 0

    def forward(self, ids, cache=None):
        self.n_read += 1
        for _ in range(self.n_times if self.n_read == 3 else 0):
            ctrl_c()
        return super().forward(ids, cache)


@pytest.fixture(autouse=True)
def one_thread_and_pythons_own_ctrl_c():
    threads, handler = torch.get_num_threads(), signal.signal(signal.SIGINT, signal.default_int_handler)
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
    assert signal.signal(signal.SIGINT, handler) is signal.default_int_handler  # given back after every test


def steps_of(model, folder=None):
    return train(model, ShuffledWindows(TEXT, context_length=16, batch_size=4), CONFIG, folder=folder)


def test_the_step_in_progress_is_finished_and_the_loop_ends(capsys):
    model, other = Pressing(1), TinyLSTM()
    assert [step.step for step in steps_of(model)] == [1, 2, 3]
    assert "stopped after step 3 of 5: the model keeps its weights" in capsys.readouterr().out
    for _, step in zip(range(3), steps_of(other), strict=False):
        assert step.step < 4
    assert_same_weights(model, other)


def test_an_interrupted_run_is_saved_and_goes_on_to_the_bit(tmp_path, capsys):
    assert len(list(steps_of(Pressing(1), tmp_path))) == 3
    assert "stopped after step 3 of 5 and saved: call train with the same" in capsys.readouterr().out
    model, other = Pressing(0), TinyLSTM()
    assert [step.step for step in steps_of(model, tmp_path)] == [4, 5]
    list(steps_of(other))
    assert_same_weights(model, other)


def test_between_steps_ctrl_c_lets_the_caller_finish_too():
    seen = []
    for step in steps_of(TinyLSTM()):
        if step.step == 2:
            ctrl_c()
        seen.append(step.step)
    assert seen == [1, 2]


def test_during_the_last_step_ctrl_c_has_nothing_left_to_stop(capsys):
    for step in steps_of(TinyLSTM()):
        if step.step == 5:
            ctrl_c()
    assert capsys.readouterr().out == ""


def test_a_second_ctrl_c_interrupts_at_once_and_saves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        list(steps_of(Pressing(2), tmp_path))
    assert not list(tmp_path.glob("step_*"))
    assert len(list(steps_of(TinyLSTM(), tmp_path))) == 5  # and the folder is free again


def test_leaving_the_loop_gives_ctrl_c_back():
    for _ in steps_of(TinyLSTM()):
        break
    with pytest.raises(KeyboardInterrupt):
        ctrl_c()


def test_ctrl_c_is_taken_again_after_a_notebook_cell_has_taken_it_back():
    steps = steps_of(TinyLSTM())
    next(steps)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # as between two cells
    next(steps)
    ctrl_c()
    assert list(steps) == []


def test_an_ignored_ctrl_c_stays_ignored():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with Interrupts() as interrupts:
        ctrl_c()
    assert not interrupts.asked
    assert signal.signal(signal.SIGINT, signal.default_int_handler) is signal.SIG_IGN


def test_another_thread_may_close_the_run(tmp_path):
    steps, errors = steps_of(TinyLSTM(), tmp_path), []

    def close():
        try:
            steps.close()
        except ValueError as error:  # what Python says to other threads that want Ctrl-C
            errors.append(error)

    next(steps)
    thread = threading.Thread(target=close)
    thread.start()
    thread.join()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    assert errors == [] and len(list(tmp_path.glob("step_*.json"))) == 1


def test_training_in_another_thread_leaves_ctrl_c_alone():
    seen = []
    thread = threading.Thread(target=lambda: seen.extend(steps_of(TinyLSTM())))
    thread.start()
    thread.join()
    assert len(seen) == 5
