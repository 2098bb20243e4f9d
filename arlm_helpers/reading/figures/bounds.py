"""Numbers of which only a bound is known, beside numbers that are known."""

from collections.abc import Mapping, Sequence
from html import escape

import plotly.graph_objects as go

from arlm_helpers.reading.style import BLUE, CHOSEN, OTHER, REFERENCE, TEMPLATE, described

Number = float | int


def bounds_and_values(
    upper_bounds: Mapping[str, Sequence[Number]],
    values: Mapping[str, Number],
    *,
    title: str,
    x_title: str,
    names: Sequence[str],
    references: Mapping[str, Number] | None = None,
) -> go.Figure:
    """Draw known ``values`` as diamonds, and where only ``upper_bounds`` are known, those and an arrow left.

    A row has as many bounds as there are ``names``, the loosest first. Its line ends in an arrow at the
    tightest: the true number lies there or further left. The names stand in the row with the most room.
    ``references`` are dotted.

    Raises:
        ValueError: if a row has not one bound for each name, or one that is tighter than the next.
    """
    _check_bounds(upper_bounds, names)
    rows = [*upper_bounds, *values]
    figure = go.Figure()
    roomy = max(upper_bounds, key=lambda row: upper_bounds[row][0] - upper_bounds[row][-1])
    for at, (row, found) in enumerate(upper_bounds.items()):
        _bounded_row(figure, at, found, names if row == roomy else [""] * len(names))
    places = [len(upper_bounds) + i for i in range(len(values))]
    figure.add_scatter(
        x=list(values.values()), y=places, mode="markers+text", text=[f"{v:.2f}" for v in values.values()],
        textposition="middle right", marker={"symbol": "diamond", "size": 12, "color": BLUE},
    )  # fmt: skip
    for name, value in (references or {}).items():
        figure.add_vline(x=value, line=REFERENCE)
        figure.add_annotation(x=value, y=1, yref="paper", yanchor="bottom", text=name, showarrow=False)
    figure.update_layout(
        template=TEMPLATE,
        title={"text": title, "yref": "container", "y": 0.95},
        height=170 + 44 * len(rows),
        margin_t=90,
        margin_r=60,
        xaxis={"title": f"{x_title} (arrow: or less, diamond: exact)"},
        yaxis={"tickvals": list(range(len(rows))), "ticktext": [escape(row, quote=False) for row in rows]},
    )
    figure.update_yaxes(range=[len(rows) - 0.5, -0.5], showgrid=False)
    spoken = _spoken(upper_bounds, values, names, references or {})
    return described(figure, f"{title}. {x_title}: {spoken}.")


def _check_bounds(upper_bounds: Mapping[str, Sequence[Number]], names: Sequence[str]) -> None:
    for row, found in upper_bounds.items():
        if len(found) != len(names):
            raise ValueError(f"{row!r} has {len(found)} bounds for the {len(names)} names {list(names)}")
        if sorted(found, reverse=True) != list(found):
            raise ValueError(f"the bounds of {row!r} must come loosest first, got {list(found)}")


def _spoken(
    upper_bounds: Mapping[str, Sequence[Number]],
    values: Mapping[str, Number],
    names: Sequence[str],
    references: Mapping[str, Number],
) -> str:
    spoken = [
        f"{row} at most "
        + ", ".join(f"{value:.3g} ({name})" for value, name in zip(found, names, strict=True))
        for row, found in upper_bounds.items()
    ]
    spoken += [f"{row} exactly {value:.3g}" for row, value in values.items()]
    spoken += [f"dotted {name} at {value:.3g}" for name, value in references.items()]
    return "; ".join(spoken)


def _bounded_row(figure: go.Figure, at: int, bounds: Sequence[Number], names: Sequence[str]) -> None:
    """A line through the bounds of one row, and an arrow from the tightest to the left."""
    texts = [f"{name} ≤ {value:.2f}".strip() for name, value in zip(names, bounds, strict=True)]
    texts = ["" if text in texts[i + 1 :] else text for i, text in enumerate(texts)]  # the same, but once
    hollow = {"symbol": "circle-open", "size": 12, "color": CHOSEN, "line": {"width": 2.5}}
    figure.add_scatter(
        x=list(bounds), y=[at] * len(bounds), mode="lines+markers+text", text=texts,
        textposition="top center",
        line={"color": OTHER}, marker=hollow,
    )  # fmt: skip
    figure.add_annotation(
        x=bounds[-1], y=at, ax=-46, ay=0, axref="pixel", ayref="pixel", showarrow=True,
        arrowside="start", startarrowhead=2, arrowcolor=OTHER, arrowwidth=2, text="",
    )  # fmt: skip
