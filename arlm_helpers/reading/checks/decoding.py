"""Checks of the exercises of notebook 08: decoding."""

import math

import torch
from torch import Tensor

from arlm_helpers.reading.checks.core import check


@check
def tempered(answer):
    """Exercise 1: the probabilities at a temperature, from probabilities."""
    probs = torch.tensor([0.5, 0.25, 0.25, 0.0])
    got, half = answer(probs.clone(), 0.5), torch.tensor([4 / 6, 1 / 6, 1 / 6, 0.0])
    symptoms = {
        "a probability of 0 should stay 0: these are probabilities, not logits; no softmax of them": (
            (probs / 0.5).softmax(dim=0)
        ),
        "colder should be sharper; is the power t instead of 1/t?": powered(probs, 0.5),
        "odds are raised to the power 1/t; a factor of all probabilities changes nothing": probs,
        "they do not sum to 1 yet": probs**2,
    }
    for hint, value in symptoms.items():
        if near(got, value):
            return hint
    if not near(got, half):
        return f"0.5, 0.25, 0.25, 0 at t = 0.5 should be 4/6, 1/6, 1/6, 0; yours: {shown(got)}"
    if not near(answer(probs.clone(), 2.0), powered(probs, 0.5)):
        return f"at t = 2 the odds of 2 become √2; yours: {shown(answer(probs.clone(), 2.0))}"
    cold = answer(torch.tensor([0.6, 0.4]), 0.001)
    if cold.isnan().any():
        return "at t = 0.001 every power is too small for the computer: divide by the largest first"
    if not near(cold, torch.tensor([1.0, 0.0])):
        return f"at t = 0.001 everything goes to the best; yours: {shown(cold)}"
    return None


@check
def lines(answer):
    """Exercise 2: the least k, the probability of the likelier tokens, and the largest min-p."""
    probs = torch.tensor([0.1, 0.4, 0.1, 0.25, 0.15])
    found = answer(probs.clone(), 2)
    if not isinstance(found, tuple | list) or len(found) != 3:
        return "three numbers are asked for: k, the sum of the likelier tokens, and the largest min-p"
    k, held, ratio = map(float, found)
    if k == 4:
        return "k: tokens 3, 1 and 4 are likelier, and token 0 is equally likely with a lower id"
    if k in (0, 1, 2, 3):
        return f"k is the rank of the token, counted from 1; token 2 ranks fifth, yours: {k:.0f}"
    if k != 5:
        return f"token 2 of 0.1, 0.4, 0.1, 0.25, 0.15 ranks fifth; yours: {k:.0f}"
    if math.isclose(held, 1.0, abs_tol=1e-6):
        return "top-p: the token that crosses the line stays, so its own probability does not count"
    if math.isclose(held, 0.8, abs_tol=1e-6):
        return "top-p: the equal token with the lower id ranks before it and counts"
    if not math.isclose(held, 0.9, abs_tol=1e-6):
        return f"top-p: the four tokens before it hold 0.9 together; yours: {held:.4g}"
    if math.isclose(ratio, 4.0, abs_tol=1e-6):
        return "min-p: the token over the best, not the best over the token"
    if math.isclose(ratio, 0.1, abs_tol=1e-6):
        return "min-p: the bar is p times the *best* probability; divide by it"
    if not math.isclose(ratio, 0.25, abs_tol=1e-6):
        return f"min-p: 0.1 against a best of 0.4 gives 0.25; yours: {ratio:.4g}"
    best = [float(number) for number in answer(probs.clone(), 1)]
    return None if best == [1.0, 0.0, 1.0] else f"the likeliest token has 1, 0 and 1; yours: {best}"


@check
def nucleus(answer):
    """Exercise 3: ids of the smallest set of likeliest tokens that holds at least p."""
    probs = torch.tensor([0.09, 0.5, 0.41])
    got = ids_of(answer(probs.clone(), 0.9))
    if got == [1]:
        return "0.5 is less than 0.9: the token that crosses the line stays"
    if got == [0, 1]:
        return "these are places in the ranking; the ids at these places are asked for"
    if got == [1, 2, 0]:
        return "0.5 and 0.41 hold 0.91 already; the third token comes after the line"
    if sorted(got) == [1, 2] and got != [1, 2]:
        return "likeliest first"
    if got != [1, 2]:
        return f"0.09, 0.5, 0.41 with p = 0.9 should keep tokens 1 and 2; yours: {got}"
    if ids_of(answer(probs.clone(), 0.4)) != [1]:
        return f"with p = 0.4 the likeliest token stays; yours: {ids_of(answer(probs.clone(), 0.4))}"
    exact = ids_of(answer(torch.tensor([0.25, 0.125, 0.5, 0.125]), 0.75))
    if exact == [2, 0, 1]:
        return "0.5 and 0.25 hold exactly 0.75, and that is enough: < p, not <= p"
    return None if exact == [2, 0] else f"0.25, 0.125, 0.5, 0.125 with p = 0.75 keep 2 and 0; yours: {exact}"


