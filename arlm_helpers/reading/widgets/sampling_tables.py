"""The numbers of the sampling explorer as tables: for screen readers, copying, and checking the figure."""

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

from arlm_helpers.reading.widgets.strings import text as words

MOST_ROWS = 100
CELL = "padding:0 8px;text-align:right;white-space:pre"


def table_html(summary: str, head: Sequence[str], rows: Sequence[Sequence[str]], note: str = "") -> str:
    """A folded table; every cell is escaped."""
    top = "".join(f'<th scope="col" style="{CELL}">{escape(name)}</th>' for name in head)
    body = "".join(
        "<tr>" + "".join(f'<td style="{CELL}">{escape(cell)}</td>' for cell in cells) + "</tr>"
        for cells in rows
    )
    return (
        f"<details><summary>{escape(summary)}</summary><table><thead><tr>{top}</tr></thead>"
        f"<tbody>{body}</tbody></table><p>{escape(note)}</p></details>"
    )


def stages_html(place: Any) -> str:
    """For the model and each stage: tokens left, the probability they held, entropy, effective choices."""
    first = entropy_bits(place.probs)
    rows = [
        [words("the_model"), f"{int((place.probs > 0).sum()):,}", "1", f"{first:.3f}", f"{2**first:,.1f}"]
    ]
    for stage in place.stages:
        bits = stage.entropy
        cells = [f"{stage.n_kept:,}", f"{stage.mass_kept:.4g}", f"{bits:.3f}", f"{2**bits:,.1f}"]
        rows.append([stage.control, *cells])
    head = ["column_stage", "column_left", "column_mass", "entropy", "column_choices"]
    return table_html(words("stages_table"), [words(key) for key in head], rows)


def entropy_bits(probs: Any) -> float:
    """Entropy of a distribution in bits; tokens without probability count nothing."""
    some = probs[probs > 0]
    return float(-(some * some.log2()).sum())


def candidates_html(
    place: Any, ids: Sequence[int], name: Callable[[int], str], data: Callable[[int], bytes]
) -> str:
    """For each token of ``ids``: rank, bytes, logit, probability after each stage, and what cut it."""
    head = ["column_rank", "token", "id", "bytes", "column_logit", "column_base"]
    titles = [words(key) for key in head]
    titles += [words("column_after", control=stage.control) for stage in place.stages]
    rows = []
    for i in ids[:MOST_ROWS]:
        rank = 1 + int((place.probs > place.probs[i]).sum())
        cells = [f"{rank}", name(i), f"{i}", data(i).hex(" "), f"{float(place.logits[i]):.3f}"]
        cells += [f"{float(place.probs[i]):.6f}"] + [f"{float(stage.probs[i]):.6f}" for stage in place.stages]
        cutter = next((stage.control for stage in place.stages if bool(stage.cut[i])), "")
        rows.append([*cells, cutter])
    note = words("sum_check", n=len(place.final), total=float(place.final.sum()))
    return table_html(words("candidates_table"), [*titles, words("column_cut_by")], rows, note)


def written_html(written: Sequence[Any], name: Callable[[int], str]) -> str:
    """Every token of a text: how likely it was, and what chose it."""
    head = ["column_place", "token", "column_base", "column_final", "surprisal", "entropy", "column_chosen"]
    rows = []
    for at, token in enumerate(written):
        shares = [f"{token.base:.4f}", f"{token.final:.4f}", f"{token.surprisal:.2f}", f"{token.entropy:.2f}"]
        rows.append([f"{at}", name(token.id), *shares, chosen_by_words(token)])
    return table_html(words("written_table"), [words(key) for key in head], rows)


def chosen_by_words(token: Any) -> str:
    """The dart that chose a token, or the reader."""
    return words("by_reader") if token.u is None else words("by_dart", u=token.u, seed=token.seed)
