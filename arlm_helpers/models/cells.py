"""Recurrent cells written out: one step of an Elman network, an LSTM and a GRU.

Weights have the names and the layout of ``torch.nn.RNNCell``, ``LSTMCell`` and ``GRUCell``: the blocks
of the gates lie below one another. In the equations, ``W x`` is ``weight_ih @ x + bias_ih`` and ``U h``
is ``weight_hh @ h + bias_hh``; σ is the logistic sigmoid and ⊙ multiplies elementwise.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import linear

State = tuple[Float[Tensor, "batch d_hidden"], ...]


class RecurrentCell(nn.Module):
    """The weights of a cell: from the input and from the last hidden state to each of its gates.

    Recurrent matrices start orthogonal, so that a signal neither grows nor shrinks on its way through
    time; input matrices keep the variance; biases are zero. All of it gate by gate.

    Raises:
        ValueError: if ``d_in`` or ``d_hidden`` is below 1.
    Source:
        Saxe et al. (2014), https://arxiv.org/abs/1312.6120 (orthogonal); Glorot and Bengio (2010),
        equation 16 (variance).
    """

    n_gates = 1
    n_states = 1  # tensors that are carried from step to step

    def __init__(self, d_in: int, d_hidden: int, *, rng: torch.Generator | None = None) -> None:
        super().__init__()
        if min(d_in, d_hidden) < 1:
            raise ValueError(f"d_in and d_hidden must be at least 1, got {d_in} and {d_hidden}")
        n_rows = self.n_gates * d_hidden
        self.weight_ih = nn.Parameter(torch.empty(n_rows, d_in))
        self.weight_hh = nn.Parameter(torch.empty(n_rows, d_hidden))
        self.bias_ih = nn.Parameter(torch.zeros(n_rows))
        self.bias_hh = nn.Parameter(torch.zeros(n_rows))
        for gate in self.weight_ih.detach().chunk(self.n_gates):
            nn.init.xavier_uniform_(gate, generator=rng)
        for gate in self.weight_hh.detach().chunk(self.n_gates):
            nn.init.orthogonal_(gate, generator=rng)

    def start(self, n_rows: int) -> State:
        """The state before the first step, for ``n_rows`` texts side by side: zeros."""
        zeros = self.weight_hh.new_zeros(n_rows, self.weight_hh.shape[1])
        return (zeros,) * self.n_states


class ElmanCell(RecurrentCell):
    """The simple recurrent network: the new hidden state is a mix of the input and the old one.

    h′ = tanh(W x + U h)

    Source:
        Elman (1990), Finding structure in time, figure 2 (with tanh in place of the logistic function).
    """

    def forward(self, x: Float[Tensor, "batch d_in"], state: State) -> State:
        """The state after reading ``x``."""
        (h,) = state
        h = linear(x, self.weight_ih, self.bias_ih) + linear(h, self.weight_hh, self.bias_hh)
        return (h.tanh(),)


class LSTMCell(RecurrentCell):
    """Long short-term memory: gates decide what the cell c keeps, takes in and shows.

    i, f, o = σ(W x + U h)     input gate, forget gate, output gate
    g = tanh(W x + U h)        candidate
    c′ = f ⊙ c + i ⊙ g         a sum: the gradient reaches c multiplied by f only
    h′ = o ⊙ tanh(c′)

    Each of i, f, g, o has its own W and U, in this order. The forget gate starts mostly open: its bias is 1.

    Source:
        Hochreiter and Schmidhuber (1997); the forget gate is from Gers et al. (2000), section 3;
        its bias of 1 from Jozefowicz et al. (2015).
    """

    n_gates = 4
    n_states = 2

    def __init__(self, d_in: int, d_hidden: int, *, rng: torch.Generator | None = None) -> None:
        super().__init__(d_in, d_hidden, rng=rng)
        nn.init.ones_(self.bias_ih.detach()[d_hidden : 2 * d_hidden])

    def forward(self, x: Float[Tensor, "batch d_in"], state: State) -> State:
        """The state after reading ``x``."""
        h, c = state
        gates = linear(x, self.weight_ih, self.bias_ih) + linear(h, self.weight_hh, self.bias_hh)
        i, f, g, o = gates.chunk(4, dim=-1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        return h, c


class GRUCell(RecurrentCell):
    """Gated recurrent unit: one gate shares the new state out between the old one and a candidate.

    r = σ(W x + U h)           reset gate
    z = σ(W x + U h)           update gate
    n = tanh(W x + r ⊙ (U h))  candidate
    h′ = z ⊙ h + (1 − z) ⊙ n

    Each of r, z, n has its own W and U, in this order. The paper resets before the product, U (r ⊙ h);
    as in ``torch.nn.GRU`` we reset after it, so that all products with h are one.

    Source:
        Cho et al. (2014), equations 5 to 8, https://arxiv.org/abs/1406.1078
    """

    n_gates = 3

    def forward(self, x: Float[Tensor, "batch d_in"], state: State) -> State:
        """The state after reading ``x``."""
        (h,) = state
        r_x, z_x, n_x = linear(x, self.weight_ih, self.bias_ih).chunk(3, dim=-1)
        r_h, z_h, n_h = linear(h, self.weight_hh, self.bias_hh).chunk(3, dim=-1)
        r = (r_x + r_h).sigmoid()
        z = (z_x + z_h).sigmoid()
        n = (n_x + r * n_h).tanh()
        return (z * h + (1 - z) * n,)
