"""Byte-pair encoding: start with bytes, and again and again make one token of the most frequent pair.

While we train and encode, a word is a string with **one character per token**: token id 101 is
``chr(101)``. A pair of tokens is then a string of two characters, "does the word contain the pair?" is
``pair in word``, and to merge is ``word.replace(pair, new)``. Strings sort by these ids too.

Source:
    Gage (1994), "A new algorithm for data compression"; Sennrich, Haddow and Birch (2016), section 3.2,
    https://arxiv.org/abs/1508.07909; on bytes: Radford et al. (2019), section 2.2.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from heapq import heapify, heappop, heappush
from itertools import pairwise

from arlm_helpers.text.checking import (
    checked_bytes,
    checked_merges,
    checked_n_merges,
    checked_specials,
    checked_text,
)
from arlm_helpers.text.tokenizers import Tokenizer

Pair = tuple[int, int]

# Letters, digits and underscores | other signs | white space before a word's own space | white space
WORD = re.compile(r" ?\w+| ?[^\w\s]+|\s+?(?= \S)|\s+")


def split_words(text: str) -> list[str]:
    """Cut ``text`` into words; merges never cross their borders. Joined again they are ``text``.

    A word takes one space before it along: ``"to be,  or\\n\\nnot"`` becomes
    ``["to", " be", ",", " ", " or", "\\n\\n", "not"]``. Every character is white space, a word character
    (``\\w``) or neither, so nothing is lost. Languages written without spaces give words as long as a
    clause. Combining marks (Hindi vowel signs) count as signs.
    """
    return WORD.findall(text)


def pairs_of(word: str) -> list[str]:
    """All pairs of neighbouring tokens; they overlap: ``"aaa"`` holds ``"aa"`` twice."""
    return [left + right for left, right in pairwise(word)]


def pairs_with(token: str, word: str) -> list[str]:
    """The pairs of ``word`` that contain ``token``, from left to right: ``pairs_of``, filtered fast."""
    pairs = []
    at = word.find(token)
    while at >= 0:
        if at > 0:
            pairs.append(word[at - 1 : at + 1])
        if at + 1 < len(word) and word[at + 1] != token:  # a neighbour equal to token adds it on its turn
            pairs.append(word[at : at + 2])
        at = word.find(token, at + 1)
    return pairs


def most_frequent(queue: list[tuple[int, str]], counts: Mapping[str, int]) -> str | None:
    """Take the most frequent pair from ``queue``, or ``None`` if no pair is left.

    ``queue`` is a heap of ``(-count, pair)``, so ties go to the smallest pair of ids. It is lazy: counts
    only fall after a pair has entered, and an entry found out of date goes back with its true count.
    """
    while queue:
        negative, pair = heappop(queue)
        if counts[pair] == -negative:
            return pair
        if counts[pair]:
            heappush(queue, (-counts[pair], pair))
    return None


def merge_in_words(words: list[str], where: Sequence[int], pair: str, new: str) -> dict[str, list[int]]:
    """Replace ``pair`` by ``new`` in the words numbered ``where``, in place, from left to right.

    Returns:
        Each pair that now exists because of ``new``, with the numbers of its words, one per occurrence.
    """
    gained = defaultdict(list)
    for number in set(where):
        if pair in words[number]:  # another merge may have taken it
            words[number] = words[number].replace(pair, new)
            for neighbours in pairs_with(new, words[number]):
                gained[neighbours].append(number)
    return gained


def learn_merges(word_counts: Mapping[bytes, int], n_merges: int) -> list[Pair]:
    """The first ``n_merges`` merges of a text, given how often it holds each word.

    Every merge takes the pair with the highest count (ties: the smallest pair of ids) and gives it the
    next id from 256 on. Pairs are counted overlapping: ``"aaaa"`` holds ``(97, 97)`` three times, though
    replacing from left to right merges it twice. Fewer merges come back if no pair is left.
    """
    words = [word.decode("latin-1") for word in word_counts]  # one character per byte
    frequency = list(word_counts.values())
    places = defaultdict(list)  # pair -> numbers of the words that hold it, one per occurrence
    for number, word in enumerate(words):
        for pair in pairs_of(word):
            places[pair].append(number)
    counts = {pair: sum([frequency[number] for number in where]) for pair, where in places.items()}
    queue = [(-count, pair) for pair, count in counts.items()]
    heapify(queue)

    merges = []
    while len(merges) < n_merges and (pair := most_frequent(queue, counts)):
        first, last = pair
        new = chr(256 + len(merges))
        merges.append((ord(first), ord(last)))
        for gained, where in merge_in_words(words, places.pop(pair), pair, new).items():
            count = sum([frequency[number] for number in where])
            lost = gained[0].replace(new, last) + gained[1].replace(new, first)  # what stood there before
            counts[lost] -= count
            counts[gained], places[gained] = count, where
            heappush(queue, (-count, gained))
        del counts[pair]
    return merges


def train_bpe(text: str, vocab_size: int) -> list[Pair]:
    """Learn merges from ``text`` for a vocabulary of 256 bytes and ``vocab_size - 256`` merged tokens.

    Fewer merges come back if every word of the text has become a single token.

    Raises:
        ValueError: if ``text`` is empty, or ``vocab_size`` is below 256 or above 1,114,112.
    """
    n_merges = checked_n_merges(vocab_size)
    word_counts = Counter(split_words(checked_text(text)))
    return learn_merges({word.encode(): count for word, count in word_counts.items()}, n_merges)


def apply_merges(word: str, merged_id: Mapping[str, int]) -> str:
    """Merge the tokens of ``word`` as training did: always the earliest learned pair first.

    ``merged_id`` gives each mergeable pair its id. A pair that arises contains the newest token, so it
    was learned later: ``waiting``, a heap of ids, never has to go back.
    """
    waiting = [(merged_id[pair], pair) for pair in set(pairs_of(word)) if pair in merged_id]
    heapify(waiting)
    while waiting:
        token_id, pair = heappop(waiting)
        if pair in word:
            new = chr(token_id)
            word = word.replace(pair, new)
            for gained in set(pairs_with(new, word)) & merged_id.keys():
                heappush(waiting, (merged_id[gained], gained))
    return word


class BPETokenizer(Tokenizer):
    """Byte-level BPE: ids 0 to 255 are the bytes, then one id per merge, then the special tokens.

    The ids of a word are remembered (65,536 words of at most 64 characters), since most words of a text
    have been seen before.
    """

    kind, saved = "bpe", ("merges", "specials")

    def __init__(self, merges: Sequence[Sequence[int]], *, specials: Sequence[str] = ()) -> None:
        self.merges = checked_merges(merges)
        vocabulary = [bytes([byte]) for byte in range(256)]
        for first, last in self.merges:
            vocabulary.append(vocabulary[first] + vocabulary[last])
        super().__init__(vocabulary, specials)
        self._merged_id = {chr(first) + chr(last): 256 + i for i, (first, last) in enumerate(self.merges)}
        self._remembered: dict[str, list[int]] = {}

    @classmethod
    def train(cls, text: str, vocab_size: int, *, specials: Sequence[str] = ()) -> "BPETokenizer":
        """Learn from ``text``; see ``train_bpe``. Names of special tokens in it are ordinary text.

        Raises:
            ValueError: if ``vocab_size`` has no room for 256 bytes and the special tokens.
        """
        n_merges = checked_n_merges(vocab_size, checked_specials(specials))
        return cls(train_bpe(text, 256 + n_merges), specials=specials)

    def encode_bytes(self, data: bytes) -> list[int]:
        """The ids of any bytes; for valid UTF-8 the same as ``encode`` of the text."""
        return self.encode_ordinary(checked_bytes(data).decode("utf-8", "surrogateescape"))

    def encode_ordinary(self, text: str) -> list[int]:
        ids = []
        for word in split_words(text):
            ids += self._remembered.get(word) or self.encode_word(word)
        return ids

    def encode_word(self, word: str) -> list[int]:
        """The ids of one word, which is remembered if it is short."""
        word_bytes = word.encode("utf-8", "surrogateescape")
        ids = [ord(token) for token in apply_merges(word_bytes.decode("latin-1"), self._merged_id)]
        if len(self._remembered) >= 65_536:
            self._remembered.clear()
        if len(word) <= 64:
            self._remembered[word] = ids
        return ids
