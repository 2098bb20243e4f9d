"""What the checks of the chain-rule notebook say to right answers and to typical wrong ones."""

import itertools
import math
from fractions import Fraction

import torch

from arlm_helpers.text.toy_language import TOY_RULES, draw_word
from arlm_helpers.training.losses import log_probs_of


def by_log_probs_of(model, ids):
    return log_probs_of(model(ids[:, :-1]), ids[:, 1:]).sum(dim=-1)


def by_torch(model, ids):
    logits = model(ids)[:, :-1].transpose(1, 2)
    return -torch.nn.functional.cross_entropy(logits, ids[:, 1:], reduction="none").sum(dim=1)


def raw_logits(model, ids):
    return model(ids[:, :-1]).gather(-1, ids[:, 1:].unsqueeze(-1)).squeeze(-1).sum(-1)


def by_growing(conditional, n_words):
    grown = {(): 1.0}
    for _ in range(n_words):
        grown = {(*h, w): p * q for h, p in grown.items() for w, q in conditional(h).items()}
    return max(grown, key=grown.get)


def by_recursion(conditional, n_words, history=()):
    def best(history):
        if len(history) == n_words:
            return 1.0, history
        tries = [(p, *best((*history, w))) for w, p in conditional(history).items()]
        return max((p * tail, words) for p, tail, words in tries)

    return list(best(history)[1])


def by_steps(conditional, n_words):
    words = ()
    for _ in range(n_words):
        chances = conditional(words)
        words += (max(chances, key=chances.get),)
    return words


def by_all_pairs_of_first_words(conditional, n_words):
    return max(itertools.product(conditional(()), repeat=n_words))


def renormalised(chances, u, banned):
    allowed = {word: p for word, p in chances.items() if word != banned}
    total = sum(allowed.values())
    return draw_word({word: p / total for word, p in allowed.items()}, u)


def shorter_dart(chances, u, banned):
    allowed = {word: p for word, p in chances.items() if word != banned}
    return draw_word(allowed, u * sum(allowed.values()))


def not_renormalised(chances, u, banned):
    return draw_word({word: p for word, p in chances.items() if word != banned}, u)


def equal_shares(chances, u, banned):
    allowed = [word for word in chances if word != banned]
    return draw_word({word: Fraction(1, len(allowed)) for word in allowed}, u)


def in_place(chances, u, banned):
    chances.pop(banned, None)
    return draw_word(chances, u * sum(chances.values()))


def sharpened(power):
    return {
        state: {word: (weight**power, following) for word, (weight, following) in words.items()}
        for state, words in TOY_RULES.items()
    }


def talkative():
    """Endless adverbs: nearly every word is the same one."""
    rules = {state: dict(words) for state, words in TOY_RULES.items()}
    for state in ("ONE", "MANY", "WHO"):
        rules[state]["often"] = (100, state)
    for state in ("它", "谁"):
        rules[state]["常常"] = (100, state)
    return rules


def without_choice():
    rules = {**TOY_RULES, "只": {"猫": (1, "它")}}
    rules["条"] = {"鱼": (3, "它"), "蛇": (2, "它"), "狗": (1, "它")}
    return rules


ANSWERS = {
    "sentence_probability": {
        "right": [Fraction(3, 1000), Fraction(1, 10) * Fraction(1, 10) * Fraction(3, 10) * 1],
        "wrong": [
            (0.003, "as a Fraction"),
            (Fraction(1, 2), "multiplied, not added"),
            (Fraction(3, 100), "one factor is missing"),
            (Fraction(3, 10), "唱歌 alone"),
            (3, "at most 1"),
            (0, "does say this"),
        ],
    },
    "sequence_log_prob": {
        "right": [by_log_probs_of, by_torch],
        "wrong": [
            (lambda model, ids: log_probs_of(model(ids[:, 1:]), ids[:, 1:]).sum(-1), "off by one"),
            (lambda model, ids: log_probs_of(model(ids), ids).sum(-1), "off by one"),
            (raw_logits, "log_softmax"),
            (lambda model, ids: -by_log_probs_of(model, ids), "the sign"),
            (lambda model, ids: by_log_probs_of(model, ids) / 3, "the mean"),
            (lambda model, ids: by_log_probs_of(model, ids).sum(), "one number per row"),
            (lambda model, ids: by_log_probs_of(model, ids).exp(), "the logarithm is asked"),
        ],
    },
    "likeliest": {
        "right": [by_growing, by_recursion],
        "wrong": [
            (by_steps, "what greedy finds"),
            (by_all_pairs_of_first_words, "not the likeliest"),
            (lambda conditional, n: max(conditional(()).values()), "cannot be used"),
            (lambda conditional, n: " ".join(by_growing(conditional, n)), "a tuple of words"),
            (lambda conditional, n: (by_growing(conditional, n), 0.5), "the words alone"),
            (lambda conditional, n: by_growing(conditional, 1), "2 words are asked for"),
        ],
    },
    "draw_except": {
        "right": [renormalised, shorter_dart],
        "wrong": [
            (not_renormalised, "must sum to 1 again"),
            (equal_shares, "old proportions"),
            (in_place, "work on a copy"),
            (lambda chances, u, banned: draw_word(chances, u), "still drawn"),
            (lambda chances, u, banned: banned + "!", "a word is asked for"),
        ],
    },
    "calmer_rules": {
        "right": [sharpened(4), talkative()],
        "wrong": [
            (TOY_RULES, "1.404 bits"),
            (sharpened(2), "bits a word"),
            ({"A": {"the": (1, "A"), "who": (1, "A")}}, "missing"),
            ({**sharpened(4), "猫咪": {"unicorn": (1, "START"), "the": (1, "START")}}, "new: unicorn"),
            (without_choice(), "no choice"),
            ({**sharpened(4), "X": {"the": (1, "NOUN"), "who": (1, "WHO")}}, "never reached"),
            (math.pi, "cannot be checked"),
        ],
    },
}
