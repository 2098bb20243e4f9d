"""Beam search against all texts there are, against greedy decoding, and against transformers' beam search."""

import itertools
import math

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from arlm_helpers.decoding.beam import BeamSettings, Branch, beam_search, beam_steps, ranked_places
from arlm_helpers.decoding.beam_reader import DeadEndError
from arlm_helpers.decoding.logits import Temperature, TopK
from arlm_helpers.decoding.penalties import NoRepeatNGram
from arlm_helpers.decoding.sampling import generate
from arlm_helpers.models.given import Given
from arlm_helpers.models.gpt_config import gpt2_config
from arlm_helpers.models.loading import load_gpt2_state
from arlm_helpers.models.oracle import Oracle
from arlm_helpers.models.transformer import GPT
from arlm_helpers.text.toy_language import ToyLanguage
from arlm_helpers.training.losses import log_probs_of
from tests.conditional import CONDITIONAL, SOURCE
from tests.zoo import MODELS

PROMPT = torch.tensor([0, 1])
END = 2


def log_probs(model, texts, prompt=PROMPT):
    """Of whole continuations of equal length, read at once and without a cache."""
    ids = torch.cat([prompt.expand(len(texts), -1), torch.tensor(texts)], dim=1)
    return log_probs_of(model(ids[:, :-1]), ids[:, 1:])[:, len(prompt) - 1 :].sum(dim=1).tolist()


def ranked_by_hand(model, penalty, vocab_size=3, max_tokens=4):
    """Score and ids of every text that ends with its only END, or is cut off at ``max_tokens``."""
    scored = []
    for length in range(1, max_tokens + 1):
        every = itertools.product(range(vocab_size), repeat=length)
        texts = [t for t in every if END not in t[:-1] and (t[-1] == END or length == max_tokens)]
        values = zip(log_probs(model, texts), texts, strict=True)
        scored += [(value / length**penalty, text) for value, text in values if value > -math.inf]
    return sorted(scored, reverse=True)


@pytest.mark.parametrize("penalty", [0.0, 2.5, -1.0])
@pytest.mark.parametrize("name", MODELS)
def test_a_beam_wide_enough_for_all_texts_ranks_all_texts(name, penalty):
    model = MODELS[name](3)
    expected = ranked_by_hand(model, penalty)
    options = {"n_beams": 3**4, "max_tokens": 4, "end_id": END, "length_penalty": penalty}
    found = beam_search(model, PROMPT, n_best=3**4, **options)
    assert [branch.score for branch in found] == pytest.approx([score for score, _ in expected])
    assert {branch.ids for branch in found} == {ids for _, ids in expected}
    for branch in found:
        assert branch.log_prob == pytest.approx(log_probs(model, [branch.ids])[0])


@pytest.mark.parametrize("end_id", [None, 4])
@pytest.mark.parametrize("name", MODELS)
def test_one_beam_is_greedy_also_past_the_context_length(name, end_id):
    model = MODELS[name](5)
    steps = generate(model, PROMPT.unsqueeze(0), max_tokens=20, end_id=end_id)
    expected = tuple(step.ids.item() for step in steps)
    for early_stopping in (True, False):
        options = {"max_tokens": 20, "end_id": end_id, "early_stopping": early_stopping}
        (found,) = beam_search(model, PROMPT, n_beams=1, **options)
        assert found.ids == expected


@pytest.mark.parametrize("name", CONDITIONAL)
def test_each_source_has_its_own_best_answers(name):
    model = CONDITIONAL[name](3)
    for source in (SOURCE[:1], SOURCE[1:2]):
        given = Given(model, source)
        _, best = ranked_by_hand(given, 1.0)[0]
        options = {"n_beams": 3**4, "max_tokens": 4, "end_id": END, "length_penalty": 1.0}
        assert beam_search(given, PROMPT, **options)[0].ids == best


@pytest.fixture(scope="module")
def same_weights():
    """A GPT-2 of the transformers library whose text ends now and then, and ours with its weights."""
    torch.manual_seed(0)
    sizes = {"n_positions": 40, "n_layer": 2, "n_head": 2, "n_embd": 16}
    theirs = GPT2LMHeadModel(GPT2Config(vocab_size=13, **sizes, bos_token_id=0, eos_token_id=END)).eval()
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter += 0.3 * torch.randn_like(parameter)
    ours = GPT(gpt2_config(vocab_size=13, context_length=40, n_layers=2, n_heads=2, d_model=16))
    load_gpt2_state(ours, theirs.state_dict())
    return ours, theirs


def theirs_searches(model, prompt, **options):
    """Texts without padding, and their scores, as ``transformers`` finds them."""
    found = model.generate(
        prompt.unsqueeze(0), attention_mask=torch.ones(1, len(prompt), dtype=torch.long), pad_token_id=END,
        do_sample=False, return_dict_in_generate=True, output_scores=True, **options,
    )  # fmt: skip
    texts = []
    for row in found.sequences[:, len(prompt) :].tolist():
        end = row.index(END) + 1 if END in row else len(row)
        texts.append(tuple(row[:end]))
    return texts, found.sequences_scores.tolist()


