"""The cells written out, against ``torch.nn`` with the same weights: forward and every gradient."""

import pytest
import torch

from arlm_helpers.models.cells import ElmanCell, GRUCell, LSTMCell

PAIRS = [(ElmanCell, torch.nn.RNNCell), (GRUCell, torch.nn.GRUCell), (LSTMCell, torch.nn.LSTMCell)]
each_pair = pytest.mark.parametrize(("ours", "reference"), PAIRS, ids=["elman", "gru", "lstm"])


def pair(ours, reference, d_in=5, d_hidden=4):
    """Our cell and the library's, with the same random weights and biases."""
    torch.manual_seed(0)
    cell, library = ours(d_in, d_hidden).double(), reference(d_in, d_hidden).double()
    cell.load_state_dict(library.state_dict())  # the same names and shapes, or this fails
    return cell, library


def random_steps(cell, n_steps=6, d_in=5, n_rows=3):
    """Inputs of several steps and a first state that is not zero, seeded."""
    rng = torch.Generator().manual_seed(1)
    x = torch.randn(n_steps, n_rows, d_in, generator=rng, dtype=torch.float64)
    return x, tuple(torch.randn(s.shape, generator=rng, dtype=s.dtype) for s in cell.start(n_rows))


def as_library(state):
    """The state as the library's cells take and give it: a bare h where there is no c."""
    return state if len(state) > 1 else state[0]


@each_pair
def test_each_step_is_the_librarys(ours, reference):
    cell, library = pair(ours, reference)
    x, state = random_steps(cell)
    expected = as_library(state)
    for x_t in x:
        state, expected = cell(x_t, state), library(x_t, expected)
        torch.testing.assert_close(as_library(state), expected, rtol=0, atol=1e-12)


@each_pair
def test_gradients_of_every_parameter_and_of_the_input_are_the_librarys(ours, reference):
    cell, library = pair(ours, reference)
    gradients = []
    for net, convert in ((cell, lambda state: state), (library, as_library)):
        x, state = random_steps(cell)
        x.requires_grad_()
        state = convert(state)
        for x_t in x:
            state = net(x_t, state)
        torch.cat([s.flatten() for s in state]).square().sum().backward()
        gradients.append({name: p.grad for name, p in net.named_parameters()} | {"x": x.grad})
    assert gradients[0].keys() == {"weight_ih", "weight_hh", "bias_ih", "bias_hh", "x"}
    assert all(gradient.abs().max() > 1e-3 for gradient in gradients[0].values())
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-9, atol=1e-12)


def test_in_single_precision_a_step_is_the_librarys_to_six_digits():
    for ours, reference in PAIRS:
        cell, library = (net.float() for net in pair(ours, reference, 160, 160))
        x, state = random_steps(cell, d_in=160)
        state = tuple(s.float() for s in state)
        expected = library(x[0].float(), as_library(state))
        torch.testing.assert_close(as_library(cell(x[0].float(), state)), expected, rtol=0, atol=1e-6)


@each_pair
def test_recurrent_matrices_start_orthogonal_gate_by_gate(ours, reference):
    cell = ours(3, 6, rng=torch.Generator().manual_seed(0)).double()
    gates = cell.weight_hh.detach().view(cell.n_gates, 6, 6)
    torch.testing.assert_close(gates @ gates.mT, torch.eye(6).double().expand_as(gates), rtol=0, atol=1e-6)
    assert all((gates[0] - gate).abs().max() > 0.1 for gate in gates[1:])


@each_pair
def test_input_matrices_start_within_the_bound_of_one_gate(ours, reference):
    cell = ours(100, 50, rng=torch.Generator().manual_seed(0))
    bound = (6 / (100 + 50)) ** 0.5  # Glorot and Bengio's; of the stacked matrix it would be smaller
    assert 0.99 * bound < cell.weight_ih.abs().max() <= bound


def test_the_forget_gate_alone_starts_with_a_bias_and_it_is_one():
    cell = LSTMCell(3, 2)
    assert (cell.bias_ih + cell.bias_hh).tolist() == [0, 0, 1, 1, 0, 0, 0, 0]
    assert not ElmanCell(3, 2).bias_ih.any() and not GRUCell(3, 2).bias_ih.any()


@each_pair
def test_the_same_generator_gives_the_same_cell_and_another_another(ours, reference):
    first, same, other = (ours(3, 4, rng=torch.Generator().manual_seed(seed)) for seed in (0, 0, 1))
    for name in ("weight_ih", "weight_hh"):
        assert torch.equal(getattr(first, name), getattr(same, name))
        assert not torch.equal(getattr(first, name), getattr(other, name))


def test_an_lstm_with_its_forget_gate_open_and_input_gate_shut_keeps_its_memory():
    cell = LSTMCell(2, 1)
    for parameter in cell.parameters():
        torch.nn.init.zeros_(parameter)
    cell.bias_ih.data[:] = torch.tensor([-50.0, 50.0, 0.0, 50.0])  # i, f, g, o
    h, c = cell(torch.ones(1, 2), (torch.zeros(1, 1), torch.full((1, 1), 0.7)))
    torch.testing.assert_close(c, torch.tensor([[0.7]]))
    torch.testing.assert_close(h, torch.tensor([[0.7]]).tanh())


def test_a_gru_with_its_update_gate_at_one_keeps_its_state_and_at_zero_forgets_it():
    cell = GRUCell(2, 1)
    for parameter in cell.parameters():
        torch.nn.init.zeros_(parameter)
    for gate, expected in ((50.0, 0.7), (-50.0, 0.0)):  # the candidate is tanh(0)
        cell.bias_ih.data[1] = gate  # r, z, n
        (h,) = cell(torch.ones(1, 2), (torch.full((1, 1), 0.7),))
        torch.testing.assert_close(h, torch.tensor([[expected]]))


@each_pair
def test_the_state_starts_at_zero_in_the_precision_of_the_weights(ours, reference):
    state = ours(3, 4).double().start(2)
    assert len(state) == (2 if ours is LSTMCell else 1)
    assert all(s.shape == (2, 4) and s.dtype == torch.float64 and not s.any() for s in state)


@pytest.mark.parametrize("sizes", [(0, 4), (4, 0), (4, -1)])
def test_a_cell_needs_inputs_and_units(sizes):
    with pytest.raises(ValueError, match="at least 1, got"):
        ElmanCell(*sizes)
