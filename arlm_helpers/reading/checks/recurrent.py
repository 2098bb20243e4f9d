"""Checks of the exercises of notebook 04: recurrent models."""

import math

import torch
from torch import Tensor, nn

from arlm_helpers.reading.checks.core import check


@check
def lstm_parameters(answer):
    """Exercise 1: numbers in an LSTM language model, from vocabulary size, width and number of layers."""
    vocab, d = 10, 4
    got, right = answer(vocab, d, 1), 2 * vocab * d + vocab + 8 * d * d + 8 * d
    symptoms = {
        right - 6 * d * d - 6 * d: "one gate was counted; each of the four has its own W, U and biases",
        right
        - 6 * d * d: "the matrices of one gate were counted; each of the four gates has its own W and U",
        right - 4 * d: "each gate has two biases here, one beside W and one beside U, as in PyTorch",
        right
        - 8 * d: "the biases of the gates are missing: two for each of the 4 gates, of d_model numbers each",
        right - 4 * d * d: "W and U are two matrices: one for the input, one for the old hidden state",
        right - vocab: "the head has a bias too, one number for each token",
        right
        - vocab * d: "embedding and head are two tables of vocab_size × d_model numbers; one is missing",
        right - vocab * d - vocab: "the head is missing: d_model × vocab_size numbers and a bias",
    }
    if got != right:
        return symptoms.get(got, f"for 10 tokens and width 4 there are {right} numbers, yours gives {got}")
    if answer(vocab, d, 3) != right + 2 * (8 * d * d + 8 * d):
        return "with more layers each has a cell of its own; embedding and head are there once"
    return None if answer(69, 256, 1) == 561_733 else "the model of section 12 has 561,733 numbers"


@check
def clipped_gradients(answer):
    """Exercise 2: gradients scaled down together, so that their total norm is at most the limit."""
    gradients = [torch.tensor([3.0, 0.0]), torch.tensor([[4.0]])]  # total norm 5
    before = [gradient.clone() for gradient in gradients]
    got = list(answer(gradients, 1.0))
    if not all(map(torch.equal, gradients, before)):
        return "the gradients that were given have changed; make new ones: gradient * factor"
    if same(got, [[1.0, 0.0], [[1.0]]]):
        return "each tensor was clipped by itself; take one norm, over all of them together"
    if same(got, [[0.6 / 5, 0.0], [[0.8 / 5]]]):
        return "the norm is the root of the sum of squares, 5 here; yours divides by 25"
    if same(got, [[3 / 7, 0.0], [[4 / 7]]]):
        return "7 is the sum of the norms; the norm of all together is √(3² + 4²) = 5"
    if same(got, before):
        return "nothing was scaled, but the total norm is 5 and the limit 1"
    if not same(got, [[0.6, 0.0], [[0.8]]]):
        return f"√(3² + 4²) = 5, so all become a fifth: 0.6, 0 and 0.8; yours: {values(got)}"
    if not same(list(answer(gradients, 10.0)), before):
        return "a norm of 5 is below the limit of 10: then nothing changes, gradients are never scaled up"
    none = [torch.zeros(2)]
    if not same(list(answer(none, 1.0)), none):
        return "gradients of zero should stay zero; do you divide by a norm of 0?"
    return None


@check
def bracket_gates(answer):
    """Exercise 3: a function from a character to (i, f, g), so that c is 1 inside brackets and 0 outside."""
    for character in "a( )":
        i, f, g = answer(character)
        if not (0 <= i <= 1 and 0 <= f <= 1 and -1 <= g <= 1):
            return f"for {character!r}: i and f lie between 0 and 1, g between -1 and 1; got {i}, {f}, {g}"
    tries = [
        ("ab(", 1, "after an opening bracket c should be 1: let something in, i · g = 1"),
        ("a", 0, "before any bracket c should stay 0: other characters let nothing in, i = 0"),
        ("a(b", 1, "one character after the bracket c should still be 1: keep it, f = 1"),
        (
            "a(" + 300 * "b",
            1,
            "after 300 characters inside c should still be 1; 0.9³⁰⁰ is nothing, f must be 1",
        ),
        ("a(b)", 0, "after the closing bracket c should be 0: forget, f = 0"),
        ("a(b)" + 50 * "c", 0, "long after the closing bracket c should be 0"),
        ("(a)(b", 1, "the second pair of brackets should work like the first"),
        ("(((a", 1, "with '(((' c should be 1, not 3: forget the old value when a new one comes in"),
        (")a", 0, "a ')' without '(' should change nothing: forget (f = 0) instead of subtracting"),
    ]
    for text, expected, hint in tries:
        c = 0.0
        for character in text:
            i, f, g = answer(character)
            c = f * c + i * g
        if abs(c - expected) > 0.01:
            return f"{hint} (here c = {c:.3g})"
    return None


