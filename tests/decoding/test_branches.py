"""Texts that grow and fork: the darts of generate, branches that stay, and code that writes them again."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from arlm_helpers.decoding.branches import ForkableText, dart_at, darts, fork_text, last_of, write_on
from arlm_helpers.decoding.policy import Policy
from arlm_helpers.decoding.reproducing import code_of
from arlm_helpers.decoding.same_luck import Comparison, compare_policies, first_difference, repeat_draws
from arlm_helpers.decoding.sampling import generate, sample
from arlm_helpers.text.tokenizers import ByteTokenizer
from tests.zoo import MODELS

POLICY = Policy(temperature=1.3, top_k=8, frequency_penalty=0.2, repetition_penalty=1.1)
PROMPT = ForkableText((0, 1, 2))


@pytest.fixture(scope="module")
def model():
    return MODELS["kneser-ney"](11)


def written(text):
    return [token.id for token in text.written]


def grown(model, text=PROMPT, policy=POLICY, *, seed=5, n=12):
    return last_of(text, write_on(model, text, policy, seed=seed, max_tokens=n))


def by_generate(model, prompt, policy, seed, n):
    rng = torch.Generator().manual_seed(seed)
    options = {"processors": policy.processors(start=len(prompt)), "rng": rng, "max_tokens": n}
    return [int(step.ids) for step in generate(model, torch.tensor([list(prompt)]), **options)]


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("prompt", [(0, 1, 2), tuple(range(11)) * 2])
def test_a_text_is_what_generate_writes_also_beyond_the_context(name, prompt):
    model = MODELS[name](11)
    assert written(grown(model, ForkableText(prompt), n=30)) == by_generate(model, prompt, POLICY, 5, 30)


def test_writing_in_two_goes_throws_the_same_darts_as_in_one(model):
    assert written(grown(model, grown(model, n=5), n=7)) == written(grown(model, n=12))


def test_a_dart_depends_on_seed_and_place_only():
    source = darts(3)
    assert [next(source) for _ in range(20)] == [dart_at(3, at) for at in range(20)]
    assert dart_at(3, 0) != dart_at(4, 0)


def test_each_token_remembers_what_chose_it(model):
    text = grown(model)
    for at, token in enumerate(text.written):
        ids = torch.tensor([text.ids(at)])
        torch.testing.assert_close(token.logits, model(ids)[0, -1])
        final = POLICY.final(ids, token.logits, start=3)
        assert int(sample(final.unsqueeze(0), torch.tensor([token.u], dtype=torch.float64))) == token.id
        assert token.final == pytest.approx(float(final.double().softmax(-1)[token.id]))
        log2 = token.logits.double().log_softmax(-1) / torch.log(torch.tensor(2.0))
        assert token.surprisal == pytest.approx(-float(log2[token.id]))
        assert token.entropy == pytest.approx(-float((log2.exp2() * log2).sum()))
        assert token.base == pytest.approx(2**-token.surprisal)


def test_a_text_ends_behind_its_end_token(model):
    text = grown(model, n=40)
    end = text.written[7].id
    stopped = last_of(PROMPT, write_on(model, PROMPT, POLICY, seed=5, max_tokens=40, end_id=end))
    assert written(stopped) == written(text)[: written(text).index(end) + 1]
    assert list(write_on(model, stopped, POLICY, seed=5, max_tokens=3, end_id=end)) == []


@given(st.integers(0, 12), st.integers(0, 10))
def test_a_fork_keeps_the_prefix_and_the_old_branch_stays(at, token):
    model = MODELS["kneser-ney"](11)
    old = grown(model)
    before = written(old)
    new = fork_text(model, old, at, token, POLICY, seed=1)
    assert written(new) == [*before[:at], token] and written(old) == before
    assert new.written[:at] == old.written[:at]  # the very same tokens, not copies
    assert new.written[at].u is None
    torch.testing.assert_close(new.written[at].logits, model(torch.tensor([old.ids(at)]))[0, -1])
    assert written(grown(model, new, n=2))[: at + 1] == written(new)


def test_a_token_that_the_policy_cuts_can_be_forced_and_is_marked(model):
    greedy = Policy(temperature=0)
    text = grown(model, policy=greedy)
    other = (text.written[3].id + 1) % 11
    assert fork_text(model, text, 3, other, greedy, seed=0).written[3].final == 0.0


@pytest.mark.parametrize(
    "at, token, message", [(13, 0, "fork at 0 … 12, got 13"), (-1, 0, "got -1"), (0, 11, "0 … 10")]
)
def test_a_fork_that_does_not_exist_is_refused(model, at, token, message):
    with pytest.raises(ValueError, match=message):
        fork_text(model, grown(model), at, token, POLICY, seed=0)


def test_an_empty_prompt_and_a_negative_length_are_refused(model):
    with pytest.raises(ValueError, match="prompt is empty"):
        ForkableText(())
    with pytest.raises(ValueError, match="max_tokens must be at least 0, got -1"):
        next(write_on(model, PROMPT, POLICY, seed=0, max_tokens=-1))


def test_equal_policies_with_the_same_luck_write_the_same(model):
    found = compare_policies(model, PROMPT, POLICY, POLICY, seed=3, max_tokens=15)
    assert written(found.a) == written(found.b) and found.first_difference is None
    assert found.total_variation is None


@pytest.mark.parametrize("seed", range(8))
def test_the_first_difference_is_where_the_same_dart_falls_on_another_token(model, seed):
    a, b = Policy(temperature=0.7), Policy(temperature=1.5)
    found = compare_policies(model, PROMPT, a, b, seed=seed, max_tokens=30)
    at = found.first_difference
    assert written(found.a)[:at] == written(found.b)[:at]
    one, other = found.a.written[at], found.b.written[at]
    assert one.id != other.id and one.u == other.u and torch.equal(one.logits, other.logits)
    probs = [(one.logits.double() / t).softmax(-1) for t in (0.7, 1.5)]
    assert found.total_variation == pytest.approx(float((probs[0] - probs[1]).clamp(min=0).sum()))


def test_a_text_that_ends_earlier_differs_where_it_ends(model):
    whole = grown(model)
    assert first_difference(whole, whole.cut(5)) == first_difference(whole.cut(5), whole) == 5
    assert Comparison(whole, whole.cut(5), 5).total_variation is None


def test_many_draws_land_as_sample_does_and_follow_the_probabilities():
    """Chi-square with 3 degrees of freedom on 20,000 draws; false alarm once in a million."""
    final = torch.tensor([0.1, 0.4, 0.0, 0.3, 0.2]).log()
    found = repeat_draws(final, 20_000, seed=0)
    u = torch.rand(20_000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert torch.equal(found.counts, sample(final.expand(20_000, 5), u).bincount(minlength=5))
    kept = [0, 1, 3, 4]
    assert chisquare(found.counts[kept].numpy(), (found.probs[kept] * 20_000).numpy()).pvalue > 1e-6
    assert found.counts[2] == 0 and found.n_draws == 20_000
    assert found.half_width[1] == pytest.approx(1.96 * (0.4 * 0.6 / 20_000) ** 0.5)


def test_no_draws_are_refused():
    with pytest.raises(ValueError, match="n_draws must be at least 1, got 0"):
        repeat_draws(torch.zeros(3), 0, seed=0)


def run(code, model):
    names = {"model": model, "tokenizer": ByteTokenizer()}
    exec(code, names)
    return list(names["ids"])


@pytest.mark.parametrize("policy", [Policy(), POLICY, Policy(temperature=0, no_repeat=3, order="vLLM")])
def test_code_of_a_plain_text_is_a_call_of_generate_that_writes_it_again(model, policy, capsys):
    text = grown(model, policy=policy)
    code = code_of(text)
    assert "generate(" in code and run(code, model) == list(text.ids())
    assert capsys.readouterr().out == ByteTokenizer().decode(text.ids()) + "\n"


def test_code_of_a_text_with_forks_policies_and_seeds_writes_it_again(model):
    text = fork_text(model, grown(model), 4, 9, POLICY, seed=5)
    text = grown(model, grown(model, text, n=6), Policy(top_p=0.7, order="llama.cpp"), seed=8, n=5)
    text = fork_text(model, text, 15, 1, Policy(), seed=8)
    code = code_of(text)
    assert code.count("fork_text(model") == 2 and code.count("write_on(model") == 3
    assert run(code, model) == list(text.ids())


def test_code_of_a_bare_prompt_gives_the_prompt(model):
    assert run(code_of(PROMPT), model) == [0, 1, 2]
