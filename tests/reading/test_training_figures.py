"""Figures of training: curves that say the truth, names that can be read, gaps where nothing is known."""

import math
from itertools import pairwise
from types import SimpleNamespace

import pytest

from arlm_helpers.reading.figures import gradient_norms, loss_curves, training_figure
from arlm_helpers.reading.figures.smoothing import smoothed
from arlm_helpers.reading.history import History


def run(losses, held_out=()):
    history = History()
    for number, loss in enumerate(losses, start=1):
        history.add(
            SimpleNamespace(
                step=number,
                loss=loss,
                learning_rate=0.1 / number,
                tokens_per_second=2000.0,
                gradient_norm=1.0,
            )
        )
    for number, nats in held_out:
        history.add_held_out(number, nats)
    return history


def named(figure, name):
    [trace] = [trace for trace in figure.data if trace.name == name]
    return trace


def labels(figure):
    return {note.text: note for note in figure.layout.annotations}


def test_a_constant_stays_constant_when_smoothed():
    assert smoothed([2.5] * 300) == pytest.approx([2.5] * 300)


def test_smoothing_weighs_by_a_bell_curve_of_the_given_width():
    near, far = math.exp(-0.5), math.exp(-2.0)
    middle = (3 * 1 + near * (0 + 0) + far * (0 + 0)) / (1 + 2 * near + 2 * far)
    assert smoothed([0, 0, 3, 0, 0], width=1.0)[2] == pytest.approx(middle)


def test_a_straight_line_is_not_delayed_by_smoothing():
    line = [5 - 0.01 * i for i in range(400)]
    assert smoothed(line)[40:-40] == pytest.approx(line[40:-40])


def test_one_value_that_is_no_number_spoils_none_of_its_neighbours():
    values = [1.0] * 20 + [math.nan] + [1.0] * 20
    assert smoothed(values, width=1.0) == pytest.approx([1.0] * 41)


def test_training_held_out_rate_and_speed_are_drawn_as_measured():
    figure = training_figure(run([4.0, 3.0, 2.0], [(2, 3.3), (3, 2.2)]), references={"7-gram": 1.5})
    assert figure.data[0].y == (4.0, 3.0, 2.0) and figure.data[0].x == (1, 2, 3)
    assert named(figure, "held-out").x == (2, 3) and named(figure, "held-out").y == (3.3, 2.2)
    assert figure.data[3].y == pytest.approx((0.1, 0.05, 0.1 / 3)) and figure.data[4].y == (2000.0,) * 3
    [dotted] = figure.layout.shapes
    assert (dotted.y0, dotted.line.dash) == (1.5, "dot")


def test_the_title_sets_the_newest_held_out_loss_beside_the_reference():
    figure = training_figure(run([4.0, 3.0], [(2, 3.25)]), references={"7-gram": 1.5, "uniform": 4.1})
    assert figure.layout.title.text == "Step 2: held-out 3.250, 7-gram 1.500 nats per token"
    assert "its lowest 3.250 at step 2" in figure.layout.meta["alt"]


def test_the_axis_shows_the_end_of_the_run_from_the_start():
    figure = training_figure(run([4.0] * 30), n_steps=100)
    assert figure.layout.xaxis.range == figure.layout.xaxis3.range == (0, 100)


def test_a_run_that_has_hardly_begun_is_not_drawn_as_a_vertical_line():
    figure = training_figure(run([4.0] * 30), n_steps=100_000)
    assert 60 <= figure.layout.xaxis.range[1] <= 120
    assert training_figure(run([4.0])).data[1].mode == "lines+markers"  # and one point is seen, too


def test_the_cliff_at_the_start_does_not_flatten_the_rest():
    figure = training_figure(run([1000.0] * 10 + [2.0] * 990))
    assert figure.layout.yaxis.range[1] < 100 < figure.data[1].y[0]


def test_names_at_the_end_of_the_run_do_not_overlap():
    figure = training_figure(run([2.0] * 50, [(25, 4.0), (50, 2.001)]), references={"7-gram": 2.002})
    low, high = figure.layout.yaxis.range
    heights = sorted(labels(figure)[name].y for name in ("training", "held-out", "7-gram"))
    assert all(b - a >= 0.0799 * (high - low) for a, b in pairwise(heights))


