"""An answer that may be copied from the source: its probabilities by hand, and words never seen."""

import pytest
import torch
from conditional import PAD, with_random_weights

from arlm_helpers.models.seq2seq import Seq2SeqConfig
from arlm_helpers.models.seq2seq_copy import CopySeq2Seq

SOURCE = torch.tensor([[3, 1, 3, 5], [6, 5, PAD, PAD]])
IDS = torch.tensor([[0, 4, 2], [0, 7, 9]])


def copying(attention="additive", **options):
    return CopySeq2Seq(Seq2SeqConfig(13, PAD, attention=attention, d_model=8, **options))


@pytest.mark.parametrize("attention", ["additive", "dot"])
def test_every_probability_by_hand(attention):
    model = with_random_weights(copying(attention))
    probs = model(IDS, model.new_cache(SOURCE)).exp()
    torch.testing.assert_close(probs.sum(dim=-1), torch.ones(2, 3, dtype=torch.float64))
    weights = model.alignment(IDS, model.new_cache(SOURCE))
    h = model.read(IDS, cache := model.new_cache(SOURCE))
    for row in range(2):
        for time in range(3):
            found = sum(weights[row, time, j] * cache.memory[row, j] for j in range(4))
            state = torch.cat([found, h[row, time]])
            p_write = 1 / (1 + (-model.write(state)).exp())
            head = model.head(model.mix(state).tanh()).softmax(dim=-1)
            for token in range(13):
                places = [j for j in range(4) if SOURCE[row, j] == token]
                copied = sum(weights[row, time, j] for j in places)
                expected = p_write * head[token] + (1 - p_write) * copied
                torch.testing.assert_close(probs[row, time, token], expected.squeeze())


def test_reading_in_two_parts_and_rows_of_a_cache_change_nothing():
    model = with_random_weights(copying())
    logits = model(IDS, model.new_cache(SOURCE))
    cache = model.new_cache(SOURCE)
    torch.testing.assert_close(model(IDS[:, :1], cache), logits[:, :1])
    rows = torch.tensor([1, 0, 1])
    selected, fork = cache.select(rows), cache.copy()
    torch.testing.assert_close(model(IDS[:, 1:], cache), logits[:, 1:])
    torch.testing.assert_close(model(IDS[rows, 1:], selected), logits[rows, 1:])
    torch.testing.assert_close(model(IDS[:, 1:], fork), logits[:, 1:])


def test_a_token_that_the_head_never_writes_is_copied():
    model = with_random_weights(copying())
    with torch.no_grad():
        model.head.bias[3] = -1e6
        model.write.bias.fill_(0.0)
    probs = model(IDS, model.new_cache(SOURCE)).exp()
    assert (probs[0, :, 3] > 0.01).all()  # token 3 is in the first source
    assert (probs[1, :, 3] < 1e-20).all()  # and not in the second


def test_padding_is_never_copied():
    model = with_random_weights(copying())
    with torch.no_grad():
        model.head.bias[PAD] = -1e6
    assert (model(IDS, model.new_cache(SOURCE)).exp()[..., PAD] < 1e-20).all()


def test_logits_and_gradients_are_finite_where_nothing_can_be_written():
    model = with_random_weights(copying())
    with torch.no_grad():
        model.write.bias.fill_(-1e4)  # only copies; what the source lacks has probability 0
    logits = model(IDS, model.new_cache(SOURCE))
    logits.logsumexp(dim=-1).sum().backward()
    assert logits.isfinite().all()
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters())


def test_it_learns_to_copy_tokens_that_never_occur_in_training():
    """Trained to repeat sources of tokens 0 to 5; then asked to repeat tokens 6 to 9."""
    rng = torch.Generator().manual_seed(0)
    model = CopySeq2Seq(Seq2SeqConfig(13, PAD, d_model=32), rng=rng)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)

    def right(tokens):
        ids = torch.cat([torch.full((len(tokens), 1), 10), tokens[:, :-1]], dim=1)
        return model(ids, model.new_cache(tokens)).log_softmax(dim=-1), tokens

    for _ in range(150):
        log_probs, tokens = right(torch.stack([torch.randperm(6, generator=rng)[:3] for _ in range(32)]))
        optimizer.zero_grad()
        torch.nn.functional.nll_loss(log_probs.transpose(1, 2), tokens).backward()
        optimizer.step()
    log_probs, tokens = right(torch.stack([6 + torch.randperm(4, generator=rng)[:3] for _ in range(200)]))
    assert (log_probs.argmax(dim=-1) == tokens).float().mean() > 0.3  # by guessing a seen one: 0


@pytest.mark.parametrize("options", [{"attention": "none"}, {"source_vocab_size": 14}])
def test_without_attention_or_with_two_vocabularies_nothing_can_be_copied(options):
    with pytest.raises(ValueError, match="to copy, a model needs attention and one vocabulary"):
        copying(**options)
