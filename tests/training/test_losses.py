import math

import pytest
import torch
from torch.nn import functional

from arlm_helpers.training.losses import bits, cross_entropy, log_probs_of, perplexity


def some_logits():
    rng = torch.Generator().manual_seed(0)
    return torch.randn(2, 5, 7, generator=rng) * 4, torch.randint(7, (2, 5), generator=rng)


def test_cross_entropy_is_that_of_torch():
    logits, targets = some_logits()
    expected = functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
    torch.testing.assert_close(cross_entropy(logits, targets), expected)


def test_the_log_probability_of_each_target_by_hand():
    logits = torch.tensor([[[0.2, 0.5, 0.3]]]).log()
    assert log_probs_of(logits, torch.tensor([[1]])).item() == pytest.approx(math.log(0.5))


def test_a_uniform_guess_among_65_has_perplexity_65_and_costs_6_bits():
    nats = cross_entropy(torch.zeros(1, 4, 65), torch.tensor([[0, 8, 64, 3]])).item()
    assert perplexity(nats) == pytest.approx(65, rel=1e-6)
    assert bits(nats) == pytest.approx(math.log2(65), rel=1e-6)
