"""Guessing ahead changes the time and nothing else: the greedy text, the distribution, the policy stay."""

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from arlm_helpers.decoding import speculative
from arlm_helpers.decoding.logits import Temperature, TopK, TopP
from arlm_helpers.decoding.sampling import generate
from arlm_helpers.decoding.speculative import acceptance_rate, expected_speedup, speculate, what_is_missing
from tests.zoo import MODELS

PROMPT = torch.tensor([[2, 0, 1, 2]])
PROCESSORS = [Temperature(0.8), TopP(0.9)]


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def ids_of(steps):
    return [step.ids.item() for step in steps]


def exact(model, n, processors):
    """The probability of each continuation of PROMPT by ``n`` tokens, as plain sampling gives it."""
    chances = {}
    for tokens in itertools.product(range(model.vocab_size), repeat=n):
        chance = 1.0
        for i, token in enumerate(tokens):
            text = torch.cat([PROMPT, torch.tensor([tokens[:i]], dtype=torch.long)], dim=1)
            final = model(text)[:, -1]
            for process in processors:
                final = process(text, final)
            chance *= final.double().softmax(-1)[0, token].item()
        chances[tokens] = chance
    return chances


def p_value(model, draft, processors, *, n=3, n_texts=1000):
    """Of Pearson's test that texts written with guesses follow the exact distribution."""
    chances, counts, rng = exact(model, n, processors), {}, seeded()
    for _ in range(n_texts):
        steps = speculate(model, draft, PROMPT, max_tokens=n, n_guesses=2, processors=processors, rng=rng)
        tokens = tuple(ids_of(steps))
        counts[tokens] = counts.get(tokens, 0) + 1
    assert sum(chances[tokens] == 0 for tokens in counts) == 0
    frequent = [tokens for tokens, chance in chances.items() if chance * n_texts >= 5]
    observed = [counts.get(tokens, 0) for tokens in frequent]
    expected = [chances[tokens] * n_texts for tokens in frequent]
    if (rest := n_texts - sum(expected)) > 1e-6:
        observed.append(n_texts - sum(observed))
        expected.append(rest)
    return chisquare(observed, expected).pvalue


class Stubborn:
    """A draft that guesses token 0, with nearly all its probability."""

    vocab_size, context_length = 3, None

    class Cache:
        def copy(self):
            return self

    def new_cache(self):
        return self.Cache()

    def __call__(self, ids, cache=None):
        return torch.tensor([8.0, 0.0, 0.0]).expand(*ids.shape, 3)


@pytest.mark.parametrize(
    "draft, processors", [(MODELS["unigram"](3), PROCESSORS), (Stubborn(), [])], ids=["policy", "bad draft"]
)
def test_texts_follow_the_exact_distribution(draft, processors):
    """Chi-square on 1,000 texts of three tokens; each of the two cases fails for one seed in 100,000."""
    assert p_value(MODELS["kneser-ney"](3), draft, processors) > 1e-5


@pytest.mark.parametrize(
    "name, wrong", [("accepts", lambda *_: True), ("what_is_missing", lambda probs, draft: probs)]
)
def test_the_chi_square_test_notices_a_wrong_rule(name, wrong, monkeypatch):
    monkeypatch.setattr(speculative, name, wrong)
    assert p_value(MODELS["kneser-ney"](3), MODELS["unigram"](3), []) < 1e-5


weights = st.lists(st.integers(0, 5), min_size=4, max_size=4).filter(any)


@given(weights, weights)
def test_what_is_accepted_and_what_replaces_it_add_up_to_the_model(model, draft):
    p, q = (torch.tensor(w, dtype=torch.float64) / sum(w) for w in (model, draft))
    accepted = torch.minimum(p, q)  # q of being guessed, times min(1, p / q) of staying
    missing = what_is_missing(p, q)
    torch.testing.assert_close(accepted + (1 - accepted.sum()) * missing / missing.sum(), p)


@given(st.floats(0, 1, exclude_max=True), st.integers(0, 5), st.integers(1, 5))
def test_a_guess_stays_with_the_ratio_of_the_probabilities(u, p, q):
    probs, draft = torch.tensor([p / 5, 1 - p / 5]).double(), torch.tensor([q / 5, 1 - q / 5]).double()
    stays = speculative.accepts(probs, 0, draft, torch.tensor([u], dtype=torch.float64))
    if abs(u - p / q) > 1e-12:
        assert stays == (u < p / q)


@pytest.mark.parametrize(
    "name, draft", [*((name, "unigram") for name in MODELS), ("gpt", "lstm"), ("lstm", "compact")]
)
def test_the_greedy_text_and_its_logits_are_those_of_generate(name, draft):
    """Forty tokens: some models begin a new context several times on the way."""
    model, ids = MODELS[name](11), torch.tensor([[3, 1, 4]])
    plain = list(generate(model, ids, max_tokens=40))
    steps = list(speculate(model, MODELS[draft](11), ids, max_tokens=40))
    assert ids_of(steps) == ids_of(plain)
    for ours, theirs in zip(steps, plain, strict=True):
        torch.testing.assert_close(ours.logits, theirs.logits)
        torch.testing.assert_close(ours.final, theirs.final)


