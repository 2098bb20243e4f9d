"""What verse needs to know of a word's sounds: its stresses, and what it rhymes with."""

from collections.abc import Mapping, Sequence

Phonemes = Sequence[str]  # ARPAbet with stress, as in CMUdict: HH AH0 L OW1


def stresses(phonemes: Phonemes) -> str:
    """The stress of each syllable, which is that of its vowel: 1 main, 2 secondary, 0 none."""
    return "".join(phoneme[-1] for phoneme in phonemes if phoneme[-1].isdigit())


def rhyming_part(phonemes: Phonemes) -> tuple[str, ...]:
    """The sounds from the last stressed vowel on, or the last vowel if none is; stress is left out."""
    vowels = [i for i, phoneme in enumerate(phonemes) if phoneme[-1].isdigit()]
    stressed = [i for i in vowels if phonemes[i][-1] != "0"]
    start = (stressed or vowels or [0])[-1]
    return tuple(phoneme.rstrip("012") for phoneme in phonemes[start:])


def do_rhyme(one: Phonemes, other: Phonemes) -> bool:
    """Whether two words rhyme: they agree from the last stressed vowel on, and differ in the sound before it.

    So a word does not rhyme with itself, nor with one that sounds the same.
    """
    part = rhyming_part(one)
    before = [list(sounds[: len(sounds) - len(part)])[-1:] for sounds in (one, other)]
    return part == rhyming_part(other) and before[0] != before[1]


def rhymes_of(lexicon: Mapping[str, Phonemes]) -> dict[str, frozenset[str]]:
    """For each word of a lexicon the words that rhyme with it."""
    families: dict[tuple[str, ...], list[str]] = {}
    for word, sounds in lexicon.items():
        families.setdefault(rhyming_part(sounds), []).append(word)
    return {
        word: frozenset(other for other in family if do_rhyme(lexicon[word], lexicon[other]))
        for family in families.values()
        for word in family
    }
