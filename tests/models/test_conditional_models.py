"""What every model promises that answers a source, beside what every language model does."""

import pytest
import torch

from arlm_helpers.decoding.sampling import generate
from arlm_helpers.models.given import Given
from tests.conditional import CONDITIONAL, PAD, SOURCE

IDS = torch.tensor([[0, 4, 2, 7, 1], [0, 3, 3, 9, 2], [0, 10, 6, 5, 8]])


@pytest.fixture(params=CONDITIONAL, scope="module")
def model(request):
    return CONDITIONAL[request.param](11).eval()


def answer(model, ids, source):
    return model(ids, model.new_cache(source))


@pytest.mark.parametrize("split", [1, 4])
def test_reading_the_target_in_two_parts_equals_reading_it_at_once(model, split):
    cache = model.new_cache(SOURCE)
    parts = [model(IDS[:, :split], cache), model(IDS[:, split:], cache)]
    torch.testing.assert_close(torch.cat(parts, dim=1), answer(model, IDS, SOURCE))


def test_every_token_of_the_source_matters(model):
    before = answer(model, IDS[:1], SOURCE[:1])
    for position in range(SOURCE.shape[1]):
        changed = SOURCE[:1].clone()
        changed[0, position] = 11
        assert (answer(model, IDS[:1], changed) - before).abs().max() > 1e-4


def test_a_row_depends_neither_on_other_rows_nor_on_the_padding_they_cause(model):
    together = answer(model, IDS, SOURCE)
    for row, length in enumerate([7, 4, 1]):
        alone = answer(model, IDS[row : row + 1], SOURCE[row : row + 1, :length])
        torch.testing.assert_close(together[row : row + 1], alone)


def test_a_cache_goes_on_with_the_selected_rows_and_their_sources(model):
    cache, rows = model.new_cache(SOURCE), torch.tensor([2, 0, 2])
    model(IDS[:, :2], cache)
    expected = answer(model, IDS, SOURCE)[rows, 2:]
    torch.testing.assert_close(model(IDS[rows, 2:], cache.select(rows)), expected)


def test_a_copied_cache_goes_its_own_way(model):
    cache = model.new_cache(SOURCE)
    model(IDS[:, :2], cache)
    model(IDS[:, :3], cache.copy())
    torch.testing.assert_close(model(IDS[:, 2:], cache), answer(model, IDS, SOURCE)[:, 2:])


def test_generate_writes_to_each_source_what_it_would_write_alone(model):
    def written(source):
        start = torch.zeros(len(source), 1, dtype=torch.int64)
        return torch.stack([step.ids for step in generate(Given(model, source), start, max_tokens=6)], dim=1)

    together = written(SOURCE)
    assert torch.equal(together, torch.cat([written(SOURCE[row : row + 1]) for row in range(3)]))


def test_one_source_is_given_to_all_rows(model):
    everyone = SOURCE[1:2].expand(3, -1)
    torch.testing.assert_close(Given(model, SOURCE[1:2])(IDS), answer(model, IDS, everyone))


def test_every_weight_gets_a_gradient(model):
    answer(model, IDS, SOURCE).log_softmax(dim=-1)[..., 0].sum().backward()
    without = [name for name, weight in model.named_parameters() if weight.grad is None]
    model.zero_grad()
    assert without == []


def test_the_matrices_for_muon_are_matrices_of_the_model(model):
    parameters = dict(model.named_parameters())
    assert all(parameters[name].shape[0] % n == 0 for name, n in model.matrices().items())
    assert not any("embed" in name or "head" in name for name in model.matrices())


def test_a_model_without_a_source_says_where_to_put_it(model):
    with pytest.raises(ValueError, match=r"model\(ids, model.new_cache\(source\)\)"):
        model(IDS)


@pytest.mark.parametrize(
    "source, message",
    [
        (torch.tensor([[1, 2], [PAD, PAD]]), "a row of the source must begin with a token"),
        (torch.zeros(2, 0, dtype=torch.int64), "source are empty"),
        (torch.tensor([[PAD, 2]]), "may only fill up its end"),
        (torch.tensor([[1, PAD, 2]]), "may only fill up its end"),
        (torch.tensor([[1, 13]]), "must lie in 0 … 12, got 1 … 13"),
        (torch.tensor([[1, 2]], dtype=torch.int32), "must be int64, got torch.int32"),
    ],
)
def test_a_source_that_cannot_be_read_is_refused(model, source, message):
    with pytest.raises(ValueError, match=message):
        model.new_cache(source)


@pytest.mark.parametrize("ids", [torch.tensor([[0, 11]] * 3), torch.zeros(3, 0, dtype=torch.int64)])
def test_ids_that_cannot_be_read_are_refused(model, ids):
    with pytest.raises(ValueError, match=r"ids (must lie in 0 … 10, got 0 … 11|are empty)"):
        answer(model, ids, SOURCE)


def test_a_cache_of_another_batch_is_refused(model):
    with pytest.raises(ValueError, match="row"):
        model(IDS[:2], model.new_cache(SOURCE))


def test_the_alignment_shares_out_one_look_over_the_tokens_of_the_source(model):
    if getattr(model.config, "attention", None) == "none":
        pytest.skip("this model has no attention")
    weights = model.alignment(IDS, model.new_cache(SOURCE))
    assert weights.shape == (3, 5, 7)
    torch.testing.assert_close(weights.sum(dim=-1), torch.ones(3, 5, dtype=torch.float64))
    assert weights[(SOURCE == PAD).unsqueeze(1).expand_as(weights)].eq(0).all()
