"""Checks of the exercises of notebook 07: training."""

import math

import torch
from torch import Tensor

from arlm_helpers.reading.checks.core import check


@check
def root_schedule(answer):
    """Exercise 1: the factor of the learning rate: an even rise, then one over the root of the step."""
    got = [answer(step, 4) for step in (0, 1, 2, 3, 8, 15)]
    right = [0.25, 0.5, 0.75, 1.0, 2 / 3, 0.5]
    if close(got, right):
        again = answer(0, 1)
        return None if abs(again - 1) < 1e-6 else f"with a warm-up of 1 the first step has 1, yours: {again}"
    if abs(got[0]) < 1e-9:
        return "the first step has the factor 0 and is wasted; step 0 should give 1/warmup"
    if max(got) > 1 + 1e-6:
        return "a factor is above 1, the peak: take the *smaller* of the two expressions"
    if not close(got[:4], right[:4]):
        return f"with a warm-up of 4 the first steps have 0.25, 0.5, 0.75, 1, yours: {shown(got[:4])}"
    if close(got[4:], [4 / 9, 4 / 16]):
        return "the root is missing: afterwards it is √(warmup/t)"
    if close(got[4:], [1 / 3, 1 / 4]):
        return "at the end of the warm-up the factor jumps: √(1/t) is 1 only at t = 1; use √(warmup/t)"
    if close(got[4:], [(4 / 8) ** 0.5, (4 / 15) ** 0.5]):
        return "one step too early: step 15 is the sixteenth, t = step + 1"
    return f"step 8 should have √(4/9) and step 15 √(4/16), yours: {shown(got[4:])}"


@check
def adamw_step(answer):
    """Exercise 2: one step of AdamW: the new weight and both running means."""
    lr, beta1, beta2, eps, decay = 0.1, 0.9, 0.95, 1e-3, 0.2
    start, gradients = torch.tensor([1.0, -2.0, 0.5]), torch.tensor([[0.3, -0.1, 0.0], [0.1, 0.2, 4.0]])
    weight = torch.nn.Parameter(start.clone())
    theirs = torch.optim.AdamW([weight], lr=lr, betas=(beta1, beta2), eps=eps, weight_decay=decay)
    w, m, v = start.clone(), torch.zeros(3), torch.zeros(3)
    for t, g in enumerate(gradients, start=1):
        weight.grad = g.clone()
        theirs.step()
        given = [x.clone() for x in (w, g, m, v)]
        found = answer(w, g, m, v, t, lr, beta1, beta2, eps, decay)
        if not isinstance(found, tuple | list) or len(found) != 3:
            return "three tensors are asked for: the new w, m and v"
        if not all(map(torch.equal, (w, g, m, v), given)):
            return "a tensor that was given has changed; make new ones instead of m *= …"
        if hint := moments_hint(found, given, beta1, beta2) or weight_hint(
            found, given, t, lr, beta1, beta2, eps, decay, weight.detach()
        ):
            return hint
        w, m, v = (part.detach() for part in found)
    return None


def moments_hint(found, given, beta1: float, beta2: float) -> str | None:
    """What is wrong with the running means."""
    _, m, v = found
    _, g, old_m, old_v = given
    if not near(m, beta1 * old_m + (1 - beta1) * g):
        return "m should be beta1 · m + (1 − beta1) · g" + (
            "; the two factors are exchanged" if near(m, (1 - beta1) * old_m + beta1 * g) else ""
        )
    if near(v, beta2 * old_v + (1 - beta2) * g):
        return "v is the mean of the *squares* of the gradient: g²"
    if near(v, beta1 * old_v + (1 - beta1) * g**2):
        return "v has a factor of its own, beta2"
    if not near(v, beta2 * old_v + (1 - beta2) * g**2):
        return "v should be beta2 · v + (1 − beta2) · g²; give back the means without the correction"
    return None


def weight_hint(found, given, t, lr, beta1, beta2, eps, decay, right: Tensor) -> str | None:
    """What is wrong with the new weight, when both means are right."""
    got, m, v = found
    w = given[0]
    mean, square = m / (1 - beta1**t), v / (1 - beta2**t)
    move = mean / (square.sqrt() + eps)
    symptoms = {
        "the means started at zero and are too small: divide by 1 − beta1ᵗ and 1 − beta2ᵗ": (
            w - lr * (m / (v.sqrt() + eps) + decay * w)
        ),
        "the decay is missing: lr · decay · w": w - lr * move,
        "the decay should be multiplied by the learning rate, too": w - lr * move - decay * w,
        "the step goes uphill: minus the learning rate times the mean": w + lr * move - lr * decay * w,
        "eps stands outside the root": w - lr * (mean / (square + eps).sqrt() + decay * w),
        "the root of v is missing": w - lr * (mean / (square + eps) + decay * w),
    }
    for hint, value in symptoms.items():
        if near(got, value) and not near(value, right):
            return hint
    if not near(got, right):
        return f"in step {t} the weights should become {shown(right.tolist())}, yours: {shown(got.tolist())}"
    return None