def no_token_twice_in_a_row(ids, logits):
    return logits.scatter(1, ids[:, -1:], -torch.inf)


def test_processors_see_the_text_with_the_guesses():
    model, ids = MODELS["kneser-ney"](11), torch.tensor([[3, 1, 4]])
    processors = [no_token_twice_in_a_row, TopK(4)]
    plain = generate(model, ids, max_tokens=30, processors=processors)
    steps = speculate(model, MODELS["add-k"](11), ids, max_tokens=30, processors=processors)
    assert ids_of(steps) == ids_of(plain)


@pytest.mark.parametrize("name", ["gpt", "compact", "numpy-llama", "lstm", "kneser-ney"])
def test_a_model_accepts_all_its_own_guesses(name):
    model = MODELS[name](11)
    steps = list(speculate(model, model, PROMPT, max_tokens=7, n_guesses=2, rng=seeded()))
    assert [step.guessed for step in steps] == [True, True, False] * 2 + [False]
    assert acceptance_rate(steps) == 1


def test_guesses_that_the_model_excludes_are_never_written():
    model = MODELS["kneser-ney"](3)
    without_0 = [lambda ids, logits: logits.index_fill(1, torch.tensor([0]), -torch.inf)]

    class Unmoved(Stubborn):  # processors apply to the draft too, so it says 1 instead
        def __call__(self, ids, cache=None):
            return torch.tensor([8.0, 7.0, -torch.inf]).expand(*ids.shape, 3)

    steps = list(speculate(model, Unmoved(), PROMPT, max_tokens=60, processors=without_0, rng=seeded()))
    assert set(ids_of(steps)) == {1, 2} and 0 < acceptance_rate(steps) < 1
    assert all(step.ids.item() == 1 for step in steps if step.guessed)


def test_the_same_seed_writes_the_same_text_and_another_one_does_not():
    model, draft = MODELS["kneser-ney"](11), MODELS["unigram"](11)
    texts = [ids_of(speculate(model, draft, PROMPT, max_tokens=40, rng=seeded(s))) for s in (0, 0, 1)]
    assert texts[0] == texts[1] != texts[2]


@pytest.mark.parametrize("max_tokens", [0, 1, 4, 5, 6])
def test_exactly_so_many_tokens_are_written(max_tokens):
    model = MODELS["gpt"](11)
    assert len(list(speculate(model, model, PROMPT, max_tokens=max_tokens, n_guesses=4))) == max_tokens


def test_the_text_ends_at_the_end_token_also_within_a_round():
    model = MODELS["kneser-ney"](11)
    whole = ids_of(speculate(model, model, PROMPT, max_tokens=60, rng=seeded()))
    end = whole[25]
    cut = ids_of(speculate(model, model, PROMPT, max_tokens=60, rng=seeded(), end_id=end))
    assert cut == whole[: whole.index(end) + 1]


def test_rates_and_speedups_by_hand():
    def steps(n_guessed, n_accepted):
        ids, logits = torch.zeros(1, dtype=torch.long), torch.zeros(1, 2)
        active = torch.ones(1, dtype=torch.bool)
        return [speculative.SpeculativeStep(ids, logits, logits, active, False, n_guessed, n_accepted)]

    assert acceptance_rate(steps(4, 4) + steps(4, 1) + steps(4, 0) + steps(0, 0)) == 5 / 7  # judged: 4, 2, 1
    assert expected_speedup(0.5, 2, guess_cost=0.0) == 1.75  # 1 + 1/2 + 1/4
    assert expected_speedup(1.0, 3, guess_cost=0.25, judge_cost=1.25) == 2.0
    assert expected_speedup(0.0, 4, guess_cost=0.25) == 0.5
    with pytest.raises(ValueError, match="no token was guessed"):
        acceptance_rate(steps(0, 0))


@pytest.mark.parametrize(
    "ids, options, message",
    [
        (torch.zeros(2, 3, dtype=torch.long), {}, "one text at a time, got 2 rows"),
        (torch.zeros(1, 0, dtype=torch.long), {}, "prompt is empty"),
        (PROMPT, {"n_guesses": 0}, "n_guesses at least 1, got 3 and 0"),
        (PROMPT, {"max_tokens": -1}, "max_tokens must be at least 0 .* got -1 and 4"),
        (PROMPT, {"draft": MODELS["unigram"](5)}, "got 5 tokens for 3"),
        (PROMPT, {"processors": [lambda ids, logits: logits * torch.nan]}, "NaN"),
        (PROMPT, {"processors": [lambda ids, logits: logits - torch.inf]}, "no token is allowed"),
    ],
)
def test_what_cannot_be_continued_is_refused(ids, options, message):
    options = {"max_tokens": 3, "draft": MODELS["unigram"](3)} | options
    with pytest.raises(ValueError, match=message):
        list(speculate(MODELS["kneser-ney"](3), options.pop("draft"), ids, rng=seeded(), **options))
