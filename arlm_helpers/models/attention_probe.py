"""Watching attention while a model reads, and switching heads off: no weight of the model is changed."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial

from jaxtyping import Float
from torch import Tensor, nn

from arlm_helpers.models.attention import DotProductAttention, Mask, attention_weights, causal_mask

HeadWeights = Float[Tensor, "batch head query key"]


def attention_layers(model: nn.Module) -> dict[str, DotProductAttention]:
    """Every place where ``model`` looks, by the name of its layer, such as ``blocks.0.attention``."""
    looks = {
        name: module for name, module in model.named_modules() if isinstance(module, DotProductAttention)
    }
    return {name.removesuffix(".attend"): look for name, look in looks.items()}


def weights_of_look(
    look: DotProductAttention,
    queries: Float[Tensor, "batch head query d_head"],
    keys: Float[Tensor, "batch head key d_head"],
    values: Float[Tensor, "batch head key d_head"],
    mask: Mask = None,
) -> HeadWeights:
    """The weights behind ``look(queries, keys, values, mask)``, before dropout."""
    if getattr(look, "ignores_mask", False):
        mask = None
    if isinstance(mask, str):
        mask = causal_mask(queries.shape[-2], keys.shape[-2], device=queries.device)
    return attention_weights(queries.detach(), keys.detach(), mask, scale=look.scale)


@contextmanager
def recorded_weights(model: nn.Module) -> Iterator[dict[str, HeadWeights]]:
    """A dictionary that is filled with the weights of every layer's heads whenever the model reads.

    The keys are those of ``attention_layers``; each reading replaces the weights of the one before.
    """
    found: dict[str, HeadWeights] = {}

    def listen(layer: str, look: DotProductAttention, inputs: tuple, options: dict) -> None:
        found[layer] = weights_of_look(look, *inputs, **options)

    with ExitStack() as hooks:
        for layer, look in attention_layers(model).items():
            hook = look.register_forward_pre_hook(partial(listen, layer), with_kwargs=True)
            hooks.enter_context(hook)
        yield found


@contextmanager
def without_heads(model: nn.Module, heads: Mapping[str, Sequence[int]]) -> Iterator[None]:
    """While this lasts, the given heads of the given layers find nothing: {"blocks.0.attention": [0, 2]}.

    Raises:
        ValueError: for a layer that the model does not have; when it reads, for a head that it does not have.
    """
    layers = attention_layers(model)
    if unknown := set(heads) - set(layers):
        raise ValueError(f"no attention layer named {sorted(unknown)}; there are {', '.join(layers)}")

    def silence(silent: Sequence[int], look: DotProductAttention, inputs: tuple, output: Tensor) -> Tensor:
        if not all(0 <= head < output.shape[1] for head in silent):
            raise ValueError(f"heads are numbered 0 … {output.shape[1] - 1}, got {list(silent)}")
        output = output.clone()
        output[:, list(silent)] = 0
        return output

    with ExitStack() as hooks:
        for layer, silent in heads.items():
            hooks.enter_context(layers[layer].register_forward_hook(partial(silence, silent)))
        yield
