"""The rules of ``test_same_name_same_code`` can fail: each is tried on a fault that was planted."""

import ast

import nbformat
import pytest

from tests.test_same_name_same_code import (
    definitions,
    differing,
    lessons_of,
    miscounted,
    premature,
    unannounced,
)


def notebook_of(*sources):
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])


KEEP = 'def keep(mass, p):\n    """What the package says."""\n    return mass >= p  # a comment'
PLANTED = {"decoding.sampling": definitions(ast.parse(KEEP))}


def test_comments_docstrings_and_layout_may_differ():
    shown = "%matplotlib inline\ndef keep( mass, p ):\n    'Another text.'\n    return (mass>=p)"
    assert not differing(notebook_of(shown), PLANTED["decoding.sampling"])


def test_a_changed_comparison_is_found_and_shown():
    [complaint] = differing(notebook_of("x = 1", KEEP.replace(">=", ">")), PLANTED["decoding.sampling"])
    assert (
        "cell 1" in complaint and "-    return mass >= p" in complaint and "+    return mass > p" in complaint
    )


@pytest.mark.parametrize(
    "notebooks", [{}, {"01": notebook_of(KEEP), "02": notebook_of(KEEP)}], ids=["never", "twice"]
)
def test_a_lesson_written_out_never_or_twice_is_found(notebooks):
    assert len(miscounted(notebooks, lessons_of(PLANTED))) == 1


def test_a_lesson_written_out_once_is_accepted():
    assert not miscounted({"01": notebook_of(KEEP), "02": notebook_of("keep(1, 2)")}, lessons_of(PLANTED))


@pytest.mark.parametrize("stem, complaints", [("01_early", 1), ("03_late", 0), ("00_start_here", 0)])
def test_an_import_before_the_lesson_is_found(stem, complaints):
    early = notebook_of("from arlm_helpers.decoding.sampling import keep")
    assert len(premature({"02_lesson": notebook_of(KEEP), stem: early}, PLANTED)) == complaints


@pytest.mark.parametrize("line", ["import arlm_helpers.text.bpe", "from arlm_helpers.text import bpe as b"])
def test_a_taught_module_imported_whole_is_found(line):
    assert premature({"02_lesson": notebook_of(line)}, PLANTED) == [
        "02_lesson imports text.bpe whole; import its names"
    ]


def test_a_lesson_that_waits_is_asked_of_no_notebook():
    assert not lessons_of(PLANTED, later={"decoding.sampling": "99"})


def test_a_lesson_may_be_used_ahead_where_that_is_allowed():
    early = notebook_of("from arlm_helpers.decoding.sampling import keep")
    allowed = {"01_early": {"decoding.sampling": "02_lesson"}}
    assert not premature({"01_early": early, "02_lesson": notebook_of(KEEP)}, PLANTED, ahead=allowed)


@pytest.mark.parametrize(
    ("code", "words", "complaint"),
    [
        ("from arlm_helpers.decoding.sampling import keep", "", "01_early does not name notebook 02"),
        ("x = 1", "It is the subject of notebook 02.", "01_early no longer uses decoding.sampling ahead"),
    ],
)
def test_a_lesson_used_ahead_without_a_word_or_not_at_all_is_found(code, words, complaint):
    notebook = notebook_of(code)
    notebook.cells.append(nbformat.v4.new_markdown_cell(words))
    ahead = {"01_early": {"decoding.sampling": "02_lesson"}}
    assert unannounced({"01_early": notebook}, ahead) == [complaint]
