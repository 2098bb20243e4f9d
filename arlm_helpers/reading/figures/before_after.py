"""The next token's probabilities before and after a policy, over the whole vocabulary."""

from collections.abc import Sequence

import plotly.graph_objects as go
from jaxtyping import Float
from torch import Tensor, maximum

from arlm_helpers.reading.figures.probabilities import percent
from arlm_helpers.reading.style import BLUE, CHOSEN, OTHER, TEMPLATE, described, token_label


def before_after_bars(
    before: Float[Tensor, " vocab"],
    after: Float[Tensor, " vocab"],
    tokens: Sequence[str],
    *,
    chosen: int | None = None,
    n_bars: int = 12,
) -> go.Figure:
    """Draw the likeliest tokens twice, grey for the model and blue after the policy; the others as one.

    Tokens that the policy cut (probability 0 ``after``) are striped and say so. Shown are those that are
    likeliest before or after; the token id ``chosen`` is shown in any case and stands out.

    Raises:
        ValueError: if the distributions and ``tokens`` differ in length, or ``chosen`` is not a token id.
    """
    if not len(before) == len(after) == len(tokens):
        raise ValueError(f"{len(before)} and {len(after)} probabilities for {len(tokens)} tokens")
    if chosen is not None and not 0 <= chosen < len(tokens):
        raise ValueError(f"chosen must be a token id from 0 to {len(tokens) - 1}, got {chosen}")
    ids = maximum(before, after).topk(min(n_bars, len(tokens))).indices.tolist()
    if chosen is not None and chosen not in ids:
        ids[-1] = chosen
    labels = [token_label(tokens[i]) for i in ids]
    pairs = list(zip(before[ids].tolist(), after[ids].tolist(), strict=True))
    if len(ids) < len(tokens):
        labels.append(f"other ({len(tokens) - len(ids):,})")
        pairs.append(tuple(max(0.0, float(p.sum() - p[ids].sum())) for p in (before, after)))
    marks = [" ←" if i == chosen else "" for i in ids] + [""] * (len(pairs) - len(ids))
    texts = [change(*pair) + mark for pair, mark in zip(pairs, marks, strict=True)]
    figure = go.Figure([*_bars(pairs, texts, labels, marks)])
    n_left = int((after > 0).sum())
    held = percent(float(before[after > 0].sum()))
    figure.update_layout(
        template=TEMPLATE,
        title=f"{n_left:,} of {len(tokens):,} tokens left; they held {held}",
        height=140 + 30 * len(pairs),
        margin_r=125,
        font_size=13,
        barmode="group",
        bargap=0.2,
        xaxis={"title": "probability (grey: model, blue: policy)", "tickformat": ".0%"},
        yaxis={"autorange": "reversed", "tickvals": list(range(len(labels))), "ticktext": labels},
        yaxis_showgrid=False,
    )
    figure.update_xaxes(range=[0, min(1.0, 1.05 * max(max(pair) for pair in pairs))])
    spoken = "; ".join(f"{label} {text}" for label, text in zip(labels, texts, strict=True))
    return described(figure, f"Probabilities of the next token for the model and after the policy: {spoken}.")


def _bars(
    pairs: Sequence[tuple[float, float]], texts: Sequence[str], labels: Sequence[str], marks: Sequence[str]
) -> list[go.Bar]:
    """Grey bars, striped where a token was cut; below each a blue one, red-orange for the chosen token."""
    rows = list(range(len(pairs)))
    stripes = {
        "shape": ["/" if after == 0 else "" for _, after in pairs],
        "fgcolor": "#555555",
        "bgcolor": "#E4E4E4",
    }
    hover = {"hovertext": [f"{a}: {b}" for a, b in zip(labels, texts, strict=True)], "hoverinfo": "text"}
    grey = go.Bar(
        x=[before for before, _ in pairs], y=rows, orientation="h", name="before",
        marker={"color": OTHER, "pattern": stripes}, **hover,
    )  # fmt: skip
    colours = [CHOSEN if mark else BLUE for mark in marks]
    blue = go.Bar(
        x=[after for _, after in pairs], y=rows, orientation="h", name="after",
        marker_color=colours, text=texts, textposition="outside", constraintext="none", **hover,
    )  # fmt: skip
    return [grey, blue]


def change(before: float, after: float) -> str:
    """Two probabilities in words: "31.0% → 34.2%", or "→ cut"."""
    return f"{percent(before)} → {'cut' if after == 0 else percent(after)}"
