"""The toy language: exact answers, checked by hand, by enumeration and by sampling."""

import itertools
import math
from collections import Counter
from fractions import Fraction

import pytest
import torch
from scipy.stats import chisquare

from arlm_helpers.decoding.evaluation import token_nats
from arlm_helpers.models.oracle import Oracle
from arlm_helpers.text.toy_language import (
    TOY,
    ToyLanguage,
    entropy,
    entropy_rate,
    joint_probability,
    occupancy,
    sample_words,
)

COIN = ToyLanguage({"A": {"h": (1, "A"), "t": (3, "B")}, "B": {"h": (1, "A")}})


def test_a_sentence_by_hand():
    assert joint_probability(TOY, "the cats sleep .".split()) == Fraction(4, 10) * Fraction(3, 10) * Fraction(
        4, 10
    )
    assert joint_probability(TOY, "谁 常常 唱歌 ？".split()) == Fraction(1, 10) * Fraction(2, 10) * Fraction(
        3, 10
    )


def test_what_the_language_never_says_has_probability_zero():
    assert joint_probability(TOY, "the cats often sleeps .".split()) == 0


@pytest.mark.parametrize("language, length", [(TOY, 4), (COIN, 6)])
def test_the_probabilities_of_all_sequences_sum_to_exactly_one(language, length):
    reached = {language.start: [()]}
    for _ in range(length):  # only sequences that are possible; the others have probability zero
        grown = {}
        for state, sequences in reached.items():
            for word, (_, following) in language.rules[state].items():
                grown.setdefault(following, []).extend((*s, word) for s in sequences)
        reached = grown
    sequences = list(itertools.chain.from_iterable(reached.values()))
    assert len(set(sequences)) == len(sequences)
    assert sum(joint_probability(language, s) for s in sequences) == 1


def test_entropy_rate_of_a_coin_that_rests_by_hand():
    # share of A: a = a/4 + (1 - a), so a = 4/7; only in A is there a choice
    assert occupancy(COIN)["A"] == pytest.approx(4 / 7, abs=1e-12)
    in_a = -(0.25 * math.log(0.25) + 0.75 * math.log(0.75))
    assert entropy_rate(COIN) == pytest.approx(4 / 7 * in_a, abs=1e-12)


def test_the_entropy_rate_is_the_growth_of_the_entropy_of_sequences():
    """Entropy of the first n words, from the exact distribution over states, grows by the rate in the end."""
    at, growth = {TOY.start: 1.0}, []
    for _ in range(400):
        growth.append(sum(p * entropy(TOY.conditional(state)) for state, p in at.items()))
        after = Counter()
        for state, p in at.items():
            for word, chance in TOY.conditional(state).items():
                after[TOY.rules[state][word][1]] += p * float(chance)
        at = after
    assert sum(growth[-100:]) / 100 == pytest.approx(entropy_rate(TOY), abs=1e-6)


def test_the_oracle_says_the_exact_conditionals():
    logits = Oracle(TOY)(torch.tensor([TOY.encode("the dogs never often sing . 一条 鱼 常常")]))[0, -1]
    expected = TOY.conditional("它")
    for i, word in enumerate(TOY.tokens):
        assert logits[i].exp().item() == pytest.approx(float(expected.get(word, 0)), abs=1e-15)


def test_after_an_impossible_text_the_oracle_is_uniform():
    probs = Oracle(TOY)(torch.tensor([TOY.encode("the the cat")])).exp()[0, -1]
    torch.testing.assert_close(probs, torch.full_like(probs, 1 / TOY.vocab_size))


def test_sampled_words_follow_the_exact_conditionals_in_every_state():
    """A chi-square test per state with a choice (9), each at 1e-7: false alarm once in a million."""
    counts, state = {}, TOY.start
    for word in sample_words(TOY, 60_000, torch.Generator().manual_seed(0)):
        counts.setdefault(state, Counter())[word] += 1
        state = TOY.rules[state][word][1]
    for state, seen in counts.items():
        expected = TOY.conditional(state)
        if len(expected) > 1:
            total = sum(seen.values())
            observed = [seen[word] for word in expected]
            assert chisquare(observed, [float(p) * total for p in expected.values()]).pvalue > 1e-7


def test_the_oracle_reaches_the_entropy_rate_on_a_long_text():
    """The mean surprise of 50,000 words; its standard error is about 0.005 nats, the bound six of them."""
    ids = torch.tensor(TOY.encode(" ".join(sample_words(TOY, 50_000, torch.Generator().manual_seed(1)))))
    assert token_nats(Oracle(TOY), ids).mean().item() == pytest.approx(entropy_rate(TOY), abs=0.03)


def test_words_and_ids_are_translated_both_ways():
    text = "who never sleeps ? 一只 猫 常常 唱歌 。"
    assert TOY.decode(TOY.encode(text)) == text


def test_an_unknown_word_is_named():
    with pytest.raises(ValueError, match=r"not words of the toy language: \['unicorn'\]"):
        TOY.encode("the unicorn sleeps .")


@pytest.mark.parametrize(
    "rules, message",
    [
        ({"A": {"h": (0, "A")}}, "weights must be positive, got 0"),
        ({"A": {"h": (1, "B")}}, "'B', which has no rules"),
    ],
)
def test_broken_rules_are_refused(rules, message):
    with pytest.raises(ValueError, match=message):
        ToyLanguage(rules)
