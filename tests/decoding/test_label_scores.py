"""Labels are scored as continuations: against a pass over the whole text, and all labels together."""

import itertools
import math

import pytest
import torch

from arlm_helpers.decoding.label_scores import label_log_probs
from arlm_helpers.models.numpy_gpt import NumpyGPT
from tests.zoo import MODELS

PROMPT = [1, 3, 0, 2]
LABELS = [[2], [0, 1], [2, 2, 4], [2, 2, 3]]


def whole_text(model, prompt, label):
    """The same from one pass over prompt and label."""
    ids = torch.tensor([[*prompt, *label]])
    log_probs = model(ids).log_softmax(-1)[0]
    return sum(log_probs[len(prompt) - 1 + i, token].item() for i, token in enumerate(label))


@pytest.mark.parametrize("name", ["gpt", "compact", "lstm", "kneser-ney"])
def test_each_label_has_the_probability_of_the_text_that_continues_with_it(name):
    model = MODELS[name](5)
    expected = [whole_text(model, PROMPT, label) for label in LABELS]
    torch.testing.assert_close(
        label_log_probs(model, PROMPT, LABELS).tolist(), expected, atol=1e-4, rtol=1e-4
    )


def test_all_labels_of_two_tokens_share_out_the_probability():
    labels = list(itertools.product(range(5), repeat=2))
    scores = label_log_probs(MODELS["gpt"](5), PROMPT, labels)
    assert math.isclose(scores.exp().sum().item(), 1, abs_tol=1e-5)


def test_a_cache_may_hold_what_stands_before_and_is_left_as_it_is():
    model = MODELS["gpt"](5)
    cache = model.new_cache()
    model(torch.tensor([PROMPT[:2]]), cache)
    expected = label_log_probs(model, PROMPT, LABELS)
    for _ in range(2):
        torch.testing.assert_close(label_log_probs(model, PROMPT[2:], LABELS, cache=cache), expected)
    assert cache.n_read == 2


def test_the_model_in_numpy_answers_alike():
    model = MODELS["gpt"](5).eval()
    torch.testing.assert_close(
        label_log_probs(NumpyGPT(model), PROMPT, LABELS), label_log_probs(model, PROMPT, LABELS),
        atol=1e-4, rtol=1e-4,
    )  # fmt: skip


@pytest.mark.parametrize(
    "prompt, labels, words",
    [
        ([], [[1]], "got 0 tokens of prompt"),
        ([1], [], r"labels of \[\]"),
        ([1], [[1], []], r"labels of \[1, 0\]"),
        ([1] * 1000, [[1, 2]], "1001 tokens are to be read, but the context holds"),
    ],
)
def test_what_cannot_be_scored_is_refused(prompt, labels, words):
    with pytest.raises(ValueError, match=words):
        label_log_probs(MODELS["gpt"](5), prompt, labels)


def test_a_text_that_just_fits_the_context_is_scored():
    model = MODELS["gpt"](5)
    full = [1] * model.context_length
    assert label_log_probs(model, full, [[2]]).shape == (1,)
    with pytest.raises(ValueError, match="shorten the prompt"):
        label_log_probs(model, full, [[2, 2]])
