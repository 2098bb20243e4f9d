"""What README.md says about the repository is so."""

import csv
import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_map_has_the_title_and_the_minutes_of_every_notebook(path):
    notebook = nbformat.read(path, as_version=4)
    title = re.search(r"^# (.+)$", notebook.cells[0].source, flags=re.MULTILINE)[1]
    row = next(
        line for line in README.splitlines() if line.startswith(f"| [{path.stem}](notebooks/{path.name})")
    )
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert (cells[1], cells[-1]) == (title, str(notebook.metadata.arlm.minutes))


def test_the_scoreboard_shows_the_measured_rows_worst_first():
    with (ROOT / "data" / "scoreboard.csv").open(encoding="utf-8") as file:
        measured = {row["model"]: float(row["bits_per_char"]) for row in csv.DictReader(file)}
    shown = re.findall(r"^\| `([\w-]+)` \| (\d+\.\d\d) \|", README, flags=re.MULTILINE)
    assert len(shown) > 5
    assert [bits for _, bits in shown] == [f"{measured[model]:.2f}" for model, _ in shown]
    assert [float(bits) for _, bits in shown] == sorted((float(bits) for _, bits in shown), reverse=True)


def test_what_is_no_likelihood_stands_apart_with_its_sign():
    with (ROOT / "data" / "scoreboard.csv").open(encoding="utf-8") as file:
        marked = {row["model"]: row for row in csv.DictReader(file) if row["kind"]}
    signs = {"bound": "≤ {:.2f}", "not a probability": "({:.2f})"}
    for model, row in marked.items():
        number = signs[row["kind"]].format(float(row["bits_per_char"]))
        assert re.search(
            rf"^\| `{model}` \| {re.escape(number)} \| (a )?{row['kind']}: ", README, re.MULTILINE
        )


def test_every_file_that_is_named_exists():
    linked = re.findall(r"\]\((?!http)([^)]+)\)", README) + re.findall(
        r"`((?:data|tools|docs)/[\w./]+)`", README
    )
    assert linked and all((ROOT / path).exists() for path in linked)


def test_every_picture_has_a_description():
    assert re.findall(r"!\[(.*?)\]", README) and all(map(str.strip, re.findall(r"!\[(.*?)\]", README)))
