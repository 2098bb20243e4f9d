"""Muon: an update that turns all directions of a weight matrix by the same amount."""

from collections import defaultdict

import torch
from jaxtyping import Float
from torch import Tensor, nn


def newton_schulz(matrices: Float[Tensor, "stack rows cols"]) -> Float[Tensor, "stack rows cols"]:
    """Make each matrix nearly orthogonal: the same directions, all singular values between 0.68 and 1.21.

    Those that are less than 0.0015 of the matrix's norm are raised as well, but not all the way.
    Everything is a matrix product, so a stack of equal shapes goes through at once. ``baddbmm`` adds the
    product of its last two arguments, times alpha, to the first, times beta.

    Source:
        Jordan et al. (2024), https://kellerjordan.github.io/posts/muon: five steps of the quintic
        x → 3.4445 x - 4.7750 x³ + 2.0315 x⁵ applied to the singular values.
    """
    norm = torch.linalg.matrix_norm(matrices, keepdim=True)
    x = matrices / norm.clamp(min=1e-7)  # no singular value is above 1
    tall = x.shape[-2] > x.shape[-1]
    x = x.mT if tall else x  # makes the squares small
    for _ in range(5):
        square = x @ x.mT
        factor = torch.baddbmm(square, square, square, beta=-4.7750, alpha=2.0315)
        x = torch.baddbmm(x, factor, x, beta=3.4445)  # 3.4445 x + (-4.7750 xxᵀ + 2.0315 xxᵀxxᵀ) x
    return x.mT if tall else x


class BlockMuon(torch.optim.Muon):
    """Muon on the equal blocks that weight matrices are stacked from, such as the four gates of an LSTM.

    On CUDA this is ``torch.optim.Muon`` itself, which works in bfloat16. Processors without bfloat16 units
    need twenty times as long for that, so elsewhere the same update is made in the weights' own precision,
    with all blocks of equal shape in one batched product.

    Args:
        matrices: each weight matrix with the number of blocks along its first axis.
    """

    def __init__(self, matrices: list[tuple[nn.Parameter, int]], *, lr: float, momentum: float) -> None:
        self.matrices = [
            (matrix, [nn.Parameter(block) for block in matrix.detach().chunk(n_blocks)])
            for matrix, n_blocks in matrices
        ]
        blocks = [block for _, blocks in self.matrices for block in blocks]
        super().__init__(blocks, lr=lr, momentum=momentum, weight_decay=0.0)

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        """Move every matrix that has a gradient."""
        for matrix, blocks in self.matrices:
            if matrix.grad is not None:
                share_rows(matrix, blocks)
        if self.matrices[0][0].is_cuda:
            super().step()
        else:
            self.step_batched()
        self.zero_grad()

    def step_batched(self) -> None:
        """The update of ``torch.optim.Muon``, for all blocks of one shape together."""
        [group] = self.param_groups
        same_shape = defaultdict(list)
        for block in group["params"]:
            if block.grad is not None:
                same_shape[block.shape].append(block)
        for (rows, cols), blocks in same_shape.items():
            directions = torch.stack([self.look_ahead(block, group["momentum"]) for block in blocks])
            updates = newton_schulz(directions) * (-group["lr"] * max(1, rows / cols) ** 0.5)
            for block, update in zip(blocks, updates, strict=True):
                block.add_(update)

    def look_ahead(self, block: Float[Tensor, "rows cols"], momentum: float) -> Float[Tensor, "rows cols"]:
        """Nesterov's direction: the running mean of the gradients, moved on once more."""
        state = self.state[block]
        if not state:
            state["momentum_buffer"] = torch.zeros_like(block)
        mean = state["momentum_buffer"].lerp_(block.grad, 1 - momentum)
        return block.grad.lerp(mean, momentum)


def share_rows(matrix: nn.Parameter, blocks: list[nn.Parameter]) -> None:
    """Let each block use the memory of its rows of the matrix and of the matrix's gradient: no copies."""
    weights, gradients = matrix.detach().chunk(len(blocks)), matrix.grad.chunk(len(blocks))
    for block, weight, gradient in zip(blocks, weights, gradients, strict=True):
        block.data, block.grad = weight, gradient
