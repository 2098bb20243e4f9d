"""Published weights into our GPT: names of two libraries side by side, checked before a weight changes."""

import re
from collections.abc import Iterator, Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn

from arlm_helpers.models.gpt_config import GPTConfig
from arlm_helpers.models.transformer import GPT

GPT2_NAMES = {  # of the transformers library; {} is the number of a block
    "wte": "embed.tokens",
    "wpe": "embed.positions",
    "h.{}.ln_1": "blocks.{}.attention_norm",
    "h.{}.attn.c_proj": "blocks.{}.attention.output",
    "h.{}.ln_2": "blocks.{}.feed_forward_norm",
    "h.{}.mlp.c_fc": "blocks.{}.feed_forward.up",
    "h.{}.mlp.c_proj": "blocks.{}.feed_forward.down",
    "ln_f": "norm",
    "lm_head": "head",
}
LLAMA_NAMES = {
    "embed_tokens": "embed.tokens",
    "layers.{}.input_layernorm": "blocks.{}.attention_norm",
    "layers.{}.self_attn.q_proj": "blocks.{}.attention.query",
    "layers.{}.self_attn.k_proj": "blocks.{}.attention.key",
    "layers.{}.self_attn.v_proj": "blocks.{}.attention.value",
    "layers.{}.self_attn.o_proj": "blocks.{}.attention.output",
    "layers.{}.post_attention_layernorm": "blocks.{}.feed_forward_norm",
    "layers.{}.mlp.up_proj": "blocks.{}.feed_forward.up",
    "layers.{}.mlp.gate_proj": "blocks.{}.feed_forward.gate",
    "layers.{}.mlp.down_proj": "blocks.{}.feed_forward.down",
    "norm": "norm",
    "lm_head": "head",
}


def renamed(name: str, names: Mapping[str, str]) -> str:
    """Our name of a tensor of theirs; a name that is not in the table stays as it is."""
    layer, _, kind = name.rpartition(".")  # kind: weight or bias
    number = re.search(r"\d+", layer)
    pattern = re.sub(r"\d+", "{}", layer, count=1)
    if pattern not in names:
        return name
    return f"{names[pattern].format(number and number[0])}.{kind}"


def unpermuted(rows: Float[Tensor, "d_out d"], n_heads: int) -> Float[Tensor, "d_out d"]:
    """The rows of queries or keys in the order of ``rotate``: first the first halves of all planes.

    llama.cpp turns number 2i together with 2i + 1, so its files hold the two rows of a plane side by side.
    Our ``rotate``, like the transformers library, turns number i together with i + d_head/2.
    """
    pairs = rows.unflatten(0, (n_heads, -1, 2))  # head, plane, the two of a plane, in
    return pairs.transpose(1, 2).flatten(end_dim=2)


def misfits(own: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> Iterator[str]:
    """In words, each tensor that is missing, unknown or of another shape."""
    for name in sorted(own.keys() | given.keys()):
        if name not in given:
            yield f"{name} is missing"
        elif name not in own:
            yield f"{name} has no place in the model"
        elif own[name].shape != given[name].shape:
            yield f"{name} has shape {tuple(given[name].shape)}, the model's {tuple(own[name].shape)}"


def empty_gpt(config: GPTConfig) -> GPT:
    """A GPT without weights, to be loaded: neither time nor memory goes into numbers nobody will see."""
    with torch.device("meta"):
        return GPT(config)


def load_exactly(model: GPT, given: dict[str, Tensor]) -> None:
    """Copy tensors into the model's parameters of the same names; a tied head may come along or not.

    The parameters of an ``empty_gpt`` become the tensors themselves.

    Raises:
        ValueError: if a name or a shape differs, or a tied head is not the embedding. The model is
            changed only if everything fits.
    """
    own, given = dict(model.named_parameters()), dict(given)
    head = given.pop("head.weight", None) if model.config.tied else None
    if head is not None and not torch.equal(head, given.get("embed.tokens.weight", head)):
        raise ValueError("the head is not the embedding; build the model with tied=False")
    if found := list(misfits(own, given)):
        more = f"; and {len(found) - 8} more" if len(found) > 8 else ""
        raise ValueError(
            f"the weights are of another model: {'; '.join(found[:8])}{more}; change its GPTConfig"
        )
    with torch.no_grad():
        for name, parameter in own.items():
            if parameter.is_meta:  # in its place, so that a tied head stays tied
                torch.utils.swap_tensors(parameter, nn.Parameter(given[name]))
            else:
                parameter.copy_(given[name])


def load_gpt2_state(model: GPT, state: Mapping[str, Tensor]) -> None:
    """Load the weights of a GPT-2 of the transformers library (its ``state_dict``), see ``gpt2_config``.

    GPT-2 stores matrices the other way round, and those of queries, keys and values as one.

    Raises:
        ValueError: if they do not fit the model; it names the differences.
    """
    given = {}
    for name, tensor in state.items():
        name = name.removeprefix("transformer.")
        if name.endswith((".attn.bias", ".attn.masked_bias")):
            continue  # older files hold the causal mask as well
        tensor = tensor.T if re.search(r"\.c_(attn|fc|proj)\.weight$", name) else tensor
        if stacked := re.fullmatch(r"h\.(\d+)\.attn\.c_attn\.(weight|bias)", name):
            for part, piece in zip(("query", "key", "value"), tensor.chunk(3), strict=True):
                given[f"blocks.{stacked[1]}.attention.{part}.{stacked[2]}"] = piece
        else:
            given[renamed(name, GPT2_NAMES)] = tensor
    load_exactly(model, given)


def load_llama_state(model: GPT, state: Mapping[str, Tensor]) -> None:
    """Load the weights of a Llama of the transformers library (its ``state_dict``), see ``llama_config``.

    Raises:
        ValueError: if they do not fit the model; it names the differences.
    """
    given = {renamed(name.removeprefix("model."), LLAMA_NAMES): tensor for name, tensor in state.items()}
    load_exactly(model, given)
