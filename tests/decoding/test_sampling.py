import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from arlm_helpers.decoding.logits import Temperature, TopK
from arlm_helpers.decoding.sampling import generate, greedy, sample
from arlm_helpers.models.oracle import Oracle
from arlm_helpers.text.toy_language import TOY
from tests.zoo import MODELS


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def written(model, ids, **options):
    """The ids that generate adds, as (batch, time)."""
    return torch.stack([step.ids for step in generate(model, ids, **options)], dim=1)


@pytest.mark.parametrize("u, token", [(0.0, 1), (0.49, 1), (0.51, 2), (0.79, 2), (0.81, 0), (0.999999, 0)])
def test_the_dart_hits_tokens_laid_out_by_rank(u, token):
    logits = torch.tensor([[0.2, 0.5, 0.3]], dtype=torch.float64).log()
    assert sample(logits, torch.tensor([u], dtype=torch.float64)).item() == token


@given(st.lists(st.floats(-30, 30), min_size=1, max_size=8), st.floats(0, 1, exclude_max=True))
def test_a_token_without_probability_is_never_drawn(values, u):
    logits = torch.tensor([[-torch.inf, *values, -torch.inf]])
    assert logits[0, sample(logits, torch.tensor([u]))].isfinite()


def test_samples_follow_the_probabilities():
    """Chi-square with 3 degrees of freedom on 20,000 draws; false alarm once in a million."""
    probs = torch.tensor([0.4, 0.3, 0.2, 0.1], dtype=torch.float64)
    u = torch.rand(20_000, generator=seeded(), dtype=torch.float64)
    drawn = sample(probs.log().expand(20_000, 4), u)
    assert chisquare(drawn.bincount(minlength=4).numpy(), (probs * 20_000).numpy()).pvalue > 1e-6


def test_greedy_takes_the_lowest_id_of_equal_logits():
    assert greedy(torch.tensor([[0.0, 2.0, 2.0], [1.0, 1.0, 1.0]])).tolist() == [1, 0]


@pytest.mark.parametrize("choose", [greedy, lambda logits: sample(logits, torch.tensor([0.5]))])
def test_rows_that_allow_nothing_are_refused(choose):
    with pytest.raises(ValueError, match="no token is allowed"):
        choose(torch.full((1, 3), -torch.inf))
    with pytest.raises(ValueError, match="NaN"):
        choose(torch.tensor([[0.0, torch.nan]]))


@pytest.mark.parametrize("name", MODELS)
def test_steps_report_the_models_own_log_probabilities(name):
    model, ids = MODELS[name](5), torch.tensor([[0, 1, 2]])
    steps = list(generate(model, ids, max_tokens=8, processors=[Temperature(0.7), TopK(3)], rng=seeded()))
    new = torch.stack([step.ids for step in steps], dim=1)
    logits = model(torch.cat([ids, new], dim=1))[:, 2:-1].log_softmax(-1)
    expected = logits.gather(-1, new.unsqueeze(-1)).squeeze(-1)
    torch.testing.assert_close(torch.stack([step.log_probs for step in steps], dim=1), expected)


def test_the_same_seed_writes_the_same_text_and_another_one_does_not():
    model, ids = MODELS["kneser-ney"](11), torch.tensor([[0, 1]])
    texts = [written(model, ids, max_tokens=60, rng=seeded(seed)).tolist() for seed in (0, 0, 1)]
    assert texts[0] == texts[1] != texts[2]


def test_a_row_is_the_same_however_many_rows_follow():
    model, ids = MODELS["kneser-ney"](11), torch.tensor([[0, 1], [3, 4], [5, 6]])
    together = written(model, ids, max_tokens=30, rng=seeded())
    assert torch.equal(together[:2], written(model, ids[:2], max_tokens=30, rng=seeded()))
    assert not torch.equal(together[0], together[1])


def test_without_randomness_the_likeliest_token_is_written():
    model, ids = MODELS["kneser-ney"](11), torch.tensor([[0, 1]])
    new = written(model, ids, max_tokens=5)
    for t in range(5):
        text = torch.cat([ids, new[:, :t]], dim=1)
        assert new[0, t] == model(text)[0, -1].argmax()


def test_top_k_of_one_is_greedy():
    model, ids = MODELS["kneser-ney"](11), torch.tensor([[0, 1]])
    assert torch.equal(
        written(model, ids, max_tokens=20, processors=[TopK(1)], rng=seeded()),
        written(model, ids, max_tokens=20),
    )


def test_a_row_stops_at_the_end_token_and_the_last_row_ends_the_text():
    model, period = Oracle(TOY), TOY.encode(".")[0]
    ids = torch.tensor([TOY.encode("the"), TOY.encode("the")])
    steps = list(generate(model, ids, max_tokens=500, rng=seeded(3), end_id=period))
    assert len(steps) < 500
    for row in range(2):
        own = [step.ids[row].item() for step in steps if step.active[row]]
        assert own[-1] == period and period not in own[:-1]
        assert all(step.ids[row] == period for step in steps if not step.active[row])


def test_entropy_is_that_of_the_distribution_drawn_from():
    step = next(generate(Oracle(TOY), torch.tensor([TOY.encode("the")]), max_tokens=1, processors=[TopK(2)]))
    assert step.entropy.item() == pytest.approx(0.6931, abs=1e-4)  # two of the nouns, equally likely


class Positions:
    """A model of limited context that predicts how many tokens it has read."""

    context_length, vocab_size = 4, 6

    def new_cache(self):
        return [0]

    def __call__(self, ids, cache=None):
        cache = [0] if cache is None else cache
        read = cache[0] + torch.arange(1, ids.shape[1] + 1)
        cache[0] += ids.shape[1]
        if cache[0] > self.context_length:
            raise ValueError("context is full")
        return torch.nn.functional.one_hot(read, 6).float().log().expand(len(ids), -1, -1)


def test_past_the_context_length_the_latest_half_is_read_again():
    assert written(Positions(), torch.tensor([[0, 0]]), max_tokens=7).tolist() == [[2, 3, 4, 2, 3, 4, 2]]
    assert written(Positions(), torch.zeros(1, 9, dtype=torch.long), max_tokens=2).tolist() == [[4, 2]]


def test_zero_tokens_writes_nothing():
    assert not list(generate(Positions(), torch.tensor([[0]]), max_tokens=0))


def test_an_empty_prompt_and_a_negative_length_are_refused():
    with pytest.raises(ValueError, match="prompt is empty"):
        list(generate(Positions(), torch.zeros(1, 0, dtype=torch.long), max_tokens=1))
    with pytest.raises(ValueError, match="max_tokens must be at least 0, got -1"):
        list(generate(Positions(), torch.tensor([[0]]), max_tokens=-1))
