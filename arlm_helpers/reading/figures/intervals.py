"""A figure for arithmetic coding: the interval that shrinks with every symbol."""

from collections.abc import Mapping, Sequence
from fractions import Fraction

import plotly.graph_objects as go

from arlm_helpers.reading.style import CHOSEN, INK, TEMPLATE, described, token_label

Interval = tuple[Fraction, Fraction]


def nested_intervals(
    steps: Sequence[Mapping[str, Interval]],
    chosen: Sequence[str],
    *,
    number: Fraction | None = None,
    title: str | None = None,
) -> go.Figure:
    """Draw each step's interval at full width, divided among the symbols; the chosen one becomes the next.

    ``steps[t]`` maps each symbol to its part (low, high) of the interval at step t, in order from left to
    right; ``chosen[t]`` is the symbol that came. ``number`` marks a number inside the last part.

    Raises:
        ValueError: if there is not one chosen symbol per step, or a step does not have it.
    """
    fits = len(steps) == len(chosen) and all(
        symbol in step for step, symbol in zip(steps, chosen, strict=True)
    )
    if not fits:
        raise ValueError(f"{len(steps)} steps need as many chosen symbols of theirs, got {list(chosen)}")
    figure = go.Figure()
    for t, (step, symbol) in enumerate(zip(steps, chosen, strict=True)):
        _row(figure, t, step, symbol, last=t + 1 == len(steps), number=number)
    begin, end = steps[-1][chosen[-1]]
    title = title or f"After {len(steps)} symbols the interval is {float(end - begin):.4g} wide"
    _lay_out(figure, len(steps), title, room=0 if number is None else 0.8)
    spoken = "; ".join(
        f"symbol {t + 1} is {s!r}, the interval becomes {step[s][0]} to {step[s][1]}"
        for t, (step, s) in enumerate(zip(steps, chosen, strict=True))
    )
    mark = "" if number is None else f" The number {number} lies inside."
    return described(figure, f"{title}. Nested intervals: {spoken}.{mark}")


def _row(
    figure: go.Figure,
    t: int,
    step: Mapping[str, Interval],
    symbol: str,
    *,
    last: bool,
    number: Fraction | None,
) -> None:
    """One interval at full width; the chosen part opens a wedge to the next row, or holds the number."""
    y, edges = -2 * t, [edge for part in step.values() for edge in part]
    low, high = min(edges), max(edges)
    for i, (name, part) in enumerate(step.items()):
        x0, x1 = (float((edge - low) / (high - low)) for edge in part)
        _segment(figure, name, (x0, x1), y, name == symbol, ("#E4E4E4", "#CFCFCF")[i % 2])
        _edge_label(figure, x0, y, part[0])
        if name == symbol and not last:
            path = f"M {x0} {y - 0.5} L 0 {y - 1.5} L 1 {y - 1.5} L {x1} {y - 0.5} Z"
            figure.add_shape(type="path", path=path, line_width=0, fillcolor=CHOSEN, opacity=0.15)
    _edge_label(figure, 1, y, high)
    if last and number is not None:
        x, text = float((number - low) / (high - low)), f"the number {float(number):.6g}"
        figure.add_annotation(x=x, y=y - 0.5, text=text, ax=0, ay=44, arrowhead=2, arrowcolor=INK)


def _edge_label(figure: go.Figure, x: float, y: float, edge: Fraction) -> None:
    text = f"{float(edge):.4g}"
    figure.add_annotation(x=x, y=y - 0.5, text=text, yshift=-9, showarrow=False, font_size=12)


def _lay_out(figure: go.Figure, n_rows: int, title: str, *, room: float) -> None:
    """Axes without lines; ``room`` is left below for the label of the number."""
    figure.add_scatter(x=[0], y=[0], mode="markers", marker_opacity=0, hoverinfo="skip")  # axes need a trace
    rows = {"tickvals": [-2 * t for t in range(n_rows)], "range": [0.9 - 2 * n_rows - room, 0.8]}
    figure.update_layout(
        template=TEMPLATE,
        title=title,
        height=100 + 66 * n_rows + (25 if room else 0),
        xaxis={"visible": False, "range": [-0.03, 1.03]},
        yaxis={**rows, "ticktext": [f"symbol {t + 1}" for t in range(n_rows)]},
    )
    figure.update_yaxes(showgrid=False, showline=False, ticks="")


def _segment(figure: go.Figure, name: str, span: tuple[float, float], y: float, hit: bool, grey: str) -> None:
    box = {"x0": span[0], "x1": span[1], "y0": y - 0.5, "y1": y + 0.5}
    line = {"color": CHOSEN if hit else "white", "width": 3 if hit else 1}
    figure.add_shape(type="rect", **box, fillcolor=grey, line=line)
    if span[1] - span[0] > 0.05:
        text = token_label(name) + (" ✓" if hit else "")
        figure.add_annotation(x=sum(span) / 2, y=y, text=text, showarrow=False, font_color=INK)
