"""Keys by hand, and suggestions that are really written."""

import pytest
import torch

from arlm_helpers.decoding.keystrokes import end_of_word, keystrokes, whole_runs
from arlm_helpers.decoding.sampling import generate
from arlm_helpers.models.ngram import NGram
from arlm_helpers.models.smoothing import KneserNey
from arlm_helpers.text.tokenizers import CharTokenizer


@pytest.mark.parametrize(
    "text, start, end", [("to be", 0, 3), ("to be", 2, 3), ("to be", 3, 5), ("快 a", 0, 2), ("a", 0, 1)]
)
def test_a_word_ends_behind_the_sign_that_ends_it(text, start, end):
    assert end_of_word(text, start) == end


@pytest.mark.parametrize(
    "text, right, keys",
    [
        ("to be", [], 5),  # no help: a key for each sign
        ("to be", [(0, 3), (3, 5)], 2),  # both words at once
        ("to be", [(1, 3)], 1 + 1 + 2),  # t, then "o " is suggested, then b, e
        ("to be", [(2, 3), (4, 5)], 5),  # a single sign saves nothing
        ("", [], 0),
        ("...", [(0, 1)], 3),
    ],
)
def test_keys_are_counted_by_hand(text, right, keys):
    assert keystrokes(text, lambda start, end: (start, end) in right) == keys


def test_one_pass_over_the_text_says_what_greedy_writing_would_suggest():
    """The suggestions are written out by the model and compared with the text."""
    tokenizer, text = CharTokenizer("ab "), "ab a bb ab bb a ab"
    model = NGram.fit(torch.tensor(tokenizer.encode("ab a bb " * 5)), 3, 3, KneserNey())
    ids = torch.tensor([tokenizer.encode(text)])
    likeliest = model(ids)[0, :-1].argmax(dim=-1)
    hits = [False, *(likeliest == ids[0, 1:]).tolist()]

    def written(start, end):
        if start == 0:
            return False  # there is nothing to go on from
        steps = generate(model, ids[:, :start], max_tokens=end - start)
        return [int(step.ids) for step in steps] == ids[0, start:end].tolist()

    places = [(i, end_of_word(text, i)) for i in range(len(text))]
    expected = [written(*place) for place in places]
    assert [whole_runs(hits)(*place) for place in places] == expected and True in expected
    assert keystrokes(text, whole_runs(hits)) == keystrokes(text, written) < len(text)
