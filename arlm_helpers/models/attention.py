"""Attention written out: each query looks at all keys and takes home a mean of their values.

First one look: two ways to score a query against a key, and one way to turn scores into weights. Then
several looks side by side, each in a few dimensions of its own: multi-head attention.
"""

import math
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional


def masked_softmax(
    scores: Float[Tensor, "*batch query key"], mask: Bool[Tensor, "*#batch #query #key"] | None = None
) -> Float[Tensor, "*batch query key"]:
    """Turn the scores of each query into weights that sum to 1 over the keys it may look at.

    Where ``mask`` is False the weight is 0. A query that may look at nothing has weights of 0 throughout.
    """
    if mask is None:
        return scores.softmax(dim=-1)
    weights = scores.masked_fill(~mask, -torch.inf).softmax(dim=-1)  # e to the power of -inf is 0
    return weights.masked_fill(~mask, 0.0)  # 0/0, where a query may look at nothing, becomes 0


class AdditiveAttention(nn.Module):
    """Weights from a small network that compares a query q with a key k: score = v · tanh(W q + U k).

    Source:
        Bahdanau et al. (2015), section 3.1 and appendix A.1.2, https://arxiv.org/abs/1409.0473
    """

    def __init__(
        self, d_query: int, d_key: int, d_hidden: int, *, rng: torch.Generator | None = None
    ) -> None:
        super().__init__()
        self.query = nn.Linear(d_query, d_hidden, bias=False)
        self.key = nn.Linear(d_key, d_hidden, bias=False)
        self.score = nn.Linear(d_hidden, 1, bias=False)
        for linear in (self.query, self.key, self.score):
            nn.init.xavier_uniform_(linear.weight, generator=rng)

    def forward(
        self,
        queries: Float[Tensor, "*batch query d_query"],
        keys: Float[Tensor, "*batch key d_key"],
        mask: Bool[Tensor, "*#batch #query #key"] | None = None,
    ) -> Float[Tensor, "*batch query key"]:
        """The weight of each key for each query."""
        hidden = torch.tanh(self.query(queries).unsqueeze(-2) + self.key(keys).unsqueeze(-3))
        return masked_softmax(self.score(hidden).squeeze(-1), mask)


def attention_weights(
    queries: Float[Tensor, "*batch query d_head"],
    keys: Float[Tensor, "*batch key d_head"],
    mask: Bool[Tensor, "*#batch #query #key"] | None = None,
    *,
    scale: float | None = None,
) -> Float[Tensor, "*batch query key"]:
    """Weights from dot products: a query looks where the keys point its way.

    The products are multiplied by ``scale``, by default 1/√d_head: the dot product of two vectors of
    independent numbers of variance 1 has variance d_head. A scale of 1 is plain dot-product attention.

    Source:
        Vaswani et al. (2017), equation 1, https://arxiv.org/abs/1706.03762; plain: Luong et al. (2015).
    """
    scale = 1 / math.sqrt(queries.shape[-1]) if scale is None else scale
    return masked_softmax(queries @ keys.mT * scale, mask)


def scaled_dot_product(
    queries: Float[Tensor, "*batch query d_head"],
    keys: Float[Tensor, "*batch key d_head"],
    values: Float[Tensor, "*batch key d_value"],
    mask: Bool[Tensor, "*#batch #query #key"] | None = None,
    *,
    dropout_p: float = 0.0,
    scale: float | None = None,
) -> Float[Tensor, "*batch query d_value"]:
    """The mean of the values, each weighted by how well its key fits the query.

    Equal to ``torch.nn.functional.scaled_dot_product_attention``, and called like it. A share ``dropout_p``
    of the weights is set to zero at random; the others grow, so that the expected result stays the same.
    """
    weights = attention_weights(queries, keys, mask, scale=scale)
    return functional.dropout(weights, dropout_p) @ values


def causal_mask(
    n_query: int, n_key: int, *, device: torch.device | None = None
) -> Bool[Tensor, "{n_query} {n_key}"]:
    """Which keys each query may look at if none may see its future: True up to its own position.

    The queries are the last tokens of the text: query i stands at position n_key - n_query + i.
    """
    everything = torch.ones(n_query, n_key, dtype=torch.bool, device=device)
    return everything.tril(diagonal=n_key - n_query)


Heads = Float[Tensor, "batch head time d_head"]
Mask = Bool[Tensor, "*#batch #query #key"] | Literal["causal"] | None


