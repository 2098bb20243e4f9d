"""Smoothed n-gram models against a reference in another style: dictionaries and fractions."""

from collections import Counter, defaultdict
from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from arlm_helpers.models.ngram import NGram
from arlm_helpers.models.smoothing import AddK, KneserNey, ModifiedKneserNey, estimate_discounts
from tests.zoo import random_ids

texts = st.lists(st.integers(0, 3), min_size=5, max_size=50)
SMOOTHINGS = [AddK(0.3), KneserNey(), ModifiedKneserNey()]


def kneser_ney_by_recursion(ids, order, discount, vocab_size):
    """P(token | context) as in the textbook, with exact fractions."""
    followers = defaultdict(Counter)
    for start in range(len(ids) - order + 1):
        followers[tuple(ids[start : start + order - 1])][ids[start + order - 1]] += 1
    for length in range(order - 2, -1, -1):  # a shorter n-gram counts once per different n-gram it ends
        longer = {tuple(ids[i : i + length + 2]) for i in range(len(ids) - length - 1)}
        for gram in longer:
            followers[gram[1:-1]][gram[-1]] += 1

    def probability(context, token):
        lower = Fraction(1, vocab_size) if not context else probability(context[1:], token)
        counts = followers.get(context)
        if not counts:
            return lower
        total = sum(counts.values())
        return (max(counts[token] - discount, 0) + discount * len(counts) * lower) / total

    return probability


@given(texts, st.lists(st.integers(0, 3), min_size=2, max_size=2))
def test_kneser_ney_is_the_textbook_recursion(ids, context):
    model = NGram.fit(torch.tensor(ids), 4, 3, KneserNey(0.75))
    reference = kneser_ney_by_recursion(ids, 3, Fraction(3, 4), 4)
    probs = model(torch.tensor([context]))[0, -1].exp()
    expected = torch.tensor([float(reference(tuple(context), token)) for token in range(4)])
    torch.testing.assert_close(probs, expected.double())


def test_a_kneser_ney_bigram_by_hand():
    model = NGram.fit(torch.tensor([0, 1, 0, 1, 0, 2]), 3, 2, KneserNey(0.5))
    # different pairs: 01 10 02; each token ends one of them, so P(token) = 0.5/3 + (0.5·3/3)·(1/3) = 1/3
    # after 0 came 1 twice and 2 once: P(1|0) = 1.5/3 + (0.5·2/3)·(1/3), P(2|0) = 0.5/3 + 1/9, P(0|0) = 1/9
    expected = torch.tensor([1 / 9, 1.5 / 3 + 1 / 9, 0.5 / 3 + 1 / 9], dtype=torch.float64)
    torch.testing.assert_close(model(torch.tensor([[0]]))[0, -1].exp(), expected)


def test_add_k_is_count_plus_k_over_total_plus_k_times_vocabulary():
    model = NGram.fit(torch.tensor([0, 1, 0, 1, 0, 2]), 3, 2, AddK(0.5))
    expected = torch.tensor([0.5, 2.5, 1.5], dtype=torch.float64) / (3 + 1.5)
    torch.testing.assert_close(model(torch.tensor([[0]]))[0, -1].exp(), expected)


def test_add_k_after_an_unseen_context_is_uniform():
    model = NGram.fit(torch.tensor([0, 1, 0, 1, 0, 2]), 3, 2, AddK(0.5))
    torch.testing.assert_close(model(torch.tensor([[2]]))[0, -1].exp(), torch.full((3,), 1 / 3).double())


def test_discounts_follow_chen_and_goodman_by_hand():
    counts = torch.tensor([1] * 10 + [2] * 5 + [3] * 2 + [4] * 1 + [9])
    y = 10 / (10 + 2 * 5)
    expected = [1 - 2 * y * 5 / 10, 2 - 3 * y * 2 / 5, 3 - 4 * y * 1 / 2]
    torch.testing.assert_close(estimate_discounts(counts), torch.tensor(expected).double())


def test_discounts_that_cannot_be_estimated_are_three_quarters():
    assert estimate_discounts(torch.tensor([7, 8, 9])).tolist() == [0.75] * 3


@pytest.mark.parametrize("smoothing", SMOOTHINGS, ids=str)
@pytest.mark.parametrize("order", [1, 2, 6])
def test_probabilities_sum_to_one_for_seen_and_unseen_contexts(smoothing, order):
    model = NGram.fit(random_ids(400, 7), 9, order, smoothing)  # tokens 7 and 8 were never seen
    seen, unseen = random_ids(400, 7)[None, 50:90], torch.tensor([[8, 7, 8, 7, 0, 8]])
    for ids in (seen, unseen):
        assert (model(ids).exp().sum(dim=-1) - 1).abs().max() < 1e-9
        assert model(ids).isfinite().all()


@given(texts, st.sampled_from(SMOOTHINGS), st.integers(1, 5))
def test_every_text_gives_distributions(ids, smoothing, order):
    model = NGram.fit(torch.tensor(ids), 5, order, smoothing)
    assert (model(torch.tensor([ids])).exp().sum(dim=-1) - 1).abs().max() < 1e-9


def test_one_repeated_token_is_expected_again():
    model = NGram.fit(torch.zeros(50, dtype=torch.long), 2, 3, KneserNey())
    assert model(torch.tensor([[0, 0]]))[0, -1].argmax() == 0


def test_a_higher_order_fits_its_own_text_better():
    ids = random_ids(2_000, 6)
    losses = [-NGram.fit(ids, 6, n)(ids[None])[0, :-1].gather(-1, ids[1:, None]).mean() for n in (1, 2, 4)]
    assert losses == sorted(losses, reverse=True)


@pytest.mark.parametrize("k", [0, -1, float("nan"), float("inf")])
def test_k_must_be_positive(k):
    with pytest.raises(ValueError, match="k must be positive"):
        AddK(k)


@pytest.mark.parametrize("discount", [0, 1, -0.5, float("nan")])
def test_a_discount_outside_zero_and_one_is_refused(discount):
    with pytest.raises(ValueError, match="discount must be between 0 and 1"):
        KneserNey(discount)
