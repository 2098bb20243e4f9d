"""What is remembered of a run stays small and true; drawing stays within its account."""

import math
import random
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from arlm_helpers.reading.history import N_SAMPLES, History
from arlm_helpers.reading.pace import HEAD_START, LINE, PICTURE, SECONDS_APART, Pace
from arlm_helpers.reading.undisturbed import undisturbed


def step(number, loss=1.0):
    return SimpleNamespace(
        step=number, loss=loss, learning_rate=0.1, tokens_per_second=1000.0, gradient_norm=2.0, n_tokens=64
    )


def filled(losses, **options):
    history = History(**options)
    for number, loss in enumerate(losses, start=1):
        history.add(step(number, loss), cpu_seconds=number / 10)
    return history


def test_a_short_run_is_kept_step_by_step():
    history = filled([4.0, 3.0, 2.5])
    assert history.column("loss") == [4.0, 3.0, 2.5] and history.column("step") == [1, 2, 3]
    assert history.column("cpu_seconds") == [0.1, 0.2, 0.3] and history.last_step == 3


def test_four_points_of_a_history_for_four_are_merged_in_pairs():
    history = filled([8.0, 6.0, 4.0, 2.0, 1.0], n_points=4)
    assert history.column("loss") == [7.0, 3.0, 1.0] and history.column("step") == [2, 4, 5]
    assert history.stride == 2


@pytest.mark.parametrize("n_steps", [511, 512, 513, 5_000, 40_000])
def test_however_long_the_run_the_points_are_few_and_their_mean_is_that_of_all_steps(n_steps):
    losses = [math.sin(i) + 3 for i in range(n_steps)]
    history = filled(losses)
    points, stride = history.points, history.stride
    sizes = [stride] * (n_steps // stride) + [n_steps % stride] * (n_steps % stride > 0)
    assert len(points) == len(sizes) <= 513 and points[-1].step == n_steps
    total = sum(point.loss * size for point, size in zip(points, sizes, strict=True))
    assert total / n_steps == pytest.approx(sum(losses) / n_steps, abs=1e-9)


def test_held_out_losses_are_thinned_without_first_last_and_lowest():
    history, lowest = History(n_points=8), (13, 0.5)
    for number in range(1, 101):
        history.add_held_out(number, 0.5 if number == 13 else 2 + number / 1000)
    assert len(history.held_out) <= 9 and history.held_out == sorted(history.held_out)
    assert {1, 100, 13} <= {number for number, _ in history.held_out} and history.best == lowest


def test_a_held_out_loss_that_is_no_number_is_never_the_best():
    history = History()
    history.add_held_out(1, math.nan)
    assert history.best is None
    history.add_held_out(2, 3.0)
    history.add_held_out(3, math.nan)
    assert history.best == (2, 3.0)


def test_a_few_samples_are_kept_the_first_and_the_newest_among_them():
    history = History()
    for number in range(1, 101):
        history.add_sample(number, f"text {number}")
    assert len(history.samples) <= N_SAMPLES
    assert history.samples[0] == (1, "text 1") and history.samples[-1] == (100, "text 100")


def test_a_run_that_goes_on_from_an_earlier_step_replaces_what_came_after_it():
    history = filled([5.0, 4.0, 3.0, 2.0])
    history.add_held_out(2, 4.5)
    history.add_held_out(4, 2.5)
    history.add(step(3, 1.0))
    assert history.column("loss") == [5.0, 4.0, 1.0] and history.held_out == [(2, 4.5)]


@pytest.mark.parametrize("n_points", [0, 1, 7])
def test_a_number_of_points_that_cannot_be_halved_is_refused(n_points):
    with pytest.raises(ValueError, match=f"even and at least 2, got {n_points}"):
        History(n_points=n_points)


class Clocks:
    """Processor time and time of day that move only when told."""

    def __init__(self):
        self.cpu = self.day = 0.0

    def work(self, seconds):
        self.cpu += seconds
        self.day += seconds

    def pace(self, share=0.01):
        return Pace(share, clock=lambda: self.cpu, wall=lambda: self.day)


@pytest.mark.parametrize("cost", [0.001, 0.02, 0.5])
@pytest.mark.parametrize("step_seconds", [0.005, 0.02, 1.5])
def test_drawing_stays_within_its_share_whatever_it_costs(cost, step_seconds):
    clocks = Clocks()
    pace, n_drawn = clocks.pace(), 0
    while clocks.cpu < 60:
        clocks.work(step_seconds)
        if pace.may_draw(PICTURE):
            n_drawn += 1
            with pace.while_drawing(PICTURE):
                clocks.work(cost)
    with pace.while_drawing(PICTURE):  # the last picture is always drawn
        clocks.work(cost)
    assert pace.drawing == pytest.approx((n_drawn + 1) * cost)
    surprise = 2 * cost  # before the first picture nobody knows what it costs
    assert pace.drawing <= HEAD_START + 0.01 * pace.training() + (surprise if n_drawn <= 1 else 0)
    assert n_drawn >= min(20, 0.5 / cost)


def test_the_first_picture_comes_early():
    clocks = Clocks()
    pace = clocks.pace()
    while not pace.may_draw(PICTURE):
        clocks.work(0.02)
    assert clocks.cpu < 0.5


def test_a_page_is_not_changed_faster_than_it_can_be_read():
    clocks = Clocks()
    pace, seen = clocks.pace(share=0.9), []
    for _ in range(1000):
        clocks.work(0.01)
        if pace.may_draw(LINE):
            seen.append(clocks.day)
            with pace.while_drawing(LINE):
                pass
    assert len(seen) == pytest.approx(10 / SECONDS_APART[LINE], abs=1)
    assert all(later - earlier >= SECONDS_APART[LINE] for earlier, later in pairwise(seen))


def test_what_was_asked_for_is_neither_training_nor_drawing():
    clocks = Clocks()
    pace = clocks.pace()
    clocks.work(3.0)
    with pace.while_asked():
        clocks.work(2.0)
    assert (pace.training(), pace.asked, pace.drawing) == (3.0, 2.0, 0.0)


@pytest.mark.parametrize("share", [0, 1, -0.1])
def test_a_share_outside_0_and_1_is_refused(share):
    with pytest.raises(ValueError, match=r"share must be in \(0, 1\)"):
        Pace(share)


def test_global_random_states_are_put_back_after_an_error_too():
    seed_all(1)
    expected = draw_all()
    seed_all(1)
    with pytest.raises(KeyError), undisturbed():
        draw_all()
        raise KeyError
    assert draw_all() == expected


def seed_all(seed):
    for begin in (random.seed, np.random.seed, torch.manual_seed):
        begin(seed)


def draw_all():
    return random.random(), np.random.rand(), torch.rand(1).item()
