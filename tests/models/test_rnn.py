"""The recurrent language model against ``torch.nn``, and what its cache promises to a training loop."""

from dataclasses import asdict, replace

import pytest
import torch

from arlm_helpers.models.cells import LSTMCell
from arlm_helpers.models.recurrent_cache import RNNCache
from arlm_helpers.models.rnn import CELLS, LIBRARY, RNNConfig, RNNLanguageModel, unroll
from arlm_helpers.training.losses import cross_entropy
from tests.zoo import random_ids, rnn

MODULES = {"elman": torch.nn.RNN, "gru": torch.nn.GRU, "lstm": torch.nn.LSTM}
each_kind = pytest.mark.parametrize("kind", MODULES)
each_way = pytest.mark.parametrize("by_hand", [False, True], ids=["fused", "by-hand"])


def some_ids(rows=3, time=12):
    return random_ids(rows * time, 11).view(rows, time)


def library(model, kind):
    """The layers of ``model`` as one module of ``torch.nn``."""
    module = MODULES[kind](8, 8, num_layers=2, batch_first=True).double()
    weights = {
        f"{name}_l{layer}": parameter
        for layer, cell in enumerate(model.cells)
        for name, parameter in cell.state_dict().items()
    }
    module.load_state_dict(weights)
    return module


def loss_and_gradients(model, logits_of):
    """Loss of one batch, and the gradient of every parameter by name."""
    ids = some_ids()
    loss = cross_entropy(logits_of(ids[:, :-1]), ids[:, 1:])
    loss.backward()
    return loss.detach(), {name: parameter.grad for name, parameter in model.named_parameters()}


@each_way
@each_kind
def test_loss_and_gradients_are_those_of_the_librarys_layers(kind, by_hand):
    model = rnn(11, kind, n_layers=2, by_hand=by_hand)
    for cell in model.cells:  # biases are zero at first and would hide a mistake
        torch.nn.init.normal_(cell.bias_ih, generator=torch.Generator().manual_seed(2))
        torch.nn.init.normal_(cell.bias_hh, generator=torch.Generator().manual_seed(3))
    reference = rnn(11, kind, n_layers=2)
    reference.load_state_dict(model.state_dict())
    layers = library(reference, kind)
    loss, gradients = loss_and_gradients(model, model)
    expected, rest = loss_and_gradients(
        reference, lambda ids: reference.head(layers(reference.embedding(ids))[0])
    )
    torch.testing.assert_close(loss, expected, rtol=0, atol=1e-9)
    for name, parameter in layers.named_parameters():
        cell_name, layer = name.rsplit("_l", 1)
        rest[f"cells.{layer}.{cell_name}"] = parameter.grad
    assert all(gradient.abs().max() > 1e-6 for gradient in gradients.values())
    torch.testing.assert_close(gradients, rest, rtol=1e-9, atol=1e-9)


@each_kind
def test_by_hand_is_the_fused_call_in_single_precision_to_six_digits(kind):
    fused = RNNLanguageModel(RNNConfig(11, kind, d_model=64), rng=torch.Generator().manual_seed(0))
    by_hand = RNNLanguageModel(replace(fused.config, by_hand=True))
    by_hand.load_state_dict(fused.state_dict())
    hidden = fused.hidden_states(some_ids(time=40))
    torch.testing.assert_close(by_hand.hidden_states(some_ids(time=40)), hidden, rtol=0, atol=1e-6)


@each_way
@each_kind
def test_a_detached_cache_gives_the_same_numbers(kind, by_hand):
    model = rnn(11, kind, n_layers=2, by_hand=by_hand)
    cache = model.new_cache()
    model(some_ids()[:, :7], cache)
    cache.detach()
    torch.testing.assert_close(model(some_ids()[:, 7:], cache), model(some_ids())[:, 7:])


@each_way
@each_kind
@pytest.mark.parametrize("cut", [True, False])
def test_gradients_reach_the_tokens_before_the_cache_unless_it_is_detached(kind, by_hand, cut):
    model = rnn(5, kind, n_layers=2, by_hand=by_hand)
    cache = model.new_cache()
    model(torch.tensor([[0, 1]]), cache)
    if cut:
        cache.detach()
    model(torch.tensor([[2, 3]]), cache).square().sum().backward()
    reached = model.embedding.weight.grad.abs().sum(dim=1) > 0
    assert reached.tolist() == [not cut, not cut, True, True, False]


@each_kind
def test_hidden_states_are_what_the_head_reads_and_the_cache_holds_the_last(kind):
    model = rnn(11, kind, n_layers=2)
    cache = model.new_cache()
    hidden = model.hidden_states(some_ids(), cache)
    assert torch.equal(model.head(hidden), model(some_ids()))
    torch.testing.assert_close(cache.states[-1][0], hidden[:, -1])


@each_kind
def test_all_states_are_the_states_after_reading_up_to_there(kind):
    model, cache = rnn(11, kind, n_layers=2), RNNCache()
    layers = model.all_states(some_ids(), cache)
    for time in (1, 5, 12):
        part = model.new_cache()
        model(some_ids()[:, :time], part)
        for states, expected in zip(layers, part.states, strict=True):
            torch.testing.assert_close(tuple(s[:, time - 1] for s in states), expected)
    torch.testing.assert_close(cache.states, part.states)


