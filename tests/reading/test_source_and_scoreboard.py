"""Code and the scoreboard as notebooks show them."""

import math

import pytest

from arlm_helpers.reading.figures import next_token_bars
from arlm_helpers.reading.scoreboard import read_scoreboard
from arlm_helpers.reading.source import show_source

CSV = """model,nats_per_char,bits_per_char,parameters,train_cpu_seconds,eval_cpu_seconds,seeds,spread,note
<b>good</b>,1.5,2.164,1000000,12.34,,3,0.02,
bad,3.0,4.328,,,,1,0.0,a guess
"""


@pytest.fixture
def board(tmp_path):
    (tmp_path / "scoreboard.csv").write_text(CSV, encoding="utf-8")
    return read_scoreboard(tmp_path / "scoreboard.csv")


def test_source_is_shown_in_full_as_text_and_escaped_as_html():
    source = show_source(next_token_bars)
    assert "def next_token_bars(" in repr(source) and "return described(" in repr(source)
    assert "← chosen" in source._repr_html_() and "<script" not in source._repr_html_()


def test_source_of_a_built_in_function_is_refused():
    with pytest.raises(ValueError, match="no Python source"):
        show_source(len)


def test_rows_are_sorted_worst_first_and_unknown_numbers_are_none(board):
    assert [row.model for row in board] == ["bad", "<b>good</b>"]
    assert board[0].parameters is None and board[1].parameters == 1_000_000


def test_the_table_has_a_line_per_model(board):
    lines = repr(board).splitlines()
    assert len(lines) == 4 and "1,000,000" in lines[3] and "–" in lines[2]


def test_the_html_table_escapes_names(board):
    assert "&lt;b&gt;good" in board._repr_html_() and "<b>" not in board._repr_html_()


def test_the_figure_shows_half_the_spread_in_bits(board):
    assert board.figure().data[0].text[1] == f"2.16 ± {0.02 / math.log(2) / 2:.2f}"


def test_what_is_no_likelihood_is_bracketed_stands_first_and_is_in_no_figure(tmp_path):
    head, *rows = CSV.splitlines()
    marked = [row + kind for row, kind in zip(rows, (",not a probability", ","), strict=True)]
    bound = "vae,1.0,1.443,,,,1,0.0,,bound"
    path = tmp_path / "scoreboard.csv"
    path.write_text("\n".join([head + ",kind", *marked, bound]), encoding="utf-8")
    board = read_scoreboard(path)
    assert [row.model for row in board] == ["<b>good</b>", "vae", "bad"]
    assert [row.cells()[1] for row in board] == ["(2.164, not a probability)", "(≤ 1.443, bound)", "4.328"]
    assert list(board.figure().layout.yaxis.ticktext) == ["bad"]


def test_rows_can_be_picked_by_name(board):
    assert [row.model for row in board.named("bad")] == ["bad"]
    with pytest.raises(ValueError, match="no row for"):
        board.named("worse")


def test_a_missing_scoreboard_names_the_command_that_makes_it(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"python -m benchmarks\.scoreboard"):
        read_scoreboard(tmp_path / "scoreboard.csv")


@pytest.mark.parametrize(
    "broken, message", [("model\nx\n", "lacks"), (CSV.replace("12.34", "soon"), "'soon'")]
)
def test_a_broken_scoreboard_is_named(tmp_path, broken, message):
    (tmp_path / "scoreboard.csv").write_text(broken, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        read_scoreboard(tmp_path / "scoreboard.csv")
