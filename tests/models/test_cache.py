"""What a Transformer remembers: written once, never copied, and refused where it does not belong."""

import pytest
import torch

from arlm_helpers.models.cache import LayerCache
from arlm_helpers.models.gpt_config import GPTConfig
from tests.zoo import MODELS, TINY, gpt


def randn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def some_ids(rows=3, time=8):
    return torch.randint(11, (rows, time), generator=torch.Generator().manual_seed(1))


def test_new_keys_and_values_are_written_behind_the_old_ones():
    keys, values, cache = randn(2, 3, 6, 4), randn(2, 3, 6, 4, seed=1), LayerCache(10)
    cache.extend(keys[:, :, :5], values[:, :, :5])
    all_keys, all_values = cache.extend(keys[:, :, 5:], values[:, :, 5:])
    assert torch.equal(all_keys, keys) and torch.equal(all_values, values)


def test_a_cache_counts_the_tokens_read():
    model = MODELS["gpt"](11)
    cache = model.new_cache()
    for n_read in (4, 8):
        model(some_ids(time=4), cache)
        assert cache.n_read == n_read


def test_room_is_taken_once_and_nothing_is_copied():
    cache = LayerCache(10)
    places = {cache.extend(randn(1, 2, 1, 4), randn(1, 2, 1, 4))[0].data_ptr() for _ in range(10)}
    assert len(places) == 1 and cache.keys.shape == (1, 2, 10, 4)


@pytest.mark.parametrize("name", ["gpt", "llama", "compact"])
def test_an_empty_cache_can_be_copied_and_selected(name):
    model = MODELS[name](11)
    for cache in (model.new_cache().copy(), model.new_cache().select(torch.tensor([1, 0]))):
        torch.testing.assert_close(model(some_ids(), cache), model(some_ids()))


def test_a_cache_filled_in_inference_mode_can_be_read_on_from_outside():
    model = MODELS["compact"](11)
    cache = model.new_cache()
    with torch.inference_mode():
        model(some_ids()[:, :5], cache)
        cache = cache.copy()
    torch.testing.assert_close(model(some_ids()[:, 5:], cache), model(some_ids())[:, 5:])


def gradient_with(cache):
    model = MODELS["llama"](11)
    model(some_ids(), cache and model.new_cache()).square().mean().backward()
    return torch.cat([parameter.grad.flatten() for parameter in model.parameters()])


def test_gradients_of_a_call_are_the_same_with_a_cache():
    torch.testing.assert_close(gradient_with(cache=True), gradient_with(cache=None))


def test_a_gradient_through_an_earlier_call_is_refused_rather_than_wrong():
    model = MODELS["gpt"](11)
    cache = model.new_cache()
    parts = [model(some_ids()[:, :4], cache), model(some_ids()[:, 4:], cache)]
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        torch.cat(parts, dim=1).sum().backward()


def test_the_cache_of_another_batch_is_refused_with_a_way_out():
    model = MODELS["gpt"](11)
    cache = model.new_cache()
    model(some_ids(rows=3), cache)
    with pytest.raises(ValueError, match=r"keys of 3 rows, but ids have 2; choose rows with cache\.select"):
        model(some_ids(rows=2, time=1), cache)


def test_the_cache_of_another_model_is_refused_with_what_differs():
    other = gpt(GPTConfig(vocab_size=11, **{**TINY, "n_heads": 2}))
    with pytest.raises(ValueError, match=r"another model: n_heads was 4, is 2; start anew with model\.new"):
        other(some_ids(), MODELS["gpt"](11).new_cache())


@pytest.mark.parametrize("time", [9, 13])
def test_a_full_cache_is_refused_and_stays_as_it_was(time):
    model = MODELS["compact"](11)
    cache = model.new_cache()
    model(some_ids()[:, :4], cache)
    with pytest.raises(ValueError, match=rf"{time} tokens behind the 4 of the cache do not fit .* = 12"):
        model(some_ids(time=time), cache)
    torch.testing.assert_close(model(some_ids()[:, 4:], cache), model(some_ids())[:, 4:])
