"""Byte-pair encoding against counting by hand, counting everything anew, and the library ``tokenizers``."""

import copy
import json
import pickle
import random
from collections import Counter
from itertools import pairwise

import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import models, trainers

from arlm_helpers.text.bpe import BPETokenizer, apply_merges, learn_merges, pairs_of, pairs_with, split_words
from arlm_helpers.text.bpe import train_bpe as train

ENGLISH = "To be, or not to be: that is the question. Whether 'tis nobler in the mind to suffer\n\n" * 2
CHINESE = "白日依山盡，黃河入海流。欲窮千里目，更上一層樓。白日黃河，千里千山，日日山山。"
EMOJI = "👩‍👩‍👧‍👦 👩‍👩‍👧 👨‍👩‍👧 🙂🙃🙂 🏳️‍🌈🏳️‍🌈 👍🏽👍🏾👍🏽"
TEXTS = {"English": ENGLISH, "Chinese": CHINESE, "emoji": EMOJI, "mixed": ENGLISH + CHINESE + EMOJI}
corpora = pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)


def merged(ids: list[int], pair: tuple[int, int], new: int) -> list[int]:
    """``ids`` with every ``pair`` replaced by ``new``, from left to right."""
    out = []
    for token in ids:
        out.append(token)
        if tuple(out[-2:]) == pair:
            out[-2:] = [new]
    return out


def exhaustive(words: list[bytes], n_merges: int) -> list[tuple[int, int]]:
    """Merges by counting all pairs of all words anew for every merge."""
    words, merges = [list(word) for word in words], []
    while len(merges) < n_merges:
        counts = Counter(pair for word in words for pair in pairwise(word))
        if not counts:
            break
        merges.append(min(counts, key=lambda pair: (-counts[pair], pair)))
        words = [merged(word, merges[-1], 255 + len(merges)) for word in words]
    return merges


def library(words: list[bytes], merges: list[tuple[int, int]]) -> list[int]:
    """The ids that ``tokenizers`` gives to ``words`` with our merges; it sees byte b as chr(256 + b)."""
    names = [chr(256 + byte) for byte in range(256)]
    for first, last in merges:
        names.append(names[first] + names[last])
    vocabulary = {name: i for i, name in enumerate(names)}
    theirs = tokenizers.Tokenizer(models.BPE(vocabulary, [(names[a], names[b]) for a, b in merges]))
    return theirs.encode(["".join(names[byte] for byte in word) for word in words], is_pretokenized=True).ids


def library_merges(words: list[bytes], n_merges: int) -> list[tuple[int, int]]:
    """The merges that ``tokenizers`` learns; symbols in the order of bytes, so that ties agree."""
    alphabet = [chr(256 + byte) for byte in range(256)]
    theirs = tokenizers.Tokenizer(models.BPE())
    trainer = trainers.BpeTrainer(
        vocab_size=256 + n_merges, initial_alphabet=alphabet, show_progress=False, limit_alphabet=256
    )
    theirs.train_from_iterator(["".join(alphabet[byte] for byte in word) for word in words], trainer)
    ids = theirs.get_vocab()
    return [(ids[first], ids[last]) for first, last in json.loads(theirs.to_str())["model"]["merges"]]


def byte_words(text: str) -> list[bytes]:
    return [word.encode() for word in split_words(text)]


def test_words_by_hand():
    assert split_words("to be,  or\n\nnot x_1!  ") == [
        "to",
        " be",
        ",",
        " ",
        " or",
        "\n\n",
        "not",
        " x_1",
        "!",
        "  ",
    ]
    assert split_words(" \n  你好，世界 (ok)") == [" \n ", " 你好", "，", "世界", " (", "ok", ")"]


@given(st.text() | st.text(" \n\t_a1.你\u3000\u0301"))
def test_words_joined_are_the_text(text):
    words = split_words(text)
    assert "".join(words) == text
    assert all(words)


def test_first_merges_by_hand():
    # words: "aab" twice, " aab" once: a,a 3 times; a,b 3 times; the tie goes to (97, 97)
    assert train("aab aab\naab", 259)[:2] == [(97, 97), (256, 98)]


def test_overlapping_pairs_all_count():
    # "zzz" holds (z, z) twice, "ab" holds (a, b) once; were overlaps left out, the tie would go to (a, b)
    assert train("ab\nzzz", 257) == [(122, 122)]


def test_a_run_of_one_letter_is_merged_in_pairs():
    assert train("a" * 8, 259) == [(97, 97), (256, 256), (257, 257)]
    assert BPETokenizer(train("a" * 8, 259)).encode("a" * 15) == [258, 257, 256, 97]


@corpora
def test_merges_equal_those_of_counting_everything_anew(text):
    assert train(text, 456) == exhaustive(byte_words(text), 200)


@pytest.mark.parametrize("letter", ["a", "你", "👍", " ", "\n"])
@pytest.mark.parametrize("times", [1, 2, 3, 7, 64, 101])
def test_runs_of_one_character_agree_with_counting_everything_anew(letter, times):
    assert train(letter * times, 400) == exhaustive(byte_words(letter * times), 144)


@settings(max_examples=300)
@given(st.text("ab \n") | st.text("abcd你好 .", max_size=200) | st.text(), st.integers(0, 60))
def test_random_corpora_agree_with_counting_everything_anew(text, n_merges):
    counts = Counter(byte_words(text))
    assert learn_merges(counts, n_merges) == exhaustive(byte_words(text), n_merges)


