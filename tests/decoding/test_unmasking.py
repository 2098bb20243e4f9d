"""Unmasking fills every gap once, in the order it was told, and keeps what was given."""

import itertools
from collections import Counter

import pytest
import torch

from arlm_helpers.decoding.logits import Temperature
from arlm_helpers.decoding.unmasking import unmask
from arlm_helpers.models.gpt_config import GPTConfig
from arlm_helpers.models.masked import MaskedLM, log_prob_in_order
from tests.zoo import TINY

GAP = 3
TEXT = torch.tensor([0, GAP, 2, GAP, GAP, 1, GAP])


class SureAtTheRight(torch.nn.Module):
    """Knows the token of every place, position % 3; the surer the further to the right."""

    vocab_size = mask_id = 3

    def forward(self, ids):
        places = torch.arange(ids.shape[1])
        return (torch.eye(3)[places % 3] * (places + 1.0).unsqueeze(-1)).expand(len(ids), -1, -1)


def gaps(text):
    return (text == GAP).nonzero().squeeze(-1).tolist()


@pytest.mark.parametrize("order, left", [("left to right", [3, 4, 6]), ("confident", [1, 3, 4])])
def test_gaps_are_filled_in_the_order_asked_for(order, left):
    texts = list(unmask(SureAtTheRight(), TEXT, n_rounds=4, order=order))
    assert gaps(texts[0]) == left
    assert [len(gaps(text)) for text in texts] == [3, 2, 1, 0]
    assert texts[-1].tolist() == [0, 1, 2, 0, 1, 1, 0]  # what was given stays, also where it is unexpected


@pytest.mark.parametrize("n_rounds, left", [(1, [0]), (2, [2, 0]), (3, [3, 2, 0])])
def test_rounds_share_the_gaps_evenly(n_rounds, left):
    texts = unmask(SureAtTheRight(), TEXT, n_rounds=n_rounds)
    assert [len(gaps(text)) for text in texts] == left


def test_the_text_that_was_given_is_not_changed_and_a_filled_place_stays():
    before, rng = TEXT.clone(), torch.Generator().manual_seed(0)
    texts = list(unmask(tiny(), TEXT, n_rounds=4, order="random", rng=rng))
    assert torch.equal(TEXT, before)
    for earlier, later in itertools.pairwise(texts):
        filled = earlier != GAP
        assert torch.equal(earlier[filled], later[filled])


def tiny():
    rng = torch.Generator().manual_seed(0)
    model = MaskedLM(GPTConfig(vocab_size=3, **TINY)).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.4, generator=rng)
    return model


def test_from_left_to_right_one_by_one_texts_come_as_often_as_the_chain_rule_says():
    model, n = tiny(), 2_000
    texts = torch.tensor(list(itertools.product(range(3), repeat=2)))
    rng, start = torch.Generator().manual_seed(0), torch.full((2,), GAP)
    counts = Counter(
        tuple(list(unmask(model, start, n_rounds=2, order="left to right", rng=rng))[-1].tolist())
        for _ in range(n)
    )
    expected = log_prob_in_order(model, texts, [0, 1]).exp() * n
    observed = torch.tensor([counts[tuple(text)] for text in texts.tolist()])
    statistic = ((observed - expected) ** 2 / expected).sum().item()
    assert expected.min() > 5 and statistic < 39.4  # chi-square, 8 degrees: by chance once in 240,000


def test_processors_act_on_every_gap():
    cold = unmask(
        tiny(), TEXT, n_rounds=2, processors=[Temperature(1e-4)], rng=torch.Generator().manual_seed(0)
    )
    greedy = unmask(tiny(), TEXT, n_rounds=2)
    assert torch.equal(list(cold)[-1], list(greedy)[-1])


@pytest.mark.parametrize(
    "options, message",
    [
        ({"n_rounds": 0}, r"n_rounds must lie in 1 … 4, the number of gaps, got 0"),
        ({"n_rounds": 5}, r"1 … 4, the number of gaps, got 5"),
        ({"n_rounds": 2, "order": "upwards"}, "order must be one of confident, random, left to right"),
        ({"n_rounds": 2, "order": "random"}, "random needs rng"),
    ],
)
def test_what_cannot_be_done_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        next(unmask(tiny(), TEXT, **options))


def test_a_text_without_gaps_is_refused():
    with pytest.raises(ValueError, match=r"1 … 0, the number of gaps"):
        next(unmask(tiny(), torch.tensor([0, 1, 2]), n_rounds=1))
