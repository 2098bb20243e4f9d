"""Checks of the exercises of notebook 06: the parts of a GPT."""

import math

import torch
from torch import Tensor
from torch.nn import functional

from arlm_helpers.reading.checks.core import check


@check
def gpt2_parameters(answer):
    """Exercise 1: numbers in a model like GPT-2, from its vocabulary, context, number of blocks and width."""
    vocab, context, n, d = 10, 5, 3, 6
    got, right = answer(vocab, context, n, d), 15 * 6 + 3 * (12 * 36 + 13 * 6) + 2 * 6
    symptoms = {
        right + vocab * d: "head and embedding are tied: one table, which counts once",
        right - context * d: "the learned positions are missing: context_length × d_model",
        right - 2 * d: "the last norm, before the head, has a gain and a bias too: 2 × d_model",
        right - n * 4 * d: "each block has two norms, with a gain and a bias each: 4 × d_model",
        right - n * 2 * d: "a norm has a gain and a bias; each block has two norms, so 4 × d_model",
        right - n * 9 * d: "the biases are missing: 4 d in the attention, 5 d in the feed-forward layer",
        right - n * d: "the feed-forward layer has 4 d biases inside and d at its end",
        right - n * 4 * d * d: "4 d² per block are missing: query, key, value *and* output, a matrix each",
        right - n * d * d: "the output matrix of the attention is missing: d × d per block",
        right - n * 8 * d * d: "the feed-forward layer has two matrices, d × 4d and 4d × d: 8 d² per block",
        right - (n - 1) * (12 * d * d + 13 * d): "only one block was counted; there are n_layers of them",
    }
    if got != right:
        return symptoms.get(
            got, f"10 tokens, context 5, 3 blocks of width 6 make {right} numbers, yours gives {got}"
        )
    return None if answer(50_257, 1_024, 12, 768) == 124_439_808 else "GPT-2 small has 124,439,808 numbers"


@check
def rms_norm(answer):
    """Exercise 2: x / root of the mean square of each vector, times the gain."""
    x = torch.tensor([[[3.0, -4.0, 0.0, 5.0], [1.0, 2.0, 3.0, 4.0]]])
    gain, ones, before = torch.tensor([1.0, 2.0, 0.5, 3.0]), torch.ones(4), x.clone()
    got = answer(x, ones, 1e-6)
    if not torch.equal(x, before):
        return "the numbers that were given have changed; make new ones instead of x /= …"
    if near(got, functional.layer_norm(x, (4,), eps=1e-6)):
        return "this is LayerNorm: RMSNorm does not subtract the mean"
    if near(got, x / x.norm(dim=-1, keepdim=True)):
        return (
            "every vector has length 1 now; divide by the root of the *mean* of the squares, not of their sum"
        )
    if near(got, x / x.square().mean(dim=-1, keepdim=True)):
        return "the root is missing: divide by √(mean of the squares)"
    if near(got, x / x.square().mean().sqrt()):
        return "one mean was taken over all vectors; each has its own, dim=-1 and keepdim=True"
    if near(got, x / x.abs().mean(dim=-1, keepdim=True)):
        return "this is the mean of the absolute values; take the mean of the squares and then the root"
    if not near(got, functional.rms_norm(x, (4,), eps=1e-6)):
        return f"3, −4, 0, 5 have the mean square 12.5, so 3 becomes 3/√12.5 = 0.8485; yours: {rounded(got)}"
    if near(answer(x, gain, 1e-6), got):
        return "the gain is missing: multiply each of the d numbers by its own"
    if not near(answer(x, gain, 1e-6), functional.rms_norm(x, (4,), gain, eps=1e-6)):
        return "with a gain of 1, 2, 0.5, 3 the second number should double and the fourth triple"
    zeros = torch.zeros(1, 4)
    if not near(answer(zeros, ones, 1e-6), zeros):
        return "a vector of zeros should stay zero: eps keeps the division from being 0/0"
    if not near(answer(x, ones, 12.5), functional.rms_norm(x, (4,), eps=12.5)):
        return "eps belongs inside the root: √(mean of the squares + eps)"
    return None


