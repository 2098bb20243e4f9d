"""Recorded answers to the exercises of notebook 08, right and wrong."""

import math

import torch


def tempered(probs, t):
    powers = (probs / probs.max()) ** (1 / t)
    return powers / powers.sum()


def tempered_by_logs(probs, t):
    return (probs.double().log() / t).softmax(dim=0)


def plain_powers(probs, t):
    return probs ** (1 / t) / (probs ** (1 / t)).sum()


def before(probs, token):
    return [i for i, q in enumerate(probs) if q > probs[token] or (q == probs[token] and i < token)]


def lines(probs, token):
    likelier = before(probs.tolist(), token)
    return len(likelier) + 1, sum(probs[i].item() for i in likelier), (probs[token] / probs.max()).item()


def lines_by_sorting(probs, token):
    order = probs.argsort(descending=True, stable=True).tolist()
    rank = order.index(token)
    return [rank + 1, probs[order[:rank]].sum(), probs[token] / probs[order[0]]]


def line_with(k=5, held=0.9, ratio=0.25):
    return lambda probs, token: (k, held, ratio) if token == 2 else lines(probs, token)


def nucleus(probs, p):
    order = probs.argsort(descending=True, stable=True)
    return order[probs[order].cumsum(dim=0) - probs[order] < p].tolist()


def nucleus_by_loop(probs, p):
    kept, held = [], 0.0
    for token in probs.argsort(descending=True, stable=True):
        if held >= p:
            break
        kept.append(token)
        held += probs[token].item()
    return torch.stack(kept)


def nucleus_kept(keep):
    def answer(probs, p):
        order = probs.argsort(descending=True, stable=True)
        return order[keep(probs[order].cumsum(dim=0), probs[order], p)].tolist()

    return answer


def places(probs, p):
    ranked = probs.sort(descending=True).values
    return (ranked.cumsum(dim=0) - ranked < p).nonzero().flatten().tolist()


def break_even(short, n_short, long, n_long):
    return math.log(long / short) / math.log(n_long / n_short)


def gumbel(logits, u):
    return (logits - torch.log(-torch.log(u))).argmax()


def exponential_race(logits, u):
    return int((-u.log() / logits.exp()).argmin())


def report(**changes):
    good = {
        "human": 2.0,
        "tried": {"cold": (1.2, 0.99), "nucleus": (1.6, 0.98), "hot": (2.1, 0.85)},
        "chosen": "nucleus",
        "why": "Few invented words, and not as dull as the cold one: for a reader.",
    }
    return good | changes


ANSWERS = {
    "tempered": {
        "right": [tempered, tempered_by_logs],
        "wrong": [
            (plain_powers, "too small"),
            (lambda probs, t: (probs / t).softmax(dim=0), "not logits"),
            (lambda probs, t: tempered(probs, 1 / t), "instead of 1/t"),
            (lambda probs, t: (probs / t) / (probs / t).sum(), "changes nothing"),
            (lambda probs, t: probs ** (1 / t), "sum to 1"),
            (lambda probs, t: tempered(probs, min(t, 0.5)), "√2"),
            (lambda probs, t: torch.zeros(4), "should be 4/6"),
            (lambda probs, t: tempered(probs, max(t, 0.5)), "goes to the best"),
        ],
    },
    "lines": {
        "right": [lines, lines_by_sorting],
        "wrong": [
            (lambda probs, token: (5, 0.9), "three numbers"),
            (line_with(k=4), "equally likely"),
            (line_with(k=3), "rank of the token"),
            (line_with(k=6), "ranks fifth"),
            (line_with(held=1.0), "its own probability"),
            (line_with(held=0.8), "equal token"),
            (line_with(held=0.1), "hold 0.9"),
            (line_with(ratio=4.0), "not the best over"),
            (line_with(ratio=0.1), "*best* probability"),
            (line_with(ratio=0.3), "gives 0.25"),
            (lambda probs, token: (5, 0.9, 0.25), "likeliest token"),
        ],
    },
    "nucleus": {
        "right": [nucleus, nucleus_by_loop],
        "wrong": [
            (nucleus_kept(lambda total, own, p: total <= p), "that crosses the line stays"),
            (nucleus_kept(lambda total, own, p: total < 2), "after the line"),
            (places, "places in the ranking"),
            (lambda probs, p: nucleus(probs, p)[::-1], "likeliest first"),
            (lambda probs, p: [2], "tokens 1 and 2"),
            (nucleus_kept(lambda total, own, p: (total - own < p) & (own < 0.51) & (p > 0.5)), "p = 0.4"),
            (nucleus_kept(lambda total, own, p: total - own <= p), "< p, not <= p"),
            (lambda probs, p: nucleus(probs, p) if len(probs) == 3 else [2], "p = 0.75"),
        ],
    },
    "break_even": {
        "right": [break_even, lambda a, n, b, k: (math.log(-b) - math.log(-a)) / (math.log(k) - math.log(n))],
        "wrong": [
            (lambda a, n, b, k: math.log(a / b) / math.log(k / n), "upside down"),
            (lambda a, n, b, k: math.log(k / n) / math.log(b / a), "exchanged"),
            (lambda a, n, b, k: math.log(b / a), "divide by the logarithm"),
            (lambda a, n, b, k: n / k, "take logarithms"),
            (lambda a, n, b, k: (b / a) / (k / n), "right for one pair"),
            (lambda a, n, b, k: 1.0, "yours: 1"),
        ],
    },
    "gumbel_draw": {
        "right": [gumbel, exponential_race],
        "wrong": [
            (lambda logits, u: (logits - torch.log(-torch.log(u))).max(), "an id is asked for"),
            (lambda logits, u: logits.argmax(), "always the same"),
            (lambda logits, u: (logits + u).argmax(), "−ln(−ln u)"),
            (lambda logits, u: (logits.softmax(dim=0) - torch.log(-torch.log(u))).argmax(), "must never be"),
            (lambda logits, u: (logits - torch.log(u)).argmax(), "−ln(−ln u)"),
        ],
    },
    "policy_report": {
        "right": [report(), report(chosen="hot")],
        "wrong": [
            ({"human": 2.0, "tried": {"a": (1.0, 1.0)}}, "lacks ['chosen', 'why']"),
            (report(tried={"cold": (1.2, 0.99), "hot": (2.1, 0.85)}), "too few"),
            (report(chosen="warm"), "none of the policies"),
            (report(tried={"a": (0.9, 1.2), "b": (1, 1), "c": (1, 0.5)}, chosen="a"), "in this order"),
            (
                report(tried={"cold": (1.2, 0.9), "nucleus": (1.6, 0.98), "hot": (2.1, 0.85)}, chosen="cold"),
                "nearer to people",
            ),
            (report(tried={"a": (1.2, 0.9), "b": (1.2, 0.9), "c": (2, 0.8)}, chosen="a"), "last digit"),
            (report(why="nice"), "in a sentence"),
        ],
    },
}
