"""Checks of the exercises of notebook 11: masked and causal models."""

import math

import torch

from arlm_helpers.reading.checks.choices import choice_hint
from arlm_helpers.reading.checks.core import check

FAMILIES = ("encoder", "decoder", "encoder-decoder")
GOOD_CHOICES = {
    "write a story": {"decoder"},
    "compress a file without loss": {"decoder"},
    "find passages that mean the same, among millions": {"encoder"},
    "mark every name in a text": {"encoder"},
    "translate a sentence": {"encoder-decoder", "decoder"},
    "restore one unreadable letter of an inscription": {"encoder", "decoder"},
}
WHAT_IT_NEEDS = {
    "write a story": "new text of open length, written token by token",
    "compress a file without loss": "probabilities that sum to 1 over all texts",
    "find passages that mean the same, among millions": "a vector for each passage; no text is written",
    "mark every name in a text": "a label for each token, which may depend on both sides; no text is written",
    "translate a sentence": "a text that is written, behind a source that is known as a whole",
    "restore one unreadable letter of an inscription": "both sides of one place; nothing of open length",
}


@check
def hide_tokens(answer):
    """Exercise 1: what a masked model is shown, from the random numbers that decide."""
    ids = torch.tensor([[5, 6, 7, 8, 9, 4]])
    chosen = torch.tensor([[True, True, True, True, False, False]])
    fate = torch.tensor([[0.1, 0.8, 0.9, 0.79, 0.1, 0.85]])
    random = torch.tensor([[1, 2, 3, 1, 2, 3]])
    given = [x.clone() for x in (ids, chosen, fate, random)]
    got = answer(ids, chosen, fate, random, 20)
    if not all(map(torch.equal, (ids, chosen, fate, random), given)):
        return "a tensor that was given has changed; torch.where makes a new one"
    symptoms = {
        (20, 2, 7, 20, 20, 3): "places that are not chosen should stay as they are",
        (20, 20, 7, 20, 9, 4): "one tenth of the chosen places shows the random token, not the mask",
        (20, 6, 7, 20, 9, 4): "the random token is missing: it stands where fate is from 0.8 up to 0.9",
        (20, 6, 3, 20, 9, 4): "from 0.9 on the token itself stays; the random one stands from 0.8 up to 0.9",
        (20, 2, 3, 20, 9, 4): "from 0.9 on the token itself stays, although the place is asked for",
        (20, 20, 20, 20, 9, 4): "not every chosen place shows the mask: look at fate",
        (1, 2, 7, 1, 9, 4): "the mask comes out nowhere: random tokens have replaced it",
    }
    found = tuple(got.flatten().tolist())
    if found in symptoms:
        return symptoms[found]
    if found != (20, 2, 7, 20, 9, 4):
        return f"with the mask 20 the row 5 6 7 8 9 4 should become 20 2 7 20 9 4, yours: {list(found)}"
    return None


@check
def sum_of_products(answer):
    """Exercise 2: the sum over all texts of P(x1 | x2) P(x2 | x1)."""
    joint = torch.tensor([[0.4, 0.1], [0.1, 0.4]], dtype=torch.float64)
    got = float(answer(joint))
    symptoms = {
        1.0: "this is what a chain rule gives: P(x1) P(x2 | x1); here both are conditional",
        2.0: "this sums one conditional alone; multiply the two before you sum",
        0.68: "the two conditionals have to be those of the same text",
        1.6: "the products of both texts 0 0 and 1 1 are right, but all four texts count",
    }
    if not math.isclose(got, 1.36, abs_tol=1e-6):
        hints = (hint for value, hint in symptoms.items() if math.isclose(got, value, abs_tol=1e-6))
        return next(
            hints, f"for 0.4, 0.1, 0.1, 0.4 the products are 0.64, 0.04, 0.04, 0.64: 1.36, yours {got:.4g}"
        )
    first, second = torch.tensor([0.2, 0.8]).double(), torch.tensor([0.5, 0.3, 0.2]).double()
    if not math.isclose(float(answer(torch.outer(first, second))), 1.0, abs_tol=1e-6):
        return "if the tokens are independent the sum is 1: rows and columns have sums of their own"
    uneven = torch.tensor([[0.5, 0.1, 0.1], [0.1, 0.1, 0.1]], dtype=torch.float64)
    right = (uneven**2 / torch.outer(uneven.sum(dim=1), uneven.sum(dim=0))).sum().item()
    if not math.isclose(float(answer(uneven)), right, abs_tol=1e-6):
        return "it is right for a symmetric table: check which sums are of rows and which of columns"
    return None


