import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from arlm_helpers.decoding.evaluation import bits_per_character, token_nats
from arlm_helpers.models.ngram import NGram
from arlm_helpers.training.losses import log_probs_of
from tests.zoo import MODELS, random_ids


def at_once(model, ids):
    """The surprise of every token after the first, in a single call."""
    return -log_probs_of(model(ids[None, :-1]), ids[None, 1:])[0]


@pytest.fixture(scope="module")
def model():
    return NGram.fit(random_ids(500, 11), 11, 4)


@pytest.mark.parametrize("name", MODELS)
def test_reading_on_with_a_cache_scores_as_one_call_does(name):
    model = MODELS[name](11)
    n = 2_500 if model.context_length is None else model.context_length + 1  # as much as one call reads
    ids, first = random_ids(n, 11, seed=1), n // 3
    expected = at_once(model, ids)
    finite = expected.isfinite()
    torch.testing.assert_close(token_nats(model, ids)[finite], expected[finite])
    later = finite[first - 1 :]
    torch.testing.assert_close(token_nats(model, ids, first=first)[later], expected[first - 1 :][later])


@given(st.integers(1, 60), st.integers(4, 61), st.data())
def test_every_token_is_scored_once_with_enough_context(first, window, data):
    model = NGram.fit(random_ids(500, 11), 11, 4)
    ids = random_ids(61, 11, seed=1)
    min_context = data.draw(st.integers(3, window - 1))
    nats = token_nats(model, ids, first=first, window=window, min_context=min_context)
    torch.testing.assert_close(nats, at_once(model, ids)[first - 1 :])


def test_windows_without_overlap_are_worse_and_only_at_the_seams(model):
    ids = random_ids(400, 11, seed=1)
    cut = token_nats(model, ids, window=8, min_context=0)
    differs = (cut - at_once(model, ids)).abs() > 1e-9
    assert cut.mean() > at_once(model, ids).mean()
    assert {(place % 8) for place in differs.nonzero().flatten().tolist()} <= {0, 1}


def test_a_text_shorter_than_the_models_own_window_is_read_at_once(model, monkeypatch):
    monkeypatch.setattr(model, "context_length", 64, raising=False)
    ids = random_ids(10, 11)
    torch.testing.assert_close(token_nats(model, ids), at_once(model, ids))


def test_bits_per_character_by_hand():
    assert bits_per_character(8 * math.log(2), 4) == pytest.approx(2.0)


@pytest.mark.parametrize(
    "options", [{"window": 12}, {"window": -1}, {"window": 0}, {"first": 0}, {"first": 10}]
)
def test_a_text_shorter_than_its_window_is_refused_with_the_numbers(model, options):
    with pytest.raises(ValueError, match="10 tokens"):
        token_nats(model, random_ids(10, 11), **options)


@pytest.mark.parametrize("min_context", [-1, 5, 9])
def test_a_context_that_leaves_nothing_to_score_is_refused(model, min_context):
    with pytest.raises(ValueError, match="below the window 5"):
        token_nats(model, random_ids(10, 11), window=5, min_context=min_context)


def test_no_characters_have_no_bits():
    with pytest.raises(ValueError, match="n_characters"):
        bits_per_character(1.0, 0)
