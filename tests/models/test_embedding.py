"""What a token is before it looks at others: a sum of its meaning, its place and its n-grams."""

import torch

from arlm_helpers.models.embedding import InputEmbedding
from arlm_helpers.models.gpt_config import GPTConfig
from arlm_helpers.models.positions import sinusoidal_positions

SMALL = {"vocab_size": 5, "context_length": 9, "n_heads": 1, "d_model": 4}
IDS, PLACES = torch.tensor([[1, 3, 1]]), torch.tensor([6, 7, 8])


def parts(**choices):
    torch.manual_seed(0)
    embedding = InputEmbedding(GPTConfig(**SMALL, **choices))
    return embedding, embedding(IDS, PLACES), embedding.tokens.weight[IDS]


def test_without_positions_equal_tokens_have_equal_vectors():
    _, x, tokens = parts(positions="none")
    assert torch.equal(x, tokens) and torch.equal(x[0, 0], x[0, 2])


def test_learned_positions_are_added():
    embedding, x, tokens = parts(positions="learned")
    torch.testing.assert_close(x, tokens + embedding.positions.weight[6:])


def test_sines_are_added_to_an_embedding_made_louder():
    _, x, tokens = parts(positions="sinusoidal")
    torch.testing.assert_close(x, 2 * tokens + sinusoidal_positions(PLACES, 4))  # √4


def test_ngrams_are_added():
    embedding, x, tokens = parts(positions="none", ngram_sizes=(2,))
    assert torch.equal(x, tokens)  # a new memory says nothing
    torch.nn.init.normal_(embedding.ngrams.tables["2"])
    torch.testing.assert_close(embedding(IDS, PLACES), tokens + embedding.ngrams(IDS))


def test_dropout_acts_on_the_sum_and_only_while_training():
    embedding, x, _ = parts(dropout=0.5)
    kept = x != 0
    whole = embedding.eval()(IDS, PLACES)
    assert 0 < kept.sum() < kept.numel()  # of twelve numbers; the seed is fixed
    torch.testing.assert_close(x[kept], 2 * whole[kept])
