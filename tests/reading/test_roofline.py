"""The roof is where memory and arithmetic meet; points stand where they were measured."""

import math

import pytest

from arlm_helpers.reading.figures import roofline

POINTS = {"a matrix": [(0.5, 4e9), (8, 3e10)], "a small model": [(0.5, 1e8)]}
ROOF = {"bytes_per_second": 1e10, "flops_per_second": 5e10, "title": "t"}


def test_the_roof_rises_with_the_bandwidth_up_to_the_ridge_and_is_flat_behind_it():
    line = roofline(POINTS, **ROOF).data[0]
    (left, ridge, right), (low, top, flat) = line.x, line.y
    assert left < 0.5 and right > 8
    assert low == pytest.approx(left * 10) and (ridge, top, flat) == pytest.approx((5, 50, 50))


def test_each_point_stands_where_it_was_measured_in_thousand_millions():
    matrix, small = roofline(POINTS, **ROOF).data[1:]
    assert list(zip(matrix.x, matrix.y, strict=True)) == [(0.5, 4), (8, 30)]
    assert list(zip(small.x, small.y, strict=True)) == [(0.5, 0.1)]


def test_all_points_and_the_ridge_lie_inside_the_axes():
    layout = roofline({"far": [(0.01, 1e6), (900, 9e10)]}, **ROOF).layout
    for value, (low, high) in [(0.01, layout.xaxis.range), (900, layout.xaxis.range)]:
        assert low < math.log10(value) < high
    for value, (low, high) in [(1e-3, layout.yaxis.range), (90, layout.yaxis.range)]:
        assert low < math.log10(value) < high


def test_series_are_told_apart_by_their_marks_and_names_too():
    figure = roofline(POINTS, **ROOF)
    assert len({trace.marker.symbol for trace in figure.data[1:]}) == 2
    assert {"a matrix", "a small model"} <= {note.text for note in figure.layout.annotations}


@pytest.mark.parametrize(
    "points, roof", [({}, {}), ({"a": []}, {}), ({"a": [(0, 1e9)]}, {}), (POINTS, {"bytes_per_second": -1})]
)
def test_what_has_no_place_on_logarithmic_axes_is_refused(points, roof):
    with pytest.raises(ValueError, match="needs points, and positive numbers"):
        roofline(points, **(ROOF | roof))
