"""A reader whose text changes at its end knows what a new reader would know, and reads little for it."""

import pytest
import torch

from arlm_helpers.decoding.rewinding import RewindableReader
from arlm_helpers.decoding.sampling import generate
from tests.zoo import MODELS

TEXT = torch.randint(11, (12,), generator=torch.Generator().manual_seed(1)).tolist()
CHANGED = [*TEXT[:7], *((token + 1) % 11 for token in TEXT[7:])]


@torch.inference_mode()
@pytest.mark.parametrize("name", MODELS)
def test_after_any_change_the_logits_are_those_of_the_text(name):
    model = MODELS[name](11)
    reader = RewindableReader(model, 5)
    texts = [TEXT[:5], TEXT[:9], TEXT[:7], CHANGED[:9], CHANGED, TEXT[:8], TEXT[:3], TEXT, TEXT]
    for text in texts:
        expected = model(torch.tensor([text]))[0]
        torch.testing.assert_close(reader.logits(text)[0], expected[-1])
        torch.testing.assert_close(reader.logits(text, n_last=3), expected[-3:])


class Counting:
    """A model that counts the tokens it is given."""

    def __init__(self, model):
        self.model, self.context_length, self.n_given = model, model.context_length, 0
        self.new_cache = model.new_cache

    def __call__(self, ids, cache=None):
        self.n_given += ids.shape[1]
        return self.model(ids, cache)


@pytest.mark.parametrize("name", ["gpt", "compact", "numpy-gpt"])
def test_a_transformer_reads_each_token_once_however_often_guesses_are_taken_back(name):
    model = Counting(MODELS[name](11))
    reader = RewindableReader(model, 5)
    for text, n_new in [(TEXT[:5], 5), (TEXT[:9], 4), (CHANGED[:9], 2), (TEXT[:8], 1), (TEXT[:6], 1)]:
        before = model.n_given
        reader.logits(text)
        assert model.n_given - before == n_new, text


@pytest.mark.parametrize("name", ["lstm", "kneser-ney", "mlp"])
def test_a_model_that_was_read_token_by_token_goes_back_without_reading_again(name):
    model = Counting(MODELS[name](11))
    reader = RewindableReader(model, 5)
    for length in (5, 6, 7, 8, 9):
        reader.logits(TEXT[:length])
    assert model.n_given == 9
    reader.logits([*TEXT[:7], 3])
    assert model.n_given == 10


@torch.inference_mode()
def test_contexts_begin_where_they_do_for_generate():
    model, prompt = MODELS["gpt"](11), TEXT[:4]
    reader, text = RewindableReader(model, len(prompt)), list(prompt)
    for step in generate(model, torch.tensor([prompt]), max_tokens=40):
        assert reader.room(len(text)) >= 0
        torch.testing.assert_close(reader.logits(text)[0], step.logits[0])
        text.append(step.ids.item())
