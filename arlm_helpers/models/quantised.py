"""Weights in eight bits: a quarter of the bytes to fetch for a token, and a rounding error to account for.

Each row of a matrix gets a scale of its own, so that its largest weight becomes 127 and the others whole
numbers below. Before a product the input is rounded too, the vector of each token to 128 steps between its
own ends. Then all products are of whole numbers, which processors multiply several times faster.
"""

import copy
import warnings

import torch
from jaxtyping import Float, Int8
from torch import Tensor, nn
from torch.nn import functional

LARGEST = 127  # of a weight: int8 begins at -128, which stays unused, so that both signs are alike
STEPS = 127  # of an input, 0 … 127: the sum of two products then fits 16 bits, as older processors need

Scales = Float[Tensor, " d_out"]
Rounding = tuple[  # whole steps, the size of a step, and the step at which 0 lies
    Float[Tensor, "*batch d"], Float[Tensor, "*batch 1"], Float[Tensor, "*batch 1"]
]


def quantise_rows(weight: Float[Tensor, "d_out d"]) -> tuple[Int8[Tensor, "d_out d"], Scales]:
    """Whole numbers and a scale for each row; their product is the row, to half a scale.

    A row of zeros has scale 1.

    Raises:
        ValueError: if a weight is NaN or infinite.
    Source:
        Jacob et al. (2018), section 2.1, https://arxiv.org/abs/1712.05877, symmetric and for each row.
    """
    largest = weight.abs().amax(dim=1)
    if not largest.isfinite().all():
        raise ValueError("weights must be finite, got NaN or inf; the training that made them diverged")
    scales = torch.where(largest > 0, largest / LARGEST, torch.ones_like(largest))
    return (weight / scales.unsqueeze(1)).round().to(torch.int8), scales


def whole_steps(x: Float[Tensor, "*batch d"]) -> Rounding:
    """Each vector as whole steps from its smallest number to its largest, 0 among them.

    x ≈ (steps - zero) · size, to half a size or, at the very top, one size.

    Source:
        Jacob et al. (2018), sections 2.1 and 3 (activations with a zero point).
    """
    low, high = x.aminmax(dim=-1, keepdim=True)
    low, high = low.clamp(max=0), high.clamp(min=0)
    size = ((high - low) / STEPS).clamp(min=1e-30)  # not 0, where all numbers are 0
    zero = (-low / size).round()
    return ((x / size).round() + zero).clamp(max=STEPS), size, zero


class QuantisedLinear(nn.Module):
    """A linear layer with int8 weights: by hand, or (``fast``) by the library's product of whole numbers.

    Both round weights and input alike, so both give the same numbers, but for the rounding of the sums. The
    library's product is for float32 on a CPU; everything else goes by hand. There is no gradient.
    """

    def __init__(self, linear: nn.Linear, *, fast: bool = True) -> None:
        super().__init__()
        rows, scales = quantise_rows(linear.weight.detach())
        bias = torch.zeros_like(scales) if linear.bias is None else linear.bias.detach().clone()
        self.register_buffer("rows", rows)
        self.register_buffer("scales", scales)
        self.register_buffer("bias", bias)
        self.register_buffer("row_sums", scales * rows.sum(dim=1, dtype=scales.dtype))
        self.fast, self.packed = fast, None

    def forward(self, x: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch d_out"]:
        """What the layer makes of ``x``, up to rounding."""
        fast = self.fast and x.ndim > 1 and x.is_cpu and x.dtype == self.scales.dtype == torch.float32
        if fast and self.packed is None:
            self.packed = pack(self.rows, self.scales, self.bias)
        if fast and x.numel() == x.shape[-1]:  # a single vector: the library does all of the below at once
            return torch.ops.quantized.linear_dynamic(x, self.packed, reduce_range=True)
        steps, size, zero = whole_steps(x)
        if fast:
            sums = torch.ops.quantized.linear_with_input_q_dq_qweight_dq_output_fp32(
                steps,
                1.0,
                0,
                self.packed,  # what is whole already is rounded to steps of 1 from 0
            )
        else:
            sums = functional.linear(steps, self.rows.to(x.dtype) * self.scales.unsqueeze(1), self.bias)
        return size * (sums - (zero * self.row_sums + self.bias)) + self.bias


def pack(rows: Int8[Tensor, "d_out d"], scales: Scales, bias: Float[Tensor, " d_out"]) -> torch.ScriptObject:
    """The weights in the order in which the library multiplies them fastest on this processor."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a successor, which has no such product for processors yet
        zeros = torch.zeros(len(scales), dtype=torch.int64)
        weight = torch._make_per_channel_quantized_tensor(rows, scales.double(), zeros, 0)
        return torch.ops.quantized.linear_prepack(weight, bias)


def quantised(model: nn.Module, *, fast: bool = True) -> nn.Module:
    """A copy of ``model``, for reading only, in which every linear layer is quantised.

    Embeddings and norms stay as they are and are shared with the model: an embedding is looked up, not
    multiplied. A tied head gets int8 weights of its own.
    """
    shared = {id(parameter): parameter for parameter in model.parameters()}
    copied = copy.deepcopy(model, shared).eval()
    linears = [name for name, module in copied.named_modules() if isinstance(module, nn.Linear)]
    for name in linears:
        parent, _, leaf = name.rpartition(".")
        layer = QuantisedLinear(copied.get_submodule(name), fast=fast)
        setattr(copied.get_submodule(parent), leaf, layer)
    return copied
