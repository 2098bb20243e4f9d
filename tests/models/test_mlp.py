"""The feed-forward language model against its equation written as a loop, and its cache."""

from dataclasses import asdict

import pytest
import torch

from arlm_helpers.models.mlp import MLPCache, MLPConfig, MLPLanguageModel
from tests.zoo import mlp, random_ids


def some_ids(rows=2, time=9):
    return random_ids(rows * time, 11).view(rows, time)


def logits_by_loop(model, ids):
    """Bengio's equation for each position by itself: a window of embeddings, start embeddings in front."""
    n_context = model.order - 1
    rows = []
    for row in ids:
        vectors = [model.start] * n_context + [model.embedding.weight[i] for i in row]
        windows = [torch.cat(vectors[t + 1 : t + 1 + n_context]) for t in range(len(row))]
        rows.append(
            [model.head.weight @ torch.tanh(model.hidden.weight @ x + model.hidden.bias) for x in windows]
        )
    return torch.stack([torch.stack(row) for row in rows]) + model.head.bias


@pytest.mark.parametrize("order", [2, 3, 6, 20])
def test_logits_and_gradients_are_those_of_the_equation(order):
    model = MLPLanguageModel(MLPConfig(11, order=order, d_embed=3, d_hidden=5)).double()
    for seed, parameter in enumerate(model.parameters()):
        torch.nn.init.normal_(parameter, generator=torch.Generator().manual_seed(seed))
    gradients = []
    for logits in (model(some_ids()), logits_by_loop(model, some_ids())):
        total = logits.logsumexp(dim=-1).sum()
        gradients.append(torch.autograd.grad(total, list(model.parameters()), materialize_grads=True))
    torch.testing.assert_close(model(some_ids()), logits_by_loop(model, some_ids()), rtol=0, atol=1e-12)
    torch.testing.assert_close(*gradients, rtol=1e-9, atol=1e-12)
    start, *others = gradients[0]
    assert all(gradient.abs().max() > 1e-3 for gradient in others)
    assert (start.abs().max() > 1e-3) == (order > 2)  # a model of one token never reads before the text


@pytest.mark.parametrize("distance", [1, 2, 3, 4])
def test_exactly_the_last_tokens_matter(distance):
    model, ids = mlp(11), some_ids()  # of order 4: three tokens
    changed = ids.clone()
    changed[:, -distance] = (changed[:, -distance] + 1) % 11
    moved = (model(changed)[:, -1] - model(ids)[:, -1]).abs().max()
    assert moved > 1e-3 if distance <= 3 else moved == 0


@pytest.mark.parametrize("n_first", [1, 2, 3, 5])
def test_token_by_token_gives_the_same_logits(n_first):
    model, cache = mlp(11), MLPCache()
    parts = [model(some_ids()[:, :n_first], cache)]
    parts += [model(some_ids()[:, [t]], cache) for t in range(n_first, 9)]
    torch.testing.assert_close(torch.cat(parts, dim=1), model(some_ids()))
    assert cache.ids.shape == (2, 2)  # the third token of the context is the next one read


def test_a_cache_survives_a_file():
    model, cache, loaded = mlp(11), MLPCache(), MLPCache()
    model(some_ids()[:, :4], cache)
    cache.detach()
    loaded.load_state_tensors(cache.state_tensors())
    assert torch.equal(model(some_ids()[:, 4:], loaded), model(some_ids()[:, 4:], cache))
    loaded.load_state_tensors(MLPCache().state_tensors())
    assert loaded.ids is None and loaded.select(torch.tensor([0])).ids is None


def test_tensors_that_are_no_state_are_refused():
    with pytest.raises(ValueError, match=r"not the state.*layer0\.h"):
        MLPCache().load_state_tensors({"layer0.h": torch.zeros(1, 2, dtype=torch.long)})


def test_a_cache_of_another_batch_size_is_refused_and_the_way_out_is_named():
    model, cache = mlp(11), MLPCache()
    model(some_ids(rows=1), cache)
    with pytest.raises(ValueError, match=r"1 rows, but the new ids have 2; .*select\(rows\).*new_cache"):
        model(some_ids(rows=2), cache)


def test_the_same_generator_gives_the_same_model():
    first, same = mlp(11).state_dict(), mlp(11).state_dict()
    assert all(torch.equal(first[name], same[name]) for name in first)


def test_a_new_model_holds_all_tokens_for_equally_likely():
    assert not MLPLanguageModel(MLPConfig(11))(some_ids()).any()


def test_parameters_are_counted_by_hand_and_the_matrix_is_named():
    model = MLPLanguageModel(MLPConfig(11, order=4, d_embed=3, d_hidden=5))
    assert model.n_parameters == 11 * 3 + 3 + (3 * 3 * 5 + 5) + (5 * 11 + 11)
    assert model.matrices() == {"hidden.weight": 1}
    assert dict(model.named_parameters())["hidden.weight"].shape == (5, 9)
    assert MLPConfig(**asdict(model.config)) == model.config


@pytest.mark.parametrize("wrong", [{"order": 1}, {"d_embed": 0}, {"d_hidden": 0}, {"vocab_size": 0}])
def test_a_wrong_size_is_refused_by_name(wrong):
    ((name, value),) = wrong.items()
    with pytest.raises(ValueError, match=rf"{name} must be at least .*, got {value}"):
        MLPConfig(**({"vocab_size": 11} | wrong))


def test_no_tokens_are_refused():
    with pytest.raises(ValueError, match="at least one token"):
        mlp(11)(some_ids()[:, :0])
