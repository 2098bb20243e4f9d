"""Filters of the next token: exact tables, properties, and what they refuse."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from arlm_helpers.decoding.logits import MinP, Temperature, TopK, TopP, TypicalP

IDS = torch.zeros(1, 1, dtype=torch.long)
flat_logits = st.lists(st.integers(-12, 12).map(lambda quarter: quarter / 4), min_size=1, max_size=10)


def kept(processor, probs):
    """Positions of the tokens that survive."""
    logits = processor(IDS, torch.tensor([probs], dtype=torch.float64).log())
    return logits[0].isfinite().nonzero().flatten().tolist()


@pytest.mark.parametrize(
    "p, expected", [(0.5, [0]), (0.50001, [0, 1]), (0.75, [0, 1]), (0.875, [0, 1, 2]), (1.0, [0, 1, 2, 3])]
)
def test_top_p_keeps_the_token_that_crosses_p_and_none_after_it(p, expected):
    assert kept(TopP(p), [0.5, 0.25, 0.125, 0.125]) == expected


def test_top_p_of_equal_probabilities_keeps_the_lower_ids():
    assert kept(TopP(0.5), [0.25] * 4) == [0, 1]


@pytest.mark.parametrize("k, expected", [(1, [1]), (2, [1, 3]), (3, [1, 2, 3]), (99, [0, 1, 2, 3])])
def test_top_k_keeps_exactly_k(k, expected):
    assert kept(TopK(k), [0.1, 0.4, 0.2, 0.3]) == expected


def test_top_k_of_equal_probabilities_keeps_the_lower_ids():
    assert kept(TopK(2), [0.25] * 4) == [0, 1]


def test_the_order_of_temperature_and_top_p_matters():
    logits = torch.tensor([[3.0, 2.0, 1.0]])
    first = TopP(0.8)(IDS, Temperature(0.5)(IDS, logits)).isfinite().sum()
    last = Temperature(0.5)(IDS, TopP(0.8)(IDS, logits)).isfinite().sum()
    assert (first.item(), last.item()) == (1, 2)


@given(flat_logits, st.floats(0.01, 1.0))
def test_top_p_keeps_the_smallest_set_that_reaches_p(values, p):
    logits = torch.tensor([values], dtype=torch.float64)
    probs = logits.softmax(-1)[0]
    chosen = TopP(p)(IDS, logits)[0].isfinite()
    assert probs[chosen].sum() >= p - 1e-12
    assert probs[chosen].sum() - probs[chosen].min() < p + 1e-12
    assert chosen.all() or probs[chosen].min() >= probs[~chosen].max()


@given(flat_logits, st.floats(1e-300, 1e300))
def test_temperature_keeps_ranks_and_never_makes_nan(values, t):
    logits = torch.tensor([[*values, -torch.inf]])
    scaled = Temperature(t)(IDS, logits)
    assert not scaled.softmax(-1).isnan().any() and scaled[0, -1] == -torch.inf
    ranked = scaled[0, logits[0].sort(descending=True, stable=True).indices]
    assert (ranked[1:] <= ranked[:-1]).all()


def test_limits_of_temperature():
    logits = torch.tensor([[1.0, 3.0, 3.0, -torch.inf]])
    half = torch.tensor([[0, 0.5, 0.5, 0]])
    torch.testing.assert_close(Temperature(1e-300)(IDS, logits).softmax(-1), half)
    third = torch.tensor([[1 / 3, 1 / 3, 1 / 3, 0]])
    torch.testing.assert_close(Temperature(float("inf"))(IDS, logits).softmax(-1), third)


@given(flat_logits, st.floats(0.01, 1.0))
def test_min_p_keeps_what_is_likely_enough_beside_the_likeliest(values, p):
    probs = torch.tensor([values], dtype=torch.float64).softmax(-1)[0]
    chosen = MinP(p)(IDS, torch.tensor([values], dtype=torch.float64))[0].isfinite()
    assert (probs[chosen] >= p * probs.max() - 1e-12).all()
    assert (probs[~chosen] < p * probs.max() + 1e-12).all()


@given(flat_logits, st.floats(0.01, 1.0))
def test_typical_p_keeps_the_fewest_of_the_most_typical_tokens_that_reach_p(values, p):
    logits = torch.tensor([values], dtype=torch.float64)
    probs = logits.softmax(-1)[0]
    distance = (-probs.log() - torch.special.entr(probs).sum()).abs()
    chosen = TypicalP(p)(IDS, logits)[0].isfinite()
    assert probs[chosen].sum() >= p - 1e-12
    last = distance.masked_fill(~chosen, -torch.inf).argmax()
    assert probs[chosen].sum() - probs[last] < p + 1e-9 or p == 1
    assert chosen.all() or distance[chosen].max() <= distance[~chosen].min() + 1e-12


def test_typical_p_cuts_the_likeliest_token_where_surprise_is_the_rule():
    probs = [0.4, *[0.06] * 10]  # the likeliest says 0.9 nats, a token says 2.1 on average
    assert kept(TypicalP(0.5), probs) == [*range(1, 10)]


@given(flat_logits, st.floats(0.05, 0.9), st.floats(1.0, 3.0))
def test_top_p_and_min_p_keep_more_of_a_hotter_distribution(values, p, t):
    logits = torch.tensor([values], dtype=torch.float64)
    for keep in (TopP(p), MinP(p)):
        cold, hot = keep(IDS, logits).isfinite(), keep(IDS, Temperature(t)(IDS, logits)).isfinite()
        assert (hot | ~cold).all()


def test_top_p_twice_keeps_less_than_once():
    logits = torch.tensor([[0.5, 0.3, 0.2]]).log()
    once = TopP(0.6)(IDS, logits)
    assert (once.isfinite().sum(), TopP(0.6)(IDS, once).isfinite().sum()) == (2, 1)


def test_logits_that_learn_keep_their_gradient_in_a_large_vocabulary():
    logits = torch.zeros(1, 2000, requires_grad=True)
    for processor in (Temperature(0.5), TopK(3), TopP(0.5), MinP(0.5), TypicalP(0.5)):
        assert processor(IDS, logits).requires_grad


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_keeps_its_type(dtype):
    logits = torch.randn(1, 2000, generator=torch.Generator().manual_seed(0)).to(dtype)
    for processor in (Temperature(0.5), Temperature(1e-9), TopK(3), TopP(0.5), MinP(0.5), TypicalP(0.5)):
        cut = processor(IDS, logits)
        assert cut.dtype == dtype and cut.isfinite().any()


def test_inputs_are_not_changed():
    logits = torch.randn(2, 9, generator=torch.Generator().manual_seed(0))
    before = logits.clone()
    for processor in (Temperature(0.5), TopK(2), TopP(0.5), MinP(0.5), TypicalP(0.5)):
        processor(torch.zeros(2, 1, dtype=torch.long), logits)
    assert torch.equal(logits, before)


@pytest.mark.parametrize("t", [0, -1, float("nan")])
def test_a_temperature_that_is_not_positive_names_greedy(t):
    with pytest.raises(ValueError, match=r"temperature must be positive.*greedy"):
        Temperature(t)


@pytest.mark.parametrize("make", [TopP, MinP, TypicalP])
@pytest.mark.parametrize("p", [0, -0.1, 1.1, float("nan")])
def test_p_outside_its_range_is_refused(make, p):
    with pytest.raises(ValueError, match=rf"p must be in \(0, 1\], got {p}"):
        make(p)


@pytest.mark.parametrize("k", [0, -3])
def test_k_below_one_is_refused(k):
    with pytest.raises(ValueError, match="k must be at least 1"):
        TopK(k)


@pytest.mark.parametrize(
    "make, value",
    [
        (Temperature, True),
        (Temperature, "1"),
        (TopP, True),
        (TopK, 2.0),
        (TopK, True),
        (MinP, "0.1"),
        (TypicalP, True),
    ],
)
def test_what_only_looks_like_a_number_is_refused(make, value):
    with pytest.raises(TypeError):
        make(value)
