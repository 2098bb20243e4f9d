"""Several distributions of the next token side by side, on the same axes."""

from collections.abc import Mapping, Sequence

from jaxtyping import Float
from plotly.graph_objects import Figure
from plotly.subplots import make_subplots
from torch import Tensor

from arlm_helpers.reading.style import OTHER, TEMPLATE, described, token_label


def next_token_panels(
    probs: Mapping[str, Float[Tensor, " vocab"]],
    tokens: Sequence[str],
    *,
    n_bars: int = 8,
    title: str | None = None,
) -> Figure:
    """Draw one panel of bars per distribution; all show the tokens that are likeliest in the first.

    The last bar holds all other tokens together. The default title follows the likeliest token.

    Raises:
        ValueError: if there is nothing to draw, or a distribution and ``tokens`` differ in length.
    """
    if not probs:
        raise ValueError("probs is empty; give at least one distribution")
    for name, values in probs.items():
        if len(values) != len(tokens):
            raise ValueError(f"{name!r} has {len(values)} probabilities for {len(tokens)} tokens")
    shown = next(iter(probs.values())).topk(min(n_bars, len(tokens))).indices.tolist()
    labels = [token_label(tokens[i]) for i in shown] + ["other"]
    figure = make_subplots(
        1, len(probs), shared_yaxes=True, subplot_titles=list(probs), horizontal_spacing=0.04
    )
    spoken, best = [], []
    for column, (name, values) in enumerate(probs.items(), start=1):
        shares = values[shown].tolist()
        shares.append(max(0.0, 1.0 - sum(shares)))
        text = [_percent(share) for share in shares]
        figure.add_bar(
            x=shares, y=list(range(len(shares))), orientation="h", marker_color=OTHER, text=text,
            hovertext=labels, hoverinfo="text+x", row=1, col=column,
        )  # fmt: skip
        spoken.append(f"{name}: " + ", ".join(f"{a} {b}" for a, b in zip(labels, text, strict=True)))
        best.append(text[0])
    _lay_out(figure, labels, title or f"{labels[0]} has {', then '.join(best)}")
    return described(
        figure, f"Bars of the next token's probability, {len(probs)} panels. {'; '.join(spoken)}."
    )


def _lay_out(figure: Figure, labels: Sequence[str], title: str) -> None:
    """The same axes for every panel, the tokens named once, on the left."""
    figure.update_xaxes(range=[0, 1.18], tickvals=[0, 0.5, 1], tickformat=".0%")
    figure.update_yaxes(showgrid=False)
    figure.update_yaxes(autorange="reversed", tickvals=list(range(len(labels))), ticktext=labels, col=1)
    height = 160 + 26 * len(labels)
    figure.update_layout(template=TEMPLATE, title=title, height=height, margin_t=90, margin_b=70)
    below = {"x": 0.5, "y": 0, "xref": "paper", "yref": "paper", "yshift": -52}
    figure.add_annotation(text="probability of the next token", showarrow=False, **below)


def _percent(share: float) -> str:
    """Whole percents; what would round to nothing, or to everything, is told apart from it."""
    if 0 < share < 0.005:
        return "<1%"
    return ">99%" if 0.995 <= share < 1 else f"{share:.0%}"