@check
def break_even(answer):
    """Exercise 4: the length penalty at which a short and a long text score the same."""
    got, right = float(answer(-3.0, 4, -6.0, 16)), 0.5
    symptoms = {
        -0.5: "the longer text needs a *positive* penalty: one of the two ratios is upside down",
        2.0: "the two logarithms are exchanged: lengths below, log-probabilities above",
        math.log(2): "divide by the logarithm of the ratio of the lengths",
        0.25: "that is a ratio of means; the lengths stand in an exponent: take logarithms",
    }
    if not math.isclose(got, right, abs_tol=1e-9):
        hints = (hint for value, hint in symptoms.items() if math.isclose(got, value, abs_tol=1e-9))
        return next(hints, f"−3 for 4 tokens and −6 for 16 score the same at α = 0.5; yours: {got:.4g}")
    other = float(answer(-2.0, 2, -9.0, 6))
    if not math.isclose(-2.0 / 2**other, -9.0 / 6**other, rel_tol=1e-6):
        return f"right for one pair; but −2 for 2 tokens and −9 for 6 are not equal at α = {other:.4g}"
    return None


@check
def gumbel_draw(answer):
    """Exercise 5: the id with the largest logit after adding Gumbel noise."""
    logits, u = torch.tensor([1.0, 0.0, 0.5]), torch.tensor([0.2, 0.9, 0.5])
    got = answer(logits.clone(), u.clone())
    if not float(got).is_integer() or not 0 <= int(got) < 3:
        return f"an id is asked for, 0, 1 or 2; yours gives {float(got):.4g}"
    rng = torch.Generator().manual_seed(0)
    darts = torch.rand(2000, 4, generator=rng, dtype=torch.float64).clamp(min=1e-12)
    logits = torch.tensor([0.5, 0.3, 0.2, 0.0], dtype=torch.float64).log()
    drawn = torch.tensor([int(answer(logits.clone(), dart.clone())) for dart in darts]).bincount(minlength=4)
    shares = (drawn / 2000).tolist()
    if shares[3] > 0:
        return "a token with logit −∞ was drawn; it must never be"
    if max(shares) == 1:
        return "always the same token: is the noise added to the logits?"
    if max(abs(a - b) for a, b in zip(shares, (0.5, 0.3, 0.2, 0.0), strict=True)) > 0.04:
        return (
            "of 2,000 draws 0.5, 0.3 and 0.2 are expected, yours give "
            f"{', '.join(f'{share:.2f}' for share in shares[:3])}; the noise is −ln(−ln u)"
        )
    return None


@check
def policy_report(answer):
    """Exercise 6: "human" bits, "tried" {policy: (surprise, known words)}, the "chosen" one, and "why"."""
    missing = {"human", "tried", "chosen", "why"} - set(answer)
    if missing:
        return f"the report lacks {sorted(missing)}"
    human, tried, chosen = float(answer["human"]), answer["tried"], answer["chosen"]
    if len(tried) < 3:
        return f"{len(tried)} policies are too few to choose from; try at least three"
    if chosen not in tried:
        return f"{chosen!r} is none of the policies that were tried: {', '.join(map(str, tried))}"
    if not all(surprise >= 0 and 0 <= share <= 1 for surprise, share in tried.values()):
        return "each policy has a surprise in bits, and a share of known words from 0 to 1, in this order"
    away, share = abs(tried[chosen][0] - human), tried[chosen][1]
    for name, (surprise, other) in tried.items():
        if abs(surprise - human) < away and other > share:
            return f"{name!r} is nearer to people in surprise *and* has more known words than {chosen!r}"
    if len(set(tried.values())) < len(tried):
        return "two policies have the same numbers to the last digit: was each measured by itself?"
    if len(str(answer["why"]).split()) < 6:
        return "say in a sentence whom the chosen policy would suit, and why"
    return None


def powered(probs: Tensor, power: float) -> Tensor:
    """Probabilities whose odds are raised to a power."""
    return probs**power / (probs**power).sum()


def ids_of(found) -> list[int]:
    """The ids of an answer, whether they come as a list or as a tensor."""
    return [int(i) for i in found]


def near(got: Tensor, right: Tensor) -> bool:
    """Whether two tensors have the same shape and, up to rounding, the same values."""
    return got.shape == right.shape and torch.allclose(got.float(), right.float(), atol=1e-5)


def shown(values: Tensor) -> str:
    """A few numbers for a hint."""
    return ", ".join(f"{value:.4g}" for value in values.tolist())
