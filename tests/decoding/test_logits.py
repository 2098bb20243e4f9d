"""Processors against exact tables and against transformers."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

from arlm_helpers.decoding.logits import Temperature, TopK, TopP

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


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("seed", range(5))
def test_processors_equal_those_of_transformers(dtype, seed):
    logits = torch.randn(3, 50, dtype=dtype, generator=torch.Generator().manual_seed(seed)) * 3
    ids = torch.zeros(3, 1, dtype=torch.long)
    for ours, theirs in [
        (Temperature(0.7), TemperatureLogitsWarper(0.7)),
        (TopK(7), TopKLogitsWarper(7)),
        (TopP(0.83), TopPLogitsWarper(0.83)),
    ]:
        torch.testing.assert_close(ours(ids, logits).softmax(-1), theirs(ids, logits.clone()).softmax(-1))


def test_inputs_are_not_changed():
    logits = torch.randn(2, 9, generator=torch.Generator().manual_seed(0))
    before = logits.clone()
    for processor in (Temperature(0.5), TopK(2), TopP(0.5)):
        processor(torch.zeros(2, 1, dtype=torch.long), logits)
    assert torch.equal(logits, before)


@pytest.mark.parametrize("t", [0, -1, float("nan")])
def test_a_temperature_that_is_not_positive_names_greedy(t):
    with pytest.raises(ValueError, match=r"temperature must be positive.*greedy"):
        Temperature(t)


@pytest.mark.parametrize("p", [0, -0.1, 1.1, float("nan")])
def test_p_outside_its_range_is_refused(p):
    with pytest.raises(ValueError, match=r"p must be in \(0, 1\]"):
        TopP(p)


@pytest.mark.parametrize("k", [0, -3])
def test_k_below_one_is_refused(k):
    with pytest.raises(ValueError, match="k must be at least 1"):
        TopK(k)


@pytest.mark.parametrize(
    "make, value", [(Temperature, True), (Temperature, "1"), (TopP, True), (TopK, 2.0), (TopK, True)]
)
def test_what_only_looks_like_a_number_is_refused(make, value):
    with pytest.raises(TypeError):
        make(value)
