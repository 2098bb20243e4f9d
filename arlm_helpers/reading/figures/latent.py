"""Latent codes seen from outside: what each number of a code tells, and the lines between two codes."""

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go
from jaxtyping import Float
from plotly.subplots import make_subplots
from torch import Tensor

from arlm_helpers.reading.style import CHOSEN, GREEN, INK, OTHER, TEMPLATE, described, token_label

Number = float | int
SIGNS = {True: ("✓", GREEN), False: ("✗", CHOSEN)}


def collapse_meter(
    kl: Mapping[str, Float[Tensor, " d_latent"]],
    active: Mapping[str, Sequence[bool]],
    *,
    title: str | None = None,
) -> go.Figure:
    """Draw for each model what every number of its code tells, in nats a line, the most talkative first.

    ``kl`` is the KL from the prior of each number, in the mean over lines; ``active`` says which of them
    follow the line; the others are grey and crossed. All rows share one scale.

    Raises:
        ValueError: if there is no model, or not one verdict for each number.
    """
    _check_meter(kl, active)
    totals = {name: float(nats.sum()) for name, nats in kl.items()}
    told = {
        name: f"{totals[name]:.1f} nats, {sum(map(bool, active[name]))} of {len(kl[name])} active"
        for name in kl
    }
    rows = [f"{_escaped(name)}: {told[name]}" for name in kl]
    figure = make_subplots(
        rows=len(kl), shared_xaxes=True, shared_yaxes="all", subplot_titles=rows,
        vertical_spacing=0.3 / max(1, len(kl)),
    )  # fmt: skip
    for at, (name, nats) in enumerate(kl.items(), start=1):
        figure.add_trace(_bars(nats, active[name]), row=at, col=1)
    figure.update_annotations(x=0, xanchor="left", font_size=14)
    figure.update_layout(
        template=TEMPLATE,
        title=title or f"The codes tell {_listed([f'{total:.1f}' for total in totals.values()])} nats a line",
        height=130 + 120 * len(kl),
        margin_t=86,
    )
    figure.update_yaxes(rangemode="tozero", nticks=4)
    figure.update_yaxes(title_text="nats", row=(len(kl) + 1) // 2)
    figure.update_xaxes(
        title_text="numbers of the code, the most talkative first (×: not active)", row=len(kl)
    )
    spoken = "; ".join(
        f"{name} {told[name]}, its largest number {float(nats.max()):.2f} nats" for name, nats in kl.items()
    )
    return described(figure, f"Bars of KL for each number of the code: {spoken}.")


def _bars(nats: Float[Tensor, " d_latent"], active: Sequence[bool]) -> go.Bar:
    """One code's numbers, the most talkative first; those that are not active are grey and crossed."""
    order = nats.argsort(descending=True, stable=True).tolist()
    full = [bool(active[unit]) for unit in order]
    return go.Bar(
        x=list(range(1, len(order) + 1)), y=nats[order].tolist(), width=0.8,
        hovertext=[f"number {unit} of the code" for unit in order],
        text=["" if yes else "×" for yes in full], textfont_color=INK,
        marker_color=[CHOSEN if yes else OTHER for yes in full],
    )  # fmt: skip


def _check_meter(kl: Mapping[str, Float[Tensor, " d_latent"]], active: Mapping[str, Sequence[bool]]) -> None:
    """Refuse a meter that cannot be drawn."""
    if not kl or list(kl) != list(active):
        raise ValueError(f"give kl and active for the same models, got {list(kl)} and {list(active)}")
    for name, nats in kl.items():
        if len(active[name]) != len(nats):
            raise ValueError(f"{name!r} has {len(active[name])} verdicts for {len(nats)} numbers of its code")


def latent_path(
    shares: Sequence[Number],
    texts: Sequence[str],
    *,
    valid: Sequence[bool] | None = None,
    chosen: Number | None = None,
    claim: str = "valid",
    title: str | None = None,
) -> go.Figure:
    """Draw the lines that a decoder writes along a path of codes, each with a sign where it was judged.

    ``shares`` say how far along the path each code lies, from 0 to 1. A line that differs from the one above
    it is bold. ``chosen`` is a share to be marked; ``claim`` names what a valid line is.

    Raises:
        ValueError: if there are fewer than two lines, or not one share and one verdict for each.
    """
    _check_path(shares, texts, valid)
    signs = [("●", OTHER)] * len(texts) if valid is None else [SIGNS[bool(yes)] for yes in valid]
    places = [100 * share for share in shares]
    figure = go.Figure()
    for x, words, colours, anchor in (
        ([0.0] * len(texts), [sign for sign, _ in signs], [colour for _, colour in signs], "middle center"),
        ([0.02] * len(texts), _labels(texts), [INK] * len(texts), "middle right"),
    ):
        figure.add_scatter(
            x=x, y=places, mode="text", text=words, textposition=anchor, hoverinfo="skip",
            textfont={"color": colours, "size": 15},
        )  # fmt: skip
    if chosen is not None:
        _mark(figure, 100 * chosen)
    said = _said(texts, valid, claim)
    margin = (places[-1] - places[0]) / len(places)
    figure.update_layout(
        template=TEMPLATE,
        title=title or _escaped(said),
        height=130 + 26 * len(texts),
        xaxis={"visible": False, "range": [-0.03, 1]},
    )
    figure.update_yaxes(title="per cent of the way", tickvals=places, showgrid=False)
    figure.update_yaxes(range=[places[-1] + margin, places[0] - margin])
    return described(figure, f"{said}. Lines along a path of codes: {_spoken(places, texts, valid, claim)}.")


def _labels(texts: Sequence[str]) -> list[str]:
    """The texts as plotly shows them, bold where one differs from the text before it."""
    new = [i == 0 or texts[i] != texts[i - 1] for i in range(len(texts))]
    labels = [token_label(text, 60) for text in texts]
    return [f"<b>{label}</b>" if is_new else label for label, is_new in zip(labels, new, strict=True)]


def _said(texts: Sequence[str], valid: Sequence[bool] | None, claim: str) -> str:
    """What a path shows, in one line: how many different texts, and how many between its ends are valid."""
    n_lines = len(set(texts))
    said = f"{n_lines} different lines" if n_lines > 1 else "The same line all the way"
    if valid is None:
        return said
    return f"{said}; {sum(map(bool, valid[1:-1]))} of {len(texts) - 2} between are {claim}"


def _spoken(places: Sequence[Number], texts: Sequence[str], valid: Sequence[bool] | None, claim: str) -> str:
    """All lines with their places and verdicts, to be read aloud."""
    verdicts = [
        "" if valid is None else f" ({claim})" if yes else f" (not {claim})" for yes in valid or texts
    ]
    return "; ".join(
        f"{place:.0f} % {text!r}{verdict}"
        for place, text, verdict in zip(places, texts, verdicts, strict=True)
    )


def _mark(figure: go.Figure, per_cent: Number) -> None:
    """A line across the path at one place, with its number."""
    figure.add_hline(y=per_cent, line={"color": CHOSEN, "width": 1.5})
    figure.add_annotation(
        x=1, xref="paper", y=per_cent, text=f"{per_cent:.0f} %", showarrow=False,
        xanchor="right", yanchor="bottom", font_color=CHOSEN,
    )  # fmt: skip


def _check_path(shares: Sequence[Number], texts: Sequence[str], valid: Sequence[bool] | None) -> None:
    """Refuse a path that cannot be drawn."""
    if len(texts) < 2 or len(shares) != len(texts) or (valid is not None and len(valid) != len(texts)):
        found = "no" if valid is None else len(valid)
        raise ValueError(
            f"a path needs two lines at least, a share for each, and all judged or none; got {len(texts)} "
            f"lines, {len(shares)} shares, {found} verdicts"
        )


def _listed(parts: Sequence[str]) -> str:
    """Parts as a list in words: 1, 2 and 3."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else parts[0]


def _escaped(label: str) -> str:
    """``label`` as plain text for plotly, which reads some HTML."""
    return label.replace("&", "&amp;").replace("<", "&lt;")
