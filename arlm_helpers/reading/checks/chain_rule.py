"""Checks of the exercises on the chain rule: exact probabilities, scores, searches and darts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from itertools import pairwise

import torch

from arlm_helpers.reading.checks.core import check

# Word by word: the probabilities after each history, for two small languages.
_TRAP = {
    (): {"the": 0.6, "谁": 0.4},
    ("the",): {"cat": 0.4, "dog": 0.3, "bird": 0.3},
    ("谁",): {"睡觉": 0.9, "唱歌": 0.1},
}
_LATE_TRAP = {
    (): {"a": 0.55, "b": 0.45},
    ("a",): {"a": 0.5, "b": 0.5},
    ("b",): {"a": 0.2, "b": 0.8},
    ("a", "a"): {"a": 0.5, "b": 0.5},
    ("a", "b"): {"a": 0.6, "b": 0.4},
    ("b", "a"): {"a": 0.9, "b": 0.1},
    ("b", "b"): {"a": 0.3, "b": 0.7},
}


@check
def sentence_probability(answer):
    """Exercise 1: the exact probability of 谁 从不 唱歌 ？ as the beginning of a text."""
    if answer == Fraction(3, 1000):
        return None
    if isinstance(answer, float) and math.isclose(answer, 0.003):
        return "the right size; give it exactly, as a Fraction"
    if answer == Fraction(1, 2) or answer == Fraction(3, 2):
        return "the factors are multiplied, not added: every word must come, one after the other"
    if answer == Fraction(3, 100):
        return "one factor is missing: is 谁 itself certain at the start?"
    if answer == Fraction(3, 10):
        return "that is the probability of 唱歌 alone, given what came before; multiply all four factors"
    if answer == 0:
        return "the language does say this; look up each word in the state the last one led to"
    if answer > 1:
        return f"a probability is at most 1, got {answer}; did you multiply weights instead of fractions?"
    return f"not {answer}; there are four factors: one each for 谁, 从不, 唱歌 and ？"


class _TableModel:
    """A model whose logits depend on the last id only, and are not normalised."""

    def __init__(self) -> None:
        self.logits = 2 * torch.randn(5, 5, generator=torch.Generator().manual_seed(7), dtype=torch.float64)

    def __call__(self, ids, cache=None):
        return self.logits[ids]


@check
def sequence_log_prob(answer):
    """Exercise 2: log P(ids after the first | first id), one number per row of the batch."""
    model, ids = _TableModel(), torch.tensor([[0, 3, 1, 4], [2, 2, 0, 1]])
    given = answer(model, ids)
    rows, table = ids.tolist(), model.logits.log_softmax(dim=-1)
    scores = {
        "right": [sum(table[a, b].item() for a, b in pairwise(row)) for row in rows],
        "late": [sum(table[b, b].item() for b in row[1:]) for row in rows],
        "shifted by nothing": [sum(table[b, b].item() for b in row) for row in rows],
        "raw": [sum(model.logits[a, b].item() for a, b in pairwise(row)) for row in rows],
    }
    if not isinstance(given, torch.Tensor) or given.shape != (2,):
        shape = tuple(given.shape) if isinstance(given, torch.Tensor) else given
        return f"two rows of ids should give a tensor of shape (2,), one number per row, got {shape}"
    near = [
        name for name, score in scores.items() if torch.allclose(given.double(), torch.tensor(score).double())
    ]
    if near == ["right"]:
        return None
    if near in (["late"], ["shifted by nothing"]):
        return "off by one: the logits at position t predict the id at t + 1, not the id at t they have read"
    if near == ["raw"]:
        return "these are sums of logits; only after log_softmax are they log-probabilities"
    right = torch.tensor(scores["right"], dtype=torch.float64)
    if torch.allclose(given.double(), -right):
        return "the sign: a log-probability is at most 0"
    if torch.allclose(given.double(), right / 3) or torch.allclose(given.double(), right / 4):
        return "that is the mean over the positions; the log of a product is the sum of the logs"
    if torch.allclose(given.double(), right.exp()):
        return "that is the probability; the logarithm is asked for"
    return f"for ids {rows[0]} expected {right[0]:.4f}, yours gives {given[0]:.4f}"


def _greedy(table: Mapping, n_words: int) -> tuple:
    words = ()
    for _ in range(n_words):
        words += (max(table[words], key=table[words].get),)
    return words


@check
def likeliest(answer):
    """Exercise 3: the likeliest sequence of ``n_words`` words, by trying all of them."""
    for table, n_words, right in [
        (_TRAP, 1, ("the",)),
        (_TRAP, 2, ("谁", "睡觉")),
        (_LATE_TRAP, 3, ("b", "b", "b")),
    ]:
        given = answer(lambda history, table=table: dict(table[tuple(history)]), n_words)
        if isinstance(given, tuple) and len(given) == 2 and isinstance(given[1], float) and n_words != 2:
            return "return the words alone, without their probability"
        if isinstance(given, str) or not all(isinstance(word, str) for word in given):
            return f"return a tuple of words such as {right}, got {given!r}"
        if tuple(given) == right:
            continue
        if len(given) != n_words:
            return f"{n_words} words are asked for, got {len(given)}: {given!r}"
        if tuple(given) == _greedy(table, n_words):
            return (
                f"{tuple(given)} is what greedy finds: the best first word need not begin the best sequence"
            )
        return (
            f"{tuple(given)} is not the likeliest of {n_words} words; {right} has a larger product of factors"
        )
    return None


@check
def draw_except(answer):
    """Exercise 4: draw a word that is never ``banned``, the others in their old proportions."""
    chances = {word: Fraction(k, 10) for k, word in enumerate(["cat", "dog", "猫", "狗"], start=1)}
    darts = [(k + 0.5) / 1000 for k in range(1000)]
    for banned in ("猫", "狗", "cat", "鱼"):
        given = dict(chances)
        drawn = [answer(given, u, banned) for u in darts]
        if given != chances:
            return "the chances given to the function have changed; work on a copy"
        if banned in drawn:
            return f"{banned!r} is banned but was still drawn"
        strange = [word for word in drawn if word not in chances]
        if strange:
            return f"a word is asked for, got {strange[0]!r}"
        left = 1 - chances.get(banned, 0)
        for word in chances.keys() - {banned}:
            share, wanted = drawn.count(word) / 1000, float(chances[word] / left)
            if abs(share - wanted) > 0.003:
                return (
                    f"with {banned!r} banned, {word!r} should come up {wanted:.3f} of the time but comes up "
                    f"{share:.3f}; the chances that are left must sum to 1 again, in their old proportions"
                )
    return None


def _settled(rules: Mapping, steps: int = 3000) -> dict:
    """The share of time in each state, by walking with a rest every other step until nothing moves."""
    at = {state: 1.0 if i == 0 else 0.0 for i, state in enumerate(rules)}
    for _ in range(steps):
        after = {state: share / 2 for state, share in at.items()}
        for state, words in rules.items():
            total = sum(weight for weight, _ in words.values())
            for weight, following in words.values():
                after[following] += at[state] / 2 * weight / total
        at = after
    return at


@check
def calmer_rules(answer):
    """Exercise 5: rules with the words of the toy language and at most 1 bit of entropy a word."""
    words = {word for state in answer.values() for word in state}
    if missing := set(_WORDS.split()) - words:
        return f"the same words are asked for; missing: {' '.join(sorted(missing))}"
    if extra := words - set(_WORDS.split()):
        return f"the same words are asked for; new: {' '.join(sorted(extra))}"
    shares, rate = _settled(answer), 0.0
    for state, words in answer.items():
        if len(words) < 2 and not set(words) <= set(". ? 。 ？".split()):
            return f"state {state!r} offers no choice; only the sentence signs may be certain"
        if shares[state] < 1e-6:
            return f"state {state!r} is never reached again in a long text, so its words are never said"
        total = sum(weight for weight, _ in words.values())
        rate -= sum(shares[state] * w / total * math.log2(w / total) for w, _ in words.values())
    return None if rate <= 1 else f"the entropy rate is {rate:.3f} bits a word; at most 1 is asked for"


_WORDS = (
    "the who 一只 一条 谁 cat dog cats dogs often never sleeps sings sleep sing "
    "猫 狗 鱼 蛇 常常 从不 睡觉 唱歌 . ? 。 ？"
)
