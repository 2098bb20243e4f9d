"""Checks of the exercises of notebook 10: autoencoders and VAEs."""

import math

import torch

from arlm_helpers.reading.checks.choices import choice_hint
from arlm_helpers.reading.checks.core import check

MODEL_FAMILIES = ("autoregressive", "autoencoder", "denoising autoencoder", "VAE", "GAN")
PHOTO = "make a photo of a face, fast and sharp, with no probability asked for"
TYPING = "repair typing errors, given pairs of lines with and without"
GOOD_FAMILIES = {
    "write a story": {"autoregressive"},
    "compress a file without loss": {"autoregressive"},
    "turn 100 measurements into 3 for a drawing": {"autoencoder", "VAE"},
    TYPING: {"denoising autoencoder", "autoregressive"},
    "invent new names that lie between two given ones": {"VAE"},
    "say which of two sentences is likelier": {"autoregressive"},
    PHOTO: {"GAN"},
}
FAMILY_NEEDS = {
    "write a story": "new text of open length, written token by token",
    "compress a file without loss": "exact probabilities of the next token; a bound is not enough",
    "turn 100 measurements into 3 for a drawing": "a code of three numbers; nothing has to be generated",
    TYPING: "to read a damaged line and to write a whole one",
    "invent new names that lie between two given ones": "a code for whatever lies between: a prior",
    "say which of two sentences is likelier": "an exact score; two bounds may be differently loose",
    PHOTO: "one pass, pixels through which gradients go, and no probability",
}
# (KL in nats, active units, lines from 20 random codes, collapsed?)
VAES = [
    (0.002, 0, 1, True),
    (9.5, 32, 20, False),
    (20.2, 30, 20, False),
    (0.03, 0, 14, True),
    (6.1, 3, 1, False),
    (0.0, 0, 20, True),
    (11.0, 16, 2, False),
]


@check
def kl_to_prior(answer):
    """Exercise 1: KL of diagonal Gaussians from the standard normal, one number a row."""
    mean = torch.tensor([[0.0, 0.0], [1.0, -2.0]], dtype=torch.float64)
    log_variance = torch.tensor([[0.0, 0.0], [-1.0, 0.5]], dtype=torch.float64)
    got = torch.as_tensor(answer(mean, log_variance)).double()
    parts = (mean**2 + log_variance.exp() - 1 - log_variance) / 2
    right = parts.sum(dim=-1)
    if got.shape == parts.shape and torch.allclose(got, parts):
        return "this is the KL of each number; a line pays for all of them: sum over the last axis"
    if got.shape != right.shape:
        return f"one number for each row is asked for, shape (2,); yours has shape {tuple(got.shape)}"
    variance = log_variance  # taken for the variance itself
    symptoms = {
        "the factor ½ is missing": 2 * right,
        "sum over the numbers of the code; the mean makes a long code cheap": parts.mean(dim=-1),
        "the sign: a KL is never negative": -right,
        "you are given log σ², not σ: σ² is e to its power, not e to twice its power": (
            (mean**2 + (2 * log_variance).exp() - 1 - 2 * log_variance).sum(dim=-1) / 2
        ),
        "you are given log σ², not σ²: take e to its power": (mean**2 + variance - 1 - log_variance).sum(-1)
        / 2,
        "the mean counts with its square": (mean + log_variance.exp() - 1 - log_variance).sum(-1) / 2,
        "−log σ² is missing: a narrow cloud has to cost something": (mean**2 + log_variance.exp() - 1).sum(-1)
        / 2,
    }
    if torch.allclose(got, right):
        return None
    hints = (hint for hint, wrong in symptoms.items() if torch.allclose(got, wrong))
    return next(hints, f"for means 1, -2 and log-variances -1, 0.5 it is {right[1]:.4f}, yours {got[1]:.4f}")


