"""Masking hides the shares it names, the loss counts hidden places only, and the loop learns."""

import math

import pytest
import torch
from torch.nn import functional

from arlm_helpers.models.gpt_config import compact_config
from arlm_helpers.models.masked import MaskedLM
from arlm_helpers.training.config import TrainConfig
from arlm_helpers.training.masking import (
    MaskedBatch,
    MaskedWindows,
    Masking,
    masked_cross_entropy,
    train_masked,
)
from arlm_helpers.training.optimizers import AdamW

VOCAB = 50
TEXT = torch.tensor([7, 3, 9, 1, 4] * 40)


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def windows(masking=Masking(), **changes):  # noqa: B008  (frozen)
    sizes = {"context_length": 10, "batch_size": 4, "seed": 1}
    return MaskedWindows(TEXT, masking, mask_id=VOCAB, **(sizes | changes))


def test_of_the_chosen_places_eight_in_ten_show_the_mask_one_a_random_token_and_one_itself():
    ids = torch.randint(VOCAB, (400, 500), generator=rng(1))
    batch = Masking()(ids, VOCAB, rng())
    chosen = batch.chosen
    shares = {
        "chosen": (0.15, chosen.double().mean().item(), chosen.numel()),
        "hidden": (0.8, (batch.ids[chosen] == VOCAB).double().mean().item(), chosen.sum().item()),
        "kept": (0.1 + 0.1 / VOCAB, (batch.ids == ids)[chosen].double().mean().item(), chosen.sum().item()),
    }
    for name, (p, share, n) in shares.items():  # five standard errors: fails by chance once in 500,000
        assert abs(share - p) < 5 * math.sqrt(p * (1 - p) / n), name
    assert torch.equal(batch.ids[~chosen], ids[~chosen]) and torch.equal(batch.targets, ids)


def test_random_tokens_are_of_the_whole_vocabulary_and_never_the_mask():
    batch = Masking(0.9, hidden=0, replaced=1)(torch.zeros(20, 500, dtype=torch.long), VOCAB, rng())
    assert batch.ids[batch.chosen].unique().tolist() == list(range(VOCAB))


def test_at_least_one_place_of_each_row_is_asked_for():
    batch = Masking(rate=1e-9)(torch.zeros(50, 7, dtype=torch.long), VOCAB, rng())
    assert batch.chosen.sum(dim=1).tolist() == [1] * 50


@pytest.mark.parametrize("rate", [0, 1, -0.1, 1.5, math.nan])
def test_a_rate_outside_of_zero_and_one_is_refused(rate):
    with pytest.raises(ValueError, match=r"rate must be between 0 and 1, got .*at 1 nothing is shown"):
        Masking(rate)


@pytest.mark.parametrize("hidden, replaced", [(-0.1, 0.1), (0.8, -0.1), (0.8, 0.3)])
def test_shares_that_make_no_whole_are_refused(hidden, replaced):
    with pytest.raises(ValueError, match=rf"sum to at most 1, got {hidden} and {replaced}"):
        Masking(hidden=hidden, replaced=replaced)


def test_the_loss_is_that_of_torch_with_all_other_places_ignored():
    batch = Masking(0.5)(torch.randint(VOCAB, (3, 8), generator=rng(1)), VOCAB, rng())
    logits = torch.randn(3, 8, VOCAB, generator=rng(2))
    targets = batch.targets.masked_fill(~batch.chosen, -100)
    expected = functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-100)
    torch.testing.assert_close(masked_cross_entropy(logits, batch), expected)


def test_windows_come_with_other_gaps_each_time_and_go_on_where_they_were():
    first, again = windows(), windows()
    taken = [first.next_batch() for _ in range(12)]  # an epoch has four or five batches
    assert len({tuple(batch.chosen.flatten().tolist()) for batch in taken}) == 12
    for _ in range(7):
        again.next_batch()
    resumed = windows()
    resumed.load_state(again.state())
    for batch in taken[7:]:
        other = resumed.next_batch()
        assert torch.equal(other.ids, batch.ids) and torch.equal(other.chosen, batch.chosen)


def test_seed_and_masking_belong_to_the_fingerprint():
    prints = {w.fingerprint() for w in (windows(), windows(seed=2), windows(Masking(0.3)), windows())}
    assert len(prints) == 3


def trained(n_steps, seed=0):
    sizes = {"context_length": 10, "n_heads": 2, "d_model": 32, "ngram_sizes": ()}
    model = MaskedLM(compact_config(vocab_size=VOCAB, **sizes), rng=rng(seed))
    plan = TrainConfig(n_steps=n_steps, optimizer=AdamW(0.01), clip=1.0)
    gaps = windows(Masking(0.3, hidden=1, replaced=0), batch_size=16)
    return model, list(train_masked(model, gaps, plan))


def test_a_text_that_repeats_is_learned_from_both_sides():
    model, losses = trained(150)
    assert losses[0] == pytest.approx(math.log(VOCAB), abs=1e-3)  # the head starts at zero
    assert sum(losses[-10:]) / 10 < 0.8 and not model.training  # five tokens equally often: ln 5 = 1.61
    shown = torch.tensor([[50, 3, 9, 1, 4, 7, 3, 50, 1, 4]])  # nothing stands before the first gap
    assert model(shown).argmax(dim=-1)[0, [0, 7]].tolist() == [7, 9]


def test_the_same_seed_trains_the_same_model():
    assert trained(5)[1] == trained(5)[1] != trained(5, seed=1)[1]


def test_the_places_that_are_not_asked_for_get_no_gradient():
    logits = torch.randn(1, 4, VOCAB, generator=rng(), requires_grad=True)
    chosen = torch.tensor([[False, True, False, False]])
    masked_cross_entropy(logits, MaskedBatch(TEXT[None, :4], TEXT[None, :4], chosen=chosen)).backward()
    assert logits.grad.abs().sum(dim=-1).gt(0).tolist() == chosen.tolist()
