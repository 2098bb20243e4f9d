"""Linear layers in NumPy, for reading one token at a time: products in the order of the weights in memory."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from arlm_helpers.models.quantised import QuantisedLinear

Rows = Float[np.ndarray, "row d"]  # all tokens of all texts, one below the other
STREAMED = 2**21  # bytes of a matrix: a larger one comes from main memory, again for each token


def array(parameter: Tensor | None) -> np.ndarray | None:
    """The numbers of a parameter, in the same memory."""
    return None if parameter is None else parameter.detach().numpy()


def row_by_row(x: Rows, weight: Float[np.ndarray, "d_out d"]) -> Float[np.ndarray, "row d_out"]:
    """x W^T for a matrix too large for the processor's own memory: each row is fetched once for all of ``x``.

    The usual product of a matrix and a vector takes several rows at a time, which fetches them at half the
    speed. For more than a few rows of ``x`` arithmetic takes longer than fetching, and torch is quicker.
    """
    if len(x) == 1:
        return np.vecdot(weight, x[0])[None]  # one loop over the rows, without a loop of one inside it
    if len(x) <= 4:
        return np.ascontiguousarray(np.vecdot(weight[:, None], x).T)
    return nn.functional.linear(torch.from_numpy(x), torch.from_numpy(weight)).numpy()


def linear_with(weight: Float[np.ndarray, "d_out d"]) -> nn.Linear:
    """A linear layer of torch with the given weights, in the same memory, and no bias."""
    linear = nn.Linear(*weight.shape[::-1], bias=False, device="meta")
    linear.weight = nn.Parameter(torch.from_numpy(weight), requires_grad=False)
    return linear


def in_eight_bits(x: Rows, linear: QuantisedLinear) -> Float[np.ndarray, "row d_out"]:
    """x W^T, rounded to eight bits."""
    return linear(torch.from_numpy(x)).numpy()


class NumpyLinear:
    """Linear layers with one input, side by side, and the norm in front of them, if there is one.

    The gain and the bias of the norm are worked into the weights, which are copied for it:
    W (g x + b) = (W g) x + W b. Then, with ``int8``, they are quantised.
    """

    def __init__(self, *linears: nn.Linear, norm: nn.Module | None = None, int8: bool = False) -> None:
        weights = [array(linear.weight) for linear in linears]
        self.weight = weights[0] if len(weights) == 1 else np.concatenate(weights)
        self.bias = None
        if linears[0].bias is not None:
            self.bias = np.concatenate([array(linear.bias) for linear in linears])
        self.centred, self.mean = isinstance(norm, nn.LayerNorm), None
        if isinstance(norm, nn.LayerNorm | nn.RMSNorm):
            self.eps, d = norm.eps, self.weight.shape[1]
            self.mean = np.full((d, 1), 1 / d, dtype=self.weight.dtype)  # a row times this is its mean
            if getattr(norm, "bias", None) is not None:
                bias = self.weight.dot(array(norm.bias))
                self.bias = bias if self.bias is None else self.bias + bias
            if norm.weight is not None:
                self.weight = self.weight * array(norm.weight)
        self.product = row_by_row if self.weight.nbytes > STREAMED else np.dot
        if int8:
            self.product, self.weight = in_eight_bits, QuantisedLinear(linear_with(self.weight))
        elif self.product is np.dot:
            self.weight = np.ascontiguousarray(self.weight.T)

    def __call__(self, x: Rows) -> Float[np.ndarray, "row d_out"]:
        """What the layers make of each row."""
        if self.centred:
            x = x - x.dot(self.mean)
        if self.mean is not None:
            x = x / np.sqrt(np.square(x).dot(self.mean) + self.eps)
        y = self.product(x, self.weight)
        if self.bias is not None:
            y += self.bias
        return y
