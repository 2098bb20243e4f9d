"""Where a token stands: attention alone would read a text as a bag of tokens, whatever their order.

Learned positions are a table of the model itself. Here are the two kinds that are computed.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

Rotary = tuple[Float[Tensor, "time half"], Float[Tensor, "time half"]]


def clock_angles(
    positions: Int[Tensor, " time"], n_clocks: int, base: float
) -> Float[Tensor, "time {n_clocks}"]:
    """The angle of each clock's hand at each position, in radians.

    The first clock turns by 1 a token; the speeds fall evenly, in ratio, towards 1/``base`` a token.
    """
    clocks = torch.arange(n_clocks, device=positions.device, dtype=torch.float32)
    return positions.float().unsqueeze(-1) * base ** (-clocks / n_clocks)


def sinusoidal_positions(positions: Int[Tensor, " time"], d_model: int) -> Float[Tensor, "time {d_model}"]:
    """A vector for each position, to add to the embedding: sines in even places, cosines in odd ones.

    ``d_model`` must be even.

    Source:
        Vaswani et al. (2017), section 3.5, https://arxiv.org/abs/1706.03762
    """
    angles = clock_angles(positions, d_model // 2, 10_000.0)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(start_dim=1)


def rotary_angles(positions: Int[Tensor, " time"], d_head: int, *, base: float = 10_000.0) -> Rotary:
    """Cosines and sines of the angles by which ``rotate`` turns the vectors at each position.

    ``d_head`` must be even. A smaller ``base`` makes the slow clocks faster, fit for short contexts.
    """
    angles = clock_angles(positions, d_head // 2, base)
    return angles.cos(), angles.sin()


def rotate(
    x: Float[Tensor, "*batch time d_head"], cos: Float[Tensor, "time half"], sin: Float[Tensor, "time half"]
) -> Float[Tensor, "*batch time d_head"]:
    """Turn each vector by the angles of its position, in d_head/2 planes.

    Turned so, the dot product of a query and a key depends on the distance of their positions only. Number
    i lies in one plane with number i + d_head/2, as in Llama's weights.

    Source:
        Su et al. (2021), section 3.2.2, https://arxiv.org/abs/2104.09864
    """
    first, second = x.chunk(2, dim=-1)
    turned = [first * cos - second * sin, second * cos + first * sin]
    return torch.cat(turned, dim=-1).type_as(x)  # the angles may be more precise than x
