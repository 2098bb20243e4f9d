"""The way of large vocabularies: the same as sorting all, for random rows of every shape."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from arlm_helpers.decoding import ranking
from arlm_helpers.decoding.logits import TopK, TopP
from arlm_helpers.decoding.sampling import sample

IDS = torch.zeros(1, 0, dtype=torch.long)


@st.composite
def rows(draw):
    """Logits of 1,001 to 3,000 tokens: flat to peaked, perhaps tied, some ruled out, one far ahead."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    row = rng.normal(size=draw(st.integers(1001, 3000))) * draw(st.sampled_from([0, 0.01, 1, 3, 10]))
    if draw(st.booleans()):
        row = np.round(row * 2) / 2
    row[rng.random(len(row)) < draw(st.sampled_from([0, 0.5, 0.97, 0.999]))] = -np.inf
    row[rng.integers(len(row))] = draw(st.sampled_from([0, 3, 20]))
    return torch.from_numpy(row.astype(draw(st.sampled_from([np.float32, np.float64]))))


def sorted_out(row):
    """Probabilities and ids of all allowed tokens by rank, from a full sort."""
    ranked, order = row.sort(descending=True, stable=True)
    n_allowed = int((ranked > -torch.inf).sum())
    return ranked[:n_allowed].double().softmax(dim=-1), order[:n_allowed]


@given(rows(), st.integers(1, 3000))
def test_the_k_largest_are_those_of_the_sort(row, k):
    _, order = sorted_out(row)
    assert ranking.largest_ids(row.numpy(), k).tolist() == order[:k].tolist()
    kept = TopK(k)(IDS, row.unsqueeze(0))[0]
    assert kept.isfinite().nonzero().flatten().tolist() == sorted(order[:k].tolist())


@given(rows(), st.floats(1e-6, 0.999999))
def test_the_nucleus_is_that_of_the_sort(row, p):
    probs, order = sorted_out(row)
    edges = probs.cumsum(dim=-1)
    kept = TopP(p)(IDS, row.unsqueeze(0))[0].isfinite()
    allowed = {int((edges < q).sum()) + 1 for q in (p - 1e-12, p + 1e-12)}  # two only if p is on an edge
    assert kept.nonzero().flatten().tolist() in [sorted(order[:n].tolist()) for n in allowed]


@given(rows(), st.floats(0, 1, exclude_max=True))
def test_the_dart_hits_the_token_that_the_sort_lays_there(row, u):
    probs, order = sorted_out(row)
    edges = probs.cumsum(dim=-1)
    hit = int(sample(row.unsqueeze(0), torch.tensor([u], dtype=torch.float64)))
    last = int((probs > 0).sum()) - 1
    ranks = {min(int((edges <= v).sum()), last) for v in (u - 1e-12, u + 1e-12)}
    first, final = min(ranks), max(ranks)
    assert hit in order[first : final + 1].tolist()


@given(rows(), st.floats(0, 0.999999))
def test_the_leading_tokens_reach_the_mass_in_order_of_rank(row, mass):
    probs, ids = ranking.leading(row.numpy(), mass)
    expected, order = sorted_out(row)
    assert ids.tolist() == order[: len(ids)].tolist()
    np.testing.assert_allclose(probs, expected[: len(ids)].numpy(), rtol=1e-12)
    assert probs.sum() >= mass - 1e-12


def test_most_tokens_are_never_sorted():
    row = (torch.randn(50_257, generator=torch.Generator().manual_seed(0)) * 3.75).numpy()
    _, ids = ranking.leading(row, 0.9)
    assert len(ranking.nucleus_ids(row, 0.9)) < len(ids) < 2000
