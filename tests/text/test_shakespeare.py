"""The plays as text: nothing but names and speech, and no play in two parts."""

import hashlib
import re
from pathlib import Path

import pytest

from arlm_helpers.text.archives import read_members
from arlm_helpers.text.catalogue import COURSE_FOLDER, find_dataset
from arlm_helpers.text.corpus_table import count_text, shakespeare_table
from arlm_helpers.text.data import load_corpus, load_text
from arlm_helpers.text.fetch import stored
from arlm_helpers.text.shakespeare import clean_play, play_name, play_speeches, plays_of_parts
from arlm_helpers.text.shakespeare_repairs import NOT_A_NAME, REPAIRS, SPEAKERS, SPLIT, UNMARKED

MARKDOWN = """# The Play

## ACT I

### SCENE I. A heath. Thunder

and lightning.

_Enter a Witch; with her, over two
lines, another_

**First Witch**  
_\\[Aside]_  
When shall we three meet again  
In thunder\\-- or in rain?  _\\[To all]_

_Exit_

And then to meet again.

**DUKE**  
__\\[Reads]_  
*[He draws.]*
[Within]_

**SECOND WITCH**  
'Tis done.—Say &amp; go.
"""


@pytest.fixture(scope="module")
def members():
    dataset = find_dataset("shakespeare")
    return read_members(stored(dataset), dataset.members)


@pytest.fixture(scope="module")
def plays(members):
    return {play_name(file): content.decode("utf-8") for file, content in members.items()}


@pytest.fixture(scope="module")
def corpus():
    return load_corpus("shakespeare")


def test_a_small_play_by_hand():
    assert clean_play(MARKDOWN) == (
        "FIRST WITCH:\nWhen shall we three meet again\nIn thunder-- or in rain?\nAnd then to meet again.\n\n"
        "SECOND WITCH:\n'Tis done.--Say & go.\n\n"
    )


def test_the_text_is_plain_and_nothing_of_the_markup_is_left(corpus):
    text = corpus.text
    assert set(text) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ \n.,:;!?'-&\"24568")
    assert not re.search(r"  | \n|\n |\n\n\n| [,:;!?](?:\s|$)", text)
    assert len(re.findall(r"\d", text)) == 7  # Falstaff's bill: 2s. 2d., 4d., 5s. 8d., 2s. 6d.
    assert not re.search(
        r"(?m)^(?:SCENE|ACT|Scene|Exit|Exeunt|Re-enter|SONG|EPILOGUE|Flourish)\b[^:]*$", text
    )
    assert text.endswith("\n\n")


def test_every_speech_has_a_name_and_words(corpus):
    for part in (corpus.train, corpus.validation, corpus.test):
        for speech in part.removesuffix("\n\n").split("\n\n"):
            name, _, words = speech.partition(":\n")
            assert re.fullmatch(r"[A-Z][A-Z' &-]*", name), name
            assert words.strip(), name


def test_a_line_of_the_source_without_markup_is_spoken_in_the_text(plays):
    """An independent look at one play: its names, and its plain lines outside of directions."""
    source = plays["macbeth"]
    assert len(play_speeches(source, "macbeth")) == len(re.findall(r"(?m)^\*\*", source))
    spoken = {line.strip() for line in clean_play(source, "macbeth").splitlines()}
    plain = [line.strip() for line in source.splitlines() if re.fullmatch(r"[A-Za-z ,.;:!?'-]+", line)]
    directions = "".join(re.findall(r"_[^_]+_", source))
    lost = [line for line in plain if line not in spoken and line not in directions and "..." not in line]
    assert len(plain) > 2000
    assert lost == [], lost


def test_each_repair_is_needed(plays):
    for play, repairs in REPAIRS.items():
        assert [plays[play].count(wrong) for wrong, _ in repairs] == [1] * len(repairs), play
    for play, names in SPEAKERS.items():
        said = {name.upper() for name in re.findall(r"\*\*(.+?)\*\*", plays[play])}
        assert set(names) - {"SENATORS, & C"} <= said, play
    everything = "".join(plays.values())
    for names in (SPLIT, NOT_A_NAME):
        assert all(re.search(rf"(?m)^(?:\*\*)?(?:{name})", everything) for name in names.split("|"))
    assert len(re.findall(rf"(?m)^(?:{UNMARKED}) (?=[A-Z'])", everything)) > 100


def test_the_lord_chief_justice_speaks(plays):
    """His name has a hyphen, so the source mistook it for speech, fifty-six times."""
    speakers = [speaker for speaker, _ in play_speeches(plays["henry-iv-part-2"], "henry-iv-part-2")]
    assert speakers.count("LORD CHIEF-JUSTICE") == plays["henry-iv-part-2"].count("\nLord Chief-Justice ")
    assert "Lord Chief-Justice" not in clean_play(plays["henry-iv-part-2"], "henry-iv-part-2")


def test_the_held_out_plays_are_whole_and_in_one_part(members):
    train, validation, test = ([play_name(file) for file in files] for files in plays_of_parts(members))
    assert test == ["twelfth-night", "macbeth"]
    assert validation == ["as-you-like-it", "julius-caesar"]
    assert train == sorted(train)
    assert sorted(train + validation + test) == sorted(play_name(file) for file in members)
    assert len(members) == 38


def test_the_parts_are_the_cleaned_plays_in_order(corpus, plays):
    assert corpus.test == clean_play(plays["twelfth-night"], "twelfth-night") + clean_play(plays["macbeth"])
    assert corpus.train.startswith(
        clean_play(plays["a-midsummer-night-s-dream"], "a-midsummer-night-s-dream")
    )
    assert load_text("shakespeare") == corpus.train + corpus.validation + corpus.test


def shares_passage(text, other, length):
    """Whether both hold a passage of ``2 * length - 1`` characters: it covers one of these blocks."""
    blocks = {other[start : start + length] for start in range(0, len(other) - length + 1, length)}
    return any(text[start : start + length] in blocks for start in range(len(text) - length + 1))


def test_no_passage_of_a_held_out_play_occurs_in_the_training_plays(corpus):
    assert not shares_passage(corpus.test, corpus.train, 50)
    assert not shares_passage(corpus.validation, corpus.train, 50)
    assert not shares_passage(corpus.test, corpus.validation, 50)
    planted = corpus.train + corpus.test[1234:1334]
    assert shares_passage(corpus.test, planted, 50), "the search finds what is there"


def test_the_text_is_the_same_everywhere(corpus):
    assert hashlib.sha256(corpus.text.encode()).hexdigest() == (
        "2e3e03e2134b61398d5c773513ef20a62c072e563b61758c03d5e740b351e5d1"
    )


def test_the_readme_states_the_statistics_and_the_source(corpus):
    readme = Path(COURSE_FOLDER / "data" / "README.md").read_text(encoding="utf-8")
    dataset = find_dataset("shakespeare")
    assert shakespeare_table() in readme, "run `python -m arlm_helpers.text.corpus_table` and paste the table"
    for fact in (dataset.sha256, f"{dataset.size:,} bytes", dataset.file, dataset.members[0]):
        assert fact in readme


def test_counting_by_hand():
    assert count_text("A:\nb c\nd\n\nE F:\ng\n\n") == (2, 3, 7, 18, 10)
