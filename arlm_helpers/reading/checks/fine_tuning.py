"""Checks of the exercises of notebook 14: low-rank adapters and what fine-tuning costs."""

import torch

from arlm_helpers.reading.checks.core import check


@check
def adapter_size(answer):
    """Exercise 1: numbers in an adapter of rank r beside each layer of a list of (d_in, d_out)."""
    got = answer([(576, 1536)], 4)
    symptoms = {
        576 * 1536: "that is the layer itself; the adapter has A of r rows and B of r columns",
        4 * 576 * 1536: "A and B are no stack of layers: A has r × d_in numbers, B d_out × r",
        4 * 576: "that is A alone; B has d_out × r numbers",
        4 * 1536: "that is B alone; A has r × d_in numbers",
        576 + 1536: "each of the r directions needs a row of A and a column of B",
    }
    if got != 8448:
        return symptoms.get(
            got, f"beside a layer from 576 to 1536 rank 4 has 4·576 + 1536·4 = 8,448, not {got}"
        )
    if answer([(2, 3), (5, 7), (4, 4)], 2) != 50:
        return "it is right for one layer; sum over all of the list"
    if answer([], 3) != 0:
        return "without layers there are no numbers: 0"
    return None


@check
def target_marks(answer):
    """Exercise 2: which targets count, for turns of (role, number of tokens)."""
    turns = [("user", 3), ("assistant", 2), ("user", 1), ("assistant", 1)]
    got = [bool(mark) for mark in answer(turns)]
    right = [False, False, True, True, False, True]
    tokens = [False, False, False, True, True, False, True]
    if got == tokens:
        return "these are the marks of the tokens; the targets begin with the second token, so one mark less"
    if got == tokens[:-1]:
        return "these are marks of the inputs: the target of an input is the token behind it"
    if got == [not mark for mark in right]:
        return "the other way round: what the assistant says counts"
    if len(got) != len(right):
        return f"7 tokens have 6 targets, you give {len(got)} marks"
    if got != right:
        return f"for 3, 2, 1, 1 tokens of user and assistant in turn: {right}, yours {got}"
    if [bool(mark) for mark in answer([("assistant", 1), ("system", 2)])] != [False, False]:
        return "the system's words are given, too: only the role assistant counts"
    return None


@check
def best_low_rank(answer):
    """Exercise 3: the B and A of rank r whose product is nearest to an update."""
    update = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    given = update.clone()
    b, a = answer(update, 2)
    if not torch.equal(update, given):
        return "the update that was given has changed; work on new tensors"
    if tuple(b.shape) == (2, 4) and tuple(a.shape) == (6, 2):
        return "B comes first: it has d_out rows and r columns; A has r rows"
    if tuple(b.shape) != (6, 2) or tuple(a.shape) != (2, 4):
        shapes = f"{tuple(b.shape)} and {tuple(a.shape)}"
        return f"for an update of 6 by 4 and r = 2, B is 6 by 2 and A is 2 by 4, yours {shapes}"
    u, s, v = torch.linalg.svd(update, full_matrices=False)
    error, least = (update - b @ a).norm(), s[2:].norm()
    if torch.allclose(b @ a, u[:, :2] @ v[:2], atol=1e-4):
        return "the singular values are missing: they say how strong each direction is"
    if torch.allclose(b @ a, (u[:, -2:] * s[-2:]) @ v[-2:], atol=1e-4):
        return "these are the weakest directions; the strongest come first"
    if error > least * 1.001:
        return f"the nearest product misses by {least:.3f}, yours by {error:.3f}; keep the first r of the SVD"
    whole = answer(update, 4)
    if not torch.allclose(whole[0] @ whole[1], update, atol=1e-4):
        return "with r = 4, the full rank, the product should be the update itself"
    return None


@check
def chosen_strength(answer):
    """Exercise 4: the best strength whose cost stays within a limit."""
    strengths = [0.0, 0.5, 1.0, 1.5]
    wanted, others = [40.0, 33.0, 30.0, 29.0], [20.0, 20.3, 20.5, 23.0]
    got = answer(strengths, wanted, others, 0.03)
    if got == 1.5:
        return "at 1.5 other prose is 15 % more surprising: beyond the limit of 3 %"
    if got == 30.0 or got == 2:
        return "the strength itself is asked for"
    if got == 0.0:
        return "0 costs nothing and brings nothing; of those within the limit take the lowest perplexity"
    if got == 0.5:
        return "0.5 is within the limit, but 1.0 is too (2.5 %), and better"
    if got != 1.0:
        return f"for these perplexities and a limit of 3 % it is 1.0, yours {got}"
    if answer(strengths, [40.0, 33.0, 35.0, 36.0], others, 0.5) != 0.5:
        return "the strongest is not always the best: compare the perplexities of what is wanted"
    if answer(strengths, wanted, others, 0.001) != 0.0:
        return "where everything costs too much, strength 0 is left"
    if answer([1.0, 0.0, 0.5], [30.0, 40.0, 33.0], [20.5, 20.0, 20.3], 0.03) != 1.0:
        return "strength 0 need not come first: look it up"
    return None
