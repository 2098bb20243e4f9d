"""What every model that answers a source needs: checks of the source, and P(target | source) as a model."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor


def check_id_range(ids: Int[Tensor, "batch time"], vocab_size: int, name: str) -> None:
    """Refuse ids that no embedding has a row for; ``name`` says whose they are.

    Raises:
        ValueError: if they are not int64, none, or not in the vocabulary (on a GPU looking would mean
            waiting, and torch complains itself).
    """
    if ids.dtype != torch.int64:
        raise ValueError(f"{name} must be int64, got {ids.dtype}; convert them with .long()")
    if ids.shape[1] < 1:
        raise ValueError(f"{name} are empty: give at least one token in every row")
    if ids.is_cpu and not torch.compiler.is_compiling():
        low, high = (int(end) for end in ids.aminmax())
        if not 0 <= low <= high < vocab_size:
            raise ValueError(f"{name} must lie in 0 … {vocab_size - 1}, got {low} … {high}")


def check_source(source: Int[Tensor, "batch source"], vocab_size: int, pad_id: int) -> None:
    """Refuse a source that an encoder cannot read.

    Raises:
        ValueError: if a row is empty, padded elsewhere than at its end, or holds an id without a token.
    """
    check_id_range(source, vocab_size, "the ids of the source")
    is_token = source != pad_id
    if not is_token[:, 0].all() or (is_token[:, 1:] & ~is_token[:, :-1]).any():
        raise ValueError(
            f"a row of the source must begin with a token; {pad_id} may only fill up its end: use pad_rows"
        )


@dataclass
class GivenCache:
    """The cache of a conditional model, and for how many rows it is."""

    inner: object
    n_rows: int

    def select(self, rows: Int[Tensor, " rows"]) -> "GivenCache":
        """The cache of the given rows of the batch, in that order."""
        return GivenCache(self.inner.select(rows), len(rows))

    def copy(self) -> "GivenCache":
        """A cache that goes on from here without touching this one."""
        return GivenCache(self.inner.copy(), self.n_rows)


class Given:
    """P(target | source) as a language model: every cache it gives holds the source already.

    So whatever works for language models works for translation: ``generate(Given(model, source), ids, …)``.
    A source of one row is given to as many rows of ids as there are.

    Args:
        model: answers ``model.new_cache(source)`` and ``model(ids, cache)``.
        source: what the model reads first, one row for each row of ids, or one for all.
    """

    def __init__(self, model, source: Int[Tensor, "batch source"] | Float[Tensor, "batch d_source"]) -> None:
        self.model, self.source = model, source
        self.vocab_size, self.context_length = model.vocab_size, model.context_length

    def new_cache(self) -> GivenCache:
        """A cache that holds the source; nothing of the target has been read."""
        return GivenCache(self.model.new_cache(self.source), len(self.source))

    def __call__(
        self, ids: Int[Tensor, "batch time"], cache: GivenCache | None = None
    ) -> Float[Tensor, "batch time vocab"]:
        """Logits of the target's token after each position of ``ids``."""
        cache = self.new_cache() if cache is None else cache
        if cache.n_rows == 1 and len(ids) > 1:  # one source for all
            everyone = torch.zeros(len(ids), dtype=torch.int64, device=ids.device)
            cache.inner, cache.n_rows = cache.inner.select(everyone), len(ids)
        return self.model(ids, cache.inner)
