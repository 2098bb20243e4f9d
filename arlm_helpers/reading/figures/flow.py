"""How a number travels: from text to ids to logits to the next token, and back to the start."""

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from arlm_helpers.reading.style import BLUE, CHOSEN, INK, OTHER, TEMPLATE, described, token_label

WIDTHS = (20, 17, 20, 15, 13)  # of the five boxes, in percent of the figure; the rest is for the arrows
GAP = 3.4
TOP, BOTTOM = 74, 36


def generation_loop(
    prompt: str,
    ids: Sequence[int],
    logits: Mapping[str, float],
    *,
    vocab_size: int,
    chosen: str,
    chosen_id: int,
) -> go.Figure:
    """Draw one round of writing with its numbers: encode, model, choose, decode, and the way back.

    ``ids`` are those of ``prompt``; ``logits`` holds the largest of them by token, at most three are shown.

    Raises:
        ValueError: if there is no id or no logit.
    """
    if not ids or not logits:
        raise ValueError("ids or logits is empty; give the numbers of one step of the model")
    tail = [str(i) for i in ids][-4:]
    short = ("…" if len(prompt) > 11 else "") + prompt[-11:]
    top = sorted(logits, key=logits.__getitem__, reverse=True)[:3]
    boxes = [
        ("text", [token_label(short)]),
        ("ids", ["[" + "… " * (len(ids) > 4) + ", ".join(tail) + "]"]),
        (f"{vocab_size} logits", [f"{token_label(token)}  {logits[token]:.2f}" for token in top] + ["…"]),
        ("next id", [f"<b>{chosen_id}</b>"]),
        ("token", [f"<b>{token_label(chosen)}</b>"]),
    ]
    figure, edges = go.Figure(), _edges()
    for (name, lines), (left, right) in zip(boxes, edges, strict=True):
        _draw_box(figure, name, lines, left, right, new=name in ("next id", "token"))
    for call, (_, start), (end, _) in zip(
        ("encode", "model", "choose", "decode"), edges, edges[1:], strict=False
    ):
        _draw_arrow(figure, start, end, call)
    _draw_way_back(figure, edges)
    figure.update_layout(
        template=TEMPLATE,
        title="Four calls write one token, which goes back to the start",
        height=300,
        margin={"l": 10, "r": 10, "t": 60, "b": 10},
        xaxis={"visible": False, "range": [0, 100], "fixedrange": True},
        yaxis={"visible": False, "range": [0, 100], "fixedrange": True},
    )
    best = ", ".join(f"{token!r} {logits[token]:.2f}" for token in top)
    return described(
        figure,
        f"Five boxes in a row joined by arrows. The text {short!r} is encoded as ids ending in "
        f"{', '.join(tail)}; the model turns them into {vocab_size} logits, the largest being {best}; "
        f"choose takes id {chosen_id}; decode gives the token {chosen!r}. An arrow leads from the token "
        "back to the text: the token is appended and the round begins again.",
    )


def _edges() -> list[tuple[float, float]]:
    """Left and right edge of each box, from 0 to 100."""
    starts = [sum(WIDTHS[:i]) + i * GAP for i in range(len(WIDTHS))]
    return [(start + 0.7, start + width + 0.7) for start, width in zip(starts, WIDTHS, strict=True)]


def _draw_box(
    figure: go.Figure, name: str, lines: list[str], left: float, right: float, *, new: bool
) -> None:
    outline = {"color": CHOSEN if new else OTHER, "width": 2.5 if new else 1.5}
    figure.add_shape(type="rect", x0=left, x1=right, y0=BOTTOM, y1=TOP, line=outline, layer="below")
    middle = (left + right) / 2
    figure.add_annotation(x=middle, y=BOTTOM - 6, text=name, showarrow=False, font_size=13)
    figure.add_annotation(
        x=middle, y=(TOP + BOTTOM) / 2, text="<br>".join(lines), showarrow=False, font_size=13
    )


def _draw_arrow(figure: go.Figure, start: float, end: float, call: str) -> None:
    middle, height = (start + end) / 2, (TOP + BOTTOM) / 2
    figure.add_annotation(
        x=end, y=height, ax=start, ay=height, axref="x", ayref="y", text="", arrowhead=2, arrowcolor=INK
    )
    figure.add_annotation(
        x=middle, y=TOP + 9, text=f"<b>{call}</b>", showarrow=False, font={"size": 14, "color": BLUE}
    )


def _draw_way_back(figure: go.Figure, edges: list[tuple[float, float]]) -> None:
    """The line under the boxes from the last one back to the first."""
    last, first = sum(edges[-1]) / 2, sum(edges[0]) / 2
    low = 12
    path = f"M {last},{BOTTOM - 12} L {last},{low} L {first},{low}"
    figure.add_shape(type="path", path=path, line={"color": CHOSEN, "width": 2.5})
    figure.add_annotation(
        x=first, y=BOTTOM - 11, ax=first, ay=low, axref="x", ayref="y", text="", arrowhead=2, arrowwidth=2.5,
        arrowcolor=CHOSEN,
    )  # fmt: skip
    figure.add_annotation(
        x=50,
        y=low + 5,
        text="append: what the model wrote is what it reads next",
        showarrow=False,
        font_size=13,
    )
