"""Checks of the exercises of notebook 09: fast sampling."""

import math

import torch
from torch import Tensor

from arlm_helpers.reading.checks.core import check


@check
def step_seconds(answer):
    """Exercise 1: the least time of a step: arithmetic or fetching, whichever takes longer."""
    machine = {"flops_per_second": 1e12, "bytes_per_second": 1e11}
    one, many = (answer(1e9, 4, n_rows, *machine.values()) for n_rows in (1, 64))
    symptoms = {
        (
            0.042,
            0.168,
        ): "fetching and computing go on side by side: the longer of the two counts, not the sum",
        (0.04, 0.064): "each weight makes two operations, a product and a sum",
        (0.04, 2.56): "the weights are fetched once for all rows; only the operations grow with them",
        (0.002, 0.04): "that is the shorter of the two times; one waits for the longer",
        (0.04, 0.002): "that is the time per row; a step writes a token in every row",
        (0.04, 0.04): "fetching is right, but with 64 rows one waits for arithmetic",
        (0.002, 0.128): "arithmetic is right, but with a single row one waits for the memory",
        (0.01, 0.128): "a weight has bytes_each bytes, here 4",
    }
    for found, hint in symptoms.items():
        if close([one, many], found):
            return hint
    if not close([one, many], [0.04, 0.128]):
        return (
            f"10⁹ weights of 4 bytes at 10¹¹ bytes and 10¹² operations per second: 0.04 s with 1 row, "
            f"0.128 s with 64, yours {one:.4g} and {many:.4g}"
        )
    return None if math.isclose(answer(1e9, 1, 1, 1e12, 1e11), 0.01) else "with int8, bytes_each is 1"


@check
def share_that_stays(answer):
    """Exercise 2: how often a guess from q stays under p: the sum of the smaller of the two."""
    p, q = [0.5, 0.3, 0.2], [0.2, 0.2, 0.6]
    got, right = float(answer(p, q)), 0.6
    symptoms = {
        0.28: "this is the chance that two independent draws are equal; the rule keeps more",
        7 / 3: "the ratios are added up, but a token is guessed only with probability q: weigh with q",
        7 / 9: "the mean over the tokens treats them as equally likely guesses; weigh with q",
        0.5 + 0.3 + 0.2 / 3: "the guess comes from the draft: weigh with q, not with p",
        0.2: "the sum of all differences counts everything twice: half of it is refused",
        0.4: "that is the share that is refused",
        1.4: "that is the sum of the larger of the two",
    }
    if not math.isclose(got, right, abs_tol=1e-6):
        hints = (hint for value, hint in symptoms.items() if math.isclose(got, value, abs_tol=1e-6))
        return next(hints, f"for p = {p} and q = {q} a guess stays with probability 0.6, yours {got:.4g}")
    if not math.isclose(float(answer([1.0, 0.0], [0.0, 1.0])), 0.0, abs_tol=1e-9):
        return "where p and q share no token, no guess stays"
    return None


@check
def first_refusal(answer):
    """Exercise 3: how many guesses stay: those before the first that is refused."""
    cases = [([True, False, True], 1), ([False, True], 0), ([True, True, True], 3), ([True, True, False], 2)]
    got = [int(answer(torch.tensor(stays))) for stays, _ in cases]
    right = [n for _, n in cases]
    symptoms = {
        (3, 2, 3, 3): "every guess stays: look at what ~ does to a number instead of a truth value",
        (2, 1, 3, 2): "guesses behind a refused one are counted too; their text was never written",
        (2, 1, 4, 3): "that is one too many: the refused guess, or the model's own token, is counted",
        (1, 1, 0, 1): "those that are refused are counted",
    }
    if tuple(got) in symptoms:
        return symptoms[tuple(got)]
    if got[:2] == right[:2] and got[2] != 3:
        return f"where all three guesses stay, all three count; yours gives {got[2]}"
    wrong = next((i for i in range(len(cases)) if got[i] != right[i]), None)
    if wrong is not None:
        return f"{cases[wrong][0]} has {right[wrong]} before the first refusal, yours gives {got[wrong]}"
    return None


@check
def lookup(answer):
    """Exercise 4: guess what followed the last n tokens where they stood before."""
    text = [1, 2, 3, 9, 1, 2, 4, 5, 1, 2]
    kept = list(text)
    got = list(answer(text, 2, 2))
    if text != kept:
        return "the text that was given has changed"
    symptoms = {
        (3, 9): "that followed the first place; take the latest, since a text comes back to its latest topic",
        (): "nothing is found: the last tokens themselves are no earlier place, so leave them out and go on",
        (1, 2): "those are the tokens that were looked for; guess what came behind them",
        (4, 5, 1, 2): "more than n_guesses tokens",
        (2, 4): "one token too early: what followed begins n tokens behind the place",
        (5, 1): "one token too late: what followed begins n tokens behind the place",
    }
    if got != [4, 5]:
        return symptoms.get(tuple(got), f"behind {text} come [4, 5], where 1, 2 stood last; yours {got}")
    if (none := list(answer([1, 2, 3], 2, 2))) != []:
        return f"in [1, 2, 3] the tokens 2, 3 never stood before: guess nothing, yours {none}"
    if (short := list(answer([7, 7, 7], 2, 3))) != [7]:
        return f"in [7, 7, 7] the tokens 7, 7 stood before, one token earlier, and 7 followed; yours {short}"
    return None


