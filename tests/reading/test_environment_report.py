"""The self-test of the reader's machine: what it sees, and that a problem comes with a way out."""

import socket
from importlib import metadata

import pytest

from arlm_helpers.reading import environment
from arlm_helpers.reading.environment import (
    Line,
    Report,
    folder_line,
    library_line,
    numbers,
    oldest_version,
    python_line,
    self_test,
    tried,
)


def fail():
    raise ValueError("fetch it with <b>this</b> command")


def test_this_machine_passes():
    report = self_test({"data": lambda: "38 plays"})
    assert report.passed, report
    assert {line.name for line in report} >= {
        "Python",
        "torch",
        "plotly",
        "ipywidgets",
        "threads",
        "GPU",
        "data",
    }


def test_no_socket_is_opened(monkeypatch):
    def refuse(*_args, **_options):
        raise AssertionError("the self-test opened a socket")

    monkeypatch.setattr(socket, "socket", refuse)
    self_test()


def test_an_error_becomes_a_line_with_its_message_as_the_way_out():
    report = self_test({"data": fail})
    assert not report.passed and report[-1].way_out == "fetch it with <b>this</b> command"
    assert "✗ problem" in repr(report) and "Way out: fetch it" in repr(report)
    assert report.verdict == "1 thing needs attention."


def test_html_escapes_what_it_did_not_write_itself():
    html = Report([tried("<i>", fail)])._repr_html_()
    assert "&lt;b&gt;this" in html and "&lt;i&gt;" in html and "<b>" not in html


def test_information_neither_passes_nor_fails():
    assert Report([Line("GPU", None, "none")]).passed


@pytest.mark.parametrize("version, passed", [((3, 10, 14), False), ((3, 11, 0), True), ((4, 0, 0), True)])
def test_python_3_11_is_the_oldest(version, passed):
    assert python_line(version).passed is passed


def test_a_library_that_is_missing_is_a_problem_with_a_command():
    line = library_line("no-such-library")
    assert line.passed is False and "course.py lab" in line.way_out


@pytest.mark.parametrize("found, passed", [("2.9.1", False), ("2.10.0+cpu", True), ("2.13.0", True)])
def test_versions_are_compared_as_numbers_with_the_projects_own_bound(monkeypatch, found, passed):
    monkeypatch.setattr(metadata, "version", lambda name: found)
    assert oldest_version("torch") == "2.10"
    assert library_line("torch").passed is passed


@pytest.mark.parametrize("version, parts", [("2.13.0+cpu", (2, 13, 0)), ("9.7.0a0", (9, 7, 0)), ("dev", ())])
def test_numbers_of_a_version(version, parts):
    assert numbers(version) == parts


def test_a_folder_that_does_not_exist_yet_is_tried_in_its_parent(tmp_path):
    assert folder_line("build", tmp_path / "build" / "pages").passed
    assert not (tmp_path / "build").exists()


def test_a_folder_that_cannot_be_written_is_named(monkeypatch, tmp_path):
    def refuse(**_options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(environment.tempfile, "TemporaryFile", refuse)
    line = folder_line("build", tmp_path)
    assert line.passed is False and str(tmp_path) in line.way_out and "Permission denied" in line.found
