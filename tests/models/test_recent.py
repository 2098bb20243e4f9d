"""The n-gram model that counts what it reads, by hand and against counting all at once."""

import pytest
import torch

from arlm_helpers.models.recent import RecentNGram


def probs(model, ids):
    return model(torch.tensor([ids]))[0, -1].exp()


def test_the_first_prediction_by_hand():
    # order 1 after "0": one visit of the empty context, one different token: 1/2 for the shorter one
    expected = torch.tensor([1 / 2 + 1 / 2 / 4, 1 / 8, 1 / 8, 1 / 8], dtype=torch.float64)
    torch.testing.assert_close(probs(RecentNGram(4, order=1), [0]), expected)


def test_a_context_that_was_seen_refines_the_shorter_one_by_hand():
    # after 0 1 0: the empty context has 0 twice and 1 once; context (0) has been followed by 1 once
    shorter = torch.tensor([2 / 5, 1 / 5, 0], dtype=torch.float64) + 2 / 5 / 3
    expected = torch.tensor([0, 1 / 2, 0], dtype=torch.float64) + shorter / 2
    torch.testing.assert_close(probs(RecentNGram(3, order=2), [0, 1, 0]), expected)


def test_a_passage_that_comes_again_is_nearly_free():
    passage = torch.randperm(60, generator=torch.Generator().manual_seed(0))
    ids = passage.repeat(2)[None]
    log_probs = RecentNGram(60)(ids[:, :-1]).gather(-1, ids[:, 1:, None]).squeeze()
    first, again = -log_probs[:59], -log_probs[64:]
    assert first.mean() > 3 and again.mean() < 0.2


def test_it_counts_like_a_table_made_of_the_whole_text():
    ids = torch.randint(3, (400,), generator=torch.Generator().manual_seed(1)).tolist()
    model, context = RecentNGram(3, order=3), tuple(ids[-2:])
    expected = torch.full((3,), 1 / 3, dtype=torch.float64)
    for length in range(3):
        followers = [
            ids[i] for i in range(length, 400) if tuple(ids[i - length : i]) == context[2 - length :]
        ]
        counts = torch.bincount(torch.tensor(followers), minlength=3).double()
        distinct = (counts > 0).sum()
        expected = (counts + distinct * expected) / (counts.sum() + distinct)
    torch.testing.assert_close(probs(model, ids), expected)


def test_a_copy_and_a_choice_of_rows_learn_for_themselves():
    model, cache = RecentNGram(3), RecentNGram(3).new_cache()
    model(torch.tensor([[0, 1], [2, 2]]), cache)
    fork, second = cache.copy(), cache.select(torch.tensor([1, 1]))
    model(torch.tensor([[1, 1, 1], [1, 1, 1]]), fork)
    after = model(torch.tensor([[2], [2]]), second)
    torch.testing.assert_close(after[0], model(torch.tensor([[2, 2, 2]]))[0, -1:])
    assert cache.readers[0].last == (0, 1)


def test_a_cache_of_another_batch_and_an_impossible_order_are_refused():
    model, cache = RecentNGram(3), RecentNGram(3).new_cache()
    model(torch.tensor([[0], [1]]), cache)
    with pytest.raises(ValueError, match="has read 2 rows, but ids have 1"):
        model(torch.tensor([[0]]), cache)
    with pytest.raises(ValueError, match="order must be at least 1, got 0"):
        RecentNGram(3, order=0)
