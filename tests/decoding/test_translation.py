"""Answers to sources, and how often they are right; the model answers by copying, so all is known."""

import pytest
import torch

from arlm_helpers.decoding.translation import exact_match, exact_match_by_length, translate
from arlm_helpers.text.pairs import SPECIALS
from arlm_helpers.text.tokenizers import CharTokenizer

LETTERS = CharTokenizer("abc", specials=SPECIALS)  # a b c <pad> <start> <end> are 0 1 2 3 4 5


class CopyCache:
    """Ids of the source that are still to be written, END behind them."""

    def __init__(self, source):
        self.left = torch.cat([source, torch.full((len(source), 1), 3)], dim=1)
        self.left[self.left == 3] = 5


class Copying:
    """Answers a source with itself."""

    vocab_size, context_length = 6, None

    def new_cache(self, source):
        return CopyCache(source)

    def __call__(self, ids, cache):
        following, cache.left = cache.left[:, : ids.shape[1]], cache.left[:, ids.shape[1] :]
        return torch.nn.functional.one_hot(following, 6).float()


@pytest.mark.parametrize("batch_size", [1, 2, 3, 250])
def test_answers_end_at_end_whatever_the_batch(batch_size):
    texts = ["abc", "b", "ca", "aaab", "c"]
    assert translate(Copying(), texts, LETTERS, max_tokens=9, batch_size=batch_size) == texts


def test_an_answer_is_cut_at_the_greatest_length():
    assert translate(Copying(), ["abcabc"], LETTERS, max_tokens=4) == ["abca"]


def test_no_texts_have_no_answers():
    assert translate(Copying(), [], LETTERS, max_tokens=4) == []


def test_exact_match_by_hand():
    assert exact_match(["a", "b", "cc", "d"], ["a", "b", "c", "d"]) == 0.75
    sources, answers, targets = ["1", "12", "123", "12345"], list("abcd"), list("abxd")
    assert exact_match_by_length(sources, answers, targets, width=2) == {0: 1.0, 2: 0.5, 4: 1.0}


@pytest.mark.parametrize("answers, targets", [([], []), (["a"], ["a", "b"])])
def test_answers_without_targets_are_refused(answers, targets):
    with pytest.raises(ValueError, match="one answer for each target"):
        exact_match(answers, targets)


def test_a_processor_rules_out_tokens_of_the_answer():
    """Without b, the copying model falls back on the lowest id; START stands before the answer."""
    seen = []

    def no_b(ids, logits):
        seen.append(ids.tolist())
        return logits.index_fill(-1, torch.tensor([1]), -torch.inf)

    assert translate(Copying(), ["cbc"], LETTERS, max_tokens=9, processors=[no_b]) == ["cac"]
    assert seen[:2] == [[[4]], [[4, 2]]]
