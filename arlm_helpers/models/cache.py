"""What a Transformer remembers between two calls: keys and values of all the tokens it has read."""

from dataclasses import dataclass, field, fields

import torch
from jaxtyping import Float, Int
from torch import Tensor

from arlm_helpers.models.attention import Heads
from arlm_helpers.models.gpt_config import GPTConfig

AllHeads = Float[Tensor, "batch head all d_head"]


@dataclass
class LayerCache:
    """Keys and values of one layer. Room for ``capacity`` tokens is taken once, and new ones written into it.

    What ``extend`` returns are views of that room: nothing is copied but the new tokens. Gradients may flow
    through the latest call only.
    """

    capacity: int
    n_read: int = 0
    keys: "Float[Tensor, 'batch head capacity d_head'] | None" = None
    values: "Float[Tensor, 'batch head capacity d_head'] | None" = None

    def extend(self, keys: Heads, values: Heads) -> tuple[AllHeads, AllHeads]:
        """Write down the keys and values of new tokens; returns those of all tokens read, in order."""
        if self.keys is None:
            self.keys, self.values = self.room(keys), self.room(values)
        start, end = self.n_read, self.n_read + keys.shape[2]
        self.keys[:, :, start:end] = keys
        self.values[:, :, start:end] = values
        self.n_read = end
        return self.keys[:, :, :end], self.values[:, :, :end]

    @torch.inference_mode(False)  # so that one may read on outside of inference mode
    def room(self, like: Heads) -> Float[Tensor, "batch head capacity d_head"]:
        """Space for ``capacity`` tokens, with the rows and heads of ``like``."""
        n_rows, n_heads, _, d_head = like.shape
        return like.new_empty(n_rows, n_heads, self.capacity, d_head)

    def take(self, rows: Int[Tensor, " rows"] | slice) -> "LayerCache":
        """The cache of some rows of the batch, with room of its own."""
        taken = LayerCache(self.capacity)
        if self.keys is not None:
            taken.extend(self.keys[rows, :, : self.n_read], self.values[rows, :, : self.n_read])
        return taken


@dataclass
class TransformerCache:
    """A cache per layer; and the last ids, for a model that looks up n-grams."""

    config: GPTConfig
    layers: list[LayerCache] = field(default_factory=list)
    ids: "Int[Tensor, 'batch time'] | None" = None

    def __post_init__(self) -> None:
        self.layers = self.layers or [
            LayerCache(self.config.context_length) for _ in range(self.config.n_layers)
        ]

    @property
    def n_read(self) -> int:
        """Tokens read so far, of each row."""
        return self.layers[0].n_read

    def extend_ids(self, ids: Int[Tensor, "batch time"], keep: int) -> Int[Tensor, "batch longer"]:
        """The remembered ids followed by the new ones; the last ``keep`` of them are remembered."""
        joined = ids if self.ids is None else torch.cat([self.ids, ids], dim=1)
        self.ids = joined[:, max(joined.shape[1] - keep, 0) :]
        return joined

    def take(self, rows: Int[Tensor, " rows"] | slice) -> "TransformerCache":
        """The cache of some rows of the batch."""
        ids = None if self.ids is None else self.ids[rows]
        return TransformerCache(self.config, [layer.take(rows) for layer in self.layers], ids)

    def select(self, rows: Int[Tensor, " rows"]) -> "TransformerCache":
        """The cache of the given rows of the batch, in that order."""
        return self.take(rows)

    def copy(self) -> "TransformerCache":
        """A cache that goes on from here without touching this one."""
        return self.take(slice(None))

    def begin(self, config: GPTConfig, n_rows: int) -> tuple[list[LayerCache], int]:
        """The cache of each layer and the number of tokens read, for ``n_rows`` texts and this model.

        Raises:
            ValueError: if the cache was filled by another model, or for another number of texts.
        """
        check_cache(self, config, n_rows)
        return self.layers, self.n_read


def check_cache(cache: TransformerCache, config: GPTConfig, n_rows: int) -> None:
    """Refuse a cache that was filled by another model, or for another number of texts.

    Raises:
        ValueError: it says what differs.
    """
    pairs = [(f.name, getattr(cache.config, f.name), getattr(config, f.name)) for f in fields(config)]
    if found := [f"{name} was {old!r}, is {new!r}" for name, old, new in pairs if old != new]:
        raise ValueError(
            f"the cache is of another model: {'; '.join(found)}; start anew with model.new_cache()"
        )
    keys = cache.layers[0].keys
    if keys is not None and len(keys) != n_rows:
        raise ValueError(
            f"the cache holds the keys of {len(keys)} rows, but ids have {n_rows}; "
            "choose rows with cache.select(rows), or start anew with model.new_cache()"
        )
