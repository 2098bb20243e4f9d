import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from arlm_helpers.decoding.compression import SHARES, compress, decompress, share_edges
from arlm_helpers.decoding.evaluation import token_nats
from arlm_helpers.models.ngram import NGram
from arlm_helpers.text.data import load_corpus
from arlm_helpers.text.tokenizers import ByteTokenizer
from tests.zoo import MODELS, random_ids


@pytest.mark.parametrize("name", MODELS)
def test_the_file_is_as_long_as_the_cross_entropy_and_decodes_to_the_same_ids(name):
    model = MODELS[name](11)
    ids = random_ids(600, 11, seed=1)
    nats = token_nats(model, ids)
    nats = torch.where(nats.isfinite(), nats, math.log(SHARES))  # what the model excludes costs 32 bits
    expected_bytes = (nats.sum().item() + math.log(11)) / math.log(2) / 8
    data = compress(model, ids)
    assert len(data) <= 1.005 * expected_bytes + 8
    assert torch.equal(decompress(model, data), ids)


def test_a_text_comes_back_byte_for_byte():
    corpus, tokenizer = load_corpus("shakespeare"), ByteTokenizer()
    model = NGram.fit(torch.tensor(tokenizer.encode(corpus.train[:200_000])), tokenizer.vocab_size, 5)
    text = corpus.test[:500] + "中文 🙂\0"
    ids = torch.tensor(tokenizer.encode(text))
    data = compress(model, ids)
    assert tokenizer.decode_bytes(decompress(model, data).tolist()) == text.encode()
    assert len(data) <= 1.005 * (token_nats(model, ids).sum().item() / math.log(2) + 8) / 8 + 8


@given(st.lists(st.integers(0, 10), max_size=40))
def test_every_sequence_survives(ids):
    model = MODELS["kneser-ney"](11)
    ids = torch.tensor(ids, dtype=torch.long)
    assert torch.equal(decompress(model, compress(model, ids)), ids)


class Sure:
    """A model that is all but certain of token 0, so that carries run through many bytes."""

    vocab_size = 3

    def __init__(self, logits):
        self.logits = torch.tensor(logits)

    def new_cache(self):
        return None

    def __call__(self, ids, cache=None):
        return self.logits.expand(*ids.shape, -1)


@given(st.lists(st.sampled_from([0, 0, 0, 1, 2]), max_size=300), st.floats(0, 60))
def test_sure_models_survive_long_runs_of_carries(ids, confidence):
    for logits in ([confidence, 0.0, 0.0], [0.0, 0.0, confidence]):
        model = Sure(logits)
        assert decompress(model, compress(model, torch.tensor(ids, dtype=torch.long))).tolist() == ids


@given(st.lists(st.floats(-80, 80), min_size=1, max_size=300))
def test_edges_are_whole_increasing_and_proportional(logits):
    edges = share_edges(torch.tensor(logits, dtype=torch.float64))
    widths = torch.from_numpy(edges).diff()
    assert edges[0] == 0 and edges[-1] == SHARES and (widths >= 1).all()
    probs = torch.tensor(logits, dtype=torch.float64).softmax(0)
    assert ((widths / SHARES - probs).abs() < 1e-6).all()


class Limited(Sure):
    """A model that reads at most four tokens at once and repeats the last one."""

    context_length = 4

    def new_cache(self):
        return []

    def __call__(self, ids, cache=None):
        cache = [] if cache is None else cache
        cache += ids[0].tolist()
        if len(cache) > self.context_length:
            raise ValueError("context is full")
        return 3.0 * torch.nn.functional.one_hot(ids, 3).double()


@given(st.lists(st.integers(0, 2), max_size=30), st.integers(1, 4))
def test_a_model_of_limited_context_goes_on_from_the_latest_half(ids, limit):
    model = Limited([0.0, 0.0, 0.0])
    model.context_length = limit
    assert decompress(model, compress(model, torch.tensor(ids, dtype=torch.long))).tolist() == ids


def test_a_broken_model_is_refused():
    with pytest.raises(ValueError, match="NaN"):
        compress(Sure([math.nan, 0.0, 0.0]), torch.tensor([0, 1]))


def test_data_without_a_length_are_refused():
    with pytest.raises(ValueError, match="3 bytes"):
        decompress(Sure([0.0, 0.0, 0.0]), b"abc")
