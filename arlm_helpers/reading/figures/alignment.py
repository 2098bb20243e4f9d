"""Where each token of an answer looks in its source: the attention weights of one head."""

from collections.abc import Sequence

from jaxtyping import Float
from plotly.graph_objects import Figure, Heatmap
from torch import Tensor

from arlm_helpers.reading.figures.attention_maps import bare_label
from arlm_helpers.reading.style import CHOSEN, MAGNITUDE, TEMPLATE, described


def alignment_map(
    weights: Float[Tensor, "query key"],
    queries: Sequence[str],
    keys: Sequence[str],
    *,
    title: str,
    chosen: int | None = None,
    looks: str = "looks",
    looked_at: str = "looked at",
) -> Figure:
    """Draw a row per token that looks and a column per token that is looked at; row ``chosen`` is framed.

    The scale is always from 0 to 1, so that two maps can be compared.

    Raises:
        ValueError: if the tokens do not match the weights, or there is no row ``chosen``.
    """
    if tuple(weights.shape) != (len(queries), len(keys)):
        raise ValueError(
            f"{tuple(weights.shape)} weights need as many tokens that look and that are looked at, "
            f"got {len(queries)} and {len(keys)}"
        )
    if chosen is not None and not 0 <= chosen < len(queries):
        raise ValueError(f"chosen must be in 0 … {len(queries) - 1}, got {chosen}")
    figure = Figure(Heatmap(z=weights.tolist(), coloraxis="coloraxis"))
    figure.update_traces(hovertemplate="%{y} → %{x}: %{z:.2f}<extra></extra>", xgap=1, ygap=1)
    if chosen is not None:
        frame = {"line": {"color": CHOSEN, "width": 3}}
        figure.add_shape(x0=-0.5, x1=len(keys) - 0.5, y0=chosen - 0.5, y1=chosen + 0.5, **frame)
    axis = {"showgrid": False, "tickangle": 0, "title_standoff": 6}
    bar = {"title": {"text": "weight", "side": "right"}, "outlinewidth": 0, "thickness": 14}
    figure.update_layout(
        template=TEMPLATE,
        title=title,
        height=150 + 24 * len(queries),
        coloraxis={"colorscale": MAGNITUDE, "cmin": 0, "cmax": 1, "colorbar": bar},
        xaxis={"title": looked_at, **ticks(keys), **axis},
        yaxis={"title": looks, "autorange": "reversed", **ticks(queries), **axis},
    )
    return described(figure, f"{title}. {spoken(weights, queries, keys)}")


def ticks(tokens: Sequence[str]) -> dict:
    """A label for each token, at its place: equal tokens keep a place of their own."""
    return {"tickvals": list(range(len(tokens))), "ticktext": [bare_label(token) for token in tokens]}


def spoken(weights: Float[Tensor, "query key"], queries: Sequence[str], keys: Sequence[str]) -> str:
    """Of each token that looks, where it looks most."""
    tops = [
        f"{query!r} gives {row.max().item():.2f} to {keys[int(row.argmax())]!r} at {int(row.argmax())}"
        for query, row in zip(queries, weights, strict=True)
    ]
    return f"Heat map of attention weights, positions counted from 0: {'; '.join(tops)}."
