"""Figures of one distribution over tokens: its bars, and the dart that samples from it."""

from collections.abc import Sequence

import plotly.graph_objects as go
from jaxtyping import Float
from torch import Tensor

from arlm_helpers.reading.style import CHOSEN, INK, OTHER, TEMPLATE, described, token_label


def next_token_bars(
    probs: Float[Tensor, " vocab"], tokens: Sequence[str], *, chosen: int | None = None, n_bars: int = 8
) -> go.Figure:
    """Draw the ``n_bars`` likeliest next tokens and, in one bar, all the others.

    The bar of token id ``chosen`` stands out and is always shown, however unlikely it is.

    Raises:
        ValueError: if ``probs`` and ``tokens`` differ in length, or ``chosen`` is not a token id.
    """
    _check_tokens(probs, tokens, chosen)
    ids = probs.topk(min(n_bars, len(probs))).indices.tolist()
    if chosen is not None and chosen not in ids:
        ids[-1] = chosen
    shares, labels = probs[ids].tolist(), [token_label(tokens[i]) for i in ids]
    marks = ["  ← chosen" if i == chosen else "" for i in ids]
    title = f"{percent(sum(shares))} of the probability is on {_count(len(ids), 'token')}"
    if len(ids) < len(probs):
        shares.append(max(0.0, probs.sum().item() - sum(shares)))
        labels.append(f"other ({_count(len(probs) - len(ids), 'token')})")
        marks.append("")
    bars = go.Bar(
        x=shares,
        y=list(range(len(shares))),
        orientation="h",
        marker_color=[CHOSEN if mark else OTHER for mark in marks],
        text=[percent(share) + mark for share, mark in zip(shares, marks, strict=True)],
        hovertext=labels,
        hoverinfo="text+x",
    )
    figure = go.Figure(bars).update_layout(
        template=TEMPLATE,
        title=title,
        height=130 + 28 * len(shares),
        margin_r=125,
        xaxis={"title": "probability of the next token", "range": [0, 1], "tickformat": ".0%"},
        yaxis={"autorange": "reversed", "tickvals": list(range(len(labels))), "ticktext": labels},
        yaxis_showgrid=False,
    )
    spoken = "; ".join(f"{label} {percent(share)}" for label, share in zip(labels, shares, strict=True))
    pick = "" if chosen is None else f" The chosen token is {tokens[chosen]!r}."
    return described(figure, f"Bars of the next token's probability: {spoken}.{pick}")


def dart_bar(probs: Float[Tensor, " vocab"], tokens: Sequence[str], u: float) -> go.Figure:
    """Draw the tokens side by side on the line from 0 to 1, and the dart ``u`` that picks one of them.

    Each token is as wide as its probability, in the order of the ids; the dart lands on the first
    token whose cumulated probability exceeds ``u``. Only tokens wide enough carry their label.

    Raises:
        ValueError: if ``u`` is not in [0, 1), or ``probs`` and ``tokens`` differ in length.
    """
    _check_tokens(probs, tokens, None)
    if not 0 <= u < 1:
        raise ValueError(f"u must be in [0, 1), got {u}")
    ends = probs.cumsum(dim=0)
    chosen = min(int((ends <= u).sum()), len(probs) - 1)
    starts, shares = (ends - probs).tolist(), probs.tolist()
    names = [token_label(token) for token in tokens]
    segments = go.Bar(
        x=shares,
        base=starts,
        y=[0] * len(shares),
        orientation="h",
        marker={
            "color": [CHOSEN if i == chosen else ("#D9D9D9", "#BFBFBF")[i % 2] for i in range(len(shares))],
            "line": {"color": "white", "width": 1},
        },
        text=[name if share > 0.012 * len(name) else "" for name, share in zip(names, shares, strict=True)],
        textposition="inside",
        insidetextanchor="middle",
        textangle=0,
        hovertext=[
            f"{name}: {start:.3f} to {start + share:.3f}"
            for name, start, share in zip(names, starts, shares, strict=True)
        ],
        hoverinfo="text",
    )
    figure = go.Figure(segments).update_layout(
        template=TEMPLATE,
        title=f"The dart {u:.3f} lands on {names[chosen]}",
        height=230,
        uniformtext={"minsize": 11, "mode": "hide"},
        xaxis={"title": "cumulated probability", "range": [0, 1], "showgrid": False},
        yaxis={"visible": False, "range": [-0.45, 0.75]},
    )
    figure.add_annotation(
        x=u, y=0.4, ax=0, ay=-26, text=f"u = {u:.3f}", arrowcolor=INK, arrowhead=2, arrowwidth=2
    )
    return described(
        figure,
        f"The line from 0 to 1 divided among {_count(len(shares), 'token')} by probability. "
        f"The dart at {u:.3f} lands on {tokens[chosen]!r}, which covers "
        f"{starts[chosen]:.3f} to {starts[chosen] + shares[chosen]:.3f}.",
    )


def _check_tokens(probs: Tensor, tokens: Sequence[str], chosen: int | None) -> None:
    if len(probs) != len(tokens):
        raise ValueError(f"{len(probs)} probabilities but {len(tokens)} tokens; give one token per id")
    if chosen is not None and not 0 <= chosen < len(tokens):
        raise ValueError(f"chosen must be a token id from 0 to {len(tokens) - 1}, got {chosen}")


def percent(share: float) -> str:
    """A probability as figures show it; nothing and everything are told apart from what is near them."""
    if share >= 0.9995:
        return "100%" if share > 1 - 1e-6 else ">99.9%"
    return f"{share:.1%}" if share >= 0.0005 or share == 0 else "<0.1%"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