@check
def accumulated_loss(answer):
    """Exercise 3: the mean loss of all tokens, from the means of batches and their numbers of tokens."""
    losses, n_tokens = [torch.tensor(1.0), torch.tensor(4.0)], [6, 2]
    got = float(answer(losses, n_tokens))
    symptoms = {
        2.5: "every batch counts once here; every *token* should",
        14.0: "that is the sum over all tokens; divide by their number",
        7.0: "divide by the number of tokens, 8, not by the number of batches",
        3.25: "the weights are exchanged: the batch of 6 tokens has the loss 1",
        5.0: "that is the sum of the means; weigh each by its tokens, and divide by all",
    }
    if not math.isclose(got, 1.75, abs_tol=1e-6):
        return symptoms.get(
            round(got, 6), f"six tokens of 1 nat and two of 4 have the mean 1.75, yours: {got}"
        )
    if not math.isclose(float(answer([2.0, 3.0, 5.0], [1, 1, 2])), 3.75, abs_tol=1e-6):
        return "it is right for two batches, but there may be more"
    return None


@check
def share_alone(answer):
    """Exercise 4: the expected share of n hashed n-grams that have their row to themselves."""
    got, right = answer(3, 4), (3 / 4) ** 2
    symptoms = {
        (3 / 4) ** 3: "only the *others* can disturb: n − 1 of them, not n",
        1 - right: "this is the share of those that are *not* alone",
        3 / 4: "that is one other; each of the n − 1 others has to miss the row",
        1 - 2 / 4: "the chances of two others do not add up: both may land in the row; multiply their misses",
        (1 / 4) ** 2: "1/rows is the chance of landing in the row; alone means that all others *miss* it",
        1 - (1 / 4) ** 2: "one other in the row is enough; each of them has to miss it",
    }
    if not math.isclose(got, right, abs_tol=1e-9):
        hints = (hint for value, hint in symptoms.items() if math.isclose(got, value, abs_tol=1e-9))
        return next(hints, f"with 3 n-grams and 4 rows each is alone with (3/4)² = 0.5625, yours: {got}")
    if not math.isclose(answer(1, 10), 1.0):
        return "a single n-gram is always alone"
    if not math.isclose(answer(1, 1), 1.0) or answer(2, 1) != 0:
        return "with one row, one n-gram is alone and two never are"
    return None


@check
def honest_report(answer):
    """Exercise 5: {"tuning": {setting: loss}, "chosen": setting, "reported": loss on the judged text}."""
    missing = {"tuning", "chosen", "reported"} - set(answer)
    if missing:
        return f"the report lacks {sorted(missing)}"
    tuning, chosen, reported = answer["tuning"], answer["chosen"], float(answer["reported"])
    if len(tuning) < 3:
        return f"{len(tuning)} settings are too few to choose from; try at least three"
    if not all(0 < loss < math.inf for loss in (*tuning.values(), reported)):
        return "a loss is infinite or not positive; all are nats per character"
    if chosen not in tuning:
        return f"{chosen!r} is none of the settings that were tried: {', '.join(map(str, tuning))}"
    if tuning[chosen] > min(tuning.values()):
        return (
            f"{min(tuning, key=tuning.get)!r} has a lower loss on the tuning text; choose by that text alone"
        )
    if reported in tuning.values():
        return "that is a loss on the tuning text; measure the chosen model once more, on the judged text"
    if len(set(tuning.values())) < len(tuning):
        return "two settings have the same loss to the last digit: was each model trained with its own?"
    return None


def close(got: list[float], right: list[float]) -> bool:
    """Whether two lists of numbers agree up to rounding."""
    return all(abs(a - b) < 1e-6 for a, b in zip(got, right, strict=True))


def near(got: Tensor, right: Tensor) -> bool:
    """Whether two tensors have the same shape and, up to rounding, the same values."""
    return got.shape == right.shape and torch.allclose(got, right, atol=1e-5)


def shown(values: list[float]) -> str:
    """A few numbers for a hint."""
    return ", ".join(f"{value:.4g}" for value in values)