@check
def rounded_in_groups(answer):
    """Exercise 5: weights in few bits, with a scale for each group of neighbours in a row."""
    weight = torch.tensor([[0.7, -0.38, 0.1, 0.02], [0.0, 0.0, -3.5, 0.8]])
    given = weight.clone()
    got = answer(weight, 4, 2)
    if not isinstance(got, Tensor) or got.shape != weight.shape:
        return f"a tensor of the shape of the weights is asked for, {tuple(weight.shape)}"
    if not torch.equal(weight, given):
        return "the weights that were given have changed"
    if got.isnan().any():
        return "a group of zeros gives 0/0: its scale may be anything but 0"
    right = by_groups(weight, 7, 2)
    scales = weight.view(2, 2, 2).abs().amax(dim=2, keepdim=True).clamp(min=1e-9) / 7
    whole = (weight.view(2, 2, 2) / scales).round()
    symptoms = {
        "these are the whole numbers; multiply them with their scales again": whole.view(2, 4),
        "one scale for each row; each group of neighbours should have its own": by_groups(weight, 7, 4),
        "one scale for all; each group of neighbours should have its own": by_groups(weight.view(1, 8), 7, 8),
        "the largest becomes 2^(bits−1) − 1, which is 7 for 4 bits, not 8": by_groups(weight, 8, 2),
        "with a sign, 4 bits reach from −7 to 7, not to 15": by_groups(weight, 15, 2),
        "the numbers are cut off; round them to the nearest": (
            (weight.view(2, 2, 2) / scales).trunc() * scales
        ).view(2, 4),
    }
    for hint, value in symptoms.items():
        if torch.allclose(got, value.view_as(weight), atol=1e-5) and not torch.allclose(
            value.view_as(weight), right, atol=1e-5
        ):
            return hint
    if not torch.allclose(got, right, atol=1e-5):
        return f"the first row should become {shown(right[0])}, yours {shown(got[0])}"
    three = answer(weight, 3, 4)
    return (
        None if torch.allclose(three, by_groups(weight, 3, 4), atol=1e-5) else "it is right for 4 bits only"
    )


@check
def fast_and_same(answer):
    """Exercise 6: {"seconds": {way: seconds}, "same": {way: bool}, "chosen": way}."""
    missing = {"seconds", "same", "chosen"} - set(answer)
    if missing:
        return f"the report lacks {sorted(missing)}"
    seconds, same, chosen = answer["seconds"], answer["same"], answer["chosen"]
    if len(seconds) < 4:
        return f"{len(seconds)} ways are too few to choose from; try at least four"
    if set(seconds) != set(same):
        odd = sorted(set(seconds) ^ set(same), key=str)
        return (
            f"each way needs its seconds and whether its text is the same; look at {', '.join(map(str, odd))}"
        )
    if not all(0 < float(value) < math.inf for value in seconds.values()):
        return "a time is not positive; all are seconds per character"
    if chosen not in seconds:
        return f"{chosen!r} is none of the ways that were timed: {', '.join(map(str, seconds))}"
    if not same[chosen]:
        return f"{chosen!r} changes the text's distribution; the fastest of those that do not is asked for"
    best = min((way for way in seconds if same[way]), key=seconds.get)
    if seconds[best] < seconds[chosen]:
        return f"{best!r} leaves the distribution as it is, too, and is faster"
    if len(set(seconds.values())) < len(seconds):
        return "two ways took the same time to the last digit: was each of them measured?"
    return None


def by_groups(weight: Tensor, largest: int, group: int) -> Tensor:
    """Weights rounded to whole multiples of a scale for each ``group`` of neighbours."""
    parts = weight.reshape(-1, group)
    scales = parts.abs().amax(dim=1, keepdim=True).clamp(min=1e-9) / largest
    return ((parts / scales).round() * scales).reshape(weight.shape)


def close(got, right) -> bool:
    """Whether numbers agree up to rounding."""
    return all(math.isclose(float(a), b, rel_tol=1e-6) for a, b in zip(got, right, strict=True))


def shown(values: Tensor) -> str:
    """A few numbers for a hint."""
    return ", ".join(f"{value:.4g}" for value in values.tolist())
