"""The dashboard shows a training while it runs, and leaves its last picture however it ends."""

import importlib
import json
from types import SimpleNamespace

import pytest
import torch

from arlm_helpers.reading.history import History
from arlm_helpers.reading.widgets import dashboard
from arlm_helpers.reading.widgets.explore import PLOTLY_MIME
from arlm_helpers.reading.widgets.training_report import clock, readable, sample_html
from tests.reading.test_widgets import HOSTILE, Elements

module = importlib.import_module("arlm_helpers.reading.widgets.dashboard")


def step(number, loss=2.0):
    return SimpleNamespace(
        step=number, loss=loss, learning_rate=0.1, tokens_per_second=1e3, gradient_norm=1.0, n_tokens=64
    )


def steps(n, begin=1):
    return (step(number) for number in range(begin, n + 1))


class Page(list):
    """What a front end would show: outputs in order, each one a bundle of data or a widget."""

    def show(self, item, display_id=None, raw=False):
        self.append(item)
        place = len(self) - 1
        return SimpleNamespace(update=lambda new, raw: self.__setitem__(place, new))

    @property
    def picture(self):
        [bundle] = [item for item in self if isinstance(item, dict) and PLOTLY_MIME in item]
        return bundle[PLOTLY_MIME]

    @property
    def report(self):
        return self[-1]["text/html"]


@pytest.fixture
def page(monkeypatch):
    page = Page()
    monkeypatch.setattr(module, "in_notebook", lambda: True)
    monkeypatch.setattr(module, "display", page.show)
    monkeypatch.delenv("ARLM_STRICT", raising=False)
    return page


@pytest.fixture
def eager(monkeypatch):
    """A dashboard that draws after every step."""
    monkeypatch.setattr(module.Pace, "may_draw", lambda pace, kind: True)


def test_the_steps_come_through_unchanged_and_in_order(page, eager):
    given = list(steps(20))
    assert list(dashboard(iter(given), n_steps=20)) == given


def test_at_the_end_a_plain_figure_stands_in_the_place_of_the_widgets(page, eager):
    list(dashboard(steps(20), n_steps=20, references={"7-gram": 1.5}))
    assert [type(item) for item in page] == [dict, dict] and "text/html" in page[1]
    assert page.picture["layout"]["title"]["text"] == "Step 20: training 2.000, 7-gram 1.500 nats per token"
    assert page[0]["text/plain"] == page.picture["layout"]["meta"]["alt"]
    assert json.loads(json.dumps(page[0])) == page[0] and "Finished: 20 steps" in page.report


def test_while_it_runs_line_picture_and_sample_follow_every_step(page, eager):
    for now in dashboard(steps(20), n_steps=20, sample=lambda: HOSTILE, sample_every=1):
        line, _, picture, writing = page[0].children
        assert f"step {now.step} of 20" in line.value and f'value="{now.step}"' in line.value
        assert picture.outputs[0]["data"][PLOTLY_MIME]["data"][1]["x"][-1] == now.step
        assert f"Sample after step {now.step}" in writing.outputs[0]["data"]["text/html"]


@pytest.mark.parametrize("given, expected", [({}, [10, 20, 25]), ({"validate_every": 8}, [8, 16, 24, 25])])
def test_held_out_loss_is_asked_for_now_and_then_and_at_the_end(page, given, expected):
    history, given = History(), {"validate_every": 10, **given}
    list(dashboard(steps(25), n_steps=25, validate=lambda: torch.tensor(1.25), history=history, **given))
    assert history.held_out == [(number, 1.25) for number in expected]
    assert page.picture["data"][2]["x"] == expected and "1.250 nats per token, at step" in page.report


def leave_by_break(run):
    for now in run:
        if now.step == 7:
            break


def leave_by_error(run):
    with pytest.raises(KeyError):
        for now in run:
            if now.step == 7:
                raise KeyError


def failing(error):
    yield from steps(7)
    raise error


@pytest.mark.parametrize("leave", [leave_by_break, leave_by_error])
def test_leaving_the_loop_leaves_the_last_picture_and_a_report(page, leave):
    leave(dashboard(steps(100), n_steps=100))
    assert "after step 7 of 100" in page.report and page.picture["data"][0]["x"] == list(range(1, 8))


@pytest.mark.parametrize("error", [KeyboardInterrupt, FloatingPointError("the loss is NaN")])
def test_an_interrupted_or_diverged_training_leaves_the_last_picture(page, error):
    with pytest.raises(BaseException) as caught:
        list(dashboard(failing(error), n_steps=100))
    assert isinstance(caught.value, KeyboardInterrupt | FloatingPointError)
    assert "after step 7 of 100" in page.report and page.picture["data"][0]["x"][-1] == 7


def test_a_training_that_was_at_its_end_already_is_told_in_words(page):
    assert list(dashboard(iter(()), n_steps=5)) == []
    assert page[0] == {"text/plain": "No step was taken: the training was at its end already."}


def test_a_history_that_is_given_goes_on(page):
    history = History()
    list(dashboard(steps(10), n_steps=20, history=history))
    list(dashboard(steps(20, begin=11), n_steps=20, history=history))
    assert history.column("step") == list(range(1, 21))


def broken():
    raise ValueError(HOSTILE)


@pytest.mark.parametrize("name", ["validate", "sample"])
def test_an_error_of_the_readers_function_is_shown_and_training_goes_on(page, eager, name):
    assert len(list(dashboard(steps(20), n_steps=20, **{name: broken}))) == 20
    shown = Elements(page.report)
    assert f"{name}() failed after step 20. ValueError: {HOSTILE}" in shown.text
    assert "script" not in shown.names and not shown.handlers


def test_an_error_of_the_readers_function_is_fatal_in_strict_runs(page, monkeypatch):
    monkeypatch.setenv("ARLM_STRICT", "1")
    with pytest.raises(ValueError, match="script"):
        list(dashboard(steps(20), n_steps=20, validate=broken))


def test_samples_are_text_and_not_markup_and_broken_bytes_are_signs(page):
    list(dashboard(steps(4), n_steps=4, sample=lambda: f"{HOSTILE}\n快\udce5\udcbf\x1b", sample_every=2))
    shown = Elements(page.report)
    assert shown.text.count(f"{HOSTILE}\n快⟨E5⟩⟨BF⟩⟨U+001B⟩") == 2 and not shown.handlers
    assert "script" not in shown.names and page.report.encode("utf-8")


@pytest.mark.parametrize("text", ["To be,\n\tor not", "快\u3000速", "naïve café ☃"])
def test_a_sound_text_is_shown_as_it_is(text):
    assert readable(text) == text


@pytest.mark.parametrize(
    "seconds, shown",
    [(0.4, "0:00"), (65, "1:05"), (600, "10:00"), (7203, "2:00:03"), (90_000, "1 day, 1:00:00")],
)
def test_a_time_is_told_as_a_clock_does(seconds, shown):
    assert clock(seconds) == shown


def test_a_very_long_sample_is_cut_with_a_mark():
    assert len(sample_html(1, "x" * 100_000)) < 3_000 and "x…" in sample_html(1, "x" * 100_000)


@pytest.mark.parametrize("name", ["n_steps", "validate_every", "sample_every"])
def test_a_number_of_steps_below_one_is_refused_at_once(name):
    with pytest.raises(ValueError, match=f"{name} must be at least 1, got 0"):
        dashboard(steps(3), **{"n_steps": 3, name: 0})


def test_in_a_script_the_report_is_printed_and_nothing_is_drawn(capsys):
    list(dashboard(steps(3), n_steps=3))
    assert capsys.readouterr().out.startswith("Finished: 3 steps")
