"""Checks of the exercises of notebook 02: counting and measuring."""

import math

from arlm_helpers.reading.checks.core import check


def near(value: float, expected: float, tolerance: float = 1e-6) -> bool:
    """Whether two numbers agree up to rounding."""
    return abs(value - expected) <= tolerance * max(1.0, abs(expected))


@check
def perplexity_of(answer):
    """Exercise 1: a function from the probabilities of the tokens that came to the perplexity."""
    if not near(answer([0.25, 0.25]), 4):
        return _perplexity_symptom(answer([0.25, 0.25]))
    mixed = answer([0.5, 0.125])
    if near(mixed, 5):
        return "(1/0.5 + 1/0.125) / 2 = 5 averages the numbers of choices; average the logarithms, exp last"
    if near(mixed, 3.2):
        return "3.2 is 1 / mean probability; average the logarithms of the probabilities, exp last"
    if near(mixed, 16):
        return "16 is 1 / the joint probability; the surprise is to be shared out over the two tokens"
    if not near(mixed, 4):
        return f"probabilities 0.5 and 0.125 multiply to 1/16, like two of 1/4; yours gives {mixed:.4g}"
    try:
        impossible = answer([0.5, 0.0])
    except (ValueError, ZeroDivisionError):
        return "a probability of 0 should give infinity, not an error: test for it before the logarithm"
    return None if impossible == math.inf else f"a probability of 0 should give infinity, got {impossible}"


def _perplexity_symptom(got: float) -> str:
    symptoms = {
        0.25: "0.25 is the mean probability; the perplexity is a number of choices, so it is at least 1",
        math.log(4): "1.386 is the surprise in nats; the perplexity is e to that power",
        2.0: "2 is the surprise in bits; the perplexity is 2 to that power, or e to the nats",
        math.exp(2): "7.389 is e to the bits; e goes with nats (math.log), 2 goes with bits (math.log2)",
        16.0: "16 is 1 / the joint probability; the surprise is to be shared out over the two tokens",
    }
    for value, hint in symptoms.items():
        if near(got, value):
            return hint
    return f"two tokens of probability 1/4 are a choice among 4 each time, yours gives {got:.4g}"


@check
def laplace_bigram(answer):
    """Exercise 2: add-one probability of a character after another, from a text."""
    text, alphabet = "abracadabra", "abcdrz"
    got = answer(text, "a", "b", alphabet)
    symptoms = [
        (2 / 4, "2/4 is the share without smoothing; add 1 to the count, and the size of the alphabet below"),
        (3 / 5, "3/5 adds 1 below; each of the 6 characters of the alphabet got one more, so add 6"),
        (3 / 9, "3/9 counts 5 different characters; the alphabet has 6, 'z' never occurs but may"),
        (3 / 11, "3/11 counts all five a's; the last one has no follower, so only 4 are contexts"),
        (3 / 10, None),
    ]
    for value, hint in symptoms:
        if near(got, value):
            if hint:
                return hint
            break
    else:
        return f"'ab' comes twice, 'a' is followed 4 times, 6 characters: (2 + 1) / (4 + 6), got {got:.4g}"
    if not near(answer(text, "z", "a", alphabet), 1 / 6):
        return "after 'z', which never came, all 6 characters should be equally likely: 1/6"
    if not near(answer("aaab", "a", "a", "ab"), 3 / 5):
        return "in 'aaab' the pair 'aa' comes twice, overlapping; str.count finds only one of them"
    total = sum(answer(text, "a", following, alphabet) for following in alphabet)
    return None if near(total, 1) else f"the probabilities after 'a' sum to {total:.4g}, not 1"