@corpora
def test_the_library_learns_the_same_merges(text):
    assert train(text, 456) == library_merges(byte_words(text), 200)[: len(train(text, 456))]


@pytest.mark.parametrize("seed", range(20))
def test_the_library_learns_the_same_merges_from_random_words(seed):
    rng = random.Random(seed)
    words = [bytes(rng.choices(b"abc\xe4\xff", k=rng.randint(1, 12))) for _ in range(200)]
    assert learn_merges(Counter(words), 300) == library_merges(words, 300)


@corpora
@pytest.mark.parametrize("seen", TEXTS)
def test_the_library_encodes_the_same_with_our_merges(text, seen):
    tokenizer = BPETokenizer.train(TEXTS[seen], 400)
    assert tokenizer.encode(text) == library(byte_words(text), tokenizer.merges)


@given(st.text("tobenr 好你日山\n", max_size=80))
def test_the_library_encodes_random_words_the_same(text):
    merges = train(TEXTS["mixed"], 500)
    assert BPETokenizer(merges).encode(text) == library(byte_words(text), merges)


@given(st.text())
def test_any_text_survives(text):
    tokenizer = BPETokenizer.train(TEXTS["mixed"] + text, 400)
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert tokenizer.encode_bytes(text.encode()) == tokenizer.encode(text)


@given(
    st.binary()
    | st.lists(st.sampled_from([b"\xe4", b"\xbd\xa0", b"to be", b"\xff ", b"\xed\xa0\x80"])).map(b"".join)
)
def test_any_bytes_survive(data):
    tokenizer = BPETokenizer.train(TEXTS["mixed"], 400)
    assert tokenizer.decode_bytes(tokenizer.encode_bytes(data)) == data


@given(st.sampled_from("ab"), st.text("abc"))
def test_pairs_with_a_token_are_all_pairs_that_contain_it(token, word):
    assert pairs_with(token, word) == [pair for pair in pairs_of(word) if token in pair]


def test_no_two_tokens_have_the_same_bytes():
    tokenizer = BPETokenizer.train(TEXTS["mixed"], 2000)
    assert len(set(map(tokenizer.token_bytes, range(tokenizer.vocab_size)))) == tokenizer.vocab_size


def test_the_vocabulary_stays_smaller_if_no_pair_is_left():
    tokenizer = BPETokenizer.train("to be to be", 1000, specials=("<|endoftext|>",))
    assert tokenizer.merges == ((32, 98), (116, 111), (256, 101), (32, 257))
    assert tokenizer.vocab_size == 256 + 4 + 1
    assert [tokenizer.tokens[i] for i in tokenizer.encode("to be to")] == ["to", " be", " to"]


def test_special_tokens_take_their_place_from_the_vocabulary():
    tokenizer = BPETokenizer.train(ENGLISH, 300, specials=("<|endoftext|>",))
    assert (tokenizer.vocab_size, len(tokenizer.merges)) == (300, 43)


def test_256_ids_are_the_bytes():
    assert BPETokenizer.train(ENGLISH, 256).encode("A你") == [65, 0xE4, 0xBD, 0xA0]


@pytest.mark.parametrize(
    "vocab_size, specials", [(255, ()), (0, ()), (-5, ()), (256, ("<|end|>",)), (10**7, ())]
)
def test_impossible_vocabulary_sizes_are_refused(vocab_size, specials):
    with pytest.raises(ValueError, match=rf"vocab_size must be .*, got {vocab_size}"):
        BPETokenizer.train(ENGLISH, vocab_size, specials=specials)


def test_an_empty_text_teaches_nothing():
    with pytest.raises(ValueError, match="text is empty"):
        train("", 300)


def test_a_lone_surrogate_in_the_training_text_is_named():
    with pytest.raises(ValueError, match=r"U\+D83D at position 3"):
        train("abc\ud83d", 300)


@pytest.mark.parametrize("merges", [[(0, 256)], [(-1, 5)], [(1, 2), (258, 1)], [(1, 2), (1, 2)], [(1, 2, 3)]])
def test_impossible_merges_are_refused(merges):
    with pytest.raises(ValueError, match=r"merges? .*must be"):
        BPETokenizer(merges)


def test_a_caller_cannot_change_remembered_ids():
    tokenizer = BPETokenizer.train(ENGLISH, 300)
    tokenizer.encode("question").append(-1)
    assert tokenizer.encode("question") == BPETokenizer(tokenizer.merges).encode("question")


def test_words_remembered_are_bounded():
    tokenizer = BPETokenizer([])
    tokenizer.encode(" ".join(map(str, range(70_000))) + " " + "x" * 65)
    assert len(tokenizer._remembered) <= 65_536
    assert " " + "x" * 65 not in tokenizer._remembered


def test_copies_encode_alike():
    tokenizer = BPETokenizer.train(ENGLISH, 300)
    for other in (copy.deepcopy(tokenizer), pickle.loads(pickle.dumps(tokenizer))):
        assert other == tokenizer
        assert other.encode(ENGLISH) == tokenizer.encode(ENGLISH)


def test_one_very_long_word_is_no_trap():
    word = "".join(random.Random(0).choices("ACGT", k=100_000))
    tokenizer = BPETokenizer.train(word, 400)
    assert tokenizer.decode(tokenizer.encode(word)) == word


def test_earlier_merges_go_first():
    merged_id = {"bc": 256, "ab": 257, "aĀ": 258}  # Ā is chr(256)
    assert apply_merges("abcab", merged_id) == "\u0102\u0101"
