"""Recorded answers to the exercises of notebook 09, right and wrong."""

import torch


def in_groups(largest, *, per=None, cut=False, whole=False, floor=1e-12):
    def rounded(weight, bits, group):
        parts = weight.reshape(-1, per or group)
        scales = parts.abs().amax(dim=1, keepdim=True).clamp(min=floor) / largest(bits)
        steps = parts / scales
        steps = steps.trunc() if cut else steps.round()
        return (steps if whole else steps * scales).reshape(weight.shape)

    return rounded


def signed(bits):
    return 2 ** (bits - 1) - 1


def group_by_group(weight, bits, group):
    rows = []
    for row in weight.tolist():
        new = []
        for start in range(0, len(row), group):
            part = row[start : start + group]
            scale = max(map(abs, part)) / (2 ** (bits - 1) - 1) or 1.0
            new += [round(w / scale) * scale for w in part]
        rows.append(new)
    return torch.tensor(rows)


def rounded_in_place(weight, bits, group):
    weight.copy_(in_groups(signed)(weight, bits, group))
    return weight


def latest(text, n, n_guesses):
    for start in range(len(text) - n - 1, -1, -1):
        if text[start : start + n] == text[-n:]:
            return text[start + n : start + n + n_guesses]
    return []


def latest_by_list(text, n, n_guesses):
    places = [i for i in range(len(text) - n) if text[i : i + n] == text[len(text) - n :]]
    return text[places[-1] + n :][:n_guesses] if places else []


def first(text, n, n_guesses):
    places = [i for i in range(len(text) - n) if text[i : i + n] == text[-n:]]
    return text[places[0] + n :][:n_guesses] if places else []


def itself(text, n, n_guesses):
    places = [i for i in range(len(text)) if text[i : i + n] == text[-n:]]
    return text[places[-1] + n :][:n_guesses]


def shifted(by, more=0):
    def guesses(text, n, n_guesses):
        places = [i for i in range(len(text) - n) if text[i : i + n] == text[-n:]]
        return text[places[-1] + n + by :][: n_guesses + more] if places else []

    return guesses


def always_something(text, n, n_guesses):
    return latest(text, n, n_guesses) or text[:n_guesses]


def without_overlap(text, n, n_guesses):
    for start in range(len(text) - 2 * n, -1, -1):
        if text[start : start + n] == text[-n:]:
            return text[start + n : start + n + n_guesses]
    return []


def kept_by_loop(stays):
    n = 0
    for one in stays.tolist():
        if not one:
            break
        n += 1
    return n


def report(**changes):
    base = {
        "seconds": {"plain": 0.9, "lean": 0.3, "guessing": 0.5, "eight bits": 0.2},
        "same": {"plain": True, "lean": True, "guessing": True, "eight bits": False},
        "chosen": "lean",
    }
    return base | changes


def ratios(p, q):
    return [min(1, a / b) for a, b in zip(p, q, strict=True)]


