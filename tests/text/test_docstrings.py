"""Docstrings as pairs: what is taken from a file, by hand, and parts that share no module."""

import inspect
import json
import re
import sysconfig
from pathlib import Path

import pytest

from arlm_helpers.text.catalogue import DataError
from arlm_helpers.text.docstrings import (
    docstring_pairs,
    lead,
    library_files,
    load_docstrings,
    part_of_module,
)
from arlm_helpers.text.pairs import TextPair

CODE = '''"""Things and their
names.

The module holds   things
that have names."""

class Thing:
    """A thing with a name.

    It has one name only, for ever.

    And a second paragraph.
    """

    async def call(self):
        """Call the thing.

        Too short a body.
        """

    def name(self):
        """One line and no body."""

def call():
    """>>> call() shows something

    The summary does not begin with a letter here."""
    def inner():
        """Say it.

        A function within a function counts as well."""
'''


@pytest.fixture(scope="module")
def parts():
    return load_docstrings()


def test_a_small_file_by_hand():
    assert docstring_pairs(CODE) == [
        TextPair("The module holds things that have names.", "Things and their names."),
        TextPair("It has one name only, for ever. And a second paragraph.", "A thing with a name."),
        TextPair("A function within a function counts as well.", "Say it."),
    ]


def test_a_long_body_is_cut_and_a_long_summary_left_out():
    words = [f"w{i}" for i in range(70)]
    body, summary = " ".join(words), " ".join(words[:21])
    code = f'"""Two words\n\n{body}"""\ndef f():\n    """{summary}\n\n    {body}"""\n'
    assert docstring_pairs(code) == [TextPair(" ".join(words[:60]), "Two words")]
    assert len(docstring_pairs(code.replace(" w20\n", "\n"))) == 2  # twenty words are short enough


def test_code_is_read_and_never_run():
    assert docstring_pairs("raise SystemExit('it was run')\nimport no_such_module\n") == []


def test_a_known_function_is_found_as_inspect_tells_it(parts):
    """``inspect`` imports the module; its docstring says the same."""
    summary, body = inspect.getdoc(json.dumps).split("\n\n", 1)
    words = " ".join(body.split()).split()[:60]
    pair = TextPair(" ".join(words), " ".join(summary.split()))
    assert pair in getattr(parts, part_of_module("json"))


def test_the_pairs_are_many_and_the_same_each_time_on_every_version(parts):
    """The number depends on the version of Python: 2,651 in 3.11."""
    assert len(parts.train) > 1_200 and len(parts.validation) > 80 and len(parts.test) > 120
    load_docstrings.cache_clear()
    assert load_docstrings() == parts


def test_no_body_and_no_module_is_in_two_parts(parts):
    bodies = [pair.source for part in (parts.train, parts.validation, parts.test) for pair in part]
    assert len(bodies) == len({*bodies})
    of_part = {}
    for module, _ in library_files(Path(sysconfig.get_path("stdlib"))):
        of_part.setdefault(part_of_module(module), set()).add(module)
    assert not of_part["train"] & of_part["test"] | of_part["validation"] & of_part["test"]
    assert {"json", "asyncio"} <= of_part["train"] and "ipaddress" in of_part["test"]


def test_the_modules_of_a_folder(tmp_path):
    for name in ("a.py", "_a.py", "b/__init__.py", "b/c.py", "b/test/d.py", "site-packages/e.py", "f.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    found = [(module, path.relative_to(tmp_path).as_posix()) for module, path in library_files(tmp_path)]
    assert sorted(found) == [("a", "_a.py"), ("a", "a.py"), ("b", "b/__init__.py"), ("b", "b/c.py")]


def test_a_file_of_another_version_is_passed_over(tmp_path):
    modules = ["json", "ipaddress", "turtle"]  # one of each part
    for module in modules:
        (tmp_path / f"{module}.py").write_text(f'"""About {module} .\n\nfive words of {module} here"""')
    (tmp_path / "asyncio.py").write_text("print 'from the last century'")
    parts = load_docstrings(tmp_path)
    assert [len(part) for part in (parts.train, parts.validation, parts.test)] == [1, 1, 1]


def test_a_folder_without_a_library_is_named(tmp_path):
    with pytest.raises(DataError, match=rf"too few docstrings in {re.escape(str(tmp_path))}"):
        load_docstrings(tmp_path)


@pytest.mark.parametrize(
    "text, first",
    [
        ("Close it. Then open it.", "Close it."),
        ("Version 3.11 is old! Yes.", "Version 3.11 is old!"),
        ("Is it? No", "Is it?"),
        ("no end at all", "no end at all"),
        ("", ""),
    ],
)
def test_the_first_sentence(text, first):
    assert lead(text) == first
