"""Where a training run gets its text from: shuffled windows, or streams that are read in order."""

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """What one forward pass reads: the target of each id is the id that came after it.

    ``continues``: each row goes on where the same row of the batch before ended, so that a recurrent
    model may keep its state.
    """

    ids: Int[Tensor, "batch time"]
    targets: Int[Tensor, "batch time"]
    continues: bool = False


def gather_windows(
    ids: Int[Tensor, " text"], starts: Int[Tensor, " batch"], context_length: int, *, continues: bool = False
) -> Batch:
    """The windows of ``ids`` at ``starts``, fetched with one matrix of positions.

    Its row i is starts[i], starts[i] + 1, … and one more than a window: the last target.
    """
    positions = starts.unsqueeze(1) + torch.arange(context_length + 1)
    windows = ids[positions]
    return Batch(windows[:, :-1], windows[:, 1:], continues)


class Batches(ABC):
    """An endless supply of batches whose position can be saved, and whose text and settings have a name.

    ``carries_state`` says whether batches ever continue each other.

    Raises:
        ValueError: if a size is below 1, or ``ids`` is no text of at least one window and its last target.
    """

    carries_state: bool

    def __init__(self, ids: Int[Tensor, " text"], context_length: int, batch_size: int) -> None:
        if min(context_length, batch_size) < 1:
            got = f"{context_length} and {batch_size}"
            raise ValueError(f"context_length and batch_size must be at least 1, got {got}")
        if len(ids) <= context_length:  # the last token of a window is only a target
            needed = f"one window needs {context_length + 1}: give a longer text or lower context_length"
            raise ValueError(f"the text has {len(ids)} tokens, and {needed}")
        self.ids, self.context_length, self.batch_size = ids, context_length, batch_size

    @abstractmethod
    def next_batch(self) -> Batch:
        """The batch at the current position, which moves on."""

    @abstractmethod
    def state(self) -> dict:
        """The position, ready for JSON."""

    @abstractmethod
    def load_state(self, state: dict) -> None:
        """Go on from a position that ``state`` gave, with the same text and settings."""

    def settings(self) -> dict:
        """What, besides the text, decides which batches come; ready for JSON."""
        sizes = {"context_length": self.context_length, "batch_size": self.batch_size}
        return {"type": type(self).__name__, **sizes}

    def fingerprint(self) -> str:
        """The sha256 of text and settings: equal fingerprints give equal batches."""
        digest = hashlib.sha256(json.dumps(self.settings(), sort_keys=True).encode())
        digest.update(self.ids.cpu().contiguous().numpy())
        return digest.hexdigest()

    @property
    def n_tokens_per_batch(self) -> int:
        """Targets in a batch."""
        return self.batch_size * self.context_length

    def __iter__(self) -> Iterator[Batch]:
        while True:
            yield self.next_batch()


class ShuffledWindows(Batches):
    """Every window of the text once per epoch, in an order of its own for each epoch.

    An epoch cuts the text into windows from a random offset on, so the seams lie elsewhere each time; what
    is left over at both ends waits for another epoch. The order depends on ``seed`` and the epoch alone.
    The last windows of an epoch share a batch with the first of the next.

    Raises:
        ValueError: for sizes below 1, a negative seed, or a text shorter than one window.
    """

    carries_state = False

    def __init__(
        self, ids: Int[Tensor, " text"], *, context_length: int, batch_size: int, seed: int = 0
    ) -> None:
        super().__init__(ids, context_length, batch_size)
        if seed < 0:
            raise ValueError(f"seed must be at least 0, got {seed}")
        self.seed, self.epoch = seed, 0
        self.unread = self.shuffled_starts()

    def shuffled_starts(self) -> Int[Tensor, " windows"]:
        """Where the windows of this epoch start, in the order they are read."""
        rng = np.random.default_rng([self.seed, self.epoch])
        offset = rng.integers(min(self.context_length, len(self.ids) - self.context_length))
        n_windows = (len(self.ids) - 1 - offset) // self.context_length
        return torch.from_numpy(offset + self.context_length * rng.permutation(n_windows))

    def next_batch(self) -> Batch:
        """The next windows of this epoch, filled up from the next epoch where it ends."""
        while len(self.unread) < self.batch_size:
            self.epoch += 1
            self.unread = torch.cat([self.unread, self.shuffled_starts()])
        starts, self.unread = self.unread[: self.batch_size], self.unread[self.batch_size :]
        return gather_windows(self.ids, starts, self.context_length)

    def settings(self) -> dict:
        """Type, sizes and seed."""
        return {**super().settings(), "seed": self.seed}

    def state(self) -> dict:
        """The epoch, and how many of its windows are still unread."""
        return {"epoch": self.epoch, "n_unread": len(self.unread)}

    def load_state(self, state: dict) -> None:
        """Go on in the given epoch."""
        self.epoch = state["epoch"]
        starts = self.shuffled_starts()
        self.unread = starts[len(starts) - state["n_unread"] :]


class Streams(Batches):
    """The text cut into ``batch_size`` equal streams, all read in order: row i always reads stream i.

    A recurrent model that keeps its state from batch to batch sees its stream as one long text, although
    gradients stop at the seams (truncated backpropagation through time). When the streams end, they start
    again from the beginning, and the state does too. Less than one window per stream stays unread.

    Raises:
        ValueError: for sizes below 1, or a text too short for one window per stream.
    Source:
        Williams and Peng (1990), https://doi.org/10.1162/neco.1990.2.4.490
    """

    carries_state = True

    def __init__(self, ids: Int[Tensor, " text"], *, context_length: int, batch_size: int) -> None:
        super().__init__(ids, context_length, batch_size)
        self.stream_length = (len(ids) - 1) // batch_size
        self.n_windows, self.window = self.stream_length // context_length, 0
        if self.n_windows < 1:
            raise ValueError(
                f"a text of {len(ids)} tokens has no room for {batch_size} streams of at least one window of "
                f"{context_length}: lower batch_size or context_length"
            )

    def next_batch(self) -> Batch:
        """The next window of every stream."""
        window, self.window = self.window, (self.window + 1) % self.n_windows
        starts = torch.arange(self.batch_size) * self.stream_length + window * self.context_length
        return gather_windows(self.ids, starts, self.context_length, continues=window > 0)

    def state(self) -> dict:
        """The window that comes next."""
        return {"window": self.window}

    def load_state(self, state: dict) -> None:
        """Go on at the given window."""
        self.window = state["window"]
