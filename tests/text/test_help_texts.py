"""The help texts of Python give modern prose, without code."""

import pydoc_data.topics

from arlm_helpers.text.help_texts import help_prose


def test_paragraphs_are_prose_of_the_length_that_was_asked_for(monkeypatch):
    long, code = "A sentence that is long\nenough.", "Call it:\n   >>> x = f()"
    topics = {"b": f"{long}\n\n   indented code\n\nshort", "a": f"{code}\n\nFirst of all, by its name."}
    monkeypatch.setattr(pydoc_data.topics, "topics", topics)
    assert help_prose(12) == "First of all, by its name.\n\nA sentence that is long enough."


def test_there_are_at_least_forty_thousand_characters_of_it():
    prose = help_prose()
    assert len(prose) > 40_000 and min(map(len, prose.split("\n\n"))) >= 300
    assert ">>>" not in prose and "\n\n\n" not in prose
