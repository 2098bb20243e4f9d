"""The sizes and choices that make a GPT, three well-known settings of them, and what they cost."""

from collections.abc import Sequence
from dataclasses import dataclass

from arlm_helpers.models.attention import check_heads

POSITIONS = ("learned", "sinusoidal", "rotary", "none")
NORMS = ("layer", "rms", "none")
ACTIVATIONS = ("gelu", "gelu_tanh", "relu2", "swiglu")


@dataclass(frozen=True, kw_only=True)
class GPTConfig:
    """Everything that is chosen before a GPT is built; the defaults are GPT-2's block at nanoGPT's CPU size.

    Raises:
        ValueError: for an unknown name, or a number that does not fit; it says what would.
    """

    vocab_size: int
    context_length: int = 64
    n_layers: int = 4
    n_heads: int = 4
    d_model: int = 128
    n_kv_heads: int | None = None  # heads of keys and values, shared by groups of query heads; None: n_heads
    d_ff: int | None = None  # width of the feed-forward layer; None: 4 d_model
    positions: str = "learned"
    rotary_base: float = 10_000.0
    norm: str = "layer"
    norm_gain: bool = True
    norm_eps: float = 1e-5
    activation: str = "gelu_tanh"
    qk_norm: bool = False  # every query and key is scaled to length √d_head
    attention_scale: float | None = None  # None: 1/√d_head
    bias: bool = True
    tied: bool = True  # the head uses the embedding's weights
    residual: bool = True  # False, for an ablation: each layer replaces what came in
    ngram_sizes: Sequence[int] = ()  # also embed the last n tokens as a whole, for each n
    ngram_rows: int = 16_384  # of a table, at most
    zero_init: bool = False  # layers that write to the residual stream, and an untied head, start at zero
    dropout: float = 0.0
    fast: bool = True  # attention by the library's fused call, the same numbers

    def __post_init__(self) -> None:
        object.__setattr__(self, "ngram_sizes", tuple(self.ngram_sizes))  # JSON knows lists only
        check_config(self)

    @property
    def d_head(self) -> int:
        """Width of a head."""
        return self.d_model // self.n_heads

    @property
    def d_kv(self) -> int:
        """Width of the keys, and of the values, of all heads together."""
        return self.d_head * (self.n_kv_heads or self.n_heads)


def check_config(config: GPTConfig) -> None:
    """Refuse choices that do not exist or do not fit together.

    Raises:
        ValueError: it names the value and what would fit.
    """
    check_heads(config.d_model, config.n_heads)
    for name, choices in (("positions", POSITIONS), ("norm", NORMS), ("activation", ACTIVATIONS)):
        if getattr(config, name) not in choices:
            raise ValueError(f"{name} must be one of {', '.join(choices)}, got {getattr(config, name)!r}")
    for name in ("vocab_size", "context_length", "n_layers", "n_kv_heads", "d_ff", "ngram_rows"):
        value = getattr(config, name)
        if value is not None and value < 1:
            raise ValueError(f"{name} must be at least 1, got {value}")
    if config.n_kv_heads is not None and config.n_heads % config.n_kv_heads:
        fitting = [n for n in range(1, config.n_heads + 1) if config.n_heads % n == 0]
        raise ValueError(
            f"{config.n_heads} heads of queries cannot share {config.n_kv_heads} heads of keys and values "
            f"equally; n_kv_heads may be one of {fitting}"
        )
    width = {"sinusoidal": config.d_model, "rotary": config.d_head}.get(config.positions, 0)
    if width % 2:
        raise ValueError(f"{config.positions} positions come in pairs: they need an even width, got {width}")
    if min(config.ngram_sizes, default=2) < 2:
        raise ValueError(f"ngram_sizes must be at least 2 (1 is the embedding), got {config.ngram_sizes}")
    if not 0 <= config.dropout < 1:
        raise ValueError(f"dropout is a share and must be in [0, 1), got {config.dropout}")


def gpt2_config(**changes: object) -> GPTConfig:
    """GPT-2 small, 124 million parameters; any field may be changed.

    Source:
        Radford et al. (2019), section 2.3.
    """
    small = {"vocab_size": 50_257, "context_length": 1024, "n_layers": 12, "n_heads": 12, "d_model": 768}
    return GPTConfig(**(small | changes))


def llama_config(**changes: object) -> GPTConfig:
    """Llama's block in the sizes of SmolLM2-135M, which is built of it; any field may be changed.

    Source:
        Touvron et al. (2023), section 2.2, https://arxiv.org/abs/2302.13971; sizes: the published
        configuration of HuggingFaceTB/SmolLM2-135M.
    """
    sizes = {"vocab_size": 49_152, "context_length": 8192, "n_layers": 30, "n_heads": 9, "n_kv_heads": 3}
    widths = {"d_model": 576, "d_ff": 1536}
    block = {"positions": "rotary", "rotary_base": 100_000.0, "norm": "rms", "activation": "swiglu"}
    return GPTConfig(**(sizes | widths | block | {"bias": False} | changes))


def compact_config(**changes: object) -> GPTConfig:
    """A small model that learns a small text fast: a modern block and a memory of n-grams.

    Source:
        Jordan et al. (2024), modded-nanogpt, https://github.com/KellerJordan/modded-nanogpt: QK-norm, ReLU²,
        layers that start at zero, hashed n-grams.
    """
    sizes = {"context_length": 64, "n_layers": 1, "n_heads": 1, "d_model": 48, "ngram_sizes": (2, 3, 4)}
    block = {"positions": "rotary", "rotary_base": 100.0, "norm": "rms", "norm_gain": False}
    attention = {"qk_norm": True, "attention_scale": 0.25}
    rest = {"activation": "relu2", "bias": False, "tied": False, "zero_init": True}
    return GPTConfig(**(sizes | block | attention | rest | changes))


def count_parameters(config: GPTConfig) -> int:
    """How many numbers a model of this configuration learns, without building it."""
    d, biases = config.d_model, int(config.bias)
    norm = 0 if config.norm == "none" or not config.norm_gain else d
    norm += norm * biases * (config.norm == "layer")
    attention = 2 * d * (d + config.d_kv) + biases * 2 * (d + config.d_kv)
    d_hidden = config.d_ff or 4 * d
    n_up = 2 if config.activation == "swiglu" else 1  # a gate beside the first layer
    feed_forward = (n_up + 1) * d * d_hidden + biases * (n_up * d_hidden + d)
    blocks = config.n_layers * (attention + feed_forward + 2 * norm)
    tables = sum(min((config.vocab_size + 1) ** n, config.ngram_rows) for n in config.ngram_sizes)
    rows = config.vocab_size * (1 if config.tied else 2) + tables
    rows += config.context_length if config.positions == "learned" else 0
    return rows * d + blocks + norm
