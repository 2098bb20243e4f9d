"""The text autoencoder and the VAE: what goes through the code, and Gaussians against torch's."""

import pytest
import torch

from arlm_helpers.decoding.sampling import generate
from arlm_helpers.models.causality import assert_causal
from arlm_helpers.models.given import Given
from arlm_helpers.models.text_autoencoder import TextAutoencoderConfig
from arlm_helpers.models.text_vae import DiagonalGaussian, TextVAE
from tests.conditional import SOURCE, text_autoencoder

IDS = torch.tensor([[0, 4, 2, 7, 1], [0, 3, 3, 9, 2], [0, 10, 6, 5, 8]])
MODULES = {"gru": torch.nn.GRU, "lstm": torch.nn.LSTM, "elman": torch.nn.RNN}


def random_gaussian(rows=4, d_latent=3):
    rng = torch.Generator().manual_seed(0)
    mean, log_variance = torch.randn(2, rows, d_latent, generator=rng, dtype=torch.float64)
    deviation = (log_variance / 2).exp()
    return DiagonalGaussian(mean, log_variance), torch.distributions.Normal(mean, deviation)


@pytest.mark.parametrize("kind", MODULES)
def test_the_decoder_is_the_librarys_module_that_reads_embeddings_and_code(kind):
    model = text_autoencoder(11, kind=kind)
    library = MODULES[kind](8, 8, batch_first=True).double()
    library.load_state_dict({f"{name}_l0": weight for name, weight in model.decoder.state_dict().items()})
    code = torch.randn(3, 4, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    starts = torch.tanh(code @ model.to_state.weight.T + model.to_state.bias).split(8, dim=-1)
    first = [start.unsqueeze(0).contiguous() for start in starts]
    x = model.embedding(IDS) + (code @ model.to_input.weight.T)[:, None]
    h, _ = library(x, tuple(first) if kind == "lstm" else first[0])
    torch.testing.assert_close(model(IDS, model.new_cache(code)), model.head(h))


@pytest.mark.parametrize("model", [text_autoencoder(11), text_autoencoder(11, TextVAE)], ids=["plain", "vae"])
def test_the_code_is_all_that_the_decoder_knows_of_the_line(model):
    code = model.latent(SOURCE)
    assert code.shape == (3, 4)
    torch.testing.assert_close(model(IDS, model.new_cache(code)), model(IDS, model.new_cache(SOURCE)))


def test_generate_writes_from_codes_that_belong_to_no_line():
    model, codes = text_autoencoder(11), torch.tensor([[4.0, -2, 0, 2], [-6, 2, 4, 0]]).double()
    start = torch.zeros(2, 1, dtype=torch.int64)
    together = torch.stack([step.ids for step in generate(Given(model, codes), start, max_tokens=6)], dim=1)
    for row in range(2):
        steps = generate(Given(model, codes[row : row + 1]), start[:1], max_tokens=6)
        assert torch.stack([step.ids for step in steps], dim=1).equal(together[row : row + 1])
    assert not together[0].equal(together[1])


def test_the_decoder_sees_no_later_token_whatever_the_code():
    assert_causal(Given(text_autoencoder(11, TextVAE), SOURCE[:1]))


def test_the_mean_of_the_posterior_stands_for_a_line():
    model = text_autoencoder(11, TextVAE)
    posterior = model.posterior(SOURCE)
    torch.testing.assert_close(model.latent(SOURCE), posterior.mean)
    both = model.encode(SOURCE)[1] @ model.to_latent.weight.T + model.to_latent.bias
    torch.testing.assert_close(torch.cat([posterior.mean, posterior.log_variance], dim=1), both)


def test_kl_to_the_prior_is_that_of_torch():
    gaussian, theirs = random_gaussian()
    standard = torch.distributions.Normal(torch.zeros(4, 3).double(), torch.ones(4, 3).double())
    torch.testing.assert_close(gaussian.kl(), torch.distributions.kl_divergence(theirs, standard))


def test_the_log_density_is_that_of_torch():
    gaussian, theirs = random_gaussian()
    z = torch.linspace(-2, 2, 12, dtype=torch.float64).view(4, 3)
    torch.testing.assert_close(gaussian.log_prob(z), theirs.log_prob(z).sum(dim=-1))


def test_the_prior_is_the_standard_normal():
    prior = text_autoencoder(11, TextVAE).prior(2)
    assert prior.kl().eq(0).all() and prior.mean.shape == (2, 4)


def test_draws_have_mean_and_variance_of_the_gaussian():
    gaussian = DiagonalGaussian(torch.tensor([[1.0, -2]]), torch.tensor([[0.0, -2]]))
    many = DiagonalGaussian(gaussian.mean.expand(20_000, 2), gaussian.log_variance.expand(20_000, 2))
    draws = many.sample(torch.Generator().manual_seed(0))
    deviation = (gaussian.log_variance / 2).exp()[0]  # below: five standard errors, 1 in a million
    assert ((draws.mean(dim=0) - gaussian.mean[0]).abs() < 5 * deviation / 20_000**0.5).all()
    assert ((draws.std(dim=0) / deviation - 1).abs() < 5 / 40_000**0.5).all()


def test_a_draw_passes_gradients_to_mean_and_variance():
    mean, log_variance = torch.zeros(1, 1, requires_grad=True), torch.zeros(1, 1, requires_grad=True)
    z = DiagonalGaussian(mean, log_variance).sample(torch.Generator().manual_seed(0))
    z.sum().backward()
    assert mean.grad.item() == 1 and log_variance.grad.item() == pytest.approx(z.item() / 2)


def test_a_line_longer_than_the_decoders_limit_is_refused():
    model = text_autoencoder(11)  # reads 16 tokens: START and a line of 15
    line = torch.ones(1, 15, dtype=torch.int64)
    assert model(torch.zeros(1, 16, dtype=torch.int64), model.new_cache(line)).shape == (1, 16, 11)
    with pytest.raises(ValueError, match="a line of 16 tokens is longer than the 15 that this decoder can"):
        model.new_cache(torch.ones(1, 16, dtype=torch.int64))


@pytest.mark.parametrize("n_first", [0, 10])
def test_writing_past_the_limit_is_refused_also_in_two_parts(n_first):
    model = text_autoencoder(11)
    cache = model.new_cache(SOURCE[:1])
    if n_first:
        model(torch.zeros(1, n_first, dtype=torch.int64), cache)
    with pytest.raises(ValueError, match="17 tokens are more than this decoder's context_length of 16"):
        model(torch.zeros(1, 17 - n_first, dtype=torch.int64), cache.copy().select(torch.tensor([0])))


def test_a_code_of_another_size_is_refused():
    with pytest.raises(ValueError, match="has 4 numbers, got 5"):
        text_autoencoder(11).new_cache(torch.zeros(1, 5, dtype=torch.float64))


@pytest.mark.parametrize(
    "options, message",
    [
        ({"d_latent": 0}, "d_latent must be at least 1, or nothing passes; got 0"),
        ({"attention": "dot"}, "attention 'dot' would show the decoder the line itself"),
        ({"context_length": 1}, "context_length must be at least 2, START and a token, got 1"),
        ({"d_model": 7}, "d_model must be even"),
    ],
)
def test_a_configuration_that_does_not_fit_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        TextAutoencoderConfig(11, 0, **options)
