"""The GPT once more, in NumPy: the numbers of the torch model at a fraction of its cost per call.

For a small model most of the time of a step goes into calling things: modules, dispatch, checks. Here a step
is a few dozen array operations and nothing else. For a large model the time goes into fetching its weights:
here a single token's products are taken row by row, in the order in which the weights lie in memory.
"""

import math

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from arlm_helpers.models.blocks import Block
from arlm_helpers.models.cache import LayerCache, TransformerCache
from arlm_helpers.models.numpy_linear import NumpyLinear, Rows, array
from arlm_helpers.models.positions import rotary_angles, sinusoidal_positions
from arlm_helpers.models.transformer import GPT, begin_reading

NumpyHeads = Float[np.ndarray, "batch head time d_head"]
AllNumpyHeads = Float[np.ndarray, "batch head all d_head"]
PIECE = 128  # a longer text is read in pieces of so many tokens, which stay in the processor's own memory
Angles = tuple[Float[np.ndarray, "time half"], Float[np.ndarray, "time half"]]


def s_curved(x: np.ndarray, steepness: np.ndarray | float) -> np.ndarray:
    """x / (1 + e^-(steepness · x)): most of a positive number, little of a negative one."""
    with np.errstate(over="ignore"):  # e^… may become infinite: then nothing is left of x, as it should be
        return x / (1 + np.exp(-steepness * x))


def gelu_tanh(x: np.ndarray) -> np.ndarray:
    """GPT-2's activation, since (1 + tanh y) / 2 = 1 / (1 + e^-2y)."""
    slope = 2 * math.sqrt(2 / math.pi)
    return s_curved(x, slope + 0.044715 * slope * np.square(x))


NUMPY_ACTIVATION = {
    "gelu": lambda x: nn.functional.gelu(torch.from_numpy(x)).numpy(),  # NumPy has no error function
    "gelu_tanh": gelu_tanh,
    "relu2": lambda x: np.square(np.maximum(x, 0)),
    "swiglu": lambda x: s_curved(x, 1.0),
}


def turned(x: NumpyHeads, cos: np.ndarray, sin: np.ndarray) -> NumpyHeads:
    """Each vector turned by the angles of its position, like ``rotate``."""
    half = x.shape[-1] // 2
    first, second = x[..., :half], x[..., half:]
    return np.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1)


def remember(layer: LayerCache, keys: NumpyHeads, values: NumpyHeads) -> tuple[AllNumpyHeads, AllNumpyHeads]:
    """Write new keys and values into the room of the cache; returns those of all tokens read."""
    start, end = layer.n_read, layer.n_read + keys.shape[2]
    if layer.keys is None:
        like = torch.from_numpy(keys)
        layer.keys, layer.values = layer.room(like), layer.room(like)
    all_keys, all_values = layer.keys.numpy(force=True), layer.values.numpy(force=True)  # shared memory
    all_keys[:, :, start:end], all_values[:, :, start:end] = keys, values
    layer.n_read = end
    return all_keys[:, :, :end], all_values[:, :, :end]


def attend(
    queries: Float[np.ndarray, "batch head query d_head"],
    keys: AllNumpyHeads,
    values: AllNumpyHeads,
    n_new: int,
) -> Float[np.ndarray, "batch head query d_head"]:
    """The mean of the values, weighted by how well the keys fit.

    The queries are those of the last ``n_new`` positions, once for each query head that shares the key.
    """
    scores = queries @ keys.swapaxes(-1, -2)
    if n_new > 1:  # a single new token is the latest and sees every key
        n_keys = keys.shape[2]
        future = np.triu(np.ones((n_new, n_keys), dtype=bool), k=n_keys - n_new + 1)
        np.copyto(scores.reshape(*scores.shape[:2], -1, n_new, n_keys), -np.inf, where=future)
    scores -= scores.max(axis=-1, keepdims=True)
    np.exp(scores, out=scores)
    return (scores @ values) / scores.sum(axis=-1, keepdims=True)  # shorter than the weights, so divided last


