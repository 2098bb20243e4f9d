"""The masked objective: hide some tokens of a text, and learn to say what stood there."""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from arlm_helpers.training.batches import Batch, ShuffledWindows
from arlm_helpers.training.config import TrainConfig
from arlm_helpers.training.losses import log_probs_of


@dataclass(frozen=True)
class MaskedBatch(Batch):
    """What a masked model reads, what stood there, and the places that are asked for: ``chosen``."""

    chosen: "Bool[Tensor, 'batch time'] | None" = None


@dataclass(frozen=True)
class Masking:
    """Choose a share ``rate`` of the places, and hide what stands there: BERT's 80/10/10.

    Of the chosen places a share ``hidden`` shows the mask, a share ``replaced`` a random token, and the rest
    what it was. So a place that looks like text may be asked for too, and no place can be trusted blindly.
    In each row at least one place is chosen.

    Raises:
        ValueError: if ``rate`` is not in (0, 1), or the two shares are not shares of one whole.
    Source:
        Devlin et al. (2019), section 3.1 and appendix A.1, https://arxiv.org/abs/1810.04805
    """

    rate: float = 0.15
    hidden: float = 0.8
    replaced: float = 0.1

    def __post_init__(self) -> None:
        if not 0 < self.rate < 1:
            raise ValueError(
                f"rate must be between 0 and 1, got {self.rate}: at 0 nothing is asked, at 1 nothing is shown"
            )
        if min(self.hidden, self.replaced) < 0 or self.hidden + self.replaced > 1 + 1e-9:
            got = f"{self.hidden} and {self.replaced}"
            raise ValueError(f"hidden and replaced are shares and sum to at most 1, got {got}")

    def __call__(self, ids: Int[Tensor, "batch time"], mask_id: int, rng: torch.Generator) -> MaskedBatch:
        """``ids`` with gaps; random tokens are drawn from 0 … mask_id - 1."""
        noise, fate = (torch.rand(ids.shape, generator=rng) for _ in range(2))
        chosen = noise <= noise.amin(dim=1, keepdim=True).clamp(min=self.rate)
        random = torch.randint(mask_id, ids.shape, generator=rng)
        shown = torch.where(fate < self.hidden + self.replaced, random, ids)
        shown = torch.where(fate < self.hidden, mask_id, shown)
        return MaskedBatch(torch.where(chosen, shown, ids), ids, chosen=chosen)


class MaskedWindows(ShuffledWindows):
    """Shuffled windows with gaps, other ones each time a window comes.

    Which places are hidden depends on ``seed`` and on how far the text has been read.

    Raises:
        ValueError: as ``ShuffledWindows``.
    """

    def __init__(
        self,
        ids: Int[Tensor, " text"],
        masking: Masking,
        *,
        mask_id: int,
        context_length: int,
        batch_size: int,
        seed: int = 0,
    ) -> None:
        super().__init__(ids, context_length=context_length, batch_size=batch_size, seed=seed)
        self.masking, self.mask_id = masking, mask_id

    def next_batch(self) -> MaskedBatch:
        """The next windows, with gaps."""
        ids = super().next_batch().ids
        place = np.random.default_rng([self.seed, self.epoch, len(self.unread)])
        rng = torch.Generator().manual_seed(int(place.integers(2**62)))
        return self.masking(ids, self.mask_id, rng)

    def settings(self) -> dict:
        """Sizes, seed, and how tokens are hidden."""
        return {**super().settings(), "masking": asdict(self.masking), "mask_id": self.mask_id}


def masked_cross_entropy(logits: Float[Tensor, "batch time vocab"], batch: MaskedBatch) -> Float[Tensor, ""]:
    """Mean surprise, in nats per token, of what stood at the chosen places; the others do not count.

    Equal to ``torch.nn.functional.cross_entropy`` with ``ignore_index`` at all other places.
    """
    return -log_probs_of(logits, batch.targets)[batch.chosen].mean()


def train_masked(model: nn.Module, batches: ShuffledWindows, config: TrainConfig) -> Iterator[float]:
    """The loop of ``train`` in its shortest form, with the masked loss; yields the loss of each step.

    Of ``config`` it takes the steps, the optimizer, the schedule and the clipping. Between steps and
    afterwards the model is in evaluation mode.
    """
    optimizers = config.optimizer.build(model)
    for step in range(config.n_steps):
        batch = batches.next_batch()
        loss = masked_cross_entropy(model.train()(batch.ids), batch)
        model.zero_grad()
        loss.backward()
        model.eval()
        nn.utils.clip_grad_norm_(model.parameters(), config.clip or math.inf)
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["initial_lr"] * config.schedule(step, config.n_steps)
            optimizer.step()
        yield loss.item()
