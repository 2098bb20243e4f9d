"""Damaged lines: what stays, what changes, how often."""

import pytest
import torch

from arlm_helpers.training.noise import TokenNoise, replace_some

PAD = 9
LINES = torch.tensor([[1, 2, 3, 4, 5], [6, 7, PAD, PAD, PAD], [8, PAD, PAD, PAD, PAD]])


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def test_no_noise_changes_nothing():
    assert TokenNoise(deleted=0)(LINES, PAD, rng()).equal(LINES)


def test_if_everything_is_deleted_one_token_of_each_line_stays():
    damaged = TokenNoise(deleted=1)(LINES, PAD, rng())
    assert damaged.shape == (3, 1)
    assert all(left in line for left, line in zip(damaged[:, 0].tolist(), LINES.tolist(), strict=True))
    assert not damaged.eq(PAD).any()


@pytest.mark.parametrize("seed", range(5))
def test_what_is_left_of_a_line_stands_in_its_order(seed):
    for before, after in zip(LINES, TokenNoise(deleted=0.5)(LINES, PAD, rng(seed)), strict=True):
        left = after[after != PAD].tolist()
        assert left == [token for token in before.tolist() if token in left] and left


def test_tokens_are_replaced_by_tokens_of_the_lines_and_padding_stays():
    damaged = TokenNoise(deleted=0, replaced=1)(LINES, PAD, rng())
    assert (damaged == PAD).equal(LINES == PAD)
    assert set(damaged[LINES != PAD].tolist()) <= set(range(1, 9))
    assert not damaged.equal(LINES)


def test_tokens_are_deleted_as_often_as_asked():
    lines = torch.ones(1000, 20, dtype=torch.int64)
    left = TokenNoise(deleted=0.3)(lines, PAD, rng()).eq(1).sum().item() / 20_000
    assert abs(left - 0.7) < 0.017  # five standard errors: one in a million


def test_the_share_asked_for_is_taken_from_the_others():
    ids, others = torch.zeros(100, 200, dtype=torch.int64), torch.ones(100, 200, dtype=torch.int64)
    assert replace_some(ids, 0, others).eq(0).all() and replace_some(ids, 1, others).eq(1).all()
    share = replace_some(ids, 0.3, others, rng()).double().mean().item()
    assert abs(share - 0.3) < 0.017  # five standard errors: one in a million


def test_the_lines_themselves_are_not_changed_and_a_seed_repeats_the_damage():
    before, noise = LINES.clone(), TokenNoise(deleted=0.3, replaced=0.3)
    assert noise(LINES, PAD, rng(3)).equal(noise(LINES, PAD, rng(3)))
    assert LINES.equal(before)


@pytest.mark.parametrize("options", [{"deleted": -0.1}, {"replaced": 1.5}])
def test_a_probability_that_is_none_is_refused(options):
    with pytest.raises(ValueError, match=r"is a probability and must be in \[0, 1\], got"):
        TokenNoise(**options)
