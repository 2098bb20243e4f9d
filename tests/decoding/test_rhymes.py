"""Sounds of words: stresses and rhymes, by hand on entries of CMUdict."""

import pytest

from arlm_helpers.decoding.rhymes import do_rhyme, rhymes_of, rhyming_part, stresses

SOUNDS = {
    word: sounds.split()
    for word, sounds in {
        "night": "N AY1 T",
        "knight": "N AY1 T",
        "light": "L AY1 T",
        "delight": "D IH0 L AY1 T",
        "lighter": "L AY1 T ER0",
        "fighter": "F AY1 T ER0",
        "oh": "OW1",
        "go": "G OW1",
        "ago": "AH0 G OW1",
        "the": "DH AH0",
        "butterfly": "B AH1 T ER0 F L AY2",
        "sky": "S K AY1",
        "hm": "HH M",
    }.items()
}


@pytest.mark.parametrize(
    "word, pattern", [("night", "1"), ("delight", "01"), ("butterfly", "102"), ("hm", "")]
)
def test_each_syllable_has_the_stress_of_its_vowel(word, pattern):
    assert stresses(SOUNDS[word]) == pattern


@pytest.mark.parametrize(
    "word, part",
    [
        ("light", ["AY", "T"]), ("lighter", ["AY", "T", "ER"]), ("the", ["AH"]), ("oh", ["OW"]),
        ("butterfly", ["AY"]), ("hm", ["HH", "M"]),
    ],
)  # fmt: skip
def test_a_rhyme_begins_at_the_last_stressed_vowel_or_the_last_there_is(word, part):
    assert list(rhyming_part(SOUNDS[word])) == part


@pytest.mark.parametrize(
    "one, other, expected",
    [
        ("night", "light", True),
        ("lighter", "fighter", True),
        ("oh", "go", True),  # nothing stands before the one, a sound before the other
        ("butterfly", "sky", True),
        ("night", "knight", False),  # they sound the same
        ("light", "light", False),
        ("light", "delight", False),  # the same sound stands before: an identity, no rhyme
        ("light", "lighter", False),
    ],
)
def test_words_rhyme_if_they_agree_from_there_on_and_differ_before(one, other, expected):
    assert do_rhyme(SOUNDS[one], SOUNDS[other]) is do_rhyme(SOUNDS[other], SOUNDS[one]) is expected


def test_the_rhymes_of_a_lexicon_are_those_of_every_pair():
    found = rhymes_of(SOUNDS)
    assert found == {
        word: {other for other in SOUNDS if do_rhyme(SOUNDS[word], SOUNDS[other])} for word in SOUNDS
    }
    assert found["night"] == {"light", "delight"} and found["hm"] == frozenset()
