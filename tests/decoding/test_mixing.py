"""Mixtures of models by hand, against a search, and with an exact bound."""

import math

import pytest
import torch

from arlm_helpers.decoding.mixing import mixed_nats, mixing_weights

RNG = torch.Generator().manual_seed(0)
NATS = list(-torch.rand(3, 500, generator=RNG, dtype=torch.float64).log())  # of three models


def test_a_mixture_by_hand():
    rows = [torch.tensor([0.5, 0.1]).log().neg(), torch.tensor([0.25, 0.4]).log().neg()]
    mixed = mixed_nats(rows, torch.tensor([0.75, 0.25]))
    torch.testing.assert_close(mixed.neg().exp(), torch.tensor([0.4375, 0.175], dtype=torch.float64))


def test_a_mixture_is_never_worse_than_a_model_by_more_than_its_weight_allows():
    weights = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
    mixed = mixed_nats(NATS, weights)
    for row, weight in zip(NATS, weights, strict=True):
        assert (mixed <= row - weight.log() + 1e-12).all()


def test_a_model_of_weight_zero_has_no_say():
    impossible = torch.full((500,), torch.inf, dtype=torch.float64)
    torch.testing.assert_close(mixed_nats([NATS[0], impossible], torch.tensor([1.0, 0.0])), NATS[0])


def test_the_weights_are_those_that_a_search_finds():
    grid = [(a / 50, b / 50, (50 - a - b) / 50) for a in range(51) for b in range(51 - a)]
    best = min(grid, key=lambda w: mixed_nats(NATS, torch.tensor(w, dtype=torch.float64)).sum().item())
    found = mixing_weights(NATS, rounds=500)
    torch.testing.assert_close(found, torch.tensor(best, dtype=torch.float64), atol=0.02, rtol=0)


def test_no_round_makes_the_text_more_surprising():
    losses = [mixed_nats(NATS, mixing_weights(NATS, rounds=n)).mean().item() for n in range(8)]
    assert losses == sorted(losses, reverse=True) and losses[0] > losses[-1]


def test_two_equal_models_are_as_good_as_one():
    weights = mixing_weights([NATS[0], NATS[0]])
    assert weights.tolist() == [0.5, 0.5]
    torch.testing.assert_close(mixed_nats([NATS[0], NATS[0]], weights), NATS[0])


@pytest.mark.parametrize(
    ("rows", "weights", "complaint"),
    [
        ([3, 2], [0.5, 0.5], "rows of 3, 2 tokens"),
        ([3, 3], [1.0], "1 weights need as many rows"),
        ([3, 3], [0.5, 0.6], "sum to 1"),
        ([3, 3], [1.5, -0.5], "at least 0"),
    ],
)
def test_what_does_not_fit_together_is_refused(rows, weights, complaint):
    with pytest.raises(ValueError, match=complaint):
        mixed_nats([torch.full((n,), math.log(2)) for n in rows], torch.tensor(weights))
