"""English words and how they are spoken, from the CMU Pronouncing Dictionary.

    "jupiter"  →  "JH UW P AH T ER"

A pronunciation is a row of phonemes with blanks between them; the dictionary's digits for stress are left
out, as in the published results. 6 % of the words have several pronunciations.

Source:
    Weide (1998), The CMU Pronouncing Dictionary, http://www.speech.cs.cmu.edu/cgi-bin/cmudict
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from arlm_helpers.text.archives import read_members
from arlm_helpers.text.catalogue import find_dataset
from arlm_helpers.text.fetch import stored
from arlm_helpers.text.pairs import TextPair
from arlm_helpers.text.phonemes import PHONEMES

TEST_PERCENT, VALIDATION_PERCENT = 10, 4

Spoken = Mapping[str, tuple[str, ...]]  # word → its pronunciations, the most usual one first


@dataclass(frozen=True)
class Pronunciations:
    """The words of the dictionary in three parts; all pronunciations of a word are in one part.

    Relatives are not kept together: "singer" may be in the test and "singers" in the training words, as
    in the published splits.
    """

    train: Spoken = field(repr=False)
    validation: Spoken = field(repr=False)
    test: Spoken = field(repr=False)


def read_dictionary(text: str, *, stress: bool = False) -> dict[str, tuple[str, ...]]:
    """The words and pronunciations of a file in the dictionary's format, in its order.

    A line is ``word PH ON EM0 # remark``; further pronunciations of a word are headed ``word(2)``, …. Words
    with another sign than small letters and apostrophes are left out (hyphens, points: 0.9 % of all), and so
    is a pronunciation that differs from an earlier one in its stress only. With ``stress`` vowels keep their
    digit: 1 main stress, 2 secondary, 0 none.

    Raises:
        ValueError: if a line has no phonemes, or one that is unknown.
    """
    spoken: dict[str, dict[str, None]] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        head, *phonemes = line.partition("#")[0].split() or [""]
        bare = [phoneme.rstrip("012") for phoneme in phonemes]
        if head and (not bare or set(bare) - set(PHONEMES)):
            raise ValueError(f"line {number} is no word with its phonemes: {line!r}; fetch cmudict again")
        word = re.sub(r"\(\d+\)$", "", head)
        if re.fullmatch("[a-z']+", word):
            spoken.setdefault(word, {})[" ".join(phonemes if stress else bare)] = None  # in order, each once
    return {word: tuple(pronunciations) for word, pronunciations in spoken.items()}


def part_of(word: str) -> str:
    """The part that a word belongs to: its own sha256 decides, so other words and versions do not matter.

    10 % of the words are "test", 4 % "validation", the others "train".
    """
    percent = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8], "big") % 100
    if percent < TEST_PERCENT:
        return "test"
    return "validation" if percent < TEST_PERCENT + VALIDATION_PERCENT else "train"


def split_pronunciations(spoken: Spoken) -> Pronunciations:
    """All words in the part that each belongs to, in their order."""
    parts: dict[str, dict[str, tuple[str, ...]]] = {"train": {}, "validation": {}, "test": {}}
    for word, pronunciations in spoken.items():
        parts[part_of(word)][word] = pronunciations
    return Pronunciations(**parts)


def load_dictionary(*, stress: bool = False) -> dict[str, tuple[str, ...]]:
    """The words and pronunciations of the CMU Pronouncing Dictionary; see ``read_dictionary``.

    Raises:
        DataError: (a ``ValueError``) if it was not fetched, or its file is damaged; the message names the
            command that fetches it.
    """
    dataset = find_dataset("cmudict")
    [content] = read_members(stored(dataset), dataset.members).values()
    return read_dictionary(content.decode("utf-8"), stress=stress)


def load_pronunciations() -> Pronunciations:
    """The CMU Pronouncing Dictionary, without stress, in three parts; raises as ``load_dictionary``."""
    return split_pronunciations(load_dictionary())


def pronunciation_pairs(spoken: Spoken) -> list[TextPair]:
    """Every word with each of its pronunciations: what a model learns from."""
    return [TextPair(word, one) for word, pronunciations in spoken.items() for one in pronunciations]
