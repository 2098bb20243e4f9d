"""Windows and streams: every token at its place, no window twice, any position found again."""

import json

import pytest
import torch
from torch.overrides import TorchFunctionMode

from arlm_helpers.training.batches import ShuffledWindows, Streams

COUNTING = torch.arange(101)  # each id is its own position, so batches tell where they were read


def shuffled(ids=COUNTING, context_length=5, batch_size=3, seed=0):
    return ShuffledWindows(ids, context_length=context_length, batch_size=batch_size, seed=seed)


def streams(ids=COUNTING, context_length=5, batch_size=3):
    return Streams(ids, context_length=context_length, batch_size=batch_size)


@pytest.mark.parametrize("build", [shuffled, streams])
def test_targets_are_the_ids_one_position_later(build):
    batch = build().next_batch()
    assert batch.ids.shape == batch.targets.shape == (3, 5)
    assert torch.equal(batch.targets, batch.ids + 1)
    assert torch.equal(batch.ids, batch.ids[:, :1] + torch.arange(5))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("batch_size", [1, 3, 7, 50])
def test_every_window_comes_exactly_once_per_epoch(seed, batch_size):
    batches = shuffled(batch_size=batch_size, seed=seed)
    starts = torch.cat([batches.next_batch().ids[:, 0] for _ in range(1 + 20 // batch_size)])
    n_windows = int((100 - starts[0] % 5) // 5)  # the first start tells the offset of the epoch
    first = starts[:n_windows].sort().values
    assert torch.equal(first, first[0] + 5 * torch.arange(n_windows))  # gapless, none twice
    assert first[0] < 5 and first[-1] + 5 + 5 > 100  # and no further window fits at either end


def test_epochs_differ_in_order_and_in_where_they_cut():
    batches = shuffled(batch_size=1)
    starts = torch.cat([batches.next_batch().ids[:, 0] for _ in range(800)])
    assert set((starts % 5).tolist()) == {0, 1, 2, 3, 4}  # misses one with a chance of 1 in 1000
    orders = {tuple((epoch // 5).tolist()) for epoch in starts[:76].view(4, 19)}
    assert len(orders) == 4


def test_the_seed_and_nothing_else_decides_the_order():
    torch.manual_seed(1)
    one = torch.stack([shuffled(seed=4).next_batch().ids, shuffled(seed=5).next_batch().ids])
    torch.manual_seed(2)
    two = torch.stack([shuffled(seed=4).next_batch().ids, shuffled(seed=5).next_batch().ids])
    assert torch.equal(one, two) and not torch.equal(one[0], one[1])


def test_a_text_of_a_single_window_fills_any_batch():
    batch = shuffled(ids=torch.arange(6), batch_size=4).next_batch()
    assert torch.equal(batch.ids, torch.arange(5).expand(4, 5))


def test_each_row_of_streams_reads_its_part_of_the_text_in_order():
    batches = streams()
    read = torch.cat([batches.next_batch().ids for _ in range(6)], dim=1)
    assert torch.equal(read, torch.tensor([[0], [33], [66]]) + torch.arange(30))


def test_streams_continue_until_they_start_again():
    batches = streams()
    flags = [batches.next_batch().continues for _ in range(14)]
    assert flags == [False, *[True] * 5, False, *[True] * 5, False, True]
    assert not shuffled().next_batch().continues


class CountCalls(TorchFunctionMode):
    """Count the torch functions that run."""

    n_calls = 0

    def __torch_function__(self, function, types, args=(), kwargs=None):
        self.n_calls += 1
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("build", [shuffled, streams])
def test_a_batch_of_many_rows_costs_as_many_calls_as_one_of_few(build):
    counts = []
    for batch_size in (2, 19):
        batches = build(batch_size=batch_size)
        with CountCalls() as calls:
            batches.next_batch()
        counts.append(calls.n_calls)
    assert counts[0] == counts[1] > 0


@pytest.mark.parametrize("n_before", [0, 1, 5, 6, 7, 19, 40])
@pytest.mark.parametrize("build", [shuffled, streams])
def test_a_saved_position_gives_the_batches_that_would_have_come(build, n_before):
    batches, again = build(), build()
    for _ in range(n_before):
        batches.next_batch()
    again.load_state(json.loads(json.dumps(batches.state())))
    for _ in range(15):
        expected, batch = batches.next_batch(), again.next_batch()
        assert torch.equal(batch.ids, expected.ids) and batch.continues == expected.continues


def test_batches_are_an_endless_iterator():
    for expected, batch in zip(range(100), shuffled(), strict=False):
        assert batch.ids.shape == (3, 5), expected


def test_the_fingerprint_names_text_and_settings():
    changed = COUNTING.clone()
    changed[-1] = 7
    named = [
        shuffled(), shuffled(changed), shuffled(COUNTING[:-1]), shuffled(context_length=4),
        shuffled(batch_size=4), shuffled(seed=1), streams(), streams(batch_size=4),
    ]  # fmt: skip
    assert len({batches.fingerprint() for batches in named}) == len(named)
    used = shuffled()
    used.next_batch()
    assert used.fingerprint() == shuffled(COUNTING.clone()).fingerprint()


def test_the_number_of_tokens_of_a_batch():
    assert shuffled().n_tokens_per_batch == shuffled().next_batch().targets.numel()


@pytest.mark.parametrize("build", [shuffled, streams])
@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"batch_size": 0}, "batch_size must be at least 1, got 5 and 0"),
        ({"context_length": 0}, "context_length and batch_size must be at least 1, got 0"),
        ({"ids": COUNTING[:5]}, "the text has 5 tokens, and one window needs 6"),
        ({"ids": COUNTING[:0]}, "the text has 0 tokens"),
    ],
)
def test_impossible_settings_are_refused(build, settings, complaint):
    with pytest.raises(ValueError, match=complaint):
        build(**settings)


def test_too_many_streams_and_a_negative_seed_are_refused():
    with pytest.raises(ValueError, match="no room for 21 streams"):
        streams(batch_size=21)
    with pytest.raises(ValueError, match="seed must be at least 0, got -1"):
        shuffled(seed=-1)
