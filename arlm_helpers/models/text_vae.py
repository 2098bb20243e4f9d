"""The variational autoencoder of text: a line becomes a cloud of codes, and new codes come from a prior."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from arlm_helpers.models.text_autoencoder import TextAutoencoder


@dataclass(frozen=True)
class DiagonalGaussian:
    """A Gaussian for each row, whose numbers are independent of each other."""

    mean: Float[Tensor, "batch d_latent"]
    log_variance: Float[Tensor, "batch d_latent"]

    def sample(self, rng: torch.Generator | None = None) -> Float[Tensor, "batch d_latent"]:
        """One draw per row, through which gradients reach mean and variance: z = mean + deviation · noise.

        Source:
            Kingma and Welling (2014), section 2.4, https://arxiv.org/abs/1312.6114
        """
        noise = torch.randn(self.mean.shape, generator=rng, dtype=self.mean.dtype).to(self.mean.device)
        return self.mean + (self.log_variance / 2).exp() * noise

    def log_prob(self, latent: Float[Tensor, "batch d_latent"]) -> Float[Tensor, " batch"]:
        """Log-density of each row of ``latent``, in nats."""
        squared = (latent - self.mean).square() / self.log_variance.exp()
        return -(squared + self.log_variance + math.log(2 * math.pi)).sum(dim=-1) / 2

    def kl(self) -> Float[Tensor, "batch d_latent"]:
        """KL(this, standard normal) of each number of the code, in nats: what it costs to tell the code.

        Source:
            Kingma and Welling (2014), appendix B.
        """
        return (self.mean.square() + self.log_variance.exp() - 1 - self.log_variance) / 2


class TextVAE(TextAutoencoder):
    """A text autoencoder that gives each line a Gaussian q(z | line), and its codes a prior, N(0, 1).

    So it is a model of text: draw a code from the prior and let the decoder write. The probability of a
    line is an integral over all codes, which can only be bounded. As a cache's code of a line its mean is
    taken; ``new_cache(codes)`` takes any other.

    Source:
        Kingma and Welling (2014); for text Bowman et al. (2016), section 3, https://arxiv.org/abs/1511.06349
    """

    n_vectors = 2  # mean and log-variance

    def posterior(self, source: Int[Tensor, "batch source"]) -> DiagonalGaussian:
        """q(z | line): where the code of each line may lie.

        Raises:
            ValueError: if a line cannot be read or is too long for the decoder.
        """
        return DiagonalGaussian(*self.to_latent(self.summary(source)).chunk(2, dim=-1))

    def latent(self, source: Int[Tensor, "batch source"]) -> Float[Tensor, "batch d_latent"]:
        """The mean of each line's posterior."""
        return self.posterior(source).mean

    def prior(self, n_rows: int) -> DiagonalGaussian:
        """The standard normal, for ``n_rows`` codes."""
        zeros = self.head.weight.new_zeros(n_rows, self.config.d_latent)
        return DiagonalGaussian(zeros, zeros)