@pytest.mark.parametrize("losses", [[math.nan], [math.inf, 2.0, math.nan], [math.nan] * 30])
def test_losses_that_are_no_numbers_leave_gaps(losses):
    figure = training_figure(run(losses, [(1, math.nan)]))
    assert [y is None for y in figure.data[0].y] == [not math.isfinite(loss) for loss in losses]
    assert named(figure, "held-out").y == () and "NaN" not in figure.to_json()


def test_an_empty_history_is_refused():
    with pytest.raises(ValueError, match="holds no step"):
        training_figure(History())


def test_each_run_has_its_own_length_its_dash_and_its_name_at_its_end():
    figure = loss_curves(
        {"short": ([1, 2], [3.0, 2.0]), "long": ([1, 4, 100], [3.0, 2.5, 1.0])}, smooth=False
    )
    assert [trace.x for trace in figure.data] == [(1, 2), (1, 4, 100)]
    assert (labels(figure)["short"].x, labels(figure)["long"].x) == (2, 100)
    assert len({trace.line.dash for trace in figure.data}) == 2
    assert figure.layout.title.text == "long ends lowest, at 1.000 nats per token"


def test_on_a_logarithmic_axis_names_stand_at_the_exponents():
    figure = loss_curves({"a": ([1, 1000], [3.0, 2.0])}, log_x=True, smooth=False)
    assert labels(figure)["a"].x == pytest.approx(3) and figure.layout.xaxis.range == pytest.approx((0, 3))


@pytest.mark.parametrize(
    "runs, words",
    [
        ({}, "at least one run"),
        ({"a": ([1], [1.0, 2.0])}, "'a' has 2 losses for 1 positions"),
        ({"a": ([1], [math.nan])}, "'a' holds no finite loss"),
        ({"a": ([0, 1], [1.0, 2.0])}, "only positive numbers"),
    ],
)
def test_runs_that_cannot_be_drawn_are_named(runs, words):
    with pytest.raises(ValueError, match=words):
        loss_curves(runs, log_x=True)


NORMS = {"Elman": [1.0, 1e-3, 0.0, math.nan], "LSTM": [1.0, 0.9, 0.8, 0.5]}


def test_a_gradient_that_is_gone_leaves_a_gap_and_its_name_where_it_was_last_seen():
    figure = gradient_norms([0, 5, 10, 15], NORMS)
    assert named(figure, "Elman").y == (1.0, 1e-3, None, None) and figure.layout.yaxis.type == "log"
    assert (labels(figure)["Elman"].x, labels(figure)["Elman"].y) == (5, pytest.approx(-3))
    assert "2 values are zero or not finite" in figure.layout.meta["alt"]


def test_lines_of_gradients_differ_by_dash_and_marker_and_not_by_colour_alone():
    lines = gradient_norms([0, 1], {name: [1.0, 0.5] for name in "abcd"}).data
    assert len({line.line.dash for line in lines}) == len({line.marker.symbol for line in lines}) == 4


@pytest.mark.parametrize(
    "end, shown", [(0.5, "×0.5"), (1e-9, "×10⁻⁹"), (4e-7, "×10⁻⁶"), (20.0, "×20"), (2e5, "×10⁵")]
)
def test_the_title_says_how_much_is_left(end, shown):
    title = gradient_norms([0, 60], {"Elman": [1.0, end]}).layout.title.text
    assert title == f"Left after 60 steps: Elman {shown}"


@pytest.mark.parametrize(
    "norms, words",
    [
        ({}, "at least one line"),
        ({"a": [1.0]}, "'a' has 1 norms for 2 distances"),
        ({"a": [1.0, -1.0]}, "never negative"),
        ({"a": [0.0, 0.0]}, "no positive number"),
    ],
)
def test_norms_that_cannot_be_drawn_are_named(norms, words):
    with pytest.raises(ValueError, match=words):
        gradient_norms([0, 1], norms)
