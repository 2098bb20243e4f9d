"""Muon against a plain reference, the singular value decomposition, and torch's own."""

import pytest
import torch
from torch import nn

from arlm_helpers.training.muon import BlockMuon, newton_schulz

SHAPES = [(8, 8), (12, 5), (5, 12)]


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def plain_update(gradients, momentum=0.95):
    """The update of one matrix after several gradients, number by number as in the description of Muon."""
    mean = torch.zeros_like(gradients[0])
    for gradient in gradients:
        mean = momentum * mean + (1 - momentum) * gradient
    x = (1 - momentum) * gradients[-1] + momentum * mean
    rows, cols = x.shape
    x = x / x.pow(2).sum().sqrt()
    for _ in range(5):
        x = 3.4445 * x - 4.7750 * x @ x.T @ x + 2.0315 * x @ x.T @ x @ x.T @ x
    return x * max(1, rows / cols) ** 0.5


def moved(build, weights, gradients):
    """Where an optimizer of learning rate 0.1 takes parameters that get these gradients, step by step."""
    parameters = [nn.Parameter(weight.clone()) for weight in weights]
    optimizer = build(parameters)
    for step in gradients:
        for parameter, gradient in zip(parameters, step, strict=True):
            parameter.grad = gradient.clone()
        optimizer.step()
    return [parameter.detach() for parameter in parameters]


def blocks_of(*n_blocks):
    return lambda parameters: BlockMuon(list(zip(parameters, n_blocks, strict=True)), lr=0.1, momentum=0.95)


@pytest.mark.parametrize("shape", SHAPES)
def test_newton_schulz_keeps_directions_and_levels_singular_values(shape):
    left, values, right = torch.linalg.svd(random(*shape).double(), full_matrices=False)
    result = newton_schulz((left @ values.diag() @ right).unsqueeze(0)).squeeze(0)
    turned = left.mT @ result @ right.mT
    assert (turned - turned.diagonal().diag()).abs().max() < 1e-12
    assert ((turned.diagonal() > 0.65) & (turned.diagonal() < 1.25)).all()


def test_newton_schulz_treats_a_stack_as_its_matrices():
    stack = random(3, 12, 5)
    torch.testing.assert_close(newton_schulz(stack), torch.cat([newton_schulz(one[None]) for one in stack]))


def test_a_matrix_of_zeros_stays_zero():
    assert torch.equal(newton_schulz(torch.zeros(1, 3, 4)), torch.zeros(1, 3, 4))


def test_batched_steps_equal_the_plain_update_of_each_matrix():
    weights = [random(*shape, seed=1) for shape in [*SHAPES, (8, 8)]]
    gradients = [
        [random(*weight.shape, seed=10 * s + i) for i, weight in enumerate(weights)] for s in range(3)
    ]
    expected = [weight.double() for weight in weights]
    for n_seen in range(1, 4):
        for i, weight in enumerate(expected):
            weight -= 0.1 * plain_update([step[i].double() for step in gradients[:n_seen]])
    for weight, right in zip(moved(blocks_of(1, 1, 1, 1), weights, gradients), expected, strict=True):
        torch.testing.assert_close(weight, right.float(), atol=2e-6, rtol=0)


def test_steps_equal_those_of_torch_within_bfloat16():
    weights = [torch.zeros(shape) for shape in SHAPES]
    gradients = [[random(*shape, seed=s) for shape in SHAPES] for s in range(3)]
    stock = moved(lambda p: torch.optim.Muon(p, lr=0.1, momentum=0.95, weight_decay=0.0), weights, gradients)
    for weight, expected in zip(moved(blocks_of(1, 1, 1), weights, gradients), stock, strict=True):
        assert (weight - expected).norm() < 0.03 * expected.norm()


def test_each_block_is_made_orthogonal_by_itself():
    gradient = random(32, 8) * torch.tensor([1.0, 100.0, 0.01, 10.0]).repeat_interleave(8).unsqueeze(1)
    [weight] = moved(blocks_of(4), [torch.zeros(32, 8)], [[gradient]])
    for block in weight.chunk(4):
        values = torch.linalg.svdvals(block / 0.1)
        assert values.min() > 0.65 and values.max() < 1.25
    [whole] = moved(blocks_of(1), [torch.zeros(32, 8)], [[gradient]])
    assert torch.linalg.svdvals(whole[16:24] / 0.1).max() < 0.01  # as one matrix, small gates stand still


def test_torchs_own_step_on_the_blocks_gives_the_same_within_bfloat16(monkeypatch):
    gradients = [[random(32, 8, seed=s), random(12, 5, seed=s)] for s in range(2)]
    weights = [random(32, 8), random(12, 5)]
    ours = moved(blocks_of(4, 1), weights, gradients)
    monkeypatch.setattr(BlockMuon, "step_batched", torch.optim.Muon.step)  # what CUDA does
    for weight, theirs, start in zip(ours, moved(blocks_of(4, 1), weights, gradients), weights, strict=True):
        assert (weight - theirs).norm() < 0.03 * (theirs - start).norm()


def test_a_matrix_without_gradient_stands_still():
    kept, trained = nn.Parameter(random(4, 4)), nn.Parameter(random(4, 4))
    optimizer = blocks_of(1, 1)([kept, trained])
    for gradient in (random(4, 4), None):
        trained.grad, before = gradient, trained.detach().clone()
        optimizer.step()
        assert torch.equal(trained, before) == (gradient is None)
    assert torch.equal(kept, random(4, 4))


def test_a_matrix_that_was_moved_elsewhere_is_still_the_one_that_is_trained():
    matrix = nn.Parameter(random(8, 4))
    optimizer = blocks_of(2)([matrix])
    matrix.data = matrix.data.clone()
    matrix.grad, before = random(8, 4, seed=3), matrix.detach().clone()
    optimizer.step()
    assert not torch.equal(matrix, before)
