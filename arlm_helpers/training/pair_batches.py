"""Batches of pairs for models that answer a source, and the loss that padding does not count in."""

import hashlib
import json
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from arlm_helpers.text.pairs import PairIds
from arlm_helpers.training.batches import Batch, Batches
from arlm_helpers.training.losses import log_probs_of


def unpadded_cross_entropy(
    logits: Float[Tensor, "batch time vocab"], targets: Int[Tensor, "batch time"], pad_id: int
) -> Float[Tensor, ""]:
    """Mean surprise of the targets in nats per token; what only fills up a row is no target.

    Equal to ``torch.nn.functional.cross_entropy`` with ``ignore_index``.
    """
    return -log_probs_of(logits, targets)[targets != pad_id].mean()


@dataclass(frozen=True)
class PairBatch(Batch):
    """A batch for ``model(ids, model.new_cache(source))``; ``pad_id`` fills up its rows."""

    source: "Int[Tensor, 'batch source'] | None" = None
    pad_id: int = 0


def without_empty_columns(rows: Int[Tensor, "batch time"], pad_id: int) -> Int[Tensor, "batch shorter"]:
    """The rows as far as any of them reaches."""
    return rows[:, : int((rows != pad_id).sum(dim=1).max())]


class ShuffledPairs(Batches):
    """Every pair once per epoch, in an order of its own for each epoch; similar lengths go together.

    A batch is as wide as its longest row. So that little of it is padding, each ``pool`` batches of the
    shuffled pairs are sorted by the length of the source before they are cut, and then come in random order.
    The pairs that are left over at the end of an epoch wait for another one. Sources are filled up with
    ``pad_id`` as targets are, unless they have a vocabulary of their own, with another ``source_pad_id``.

    Raises:
        ValueError: for sizes below 1, a negative seed, or fewer pairs than a batch.
    """

    carries_state = False

    def __init__(
        self,
        pairs: PairIds,
        *,
        pad_id: int,
        batch_size: int,
        seed: int = 0,
        pool: int = 20,
        source_pad_id: int | None = None,
    ) -> None:
        if batch_size < 1 or pool < 1 or seed < 0:
            raise ValueError(
                f"batch_size and pool must be at least 1, seed at least 0; got {batch_size}, {pool}, {seed}"
            )
        if len(pairs.ids) < batch_size:
            raise ValueError(f"{len(pairs.ids)} pairs do not fill a batch of {batch_size}; lower batch_size")
        self.pairs, self.pad_id, self.batch_size, self.seed, self.pool = pairs, pad_id, batch_size, seed, pool
        self.source_pad_id = pad_id if source_pad_id is None else source_pad_id
        self.lengths = (pairs.source != self.source_pad_id).sum(dim=1).numpy()
        self.epoch = 0
        self.unread = self.shuffled_batches()

    def shuffled_batches(self) -> list[np.ndarray]:
        """The numbers of the pairs of each batch of this epoch."""
        rng = np.random.default_rng([self.seed, self.epoch])
        order = rng.permutation(len(self.lengths))
        batches = []
        for start in range(0, len(order), self.pool * self.batch_size):
            pool = order[start : start + self.pool * self.batch_size]
            pool = pool[np.argsort(self.lengths[pool], kind="stable")]
            pool = pool[: len(pool) // self.batch_size * self.batch_size].reshape(-1, self.batch_size)
            batches += [pool[i] for i in rng.permutation(len(pool))]
        return batches

    def next_batch(self) -> PairBatch:
        """The next batch of this epoch, or the first of the next."""
        if not self.unread:
            self.epoch += 1
            self.unread = self.shuffled_batches()
        rows = torch.from_numpy(self.unread.pop(0))
        ids, targets, source = (
            without_empty_columns(part[rows], pad_id)
            for part, pad_id in (
                (self.pairs.ids, self.pad_id),
                (self.pairs.targets, self.pad_id),
                (self.pairs.source, self.source_pad_id),
            )
        )
        return PairBatch(ids, targets, source=source, pad_id=self.pad_id)

    def settings(self) -> dict:
        """Type, sizes and seed."""
        names = ("pad_id", "source_pad_id", "batch_size", "seed", "pool")
        return {"type": type(self).__name__, **{name: getattr(self, name) for name in names}}

    def fingerprint(self) -> str:
        """The sha256 of pairs and settings: equal fingerprints give equal batches."""
        digest = hashlib.sha256(json.dumps(self.settings(), sort_keys=True).encode())
        for part in (self.pairs.source, self.pairs.ids, self.pairs.targets):
            digest.update(json.dumps(list(part.shape)).encode())
            digest.update(part.contiguous().numpy())
        return digest.hexdigest()

    @property
    def n_tokens_per_batch(self) -> int:
        """Targets in a batch, on average."""
        n_targets = int((self.pairs.targets != self.pad_id).sum())
        return round(n_targets / len(self.lengths) * self.batch_size)

    def state(self) -> dict:
        """The epoch, and how many of its batches are still unread."""
        return {"epoch": self.epoch, "n_unread": len(self.unread)}

    def load_state(self, state: dict) -> None:
        """Go on in the given epoch."""
        self.epoch = state["epoch"]
        batches = self.shuffled_batches()
        self.unread = batches[len(batches) - state["n_unread"] :]
