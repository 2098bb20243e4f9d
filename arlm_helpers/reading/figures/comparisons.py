"""Figures that set numbers beside each other: expected and observed, model and model, row and row."""

from collections.abc import Collection, Mapping, Sequence

import plotly.graph_objects as go
from jaxtyping import Float
from torch import Tensor

from arlm_helpers.reading.style import BLUE, CHOSEN, OTHER, REFERENCE, TEMPLATE, described, token_label

Number = float | int


def observed_and_expected(
    labels: Sequence[str],
    observed: Sequence[Number],
    expected: Sequence[Number],
    *,
    errors: Sequence[Number],
    title: str | None = None,
    x_title: str = "relative frequency",
    names: tuple[str, str] = ("observed", "expected"),
) -> go.Figure:
    """Draw what was observed as bars, what is expected as diamonds with ``± errors``.

    Without a title of your own, it says how many bars end inside the error bars. ``names`` say what bars
    and diamonds are.

    Raises:
        ValueError: if the four sequences differ in length.
    """
    sizes = {len(labels), len(observed), len(expected), len(errors)}
    if len(sizes) > 1:
        raise ValueError(f"labels, observed, expected and errors differ in length: {sorted(sizes)}")
    inside = sum(abs(o - e) <= s for o, e, s in zip(observed, expected, errors, strict=True))
    rows = list(range(len(labels)))
    names_shown = [_escaped(label) for label in labels]
    figure = go.Figure(
        go.Bar(x=list(observed), y=rows, orientation="h", marker_color=OTHER, hovertext=names_shown)
    )
    figure.add_scatter(
        x=list(expected),
        y=rows,
        mode="markers",
        marker={"color": BLUE, "size": 9, "symbol": "diamond"},
        error_x={"array": list(errors), "color": BLUE, "thickness": 2, "width": 6},
        hovertext=names_shown,
    )
    figure.update_layout(
        template=TEMPLATE,
        title=title or f"{inside} of {len(rows)} bars end inside their error bars",
        height=150 + 28 * len(rows),
        xaxis={"title": f"{x_title}: grey bar {names[0]}, blue diamond {names[1]}", "rangemode": "tozero"},
        yaxis={"autorange": "reversed", "tickvals": rows, "ticktext": names_shown},
        yaxis_showgrid=False,
    )
    spoken = "; ".join(
        f"{label} {names[0]} {o:.4g}, {names[1]} {e:.4g}" + (f" ± {s:.2g}" if s else "")
        for label, o, e, s in zip(labels, observed, expected, errors, strict=True)
    )
    return described(figure, f"{names[0].capitalize()} and {names[1]} values: {spoken}.")


def conditional_heatmap(
    probs: Float[Tensor, "previous following"],
    tokens: Sequence[str],
    *,
    previous_tokens: Sequence[str] | None = None,
    title: str = "Each row is a distribution over the next token",
    x_title: str = "next token",
    y_title: str = "previous token",
) -> go.Figure:
    """Draw a table of conditional probabilities, one row per previous token, dark 0 to bright 1.

    ``previous_tokens`` names the rows where they differ from the columns. A NaN is blank, not zero. Up to
    144 cells carry their number.

    Raises:
        ValueError: if the names do not match the table.
    """
    row_names = list(tokens if previous_tokens is None else previous_tokens)
    if (len(row_names), len(tokens)) != tuple(probs.shape):
        raise ValueError(
            f"a {tuple(probs.shape)} table needs as many names, got {len(row_names)} and {len(tokens)}"
        )
    n_rows, n_columns = probs.shape
    cells = [[None if value != value else value for value in row] for row in probs.tolist()]
    heat = go.Heatmap(
        z=cells, zmin=0, zmax=1, xgap=1, ygap=1,
        colorbar={"title": {"text": "probability", "side": "right"}, "tickformat": ".0%"},
        hovertemplate="%{y} then %{x}: %{z:.3f}<extra></extra>",
        texttemplate="%{z:.2f}" if probs.numel() <= 144 else None,
    )  # fmt: skip
    figure = go.Figure(heat).update_layout(
        template=TEMPLATE,
        title=title,
        height=150 + max(180, 30 * n_rows if n_rows <= 16 else 18 * n_rows),
        xaxis={"title": x_title, **_names(tokens)},
        yaxis={"title": y_title, "autorange": "reversed", **_names(row_names)},
    )
    figure.update_layout(xaxis_tickangle=0 if n_columns <= 14 else -90)
    likeliest = probs.nan_to_num().max(dim=1)
    spoken = "; ".join(
        f"after {row_names[i]!r} likeliest {tokens[int(likeliest.indices[i])]!r} {likeliest.values[i]:.2f}"
        for i in range(min(n_rows, 12))
    )
    more = f"; {n_rows - 12} more rows" if n_rows > 12 else ""
    return described(figure, f"{title}. Heat map, {n_rows} rows by {n_columns} columns: {spoken}{more}.")


