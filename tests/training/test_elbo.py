"""Bounds of the likelihood against the likelihood itself: an integral over codes of one or two numbers."""

import itertools

import pytest
import torch

from arlm_helpers.models.text_vae import TextVAE
from arlm_helpers.training.elbo import (
    ELBOTerms,
    VAEObjective,
    active_units,
    elbo_terms,
    importance_weighted_bound,
    line_nats,
    vae_loss,
)
from arlm_helpers.training.kl_schedules import ConstantKL, LinearKL
from arlm_helpers.training.pair_batches import PairBatch
from tests.conditional import text_autoencoder

PAD = 12
START, END = 0, 1
LINES = [[2, 3, 4], [5], [2, 2]]


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def batch_of(lines):
    """Lines as source, as what the decoder reads, and as targets; PAD is never read by it here."""
    width = max(map(len, lines))
    source = torch.tensor([line + [PAD] * (width - len(line)) for line in lines])
    ids = torch.tensor([[START, *line, *[END] * (width - len(line))] for line in lines])
    targets = torch.tensor([[*line, END, *[PAD] * (width - len(line))] for line in lines])
    return PairBatch(ids, targets, source=source, pad_id=PAD)


def vae(d_latent=4):
    return text_autoencoder(13, TextVAE, d_latent=d_latent)


def repeated(batch, n):
    """Each line ``n`` times, so that many codes are drawn for it at once."""
    parts = (part.repeat_interleave(n, dim=0) for part in (batch.ids, batch.targets, batch.source))
    ids, targets, source = parts
    return PairBatch(ids, targets, source=source, pad_id=PAD)


@torch.no_grad()
def exact_log_likelihood(model, batch):
    """log of the integral of p(line | z) N(z; 0, 1) over a grid of codes, one line after the other."""
    d_latent = model.config.d_latent
    axis = torch.linspace(-7, 7, 1401 if d_latent == 1 else 101, dtype=torch.float64)
    grid = torch.cartesian_prod(*[axis] * d_latent).view(-1, d_latent)
    cell = (axis[1] - axis[0]).log() * d_latent
    normal = torch.distributions.Normal(0.0, 1.0).log_prob(grid).sum(dim=-1)
    result = []
    for ids, targets in zip(batch.ids, batch.targets, strict=True):
        n = len(grid)
        logits = model(ids.expand(n, -1), model.new_cache(grid))
        nats = line_nats(logits, targets.expand(n, -1), PAD)
        result.append((normal - nats + cell).logsumexp(dim=0))
    return torch.stack(result)


@pytest.fixture(scope="module", params=[1, 2])
def model(request):
    return vae(request.param)


def mean_bound(model, batch, n_samples, n_times=1000):
    """Mean and standard error of the bound over ``n_times`` repetitions, for each line."""
    with torch.no_grad():
        values = importance_weighted_bound(model, repeated(batch, n_times), n_samples, rng=rng())
    values = values.view(len(batch.ids), n_times)
    return values.mean(dim=1), values.std(dim=1) / n_times**0.5


def test_the_likelihoods_of_all_lines_of_one_length_sum_to_one():
    model = text_autoencoder(3, TextVAE, d_latent=1)
    ids = torch.tensor([[START, *line] for line in itertools.product(range(3), repeat=3)])
    batch = PairBatch(ids[:, :-1], ids[:, 1:], source=ids, pad_id=PAD)
    assert exact_log_likelihood(model, batch).exp().sum().item() == pytest.approx(1, abs=1e-9)


def test_the_elbo_lies_below_the_log_likelihood_and_more_samples_rise_towards_it(model):
    batch = batch_of(LINES)
    exact = exact_log_likelihood(model, batch)
    with torch.no_grad():
        elbo = elbo_terms(model, repeated(batch, 1000), rng=rng()).elbo.view(3, -1).mean(dim=1)
    previous, error = mean_bound(model, batch, 1)
    assert ((elbo - previous).abs() < 7 * error).all()  # one sample: the ELBO, but for luck
    assert (elbo < exact - 0.05).all()
    for n_samples in (5, 50):
        bound, error = mean_bound(model, batch, n_samples)
        assert (bound > previous + 5 * error).all()
        assert (bound < exact + 5 * error).all()  # all of these: less than one in 100,000
        previous = bound
    assert (exact - bound < 0.3 * (exact - elbo)).all()


def test_the_gap_of_the_elbo_is_the_divergence_from_the_true_posterior():
    """log p(x) - ELBO = KL(q ‖ p(z | x)): both by integration over a code of one number."""
    model, batch = vae(1), batch_of(LINES)
    exact, z = exact_log_likelihood(model, batch), torch.linspace(-12, 12, 4801, dtype=torch.float64)
    with torch.no_grad():
        q = model.posterior(batch.source)
        for row in range(3):
            ids, targets = (part[row].expand(len(z), -1) for part in (batch.ids, batch.targets))
            nats = line_nats(model(ids, model.new_cache(z.unsqueeze(1))), targets, PAD)
            deviation = (q.log_variance[row] / 2).exp()
            log_q = torch.distributions.Normal(q.mean[row], deviation).log_prob(z)
            log_true = torch.distributions.Normal(0.0, 1.0).log_prob(z) - nats - exact[row]
            divergence = torch.trapezoid(log_q.exp() * (log_q - log_true), z)
            terms = ELBOTerms(torch.trapezoid(log_q.exp() * nats, z).view(1), q.kl()[row : row + 1])
            torch.testing.assert_close(exact[row] - terms.elbo[0], divergence, atol=1e-6, rtol=0)


