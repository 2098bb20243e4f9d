"""Where each token looks: the attention weights of some heads over a text, side by side."""

import math
from collections.abc import Sequence

from jaxtyping import Bool, Float
from plotly.graph_objects import Figure
from plotly.subplots import make_subplots
from torch import Tensor

from arlm_helpers.reading.style import MAGNITUDE, TEMPLATE, described, token_label


def attention_maps(
    weights: Float[Tensor, "map query key"],
    tokens: Sequence[str],
    *,
    names: Sequence[str],
    mask: Bool[Tensor, "query key"] | None = None,
    n_columns: int = 2,
    title: str = "Where each token looks",
) -> Figure:
    """Draw one panel of weights per head: a row is a token that looks, a column one that is looked at.

    All panels share one scale from 0 to 1. Where ``mask`` is False the cell is blank: not allowed, not 0.

    Raises:
        ValueError: if names or tokens do not match the weights.
    """
    n_maps, n_query, n_key = weights.shape
    if (len(names), len(tokens), n_query) != (n_maps, n_key, n_key) or not n_maps:
        raise ValueError(
            f"{tuple(weights.shape)} weights need as many names, tokens and tokens, "
            f"got {len(names)} names and {len(tokens)} tokens"
        )
    n_rows = math.ceil(n_maps / n_columns)
    figure = make_subplots(
        n_rows, n_columns, subplot_titles=list(names), horizontal_spacing=0.09, vertical_spacing=0.24 / n_rows
    )
    for i, table in enumerate(weights):
        place = {"row": i // n_columns + 1, "col": i % n_columns + 1}
        cells = _blanked(table, mask)
        figure.add_heatmap(
            z=cells, coloraxis="coloraxis", hovertemplate="%{y} → %{x}: %{z:.2f}<extra></extra>", **place
        )
    _lay_out(figure, tokens, n_rows, title)
    return described(figure, f"{title}. {_spoken(weights, tokens, names)}")


def bare_label(token: str) -> str:
    """A token without quotes, as small labels show it; a blank becomes ␣."""
    return token_label(token)[1:-1].replace(" ", "␣")


def _blanked(table: Float[Tensor, "query key"], mask: Bool[Tensor, "query key"] | None) -> list[list]:
    """The weights, with nothing where the mask forbids to look."""
    rows = table.tolist()
    if mask is None:
        return rows
    return [
        [value if open_ else None for value, open_ in zip(row, allowed, strict=True)]
        for row, allowed in zip(rows, mask.tolist(), strict=True)
    ]


def _lay_out(figure: Figure, tokens: Sequence[str], n_rows: int, title: str) -> None:
    ticks = {"tickvals": list(range(len(tokens))), "showgrid": False, "tickfont_size": 10}
    labels = [bare_label(token) for token in tokens]
    figure.update_xaxes(ticktext=labels, tickangle=0 if max(map(len, labels)) < 3 else -90, **ticks)
    figure.update_yaxes(ticktext=labels, autorange="reversed", **ticks)
    figure.update_xaxes(title="looked at", title_standoff=4, row=n_rows)
    figure.update_yaxes(title="looks", title_standoff=4, col=1)
    bar = {"title": {"text": "weight", "side": "right"}, "outlinewidth": 0, "thickness": 14}
    scale = {"colorscale": MAGNITUDE, "cmin": 0, "cmax": 1, "colorbar": bar}
    size = 11 * len(tokens) + 90  # pixels of a row of panels
    figure.update_layout(
        template=TEMPLATE, title=title, coloraxis=scale, height=90 + size * n_rows, margin_t=90
    )


def _spoken(weights: Float[Tensor, "map query key"], tokens: Sequence[str], names: Sequence[str]) -> str:
    """Of each head, how much it gives on average to the token itself, the one before, and the first."""
    parts = []
    for name, table in zip(names, weights, strict=True):
        near = [table.diagonal(-back).mean().item() if back < len(tokens) else math.nan for back in (0, 1, 2)]
        said = ", ".join(
            f"{value:.2f} {where}"
            for value, where in zip(near, ("to itself", "one back", "two back"), strict=True)
            if not math.isnan(value)
        )
        parts.append(f"{name}: {said}, {table[:, 0].mean().item():.2f} to the first token")
    text = "".join(tokens)
    return f"Heat maps of the attention weights over {text!r}; mean weight by head: {'; '.join(parts)}."
