"""Schedules at their ends and corners, by hand."""

import pytest

from arlm_helpers.training.schedules import Constant, ExponentialRise, WarmupCosine, WarmupFlatLinear

SCHEDULES = [
    Constant(),
    WarmupFlatLinear(),
    WarmupFlatLinear(0, 0),
    WarmupFlatLinear(3, 1),
    WarmupCosine(5),
    ExponentialRise(),
]


def factors(schedule, n_steps):
    return [schedule(step, n_steps) for step in range(n_steps)]


def test_constant_is_the_peak_throughout():
    assert factors(Constant(), 5) == [1.0] * 5


def test_warmup_flat_linear_by_hand():
    expected = [0.5, 1, 1, 1, 1, 1, 0.8, 0.6, 0.4, 0.2]  # would be 0 after the last step
    assert factors(WarmupFlatLinear(warmup=2, decay=0.5), 10) == pytest.approx(expected, abs=1e-12)


def test_without_warmup_and_decay_the_learning_rate_stays_flat():
    assert factors(WarmupFlatLinear(warmup=0, decay=0), 7) == [1.0] * 7


def test_warmup_cosine_by_hand():
    half = 0.5**0.5
    expected = [0.5, 1, 0.1 + 0.45 * (1 + half), 0.55, 0.1 + 0.45 * (1 - half), 0.1]
    assert factors(WarmupCosine(warmup=2, final=0.1), 6) == pytest.approx(expected, abs=1e-12)


def test_a_warmup_as_long_as_the_run_only_rises():
    assert factors(WarmupCosine(warmup=4), 4) == [0.25, 0.5, 0.75, 1.0]
    assert factors(WarmupFlatLinear(warmup=8, decay=0), 4) == [0.125, 0.25, 0.375, 0.5]


@pytest.mark.parametrize("n_steps", [1, 2, 9, 100])
@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
def test_factors_stay_above_zero_and_reach_at_most_one(schedule, n_steps):
    assert all(0 < factor <= 1 for factor in factors(schedule, n_steps))


@pytest.mark.parametrize(
    ("build", "complaint"),
    [
        (lambda: WarmupFlatLinear(warmup=-1), "warmup .* must be at least 0, got -1"),
        (lambda: WarmupFlatLinear(decay=1.5), r"decay .* must be in \[0, 1\], got 1.5"),
        (lambda: WarmupCosine(warmup=-2), "warmup .* got -2"),
        (lambda: WarmupCosine(final=-0.1), r"final .* must be in \[0, 1\], got -0.1"),
    ],
)
def test_impossible_schedules_are_refused(build, complaint):
    with pytest.raises(ValueError, match=complaint):
        build()
