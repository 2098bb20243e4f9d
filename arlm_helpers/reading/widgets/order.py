"""How the order of an n-gram model and its smoothing change what it knows about old and new text."""

from collections.abc import Mapping
from html import escape

import plotly.graph_objects as go
from ipywidgets import HTML, Dropdown, IntSlider, Output, VBox

from arlm_helpers.reading.figures import labelled_lines
from arlm_helpers.reading.widgets.explore import display_data, follow, framed, guarded, html_data, row
from arlm_helpers.reading.widgets.strings import text

Results = Mapping[tuple[int, str], Mapping]


def order_explorer(results: Results) -> VBox:
    """Choose an order and a smoothing; see both losses, a sample, and how much of new text was seen.

    ``results[order, smoothing]`` holds ``train_bits`` and ``held_out_bits`` (bits per character),
    ``sample`` (a text) and ``seen`` (the share of held-out n-grams that occur in the training text).
    All is computed beforehand, so that the figure follows the slider.

    Raises:
        ValueError: if a smoothing lacks an order between the lowest and the highest.
    """
    orders, smoothings = sorted({key[0] for key in results}), list(dict.fromkeys(key[1] for key in results))
    every = range(orders[0], orders[-1] + 1) if orders else ()  # the slider stops at each
    missing = [(order, name) for name in smoothings for order in every if (order, name) not in results]
    if missing or not results:
        raise ValueError(f"results lacks {missing or 'every entry'}; give each order for each smoothing")
    order = IntSlider(min(3, orders[-1]), min=orders[0], max=orders[-1], description=text("order"))
    smoothing = Dropdown(options=smoothings, description=text("smoothing"))
    shown, sample, problem = Output(), Output(), HTML()

    def redraw(_change: object = None) -> None:
        shown.outputs = (display_data(order_figure(results, order.value, smoothing.value)),)
        sample.outputs = (sample_data(results, order.value, smoothing.value),)

    follow([order, smoothing], guarded(redraw, problem))
    return framed(row(order, smoothing), problem, shown, sample)


def order_figure(results: Results, order: int, smoothing: str) -> go.Figure:
    """Bits per character of training and held-out text over the order, the chosen order ringed.

    The axis is the same for every smoothing, so that they can be compared.
    """
    orders = sorted({key[0] for key in results})
    curves = {
        text(name): [float(results[n, smoothing][f"{name}_bits"]) for n in orders]
        for name in ("train", "held_out")
    }
    highest = max(max(row["train_bits"], row["held_out_bits"]) for row in results.values())
    here = results[order, smoothing]
    return labelled_lines(
        orders,
        curves,
        title=text("order_title", order=order, held_out=here["held_out_bits"], train=here["train_bits"]),
        x_title=text("order"),
        y_title=text("bits_per_character"),
        chosen_x=order,
        y_range=(0.0, 1.05 * float(highest)),
    )


def sample_data(results: Results, order: int, smoothing: str) -> dict:
    """The model's sample and how many of the held-out n-grams it has seen, as a notebook output."""
    here = results[order, smoothing]
    seen = text("seen", seen=here["seen"], order=order)
    title = text("sample", order=order, smoothing=smoothing)
    html = (
        f"<p>{escape(seen)}</p>"
        f'<div role="region" aria-label="{escape(title)}"><small>{escape(title)}</small>'
        '<pre style="white-space:pre-wrap;height:11em;overflow:auto;max-width:46em">'
        f"{escape(here['sample'])}</pre></div>"
    )
    return html_data(html, f"{seen}\n{title}:\n{here['sample']}")
