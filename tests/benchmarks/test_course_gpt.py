"""The rows of the stored GPT: its own weights for its own text, and what company changes."""

import pytest
import torch

from arlm_helpers.decoding.evaluation import token_nats
from arlm_helpers.models.gpt_config import GPTConfig
from arlm_helpers.models.transformer import GPT
from arlm_helpers.text.data import load_corpus
from arlm_helpers.text.tokenizers import CharTokenizer
from arlm_helpers.training.weights import load_weights, read_record
from benchmarks.course_gpt import STORED, course_gpt
from benchmarks.results import Held

N = 1_500


@pytest.fixture(scope="module")
def results():
    corpus = load_corpus("shakespeare")
    held = Held(corpus.train, corpus.validation[:N])
    return {company: course_gpt(held, 0, company=company) for company in ("alone", "counts", "reading")}


def test_on_its_own_text_the_stored_model_is_scored(results):
    record = read_record(STORED)
    model = GPT(GPTConfig(**record["config"])).half()
    load_weights(model, STORED)
    corpus = load_corpus("shakespeare")
    text = corpus.train[-500:] + corpus.validation[:N]
    ids = torch.tensor(CharTokenizer(record["characters"]).encode(text))
    expected = token_nats(model.float().eval(), ids, first=500).double().sum().item()
    assert results["alone"].nats == pytest.approx(expected, rel=1e-6)
    assert results["alone"].train_seconds == record["cpu_seconds"]


def test_company_helps_and_is_counted_among_the_parameters(results):
    assert results["reading"].nats < results["counts"].nats < results["alone"].nats
    assert results["counts"].parameters > results["alone"].parameters


def test_on_another_text_it_is_trained_anew(monkeypatch):
    text = "the cat sees the dog. " * 300
    result = course_gpt(Held(text, text[:200]), 0, company="alone")
    assert result.train_seconds > 0 and result.nats / 200 < 2.5
