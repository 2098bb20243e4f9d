"""The GPT: tokens enter a stream of vectors, blocks work on it, and a head scores what comes next."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from arlm_helpers.models.blocks import Block, Stream, new_norm
from arlm_helpers.models.cache import LayerCache, TransformerCache
from arlm_helpers.models.embedding import InputEmbedding
from arlm_helpers.models.gpt_config import GPTConfig
from arlm_helpers.models.positions import rotary_angles


def check_ids(ids: Int[Tensor, "batch time"], config: GPTConfig, n_read: int) -> None:
    """Refuse ids that cannot be read behind ``n_read`` others.

    Raises:
        ValueError: if they are of a small integer type, none, too many, or not in the vocabulary (on a GPU
            looking would mean waiting, and torch complains itself).
    """
    if ids.dtype not in (torch.int64, torch.int32):
        raise ValueError(f"ids must be int64, got {ids.dtype}; convert them with ids.long()")
    n_new, limit = ids.shape[1], config.context_length
    if n_new < 1:
        raise ValueError("ids are empty: give at least one token, such as a line break")
    if n_read + n_new > limit:
        behind = f" behind the {n_read} of the cache" if n_read else ""
        raise ValueError(
            f"{n_new} tokens{behind} do not fit context_length = {limit}; give the latest alone, "
            f"ids[:, -{limit}:], or let generate and token_nats slide a window"
        )
    if ids.is_cpu and not torch.compiler.is_compiling():
        low, high = (int(end) for end in ids.aminmax())
        if not 0 <= low <= high < config.vocab_size:
            raise ValueError(f"ids must lie in 0 … {config.vocab_size - 1}, got {low} … {high}")


def begin_reading(
    ids: Int[Tensor, "batch time"], config: GPTConfig, cache: "TransformerCache | None"
) -> tuple[Sequence["LayerCache | None"], Int[Tensor, " time"]]:
    """The cache of each layer, if there is one, and the positions at which ``ids`` stand.

    Raises:
        ValueError: for ids that cannot be read, or another model's cache.
    """
    layers, n_read = [None] * config.n_layers, 0
    if cache is not None:
        layers, n_read = cache.begin(config, len(ids))
    check_ids(ids, config, n_read)
    return layers, torch.arange(n_read, n_read + ids.shape[1], device=ids.device)


def start_weights(model: "GPT", rng: torch.Generator | None) -> None:
    """Small normal weights, no biases; what writes to the stream starts smaller still, or at zero.

    The stream is a sum of 2 n_layers parts and the embedding: 1/√(2 n_layers) keeps its variance.

    Source:
        Radford et al. (2019), section 2.3; from zero: Zhang et al. (2019), section 3 (Fixup).
    """
    config = model.config
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Embedding):
            nn.init.normal_(module.weight, std=0.02, generator=rng)
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)
    factor = 0.0 if config.zero_init else 1 / math.sqrt(2 * config.n_layers)
    with torch.no_grad():
        for block in model.blocks:
            block.attention.output.weight.mul_(factor)
            block.feed_forward.down.weight.mul_(factor)
        if config.zero_init and not config.tied:
            model.head.weight.zero_()


class GPT(nn.Module):
    """Predict the next token: embed every token, let the blocks work on the stream, score what comes next.

    Raises:
        ValueError: when called, for ids that are empty, unknown or too many, or for another model's cache.
    Source:
        Radford et al. (2018), section 3.1, and (2019), section 2.3; other choices are named in their layers.
    """

    def __init__(self, config: GPTConfig, *, rng: torch.Generator | None = None) -> None:
        super().__init__()
        self.config = config
        self.vocab_size, self.context_length = config.vocab_size, config.context_length
        self.embed = InputEmbedding(config)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.n_layers))
        self.norm = new_norm(config)
        self.head = nn.Linear(config.d_model, config.vocab_size, bias=False)
        if config.tied:
            self.head.weight = self.embed.tokens.weight
        start_weights(self, rng)

    def forward(
        self, ids: Int[Tensor, "batch time"], cache: "TransformerCache | None" = None
    ) -> Float[Tensor, "batch time vocab"]:
        """Logits of the token after each position of ``ids``."""
        return self.head(self.norm(self.stream(ids, cache)[-1]))

    def stream(self, ids: Int[Tensor, "batch time"], cache: "TransformerCache | None" = None) -> list[Stream]:
        """The stream as it enters the first block and as it leaves each block."""
        layers, positions = begin_reading(ids, self.config, cache)
        rotary = None
        if self.config.positions == "rotary":
            rotary = rotary_angles(positions, self.config.d_head, base=self.config.rotary_base)
        states = [self.embed(ids, positions, cache)]
        for block, layer in zip(self.blocks, layers, strict=True):
            states.append(block(states[-1], rotary, layer))
        return states

    def new_cache(self) -> "TransformerCache":
        """An empty cache: nothing has been read."""
        return TransformerCache(self.config)

    @property
    def n_parameters(self) -> int:
        """Numbers the model learns; tied weights count once."""
        return sum(parameter.numel() for parameter in self.parameters())

    def matrices(self) -> dict[str, int]:
        """The weight matrices of the blocks, by name, each a single block: what Muon orthogonalises."""
        named = self.blocks.named_parameters(prefix="blocks")
        return {name: 1 for name, parameter in named if parameter.ndim == 2}
