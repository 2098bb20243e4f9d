"""Where the heads of a model look: choose layer, head and token, switch heads off, and see the loss."""

from collections.abc import Callable, Mapping, Sequence
from html import escape

from ipywidgets import HTML, Checkbox, Dropdown, IntSlider, Output, VBox
from jaxtyping import Float
from torch import Tensor

from arlm_helpers.reading.figures.alignment import alignment_map
from arlm_helpers.reading.widgets.explore import display_data, follow, framed, guarded, row
from arlm_helpers.reading.widgets.strings import text as words

Tokens = tuple[Sequence[str], Sequence[str]]  # those that look, those that are looked at


def attention_explorer(
    weights: Mapping[str, Float[Tensor, "head query key"]],
    tokens: Mapping[str, Tokens],
    *,
    loss_without: Callable[[dict[str, list[int]]], float] | None = None,
) -> VBox:
    """Choose a layer, a head and a token; see where it looks, and what the model loses without the head.

    ``weights[layer]`` are the weights of its heads, computed beforehand, and ``tokens[layer]`` the tokens
    that look and those that are looked at. ``loss_without`` gets the heads that are switched off, as in
    {"decoder.0.across": [1]}, and gives the loss in nats per token; each answer is asked for once. Without
    it there is nothing to switch off.

    Raises:
        ValueError: if there is no layer, or weights and tokens do not fit together.
    """
    check_layers(weights, tokens)
    layer = Dropdown(options=list(weights), description=words("layer"))
    first = next(iter(weights))
    head = Dropdown(options=head_entries(weights[first]), description=words("head"))
    slider = {"description": words("token_that_looks"), "layout": {"width": "26em"}}
    token = IntSlider(0, max=len(tokens[first][0]) - 1, **slider)
    off = Checkbox(False, description=words("switched_off"), indent=False)
    shown, said, problem = Output(), HTML(), HTML()
    silent: dict[str, list[int]] = {}
    losses: dict[str, float] = {}

    def loss() -> float:
        heads = {name: sorted(silent[name]) for name in weights if silent.get(name)}
        if str(heads) not in losses:
            losses[str(heads)] = loss_without(heads)
        return losses[str(heads)]

    def redraw(_change: object = None) -> None:
        looks, looked_at = tokens[layer.value]
        off.value = head.value in silent.get(layer.value, [])
        table = weights[layer.value][head.value]
        title = escape(words("head_title", layer=layer.value, head=head.value))
        figure = alignment_map(table, looks, looked_at, title=title, chosen=token.value)
        shown.outputs = (display_data(figure),)
        lines = [where_it_looks(table[token.value], looks[token.value], looked_at)]
        lines += [] if loss_without is None else [what_is_lost(silent, losses[str({})], loss())]
        said.value = "<br>".join(map(escape, lines))

    def enter(_change: dict) -> None:
        head.options = head_entries(weights[layer.value])
        token.max = len(tokens[layer.value][0]) - 1

    def switch(change: dict) -> None:
        heads = silent.setdefault(layer.value, [])
        if change["new"] and head.value not in heads:
            heads.append(head.value)
        if not change["new"] and head.value in heads:
            heads.remove(head.value)

    if loss_without is not None:
        loss()  # with all heads
    layer.observe(enter, names="value")
    off.observe(switch, names="value")
    controls = [layer, head, token] + ([] if loss_without is None else [off])
    follow(controls, guarded(redraw, problem))
    return framed(row(*controls), said, problem, shown)


def head_entries(weights: Float[Tensor, "head query key"]) -> list[tuple[str, int]]:
    """Label and number of each head in the menu."""
    return [(words("head_number", head=i), i) for i in range(len(weights))]


def check_layers(weights: Mapping[str, Tensor], tokens: Mapping[str, Tokens]) -> None:
    """Refuse layers that cannot be drawn.

    Raises:
        ValueError: if there is no layer, a layer has no tokens, or another number of them than weights.
    """
    if not weights or set(weights) != set(tokens):
        raise ValueError(
            f"give weights and tokens for the same layers, at least one; got {list(weights)} "
            f"and {list(tokens)}"
        )
    for layer, table in weights.items():
        sizes = tuple(map(len, tokens[layer]))
        if table.ndim != 3 or tuple(table.shape[1:]) != sizes:
            raise ValueError(f"{layer}: {sizes} tokens for weights of shape {tuple(table.shape)}")


def where_it_looks(weights: Float[Tensor, " key"], token: str, keys: Sequence[str], n_best: int = 3) -> str:
    """The largest weights of one token in words."""
    top = weights.topk(min(n_best, len(keys)))
    found = [
        words("weight_at", weight=weight, token=repr(keys[at]), position=at)
        for weight, at in zip(top.values.tolist(), top.indices.tolist(), strict=True)
    ]
    return words("looks_at", token=repr(token), found=", ".join(found))


def what_is_lost(silent: Mapping[str, list[int]], whole: float, without: float) -> str:
    """The loss with all heads, and without those that are switched off, which are named."""
    names = [f"{layer} {words('head_number', head=i)}" for layer in silent for i in sorted(silent[layer])]
    if not names:
        return words("loss_whole", loss=whole)
    return words("loss_without", heads=", ".join(names), loss=without, whole=whole)
