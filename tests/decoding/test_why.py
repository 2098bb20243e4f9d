"""Why a token was cut and what would save it: numbers by hand, and lines that are where they should be."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from arlm_helpers.decoding.policy import Policy
from arlm_helpers.decoding.presets import ORDERS
from arlm_helpers.decoding.thresholds import Threshold
from arlm_helpers.decoding.why import why

IDS = torch.tensor([[0, 2, 2]])
quarters = st.lists(st.integers(-12, 12).map(lambda quarter: quarter / 4), min_size=2, max_size=10)
SETTINGS = {
    "temperature": st.sampled_from([0, 0.3, 0.7, 1, 1.0, 1.7, 4]),
    "top_k": st.sampled_from([None, None, 1, 2, 3, 5]),
    "top_p": st.sampled_from([1, 1.0, 0.9, 0.6, 0.3]),
    "min_p": st.sampled_from([0, 0.0, 0.05, 0.2, 0.6]),
    "repetition_penalty": st.sampled_from([1, 1.0, 1.4]),
}


def changed(policy, **settings):
    return Policy(**{**policy.facts(), **settings})


def keeps(policy, logits, token):
    """Whether the processors of the course, one after the other, leave the token."""
    rows = logits.unsqueeze(0)
    for process in policy.processors():
        rows = process(IDS, rows)
    return not bool(rows[0, token].isneginf())


def vector(values):
    return torch.tensor(values, dtype=torch.float64)


@st.composite
def cases(draw):
    values = draw(quarters)
    noise = draw(st.sampled_from([0.0, 0.1]))
    rng = torch.Generator().manual_seed(draw(st.integers(0, 999)))
    logits = vector(values) + noise * torch.randn(len(values), generator=rng, dtype=torch.float64)
    logits = torch.cat([logits, logits.new_full((max(0, 3 - len(values)),), -3.0)])  # IDS holds 2
    return logits, draw(st.fixed_dictionaries(SETTINGS)), draw(st.integers(0, len(logits) - 1))


@pytest.mark.parametrize("order", ORDERS)
@given(case=cases())
def test_a_threshold_keeps_the_token_and_a_little_to_the_wrong_side_cuts_it(order, case):
    logits, settings, token = case
    policy = Policy(**settings, order=order)
    found = why(policy, IDS, logits, token)
    assert found.kept == keeps(policy, logits, token)
    for line in found.alone:
        assert keeps(changed(policy, **{line.control: line.keeps}), logits, token), line
        assert not keeps(changed(policy, **{line.control: line.cuts}), logits, token), line
        if line.control == "top_k":
            assert line.cuts == line.keeps - 1
        elif line.cuts:
            assert abs(line.keeps / line.cuts - 1) < 1e-5


@pytest.mark.parametrize("order", ORDERS)
@given(case=cases())
def test_what_is_needed_at_once_saves_the_token_and_nothing_of_it_can_be_left_out(order, case):
    logits, settings, token = case
    policy = Policy(**settings, order=order)
    needs = why(policy, IDS, logits, token).needs
    asked = {line.control: line.keeps for line in needs}
    if needs:
        assert len(needs) > 1 and keeps(changed(policy, **asked), logits, token)
    for control in asked:
        rest = {name: value for name, value in asked.items() if name != control}
        assert not keeps(changed(policy, **rest), logits, token)


@pytest.mark.parametrize("order", ORDERS)
@given(case=cases())
def test_a_control_without_a_threshold_does_not_turn_the_fate_of_the_token(order, case):
    logits, settings, token = case
    policy = Policy(**settings, order=order)
    found = why(policy, IDS, logits, token)
    tried = {"top_k": [1, 2, 3, 4, 7, 99], "top_p": [0.01, 0.2, 0.5, 0.8, 0.99, 1.0]}
    tried |= {"min_p": [0.0, 0.01, 0.1, 0.3, 0.7, 1.0], "temperature": [0, 0.05, 0.4, 1.0, 3.0, 50.0]}
    for control in tried.keys() - {line.control for line in found.alone}:
        for value in tried[control]:
            assert keeps(changed(policy, **{control: value}), logits, token) == found.kept, (control, value)


HALVES = vector([0.5, 0.25, 0.125, 0.125]).log()


def line_of(policy, control, token, logits=HALVES):
    [line] = [line for line in why(policy, IDS, logits, token).alone if line.control == control]
    return line


def test_the_lines_of_four_tokens_by_hand():
    """Probabilities 1/2, 1/4, 1/8, 1/8: before token 2 lies 3/4; it is a quarter as likely as the best."""
    policy = Policy(top_p=0.6)
    assert line_of(policy, "top_p", 2).keeps == pytest.approx(0.75)
    kept = Policy(min_p=0.1, top_k=3)
    assert line_of(kept, "min_p", 2).keeps == pytest.approx(0.25)
    assert line_of(kept, "top_k", 2) == Threshold("top_k", 3, 2)
    assert line_of(Policy(), "top_k", 3) == Threshold("top_k", 4, 3)  # of equal tokens the higher id


def test_the_temperature_that_saves_a_token_by_hand():
    """Odds 4:1; with top-p 0.75 the second stays when the first has less: odds 3:1, so T = ln 4 / ln 3."""
    logits = vector([0.8, 0.2, 0.0]).log()
    found = line_of(Policy(top_p=0.75), "temperature", 1, logits)
    assert found.keeps == pytest.approx(math.log(4) / math.log(3), rel=2e-6) and found.cuts < found.keeps


def test_no_temperature_helps_where_even_equal_chances_cut_or_temperature_comes_last():
    uniform = why(Policy(top_p=0.5), IDS, vector([3.0, 2.0, 1.0, 0.0]), 3)  # 3/4 lie before it at any heat
    last = why(Policy(top_p=0.5, order="llama.cpp"), IDS, vector([3.0, 2.0, 1.0, 0.0]), 1)
    for found in (uniform, last):
        assert not found.kept and "temperature" not in {line.control for line in found.alone}


def test_every_temperature_saves_a_token_that_only_greedy_cuts():
    found = line_of(Policy(temperature=0), "temperature", 3)
    assert found.cuts == 0 and found.keeps > 0


def test_the_rank_is_not_enough_where_top_p_follows():
    """With k = 3 the nucleus renormalises to 4/7, 2/7, 1/7: before token 2 lie 6/7. All four: 3/4."""
    assert line_of(Policy(top_k=2, top_p=0.8), "top_k", 2).keeps == 4
    assert line_of(Policy(top_k=2, top_p=0.9), "top_k", 2).keeps == 3


def test_two_stages_that_cut_are_both_named():
    found = why(Policy(top_k=1, min_p=0.4), IDS, HALVES, 2)
    assert found.alone == () and [line.control for line in found.needs] == ["top_k", "min_p"]
    assert [line.keeps for line in found.needs] == [3, pytest.approx(0.25)]


def test_each_stage_gives_its_numbers():
    policy = Policy(repetition_penalty=2.0, temperature=2.0, top_k=4, top_p=0.6, min_p=0.01)
    logits = vector([1.0, 2.0, 3.0, 0.0, -5.0])  # token 2 occurs: its logit becomes 1.5; token 0: 0.5
    found = why(policy, IDS, logits, 2, start=1)
    numbers = {verdict.control: verdict.numbers for verdict in found.verdicts}
    assert numbers["repetition_penalty"] == {"penalty": 2.0, "before": 3.0, "after": 1.5, "times": 2}
    assert numbers["temperature"]["t"] == 2.0 and numbers["top_k"] == {"k": 4, "rank": 2, "n": 5, "tied": 0}
    probs = (vector([0.5, 2.0, 1.5, 0.0]) / 2).softmax(0)
    assert numbers["top_p"] == {"p": 0.6, "n": 1, "held": pytest.approx(float(probs[1]))}
    probs = (vector([2.0, 1.5]) / 2).softmax(0)
    assert numbers["min_p"]["bar"] == pytest.approx(0.01 * float(probs[0]))
    assert found.kept and found.rank == 2 and found.final == pytest.approx(float(probs[1]))


def test_the_verdicts_end_with_the_stage_that_cut():
    found = why(Policy(top_k=2, top_p=0.9, min_p=0.3), IDS, HALVES, 3)
    assert [(verdict.control, verdict.outcome) for verdict in found.verdicts] == [("top_k", "cut")]
    assert (found.kept, found.final, found.base) == (False, 0.0, pytest.approx(0.125))


def test_a_tie_at_the_edge_of_top_k_is_said():
    [verdict] = why(Policy(top_k=3), IDS, HALVES, 3).verdicts
    assert verdict.numbers["tied"] == 1
    [verdict] = why(Policy(top_k=2), IDS, HALVES, 3).verdicts
    assert verdict.numbers["tied"] == 0


def test_a_frequency_penalty_counts_what_was_written():
    [verdict] = why(Policy(frequency_penalty=0.5), IDS, vector([0.0, 0.0, 3.0]), 2, start=2).verdicts
    assert verdict.numbers == {"penalty": 0.5, "before": 3.0, "after": 2.5, "times": 1}


def test_nothing_saves_a_token_that_a_rule_or_the_model_forbids():
    rule = why(Policy(no_repeat=1), IDS, HALVES, 2)
    assert [verdict.outcome for verdict in rule.verdicts] == ["cut"]
    model = why(Policy(temperature=0.5), IDS, vector([0.0, 1.0, -math.inf]), 2)
    for found in (rule, model):
        assert (found.kept, found.rank, found.alone, found.needs) == (False, None, (), ())


def test_a_token_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match=r"token ids are 0 … 3, got 4"):
        why(Policy(), IDS, HALVES, 4)


@pytest.mark.parametrize("order", ORDERS)
def test_the_lines_hold_for_many_tokens(order):
    logits = 2 * torch.randn(5000, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    policy = Policy(temperature=0.7, top_k=800, top_p=0.95, min_p=0.002, order=order)
    for token in logits.argsort(descending=True)[[0, 3, 100, 700, 790, 900, 4000]].tolist():
        found = why(policy, IDS, logits, token)
        assert found.kept == keeps(policy, logits, token)
        for line in found.alone:
            assert keeps(changed(policy, **{line.control: line.keeps}), logits, token), line
            assert not keeps(changed(policy, **{line.control: line.cuts}), logits, token), line
