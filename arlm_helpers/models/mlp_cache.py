"""What a model of the last few tokens remembers between two calls: their ids."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor


@dataclass
class MLPCache:
    """What the model remembers between two calls: the last ids, at most ``order`` - 2 of them."""

    ids: "Int[Tensor, 'batch time'] | None" = None

    def extend(self, ids: Int[Tensor, "batch time"], keep: int) -> Int[Tensor, "batch longer"]:
        """The remembered ids followed by the new ones; the last ``keep`` of them are remembered.

        Raises:
            ValueError: if the cache was filled by another batch size.
        """
        if self.ids is not None and len(self.ids) != len(ids):
            raise ValueError(
                f"the cache holds the ids of {len(self.ids)} rows, but the new ids have {len(ids)}; "
                "choose rows with cache.select(rows), or start anew with model.new_cache()"
            )
        joined = ids if self.ids is None else torch.cat([self.ids.to(ids.device), ids], dim=1)
        self.ids = joined[:, max(joined.shape[1] - keep, 0) :]
        return joined

    def select(self, rows: Int[Tensor, " rows"]) -> "MLPCache":
        """The cache of the given rows of the batch, in that order."""
        return MLPCache(None if self.ids is None else self.ids[rows])

    def copy(self) -> "MLPCache":
        """A cache that goes on from here without touching this one."""
        return MLPCache(self.ids)

    def detach(self) -> None:
        """Nothing to cut off: no gradient flows through ids."""

    def state_tensors(self) -> dict[str, Int[Tensor, "batch time"]]:
        """All that is remembered, by name, for a file."""
        return {} if self.ids is None else {"ids": self.ids.contiguous()}

    def load_state_tensors(self, tensors: Mapping[str, Int[Tensor, "batch time"]]) -> None:
        """Remember what ``state_tensors`` gave.

        Raises:
            ValueError: for names it would not have given.
        """
        if unknown := sorted(set(tensors) - {"ids"}):
            raise ValueError(f"not the state of an MLP language model: {unknown}; expected ids")
        self.ids = tensors.get("ids")