@check
def vae_loss_per_line(answer):
    """Exercise 2: minus the ELBO in nats per line, averaged over the lines."""
    nats = torch.tensor([[1.0, 2.0, 4.0], [5.0, 9.0, 9.0]])
    is_token = torch.tensor([[True, True, True], [True, False, False]])
    kl = torch.tensor([[0.5, 1.0], [0.25, 0.25]])
    got = float(answer(nats, is_token, kl))
    symptoms = {
        12 / 4 + 1: "that is the colleague's: the surprise is a mean over tokens, the KL a sum over a line",
        30 / 2 + 1: "padding is counted: only the places where is_token is true have a surprise",
        12 / 2 + 0.5: "the KL of a line is the *sum* over its numbers",
        12 + 2.0: "take the mean over the lines, 2 of them",
        12 / 2: "the cost of the code is missing",
        12 / 2 - 1: "the sign of the KL: in the loss it is added",
        -(12 / 2 + 1): "that is the ELBO itself; the loss is minus it",
        (7 / 3 + 5) / 2 + 1: "sum the surprise over a line's tokens; a mean makes the KL too heavy",
    }
    if math.isclose(got, 7.0, abs_tol=1e-5):
        return None
    hints = (hint for value, hint in symptoms.items() if math.isclose(got, value, abs_tol=1e-5))
    return next(hints, f"two lines of 7 and 5 nats, with KLs of 1.5 and 0.5, give 7 nats; yours {got:.4g}")


@check
def bound_from_weights(answer):
    """Exercise 3: log of the mean of importance weights."""
    log_likelihood = torch.tensor([-3.0, -2.0, -4.0]).double()
    log_prior, log_q = torch.tensor([-1.0, -2.0, -1.5]).double(), torch.tensor([-0.5, -1.0, -0.2]).double()
    log_weights = log_likelihood + log_prior - log_q
    right = log_weights.exp().mean().log().item()
    got = float(answer(log_likelihood, log_prior, log_q))
    symptoms = {
        log_weights.mean().item(): "the mean of the logarithms is the ELBO; it belongs under the logarithm",
        log_weights.logsumexp(0).item(): "divide the sum of the weights by K: subtract log K",
        log_weights.exp().mean().item(): "this is the estimate of P(x); its logarithm is asked for",
        log_likelihood.exp()
        .mean()
        .log()
        .item(): "weights are missing: the codes came from q, not from the prior",
        (log_likelihood + log_q - log_prior)
        .exp()
        .mean()
        .log()
        .item(): "the prior is above, q below the line",
        log_weights.max().item(): "the largest weight alone is no mean",
    }
    if not math.isclose(got, right, abs_tol=1e-5):
        hints = (hint for value, hint in symptoms.items() if math.isclose(got, value, abs_tol=1e-5))
        return next(hints, f"the three weights have the mean {math.exp(right):.4f}; its log is {right:.4f}")
    far = float(answer(log_likelihood - 2000, log_prior, log_q))
    if not math.isclose(far, right - 2000, rel_tol=1e-6):
        return "at log-likelihoods near -2000 it fails: do not leave the logarithms; use torch.logsumexp"
    return None


@check
def collapsed(answer):
    """Exercise 4: whether a VAE has collapsed, from three numbers."""
    for kl, active, n_lines, right in VAES:
        got = answer(kl, active, n_lines)
        if not isinstance(got, bool):
            return f"True or False is asked for, got {got!r}"
        if got != right and n_lines > 2 and right:
            return f"KL {kl}, no active unit: nothing is told, though random codes give {n_lines} lines"
        if got != right and n_lines <= 2 and not right:
            return f"KL {kl}, {active} active units: the code is in use, though few random lines differ"
        if got != right:
            return f"KL {kl} and {active} active units: that one has {'' if right else 'not '}collapsed"
    return None


@check
def families(answer):
    """Exercise 5: {task: (family, why)}."""
    return choice_hint(answer, MODEL_FAMILIES, GOOD_FAMILIES, FAMILY_NEEDS)
