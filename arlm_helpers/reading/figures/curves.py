"""Figures with lines: quantities over order, steps or rank, labelled at the end of each line."""

import math
from collections.abc import Collection, Mapping, Sequence

import plotly.graph_objects as go

from arlm_helpers.reading.figures.endings import moved_apart
from arlm_helpers.reading.style import (
    CHOSEN,
    DASHES,
    INK,
    LINE_LABELS,
    LINES,
    OTHER,
    REFERENCE,
    TEMPLATE,
    described,
)

Number = float | int
_ABOVE = {"showarrow": False, "xanchor": "left", "yanchor": "bottom"}
_BELOW = {"showarrow": False, "xanchor": "right", "yanchor": "top", "font_color": INK}


def labelled_lines(
    x: Sequence[Number],
    series: Mapping[str, Sequence[Number | None]],
    *,
    title: str,
    x_title: str,
    y_title: str,
    references: Mapping[str, Number] | None = None,
    chosen_x: Number | None = None,
    y_range: tuple[Number, Number] | None = None,
    log_x: bool = False,
    markers: bool | None = None,
    alt: str = "",
) -> go.Figure:
    """Draw one line per series, its name at its right end; dotted horizontal lines are references.

    ``None`` is a place without a measurement: the line runs on. ``chosen_x`` rings the values there.
    ``markers`` defaults to True up to 20 points and where some are missing.
    ``alt`` replaces the text alternative, which otherwise names the first and last value of each line.

    Raises:
        ValueError: if a series is not as long as ``x``, or holds no number.
    """
    references = references or {}
    _check_series(x, series)
    figure = go.Figure()
    for i, (name, values) in enumerate(series.items()):
        look = {"color": LINES[i % len(LINES)], "dash": DASHES[i % len(DASHES)]}
        dots = len(x) <= 20 or None in values if markers is None else markers
        mode = "lines+markers" if dots else "lines"
        figure.add_scatter(x=list(x), y=list(values), name=name, line=look, mode=mode, connectgaps=True)
    figure.update_traces(marker_size=8)
    low, high = y_range or _padded_range([*series.values(), list(references.values())])
    _label_ends(figure, x, series, references, low, high, log_x)
    if chosen_x is not None:
        _ring(figure, x, series, chosen_x)
    figure.update_layout(
        template=TEMPLATE,
        title=title,
        margin_r=24 + 8 * max(len(name) for name in [*series, *references]),
        xaxis={"title": x_title, "type": "log" if log_x else "linear"},
        yaxis={"title": y_title, "range": [low, high]},
    )
    if len(x) <= 12 and not log_x:
        figure.update_xaxes(tickvals=list(x))
    return described(figure, alt or _spoken(title, x, series, references, x_title, y_title))


def rank_frequency(
    counts: Mapping[str, Sequence[int]],
    *,
    title: str = "A few types are frequent, most are rare",
    noun: str = "type",
) -> go.Figure:
    """Draw frequency against rank on logarithmic axes; a power law is a straight line.

    ``counts`` maps a name to the counts of its types, in any order; zeros are left out. The dotted line is
    Zipf's law, frequency ∝ 1 / rank, through the first point of the first series. Each name stands
    where its line is the uppermost, above it, so that it crosses no other.

    Raises:
        ValueError: if a series has no positive count.
    """
    sizes = {name: sorted((c for c in values if c > 0), reverse=True) for name, values in counts.items()}
    for name, ranked in sizes.items():
        if not ranked:
            raise ValueError(f"{name!r} has no positive count")
    first = next(iter(sizes.values()))[0]
    last = min(first, max(map(len, sizes.values())))
    figure = go.Figure()
    figure.add_scatter(x=[1, last], y=[first, first / last], mode="lines", line=REFERENCE, hoverinfo="skip")
    figure.add_annotation(_log_point(last**0.3, first / last**0.3), text="Zipf: 1 / rank", **_BELOW)
    for i, (name, ranked) in enumerate(sizes.items()):
        look = {"color": LINES[i % len(LINES)], "dash": DASHES[i % len(DASHES)]}
        ranks = _spread_ranks(len(ranked))
        counted = [ranked[rank - 1] for rank in ranks]
        figure.add_scatter(x=ranks, y=counted, name=name, mode="lines", line=look)
        rank = _where_on_top(ranked, sizes.values())
        label = {"text": name, "font_color": LINE_LABELS[i % len(LINES)], **_ABOVE}
        figure.add_annotation(_log_point(rank, ranked[rank - 1]), **label)
    top = math.log10(max(ranked[0] for ranked in sizes.values())) + 0.4
    figure.update_layout(
        template=TEMPLATE,
        title=title,
        xaxis={"title": f"rank of the {noun}", "type": "log", "dtick": 1},
        yaxis={"title": "count", "type": "log", "dtick": 1, "range": [-0.15, top]},
    )
    spoken = "; ".join(
        f"{name}: {len(v):,} {noun}s, counts {v[0]:,} to {v[-1]:,}" for name, v in sizes.items()
    )
    return described(figure, f"Count against rank, logarithmic axes. {spoken}. Dotted: counts ∝ 1 / rank.")