@check
def window_mask(answer):
    """Exercise 3: a causal mask in which a query sees itself and the window - 1 tokens before it."""
    got, right = answer(5, 5, 3), windowed(5, 5, 3)
    if not isinstance(got, Tensor) or got.shape != (5, 5):
        return f"for 5 queries and 5 keys a tensor of shape (5, 5) is asked for, got {shape_of(got)}"
    if got.dtype != torch.bool:
        return f"the mask should hold bools, got {got.dtype}; compare instead of multiplying"
    if torch.equal(got, ~right):
        return "True means *may look*; yours is the opposite"
    if torch.equal(got, torch.ones(5, 5, dtype=torch.bool).tril()):
        return "this is the causal mask; tokens `window` or more places back should be False"
    if (got & ~torch.ones(5, 5, dtype=torch.bool).tril()).any():
        return "a query may look into the future: the distance query − key must be at least 0"
    if torch.equal(got, windowed(5, 5, 4)):
        return "one place too far: a window of 3 is the token itself and *two* before it"
    if torch.equal(got, windowed(5, 5, 2)):
        return "one place too few: a window of 3 is the token itself and two before it"
    if not torch.equal(got, right):
        return f"the last of 5 queries with window 3 should see keys 2, 3, 4; yours sees {seen(got)}"
    late = answer(1, 5, 3)
    if late.shape == (1, 5) and torch.equal(late, windowed(5, 5, 3)[:1]):
        return "a single query with 5 keys is the *last* token: it stands at position 4, not 0"
    if late.shape != (1, 5) or not torch.equal(late, windowed(1, 5, 3)):
        return f"a single query with 5 keys and window 3 should see keys 2, 3, 4; yours sees {seen(late)}"
    if not torch.equal(answer(2, 6, 1), windowed(2, 6, 1)):
        return "with a window of 1 each query should see itself only"
    wide = answer(3, 4, 100)
    return (
        None if torch.equal(wide, windowed(3, 4, 100)) else "a window wider than the text is the causal mask"
    )


@check
def cached_look(answer):
    """Exercise 4: causal attention whose queries are the last tokens of the text."""
    rng = torch.Generator().manual_seed(0)
    queries, keys, values = torch.randn(3, 2, 2, 6, 4, generator=rng).unbind()
    whole = functional.scaled_dot_product_attention(queries, keys, values, is_causal=True)
    for n_query in (1, 3, 6):
        late = queries[:, :, -n_query:]
        got = answer(late, keys, values)
        if not isinstance(got, Tensor) or got.shape != late.shape:
            return f"the shape should be that of the queries, {tuple(late.shape)}, got {shape_of(got)}"
        if near(got, whole[:, :, -n_query:]):
            continue
        if near(got, functional.scaled_dot_product_attention(late, keys, values, is_causal=True)):
            return (
                f"{n_query} queries with 6 keys still see only the first keys: the first query stands at "
                f"position {6 - n_query}, not at 0"
            )
        if near(got, functional.scaled_dot_product_attention(late, keys, values)):
            return f"{n_query} queries all see every key: each may see no more than those up to its own place"
        inverse = ~torch.ones(n_query, 6, dtype=torch.bool).tril(diagonal=6 - n_query)
        if n_query > 1 and near(
            got, functional.scaled_dot_product_attention(late, keys, values, attn_mask=inverse)
        ):
            return "the mask is the wrong way round: in this function True means *may look*"
        return f"with {n_query} queries and 6 keys the last rows of a whole reading should come out"
    return None


@check
def my_ablation(answer):
    """Exercise 5: {"change", "expected", "complete", "changed", "chance", "verdict"}."""
    missing = {"change", "expected", "complete", "changed", "chance", "verdict"} - set(answer)
    if missing:
        return f"the report lacks {sorted(missing)}"
    choices = ("better", "worse", "no difference")
    for name in ("expected", "verdict"):
        if answer[name] not in choices:
            return f"{name} should be one of {', '.join(map(repr, choices))}, got {answer[name]!r}"
    if not str(answer["change"]).strip():
        return "say in words what was changed"
    complete, changed, chance = (float(answer[name]) for name in ("complete", "changed", "chance"))
    if not all(0 < value < math.inf for value in (complete, changed)):
        return "a loss is infinite or not positive; both are nats per character on the held-out text"
    if not 0 < chance < math.inf:
        return "chance is the absolute difference of two trainings with another order; it is never quite 0"
    difference = changed - complete
    if difference == 0:
        return "both losses are equal to the last digit: was the changed model trained, and judged?"
    said = answer["verdict"]
    if said != "no difference" and abs(difference) <= chance:
        return f"{abs(difference):.3f} is no more than the {chance:.3f} by which two equal trainings differ"
    if said == "no difference" and abs(difference) > 4 * chance:
        return f"a difference of {abs(difference):.3f} is many times that of chance, {chance:.3f}"
    if said != "no difference" and (said == "better") != (difference < 0):
        return f"the loss went from {complete:.3f} to {changed:.3f}, and a lower loss is better"
    return None


def windowed(n_query: int, n_key: int, window: int) -> Tensor:
    """The mask that exercise 3 asks for."""
    everything = torch.ones(n_query, n_key, dtype=torch.bool)
    return everything.tril(n_key - n_query) & everything.triu(n_key - n_query - window + 1)


def near(got: Tensor, expected: Tensor) -> bool:
    """Whether two tensors have the same shape and, up to rounding, the same values."""
    return got.shape == expected.shape and torch.allclose(got, expected, atol=1e-5)


def seen(mask: Tensor) -> list[int]:
    """The keys that the last query may look at."""
    return mask[-1].nonzero().flatten().tolist()


def rounded(x: Tensor) -> list:
    """The first vector, for a hint."""
    return [round(value, 4) for value in x.reshape(-1, x.shape[-1])[0].tolist()]


def shape_of(value: object) -> str:
    """The shape of a tensor, or what kind of thing it is."""
    return str(tuple(value.shape)) if isinstance(value, Tensor) else type(value).__name__