@pytest.mark.parametrize("early_stopping, name", [(True, True), (False, "never")])
@pytest.mark.parametrize("penalty", [0.0, 0.7, 1.0, 3.0, -1.0])
@pytest.mark.parametrize("n_beams", [2, 3, 5])
def test_texts_and_scores_are_those_of_transformers(same_weights, n_beams, penalty, early_stopping, name):
    ours, theirs = same_weights
    n_ended = 0
    for seed in range(8):
        prompt = torch.randint(3, 13, (3,), generator=torch.Generator().manual_seed(seed))
        texts, scores = theirs_searches(
            theirs, prompt, num_beams=n_beams, num_return_sequences=n_beams, max_new_tokens=9,
            length_penalty=penalty, early_stopping=name,
        )  # fmt: skip
        found = beam_search(
            ours, prompt, n_beams=n_beams, n_best=n_beams, max_tokens=9, end_id=END,
            length_penalty=penalty, early_stopping=early_stopping,
        )  # fmt: skip
        assert [branch.ids for branch in found] == texts
        assert [branch.score for branch in found] == pytest.approx(scores, abs=1e-4)
        n_ended += sum(branch.ids[-1] == END for branch in found)
    assert 0 < n_ended < 8 * n_beams  # some end, some are cut off


def test_the_default_of_transformers_stops_too_early_for_long_texts_and_ours_does_not(same_weights):
    """Theirs compares the beam at its present length: with a penalty a longer text could still win."""
    ours, theirs = same_weights
    worse = 0
    for seed in range(20):
        prompt = torch.randint(3, 13, (3,), generator=torch.Generator().manual_seed(seed))
        options = {"num_beams": 2, "max_new_tokens": 9, "length_penalty": 3.0, "early_stopping": False}
        _, (score,) = theirs_searches(theirs, prompt, **options)
        (best,) = beam_search(ours, prompt, n_beams=2, max_tokens=9, end_id=END, length_penalty=3.0)
        assert best.score > score - 1e-4
        worse += best.score > score + 1e-3
    assert worse > 0


def garden_path():
    """The likeliest first word leads to ten equally likely texts, the other one to a single text."""
    many = {f"m{i}": (1, "stop") for i in range(10)}
    rules = {
        "start": {"go": (1, "fork")},
        "fork": {"wide": (6, "many"), "narrow": (4, "one")},
        "many": many,
        "one": {"sure": (1, "stop")},
        "stop": {"go": (1, "fork")},
    }
    language = ToyLanguage(rules)
    return Oracle(language), language


def test_two_beams_find_a_likelier_text_than_greedy_by_hand():
    model, language = garden_path()
    prompt = torch.tensor(language.encode("go"))
    greedy, better = (beam_search(model, prompt, n_beams=n, max_tokens=2)[0] for n in (1, 2))
    assert language.tokens[greedy.ids[0]] == "wide" and math.exp(greedy.log_prob) == pytest.approx(0.06)
    assert language.tokens[better.ids[0]] == "narrow" and math.exp(better.log_prob) == pytest.approx(0.4)


def test_every_branch_says_what_became_of_it():
    model, language = garden_path()
    settings = BeamSettings(n_beams=1, max_tokens=2, n_pruned=3)
    first, second = beam_steps(model, torch.tensor(language.encode("go")), settings)
    assert [(branch.fate, branch.rank) for branch in first.branches] == [("kept", 1), ("pruned", 2)]
    assert first.branches[1].reason == (
        "pruned: number 2 of its step by log-probability, -0.92; the beam holds 1, down to -0.51"
    )  # log 0.4 and log 0.6
    assert [branch.fate for branch in second.branches] == ["cut off"] + 4 * ["pruned"]
    assert not first.best and [branch.rank for branch in second.best] == [1]


def test_an_end_that_comes_too_late_in_its_step_does_not_finish():
    rules = {"s": {"a": (5, "s"), "b": (3, "s"), "end": (2, "s")}}
    language = ToyLanguage(rules)
    prompt, end = torch.tensor(language.encode("a")), language.tokens.index("end")
    (step, *_) = beam_steps(Oracle(language), prompt, BeamSettings(n_beams=2, max_tokens=3, end_id=end))
    assert [branch.fate for branch in step.branches] == ["kept", "kept", "pruned"]
    assert step.branches[2].reason.endswith("the beam holds 2, and only the first 2 may finish")


def test_a_kept_branch_continues_the_parent_it_names():
    model = MODELS["gpt"](5)
    kept = [()]
    for step in beam_steps(model, PROMPT, BeamSettings(n_beams=3, max_tokens=6, end_id=4)):
        for branch in step.branches:
            assert branch.ids[:-1] == kept[branch.parent]
        kept = [branch.ids for branch in step.branches if branch.fate == "kept"]
        values = [branch.log_prob for branch in step.branches]
        assert values == sorted(values, reverse=True)


