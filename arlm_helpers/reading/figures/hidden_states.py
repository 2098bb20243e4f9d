"""What a cell of a recurrent network does while it reads: its value at each character of a text."""

import math
from collections.abc import Sequence
from html import escape

import plotly.graph_objects as go
from jaxtyping import Float
from torch import Tensor

from arlm_helpers.reading.style import CHOSEN, INK, OTHER, TEMPLATE, described, token_label

LIMIT = 2_000  # characters in one figure
# The signed scale of the course, mixed with white so that dark letters can be read on its ends.
PALE = [[0.0, "#5BA4CF"], [0.5, "#FFFFFF"], [1.0, "#E8935A"]]
MONO = '"DejaVu Sans Mono", Menlo, Consolas, "Noto Sans Mono CJK SC", "Noto Sans CJK SC", monospace'
ROW = 46  # pixels of a line of text with its curve
VISIBLE = {"\n": "↵", "\t": "⇥", "\r": "␍", "<": "&lt;", ">": "&gt;", "&": "&amp;"}


def hidden_state_strip(
    text: str,
    values: Float[Tensor, " time"],
    *,
    name: str = "cell",
    title: str | None = None,
    limit: float | None = None,
    width: int = 60,
    chosen: int | None = None,
) -> go.Figure:
    """Draw a text with the value of one cell after each character: as colour, and as a curve below.

    ``values[i]`` is the cell's value when ``text[i]`` has been read. The curve under a line of text says
    the same without colour: above its grey base line the value is positive, below negative. Both scales
    go from ``-limit`` to ``limit``, by default the largest value. A line break is shown as ↵; lines
    longer than ``width`` characters are wrapped. The character at position ``chosen`` is framed.

    Raises:
        ValueError: if text and values differ in length, the text is empty or longer than 2,000 characters,
            a value is not finite, or ``chosen`` lies outside the text.
    """
    numbers = values.tolist()
    _check(text, numbers, chosen)
    limit = limit or max(map(abs, numbers)) or 1.0
    rows = wrapped(text, width)
    figure = go.Figure([_letters(text, numbers, rows, limit), *_curves(numbers, rows, limit)])
    if chosen is not None:
        _frame(figure, rows, chosen)
    columns = max(len(row) for row in rows)
    figure.update_layout(
        template=TEMPLATE,
        title=title or _headline(text, numbers, name),
        height=110 + ROW * len(rows),
        margin={"l": 20, "b": 20},
        xaxis={"visible": False, "range": [-0.5, max(columns, 30) - 0.5], "fixedrange": True},
        yaxis={"visible": False, "range": [2 * len(rows) - 0.4, -0.6], "fixedrange": True},
        hovermode="closest",
    )
    return described(figure, _spoken(text, numbers, rows, name))