@check
def absolute_discount(answer):
    """Exercise 3: counts, the shorter context's probabilities and a discount to smoothed probabilities."""
    counts, shorter = {"b": 2, "c": 1}, {"a": 0.5, "b": 0.3, "c": 0.1, "d": 0.1}
    got = answer(counts, shorter, 0.5)
    if set(got) != set(shorter):
        return f"every token of the shorter context needs a probability, {sorted(shorter)}; got {sorted(got)}"
    total = sum(got.values())
    if any(value < 0 for value in got.values()):
        return "a probability is negative: a token that was never counted has nothing to take a discount from"
    if near(total, 2 / 3):
        return "they sum to 2/3: what the discounts took has to go to the shorter context, as the rest"
    if near(total, 5 / 6):
        return "they sum to 5/6: the rest is what all discounts took, 0.5 for each of the 2 counted tokens"
    if near(total, 4 / 3):
        return "they sum to 4/3: only the 2 tokens that were counted give a discount, not all 4"
    if near(total, 1) and near(got["a"], 1 / 12):
        return "the rest is shared out evenly; share it by `shorter`, times its probabilities"
    if not near(total, 1):
        return f"the probabilities should sum to 1, yours sum to {total:.4g}"
    right = {"a": 1 / 6, "b": 0.5 + 0.1, "c": 0.5 / 3 + 0.1 / 3, "d": 0.1 / 3}
    for token, value in right.items():
        if not near(got[token], value):
            return f"P({token!r}) should be {value:.4f}, yours is {got[token]:.4f}"
    if answer({}, shorter, 0.5) != shorter:
        return "a context that was never seen should hand on everything: with no counts, return `shorter`"
    return None


@check
def corpus_perplexity(answer):
    """Exercise 4: the repaired perplexity of a text that was judged in batches of different lengths."""
    equal = [[1.0, 2.0], [3.0, 4.0]]
    got = answer(equal)
    if near(got, (math.exp(1.5) + math.exp(3.5)) / 2):
        return "it still averages the perplexities of the batches; average the nats first, one exp at the end"
    if near(got, math.exp(10)):
        return "e to the sum of all nats is about the whole text; divide by the number of tokens"
    if near(got, 2**2.5):
        return "these are nats, so the base is e, not 2"
    if not near(got, math.exp(2.5)):
        return f"the mean of 1, 2, 3 and 4 nats is 2.5, so e^2.5 = 12.18; yours gives {got:.4g}"
    uneven = answer([[1.0, 1.0, 1.0], [5.0]])
    if near(uneven, math.exp(3)):
        return "a short batch counts as much as a long one: divide the nats of all tokens by their number"
    if not near(uneven, math.exp(2)):
        return f"nats 1, 1, 1 and 5 have the mean 2, so e^2 = 7.389; yours gives {uneven:.4g}"
    return None if near(answer([[1.0, 1.0, 1.0, 5.0]]), math.exp(2)) else "one batch or two must not matter"


@check
def my_text(answer):
    """Exercise 5: {"validation": {setting: bits}, "chosen": setting, "test": bits, "uniform": bits}."""
    missing = {"validation", "chosen", "test", "uniform"} - set(answer)
    if missing:
        return f"the report lacks {sorted(missing)}"
    tried, chosen, test = answer["validation"], answer["chosen"], answer["test"]
    if any(value is ... or value is None for value in [*tried.values(), chosen, test, answer["uniform"]]):
        return "some numbers are still `...`"
    if len(tried) < 6:
        return f"{len(tried)} settings were tried; try at least 6, say orders 1 to 6 or two smoothings"
    if chosen not in tried:
        return f"the chosen setting {chosen!r} is none of those tried: {list(tried)[:6]} …"
    best = min(tried.values())
    if not 0 < best < math.inf or not 0 < test < math.inf:
        return "a loss is infinite or not positive: is the model smoothed, the text long enough?"
    if tried[chosen] > best + 0.02:
        return f"{chosen!r} has {tried[chosen]:.3f} bits on validation, {best:.3f} was reached; why not that?"
    if any(test == value for value in tried.values()):
        return "the test number equals a validation number: judge the test part, once, with the choice"
    if test >= answer["uniform"]:
        return f"{test:.2f} bits are no better than a uniform guess, {answer['uniform']:.2f}; same alphabet?"
    return None
