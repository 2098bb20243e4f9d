"""The masked model: the blocks of a GPT without the causal mask, which fill gaps from both sides.

What it gives are conditionals P(token | all the others). They need not belong to any joint distribution.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NoReturn

import torch
from jaxtyping import Float, Int
from torch import Tensor

from arlm_helpers.models.attention import DotProductAttention, Mask
from arlm_helpers.models.gpt_config import GPTConfig
from arlm_helpers.models.transformer import GPT


class UnmaskedAttention(DotProductAttention):
    """The same look, but each query may look at every key, whatever mask was asked for."""

    ignores_mask = True  # for those who listen to what passes through

    def forward(
        self,
        queries: Float[Tensor, "batch head query d_head"],
        keys: Float[Tensor, "batch head key d_head"],
        values: Float[Tensor, "batch head key d_head"],
        mask: Mask = None,
    ) -> Float[Tensor, "batch head query d_head"]:
        """What each query takes home from all values."""
        return super().forward(queries, keys, values, None)


class MaskedLM(GPT):
    """Fill gaps: a GPT whose positions see both sides; the logits at a position are about *that* position.

    ``config`` is that of the causal twin. The model reads one token more, the mask: its id is ``mask_id``,
    the first behind the vocabulary, and it is never an answer. The n-gram memory would see its own answer
    in the other tokens' groups, so there is none.

    Raises:
        ValueError: for a configuration with a memory of n-grams; and when called, as a ``GPT``.
    Source:
        Devlin et al. (2019), section 3, https://arxiv.org/abs/1810.04805
    """

    def __init__(self, config: GPTConfig, *, rng: torch.Generator | None = None) -> None:
        if config.ngram_sizes:
            raise ValueError(f"a masked model has no memory of n-grams, got ngram_sizes={config.ngram_sizes}")
        super().__init__(replace(config, vocab_size=config.vocab_size + 1), rng=rng)
        self.vocab_size = self.mask_id = config.vocab_size
        for block in self.blocks:
            block.attention.attend = UnmaskedAttention(
                scale=config.attention_scale, dropout=config.dropout, fast=config.fast
            )

    def forward(
        self, ids: Int[Tensor, "batch time"], cache: None = None
    ) -> Float[Tensor, "batch time vocab"]:
        """Logits of the token at each position of ``ids``, which may hold ``mask_id``."""
        return super().forward(ids, cache)[..., : self.vocab_size]

    def new_cache(self) -> NoReturn:
        """There is none: a new token changes what every earlier position sees.

        Raises:
            ValueError: always.
        """
        raise ValueError(
            "a masked model keeps nothing from token to token, since each sees those behind it; fill gaps "
            "with unmask instead of generate"
        )


@torch.inference_mode()
def fill_in_log_probs(model, ids: Int[Tensor, "batch time"]) -> Float[Tensor, "batch time vocab"]:
    """At each position the log-probabilities, in nats, of all tokens there, given all other positions.

    Each position is hidden alone: a row of ``time`` tokens costs ``time`` readings.
    """
    alone = torch.eye(ids.shape[1], dtype=torch.bool, device=ids.device)
    rows = []
    for row in ids:
        logits = model(torch.where(alone, model.mask_id, row))  # reading i hides position i
        rows.append(logits.diagonal(dim1=0, dim2=1).mT.log_softmax(dim=-1))
    return torch.stack(rows)


def pseudo_log_likelihood(
    model, ids: Int[Tensor, "batch time"], *, first: int = 0
) -> Float[Tensor, " batch"]:
    """Sum of log P(token | all others) over the positions from ``first`` on, in nats: no log-probability.

    Over all texts, e to its power need not sum to 1; so it cannot stand beside a likelihood.

    Source:
        Besag (1975), https://doi.org/10.2307/2987782; Salazar et al. (2020), section 2.3,
        https://arxiv.org/abs/1910.14659
    """
    log_probs = fill_in_log_probs(model, ids).gather(-1, ids.unsqueeze(-1)).squeeze(-1)
    return log_probs[:, first:].sum(dim=1)


@torch.inference_mode()
def log_prob_in_order(model, ids: Int[Tensor, "batch time"], order: Sequence[int]) -> Float[Tensor, " batch"]:
    """Log-probability, in nats, of writing ``ids`` by filling the positions of ``order`` one after the other.

    Positions that ``order`` leaves out are given. Every order is a chain rule of its own: each sums to 1
    over all texts, but two orders may disagree about the same text.

    Raises:
        ValueError: if ``order`` names a position twice, or one that is not there.
    Source:
        Uria et al. (2014), section 3, https://arxiv.org/abs/1310.1757
    """
    if len(set(order)) < len(order) or not all(0 <= place < ids.shape[1] for place in order):
        raise ValueError(f"order must name positions in 0 … {ids.shape[1] - 1} once each, got {list(order)}")
    now = ids.clone()
    now[:, list(order)] = model.mask_id
    total = torch.zeros(len(ids), device=ids.device)
    for place in order:
        log_probs = model(now)[:, place].log_softmax(dim=-1)
        total = total + log_probs.gather(-1, ids[:, place : place + 1]).squeeze(-1)
        now[:, place] = ids[:, place]
    return total
