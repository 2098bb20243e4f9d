"""The figure of bounds: what is known exactly and what is only bounded cannot be confused."""

import pytest

from arlm_helpers.reading.figures.bounds import bounds_and_values

NAMES = ("ELBO", "32 codes")


def figure(**changes):
    bounds = {"VAE": [2.5, 2.0], "a<b": [1.9, 1.8]} | changes
    return bounds_and_values(
        bounds, {"LSTM": 1.7}, title="Bounds", x_title="bits", names=NAMES, references={"floor": 1.5}
    )


def test_every_bound_is_written_with_its_sign_and_every_value_without():
    texts = [text for trace in figure().data for text in trace.text]
    assert texts == ["ELBO ≤ 2.50", "32 codes ≤ 2.00", "≤ 1.90", "≤ 1.80", "1.70"]
    texts = figure(**{"a<b": [1.801, 1.8]}).data[1].text
    assert texts == ("", "≤ 1.80")  # two that look the same are written once


def test_each_bounded_row_has_an_arrow_at_its_tightest_bound():
    arrows = [note for note in figure().layout.annotations if note.showarrow]
    assert [(arrow.x, arrow.y) for arrow in arrows] == [(2.0, 0), (1.8, 1)]
    assert all(arrow.ax < 0 and arrow.arrowside == "start" for arrow in arrows)  # towards smaller numbers


def test_the_text_alternative_tells_bounds_from_values_and_names_are_escaped():
    shown = figure()
    assert "VAE at most 2.5 (ELBO), 2 (32 codes)" in shown.layout.meta["alt"]
    assert "LSTM exactly 1.7" in shown.layout.meta["alt"] and "floor at 1.5" in shown.layout.meta["alt"]
    assert shown.layout.yaxis.ticktext == ("VAE", "a&lt;b", "LSTM")


@pytest.mark.parametrize(
    "bounds, message", [([2.0], "has 1 bounds for the 2 names"), ([2.0, 2.5], "must come loosest first")]
)
def test_a_row_that_does_not_fit_is_refused(bounds, message):
    with pytest.raises(ValueError, match=message):
        figure(VAE=bounds)
