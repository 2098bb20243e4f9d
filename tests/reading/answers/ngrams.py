"""Recorded answers to the exercises of notebook 02, right and wrong."""

import itertools
import math


def from_logs(probs):
    return math.exp(-sum(math.log(p) if p else -math.inf for p in probs) / len(probs))


def geometric(probs):
    joint = math.prod(probs)
    return joint ** (-1 / len(probs)) if joint else math.inf


def laplace(text, previous, following, alphabet):
    pairs = list(itertools.pairwise(text))
    above = pairs.count((previous, following)) + 1
    return above / (sum(a == previous for a, _ in pairs) + len(alphabet))


def laplace_by_slices(text, previous, following, alphabet):
    hits = sum(text[i : i + 2] == previous + following for i in range(len(text) - 1))
    return (hits + 1) / (text[:-1].count(previous) + len(alphabet))


def smoothed(counts, shorter, discount):
    total = sum(counts.values())
    if not total:
        return shorter
    rest = discount * len(counts) / total
    return {t: max(counts.get(t, 0) - discount, 0) / total + rest * p for t, p in shorter.items()}


def smoothed_in_two_steps(counts, shorter, discount):
    total = sum(counts.values())
    gains = {token: (count - discount) / total for token, count in counts.items()}
    rest = 1 - sum(gains.values())
    return {token: gains.get(token, 0) + rest * p for token, p in shorter.items()}


def scaled(rest):
    def wrong(counts, shorter, discount):
        total = sum(counts.values()) or 1
        keep = {t: max(counts.get(t, 0) - discount, 0) / total for t in shorter}
        return {t: keep[t] + rest(counts, shorter, discount, total) * p for t, p in shorter.items()}

    return wrong


def never_clipped(counts, shorter, discount):
    return {t: (counts.get(t, 0) - discount) / 3 for t in shorter}


def shared_evenly(counts, shorter, discount):
    total = sum(counts.values())
    rest = discount * len(counts) / total
    return {t: max(counts.get(t, 0) - discount, 0) / total + rest / len(shorter) for t in shorter}


def only_counted(counts, shorter, discount):
    return {t: c / 3 for t, c in counts.items()}


def breaks_when_unseen(counts, shorter, discount):
    return smoothed(counts, shorter, discount) if counts else dict.fromkeys(shorter, 0.0)


def mean_of_all(batches):
    nats = [value for batch in batches for value in batch]
    return math.exp(sum(nats) / len(nats))


def running_total(batches):
    return math.exp(sum(map(sum, batches)) / sum(map(len, batches)))


def mean_of_means(batches):
    return math.exp(sum(sum(b) / len(b) for b in batches) / len(batches))


def mean_of_perplexities(batches):
    return sum(math.exp(sum(b) / len(b)) for b in batches) / len(batches)


TRIED = {(n, name): 4 - 0.3 * n + 0.1 * i for n in (1, 2, 3, 4) for i, name in enumerate(["KN", "add"])}
REPORT = {"validation": TRIED, "chosen": (4, "KN"), "test": 2.95, "uniform": 6.0}

ANSWERS = {
    "perplexity_of": {
        "right": [from_logs, geometric],
        "wrong": [
            (lambda probs: sum(probs) / len(probs), "at least 1"),
            (lambda probs: sum(1 / p for p in probs) / len(probs), "numbers of choices"),
            (lambda probs: len(probs) / sum(probs), "mean probability"),
            (lambda probs: 1 / math.prod(probs), "shared out"),
            (lambda probs: -sum(map(math.log, probs)) / len(probs), "in nats"),
            (lambda probs: -sum(map(math.log2, probs)) / len(probs), "in bits"),
            (lambda probs: math.exp(-sum(map(math.log2, probs)) / len(probs)), "e to the bits"),
            (lambda probs: math.exp(-sum(map(math.log, probs)) / len(probs)), "infinity, not an error"),
        ],
    },
    "laplace_bigram": {
        "right": [laplace, laplace_by_slices],
        "wrong": [
            (lambda t, a, b, v: t.count(a + b) / max(t[:-1].count(a), 1), "without smoothing"),
            (lambda t, a, b, v: (t.count(a + b) + 1) / (t[:-1].count(a) + 1), "so add 6"),
            (lambda t, a, b, v: (t.count(a + b) + 1) / (t[:-1].count(a) + len(set(t))), "'z' never occurs"),
            (lambda t, a, b, v: (t.count(a + b) + 1) / (t.count(a) + len(v)), "no follower"),
            (lambda t, a, b, v: (t.count(a + b) + 1) / (t[:-1].count(a) + len(v)), "overlapping"),
            (lambda t, a, b, v: (t.count(a + b) + 1) / (len(t) + len(v)), "(2 + 1) / (4 + 6)"),
        ],
    },
    "absolute_discount": {
        "right": [smoothed, smoothed_in_two_steps],
        "wrong": [
            (scaled(lambda c, s, d, total: 0), "as the rest"),
            (scaled(lambda c, s, d, total: d / total), "each of the 2 counted"),
            (scaled(lambda c, s, d, total: d * len(s) / total), "not all 4"),
            (never_clipped, "negative"),
            (shared_evenly, "shared out evenly"),
            (only_counted, "every token"),
            (breaks_when_unseen, "hand on everything"),
        ],
    },
    "corpus_perplexity": {
        "right": [mean_of_all, running_total],
        "wrong": [
            (mean_of_perplexities, "perplexities of the batches"),
            (mean_of_means, "short batch counts as much"),
            (lambda batches: math.exp(sum(map(sum, batches))), "divide by the number of tokens"),
            (lambda batches: 2 ** (sum(map(sum, batches)) / sum(map(len, batches))), "base is e"),
        ],
    },
    "my_text": {
        "right": [REPORT, {**REPORT, "test": 2.7}],
        "wrong": [
            ({**REPORT, "chosen": (1, "KN")}, "was reached"),
            ({**REPORT, "chosen": (9, "KN")}, "none of those tried"),
            ({**REPORT, "validation": {(4, "KN"): 2.8}}, "at least 6"),
            ({**REPORT, "test": TRIED[4, "KN"]}, "equals a validation number"),
            ({**REPORT, "test": 6.5}, "uniform"),
            ({**REPORT, "test": math.inf}, "infinite"),
            ({"validation": TRIED}, "lacks"),
        ],
    },
}
