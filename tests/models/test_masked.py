"""The masked model is the same blocks without the mask, and its conditionals are no chain rule."""

import itertools

import pytest
import torch
from torch import nn

from arlm_helpers.decoding.sampling import generate
from arlm_helpers.models.causality import assert_causal
from arlm_helpers.models.gpt_config import GPTConfig, compact_config
from arlm_helpers.models.masked import (
    MaskedLM,
    fill_in_log_probs,
    log_prob_in_order,
    pseudo_log_likelihood,
)
from arlm_helpers.models.transformer import GPT
from arlm_helpers.training.losses import log_probs_of
from tests.zoo import TINY


def with_random_weights(model):
    """The model in float64, all of whose weights are random, those of the mask token last."""
    rng = torch.Generator().manual_seed(0)
    for parameter in model.double().eval().parameters():
        nn.init.normal_(parameter, std=0.4, generator=rng)
    return model


def twins(vocab_size=11, **options):
    config = GPTConfig(vocab_size=vocab_size, **TINY, **options)
    return with_random_weights(GPT(config)), with_random_weights(MaskedLM(config))


def every_text(vocab_size, length):
    return torch.tensor(list(itertools.product(range(vocab_size), repeat=length)))


def test_the_causal_twin_keeps_the_past_and_the_masked_model_does_not():
    causal, masked = twins()
    assert_causal(causal)
    with pytest.raises(AssertionError, match="sees the future"):
        assert_causal(masked)


def encoder_of(model):
    """PyTorch's own Transformer encoder with the weights of ``model``."""
    d_model, n_heads = model.config.d_model, model.config.n_heads
    layer = nn.TransformerEncoderLayer(
        d_model, n_heads, 4 * d_model, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
    )
    encoder = nn.TransformerEncoder(layer, len(model.blocks), nn.LayerNorm(d_model)).double().eval()
    for theirs, ours in zip(encoder.layers, model.blocks, strict=True):
        attention = ours.attention
        three = (attention.query, attention.key, attention.value)
        pairs = {
            "self_attn.in_proj_weight": torch.cat([linear.weight for linear in three]),
            "self_attn.in_proj_bias": torch.cat([linear.bias for linear in three]),
            **{f"self_attn.out_proj.{k}": v for k, v in attention.output.state_dict().items()},
            **{f"linear1.{k}": v for k, v in ours.feed_forward.up.state_dict().items()},
            **{f"linear2.{k}": v for k, v in ours.feed_forward.down.state_dict().items()},
            **{f"norm1.{k}": v for k, v in ours.attention_norm.state_dict().items()},
            **{f"norm2.{k}": v for k, v in ours.feed_forward_norm.state_dict().items()},
        }
        theirs.load_state_dict(pairs)
    encoder.norm.load_state_dict(model.norm.state_dict())
    return encoder


@pytest.mark.parametrize("fast", [True, False])
def test_the_twins_are_pytorchs_encoder_with_and_without_its_mask(fast):
    causal, masked = twins(activation="gelu", fast=fast)
    ids = torch.randint(11, (3, 10), generator=torch.Generator().manual_seed(1))
    for model, mask in (
        (causal, nn.Transformer.generate_square_subsequent_mask(10).double()),
        (masked, None),
    ):
        embedded = model.embed(ids, torch.arange(10))
        expected = model.head(encoder_of(model)(embedded, mask=mask))[..., :11]
        torch.testing.assert_close(model(ids), expected)


def test_the_mask_token_can_be_read_and_is_no_answer():
    _, masked = twins()
    assert (masked.mask_id, masked.vocab_size) == (11, 11)
    assert masked(torch.full((2, 4), masked.mask_id)).shape == (2, 4, 11)
    with pytest.raises(ValueError, match=r"ids must lie in 0 … 11, got 12 … 12"):
        masked(torch.tensor([[12]]))


def test_one_more_row_of_the_embedding_is_all_that_the_masked_model_has_more():
    causal, masked = twins()
    assert masked.n_parameters - causal.n_parameters == TINY["d_model"]  # the head is tied
    assert masked.state_dict().keys() == causal.state_dict().keys()


