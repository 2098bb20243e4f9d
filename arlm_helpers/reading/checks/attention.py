"""Checks of the exercises of notebook 05: attention, its masks and its heads."""

import math

import torch
from torch import Tensor

from arlm_helpers.reading.checks.core import check

REPORT = {"layer", "head", "sharpest", "whole", "without", "verdict"}


@check
def weights_by_hand(answer):
    """Exercise 1: the weights for the scores ln 2, ln 6, 100, 0 when the third key may not be looked at."""
    got, right = tuple(float(weight) for weight in answer), (2 / 9, 6 / 9, 0.0, 1 / 9)
    if len(got) != 4:
        return f"one weight per key is asked for, four in all; got {len(got)}"
    if close(got, right):
        return None
    if abs(got[2]) > 1e-3:
        return "the third key may not be looked at: its weight is 0, whatever its score"
    if close(got, (2 / 8, 6 / 8, 0, 0)):
        return "a score of 0 is not a weight of 0: e to the power of 0 is 1"
    if close(got, (2, 6, 0, 1)):
        return "these are the exponentials; divide them by their sum, so that the weights sum to 1"
    if abs(sum(got) - 1) > 1e-3:
        return f"the weights of a query sum to 1, yours to {sum(got):.4g}"
    return "exponentiate the three scores that count, 2, 6 and 1, and divide each by their sum"


@check
def padding_mask(answer):
    """Exercise 2: from lengths (batch) and n_key to a mask (batch, 1, key): True where a token is."""
    got = answer(torch.tensor([3, 1, 4]), 5)
    right = torch.tensor([[1, 1, 1, 0, 0], [1, 0, 0, 0, 0], [1, 1, 1, 1, 0]], dtype=torch.bool)
    if not isinstance(got, Tensor):
        return f"a tensor is asked for, got {type(got).__name__}"
    if got.shape == (3, 5):
        return "the axis of the queries is missing: (batch, 1, key), so that all queries share the mask"
    if got.shape != (3, 1, 5):
        return f"for three lengths and 5 keys the shape should be (3, 1, 5), got {tuple(got.shape)}"
    if got.dtype != torch.bool:
        return f"the mask should hold bools, got {got.dtype}; compare instead of multiplying"
    if torch.equal(got[:, 0], ~right):
        return "True means *may look*; yours is the opposite"
    if torch.equal(got[:, 0].sum(dim=-1), torch.tensor([4, 2, 5])):
        return "one key too many: of a row of length 3 the positions 0, 1 and 2 hold tokens"
    if not torch.equal(got[:, 0], right):
        return f"a row of length 3 may look at the positions 0, 1, 2; yours at {places(got[0, 0])}"
    whole = answer(torch.tensor([2]), 2)
    return None if whole.shape == (1, 1, 2) and whole.all() else "a row without padding may look everywhere"


@check
def masked_weights(answer):
    """Exercise 3: weights from scores and a mask, which sum to 1 over what may be looked at, without NaN."""
    scores = torch.tensor([[1.0, 2.0, 3.0], [2.0, 0.0, 1.0]])
    mask = torch.tensor([[True, True, False], [True, True, True]])
    got = answer(scores, mask)
    right = torch.stack([torch.cat([scores[0, :2].softmax(0), torch.zeros(1)]), scores[1].softmax(0)])
    if not isinstance(got, Tensor) or got.shape != scores.shape:
        return "the weights have the shape of the scores, (query, key)"
    if got.isnan().any():
        return "there are NaNs although every query may look somewhere; is −inf multiplied by 0?"
    if near(got, scores.softmax(-1)):
        return "the mask changes nothing yet"
    if near(got, scores.softmax(-1) * mask):
        return "this hides the weights after the softmax: the rest of the first row sums to 0.33, not to 1"
    if near(got, (scores * mask).softmax(-1)):
        return "a hidden score of 0 still gets a weight, e to the power of 0; it has to become −inf"
    if not near(got, right):
        return f"the first row should be 0.2689, 0.7311, 0; yours is {rounded(got[0])}"
    large = answer(scores + torch.tensor([0.0, 0.0, 200.0]), mask)
    if large.isnan().any() or not near(large[0], right[0]):
        return (
            "a hidden score of 203 spoils the others: subtracting or dividing afterwards comes too late, "
            "the score has to be −inf before the softmax"
        )
    blind = answer(scores, torch.zeros_like(mask))
    if blind.isnan().any():
        return "a query that may look at nothing gets NaN, 0/0; its weights should be 0"
    return None if not blind.any() else "a query that may look at nothing has weights of 0 throughout"


@check
def heads_apart(answer):
    """Exercise 4: from (batch, head, time, d_head) to (batch, time, d): all heads of a position together."""
    x = torch.arange(2 * 3 * 4 * 5.0).reshape(2, 3, 4, 5)
    got, right = answer(x), x.transpose(1, 2).reshape(2, 4, 15)
    if not isinstance(got, Tensor) or got.shape != (2, 4, 15):
        shape = tuple(got.shape) if isinstance(got, Tensor) else type(got).__name__
        return f"2 texts, 3 heads of 5 numbers and 4 positions make (2, 4, 15), got {shape}"
    if torch.equal(got, x.reshape(2, 4, 15)):
        return "the shape is right, the numbers are not: reshape alone mixes positions; swap the axes first"
    if torch.equal(got, x.permute(0, 2, 3, 1).reshape(2, 4, 15)):
        return "the numbers of the heads are interleaved; first all of head 0, then all of head 1"
    return None if torch.equal(got, right) else "position 0 should hold head 0's five numbers, then head 1's"


@check
def my_head(answer):
    """Exercise 5: {"layer", "head", "sharpest", "whole", "without", "verdict"}."""
    if missing := REPORT - set(answer):
        return f"the report lacks {sorted(missing)}"
    if not str(answer["layer"]).strip() or int(answer["head"]) < 0:
        return "name the layer, as in 'decoder.0.across', and the number of the head, from 0"
    if not 0 < float(answer["sharpest"]) <= 1:
        return f"sharpest is the mean of the largest weights, between 0 and 1; got {answer['sharpest']}"
    whole, without = float(answer["whole"]), float(answer["without"])
    if not all(0 <= loss < math.inf for loss in (whole, without)):
        return "both losses are nats per token: finite and not negative"
    if whole == without:
        return "both losses are equal to the last digit: was the head really off while the model read?"
    choices = ("needed", "not needed")
    if answer["verdict"] not in choices:
        return f"verdict should be one of {', '.join(map(repr, choices))}, got {answer['verdict']!r}"
    if answer["verdict"] == "needed" and without < 2 * whole:
        return (
            f"the loss only went from {whole:.4f} to {without:.4f}; that is little for a head that is needed"
        )
    if answer["verdict"] == "not needed" and without > 10 * whole:
        return f"the loss went from {whole:.4f} to {without:.4f}, more than ten times as much"
    return None


def close(got: tuple[float, ...], right: tuple[float, ...]) -> bool:
    """Whether numbers agree to three digits after the point."""
    return all(abs(g - r) < 1e-3 for g, r in zip(got, right, strict=True))


def near(got: Tensor, expected: Tensor) -> bool:
    """Whether two tensors have the same shape and, up to rounding, the same values."""
    return got.shape == expected.shape and torch.allclose(got, expected, atol=1e-5)


def places(mask: Tensor) -> list[int]:
    """Where a mask is True."""
    return mask.nonzero().flatten().tolist()


def rounded(x: Tensor) -> list[float]:
    """Numbers for a hint."""
    return [round(value, 4) for value in x.tolist()]
