"""What all benchmarks promise: a quick run, and rows as JSON."""

import importlib
import json
import runpy

import pytest

from benchmarks.__main__ import FOLDER, names


@pytest.mark.parametrize("name", ["bpe_training", "compression", "scoreboard"])
def test_a_text_that_cannot_be_read_is_told_in_one_line(name, monkeypatch):
    monkeypatch.setattr("sys.argv", [name, "--text", "no such file.txt"])
    with pytest.raises(SystemExit, match=r"^error: there is no file"):
        runpy.run_path(str(FOLDER / f"{name}.py"), run_name="__main__")


@pytest.mark.slow
@pytest.mark.parametrize("name", names())
def test_a_quick_run_prints_its_rows_as_json(name, capsys):
    returned = importlib.import_module(f"benchmarks.{name}").main(["--quick", "--json"])
    rows = json.loads(capsys.readouterr().out)
    assert rows == json.loads(json.dumps(returned)) and rows
    assert all(list(row) == list(rows[0]) for row in rows)
