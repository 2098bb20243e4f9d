"""Figures for counting: the arrays of a count table, with each context above the entries it owns."""

from collections.abc import Sequence

import plotly.graph_objects as go

from arlm_helpers.reading.style import CHOSEN, INK, OTHER, TEMPLATE, described, token_label


def count_table_drawing(
    contexts: Sequence[str],
    keys: Sequence[int],
    starts: Sequence[int],
    tokens: Sequence[str],
    counts: Sequence[int],
    *,
    chosen: int | None = None,
    title: str = "Each context owns a slice of the entries",
) -> go.Figure:
    """Draw the four arrays of a count table as boxes; a wedge joins a context to its slice of entries.

    ``starts`` has one number more than there are contexts: the end of the last slice. The context number
    ``chosen`` stands out.

    Raises:
        ValueError: if the arrays do not fit together, or ``chosen`` is not the number of a context.
    """
    n_contexts, n_entries = len(contexts), len(tokens)
    if (len(keys), len(starts), len(counts)) != (n_contexts, n_contexts + 1, n_entries):
        raise ValueError(
            f"{n_contexts} contexts need as many keys and one start more, and {n_entries} tokens as many "
            f"counts; got {len(keys)} keys, {len(starts)} starts and {len(counts)} counts"
        )
    if chosen is not None and not 0 <= chosen < n_contexts:
        raise ValueError(f"chosen must be a context number from 0 to {n_contexts - 1}, got {chosen}")
    figure, wide = go.Figure(), max(n_contexts, n_entries)
    left = [(c + 0.5) * wide / n_contexts for c in range(n_contexts)]  # middles of the contexts' boxes
    for c in range(n_contexts):
        colour = CHOSEN if c == chosen else OTHER
        _wedge(figure, left[c], starts[c], starts[c + 1], colour)
        for height, value in ((5, token_label(contexts[c])), (4, keys[c]), (3, starts[c])):
            _box(figure, left[c], height, value, colour)
    _box(figure, wide + 0.5, 3, starts[-1], OTHER)  # the end of the last slice
    for e in range(n_entries):
        owned = chosen is not None and starts[chosen] <= e < starts[chosen + 1]
        for height, value in ((1, token_label(tokens[e])), (0, counts[e])):
            _box(figure, e + 0.5, height, value, CHOSEN if owned else OTHER)
    _lay_out(figure, wide, title)
    slices = (
        f"{contexts[c]!r} has key {keys[c]} and entries {starts[c]} up to {starts[c + 1]}: "
        + ", ".join(f"{tokens[e]!r} {counts[e]}" for e in range(starts[c], starts[c + 1]))
        for c in range(n_contexts)
    )
    return described(figure, f"{title}. {'; '.join(slices)}. The last start, {starts[-1]}, is the end.")


def _lay_out(figure: go.Figure, wide: int, title: str) -> None:
    """Name the arrays on the left; no other axis."""
    names = {0: "counts", 1: "tokens", 3: "starts", 4: "keys", 5: "context"}
    rows = {
        "tickvals": list(names),
        "ticktext": list(names.values()),
        "range": [-0.6, 5.6],
        "showgrid": False,
    }
    figure.update_layout(
        template=TEMPLATE,
        title=title,
        height=285,
        xaxis={"visible": False, "range": [0, wide + 1]},
        yaxis={**rows, "showline": False, "ticks": ""},
    )
    figure.add_scatter(x=[0], y=[0], mode="markers", marker_opacity=0, hoverinfo="skip")  # axes need a trace


def _box(figure: go.Figure, x: float, y: float, value: object, colour: str) -> None:
    edges = {"x0": x - 0.42, "x1": x + 0.42, "y0": y - 0.38, "y1": y + 0.38}
    width = 3 if colour == CHOSEN else 1.2
    figure.add_shape(type="rect", **edges, line={"color": colour, "width": width}, fillcolor="white")
    figure.add_annotation(x=x, y=y, text=str(value), showarrow=False, font_color=INK)


def _wedge(figure: go.Figure, top: float, begin: float, end: float, colour: str) -> None:
    path = f"M {top} 2.6 L {begin + 0.08} 1.4 L {end - 0.08} 1.4 Z"
    figure.add_shape(type="path", path=path, line_width=0, fillcolor=colour, opacity=0.35)
