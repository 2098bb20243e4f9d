"""What a variational autoencoder is trained on, and by how much it bounds the likelihood."""

import math
from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int
from torch import Tensor

from arlm_helpers.models.text_vae import TextVAE
from arlm_helpers.training.kl_schedules import ConstantKL, KLSchedule
from arlm_helpers.training.losses import log_probs_of
from arlm_helpers.training.noise import replace_some
from arlm_helpers.training.pair_batches import PairBatch


@dataclass(frozen=True)
class VAEObjective:
    """How a VAE is kept from ignoring its code: each field is a cure, the defaults are none.

    ``free_bits``: nats that each number of the code may tell for nothing. ``word_dropout``: the share of
    the tokens read by the decoder that are hidden from it, so that it has to ask the code.

    Raises:
        ValueError: if ``free_bits`` is negative, or ``word_dropout`` not in [0, 1].
    """

    kl_weight: KLSchedule = field(default_factory=ConstantKL)
    free_bits: float = 0.0
    word_dropout: float = 0.0

    def __post_init__(self) -> None:
        if not self.free_bits >= 0:
            raise ValueError(f"free_bits must be at least 0 nats, got {self.free_bits}")
        if not 0 <= self.word_dropout <= 1:
            raise ValueError(
                f"word_dropout is a share of the tokens and must be in [0, 1], got {self.word_dropout}"
            )


def line_nats(
    logits: Float[Tensor, "batch time vocab"], targets: Int[Tensor, "batch time"], pad_id: int
) -> Float[Tensor, " batch"]:
    """Surprise in nats of each whole line; what only fills up a row is not part of it."""
    return -(log_probs_of(logits, targets) * (targets != pad_id)).sum(dim=1)


@dataclass(frozen=True)
class ELBOTerms:
    """The two sides of the bargain, in nats: surprise of each line given its code, and cost of the code."""

    reconstruction: Float[Tensor, " batch"]
    kl: Float[Tensor, "batch d_latent"]

    @property
    def elbo(self) -> Float[Tensor, " batch"]:
        """The evidence lower bound of each line: at most its log-likelihood, in the mean over codes.

        Source:
            Kingma and Welling (2014), equation 3, https://arxiv.org/abs/1312.6114
        """
        return -(self.reconstruction + self.kl.sum(dim=-1))

    def loss(self, kl_weight: float = 1.0, free_bits: float = 0.0) -> Float[Tensor, ""]:
        """Mean nats per line that training lowers; with the defaults the negative ELBO.

        A number of the code that costs less than ``free_bits`` in the mean of the batch is charged that
        much all the same, so that saving there gains nothing.

        Source:
            Free bits: Kingma et al. (2016), appendix C.8, https://arxiv.org/abs/1606.04934
        """
        charged = self.kl.mean(dim=0).clamp(min=free_bits).sum()
        return self.reconstruction.mean() + kl_weight * charged


def elbo_terms(
    model: TextVAE, batch: PairBatch, *, rng: torch.Generator | None = None, word_dropout: float = 0.0
) -> ELBOTerms:
    """Both terms of each line, its code drawn once from the posterior of its source.

    A share of ``word_dropout`` of what the decoder reads, never START, is hidden behind the id that fills up
    rows; it is still a target.

    Source:
        Word dropout: Bowman et al. (2016), section 3.1, https://arxiv.org/abs/1511.06349
    """
    posterior = model.posterior(batch.source)
    ids = batch.ids
    if word_dropout > 0:
        read = replace_some(ids[:, 1:], word_dropout, torch.full_like(ids[:, 1:], batch.pad_id), rng)
        ids = torch.cat([ids[:, :1], read], dim=1)
    logits = model(ids, model.new_cache(posterior.sample(rng)))
    return ELBOTerms(line_nats(logits, batch.targets, batch.pad_id), posterior.kl())


def vae_loss(
    model: TextVAE,
    batch: PairBatch,
    objective: VAEObjective,
    step: int,
    n_steps: int,
    *,
    rng: torch.Generator | None = None,
) -> Float[Tensor, ""]:
    """Mean nats per line to lower at this ``step`` of ``n_steps``, counted from 0."""
    terms = elbo_terms(model, batch, rng=rng, word_dropout=objective.word_dropout)
    return terms.loss(objective.kl_weight(step, n_steps), objective.free_bits)


@torch.no_grad()
def importance_weighted_bound(
    model: TextVAE, batch: PairBatch, n_samples: int, *, rng: torch.Generator | None = None
) -> Float[Tensor, " batch"]:
    """A tighter lower bound of each line's log-likelihood, in nats, from ``n_samples`` codes.

    log of the mean of p(line | z) p(z) / q(z | line) over codes z from the posterior q. With one sample its
    mean is the ELBO; with more it rises, towards the likelihood itself.

    Raises:
        ValueError: if ``n_samples`` is below 1.
    Source:
        Burda et al. (2016), equation 8 and theorem 1, https://arxiv.org/abs/1509.00519
    """
    if n_samples < 1:
        raise ValueError(f"n_samples must be at least 1, got {n_samples}")
    posterior, prior = model.posterior(batch.source), model.prior(len(batch.ids))
    log_weights = []
    for _ in range(n_samples):
        latent = posterior.sample(rng)
        nats = line_nats(model(batch.ids, model.new_cache(latent)), batch.targets, batch.pad_id)
        log_weights.append(prior.log_prob(latent) - posterior.log_prob(latent) - nats)
    return torch.stack(log_weights).logsumexp(dim=0) - math.log(n_samples)


def active_units(means: Float[Tensor, "line d_latent"], threshold: float = 0.01) -> int:
    """How many numbers of the code say anything: the variance of their means over the lines is above it.

    Source:
        Burda et al. (2016), section 5.2, https://arxiv.org/abs/1509.00519
    """
    return int((means.var(dim=0) > threshold).sum())
