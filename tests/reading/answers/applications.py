"""Recorded answers to the exercises of notebook 13, right and wrong."""

import math
from collections import Counter


def f1(got, wanted):
    if not got or not wanted:
        return float(got == wanted)
    shared = (Counter(got) & Counter(wanted)).total()
    return 2 * shared / (len(got) + len(wanted))


def by_precision_and_recall(got, wanted):
    if not got or not wanted:
        return 1.0 if got == wanted else 0.0
    rest, shared = list(wanted), 0
    for word in got:
        if word in rest:
            rest.remove(word)
            shared += 1
    if shared == 0:
        return 0.0
    precision, recall = shared / len(got), shared / len(wanted)
    return 2 * precision * recall / (precision + recall)


def counted_loosely(got, wanted):
    shared = sum(word in wanted for word in got)
    return 2 * shared / (len(got) + len(wanted)) if got or wanted else 1.0


def as_sets(got, wanted):
    return 2 * len(set(got) & set(wanted)) / (len(got) + len(wanted)) if got or wanted else 1.0


def wanted_in_got(got, wanted):
    return 2 * sum(word in got for word in wanted) / (len(got) + len(wanted)) if got or wanted else 1.0


def precision_only(got, wanted):
    return sum(word in wanted for word in got) / len(got) if got else float(not wanted)


def recall_only(got, wanted):
    return sum(word in got for word in wanted) / len(wanted) if wanted else float(not got)


def mean_of_both(got, wanted):
    return (precision_only(got, wanted) + recall_only(got, wanted)) / 2


def undecided(got, wanted):
    return 2 * (Counter(got) & Counter(wanted)).total() / (len(got) + len(wanted))


def keys(text, ends):
    n = at = 0
    while at < len(text):
        at = ends.get(at, at + 1)
        n += 1
    return n


def keys_backwards(text, ends):
    needed = {len(text): 0}
    for at in reversed(range(len(text))):
        needed[at] = 1 + needed[ends.get(at, at + 1)]
    return needed[0]


def keys_free(text, ends):
    n = at = 0
    while at < len(text):
        n += at not in ends
        at = ends.get(at, at + 1)
    return n


def keys_not_skipped(text, ends):
    covered = {i for start, end in ends.items() for i in range(start + 1, end)}
    return sum(1 for i in range(len(text)) if i not in covered or i in ends)


def acrostic(text, letters):
    lines = text.split("\n")
    if len(lines) > len(letters):
        return False
    whole = all(line.startswith(letter) for line, letter in zip(lines[:-1], letters, strict=False))
    return whole and (lines[-1] == "" or lines[-1][0] == letters[len(lines) - 1])


def acrostic_by_rest(text, letters):
    if not text:
        return bool(letters)
    if not letters or text[0] != letters[0]:
        return False
    _, broken, rest = text.partition("\n")
    return acrostic_by_rest(rest, letters[1:]) if broken else True


def acrostic_strict(text, letters):
    lines = text.split("\n")
    return text == "" or (
        len(lines) <= len(letters) and all(line[:1] == one for line, one in zip(lines, letters, strict=False))
    )


def acrostic_loose(text, letters):
    lines = text.split("\n")
    return len(lines) <= len(letters) and all(
        line[:1] in ("", one) for line, one in zip(lines, letters, strict=False)
    )


GOOD_TABLE = {
    "say how a name is spoken": (
        "phoneme error rate",
        "the nearest known word",
        "near misses should count less",
    ),
    "translate a letter into Chinese": ("chrF", "copy the source", "characters need no word borders"),
    "sort mail into two folders": ("accuracy", "the larger folder", "there is one right label"),
    "answer with a few words from a passage": ("F1", "the best sentence", "parts of an answer are right"),
    "compress a play": ("bits per character", "a 5-gram model", "bits are what a file costs"),
    "write a poem that is worth reading": (
        "people",
        "a line of Shakespeare",
        "no count knows what it is worth",
    ),
}

COMPRESS = "compress a play"


def pairwise_differences(scores, empty):
    return [score - prior for score, prior in zip(scores, empty, strict=True)]


ANSWERS = {
    "calibrated_label": {
        "right": [
            lambda scores, empty: max(range(len(scores)), key=lambda i: scores[i] - empty[i]),
            lambda *both: pairwise_differences(*both).index(max(pairwise_differences(*both))),
        ],
        "wrong": [
            (lambda scores, empty: scores.index(max(scores)), "largest score"),
            (lambda scores, empty: scores.index(min(scores)), "gains almost nothing"),
            (lambda *both: max(pairwise_differences(*both)), "number of a label"),
            (lambda scores, empty: max(range(len(scores)), key=lambda i: empty[i] / scores[i]), "subtract"),
            (lambda scores, empty: 1, "difference of logarithms"),
        ],
    },
    "shared_words": {
        "right": [f1, by_precision_and_recall],
        "wrong": [
            (precision_only, "that is the precision"),
            (recall_only, "that is the recall"),
            (mean_of_both, "mean of precision and recall"),
            (counted_loosely, "second one"),
            (undecided, "divides by zero"),
            (as_sets, "use Counter"),
            (wanted_in_got, "use Counter"),
            (lambda got, wanted: math.inf, "F1 is 1.000"),
        ],
    },
    "keys_pressed": {
        "right": [keys, keys_backwards],
        "wrong": [
            (keys_free, "taking a suggestion is a key"),
            (lambda text, ends: len(text), "two words, two keys"),
            (lambda text, ends: len(text) - len(ends), "two words, two keys"),
            (keys_not_skipped, "not at the next sign"),
            (lambda text, ends: 0, "every sign is a key"),
        ],
    },
    "acrostic": {
        "right": [acrostic, acrostic_by_rest],
        "wrong": [
            (lambda text, letters: True, "leads nowhere"),
            (lambda text, letters: text.startswith(letters[0]), "empty text"),
            (lambda text, letters: text[:1] in ("", letters[0]), "begin with O"),
            (acrostic_strict, "still empty"),
            (acrostic_loose, "no letter"),
        ],
    },
    "scoring_table": {
        "right": [
            GOOD_TABLE,
            GOOD_TABLE
            | {
                "translate a letter into Chinese": (
                    "people", "a phrase book", "only readers know what is understood",
                )
            },
        ],
        "wrong": [
            (GOOD_TABLE | {COMPRESS: ("ROUGE", "a 5-gram model", "it is well known indeed")}, "bits"),
            (GOOD_TABLE | {COMPRESS: ("BLEU", "a 5-gram model", "it is well known indeed")}, "metrics are"),
            (GOOD_TABLE | {COMPRESS: ("bits per character", "none", "bits cost money")}, "name a baseline"),
            (GOOD_TABLE | {COMPRESS: ("bits per character", "a 5-gram model", "bits")}, "say why"),
            ({COMPRESS: ("bits per character", "a 5-gram model", "bits are the cost")}, "lacks"),
        ],
    },
}  # fmt: skip
