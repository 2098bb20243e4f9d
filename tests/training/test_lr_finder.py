"""The learning-rate finder: what it tries, when it stops, and what it leaves alone."""

import pytest
import torch
from training.tiny import TEXT, TinyLSTM, assert_same_weights

from arlm_helpers.training.batches import ShuffledWindows
from arlm_helpers.training.config import TrainConfig
from arlm_helpers.training.lr_finder import steepest, try_learning_rates
from arlm_helpers.training.optimizers import AdamW
from arlm_helpers.training.schedules import ExponentialRise, WarmupCosine
from arlm_helpers.training.trainer import TrainStep


def batches():
    return ShuffledWindows(TEXT, context_length=16, batch_size=4)


def config(lr, n_steps=60):
    return TrainConfig(n_steps=n_steps, optimizer=AdamW(lr), schedule=WarmupCosine(5), checkpoint_every=2)


def test_the_rise_by_hand():
    rise = ExponentialRise(0.001)
    assert [rise(step, 4) for step in range(4)] == pytest.approx([0.001, 0.01, 0.1, 1.0])
    assert rise(0, 1) == 1.0


@pytest.mark.parametrize("first", [0, 1, -0.1])
def test_a_rise_needs_a_fraction(first):
    with pytest.raises(ValueError, match=f"first is a fraction .* got {first}"):
        ExponentialRise(first)


def test_every_rate_from_the_first_to_the_peak_is_tried_once():
    steps = list(try_learning_rates(TinyLSTM(), batches(), config(0.01, 21), first=0.01))
    assert [step.learning_rate for step in steps] == pytest.approx(
        [1e-4 * 100 ** (i / 20) for i in range(21)]
    )


def test_it_ends_when_the_loss_climbs_and_when_it_is_no_number():
    steps = list(try_learning_rates(TinyLSTM(), batches(), config(100.0)))
    lowest = min(step.loss for step in steps)
    assert len(steps) < 60 and steps[-1].loss > 1.2 * lowest >= 1.2 * steps[-2].loss / 1.2
    diverging = try_learning_rates(TinyLSTM(), batches(), config(1e38), first=0.5, give_up=1e9)
    assert len(list(diverging)) < 60


def test_model_and_place_in_the_text_stay_as_they_are():
    model, reading = TinyLSTM(), batches()
    reading.next_batch()
    place = reading.state()
    assert list(try_learning_rates(model, reading, config(1.0)))
    assert_same_weights(model, TinyLSTM())
    assert reading.state() == place
    again = batches()
    again.next_batch()
    assert torch.equal(reading.next_batch().ids, again.next_batch().ids)


def test_the_steepest_fall_by_hand():
    losses = [5.0, 5.0, 4.9, 3.0, 2.95, 2.9, 4.0]
    steps = [TrainStep(i, loss, 10.0**i, 1.0, 1.0, 1) for i, loss in enumerate(losses)]
    assert steepest(steps, width=2) == 100.0  # from 5.0 at step 1 to 3.0 at step 3: the middle, step 2


def test_too_short_a_try_and_an_impossible_limit_are_refused():
    steps = [TrainStep(i, 1.0, 0.1, 1.0, 1.0, 1) for i in range(10)]
    with pytest.raises(ValueError, match="10 steps are too few"):
        steepest(steps)
    with pytest.raises(ValueError, match=r"must be above 1, got 1\.0"):
        list(try_learning_rates(TinyLSTM(), batches(), config(1.0), give_up=1.0))
