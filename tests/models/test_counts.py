from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from arlm_helpers.models.counts import continuation_counts, count_ngrams, find_contexts

texts = st.lists(st.integers(0, 4), min_size=4, max_size=60)


def as_counter(ids, tables, length):
    """The table for contexts of ``length`` as {(context, token): count}, contexts spelled out."""
    table, spelled = tables[length], {}
    for start in range(len(ids) - length):
        context = tuple(ids[start : start + length])
        number = 0 if not length else find_contexts(torch.tensor([context]), tables)[length][0, -1].item()
        spelled[number] = context
    owners = table.context_of_entry().tolist()
    return {
        (spelled[owner], token): count
        for owner, token, count in zip(owners, table.tokens.tolist(), table.counts.tolist(), strict=True)
    }


@given(texts)
def test_tables_hold_what_a_dictionary_counts(ids):
    tables = count_ngrams(torch.tensor(ids), 5, 4)
    for length in range(4):
        places = range(len(ids) - length)
        expected = Counter((tuple(ids[i : i + length]), ids[i + length]) for i in places)
        assert as_counter(ids, tables, length) == expected


@given(texts)
def test_continuation_counts_are_the_number_of_different_tokens_before(ids):
    tables = count_ngrams(torch.tensor(ids), 5, 3)
    distinct = {tuple(ids[i : i + 3]) for i in range(len(ids) - 2)}
    expected = Counter((gram[1:2], gram[2]) for gram in distinct)
    changed = [*tables[:1], continuation_counts(tables[2], tables[1], 5), *tables[2:]]
    assert as_counter(ids, changed, 1) == expected


def test_san_francisco_counts_once():
    san, francisco, tea, hot, some = range(5)
    ids = torch.tensor([san, francisco] * 5 + [hot, tea, some, tea])
    raw, pairs = count_ngrams(ids, 5, 2)
    lower = continuation_counts(pairs, raw, 5)
    assert raw.counts[raw.tokens == francisco].item() == 5
    assert lower.counts[lower.tokens == francisco].item() == 1
    assert lower.counts[lower.tokens == tea].item() == 2


def test_an_unseen_context_is_minus_one_and_so_is_every_longer_one():
    tables = count_ngrams(torch.tensor([0, 1, 0, 1, 2]), 4, 3)
    assert [found[0, -1].item() >= 0 for found in find_contexts(torch.tensor([[0, 1]]), tables)] == [True] * 3
    assert [found[0, -1].item() for found in find_contexts(torch.tensor([[0, 3]]), tables)] == [0, -1, -1]


@pytest.mark.parametrize("order", [0, -1])
def test_order_below_one_is_refused(order):
    with pytest.raises(ValueError, match=f"order must be at least 1, got {order}"):
        count_ngrams(torch.tensor([0, 1]), 2, order)


def test_a_text_shorter_than_the_order_is_refused():
    with pytest.raises(ValueError, match="2 tokens, fewer than order 3"):
        count_ngrams(torch.tensor([0, 1]), 2, 3)


def test_an_empty_text_is_refused():
    with pytest.raises(ValueError, match="0 tokens"):
        count_ngrams(torch.tensor([], dtype=torch.long), 2, 1)


def test_an_id_outside_the_vocabulary_is_refused():
    with pytest.raises(ValueError, match=r"0 … 1, got 0 … 2"):
        count_ngrams(torch.tensor([0, 1, 2]), 2, 1)


def test_a_large_vocabulary_and_a_high_order_do_not_overflow():
    ids = torch.randint(60_000, (5_000,), generator=torch.Generator().manual_seed(0))
    tables = count_ngrams(ids, 60_000, 9)
    assert find_contexts(ids[None, 100:108], tables)[-1][0, -1] >= 0


def test_ids_of_few_bits_count_as_those_of_many():
    ids = torch.randint(250, (4_000,), generator=torch.Generator().manual_seed(0))
    wide, narrow = count_ngrams(ids, 250, 4), count_ngrams(ids.to(torch.int16), 250, 4)
    assert all(
        torch.equal(a.keys, b.keys) and torch.equal(a.counts, b.counts)
        for a, b in zip(wide, narrow, strict=True)
    )
    found = [find_contexts(x[None, :50], wide)[3] for x in (ids, ids.to(torch.int16))]
    assert torch.equal(*found) and (found[0][0, 2:] >= 0).all()
