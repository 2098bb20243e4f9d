"""What every model of the course promises."""

import itertools

import pytest
import torch

from arlm_helpers.training.losses import log_probs_of
from tests.zoo import MODELS


@pytest.fixture(params=MODELS, scope="module")
def build(request):
    return MODELS[request.param]


@pytest.fixture(scope="module")
def model(build):
    return build(11)


def some_ids(rows=3, time=10, vocab_size=11):
    return torch.randint(vocab_size, (rows, time), generator=torch.Generator().manual_seed(1))


def test_logits_are_given_for_all_positions_and_tokens(model):
    assert model(some_ids()).shape == (3, 10, 11)


@pytest.mark.parametrize("split", [1, 5, 9])
def test_reading_in_two_parts_with_a_cache_gives_the_same_logits(model, split):
    cache = model.new_cache()
    parts = [model(some_ids()[:, :split], cache), model(some_ids()[:, split:], cache)]
    torch.testing.assert_close(torch.cat(parts, dim=1), model(some_ids()))


def test_changing_a_later_token_leaves_earlier_logits_equal_to_the_bit(model):
    ids, changed = some_ids(), some_ids()
    changed[:, 6] = (changed[:, 6] + 1) % 11
    assert torch.equal(model(ids)[:, :6], model(changed)[:, :6])


def test_changing_the_last_token_changes_some_logits(model):
    later = [model(torch.tensor([[0, 1, last]]))[0, -1].exp() for last in range(11)]
    if getattr(model, "order", 2) > 1:
        assert max((later[0] - other).abs().max() for other in later) > 1e-3


def test_a_row_does_not_depend_on_the_other_rows(model):
    torch.testing.assert_close(model(some_ids())[1:2], model(some_ids()[1:2]))


def test_a_selected_cache_goes_on_with_the_selected_rows(model):
    cache, rows = model.new_cache(), torch.tensor([2, 0, 2])
    model(some_ids()[:, :4], cache)
    torch.testing.assert_close(model(some_ids()[rows, 4:], cache.select(rows)), model(some_ids())[rows, 4:])


def test_a_copied_cache_goes_its_own_way(model):
    cache = model.new_cache()
    model(some_ids()[:, :4], cache)
    model(some_ids()[:, :3], cache.copy())
    torch.testing.assert_close(model(some_ids()[:, 4:], cache), model(some_ids())[:, 4:])


def test_all_sequences_of_length_four_sum_to_one(build):
    model = build(3)
    following = torch.tensor(list(itertools.product(range(3), repeat=4)))
    for first in range(3):
        ids = torch.cat([torch.full((81, 1), first), following], dim=1)
        joint = log_probs_of(model(ids[:, :-1]), ids[:, 1:]).sum(dim=1).exp()
        assert abs(joint.sum().item() - 1) < 1e-9


def test_inputs_are_not_changed(model):
    ids = some_ids()
    model(ids, model.new_cache())
    assert torch.equal(ids, some_ids())