class DotProductAttention(nn.Module):
    """The look itself, for all heads at once: by hand, or (``fast``) by the library's fused call.

    The mask "causal" stands for ``causal_mask``. There are no weights to learn: it is a module so that one
    can listen to what passes through.
    """

    def __init__(self, *, scale: float | None = None, dropout: float = 0.0, fast: bool = True) -> None:
        super().__init__()
        self.scale, self.dropout, self.fast = scale, dropout, fast

    def forward(
        self,
        queries: Float[Tensor, "batch head query d_head"],
        keys: Float[Tensor, "batch head key d_head"],
        values: Float[Tensor, "batch head key d_head"],
        mask: Mask = None,
    ) -> Float[Tensor, "batch head query d_head"]:
        """What each query takes home from the values."""
        n_query, n_key = queries.shape[-2], keys.shape[-2]
        options = {"dropout_p": self.dropout if self.training else 0.0, "scale": self.scale}
        if mask == "causal" and self.fast and n_query == n_key:  # no mask to store: on a GPU the fastest way
            return functional.scaled_dot_product_attention(queries, keys, values, is_causal=True, **options)
        if mask == "causal":  # a single query is the latest and sees every key
            mask = causal_mask(n_query, n_key, device=queries.device) if n_query > 1 else None
        look = functional.scaled_dot_product_attention if self.fast else scaled_dot_product
        return look(queries, keys, values, mask, **options)


def split_heads(x: Float[Tensor, "batch time d"], d_head: int) -> Heads:
    """Cut each vector into pieces of ``d_head`` numbers, one piece for each head."""
    return x.unflatten(-1, (-1, d_head)).transpose(1, 2)


def join_heads(x: Heads) -> Float[Tensor, "batch time d"]:
    """Lay the pieces of all heads side by side again."""
    return x.transpose(1, 2).flatten(start_dim=2)


def check_heads(d_model: int, n_heads: int) -> None:
    """Refuse a number of heads that cannot share a vector equally.

    Raises:
        ValueError: if one of them is below 1, or the division leaves a rest.
    """
    if min(d_model, n_heads) < 1:
        raise ValueError(f"d_model and n_heads must be at least 1, got {d_model} and {n_heads}")
    if d_model % n_heads:
        nearest = max(round(d_model / n_heads), 1) * n_heads
        raise ValueError(
            f"{n_heads} heads cannot share d_model = {d_model} equally; the nearest that fits is {nearest}"
        )


class MultiHeadAttention(nn.Module):
    """Several heads look at once, each in a few dimensions of its own; a matrix mixes what they found.

    Queries come from ``x``; keys and values from ``memory`` (cross-attention) or from ``x`` itself
    (self-attention). ``keys_and_values`` gives what a cache may keep, and ``look`` goes on from there.

    Raises:
        ValueError: if the heads cannot share ``d_model`` equally.
    Source:
        Vaswani et al. (2017), section 3.2.2, https://arxiv.org/abs/1706.03762
    """

    def __init__(
        self,
        d_model: int,
        n_heads: int,
        *,
        bias: bool = True,
        dropout: float = 0.0,
        fast: bool = True,
        rng: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        check_heads(d_model, n_heads)
        self.d_head = d_model // n_heads
        linears = [nn.Linear(d_model, d_model, bias=bias) for _ in range(4)]
        for parameter in nn.ModuleList(linears).parameters():
            matrix = parameter.ndim == 2
            nn.init.xavier_uniform_(parameter, generator=rng) if matrix else nn.init.zeros_(parameter)
        self.query, self.key, self.value, self.output = linears
        self.attend = DotProductAttention(dropout=dropout, fast=fast)

    def forward(
        self,
        x: Float[Tensor, "batch time d"],
        memory: Float[Tensor, "batch key d"] | None = None,
        mask: Mask = None,
    ) -> Float[Tensor, "batch time d"]:
        """What each position of ``x`` finds in ``memory``, or in ``x`` itself."""
        return self.look(x, *self.keys_and_values(x if memory is None else memory), mask)

    def keys_and_values(self, memory: Float[Tensor, "batch key d"]) -> tuple[Heads, Heads]:
        """By what each position of ``memory`` is found, and what it gives away."""
        return split_heads(self.key(memory), self.d_head), split_heads(self.value(memory), self.d_head)

    def look(
        self, x: Float[Tensor, "batch query d"], keys: Heads, values: Heads, mask: Mask = None
    ) -> Float[Tensor, "batch query d"]:
        """What each position of ``x`` finds among given keys and values."""
        queries = split_heads(self.query(x), self.d_head)
        return self.output(join_heads(self.attend(queries, keys, values, mask)))
