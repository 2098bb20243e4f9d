"""What a tokenizer makes of a text: a ribbon of tokens with their ids, their number, and a table."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from ipywidgets import HTML, Dropdown, Output, Textarea, VBox

from arlm_helpers.reading.widgets.explore import alert, follow, framed, guarded, html_data
from arlm_helpers.reading.widgets.strings import text

LIMIT = 10_000  # characters of input
TABLE_ROWS = 200
VISIBLE = {" ": "␣", "\n": "↵", "\t": "⇥", "\r": "␍"}
CHIP = "text-align:center;margin:1px 0;padding:0 2px;border-radius:3px;border:"
RIBBON = (
    "display:flex;flex-wrap:wrap;list-style:none;margin:0;padding:0;"
    "max-height:24em;overflow:auto;max-width:56em;line-height:1.25"
)
LINE_BREAK = '<li aria-hidden="true" style="flex-basis:100%;height:0"></li>'
EDGES = ("1.5px solid #0072B2", "1.5px dashed #767676")  # neighbours differ in line style, not only in colour


def token_view(tokenizers: Mapping[str, Any], sample: str) -> VBox:
    """Type a text, choose a tokenizer, see the tokens. ``tokenizers`` maps a name to a tokenizer.

    A tokenizer has ``encode(text) -> ids``, ``tokens`` (a display string per id) and
    ``token_bytes(id) -> bytes``. The input may have 10,000 characters.
    """
    area = Textarea(
        value=sample, description=text("text"), rows=4, layout={"width": "46em", "max_width": "100%"}
    )
    menu = Dropdown(options=list(tokenizers), description=text("tokenizer"))
    shown, problem = Output(), HTML()

    def redraw(_change: object = None) -> None:
        shown.outputs = (token_data(tokenizers[menu.value], menu.value, area.value),)

    follow([area, menu], guarded(redraw, problem))
    return framed(menu, area, problem, shown)


def token_data(tokenizer: Any, name: str, content: str) -> dict:
    """Ribbon, counts and table of a text as a notebook output; a message where it cannot be encoded."""
    if len(content) > LIMIT:
        message = text("too_long", length=len(content), limit=LIMIT)
        return html_data(alert(message), message)
    try:
        ids = list(tokenizer.encode(content))
    except ValueError as error:  # a character tokenizer does not know every character
        message = text("cannot_encode", tokenizer=name, problem=error)
        return html_data(alert(message), message)
    tokens = [visible_token(tokenizer.token_bytes(i), tokenizer.tokens[i]) for i in ids]
    sizes = [len(tokenizer.token_bytes(i)) for i in ids]
    counts = token_counts(content, len(ids), sum(sizes))
    html = f"<p>{escape(counts)}</p>{token_ribbon_html(tokens, ids)}{token_table_html(tokens, ids, sizes)}"
    return html_data(html, f"{counts}\n{' '.join(f'{t}[{i}]' for t, i in zip(tokens, ids, strict=True))}")


def visible_token(data: bytes, display: str) -> str:
    """A token as a reader can see it: white space as signs, bytes that are no character yet as ``⟨E4⟩``."""
    if not data:
        return display  # a special token stands for no text
    return "".join(map(_visible, data.decode("utf-8", "surrogateescape")))


def _visible(sign: str) -> str:
    if "\udc80" <= sign <= "\udcff":  # a byte that surrogateescape could not decode
        return f"⟨{ord(sign) - 0xDC00:02X}⟩"
    return VISIBLE.get(sign, sign if sign.isprintable() else f"⟨U+{ord(sign):04X}⟩")


def token_counts(content: str, n_tokens: int, n_bytes: int) -> str:
    """Tokens, characters per token and bytes per token, in words."""
    if n_tokens == 0:
        return text("no_tokens")
    return text(
        "n_tokens", tokens=n_tokens, per_token=len(content) / n_tokens, bytes_per_token=n_bytes / n_tokens
    )


def token_ribbon_html(tokens: Sequence[str], ids: Sequence[int]) -> str:
    """Tokens as a row of boxes with the id under each, outlined by turns solid and dashed; all escaped."""
    chips = []
    for position, (token, i) in enumerate(zip(tokens, ids, strict=True)):
        label = f'<span style="white-space:pre">{escape(token)}</span><br><small>{i}</small>'
        chips.append(f'<li style="{CHIP}{EDGES[position % 2]}">{label}</li>')
        if token.endswith("↵"):
            chips.append(LINE_BREAK)
    return f'<ol tabindex="0" aria-label="{escape(text("ribbon"))}" style="{RIBBON}">{"".join(chips)}</ol>'


def token_table_html(tokens: Sequence[str], ids: Sequence[int], sizes: Sequence[int]) -> str:
    """The same as a table, folded; for screen readers and for copying. At most 200 rows."""
    head = "".join(f'<th scope="col">{escape(text(key))}</th>' for key in ("token", "id", "bytes"))
    rows = [
        f"<tr><td>{escape(token)}</td><td>{i}</td><td>{size}</td></tr>"
        for token, i, size in list(zip(tokens, ids, sizes, strict=True))[:TABLE_ROWS]
    ]
    cut = text("row_limit", shown=TABLE_ROWS, total=len(ids)) if len(ids) > TABLE_ROWS else ""
    return (
        f"<details><summary>{escape(text('as_table'))}</summary><table><tr>{head}</tr>{''.join(rows)}</table>"
        f"<p>{escape(cut)}</p></details>"
    )