def test_a_line_costs_the_sum_of_its_tokens_and_nothing_for_what_fills_up_its_row():
    batch = batch_of(LINES)
    logits = torch.randn(3, 4, 13, generator=rng())
    by_hand = torch.nn.functional.cross_entropy(
        logits.mT, batch.targets, ignore_index=PAD, reduction="none"
    ).sum(dim=1)
    torch.testing.assert_close(line_nats(logits, batch.targets, PAD), by_hand)


def test_the_terms_do_not_depend_on_the_other_lines():
    model, batch = vae(), batch_of(LINES)
    kl = elbo_terms(model, batch, rng=rng()).kl
    for row, line in enumerate(LINES):
        torch.testing.assert_close(elbo_terms(model, batch_of([line]), rng=rng()).kl[0], kl[row])


TERMS = ELBOTerms(torch.tensor([10.0, 12.0]), torch.tensor([[0.25, 3.0], [0.25, 1.0]]))


def test_the_elbo_is_minus_reconstruction_and_kl():
    assert TERMS.elbo.tolist() == [-13.25, -13.25]
    assert TERMS.loss().item() == 13.25


def test_a_weight_counts_the_kl_only():
    assert TERMS.loss(kl_weight=0.5).item() == 11 + 0.5 * 2.25
    assert TERMS.loss(kl_weight=0).item() == 11


def test_free_bits_are_charged_per_number_of_the_code_in_the_mean_of_the_batch():
    assert TERMS.loss(free_bits=0.5).item() == 11 + 0.5 + 2.0  # 0.25 is below 0.5, the mean of 3 and 1 is not
    assert TERMS.loss(kl_weight=0.1, free_bits=4).item() == pytest.approx(11 + 0.1 * 8)


def test_below_the_free_bits_the_kl_pulls_at_nothing():
    kl = TERMS.kl.clone().requires_grad_()
    ELBOTerms(TERMS.reconstruction, kl).loss(free_bits=0.5).backward()
    assert kl.grad.tolist() == [[0, 0.5], [0, 0.5]]


def test_annealing_waits_rises_in_a_line_and_stays():
    schedule = LinearKL(final=0.8, wait=0.2, rise=0.5)
    weights = [schedule(step, 100) for step in (0, 20, 45, 70, 99)]
    assert weights == pytest.approx([0, 0, 0.4, 0.8, 0.8])
    assert LinearKL(final=1, rise=0)(1, 100) == 1  # no rise: all of it after the first step
    assert ConstantKL(0.3)(0, 100) == ConstantKL(0.3)(99, 100) == 0.3


def test_the_objective_weighs_the_terms_as_its_schedule_says():
    model, batch = vae(), batch_of(LINES)
    objective = VAEObjective(LinearKL(final=0.5, rise=1.0), free_bits=0.2)
    loss = vae_loss(model, batch, objective, 50, 100, rng=rng())
    torch.testing.assert_close(loss, elbo_terms(model, batch, rng=rng()).loss(0.25, 0.2))


def test_word_dropout_hides_what_the_decoder_reads_but_start():
    model, batch, seen = vae(), batch_of(LINES), []
    handle = model.embedding.register_forward_hook(lambda _module, inputs, _output: seen.append(inputs[0]))
    for share in (0.0, 1.0):
        elbo_terms(model, batch, rng=rng(), word_dropout=share)
    handle.remove()
    assert seen[0].equal(batch.ids)
    assert seen[1][:, 0].eq(START).all() and seen[1][:, 1:].eq(PAD).all()


def test_units_that_say_nothing_are_not_active():
    means = torch.tensor([[1.0, 0.10, 0.0], [-1.0, 0.11, 0.0], [0.5, 0.09, 0.0]])
    assert active_units(means) == 1 and active_units(means, threshold=1e-5) == 2


@pytest.mark.parametrize(
    "build, message",
    [
        (lambda: ConstantKL(-0.1), "the KL weight must be at least 0, got -0.1"),
        (lambda: LinearKL(final=-1.0), "the KL weight must be at least 0, got -1.0"),
        (lambda: LinearKL(wait=0.6, rise=0.5), "together at most 1; got 0.6 and 0.5"),
        (lambda: LinearKL(rise=-0.5), "fractions of the run"),
        (lambda: VAEObjective(free_bits=-1.0), "free_bits must be at least 0 nats, got -1.0"),
        (lambda: VAEObjective(word_dropout=1.1), r"must be in \[0, 1\], got 1.1"),
        (lambda: importance_weighted_bound(vae(), batch_of(LINES), 0), "n_samples must be at least 1, got 0"),
    ],
)
def test_what_makes_no_sense_is_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()
