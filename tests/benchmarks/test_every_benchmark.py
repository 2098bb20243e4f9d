"""What all benchmarks promise: a quick run, and rows as JSON."""

import importlib
import json

import pytest

from benchmarks.__main__ import names


@pytest.mark.slow
@pytest.mark.parametrize("name", names())
def test_a_quick_run_prints_its_rows_as_json(name, capsys):
    returned = importlib.import_module(f"benchmarks.{name}").main(["--quick", "--json"])
    rows = json.loads(capsys.readouterr().out)
    assert rows == json.loads(json.dumps(returned)) and rows
    assert all(list(row) == list(rows[0]) for row in rows)