ANSWERS = {
    "step_seconds": {
        "right": [
            lambda n, each, rows, flops, speed: max(2 * n * rows / flops, n * each / speed),
            lambda n, each, rows, flops, speed: (
                n * each / speed if 2 * rows / each < flops / speed else 2 * n * rows / flops
            ),
        ],
        "wrong": [
            (lambda n, each, rows, flops, speed: 2 * n * rows / flops + n * each / speed, "not the sum"),
            (lambda n, each, rows, flops, speed: max(n * rows / flops, n * each / speed), "two operations"),
            (
                lambda n, each, rows, flops, speed: max(2 * n * rows / flops, n * rows * each / speed),
                "once for all rows",
            ),
            (lambda n, each, rows, flops, speed: min(2 * n * rows / flops, n * each / speed), "shorter"),
            (
                lambda n, each, rows, flops, speed: max(2 * n * rows / flops, n * each / speed) / rows,
                "per row",
            ),
            (lambda n, each, rows, flops, speed: n * each / speed, "waits for arithmetic"),
            (lambda n, each, rows, flops, speed: 2 * n * rows / flops, "waits for the memory"),
            (lambda n, each, rows, flops, speed: max(2 * n * rows / flops, n / speed), "bytes_each bytes"),
            (lambda n, each, rows, flops, speed: max(2 * n * rows / flops, n * 4 / speed), "bytes_each is 1"),
            (lambda n, each, rows, flops, speed: 1.0, "0.128 s with 64"),
        ],
    },
    "share_that_stays": {
        "right": [
            lambda p, q: sum(min(a, b) for a, b in zip(p, q, strict=True)),
            lambda p, q: 1 - sum(abs(a - b) for a, b in zip(p, q, strict=True)) / 2,
            lambda p, q: torch.minimum(torch.tensor(p).double(), torch.tensor(q).double()).sum(),
        ],
        "wrong": [
            (lambda p, q: sum(a * b for a, b in zip(p, q, strict=True)), "independent draws"),
            (lambda p, q: sum(ratios(p, q)), "the ratios are added up"),
            (lambda p, q: sum(ratios(p, q)) / len(p), "equally likely"),
            (lambda p, q: sum(a * r for a, r in zip(p, ratios(p, q), strict=True)), "not with p"),
            (lambda p, q: 1 - sum(abs(a - b) for a, b in zip(p, q, strict=True)), "twice"),
            (lambda p, q: sum(max(a - b, 0) for a, b in zip(p, q, strict=True)), "refused"),
            (lambda p, q: sum(max(a, b) for a, b in zip(p, q, strict=True)), "larger"),
            (lambda p, q: max(0.6, p[0]), "share no token"),
            (lambda p, q: 0.55, "0.6"),
            (lambda p, q: sum(b * r for b, r in zip(q, ratios(q, p), strict=True)) / p[1], "0.6"),
        ],
    },
    "first_refusal": {
        "right": [
            kept_by_loop,
            lambda stays: ((~stays).cumsum(0) < 1).sum(),
            lambda stays: stays.int().cumprod(0).sum(),
        ],
        "wrong": [
            (lambda stays: (~stays.cumsum(0) < 1).sum(), "instead of a truth value"),
            (lambda stays: stays.sum(), "never written"),
            (lambda stays: kept_by_loop(stays) + 1, "one too many"),
            (lambda stays: (~stays).sum(), "refused are counted"),
            (lambda stays: (~stays).int().argmax(), "all three count"),
            (lambda stays: 1, "[False, True] has 0"),
        ],
    },
    "lookup": {
        "right": [latest, latest_by_list],
        "wrong": [
            (first, "the first place"),
            (itself, "no earlier place"),
            (shifted(-2), "looked for"),
            (shifted(0, more=2), "more than n_guesses"),
            (shifted(-1), "too early"),
            (shifted(1), "too late"),
            (always_something, "guess nothing"),
            (without_overlap, "one token earlier"),
            (lambda text, n, n_guesses: text[:3], "where 1, 2 stood last"),
            (lambda text, n, n_guesses: text.pop() and [4, 5], "has changed"),
        ],
    },
    "rounded_in_groups": {
        "right": [in_groups(signed), group_by_group],
        "wrong": [
            (in_groups(signed, whole=True), "whole numbers"),
            (in_groups(signed, per=4), "one scale for each row"),
            (in_groups(signed, per=8), "one scale for all"),
            (in_groups(lambda bits: 2 ** (bits - 1)), "not 8"),
            (in_groups(lambda bits: 2**bits - 1), "not to 15"),
            (in_groups(signed, cut=True), "cut off"),
            (in_groups(signed, floor=0.0), "0/0"),
            (in_groups(lambda bits: 7), "4 bits only"),
            (rounded_in_place, "have changed"),
            (lambda weight, bits, group: weight * 0, "should become"),
            (lambda weight, bits, group: weight[0], "shape of the weights"),
        ],
    },
    "fast_and_same": {
        "right": [report(), report(same=dict.fromkeys(report()["same"], True), chosen="eight bits")],
        "wrong": [
            (report(chosen="eight bits"), "changes the text's distribution"),
            (report(chosen="plain"), "'lean' leaves the distribution"),
            (report(chosen="fastest"), "none of the ways"),
            (report(seconds={"plain": 1.0, "lean": 0.5}), "too few"),
            (report(same={"plain": True}), "each way needs"),
            (report(seconds={"plain": 0.9, "lean": 0.3, "guessing": 0.5, "eight bits": 0.0}), "not positive"),
            (
                report(seconds={"plain": 0.9, "lean": 0.3, "guessing": 0.9, "eight bits": 0.2}),
                "to the last digit",
            ),
            ({"seconds": {}}, "lacks"),
        ],
    },
}