class NumpyBlock:
    """One layer: gather from earlier positions, then think; each adds its part to the stream."""

    def __init__(self, block: Block, *, int8: bool = False) -> None:
        attention, feed_forward = block.attention, block.feed_forward
        self.config, self.residual = attention.config, block.residual
        self.d_head, self.n_heads = self.config.d_head, self.config.n_heads
        self.n_keys = self.config.d_kv // self.d_head  # each head of keys serves a group of queries
        scale = self.config.attention_scale
        self.scale = 1 / math.sqrt(self.d_head) if scale is None else scale
        self.projections = NumpyLinear(
            attention.query, attention.key, attention.value, norm=block.attention_norm, int8=int8
        )
        self.output = NumpyLinear(attention.output, int8=int8)
        self.activation = NUMPY_ACTIVATION[self.config.activation]
        rising = [feed_forward.up] if feed_forward.gate is None else [feed_forward.gate, feed_forward.up]
        self.up = NumpyLinear(*rising, norm=block.feed_forward_norm, int8=int8)
        self.down = NumpyLinear(feed_forward.down, int8=int8)

    def __call__(self, x: Rows, n_rows: int, layer: LayerCache, rotary: Angles | None) -> Rows:
        """The stream behind this layer, of ``n_rows`` texts."""
        x = self.join(x, self.output(self.gather(x, n_rows, layer, rotary)))
        return self.join(x, self.down(self.think(x)))

    def join(self, x: Rows, change: Rows) -> Rows:
        """The stream and what a layer has to add to it."""
        if self.residual:
            change += x  # it is new: nobody else reads it
        return change

    def think(self, x: Rows) -> Float[np.ndarray, "row d_hidden"]:
        """What each position makes of what it holds."""
        hidden = self.up(x)
        if self.config.activation != "swiglu":
            return self.activation(hidden)
        half = hidden.shape[1] // 2  # the gate, and what it lets through
        return self.activation(hidden[:, :half]) * hidden[:, half:]

    def gather(self, x: Rows, n_rows: int, layer: LayerCache, rotary: Angles | None) -> Rows:
        """What each position takes home from itself and those before it, all heads side by side."""
        n_new, n_queries = len(x) // n_rows, self.n_heads
        heads = self.projections(x).reshape(n_rows, n_new, -1, self.d_head).transpose(0, 2, 1, 3)
        keys, values = heads[:, n_queries : n_queries + self.n_keys], heads[:, n_queries + self.n_keys :]
        all_keys, all_values = remember(layer, self.place(keys, rotary), values)
        queries = self.place(heads[:, :n_queries], rotary)
        sharing = (queries * self.scale).reshape(n_rows, self.n_keys, -1, self.d_head)
        found = attend(sharing, all_keys, all_values, n_new).reshape(n_rows, n_queries, n_new, self.d_head)
        return found.transpose(0, 2, 1, 3).reshape(len(x), -1)

    def place(self, heads: NumpyHeads, rotary: Angles | None) -> NumpyHeads:
        """Queries or keys, scaled to one length and turned to their positions, where that is asked for."""
        if self.config.qk_norm:
            mean_square = np.square(heads).mean(axis=-1, keepdims=True)
            heads = heads / np.sqrt(mean_square + np.finfo(heads.dtype).eps)
        return heads if rotary is None else turned(heads, *rotary)


class NumpyGPT:
    """Answers ``model(ids, cache)`` with the logits of a ``GPT``, up to rounding, and shares its caches.

    So torch may read a prompt and NumPy write on, with one cache. It is made of the weights as they are now,
    in float32 or float64, most of them copied: train the original on, and make a new one. No dropout. With
    ``int8`` all its products are those of ``QuantisedLinear``.

    Raises:
        ValueError: if the weights are of another precision or not in the processor's memory; when called,
            what the torch model raises.
    """

    def __init__(self, model: GPT, *, int8: bool = False) -> None:
        weight = model.embed.tokens.weight
        if weight.dtype not in (torch.float32, torch.float64) or not weight.is_cpu:
            raise ValueError(
                f"NumPy reads float32 and float64 in main memory, the weights are {weight.dtype} on "
                f"{weight.device}; convert the model with model.float().cpu()"
            )
        self.config = model.config
        self.vocab_size, self.context_length = model.vocab_size, model.context_length
        self.tokens, self.positions, self.rotary = array(weight), None, None
        every = torch.arange(self.context_length)
        if self.config.positions == "learned":
            self.positions = array(model.embed.positions.weight)
        elif self.config.positions == "sinusoidal":
            self.tokens = math.sqrt(self.config.d_model) * self.tokens
            self.positions = sinusoidal_positions(every, self.config.d_model).type_as(weight).numpy()
        elif self.config.positions == "rotary":
            angles = rotary_angles(every, self.config.d_head, base=self.config.rotary_base)
            self.rotary = tuple(angle.numpy() for angle in angles)
        self.ngrams = model.embed.ngrams if self.config.ngram_sizes else None
        self.blocks = [NumpyBlock(block, int8=int8) for block in model.blocks]
        self.head = NumpyLinear(model.head, norm=model.norm, int8=int8)

    def new_cache(self) -> TransformerCache:
        """An empty cache: nothing has been read."""
        return TransformerCache(self.config)

    def __call__(
        self, ids: Int[Tensor, "batch time"], cache: TransformerCache | None = None
    ) -> Float[Tensor, "batch time vocab"]:
        """Logits of the token after each position of ``ids``."""
        cache = self.new_cache() if cache is None else cache
        begin_reading(ids, self.config, cache)
        pieces = [self.read(piece.numpy(), cache) for piece in ids.split(PIECE, dim=1)]
        return torch.from_numpy(pieces[0] if len(pieces) == 1 else np.concatenate(pieces, axis=1))

    def read(
        self, ids: Int[np.ndarray, "batch time"], cache: TransformerCache
    ) -> Float[np.ndarray, "batch time vocab"]:
        """The same from array to array, with nothing checked: the step of a fast loop."""
        (n_rows, n_new), start = ids.shape, cache.n_read
        x = self.embed(ids, start, cache)
        rotary = self.rotary and tuple(angle[start : start + n_new] for angle in self.rotary)
        for block, layer in zip(self.blocks, cache.layers, strict=True):
            x = block(x, n_rows, layer, rotary)
        return self.head(x).reshape(n_rows, n_new, -1)

    def embed(self, ids: Int[np.ndarray, "batch time"], start: int, cache: TransformerCache) -> Rows:
        """The vectors with which the tokens enter the stream."""
        x = self.tokens[ids]
        if self.positions is not None:
            x += self.positions[start : start + ids.shape[1]]
        if self.ngrams is not None:
            read = cache.extend_ids(torch.from_numpy(ids), keep=max(self.config.ngram_sizes) - 1)
            x += array(self.ngrams(read))[:, -ids.shape[1] :]
        return x.reshape(ids.size, -1)
