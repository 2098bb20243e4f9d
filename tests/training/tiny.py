"""A recurrent model small enough to train a hundred times: dropout, gates, a cache that carries state."""

import torch
from torch import nn

TEXT = torch.tensor(list(b"the cat sees the dog. the dog sees a bird. a bird sings. " * 12)) % 32


class Carried:
    """The hidden and cell state after the last id."""

    def __init__(self):
        self.state = None

    def detach(self):
        self.state = None if self.state is None else tuple(part.detach() for part in self.state)

    def state_tensors(self):
        return dict(zip("hc", self.state or (), strict=False))

    def load_state_tensors(self, tensors):
        self.state = tuple(tensors[name] for name in "hc")


class TinyLSTM(nn.Module):
    """Embedding, dropout, one LSTM layer, head."""

    context_length = None

    def __init__(self, vocab_size=32, d_model=8, dropout=0.0, seed=0):
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.embedding = nn.Embedding(vocab_size, d_model)
            self.dropout = nn.Dropout(dropout)
            self.lstm = nn.LSTM(d_model, d_model, batch_first=True)
            self.head = nn.Linear(d_model, vocab_size)

    def matrices(self):
        return {"lstm.weight_ih_l0": 4, "lstm.weight_hh_l0": 4}

    def new_cache(self):
        return Carried()

    def forward(self, ids, cache=None):
        hidden, state = self.lstm(self.dropout(self.embedding(ids)), cache.state if cache else None)
        if cache:
            cache.state = state
        return self.head(hidden)


def weights(model):
    """A copy of all weights, for comparison."""
    return {name: weight.detach().clone() for name, weight in model.named_parameters()}


def assert_same_weights(model, other):
    """Equal to the bit."""
    for (name, weight), expected in zip(model.named_parameters(), other.parameters(), strict=True):
        assert torch.equal(weight, expected), name
