"""Modern English prose that every Python brings along: its help texts, without code, tables and lists."""

import pydoc_data.topics
import re

NOT_PROSE = re.compile(r"[|`>\[]|::=")  # what tables, code and grammar are written with


def help_prose(min_length: int = 300) -> str:
    """Paragraphs of ``pydoc_data.topics`` of at least ``min_length`` characters, an empty line between them.

    Each is a line of its own; topics are in alphabetical order. The text differs a little from version to
    version of Python, so numbers measured on it do, too.
    """
    topics = pydoc_data.topics.topics
    parts = [part for name in sorted(topics) for part in topics[name].split("\n\n")]
    prose = [" ".join(part.split()) for part in parts if part[:1].isalpha() and not NOT_PROSE.search(part)]
    return "\n\n".join(part for part in prose if len(part) >= min_length)