def wrapped(text: str, width: int) -> list[range]:
    """The positions of each line: a line ends after a line break, or before it is wider than ``width``.

    Lines are parted after a space where there is one in their second half.

    Raises:
        ValueError: if ``width`` is below 1.
    """
    if width < 1:
        raise ValueError(f"width must be at least 1, got {width}")
    rows, start = [], 0
    while start < len(text):
        end = text.find("\n", start, start + width) + 1
        if not end:
            end = min(start + width, len(text))
            space = text.rfind(" ", start + width // 2, end) + 1
            end = space if space and end < len(text) else end
        rows.append(range(start, end))
        start = end
    return rows


def visible_letter(letter: str) -> str:
    """A character as plotly can write it into one cell: escaped, line breaks and broken bytes as signs."""
    if "\udc80" <= letter <= "\udcff":  # a byte that surrogateescape could not decode
        return f"{ord(letter) - 0xDC00:02X}"
    return VISIBLE.get(letter, letter if letter.isprintable() or letter.isspace() else "▯")


def _letters(text: str, numbers: list[float], rows: list[range], limit: float) -> go.Heatmap:
    """The coloured characters. Every second row of the table is blank: the curves are drawn there."""
    columns = max(len(row) for row in rows)
    table, letters, hover = [], [], []
    for row in rows:
        blank = [None] * (columns - len(row))
        table += [[numbers[i] for i in row] + blank, [None] * columns]
        letters += [[visible_letter(text[i]) for i in row] + [""] * len(blank), [""] * columns]
        said = [f"{token_label(text[i])} at {i}: {numbers[i]:+.3f}" for i in row]
        hover += [said + [""] * len(blank), [""] * columns]
    ticks = [-limit, 0, limit]
    return go.Heatmap(
        z=table, text=letters, hovertext=hover, hoverinfo="text", hoverongaps=False, texttemplate="%{text}",
        textfont={"family": MONO, "size": 14, "color": INK}, colorscale=PALE, zmin=-limit, zmax=limit, zmid=0,
        colorbar={"tickvals": ticks, "ticktext": [f"{tick:+.2g}" if tick else "0" for tick in ticks]},
    )  # fmt: skip


def _curves(numbers: list[float], rows: list[range], limit: float) -> list[go.Scatter]:
    """Under each line of text its grey base line and the cell's values, 0.4 of a row up or down."""
    base_x, base_y, x, y = [], [], [], []
    for line, row in enumerate(rows):
        base = 2 * line + 1
        base_x += [-0.5, len(row) - 0.5, None]
        base_y += [base, base, None]
        for column, i in enumerate(row):
            x += [column - 0.5, column + 0.5]
            y += [base - 0.4 * max(-1.0, min(1.0, numbers[i] / limit))] * 2
        x, y = [*x, None], [*y, None]
    plain = {"mode": "lines", "hoverinfo": "skip"}
    return [
        go.Scatter(x=base_x, y=base_y, line={"color": OTHER, "width": 1}, **plain),
        go.Scatter(x=x, y=y, line={"color": INK, "width": 1.5}, **plain),
    ]


def _frame(figure: go.Figure, rows: list[range], chosen: int) -> None:
    """A frame around the chosen character and its part of the curve."""
    line = next(line for line, row in enumerate(rows) if chosen in row)
    column = chosen - rows[line].start
    corners = {"x0": column - 0.5, "x1": column + 0.5, "y0": 2 * line - 0.5, "y1": 2 * line + 1.45}
    figure.add_shape(type="rect", line={"color": CHOSEN, "width": 3}, **corners)


def _check(text: str, numbers: Sequence[float], chosen: int | None) -> None:
    if len(text) != len(numbers):
        raise ValueError(f"{len(numbers)} values for {len(text)} characters; give one per character")
    if not 0 < len(text) <= LIMIT:
        raise ValueError(f"the text has {len(text):,} characters; give between 1 and {LIMIT:,}")
    if not all(map(math.isfinite, numbers)):
        raise ValueError("a value is not finite; check the states that were recorded")
    if chosen is not None and not 0 <= chosen < len(text):
        raise ValueError(f"chosen must be a position from 0 to {len(text) - 1}, got {chosen}")


def _extremes(numbers: Sequence[float]) -> tuple[int, int]:
    """Positions of the lowest and the highest value."""
    order = sorted(range(len(numbers)), key=numbers.__getitem__)
    return order[0], order[-1]


def _headline(text: str, numbers: Sequence[float], name: str) -> str:
    low, high = _extremes(numbers)
    return (
        f"{escape(name)}: {numbers[low]:+.2f} after {token_label(text[low])}, "
        f"{numbers[high]:+.2f} after {token_label(text[high])}"
    )


def _shortened(line: str) -> str:
    """The beginning of a line; broken bytes as signs, since they are no text that can be stored."""
    whole = "".join(letter if letter == "\n" or letter.isprintable() else "▯" for letter in line)
    return whole if len(whole) <= 40 else whole[:38] + "…"


def _spoken(text: str, numbers: Sequence[float], rows: Sequence[range], name: str) -> str:
    low, high = _extremes(numbers)
    lines = "; ".join(
        f"{_shortened(text[row.start : row.stop])!r} mean {sum(numbers[i] for i in row) / len(row):+.2f}"
        for row in rows[:12]
    )
    more = f"; {len(rows) - 12} more lines" if len(rows) > 12 else ""
    return (
        f"A text of {len(text):,} characters coloured by the value of {name}, and the value as a curve under "
        f"each line. Lowest {numbers[low]:+.2f} at position {low}, highest {numbers[high]:+.2f} at {high}. "
        f"By line: {lines}{more}."
    )
