"""A figure of byte-pair encoding at work: a word, row by row, as its neighbours become one."""

from collections.abc import Sequence

import plotly.graph_objects as go

from arlm_helpers.reading.style import CHOSEN, INK, OTHER, TEMPLATE, described, token_label


def merge_steps(
    steps: Sequence[Sequence[str]], *, notes: Sequence[str] = (), title: str | None = None
) -> go.Figure:
    """Draw the tokens of one word after each merge, the first row before any.

    A token that a row has and the row above has not stands out and is starred. ``notes`` stand to the
    right of the rows: say, which merge was applied.

    Raises:
        ValueError: if there are no steps, the rows do not spell the same, or ``notes`` are not one per row.
    """
    if not steps or not steps[0]:
        raise ValueError("steps is empty; give at least the tokens before any merge")
    if len({"".join(row) for row in steps}) > 1:
        raise ValueError(f"every step must spell the same word, got {[''.join(row) for row in steps]}")
    if notes and len(notes) != len(steps):
        raise ValueError(f"{len(notes)} notes for {len(steps)} steps; give one for each")
    figure, length = go.Figure(), len("".join(steps[0]))
    for depth, row in enumerate(steps):
        made, left = _made(steps[depth - 1], row) if depth else set(), 0
        for token in row:
            _box(figure, token, left, left + len(token), -depth, left in made)
            left += len(token)
        note = notes[depth] if notes else ""
        figure.add_annotation(x=length, y=-depth, text=note, xanchor="left", xshift=10, showarrow=False)
    title = title or f"{len(steps) - 1} merges turn {len(steps[0])} tokens into {len(steps[-1])}"
    figure.add_scatter(x=[0], y=[0], mode="markers", marker_opacity=0, hoverinfo="skip")
    figure.update_layout(
        template=TEMPLATE,
        title=title,
        height=95 + 38 * len(steps),
        margin={"b": 15, "r": 24 + 8 * max(map(len, notes), default=0)},
        xaxis={"visible": False, "range": [0, length]},
        yaxis={"range": [0.6 - len(steps), 0.6], "showgrid": False, "showline": False, "ticks": ""},
        yaxis_tickvals=[-depth for depth in range(len(steps))],
        yaxis_ticktext=["bytes"] + [f"merge {depth}" for depth in range(1, len(steps))],
    )
    spoken = "; ".join(" ".join(map(repr, row)) for row in steps)
    return described(figure, f"{title}. Row by row, from single bytes on: {spoken}.")


def _made(before: Sequence[str], after: Sequence[str]) -> set[int]:
    """Where the tokens begin that ``after`` has and ``before`` has not."""
    return _spans(after).keys() - {at for at, end in _spans(before).items() if _spans(after).get(at) == end}


def _spans(tokens: Sequence[str]) -> dict[int, int]:
    spans, left = {}, 0
    for token in tokens:
        spans[left] = left + len(token)
        left += len(token)
    return spans


def _box(figure: go.Figure, token: str, left: int, right: int, y: int, new: bool) -> None:
    edge = {"color": CHOSEN if new else OTHER, "width": 3 if new else 1.2}
    figure.add_shape(type="rect", x0=left + 0.06, x1=right - 0.06, y0=y - 0.38, y1=y + 0.38, line=edge)
    label = token_label(token)[1:-1].replace(" ", "␣") + (" ★" if new else "")
    figure.add_annotation(x=(left + right) / 2, y=y, text=label, showarrow=False, font_color=INK)
