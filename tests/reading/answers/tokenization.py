"""Recorded answers to the exercises of notebook 03, right and wrong."""

import codecs
import math


def bytes_by_comparing(text):
    return sum(1 + (ord(c) >= 0x80) + (ord(c) >= 0x800) + (ord(c) >= 0x10000) for c in text)


def bytes_by_branches(text):
    total = 0
    for char in text:
        point = ord(char)
        total += 1 if point < 0x80 else 2 if point < 0x800 else 3 if point < 0x10000 else 4
    return total


def longest_by_loop(word, vocabulary):
    cut = []
    while word:
        end = next(end for end in range(len(word), 0, -1) if word[:end] in vocabulary)
        cut.append(word[:end])
        word = word[end:]
    return cut


def longest_by_recursion(word, vocabulary):
    if not word:
        return []
    head = max((token for token in vocabulary if word.startswith(token)), key=len)
    return [head, *longest_by_recursion(word[len(head) :], vocabulary)]


def shortest(word, vocabulary):
    return list(word)


def from_the_end(word, vocabulary):
    cut = []
    while word:
        start = next(start for start in range(len(word)) if word[start:] in vocabulary)
        cut.insert(0, word[start:])
        word = word[:start]
    return cut


def only_the_first(word, vocabulary):
    return longest_by_loop(word, vocabulary)[:1]


def with_a_decoder(pieces):
    decoder = codecs.getincrementaldecoder("utf-8")()
    return [decoder.decode(piece) for piece in pieces]


def with_a_rest(pieces):
    shown, rest = [], b""
    for piece in pieces:
        rest += piece
        text = rest.decode(errors="ignore")
        rest = rest[len(text.encode()) :]
        shown.append(text)
    return shown


def at_the_end(pieces):
    return [""] * (len(pieces) - 1) + [b"".join(pieces).decode()]


GOOD_SIZES = {256: (1.0, 2.3), 512: (0.5, 2.23), 1024: (0.41, 2.3), 2048: (0.36, 2.33)}
WHY = "It has the fewest bits per character, and half the tokens of bytes."

ANSWERS = {
    "utf8_length": {
        "right": [bytes_by_comparing, bytes_by_branches],
        "wrong": [
            (len, "len() counts characters"),
            (lambda text: sum(1 if c.isascii() else 3 for c in text), "U+0080 should have 2 bytes"),
            (
                lambda text: sum(1 + (ord(c) > 0x80) + (ord(c) > 0x800) + (ord(c) > 0xFFFF) for c in text),
                "< and <=",
            ),
            (lambda text: max(map(len, map(str.encode, text))), "ValueError"),
            (lambda text: sum(min(bytes_by_comparing(c), 3) for c in text), "U+10000 should have 4 bytes"),
        ],
    },
    "encode_by_hand": {
        "right": [["thin", "g", "s"], ("thin", "g", "s"), "thin g s"],
        "wrong": [
            (["th", "ing", "s"], "merge 6"),
            (["t", "hi", "ng", "s"], "merge 1"),
            (["th", "in", "g", "s"], "go on"),
            (["thing", "s"], "no merge makes 'thing'"),
            (["thin", "g"], "spell 'thing'"),
            (list("things"), "begin with"),
        ],
    },
    "longest_match": {
        "right": [longest_by_loop, longest_by_recursion],
        "wrong": [
            (shortest, "single letters"),
            (from_the_end, "yours gives"),
            (only_the_first, "spell it again"),
            (lambda word, vocabulary: " ".join(longest_by_loop(word, vocabulary)), "the string"),
            (lambda word, vocabulary: [word] if word else [], "should become"),
        ],
    },
    "perplexity_per_character": {
        "right": [lambda p, t, c: p ** (t / c), lambda p, t, c: math.exp(t * math.log(p) / c)],
        "wrong": [
            (lambda p, t, c: p * t / c, "its logarithm"),
            (lambda p, t, c: p ** (c / t), "more"),
            (lambda p, t, c: t * math.log(p) / c, "exponential"),
            (lambda p, t, c: t * math.log2(p) / c, "in bits"),
            (lambda p, t, c: p, "per token"),
            (lambda p, t, c: math.sqrt(p), "should give 2"),
        ],
    },
    "shown_pieces": {
        "right": [with_a_decoder, with_a_rest],
        "wrong": [
            (lambda pieces: [piece.decode("utf-8", "replace") for piece in pieces], "replacement signs"),
            (lambda pieces: [piece.decode("utf-8", "ignore") for piece in pieces], "no byte may be dropped"),
            (lambda pieces: [piece.decode("utf-8", "backslashreplace") for piece in pieces], "let them wait"),
            (at_the_end, "hold back"),
            (lambda pieces: [b"".join(pieces).decode()], "strings, some empty"),
            (lambda pieces: [piece.decode() for piece in pieces], "UnicodeDecodeError"),
        ],
    },
    "my_vocabulary": {
        "right": [
            {"sizes": GOOD_SIZES, "chosen": 512, "why": WHY},
            {
                "sizes": GOOD_SIZES,
                "chosen": 2048,
                "why": "Shortest sequences, and the loss in bits is small.",
            },
        ],
        "wrong": [
            ({"sizes": GOOD_SIZES, "chosen": 256, "why": WHY}, "size 512 has fewer tokens"),
            ({"sizes": {256: (1.0, 2.3), 512: (0.5, 2.2)}, "chosen": 512, "why": WHY}, "at least 4"),
            ({"sizes": {**GOOD_SIZES, 4096: (0.9, 2.4)}, "chosen": 512, "why": WHY}, "rise with the size"),
            ({"sizes": {**GOOD_SIZES, 4096: (0.3, 90.0)}, "chosen": 512, "why": WHY}, "more than 24 bits"),
            ({"sizes": GOOD_SIZES, "chosen": 999, "why": WHY}, "none of those tried"),
            ({"sizes": GOOD_SIZES, "chosen": 512, "why": "best"}, "in a sentence"),
            ({"sizes": GOOD_SIZES, "chosen": 512}, "lacks"),
        ],
    },
}
