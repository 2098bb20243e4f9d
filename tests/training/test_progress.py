"""The line of progress tells the numbers and changes nothing."""

from arlm_helpers.training.progress import progress
from arlm_helpers.training.trainer import TrainStep


def steps(first, last):
    return [TrainStep(n, 3.0 - n / 100, 0.02, 0.5, 12345.6, n * 64) for n in range(first, last + 1)]


def test_every_step_is_passed_through():
    assert list(progress(iter(steps(1, 9)), 9)) == steps(1, 9)


def test_the_line_tells_loss_learning_rate_speed_and_that_all_is_done(capsys):
    list(progress(steps(1, 9), 9))
    line = capsys.readouterr().err
    assert "loss 2.910, lr 0.02, 12,346 tokens/s" in line and "9/9" in line and "100%" in line


def test_a_run_that_goes_on_starts_in_the_middle(capsys):
    list(progress(steps(901, 950), 1000))
    assert "950/1000" in capsys.readouterr().err


def test_the_steps_are_closed_as_soon_as_the_caller_leaves():
    closed = []

    def endless():
        try:
            yield from steps(1, 99)
        finally:
            closed.append(True)

    for _ in progress(endless(), 99):
        break
    assert closed == [True]
