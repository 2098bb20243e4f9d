"""The memory of n-grams: exact where the table is large enough, a fair hash where it is not."""

import itertools

import pytest
import torch

from arlm_helpers.models.hashed_ngrams import FACTOR, PRIME, HashedNGrams, hash_row


def filled(sizes, n_rows, vocab_size=4):
    """Tables in which row r says r."""
    memory = HashedNGrams(vocab_size, 1, sizes, n_rows=n_rows)
    for table in memory.tables.values():
        table.data[:, 0] = torch.arange(len(table))
    return memory


def test_a_bigram_is_a_number_with_two_digits():
    # base 5, the last token is the high digit; before the text stands the digit 4
    said = filled((2,), n_rows=100)(torch.tensor([[1, 3, 0]])).squeeze(-1)
    assert said.tolist() == [[1 * 5 + 4, 3 * 5 + 1, 0 * 5 + 3]]


def test_a_table_with_enough_rows_has_one_for_each_ngram():
    texts = torch.tensor(list(itertools.product(range(4), repeat=3)))
    said = filled((3,), n_rows=125)(texts)[:, -1, 0]
    assert len(set(said.tolist())) == len(texts)


def test_the_sizes_are_summed():
    ids = torch.tensor([[1, 3, 0, 2, 2]])
    together = filled((2, 3), n_rows=200)(ids)
    torch.testing.assert_close(together, filled((2,), n_rows=200)(ids) + filled((3,), n_rows=200)(ids))


def test_nothing_but_the_last_n_tokens_counts():
    memory, ids = filled((2, 3), n_rows=50), torch.tensor([[1, 3, 0, 2, 2], [2, 0, 0, 2, 2]])
    said = memory(ids)
    assert torch.equal(said[0, 4], said[1, 4]) and not torch.equal(said[0, 2], said[1, 2])


def test_a_hash_spreads_neighbouring_numbers_evenly():
    rows = hash_row(torch.arange(1000).view(1, -1), 100)
    counts = torch.bincount(rows.flatten(), minlength=100)
    assert counts.min() >= 5 and counts.max() <= 15  # 10 on average; random rows would reach 20


@pytest.mark.parametrize("dtype", [torch.int32, torch.int64])
def test_the_row_of_a_long_ngram_is_that_of_whole_numbers_without_limit(dtype):
    vocab_size, n_rows = 50_257, 1000
    ids = torch.randint(vocab_size, (1, 9), generator=torch.Generator().manual_seed(0), dtype=dtype)
    number = 0
    for token in reversed(ids[0].tolist()):  # 9 digits in base 50,258: some 140 bits
        number = number * (vocab_size + 1) + token
    expected = number * FACTOR % PRIME % n_rows
    assert filled((9,), n_rows, vocab_size)(ids)[0, -1].item() == expected


def test_a_new_memory_says_nothing_and_learns_only_what_it_read():
    memory = HashedNGrams(4, 2, (2,), n_rows=100)
    said = memory(torch.tensor([[1, 3]]))
    said.sum().backward()
    assert said.eq(0).all()
    assert memory.tables["2"].grad.sum(dim=1).nonzero().flatten().tolist() == [1 * 5 + 4, 3 * 5 + 1]
