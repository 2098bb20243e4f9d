"""Attention written out, against arithmetic by hand and the library's two implementations."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from arlm_helpers.models.attention import (
    AdditiveAttention,
    DotProductAttention,
    MultiHeadAttention,
    attention_weights,
    causal_mask,
    check_heads,
    join_heads,
    masked_softmax,
    scaled_dot_product,
    split_heads,
)

each_way = pytest.mark.parametrize("fast", [True, False], ids=["fast", "by-hand"])
exactly = {"rtol": 1e-10, "atol": 1e-10}


def randn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def heads(n_query=5, n_key=7):
    """Queries, keys and values of two texts and three heads, ready to receive gradients."""
    sizes = [n_query, n_key, n_key]
    return [randn(2, 3, n, 4, seed=i).requires_grad_() for i, n in enumerate(sizes)]


MASKS = {
    "none": None,
    "causal": causal_mask(5, 7),
    "padded": torch.tensor([[True] * 7, [True] * 3 + [False] * 4])[:, None, None],
    "blind": torch.arange(5)[:, None].expand(5, 7) > 1,  # two queries may look at nothing
}


@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
def test_result_and_gradients_are_those_of_the_library(mask):
    ours, theirs = heads(), heads()
    result = scaled_dot_product(*ours, mask)
    expected = functional.scaled_dot_product_attention(*theirs, mask)
    torch.testing.assert_close(result, expected, **exactly)
    result.square().sum().backward()
    expected.square().sum().backward()
    for our, their in zip(ours, theirs, strict=True):
        torch.testing.assert_close(our.grad, their.grad, **exactly)


def test_weights_of_two_keys_by_hand():
    queries, keys = torch.tensor([[2.0, 0.0]]), torch.tensor([[math.sqrt(2) * math.log(3), 9.0], [0.0, 5.0]])
    # products 2√2 ln 3 and 0, over √2: scores 2 ln 3 and 0, weights 9 : 1
    torch.testing.assert_close(attention_weights(queries, keys), torch.tensor([[0.9, 0.1]]))
    plain = attention_weights(queries, keys / math.sqrt(2), scale=1.0)
    torch.testing.assert_close(plain, torch.tensor([[0.9, 0.1]]))


def test_scaling_gives_scores_of_independent_vectors_variance_one():
    queries, keys = randn(300, 64), randn(300, 64, seed=1)
    log_weights = attention_weights(queries, keys).log()
    scores = log_weights - log_weights.mean(dim=-1, keepdim=True)
    assert abs(scores.var() - 1) < 0.1  # 90,000 scores; unscaled the variance is 64


def test_a_query_that_may_look_at_nothing_takes_home_nothing():
    mask = torch.tensor([[True, False, True], [False, False, False]])
    weights = masked_softmax(torch.zeros(2, 3), mask)
    assert weights.tolist() == [[0.5, 0, 0.5], [0, 0, 0]]


def test_the_order_of_keys_does_not_matter():
    queries, keys, values = heads()
    order = torch.randperm(7, generator=torch.Generator().manual_seed(0))
    shuffled = scaled_dot_product(queries, keys[:, :, order], values[:, :, order])
    torch.testing.assert_close(shuffled, scaled_dot_product(queries, keys, values), **exactly)


def test_additive_weights_are_v_tanh_of_wq_plus_uk():
    attention = AdditiveAttention(4, 6, 5, rng=torch.Generator().manual_seed(0)).double()
    queries, keys = randn(2, 3, 4), randn(2, 7, 6, seed=1)
    mask = torch.tensor([[True] * 7, [True] * 2 + [False] * 5])[:, None]
    v, w, u = attention.score.weight[0], attention.query.weight, attention.key.weight
    for text in range(2):
        n_keys = int(mask[text].sum())
        for i in range(3):
            scores = [v @ torch.tanh(w @ queries[text, i] + u @ keys[text, j]) for j in range(n_keys)]
            weights = attention(queries, keys, mask)[text, i]
            torch.testing.assert_close(weights[:n_keys], torch.stack(scores).softmax(dim=0), **exactly)
            assert weights[n_keys:].eq(0).all()


def test_the_queries_of_a_causal_mask_are_the_last_tokens():
    assert causal_mask(2, 4).int().tolist() == [[1, 1, 1, 0], [1, 1, 1, 1]]
    assert torch.equal(causal_mask(3, 3), torch.ones(3, 3).tril().bool())


@each_way
@pytest.mark.parametrize("n_query", [1, 3, 7])
def test_the_mask_named_causal_is_the_causal_mask(fast, n_query):
    queries, keys, values = heads(n_query)
    look = DotProductAttention(fast=fast, scale=0.3)
    expected = scaled_dot_product(queries, keys, values, causal_mask(n_query, 7), scale=0.3)
    torch.testing.assert_close(look(queries, keys, values, "causal"), expected, **exactly)


@each_way
def test_dropout_drops_weights_while_training_only(fast):
    queries, keys, _ = heads()
    look = DotProductAttention(fast=fast, dropout=0.5)
    values = torch.eye(7, dtype=torch.float64).expand(2, 3, 7, 7)[..., :4]  # takes home four of the weights
    weights = attention_weights(queries, keys)[..., :4]
    torch.testing.assert_close(look.eval()(queries, keys, values), weights)
    torch.manual_seed(0)
    dropped = look.train()(queries, keys, values)
    kept = dropped != 0
    assert 0.3 < kept.double().mean() < 0.7  # of 120; one in a million runs is outside
    torch.testing.assert_close(dropped[kept], 2 * weights[kept])


def test_heads_are_neighbouring_pieces_of_a_vector():
    x = torch.arange(12.0).view(1, 2, 6)
    assert split_heads(x, 2).tolist() == [[[[0, 1], [6, 7]], [[2, 3], [8, 9]], [[4, 5], [10, 11]]]]
    assert torch.equal(join_heads(split_heads(x, 2)), x)


def library_module(ours, bias):
    """``nn.MultiheadAttention`` with our weights."""
    theirs = nn.MultiheadAttention(12, 3, bias=bias, batch_first=True).double()
    state = {f"in_proj_{kind}": stacked(ours, kind) for kind in ("weight", "bias")[: 1 + bias]}
    output = {f"out_proj.{kind}": tensor for kind, tensor in ours.output.state_dict().items()}
    theirs.load_state_dict(state | output)
    return theirs


def stacked(module, kind, gradient=False):
    """Weights or biases of query, key and value below one another, or their gradients."""
    parameters = [getattr(getattr(module, part), kind) for part in ("query", "key", "value")]
    return torch.cat([parameter.grad if gradient else parameter for parameter in parameters])


@each_way
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("case", ["self", "cross", "causal", "padded"])
def test_all_heads_and_every_gradient_are_those_of_the_librarys_module(case, bias, fast):
    ours = MultiHeadAttention(12, 3, bias=bias, fast=fast, rng=torch.Generator().manual_seed(0)).double()
    for parameter in ours.parameters():  # biases are zero at first and would hide a mistake
        nn.init.normal_(parameter, generator=torch.Generator().manual_seed(parameter.ndim))
    theirs, x = library_module(ours, bias), randn(2, 5, 12)
    memory = randn(2, 7, 12, seed=1) if case in ("cross", "padded") else None
    n_key = 5 if memory is None else 7
    mask, hidden = None, {}  # the library's masks say what is hidden
    if case == "causal":
        mask, hidden = "causal", {"attn_mask": ~causal_mask(5, 5)}
    if case == "padded":
        real = torch.arange(n_key) < torch.tensor([[7], [3]])
        mask, hidden = real[:, None, None], {"key_padding_mask": ~real}
    result = ours(x, memory, mask)
    source = x if memory is None else memory
    expected = theirs(x, source, source, need_weights=False, **hidden)[0]
    torch.testing.assert_close(result, expected, **exactly)
    result.square().sum().backward()
    expected.square().sum().backward()
    for kind in ("weight", "bias")[: 1 + bias]:
        their_grad = getattr(theirs, f"in_proj_{kind}").grad
        torch.testing.assert_close(stacked(ours, kind, gradient=True), their_grad, **exactly)
        their_grad = getattr(theirs.out_proj, kind).grad
        torch.testing.assert_close(getattr(ours.output, kind).grad, their_grad, **exactly)


def test_looking_with_kept_keys_and_values_is_looking_at_the_memory():
    attention = MultiHeadAttention(12, 3, rng=torch.Generator().manual_seed(0)).double()
    x, memory = randn(2, 5, 12), randn(2, 7, 12, seed=1)
    kept = attention.keys_and_values(memory)
    torch.testing.assert_close(attention.look(x, *kept), attention(x, memory), **exactly)


@pytest.mark.parametrize(
    "sizes, hint", [((16, 3), "nearest that fits is 15"), ((2, 3), "is 3"), ((16, 0), "1")]
)
def test_heads_that_do_not_divide_are_refused_with_a_way_out(sizes, hint):
    with pytest.raises(ValueError, match=hint):
        check_heads(*sizes)
    with pytest.raises(ValueError, match=hint):
        MultiHeadAttention(*sizes)