@check
def rows_apart(answer):
    """Exercise 4: hidden states (batch, time, d_hidden) from an nn.LSTM that expects time first."""
    with torch.random.fork_rng():  # the reader's random state stays as it is
        torch.manual_seed(0)
        x, theirs, right = torch.randn(2, 5, 3), nn.LSTM(3, 4), nn.LSTM(3, 4, batch_first=True)
    right.load_state_dict(theirs.state_dict())
    with torch.no_grad():
        got, expected, mixed = answer(theirs, x), right(x)[0], theirs(x)[0]
        if not isinstance(got, Tensor):
            return "give the hidden states alone: the LSTM returns a pair, (hidden states, last state)"
        if near(got, mixed):
            return "row 1 still reads on from row 0: the LSTM takes the first axis for time; swap the axes"
        if near(got, expected.transpose(0, 1)):
            return f"swap the axes back: (batch, time, d_hidden) is (2, 5, 4), got {tuple(got.shape)}"
        if got.shape == expected.shape and near(got, theirs(x.reshape(5, 2, 3))[0].reshape(2, 5, 4)):
            return "reshape keeps the order of the numbers and so mixes the rows; transpose(0, 1) swaps axes"
        if got.shape != expected.shape:
            return f"the shape should be (batch, time, d_hidden) = (2, 5, 4), got {tuple(got.shape)}"
        if near(got, right(x.flip(1))[0].flip(1)):
            return "the text is read backwards"
        return None if near(got, expected) else "an LSTM that reads each row by itself gives other numbers"


@check
def my_cell(answer):
    """Exercise 5: {"property", "cell", "score", "chance", "confirmed"}: correlations without sign."""
    missing = {"property", "cell", "score", "chance", "confirmed"} - set(answer)
    if missing:
        return f"the report lacks {sorted(missing)}"
    numbers = {name: float(answer[name]) for name in ("score", "chance", "confirmed")}
    for name, value in numbers.items():
        if not (math.isfinite(value) and 0 <= abs(value) <= 1):
            return f"{name} is {value:.4g}; a correlation lies between -1 and 1"
    score, chance, confirmed = (abs(value) for value in numbers.values())
    if not str(answer["property"]).strip():
        return "say in words what the cell is to follow"
    if chance < 0.001:
        return "chance is 0: it should be the best of all cells on shuffled text, which is never quite 0"
    if score <= chance:
        return f"{score:.2f} is no more than the best cell has by chance, {chance:.2f}: try another property"
    if numbers["confirmed"] == numbers["score"]:
        return "score and confirmation are equal to the last digit: measure the same cell on *another* text"
    if confirmed <= chance:
        return f"only {confirmed:.2f} is left on the second text, no more than chance: a lucky find"
    if numbers["confirmed"] * numbers["score"] < 0:
        return "the sign has changed between the texts: the cell does not follow the property"
    return None


def same(got: list[Tensor], expected: list) -> bool:
    """Whether tensors have the given values."""
    wanted = [torch.as_tensor(value) for value in expected]
    return len(got) == len(wanted) and all(map(near, got, wanted))


def near(got: Tensor, expected: Tensor) -> bool:
    """Whether two tensors have the same shape and, up to rounding, the same values."""
    return got.shape == expected.shape and torch.allclose(got, expected, atol=1e-5)


def values(tensors: list[Tensor]) -> list:
    """The numbers of some tensors, for a hint."""
    return [[round(value, 3) for value in tensor.flatten().tolist()] for tensor in tensors]
