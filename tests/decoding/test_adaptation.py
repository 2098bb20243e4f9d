"""Learning while being judged: nothing is seen too early, and it helps where a text repeats itself."""

import math

import pytest
import torch

from arlm_helpers.decoding.adaptation import adapted_nats, tracked_nats
from arlm_helpers.decoding.evaluation import token_nats
from arlm_helpers.models.gpt_config import compact_config
from arlm_helpers.models.transformer import GPT

CONFIG = compact_config(vocab_size=9, context_length=16, d_model=12, ngram_rows=64)
PHRASE = torch.randint(9, (23,), generator=torch.Generator().manual_seed(3))
IDS = PHRASE.repeat(12)


@pytest.fixture
def model():
    model = GPT(CONFIG, rng=torch.Generator().manual_seed(0)).eval()
    torch.nn.init.normal_(model.head.weight, std=0.3, generator=torch.Generator().manual_seed(1))
    return model


def test_a_text_that_repeats_itself_becomes_less_surprising(model):
    nats = adapted_nats(model, IDS, piece=8, lr=0.02)
    assert nats[-60:].mean() < 0.5 * token_nats(model, IDS)[-60:].mean()


def test_the_first_piece_is_judged_by_the_model_as_it_came(model):
    nats = adapted_nats(model, IDS, piece=8, lr=0.5)
    torch.testing.assert_close(nats[:8], token_nats(model, IDS[:9]), atol=1e-5, rtol=1e-5)
    assert not torch.allclose(nats[8:16], token_nats(model, IDS[:17])[8:], atol=1e-3)


def test_what_comes_later_changes_no_earlier_judgement(model):
    changed = IDS.clone()
    changed[100:] = (changed[100:] + 1) % 9
    before, after = (adapted_nats(model, ids, piece=8) for ids in (IDS, changed))
    assert torch.equal(before[:99], after[:99]) and not torch.equal(before[99:], after[99:])


def test_without_steps_worth_mentioning_it_is_a_sliding_window(model):
    still = adapted_nats(model, IDS, first=20, piece=4, lr=1e-12)
    expected = token_nats(model, IDS, first=20, window=16, min_context=13)  # the same four tokens a window
    torch.testing.assert_close(still, expected, atol=1e-5, rtol=1e-5)


def test_the_model_itself_stays_as_it_is(model):
    before = [weight.clone() for weight in model.parameters()]
    adapted_nats(model, IDS, piece=16)
    assert all(map(torch.equal, before, model.parameters()))


@pytest.mark.parametrize(("first", "piece", "name"), [(0, 8, "first"), (300, 8, "first"), (1, 17, "piece")])
def test_what_cannot_be_read_is_refused(model, first, piece, name):
    with pytest.raises(ValueError, match=f"{name} must lie in 1 …"):
        adapted_nats(model, IDS, first=first, piece=piece)


def test_the_weights_follow_the_model_that_is_right_by_hand():
    rows = [torch.tensor([0.9, 0.9]).log().neg(), torch.tensor([0.1, 0.1]).log().neg()]
    weight = 0.8 * 0.45 / 0.5 + 0.1  # (1 - share) · posterior + share / 2
    expected = [-math.log(0.5), -math.log(weight * 0.9 + (1 - weight) * 0.1)]
    assert tracked_nats(rows, share=0.2).tolist() == pytest.approx(expected, rel=1e-6)


def test_without_sharing_the_whole_text_costs_what_the_mean_of_the_joint_probabilities_says():
    nats = -torch.rand(3, 12, generator=torch.Generator().manual_seed(0), dtype=torch.float64).log()
    joint = (-nats.sum(dim=1)).exp().mean()  # Bayes: three models, equally likely beforehand
    assert tracked_nats(list(nats), share=0.0).sum().item() == pytest.approx(-joint.log().item(), rel=1e-12)


def test_a_model_that_was_wrong_for_long_comes_back():
    good, bad = torch.full((200,), 0.1), torch.full((200,), 3.0)
    rows = [torch.cat([good, bad]), torch.cat([bad, good])]
    assert tracked_nats(rows, share=0.05)[220:].mean() < 0.2
    assert tracked_nats(rows, share=0.0)[220:380].mean() > 2.9


def test_rows_of_different_texts_and_impossible_shares_are_refused():
    with pytest.raises(ValueError, match="the same tokens"):
        tracked_nats([torch.ones(3), torch.ones(4)])
    with pytest.raises(ValueError, match=r"share .* got 1.5"):
        tracked_nats([torch.ones(3)], share=1.5)