def scoreboard_bars(
    bits: Mapping[str, Number],
    *,
    ours: Collection[str] = (),
    references: Mapping[str, Number] | None = None,
    spreads: Mapping[str, Number] | None = None,
    title: str = "Bits per character: less is better",
) -> go.Figure:
    """Compare models by bits per character, worst on top; models in ``ours`` stand out and are starred.

    ``references`` are dotted vertical lines with a label; ``spreads`` (± over seeds) stand beside the number.

    Raises:
        ValueError: if there is nothing to draw, or ``ours`` or ``spreads`` names an unknown model.
    """
    spreads = spreads or {}
    unknown = {*ours, *spreads} - set(bits)
    if not bits or unknown:
        raise ValueError(
            f"no row for {sorted(unknown)}" if unknown else "bits is empty; give at least one model"
        )
    names = sorted(bits, key=lambda name: -bits[name])
    values, rows = [bits[name] for name in names], list(range(len(names)))
    figure = go.Figure(
        go.Bar(
            x=values, y=rows, orientation="h",
            text=[f"{bits[n]:.2f}" + f" ± {spreads.get(n, 0):.2f}" * (n in spreads) for n in names],
            marker_color=[CHOSEN if name in ours else OTHER for name in names],
        )
    )  # fmt: skip
    for name, value in (references or {}).items():
        figure.add_vline(x=value, line=REFERENCE, layer="above")
        figure.add_annotation(x=value, y=1, yref="paper", yanchor="bottom", text=name, showarrow=False)
    figure.update_layout(
        template=TEMPLATE,
        title=title,
        height=150 + 27 * len(rows),
        xaxis={"title": "bits per character", "range": [0, 1.15 * max(values)]},
        yaxis={"autorange": "reversed", "tickvals": rows, "showgrid": False},
        yaxis_ticktext=[_escaped(name) + (" ★" if name in ours else "") for name in names],
    )
    spoken = "; ".join(f"{name} {bits[name]:.2f}" for name in names)
    dotted = "".join(f" Dotted line: {name} at {value:.2f}." for name, value in (references or {}).items())
    return described(figure, f"Bars of bits per character, worst first: {spoken}.{dotted}")


def surprisal_bars(
    tokens: Sequence[str],
    bits: Sequence[Number],
    *,
    title: str | None = None,
    references: Mapping[str, Number] | None = None,
) -> go.Figure:
    """Draw how surprised a model was by each token of a text, in bits, in reading order.

    The most surprising token stands out; ``references`` (say, the bits of a uniform guess) are dotted.

    Raises:
        ValueError: if ``tokens`` and ``bits`` differ in length or are empty.
    """
    if len(tokens) != len(bits) or not tokens:
        raise ValueError(f"{len(tokens)} tokens but {len(bits)} surprisals; give one per token, at least one")
    worst = max(range(len(bits)), key=bits.__getitem__)
    colours = [CHOSEN if i == worst else OTHER for i in range(len(bits))]
    text = [f"{value:.1f}" for value in bits] if len(bits) <= 24 else None
    figure = go.Figure(go.Bar(x=list(range(len(bits))), y=list(bits), marker_color=colours, text=text))
    figure.update_layout(
        template=TEMPLATE,
        title=title or f"{token_label(tokens[worst])} surprises most: {bits[worst]:.1f} bits",
        xaxis={"title": "token, in reading order", "showgrid": False, **_names(tokens)},
        yaxis={"title": "surprisal in bits", "rangemode": "tozero"},
    )
    for name, value in (references or {}).items():
        figure.add_hline(y=value, line=REFERENCE)
        figure.add_annotation(
            x=1, xref="paper", y=value, text=name, xanchor="left", xshift=6, showarrow=False
        )
        figure.update_layout(margin_r=24 + 8 * max(map(len, references)))
    spoken = "; ".join(f"{token!r} {value:.1f}" for token, value in zip(tokens, bits, strict=True))
    return described(figure, f"Surprisal of each token in bits: {spoken}.")


def _names(tokens: Sequence[str]) -> dict:
    return {
        "tickvals": list(range(len(tokens))),
        "ticktext": [token_label(token) for token in tokens],
        "showgrid": False,
    }


def _escaped(label: str) -> str:
    return label.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
