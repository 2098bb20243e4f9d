"""What a recurrent model remembers between two calls: a state per layer, of fixed size."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import count

from jaxtyping import Float, Int
from torch import Tensor

from arlm_helpers.models.cells import RecurrentCell, State

NAMES = ("h", "c")  # of the tensors of a state, in its order


def shapes(states: list[State]) -> list[list[tuple[int, ...]]]:
    """The shape of each tensor of each layer's state."""
    return [[tuple(tensor.shape) for tensor in state] for state in states]


@dataclass
class RNNCache:
    """The state of each layer after what has been read; ``None`` when nothing has been.

    Its tensors are replaced from call to call, never changed in place, so caches may share them.
    """

    states: "list[State] | None" = None

    def begin(self, cells: Iterable[RecurrentCell], x: Float[Tensor, "batch time d_in"]) -> list[State]:
        """The states from which ``cells`` read ``x``, on its device and in its precision.

        Raises:
            ValueError: if the cache was filled by another batch size or another model.
        """
        starts = [cell.start(len(x)) for cell in cells]
        if self.states is None:
            return starts
        n_rows = len(self.states[0][0])
        if n_rows != len(x):
            raise ValueError(
                f"the cache holds the state of {n_rows} rows, but ids have {len(x)}; "
                "choose rows with cache.select(rows), or start anew with model.new_cache()"
            )
        if shapes(self.states) != shapes(starts):
            raise ValueError(
                f"the cache is of another model: its states have the shapes {shapes(self.states)}, those of "
                f"this model {shapes(starts)}; start anew with model.new_cache()"
            )
        return [tuple(s.to(x) for s in state) for state in self.states]

    def select(self, rows: Int[Tensor, " rows"]) -> "RNNCache":
        """The cache of the given rows of the batch, in that order."""
        return RNNCache(self.states and [tuple(s[rows] for s in state) for state in self.states])

    def copy(self) -> "RNNCache":
        """A cache that goes on from here without touching this one."""
        return RNNCache(self.states and list(self.states))

    def detach(self) -> None:
        """Cut the history off: the numbers stay, gradients no longer flow through them to earlier calls.

        Source:
            Truncated backpropagation through time: Williams and Peng (1990).
        """
        self.states = self.states and [tuple(s.detach() for s in state) for state in self.states]

    def state_tensors(self) -> dict[str, Float[Tensor, "batch d_hidden"]]:
        """All that is remembered, by name (``layer0.h``, ``layer0.c``, …), for a file."""
        return {
            f"layer{layer}.{name}": tensor
            for layer, state in enumerate(self.states or [])
            for name, tensor in zip(NAMES, state, strict=False)
        }

    def load_state_tensors(self, tensors: Mapping[str, Float[Tensor, "batch d_hidden"]]) -> None:
        """Remember what ``state_tensors`` gave.

        Raises:
            ValueError: for names it would not have given.
        """
        states = []
        for layer in count():
            names = [f"layer{layer}.{name}" for name in NAMES]
            if names[0] not in tensors:
                break
            states.append(tuple(tensors[name] for name in names if name in tensors))
        loaded = RNNCache(states or None)
        if unknown := sorted(set(tensors) - set(loaded.state_tensors())):
            raise ValueError(f"not the state of a recurrent model: {unknown}; expected layer0.h, layer0.c, …")
        self.states = loaded.states
