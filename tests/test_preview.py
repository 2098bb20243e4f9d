"""The first notebook imports what later ones teach; its table says truly where each name is written out."""

import re

import nbformat
import pytest

from tests.test_same_name_same_code import MODULES, ROOT, STORED, TAUGHT, imported_in, shown_in

PREVIEW = nbformat.read(ROOT / "notebooks" / "00_start_here.ipynb", as_version=4)
LESSONS = sorted(
    name for module, name in imported_in(PREVIEW) if module in TAUGHT and name in MODULES.get(module, {})
)


def written_out_in(notebook):
    """{name: cell of the table that says where it is written out}."""
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    rows = text.partition("| written out in |")[2].split("\n\n")[0]
    cells = [line.strip("| ").split(" | ") for line in rows.splitlines() if "`" in line]
    return {name: where for names, _, where in cells for name in re.findall(r"`(\w+)`", names)}


TABLE = written_out_in(PREVIEW)


def test_lessons_are_imported():
    assert {"NGram", "generate", "Temperature"} <= set(LESSONS)


@pytest.mark.parametrize("name", LESSONS)
def test_the_table_names_each_imported_lesson(name):
    assert name in TABLE


@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_is_written_out_where_the_table_says(name):
    where = TABLE[name]
    stem = next((stem for stem in STORED if stem[:2] == where.lstrip("[")[:2]), None)
    if stem is None:
        assert "](" not in where, f"{where} links to a notebook that does not exist"
    else:
        assert name in {shown for _, shown, _ in shown_in(STORED[stem])}
