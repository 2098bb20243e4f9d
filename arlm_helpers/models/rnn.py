"""The recurrent language model: embedding, layers of cells, and a head that scores the next token."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from arlm_helpers.models.cells import ElmanCell, GRUCell, LSTMCell, RecurrentCell, State
from arlm_helpers.models.recurrent_cache import RNNCache

CELLS = {"elman": ElmanCell, "gru": GRUCell, "lstm": LSTMCell}
LIBRARY = {ElmanCell: torch.rnn_tanh, GRUCell: torch.gru, LSTMCell: torch.lstm}  # what torch.nn.RNN, … call


def unroll(cell: RecurrentCell, x: Float[Tensor, "batch time d_in"], state: State) -> list[State]:
    """The states after each step, from ``state`` on: the same cell, with the same weights, every time."""
    states = []
    for x_t in x.unbind(dim=1):
        state = cell(x_t, state)
        states.append(state)
    return states


def read_by_hand(
    cell: RecurrentCell, x: Float[Tensor, "batch time d_in"], state: State
) -> tuple[Float[Tensor, "batch time d_hidden"], State]:
    """The hidden state after each step, and the whole state after the last."""
    states = unroll(cell, x, state)
    return torch.stack([state[0] for state in states], dim=1), states[-1]


def read_fused(
    cell: RecurrentCell, x: Float[Tensor, "batch time d_in"], state: State
) -> tuple[Float[Tensor, "batch time d_hidden"], State]:
    """The same numbers from the library's single call, on the weights of ``cell``."""
    weights = [cell.weight_ih, cell.weight_hh, cell.bias_ih, cell.bias_hh]
    first = tuple(s.unsqueeze(0) for s in state)  # the library counts layers in front; here it is one
    has_biases, n_layers, dropout, bidirectional, batch_first = True, 1, 0.0, False, True
    hidden, *last = LIBRARY[type(cell)](
        x, first if len(first) > 1 else first[0], weights,
        has_biases, n_layers, dropout, torch.is_grad_enabled(), bidirectional, batch_first,
    )  # fmt: skip
    return hidden, tuple(s.squeeze(0) for s in last)


@dataclass(frozen=True)
class RNNConfig:
    """Sizes of a recurrent language model; ``by_hand`` steps our cells instead of the library's fused call.

    Raises:
        ValueError: for an unknown ``kind``, or a size below 1.
    """

    vocab_size: int
    kind: str = "lstm"
    d_model: int = 160
    n_layers: int = 1
    by_hand: bool = False

    def __post_init__(self) -> None:
        if self.kind not in CELLS:
            raise ValueError(f"kind must be one of {', '.join(CELLS)}, got {self.kind!r}")
        for name in ("vocab_size", "d_model", "n_layers"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")


class RecurrentReader(nn.Module):
    """Turn ids into hidden states: an embedding, and layers of cells that read on from a cache."""

    def __init__(self, config: RNNConfig, *, rng: torch.Generator | None = None) -> None:
        super().__init__()
        self.config, d_model = config, config.d_model
        self.embedding = nn.Embedding(config.vocab_size, d_model)
        self.cells = nn.ModuleList(
            CELLS[config.kind](d_model, d_model, rng=rng) for _ in range(config.n_layers)
        )
        nn.init.normal_(self.embedding.weight, generator=rng)

    def new_cache(self) -> RNNCache:
        """An empty cache: nothing has been read."""
        return RNNCache()

    def hidden_states(
        self, ids: Int[Tensor, "batch time"], cache: RNNCache | None = None
    ) -> Float[Tensor, "batch time d_model"]:
        """The hidden state h of the last layer after each position of ``ids``.

        A cell of a class that the library does not know is stepped by hand.

        Raises:
            ValueError: if ``ids`` are empty, or the cache is of another batch size or model.
        """
        cache = self.new_cache() if cache is None else cache
        x, states = self.begin(ids, cache)
        for layer, cell in enumerate(self.cells):
            by_hand = self.config.by_hand or type(cell) not in LIBRARY
            read = read_by_hand if by_hand else read_fused
            x, states[layer] = read(cell, x, states[layer])
        cache.states = states
        return x

    def begin(
        self, ids: Int[Tensor, "batch time"], cache: RNNCache
    ) -> tuple[Float[Tensor, "batch time d_model"], list[State]]:
        """Embeddings of ``ids``, and the state of each layer before them."""
        if ids.shape[1] < 1:
            raise ValueError("ids are empty: give at least one token, such as a line break")
        x = self.embedding(ids)
        return x, cache.begin(self.cells, x)

    @property
    def n_parameters(self) -> int:
        """Numbers the model has learned."""
        return sum(parameter.numel() for parameter in self.parameters())


class RNNLanguageModel(RecurrentReader):
    """Predict the next token from a state of fixed size that sums up all tokens before it.

    The head starts at zero: a new model holds all tokens for equally likely.

    Source:
        Mikolov et al. (2010), section 2; layers on top of one another: Graves (2013), section 2.
    """

    context_length = None  # any length may be read at once

    def __init__(self, config: RNNConfig, *, rng: torch.Generator | None = None) -> None:
        super().__init__(config, rng=rng)
        self.vocab_size = config.vocab_size
        self.head = nn.Linear(config.d_model, config.vocab_size)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(
        self, ids: Int[Tensor, "batch time"], cache: RNNCache | None = None
    ) -> Float[Tensor, "batch time vocab"]:
        """Logits of the token after each position of ``ids``."""
        return self.head(self.hidden_states(ids, cache))

    def all_states(
        self, ids: Int[Tensor, "batch time"], cache: RNNCache | None = None
    ) -> list[tuple[Float[Tensor, "batch time d_model"], ...]]:
        """All that each layer carries, after each position: (h,), for an LSTM (h, c).

        Stepped by hand, since the library tells c after the last position only.
        """
        cache = self.new_cache() if cache is None else cache
        x, states = self.begin(ids, cache)
        layers = []
        for layer, cell in enumerate(self.cells):
            steps = unroll(cell, x, states[layer])
            layers.append(tuple(torch.stack(parts, dim=1) for parts in zip(*steps, strict=True)))
            x, states[layer] = layers[-1][0], steps[-1]
        cache.states = states
        return layers

    def matrices(self) -> dict[str, int]:
        """Weight matrices by name, and how many gates each holds: what Muon orthogonalises, gate by gate."""
        return {
            f"cells.{layer}.{name}": cell.n_gates
            for layer, cell in enumerate(self.cells)
            for name in ("weight_ih", "weight_hh")
        }
