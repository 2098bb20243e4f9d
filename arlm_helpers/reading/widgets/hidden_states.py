"""What the cells of a recurrent network do while it reads: choose a cell, see the text in its colours."""

from collections.abc import Mapping, Sequence
from html import escape

from ipywidgets import HTML, Dropdown, IntSlider, Output, VBox
from jaxtyping import Float
from torch import Tensor

from arlm_helpers.reading.figures.hidden_states import hidden_state_strip
from arlm_helpers.reading.widgets.explore import display_data, follow, framed, guarded, row
from arlm_helpers.reading.widgets.strings import text as words

NO_CELL = -1  # the entry of the menu for cells that are not in it


def hidden_state_explorer(
    text: str,
    states: Float[Tensor, "time d_hidden"],
    *,
    names: Mapping[int, str] | None = None,
    scores: Sequence[float] | Float[Tensor, " d_hidden"] | None = None,
    n_best: int = 10,
) -> VBox:
    """Choose a cell; see a text coloured by its value after each character, and the value as a curve.

    ``states[i]`` are the values of all cells when ``text[i]`` has been read, computed beforehand.
    ``scores`` has a number per cell, larger for a more selective one: a menu offers the ``n_best``. ``names``
    says of some cells what they follow; they are in the menu too. The value of the character under
    the pointer is shown; the slider "character" shows it without a pointer.

    The scale goes from -1 to 1 where all values do, as with tanh; else to the largest value of the cell.

    Raises:
        ValueError: if text, states, scores and names do not fit together, or ``n_best`` is below 1.
    """
    names, n_cells = dict(names or {}), states.shape[1]
    known = None if scores is None else [float(score) for score in scores]
    if len(text) != len(states):
        raise ValueError(f"{len(states)} states for {len(text)} characters; give one per character")
    entries = menu_entries(n_cells, names, known, n_best)
    bounded = float(states.abs().max()) <= 1
    first = entries[0][1] if entries else 0
    cell = IntSlider(first, max=n_cells - 1, description=words("cell"))
    place = IntSlider(0, max=len(text) - 1, description=words("position"), layout={"width": "30em"})
    menu = Dropdown(options=[*entries, (words("any_cell"), NO_CELL)], description=words("best_cells"))
    shown, value, problem = Output(), HTML(), HTML()

    def redraw(_change: object = None) -> None:
        values = states[:, cell.value]
        menu.value = cell.value if cell.value in dict(map(reversed, entries)) else NO_CELL
        look = {"name": cell_name(cell.value, names), "limit": 1.0 if bounded else None}
        figure = hidden_state_strip(text, values, chosen=place.value, **look)
        shown.outputs = (display_data(figure),)
        value.value = escape(value_here(text, place.value, float(values[place.value])))

    def take(change: dict) -> None:
        if change["new"] != NO_CELL:
            cell.value = change["new"]

    menu.observe(take, names="value")
    follow([cell, place], guarded(redraw, problem))
    menu.style.description_width = "initial"
    return framed(row(menu, cell) if entries else cell, row(place, value), problem, shown)


def menu_entries(
    n_cells: int, names: Mapping[int, str], scores: Sequence[float] | None, n_best: int
) -> list[tuple[str, int]]:
    """Label and number of the cells in the menu: the best by score, then the others that have a name.

    Raises:
        ValueError: if there is not one score per cell, a name belongs to no cell, or ``n_best`` is below 1.
    """
    if scores is not None and len(scores) != n_cells:
        raise ValueError(f"{len(scores)} scores for {n_cells} cells; give one per cell")
    unknown = [cell for cell in names if not 0 <= cell < n_cells]
    if unknown:
        raise ValueError(f"names has {unknown}, but the cells are 0 to {n_cells - 1}")
    if n_best < 1:
        raise ValueError(f"n_best must be at least 1, got {n_best}")
    order = [] if scores is None else sorted(range(n_cells), key=lambda cell: -scores[cell])[:n_best]
    order += [cell for cell in names if cell not in order]
    told = {cell: "" if scores is None else f" · {scores[cell]:.2f}" for cell in order}
    return [(f"{cell_name(cell, names)}{told[cell]}", cell) for cell in order]


def cell_name(cell: int, names: Mapping[int, str]) -> str:
    """The number of a cell, and what it follows where that is known."""
    return f"{words('cell')} {cell}" + (f" ({names[cell]})" if cell in names else "")


def value_here(text: str, position: int, value: float) -> str:
    """The value after one character in words."""
    return words("value_here", letter=repr(text[position]), position=position, value=value)