def _label_ends(figure, x, series, references, low, high, log_x) -> None:
    """Write each name to the right of its line, moved apart where two would overlap."""
    ends = [
        (_last(values), name, LINE_LABELS[i % len(LINES)]) for i, (name, values) in enumerate(series.items())
    ]
    ends += [(value, name, INK) for name, value in references.items()]
    heights = moved_apart([end for end, _, _ in ends], gap=0.07 * (high - low), low=low, high=high)
    for (_, name, colour), height in zip(ends, heights, strict=True):
        figure.add_annotation(
            x=1,
            xref="paper",
            y=height,
            text=name,
            showarrow=False,
            xanchor="left",
            xshift=6,
            font_color=colour,
        )
    for value in references.values():
        figure.add_hline(y=value, line=REFERENCE)


def _ring(figure, x, series, chosen_x) -> None:
    """Mark the values at ``chosen_x`` by a ring and a grey vertical line."""
    position = list(x).index(chosen_x)
    values = [values[position] for values in series.values()]
    ring = {"size": 15, "color": "rgba(0,0,0,0)", "line": {"color": CHOSEN, "width": 3}}
    figure.add_scatter(x=[chosen_x] * len(values), y=values, mode="markers", marker=ring, hoverinfo="skip")
    figure.add_vline(x=chosen_x, line={"color": OTHER, "width": 1}, layer="below")


def _check_series(x, series) -> None:
    if not series:
        raise ValueError("series is empty; give at least one line")
    for name, values in series.items():
        if len(values) != len(x):
            raise ValueError(f"series {name!r} has {len(values)} values for {len(x)} positions on the x axis")
        if all(value is None for value in values):
            raise ValueError(f"series {name!r} holds no number")


def _padded_range(groups):
    values = [value for group in groups for value in group if value is not None]
    pad = 0.08 * (max(values) - min(values)) or 0.5
    return min(values) - pad, max(values) + pad


def _last(values):
    return next(value for value in reversed(values) if value is not None)


def _spread_ranks(size: int, per_decade: int = 40) -> list[int]:
    """Ranks from 1 to ``size``, evenly spread on a logarithmic axis, so that a figure stays small."""
    steps = max(1, round(per_decade * math.log10(size)))
    return sorted({round(size ** (i / steps)) for i in range(steps + 1)})


def _where_on_top(ranked: Sequence[int], all_ranked: Collection[Sequence[int]]) -> int:
    """The middle of the ranks at which no other line is above this one; its last rank if there is none."""
    free = [
        rank
        for rank in _spread_ranks(len(ranked))
        if all(len(other) < rank or other[rank - 1] <= ranked[rank - 1] for other in all_ranked)
    ]
    return free[len(free) // 2] if free else len(ranked)


def _log_point(x: Number, y: Number) -> dict:
    """Where an annotation stands on logarithmic axes, which plotly wants as exponents of ten."""
    return {"x": math.log10(x), "y": math.log10(y)}


def _spoken(title, x, series, references, x_title, y_title) -> str:
    lines = []
    for name, values in series.items():
        known = [(at, value) for at, value in zip(x, values, strict=True) if value is not None]
        lines.append(
            f"{name} goes from {known[0][1]:.3g} at {known[0][0]:g} to {known[-1][1]:.3g} at {known[-1][0]:g}"
        )
    lines += [f"dotted reference {name} at {value:.3g}" for name, value in references.items()]
    return f"{title}. Lines of {y_title} over {x_title}: {'; '.join(lines)}."
