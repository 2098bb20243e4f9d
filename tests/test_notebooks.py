"""Every stored notebook keeps the rules of ``notebook_rules``, and each rule can fail.

Each rule is tried on a good notebook and on the same with one fault planted. Whether the cells run is
nbval's part.
"""

import copy

import nbformat
import pytest

from tests.notebook_rules import (
    KINDS,
    ROOT,
    RULES,
    cells_are_short,
    ends_with_exercises_summary_and_next,
    exercises_check_themselves,
    headings_do_not_skip_levels,
    images_have_a_text,
    nothing_of_this_machine,
    one_setup_and_one_parameters_cell,
    opening_keeps_its_promise,
    solutions_are_closed,
    store_notebooks,
    title_is_a_question,
)

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_stored_notebook(path, rule):
    complaints = rule(nbformat.read(path, as_version=4))
    assert not complaints, "\n".join(complaints)


# Planted faults: a good notebook, then the same with one thing wrong.

OPENING = "# What comes next?\n\nIn 20 minutes you can *count pairs*. You know what a loop is."
FIGURE = {"data": [], "layout": {"meta": {"alt": "three bars"}}}


def text_cell(source):
    return nbformat.v4.new_markdown_cell(source)


def code_cell(source, *outputs, **metadata):
    return nbformat.v4.new_code_cell(source, outputs=list(outputs), metadata=metadata)


def result(**data):
    bundle = {key.replace("__", "/"): value for key, value in data.items()}
    return nbformat.v4.new_output("display_data", data=bundle)


def good_notebook():
    cells = [
        text_cell(OPENING),
        code_cell("import math", tags=["setup"]),
        code_cell("scale = 'cpu'", tags=["parameters"]),
        text_cell(
            "## Counting\n\n![a table of pairs](pairs.png)\n\n### Pairs\n\n```bash\n#### not a heading\n```"
        ),
        code_cell("figure", result(**{store_notebooks.PLOTLY: FIGURE, "image__png": "aGk="})),
        text_cell("## Exercises"),
    ]
    for kind in KINDS:
        cells += [
            text_cell(
                f"### Exercise 1 · {kind}: how many?\n\n<details><summary>Hint</summary>Count.</details>"
            ),
            code_cell("answer = ...\ncheck.pairs(answer)", result(text__plain="○ not solved yet")),
            code_cell(
                "# Solution\ncheck.pairs(3).must_pass()",
                result(text__plain="✓ solved"),
                jupyter={"source_hidden": True},
            ),
        ]
    cells += [
        text_cell("## Summary\n\n| idea | code |\n| --- | --- |\n| pair | `pairs` |"),
        text_cell("## Next\n\nMore."),
    ]
    notebook = nbformat.v4.new_notebook(cells=cells)
    facts = {"minutes": 20, "outcomes": ["count pairs"], "prerequisites": ["what a loop is"]}
    notebook.metadata["arlm"] = facts
    store_notebooks.tidy(notebook)
    return notebook


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_good_notebook_is_accepted(rule):
    assert rule(good_notebook()) == []


def edit(position, old, new):
    """A fault: in the source of one cell, ``old`` becomes ``new``."""

    def plant(notebook):
        assert old in notebook.cells[position].source
        notebook.cells[position].source = notebook.cells[position].source.replace(old, new)

    return plant


def forget_the_picture(notebook):
    del notebook.cells[4].outputs[0].data["image/png"]


def forget_the_alternative(notebook):
    notebook.cells[4].outputs[0].data[store_notebooks.PLOTLY]["layout"] = {}


def keep_a_widget_view(notebook):
    notebook.cells[1].outputs.append(result(**{store_notebooks.WIDGET: {"model_id": "1"}}))


def keep_widget_state(notebook):
    notebook.metadata["widgets"] = {}


def keep_an_error(notebook):
    notebook.cells[1].outputs.append(nbformat.v4.new_output("error", ename="ValueError", evalue="no"))


def run_out_of_order(notebook):
    notebook.cells[2].execution_count = 7


def unfold_a_solution(notebook):
    notebook.cells[8].metadata = nbformat.from_dict({})


def print_the_answer(notebook):
    notebook.cells[8].outputs.insert(0, nbformat.v4.new_output("stream", text="3 pairs\n"))


def tell_the_folder(notebook):
    notebook.cells[1].outputs.append(result(text__plain=str(ROOT / "data")))


FAULTS = [
    (store_notebooks.untidy, forget_the_picture),
    (store_notebooks.untidy, forget_the_alternative),
    (store_notebooks.untidy, keep_a_widget_view),
    (store_notebooks.untidy, keep_widget_state),
    (store_notebooks.untidy, keep_an_error),
    (store_notebooks.untidy, run_out_of_order),
    (title_is_a_question, edit(0, "next?", "next")),
    (opening_keeps_its_promise, edit(0, "20 minutes", "a while")),
    (opening_keeps_its_promise, edit(0, "count pairs", "count")),
    (opening_keeps_its_promise, edit(0, "what a loop is", "loops")),
    (one_setup_and_one_parameters_cell, lambda notebook: notebook.cells.pop(2)),
    (exercises_check_themselves, edit(6, "warm-up", "finger exercise")),
    (exercises_check_themselves, edit(6, "Hint", "Idea")),
    (exercises_check_themselves, edit(7, "check.pairs", "print")),
    (exercises_check_themselves, edit(8, ".must_pass()", "")),
    (exercises_check_themselves, unfold_a_solution),
    (solutions_are_closed, edit(8, "# Solution", "# 3 pairs")),
    (solutions_are_closed, edit(8, "# Solution", "def pairs(): return 3")),
    (solutions_are_closed, print_the_answer),
    (ends_with_exercises_summary_and_next, edit(15, "|", "")),
    (ends_with_exercises_summary_and_next, lambda notebook: notebook.cells.pop()),
    (headings_do_not_skip_levels, edit(3, "### Pairs", "#### Pairs")),
    (images_have_a_text, edit(3, "a table of pairs", "")),
    (cells_are_short, edit(1, "import math", "x = 1\n" * 41)),
    (nothing_of_this_machine, edit(0, "loop", "l\ufffdop")),
    (nothing_of_this_machine, tell_the_folder),
]


@pytest.mark.parametrize("rule, plant", FAULTS, ids=[f"{r.__name__}-{i}" for i, (r, _) in enumerate(FAULTS)])
def test_a_planted_fault_is_found(rule, plant):
    notebook = copy.deepcopy(good_notebook())
    plant(notebook)
    assert rule(notebook)
