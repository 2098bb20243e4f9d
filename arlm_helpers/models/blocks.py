"""The layers of a GPT: attention moves information between tokens, feed-forward layers work on each token."""

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from arlm_helpers.models.attention import DotProductAttention, Heads, join_heads, split_heads
from arlm_helpers.models.cache import LayerCache
from arlm_helpers.models.gpt_config import GPTConfig
from arlm_helpers.models.positions import Rotary, rotate

Stream = Float[Tensor, "batch time d_model"]


class CausalSelfAttention(nn.Module):
    """Each position gathers from itself and those before it: the layer through which tokens talk.

    Groups of query heads may share a head of keys and values. With ``qk_norm`` every query and key is
    scaled to length √d_head, so that no score can explode.

    Source:
        Vaswani et al. (2017), section 3.2.3; shared heads: Ainslie et al. (2023), section 2.2,
        https://arxiv.org/abs/2305.13245; QK-norm: Henry et al. (2020), https://arxiv.org/abs/2010.04245
    """

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.config = config
        self.query = nn.Linear(config.d_model, config.d_model, bias=config.bias)
        self.key = nn.Linear(config.d_model, config.d_kv, bias=config.bias)
        self.value = nn.Linear(config.d_model, config.d_kv, bias=config.bias)
        self.output = nn.Linear(config.d_model, config.d_model, bias=config.bias)
        self.attend = DotProductAttention(
            scale=config.attention_scale, dropout=config.dropout, fast=config.fast
        )

    def forward(self, x: Stream, rotary: Rotary | None = None, cache: "LayerCache | None" = None) -> Stream:
        """What each position of ``x`` has gathered."""
        queries, keys, values = (
            split_heads(linear(x), self.config.d_head) for linear in (self.query, self.key, self.value)
        )
        queries, keys = self.place(queries, rotary), self.place(keys, rotary)
        if cache is not None:
            keys, values = cache.extend(keys, values)
        n_shared = self.config.n_heads // keys.shape[1]
        if n_shared > 1:
            keys, values = (heads.repeat_interleave(n_shared, dim=1) for heads in (keys, values))
        return self.output(join_heads(self.attend(queries, keys, values, "causal")))

    def place(self, heads: Heads, rotary: Rotary | None) -> Heads:
        """Queries or keys, scaled to one length and turned to their positions, where that is asked for."""
        if self.config.qk_norm:
            heads = functional.rms_norm(heads, heads.shape[-1:])
        return heads if rotary is None else rotate(heads, *rotary)


ACTIVATION = {
    "gelu": functional.gelu,
    "gelu_tanh": lambda x: functional.gelu(x, approximate="tanh"),  # GPT-2's
    "relu2": lambda x: functional.relu(x).square(),
    "swiglu": functional.silu,  # of the gate
}


class FeedForward(nn.Module):
    """Two layers that work on each position by itself; SwiGLU has a third, a gate on the numbers between.

    Source:
        Vaswani et al. (2017), section 3.3; SwiGLU: Shazeer (2020), equation 6,
        https://arxiv.org/abs/2002.05202; ReLU²: So et al. (2021), https://arxiv.org/abs/2109.08668
    """

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        d_hidden = config.d_ff or 4 * config.d_model
        self.activation = ACTIVATION[config.activation]
        self.up = nn.Linear(config.d_model, d_hidden, bias=config.bias)
        self.down = nn.Linear(d_hidden, config.d_model, bias=config.bias)
        self.gate = None
        if config.activation == "swiglu":
            self.gate = nn.Linear(config.d_model, d_hidden, bias=config.bias)

    def forward(self, x: Stream) -> Stream:
        """What each position makes of what it holds."""
        if self.gate is None:
            return self.down(self.activation(self.up(x)))
        return self.down(self.activation(self.gate(x)) * self.up(x))


def new_norm(config: GPTConfig) -> nn.Module:
    """What brings each vector of the stream to a standard size before a layer reads it."""
    if config.norm == "none":
        return nn.Identity()
    if config.norm == "rms":
        return nn.RMSNorm(config.d_model, eps=config.norm_eps, elementwise_affine=config.norm_gain)
    options = {"eps": config.norm_eps, "elementwise_affine": config.norm_gain, "bias": config.bias}
    return nn.LayerNorm(config.d_model, **options)


class Block(nn.Module):
    """One layer of a GPT: gather from earlier positions, then think; each adds its part to the stream.

    Source:
        Radford et al. (2019), section 2.3: the norm stands before each layer, off the stream.
    """

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.residual = config.residual
        self.attention_norm = new_norm(config)
        self.attention = CausalSelfAttention(config)
        self.feed_forward_norm = new_norm(config)
        self.feed_forward = FeedForward(config)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Stream, rotary: Rotary | None = None, cache: "LayerCache | None" = None) -> Stream:
        """The stream behind this layer."""
        x = self.join(x, self.attention(self.attention_norm(x), rotary, cache))
        return self.join(x, self.feed_forward(self.feed_forward_norm(x)))

    def join(self, x: Stream, change: Stream) -> Stream:
        """The stream and what a layer has to add to it."""
        return x + self.dropout(change) if self.residual else self.dropout(change)
