"""What the checks of the first notebook say to right answers and to typical wrong ones."""

import math


def spike(prompt):
    """A model that knows what follows "my lor", hesitates after "kingdo", and guesses otherwise."""
    if "快" in prompt:
        raise ValueError("1 characters have no token: '快'")
    return {"my lor": [0.999, 0.001], "kingdo": [0.95, 0.05]}.get(prompt, [0.25] * 4)


def bits_by_sum(chance, text):
    return sum(-math.log2(chance(text[:i], text[i])) for i in range(1, len(text)))


def bits_by_recursion(chance, text):
    return (
        0 if len(text) == 1 else bits_by_recursion(chance, text[:-1]) - math.log2(chance(text[:-1], text[-1]))
    )


def nats(chance, text):
    return sum(-math.log(chance(text[:i], text[i])) for i in range(1, len(text)))


def probability(chance, text):
    return math.prod(chance(text[:i], text[i]) for i in range(1, len(text)))


def from_the_first(chance, text):
    return sum(-math.log2(chance(text[:i], text[i])) for i in range(len(text)))


def sees_the_answer(chance, text):
    return sum(-math.log2(chance(text[: i + 1], text[i])) for i in range(1, len(text)))


def last_only(chance, text):
    return sum(-math.log2(chance(text[i - 1], text[i])) for i in range(1, len(text)))


def without_the_last(chance, text):
    return sum(-math.log2(chance(text[:i], text[i])) for i in range(1, len(text) - 1))


def grown(likeliest_after, ids, n_tokens):
    ids = list(ids)
    for _ in range(n_tokens):
        ids.append(likeliest_after(ids))
    return ids


def by_recursion(likeliest_after, ids, n_tokens):
    if n_tokens == 0:
        return ids
    return by_recursion(likeliest_after, [*ids, likeliest_after(ids)], n_tokens - 1)


def never_fed_back(likeliest_after, ids, n_tokens):
    return ids + [likeliest_after(ids) for _ in range(n_tokens)]


def changes_the_prompt(likeliest_after, ids, n_tokens):
    for _ in range(n_tokens):
        ids.append(likeliest_after(ids))
    return ids


def only_the_latest(likeliest_after, ids, n_tokens):
    ids = list(ids)
    for _ in range(n_tokens):
        ids.append(likeliest_after(ids[-1:]))
    return ids


def one_too_many(likeliest_after, ids, n_tokens):
    return grown(likeliest_after, ids, n_tokens + 1)


ANSWERS = {
    "count_tokens": {
        "right": [5, 5.0],
        "wrong": [(4, "blank"), (2, "characters"), (6, "one by one")],
    },
    "by_temperature": {
        "right": ["CAB", ["C", "A", "B"], "c, a, b"],
        "wrong": [
            ("BAC", "highest temperature to the lowest"),
            ("ACB", "highest is right"),
            ("CBA", "lowest is right"),
            ("ABC", "read the three texts again"),
            ("CA", "each of the three"),
            (3, "each of the three"),
        ],
    },
    "certain_prompt": {
        "right": [("my lor", spike), ("my lor", lambda prompt: [0.0, 1.0])],
        "wrong": [
            ("the", "cannot be checked"),
            ((3, spike), "quotation marks"),
            (("", spike), "empty"),
            (("快", spike), "no token"),
            (("kingdo", spike), "close"),
            (("the", spike), "2.00 bits"),
        ],
    },
    "sentence_bits": {
        "right": [bits_by_sum, bits_by_recursion],
        "wrong": [
            (lambda chance, text: -bits_by_sum(chance, text), "sign"),
            (nats, "nats"),
            (probability, "probability itself"),
            (lambda chance, text: bits_by_sum(chance, text) / 3, "mean"),
            (from_the_first, "begin with the second"),
            (sees_the_answer, "already read"),
            (last_only, "everything before"),
            (without_the_last, "last character is missing"),
            (lambda chance, text: 1.0, "expected"),
        ],
    },
    "repaired_loop": {
        "right": [grown, by_recursion],
        "wrong": [
            (never_fed_back, "all the same"),
            (changes_the_prompt, "copy it first"),
            (only_the_latest, "latest id alone"),
            (one_too_many, "yours returns 7"),
            (lambda likeliest_after, ids, n: grown(likeliest_after, ids, n)[len(ids) :], "only the new"),
            (lambda likeliest_after, ids, n: [*ids, 1, 2, 3, 4], "expected"),
        ],
    },
    "known_words": {
        "right": [{0.2: 1.0, 0.8: 0.94, 1.5: 0.44}, {0.5: 0.9, 1: 0.95, 1.2: 0.7, 2: 0.2}],
        "wrong": [
            ([1.0, 0.9, 0.4], "dictionary"),
            ({0.8: 0.94, 1: 0.8, 1.5: 0.4}, "at most 0.5"),
            ({0.2: 1.0, 1.5: 0.4}, "at least three"),
            ({0.2: 100, 0.8: 94, 1.5: 44}, "fraction"),
            ({0.2: 0.4, 0.8: 0.5, 1.5: 0.9}, "should fall"),
        ],
    },
}
