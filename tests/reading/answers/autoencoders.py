"""Recorded answers to the exercises of notebook 10, right and wrong."""

import torch


def kl(form, finish=lambda parts: parts.sum(dim=-1) / 2):
    return lambda mean, log_variance: finish(form(mean, log_variance))


def kl_by_torch(mean, log_variance):
    cloud = torch.distributions.Normal(mean, (log_variance / 2).exp())
    standard = torch.distributions.Normal(torch.zeros_like(mean), torch.ones_like(mean))
    return torch.distributions.kl_divergence(cloud, standard).sum(dim=-1)


def whole(mean, log_variance):
    return mean**2 + log_variance.exp() - 1 - log_variance


def line_by_line(nats, is_token, kl):
    losses = [n[there].sum() + k.sum() for n, there, k in zip(nats, is_token, kl, strict=True)]
    return sum(losses) / len(losses)


def weights(finish):
    return lambda log_likelihood, log_prior, log_q: finish(log_likelihood + log_prior - log_q)


def from_largest(log_weights):
    top = log_weights.max()
    return top + (log_weights - top).exp().mean().log()


PHOTO = "make a photo of a face, fast and sharp, with no probability asked for"
TYPING = "repair typing errors, given pairs of lines with and without"
NAMES = "invent new names that lie between two given ones"
GOOD = {
    "write a story": ("autoregressive", "text of open length is written"),
    "compress a file without loss": ("autoregressive", "the code needs a chain rule"),
    "turn 100 measurements into 3 for a drawing": ("autoencoder", "a narrow code is enough here"),
    TYPING: ("denoising autoencoder", "damaged lines in, whole ones out"),
    NAMES: ("VAE", "its prior fills the space between"),
    "say which of two sentences is likelier": ("autoregressive", "an exact score for each of them"),
    PHOTO: ("GAN", "gradients pass through every pixel"),
}

ANSWERS = {
    "kl_to_prior": {
        "right": [kl(whole), kl_by_torch],
        "wrong": [
            (kl(whole, lambda parts: parts / 2), "sum over the last axis"),
            (kl(whole, lambda parts: parts.sum() / 2), "one number for each row"),
            (kl(whole, lambda parts: parts.sum(dim=-1)), "½ is missing"),
            (kl(whole, lambda parts: parts.mean(dim=-1) / 2), "mean makes a long code cheap"),
            (kl(whole, lambda parts: -parts.sum(dim=-1) / 2), "never negative"),
            (kl(lambda m, v: m**2 + v - 1 - v), "not σ²"),
            (kl(lambda m, v: m**2 + (2 * v).exp() - 1 - 2 * v), "not σ:"),
            (kl(lambda m, v: m + v.exp() - 1 - v), "its square"),
            (kl(lambda m, v: m**2 + v.exp() - 1), "narrow cloud"),
            (kl(lambda m, v: m**2), "yours"),
        ],
    },
    "vae_loss_per_line": {
        "right": [lambda n, there, k: (n * there).sum(1).mean() + k.sum(1).mean(), line_by_line],
        "wrong": [
            (lambda n, there, k: n[there].mean() + k.sum(-1).mean(), "the colleague's"),
            (lambda n, there, k: (n.sum(1) + k.sum(1)).mean(), "padding"),
            (lambda n, there, k: (n * there).sum(1).mean() + k.mean(1).mean(), "*sum* over its numbers"),
            (lambda n, there, k: (n * there).sum() + k.sum(), "mean over the lines"),
            (lambda n, there, k: (n * there).sum(1).mean(), "cost of the code"),
            (lambda n, there, k: ((n * there).sum(1) - k.sum(1)).mean(), "sign"),
            (lambda n, there, k: -((n * there).sum(1) + k.sum(1)).mean(), "ELBO itself"),
            (lambda n, there, k: ((n * there).sum(1) / there.sum(1) + k.sum(1)).mean(), "too heavy"),
            (lambda n, there, k: torch.tensor(0.0), "yours 0"),
        ],
    },
    "bound_from_weights": {
        "right": [weights(lambda w: w.logsumexp(0) - torch.tensor(len(w)).log()), weights(from_largest)],
        "wrong": [
            (weights(lambda w: w.mean()), "under the logarithm"),
            (weights(lambda w: w.logsumexp(0)), "subtract log K"),
            (weights(lambda w: w.exp().mean()), "its logarithm"),
            (weights(lambda w: w.exp().mean().log()), "do not leave the logarithms"),
            (lambda lik, prior, q: lik.exp().mean().log(), "weights are missing"),
            (lambda lik, prior, q: (lik + q - prior).exp().mean().log(), "below the line"),
            (weights(lambda w: w.max()), "no mean"),
            (weights(lambda w: w.sum()), "the three weights"),
        ],
    },
    "collapsed": {
        "right": [lambda kl, active, n: kl < 0.2, lambda kl, active, n: active == 0],
        "wrong": [
            (lambda kl, active, n: n == 1, "nothing is told"),
            (lambda kl, active, n: kl < 0.2 or n < 3, "the code is in use"),
            (lambda kl, active, n: kl > 0.2, "that one has collapsed"),
            (lambda kl, active, n: active < 31, "has not collapsed"),
            (lambda kl, active, n: "yes", "True or False"),
        ],
    },
    "families": {
        "right": [
            GOOD,
            GOOD | {TYPING: ("autoregressive", "the damaged line is its prompt")},
        ],
        "wrong": [
            (GOOD | {"write a story": ("autoencoder", "it gives back what it reads")}, "token by token"),
            (
                GOOD | {"compress a file without loss": ("VAE", "its bound is an upper one")},
                "a bound is not enough",
            ),
            (GOOD | {NAMES: ("autoencoder", "it has codes for lines")}, "a prior"),
            (GOOD | {PHOTO: ("GAN", "sharp")}, "say why"),
            (GOOD | {PHOTO: ("diffusion", "it is what people use now")}, "the families are"),
            ({"write a story": ("autoregressive", "text of open length is written")}, "lacks"),
        ],
    },
}
