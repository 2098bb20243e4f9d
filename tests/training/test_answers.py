"""What is given is read and not learned; what is said is both."""

import re

import pytest
import torch
from torch.nn import functional

from arlm_helpers.models.gpt_config import compact_config
from arlm_helpers.models.transformer import GPT
from arlm_helpers.text.tokenizers import ByteTokenizer, CharTokenizer
from arlm_helpers.training.answers import AnswerWindows, counted_tokens
from arlm_helpers.training.config import TrainConfig
from arlm_helpers.training.masking import masked_cross_entropy, train_masked
from arlm_helpers.training.optimizers import AdamW

PLAY = "HAMLET:\nTo be:\nor not.\n\nFIRST LORD:\nMy lord!\n\n"


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def test_the_lines_with_names_are_given_and_all_else_counts():
    tokenizer = CharTokenizer.from_text(PLAY)
    ids, counts = counted_tokens(tokenizer, PLAY)
    assert tokenizer.decode(ids.tolist()) == PLAY
    assert tokenizer.decode(ids[counts].tolist()) == "To be:\nor not.\n\nMy lord!\n\n"  # a colon is no name


def test_places_are_right_behind_letters_of_several_bytes():
    text = "ÖDIPUS 王:\n你好 👋\n\nB:\nja\n\n"
    ids, counts = counted_tokens(ByteTokenizer(), text)
    assert bytes(ids[counts].tolist()).decode() == "你好 👋\n\nja\n\n"


def test_of_an_empty_text_nothing_counts():
    ids, counts = counted_tokens(ByteTokenizer(), "")
    assert ids.tolist() == counts.tolist() == [] and ids.dtype == torch.long


def test_another_pattern_gives_other_passages():
    tokenizer = CharTokenizer.from_text("Q: 1? A: 2. Q: 3?")
    ids, counts = counted_tokens(tokenizer, "Q: 1? A: 2. Q: 3?", re.compile(r"Q:[^?]*\? ?"))
    assert tokenizer.decode(ids[counts].tolist()) == "A: 2. "


def marked(n=60):
    return torch.arange(n), torch.arange(n) % 3 == 0


def test_windows_hold_the_text_and_mark_the_targets_that_count():
    windows = AnswerWindows(*marked(), context_length=7, batch_size=2, seed=3)
    for _ in range(9):
        batch = windows.next_batch()
        assert torch.equal(batch.targets, batch.ids + 1)  # the text goes on
        assert torch.equal(batch.chosen, batch.targets % 3 == 0)


def test_a_batch_in_which_nothing_counts_is_passed_over():
    counts = torch.zeros(60, dtype=torch.bool)
    counts[30] = True
    windows = AnswerWindows(torch.arange(60), counts, context_length=7, batch_size=1)
    assert [int(windows.next_batch().chosen.sum()) for _ in range(5)] == [1] * 5


def test_the_marks_belong_to_the_fingerprint():
    ids, counts = marked()
    sizes = {"context_length": 7, "batch_size": 2}
    one, other = AnswerWindows(ids, counts, **sizes), AnswerWindows(ids, ~counts, **sizes)
    assert one.fingerprint() != other.fingerprint()


def test_the_loss_is_that_of_torch_with_the_given_tokens_ignored():
    batch = AnswerWindows(*marked(), context_length=7, batch_size=2).next_batch()
    logits = torch.randn(2, 7, 60, generator=rng())
    targets = batch.targets.masked_fill(batch.targets % 3 != 0, -100)
    expected = functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-100)
    torch.testing.assert_close(masked_cross_entropy(logits, batch), expected)


def test_answers_are_learned_and_questions_are_not():
    """Texts of a random even number (given) and the odd one that follows it."""
    asked = torch.randint(5, (400,), generator=rng()) * 2
    ids = torch.stack([asked, asked + 1], dim=1).flatten()
    sizes = {"vocab_size": 10, "context_length": 8, "n_heads": 2, "d_model": 16, "ngram_sizes": ()}
    model = GPT(compact_config(**sizes), rng=rng())
    windows = AnswerWindows(ids, ids % 2 == 1, context_length=8, batch_size=16)
    losses = list(train_masked(model, windows, TrainConfig(n_steps=80, optimizer=AdamW(0.02))))
    assert losses[0] > 2 and losses[-1] < 0.1
    after_an_answer = model(torch.tensor([[0, 1]]))[0, -1].softmax(0)
    assert after_an_answer[::2].sum() < 0.9  # nothing taught it that a question follows


def test_marks_that_do_not_fit_are_refused():
    sizes = {"context_length": 7, "batch_size": 2}
    with pytest.raises(ValueError, match="got 60 tokens and 59 marks"):
        AnswerWindows(torch.arange(60), torch.ones(59, dtype=torch.bool), **sizes)
    with pytest.raises(ValueError, match="nothing to learn"):
        AnswerWindows(torch.arange(60), torch.arange(60) == 0, **sizes)
