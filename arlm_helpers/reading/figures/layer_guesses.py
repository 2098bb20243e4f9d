"""What a model would say at each depth: the stream, read by the head after every block."""

from collections.abc import Sequence

import plotly.graph_objects as go
from jaxtyping import Float
from torch import Tensor

from arlm_helpers.reading.figures.attention_maps import bare_label
from arlm_helpers.reading.style import TEMPLATE, described


def layer_guesses(
    tokens: Sequence[str],
    targets: Sequence[str],
    guesses: Sequence[Sequence[str]],
    probs: Float[Tensor, "layer time"],
    *,
    names: Sequence[str],
    title: str = "What the head reads off the stream at each depth",
) -> go.Figure:
    """Draw a table with a row per depth, the first at the bottom, and a column per token that was read.

    A cell holds the likeliest next token there; its colour is the probability of the token that came. A
    guess that came true is bold. Under each column stand the token read and the one that came.

    Raises:
        ValueError: if the sizes of tokens, targets, guesses, names and probabilities do not match.
    """
    n_layers, n_tokens = probs.shape
    sizes = {len(tokens), len(targets), *map(len, guesses)}
    if sizes != {n_tokens} or {len(names), len(guesses)} != {n_layers}:
        raise ValueError(
            f"{tuple(probs.shape)} probabilities need {n_layers} names and rows of guesses, and {n_tokens} "
            f"tokens; got {len(names)} names, {len(guesses)} rows, and rows of {sorted(sizes)}"
        )
    plain = [[bare_label(guess) for guess in row] for row in guesses]
    shown = [
        [f"<b>{label}</b>" if guess == came else label for label, guess, came in zip(*rows, strict=True)]
        for rows in zip(plain, guesses, [targets] * n_layers, strict=True)
    ]
    heat = go.Heatmap(
        z=probs.tolist(), zmin=0, zmax=1, xgap=1, ygap=1, text=shown, texttemplate="%{text}",
        textfont_size=14,
        hovertemplate="%{y}, column %{x}: %{text}, %{z:.0%} on what came<extra></extra>",
        colorbar={"title": {"text": "probability of what came", "side": "right"}, "tickformat": ".0%"},
    )  # fmt: skip
    labels = [
        f"{bare_label(token)}<br>{bare_label(target)}" for token, target in zip(tokens, targets, strict=True)
    ]
    figure = go.Figure(heat).update_layout(
        template=TEMPLATE,
        title=title,
        height=150 + 40 * n_layers,
        margin_b=75,
        xaxis={"title": "read (upper row), came next (lower row)", "showgrid": False, "tickangle": 0},
        yaxis={"tickvals": list(range(n_layers)), "ticktext": list(names), "showgrid": False},
    )
    figure.update_xaxes(tickvals=list(range(n_tokens)), ticktext=labels)
    return described(figure, f"{title}. {_spoken(tokens, targets, guesses, probs, names)}")


def _spoken(tokens, targets, guesses, probs, names) -> str:
    rows = "; ".join(
        f"{name}: {sum(map(str.__eq__, row, targets))} of {len(tokens)} guesses come true, mean probability "
        f"of what came {values.mean().item():.2f}, guesses {list(row)}"
        for name, row, values in zip(names, guesses, probs, strict=True)
    )
    return f"Table of the likeliest next token after each of {list(tokens)}, by depth. {rows}."
