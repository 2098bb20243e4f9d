"""The maintainers' script stores notebooks tidy, or not at all."""

import json
import shutil

import nbformat
import pytest

from tests.notebook_rules import store_notebooks as tool

WIDGET_CELL = "import ipywidgets, sys\nprint('noise', file=sys.stderr)\nipywidgets.IntSlider(3)"
FIGURE_CELL = """import plotly.graph_objects as go
from arlm_helpers.reading.style import described
described(go.Figure(go.Bar(x=["快"], y=[1])), "one bar of height 1")"""
HAS_BROWSER = any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome")))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(tool, "FOLDER", tmp_path)
    return tmp_path


def written(folder, *sources):
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    path = folder / "01_sample.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"arlm": {"minutes": 1}}), path)
    return path


def test_widgets_become_a_sentence_and_noise_is_dropped(folder):
    path = written(folder, WIDGET_CELL, "print(1)\nprint(2)")
    assert tool.store(path, keep_outputs=False, timeout=60) == []
    notebook = nbformat.read(path, as_version=4)
    assert [output["data"]["text/plain"] for output in notebook.cells[0].outputs] == [tool.WIDGET_TEXT]
    assert [output["text"] for output in notebook.cells[1].outputs] == ["1\n2\n"]
    assert notebook.metadata.keys() == {"arlm", "kernelspec", "language_info"}
    assert tool.check(path) == []


def test_a_notebook_that_raises_is_left_as_it_was(folder):
    path = written(folder, "1 / 0")
    before = path.read_bytes()
    [problem] = tool.store(path, keep_outputs=False, timeout=60)
    assert "ZeroDivisionError" in problem
    assert path.read_bytes() == before and list(folder.iterdir()) == [path]


@pytest.mark.slow
@pytest.mark.skipif(not HAS_BROWSER, reason="no Chromium or Chrome to draw with")
def test_a_figure_gets_a_picture_and_its_text(folder):
    pytest.importorskip("kaleido", reason="kaleido is not installed (extra: maintain)")
    path = written(folder, FIGURE_CELL)
    assert tool.store(path, keep_outputs=False, timeout=60) == []
    [output] = nbformat.read(path, as_version=4).cells[0].outputs
    assert output.metadata["image/png"]["alt"] == output.data["text/plain"] == "one bar of height 1"
    assert output.data["image/png"].startswith("iVBOR")  # a PNG in base64


def ids_of(*sources):
    used = set()
    return [tool.stable_id(source, used) for source in sources]


def test_an_inserted_cell_changes_no_other_id():
    assert ids_of("a = 1", "new", "b = 2")[::2] == ids_of("a = 1", "b = 2")


def test_equal_cells_get_different_ids():
    assert len(set(ids_of("a = 1", "a = 1"))) == 2


def test_an_unknown_name_is_refused_with_the_names_there_are(folder):
    written(folder, "1")
    with pytest.raises(SystemExit, match=r"02_other\.ipynb is not in .*01_sample"):
        tool.chosen(["02_other"])


def test_check_finds_a_stored_widget_state(folder):
    path = written(folder, "1")
    stored = json.loads(path.read_text())
    stored["metadata"]["widgets"] = {}
    stored["cells"][0]["execution_count"] = 1
    path.write_text(json.dumps(stored))
    assert tool.check(path) == ["metadata.widgets is stored"]