@check
def masked_loss(answer):
    """Exercise 3: the mean surprise at the chosen places of the whole batch."""
    targets = torch.tensor([[0, 1, 2], [1, 1, 0]])
    chosen = torch.tensor([[True, True, False], [False, True, False]])
    logits = torch.tensor([[0.1, 0.2, 0.9], [0.8, 0.5, 0.9]]).log()  # of the target, at each place
    rest = (1 - logits.exp()).log() - math.log(2)
    table = torch.stack([rest, rest, rest], dim=-1).scatter(-1, targets.unsqueeze(-1), logits.unsqueeze(-1))
    got = float(answer(table, targets, chosen))
    at = -logits
    symptoms = {
        at.mean().item(): "this counts every place, the visible ones too, where the model only has to copy",
        at[chosen].sum().item(): "that is the sum; take the mean over the chosen places",
        at[chosen].sum().item() / 6: "divide by the number of chosen places, 3, not by all 6",
        at[~chosen].mean().item(): "these are the places that are *not* chosen",
        -at[chosen].mean().item(): "the sign: a surprise is minus a log-probability",
        (at[0, :2].mean() + at[1, 1]).item() / 2: "a mean of the rows' means weighs the places unevenly",
    }
    if math.isclose(got, at[chosen].mean().item(), rel_tol=1e-5):
        return None
    hints = (hint for value, hint in symptoms.items() if math.isclose(got, value, rel_tol=1e-4))
    return next(
        hints, f"the chosen targets have 0.1, 0.2 and 0.5: {at[chosen].mean():.4f} nats, yours {got:.4f}"
    )


def toy_log_prob(text: list[int]) -> float:
    """A chain in which each token is likely to be one more than the one before, and the first a 0."""
    steps = zip([2, *text], text, strict=False)
    return sum(math.log(0.7 if now == (before + 1) % 3 else 0.15) for before, now in steps)


@check
def fill_by_scoring(answer):
    """Exercise 4: probabilities of the tokens at one place, from a function that scores whole texts."""
    text = [0, 1, 1, 0]
    got = [float(p) for p in answer(toy_log_prob, text, 2, 3)]
    if text != [0, 1, 1, 0]:
        return "the text that was given has changed; score copies of it"
    whole = [math.exp(toy_log_prob([0, 1, token, 0])) for token in range(3)]
    right = normalised(whole)
    if len(got) != 3:
        return f"a probability for each of the 3 tokens is asked for, you give {len(got)}"
    if close(got, whole):
        return "these are the probabilities of the whole texts; divide by their sum"
    if close(got, [math.log(p) for p in whole]) or close(got, [math.log(p) for p in right]):
        return "these are log-probabilities; e to their power, and they should sum to 1"
    if close(got, [0.15, 0.15, 0.7]):
        return "that is what the left side says; score the *whole* text, with what stands on the right"
    if not close(got, right):
        return (
            f"for the gap in 0 1 _ 0 the probabilities are {shown_numbers(right)}, yours {shown_numbers(got)}"
        )
    far = [float(p) for p in answer(lambda t: toy_log_prob(t) - 3000, text, 2, 3)]
    if not close(far, right):
        return "with log-probabilities near -3000 it fails: subtract the largest before taking e to the power"
    first = [float(p) for p in answer(toy_log_prob, [1, 1], 0, 3)]
    if not close(first, normalised([math.exp(toy_log_prob([token, 1])) for token in range(3)])):
        return "it is wrong at the first place; are the slices right when nothing stands before the gap?"
    return None


@check
def decision_table(answer):
    """Exercise 5: {task: (family, why)}."""
    return choice_hint(answer, FAMILIES, GOOD_CHOICES, WHAT_IT_NEEDS)


def normalised(values: list[float]) -> list[float]:
    """The values divided by their sum."""
    return [value / sum(values) for value in values]


def close(got: list[float], right: list[float]) -> bool:
    """Whether two lists of numbers agree up to rounding; a NaN agrees with nothing."""
    return all(abs(a - b) < 1e-5 for a, b in zip(got, right, strict=True))


def shown_numbers(values: list[float]) -> str:
    """A few numbers for a hint."""
    return ", ".join(f"{value:.3f}" for value in values)