def test_the_states_of_a_layer_step_by_step_carry_gradients():
    model = rnn(11, "elman")
    states = unroll(model.cells[0], model.embedding(some_ids()), model.cells[0].start(3))
    states[0][0].retain_grad()
    states[-1][0].sum().backward()
    assert states[0][0].grad.abs().max() > 0


@each_kind
def test_a_state_survives_a_file_bit_for_bit(kind):
    model = rnn(11, kind, n_layers=2)
    cache, loaded = model.new_cache(), model.new_cache()
    model(some_ids()[:, :4], cache)
    tensors = cache.state_tensors()
    names = ["layer0.h", "layer0.c", "layer1.h", "layer1.c"]
    assert list(tensors) == (names if kind == "lstm" else names[::2])
    loaded.load_state_tensors(dict(reversed(tensors.items())))
    assert torch.equal(model(some_ids()[:, 4:], loaded), model(some_ids()[:, 4:], cache))


def test_a_state_replaced_in_a_copy_stays_in_the_original():
    cache = RNNCache([(torch.ones(1, 8),)])
    cache.copy().states[0] = (torch.zeros(1, 8),)
    assert cache.states[0][0].sum() == 8


def test_an_empty_cache_survives_a_file_too():
    cache = RNNCache([(torch.ones(1, 8),)])
    cache.load_state_tensors(RNNCache().state_tensors())
    assert cache.states is None and cache.select(torch.tensor([0])).states is None
    assert cache.copy().states is None and cache.detach() is None


@pytest.mark.parametrize("name", ["layer1.h", "layer0.k", "ids", "layer0.c"])
def test_tensors_that_are_no_state_are_refused_and_the_cache_stays(name):
    cache = RNNCache([(torch.ones(1, 8),)])
    with pytest.raises(ValueError, match=f"not the state.*{name}"):
        cache.load_state_tensors({name: torch.ones(1, 8)})
    assert cache.states[0][0].sum() == 8


@each_way
def test_a_cache_of_another_batch_size_is_refused_and_the_way_out_is_named(by_hand):
    model = rnn(11, "lstm", by_hand=by_hand)
    cache = model.new_cache()
    model(some_ids(rows=1), cache)
    with pytest.raises(ValueError, match=r"1 rows, but ids have 3; .*select\(rows\).*new_cache"):
        model(some_ids(rows=3), cache)
    assert len(cache.states[0][0]) == 1


@pytest.mark.parametrize(("kind", "options"), [("lstm", {}), ("gru", {"n_layers": 2})])
def test_a_cache_of_another_model_is_refused(kind, options):
    cache = RNNCache()
    rnn(11, "gru")(some_ids(), cache)
    with pytest.raises(ValueError, match=r"of another model: .*\(3, 8\).*new_cache"):
        rnn(11, kind, **options)(some_ids(), cache)


def test_a_cache_goes_on_in_the_precision_of_the_model():
    model, cache = rnn(11, "lstm"), RNNCache()
    model(some_ids()[:, :4], cache)
    cache.states = [tuple(s.float() for s in state) for state in cache.states]
    assert model(some_ids()[:, 4:], cache).dtype == torch.float64


class Mute(LSTMCell):
    """A cell whose output is held at zero."""

    def forward(self, x, state):
        h, c = super().forward(x, state)
        return 0 * h, c


def test_a_cell_put_in_place_of_another_is_used_although_the_library_does_not_know_it():
    model = rnn(11, "lstm", n_layers=2)
    model.cells[0] = Mute(8, 8).double()
    assert not model.all_states(some_ids())[0][0].any()
    torch.testing.assert_close(model(some_ids()), model((some_ids() + 1) % 11))


def test_a_new_model_holds_all_tokens_for_equally_likely():
    assert not RNNLanguageModel(RNNConfig(11))(some_ids()).any()


def test_the_same_generator_gives_the_same_model():
    first, same = rnn(11, "lstm").state_dict(), rnn(11, "lstm").state_dict()
    assert all(torch.equal(first[name], same[name]) for name in first)


@each_kind
def test_parameters_are_counted_by_hand_and_matrices_named_with_their_gates(kind):
    model = RNNLanguageModel(RNNConfig(11, kind, d_model=8, n_layers=2))
    n_gates = {"elman": 1, "gru": 3, "lstm": 4}[kind]
    assert model.n_parameters == 11 * 8 + 2 * n_gates * (8 * 8 + 8 * 8 + 8 + 8) + 8 * 11 + 11
    named = dict(model.named_parameters())
    assert all(named[name].shape == (n_gates * 8, 8) for name in model.matrices())
    assert list(model.matrices().values()) == [n_gates] * 4
    assert RNNConfig(**asdict(model.config)) == model.config


def test_every_kind_has_a_fused_call():
    assert set(CELLS.values()) == set(LIBRARY)


@pytest.mark.parametrize("wrong", [{"kind": "rnn"}, {"d_model": 0}, {"n_layers": 0}, {"vocab_size": 0}])
def test_a_wrong_size_or_kind_is_refused_by_name(wrong):
    ((name, value),) = wrong.items()
    with pytest.raises(ValueError, match=rf"{name} must be .*, got {value!r}"):
        RNNConfig(**({"vocab_size": 11} | wrong))


def test_no_tokens_are_refused():
    with pytest.raises(ValueError, match="at least one token"):
        rnn(11, "gru")(some_ids()[:, :0])