def test_stopping_when_nothing_can_improve_loses_nothing():
    """The bound against a search that goes on to the last token."""

    class Stubborn(BeamSettings):
        def can_improve(self, kept, best):
            return bool(kept)

    for penalty in (-1.0, 0.0, 0.5, 2.0):
        for name in ("kneser-ney", "gpt", "lstm"):
            model, n_steps = MODELS[name](5), []
            for kind in (BeamSettings, Stubborn):
                settings = kind(n_beams=3, max_tokens=12, length_penalty=penalty, end_id=4)
                *steps, last = beam_steps(model, PROMPT, settings)
                n_steps.append((len(steps), [branch.ids for branch in last.best]))
            assert n_steps[0][1] == n_steps[1][1] and n_steps[0][0] <= n_steps[1][0]


@pytest.mark.parametrize("penalty, bound", [(1.0, -0.5), (0.0, -2.0), (-1.0, -4.0)])
def test_the_bound_is_the_best_score_that_a_branch_can_still_have(penalty, bound):
    """One token of log-probability -2; the text may have 2 to 4 tokens."""
    settings = BeamSettings(n_beams=1, max_tokens=4, length_penalty=penalty)
    kept = [Branch((3,), -2.0, 0.0, 1, 0, "kept", "")]
    for score, can in ((bound - 0.01, True), (bound, False)):
        assert settings.can_improve(kept, [Branch((1,), 0.0, score, 1, 0, "finished", "")]) == can


def test_equal_scores_are_ranked_by_place_and_impossible_ones_not_at_all():
    scores = torch.tensor([1.0, 3.0, -torch.inf, 3.0, 1.0, 1.0])
    assert ranked_places(scores, 4).tolist() == [1, 3, 0, 4]
    assert ranked_places(scores, 9).tolist() == [1, 3, 0, 4, 5]


class Even:
    """A filter: only even tokens; none after the token 4."""

    def __call__(self, ids, logits):
        if ids[0, -1] == 4:
            raise DeadEndError("nothing follows 4")
        return logits.index_fill(1, torch.arange(1, logits.shape[1], 2), -torch.inf)


def test_filters_rule_tokens_out_and_the_rest_keeps_the_models_probability():
    model = MODELS["gpt"](5)
    found = beam_search(model, PROMPT, n_beams=30, n_best=30, max_tokens=3, filters=[Even()])
    texts = [(*start, last) for start in itertools.product([0, 2], repeat=2) for last in (0, 2, 4)]
    assert {branch.ids for branch in found} == set(texts)  # 4 stands only where nothing need follow
    for branch in found:
        assert branch.log_prob == pytest.approx(log_probs(model, [branch.ids])[0])


def test_a_filter_sees_the_text_of_its_own_branch():
    found = beam_search(
        MODELS["gpt"](5), PROMPT, n_beams=20, n_best=20, max_tokens=3, filters=[NoRepeatNGram(1)]
    )
    assert {branch.ids for branch in found} == set(itertools.permutations([2, 3, 4]))


def test_one_beam_with_a_filter_is_greedy_with_it():
    model = MODELS["gpt"](5)
    steps = generate(model, PROMPT.unsqueeze(0), max_tokens=8, processors=[TopK(1)])
    (found,) = beam_search(model, PROMPT, n_beams=4, max_tokens=8, filters=[TopK(1)])
    assert found.ids == tuple(step.ids.item() for step in steps)


def test_only_dead_ends_are_an_error():
    with pytest.raises(DeadEndError, match="loosen the filters"):
        beam_search(MODELS["gpt"](5), torch.tensor([4]), n_beams=2, max_tokens=3, filters=[Even()])


def test_a_policy_that_would_change_the_ranking_is_refused():
    with pytest.raises(ValueError, match=r"Temperature\(t=0.5\) changes logits of tokens that it keeps"):
        beam_search(MODELS["gpt"](5), PROMPT, n_beams=2, max_tokens=3, filters=[Temperature(0.5)])


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"n_beams": 0}, "n_best must lie in 1 … n_beams = 0"),
        ({"n_best": 3}, "n_best must lie in 1 … n_beams = 2, got 3"),
        ({"max_tokens": 0}, "max_tokens must be at least 1, got 0"),
        ({"length_penalty": math.nan}, "length_penalty must be finite, got nan; 0 is neutral"),
    ],
)
def test_numbers_out_of_range_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        beam_search(MODELS["gpt"](5), PROMPT, **({"n_beams": 2, "max_tokens": 3} | changes))


def test_an_empty_prompt_and_broken_logits_are_refused():
    with pytest.raises(ValueError, match="prompt is empty"):
        beam_search(MODELS["gpt"](5), torch.zeros(0, dtype=torch.long), n_beams=2, max_tokens=3)
    model = MODELS["gpt"](5)
    torch.nn.init.constant_(model.norm.weight, torch.nan)
    with pytest.raises(ValueError, match="NaN"):
        beam_search(model, PROMPT, n_beams=2, max_tokens=3)