def test_each_position_is_filled_in_without_having_been_seen():
    _, masked = twins()
    ids = torch.tensor([[1, 2, 3, 4], [5, 6, 7, 8]])
    found = fill_in_log_probs(masked, ids)
    for row, place in itertools.product(range(2), range(4)):
        hidden = ids[row : row + 1].clone()
        hidden[0, place] = 11
        torch.testing.assert_close(found[row, place], masked(hidden)[0, place].log_softmax(-1).detach())
    by_hand = sum(found[1, place, token] for place, token in enumerate([5, 6, 7, 8]))
    torch.testing.assert_close(pseudo_log_likelihood(masked, ids)[1], by_hand)
    torch.testing.assert_close(
        pseudo_log_likelihood(masked, ids, first=3), found[[0, 1], 3, [4, 8]], msg="only the last position"
    )


def test_over_all_texts_the_chain_rule_sums_to_one_and_the_masked_conditionals_do_not():
    causal, masked = twins(vocab_size=3)
    texts = torch.cat([torch.zeros(3**4, 1, dtype=torch.long), every_text(3, 4)], dim=1)  # the first is given
    chain = log_probs_of(causal(texts[:, :-1]), texts[:, 1:]).sum(dim=1).exp().sum().item()
    assert chain == pytest.approx(1, abs=1e-9)
    conditionals = pseudo_log_likelihood(masked, texts, first=1).exp().sum().item()
    assert abs(conditionals - 1) > 1e-3  # a million times the rounding above


class KnowsTheTwin(nn.Module):
    """The right conditionals of a language of two texts, 00 and 11, equally likely."""

    vocab_size = mask_id = 2

    def forward(self, ids):
        other = ids.flip(dims=[1])
        alone = torch.zeros(*ids.shape, 2, dtype=torch.double)  # nothing is known: equally likely
        known = torch.eye(3, dtype=torch.double)[other][..., :2].log()
        return torch.where((other == 2).unsqueeze(-1), alone, known)


def test_even_the_right_conditionals_multiply_to_more_than_one():
    texts, model = every_text(2, 2), KnowsTheTwin()
    assert pseudo_log_likelihood(model, texts).exp().tolist() == [1, 0, 0, 1]  # the truth: 1/2, 0, 0, 1/2
    for order in ([0, 1], [1, 0]):
        assert log_prob_in_order(model, texts, order).exp().tolist() == [0.5, 0, 0, 0.5]


def test_every_order_of_filling_sums_to_one_and_two_orders_disagree():
    _, masked = twins(vocab_size=3)
    texts = every_text(3, 4)
    rightward = log_prob_in_order(masked, texts, [0, 1, 2, 3])
    leftward = log_prob_in_order(masked, texts, [3, 2, 1, 0])
    for log_probs in (rightward, leftward):
        assert log_probs.exp().sum().item() == pytest.approx(1, abs=1e-6)
    assert (rightward - leftward).abs().max() > 0.1


def test_an_order_of_one_position_is_the_fill_in():
    _, masked = twins()
    ids = torch.tensor([[1, 2, 3, 4]])
    expected = fill_in_log_probs(masked, ids)[0, 2, 3]
    torch.testing.assert_close(
        log_prob_in_order(masked, ids, [2])[0].double(), expected, rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize("order", [[0, 0], [4], [-1]])
def test_an_order_that_is_none_is_refused(order):
    _, masked = twins()
    with pytest.raises(ValueError, match=r"positions in 0 … 3 once each, got \["):
        log_prob_in_order(masked, torch.tensor([[1, 2, 3, 4]]), order)


def test_a_masked_model_writes_no_text_from_left_to_right_and_has_no_memory():
    _, masked = twins()
    with pytest.raises(ValueError, match="fill gaps with unmask instead of generate"):
        next(generate(masked, torch.tensor([[1, 2]]), max_tokens=3))
    with pytest.raises(ValueError, match=r"no memory of n-grams, got ngram_sizes=\(2, 3, 4\)"):
        MaskedLM(compact_config(vocab_size=11))
