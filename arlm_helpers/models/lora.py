"""Low-rank adapters by hand: the weights of a model stay as they are, a thin detour beside them learns.

Source:
    Hu et al. (2021), "LoRA", section 4.1, https://arxiv.org/abs/2106.09685
"""

import math
from collections.abc import Iterator, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

PROJECTIONS = ("query", "key", "value", "output", "gate", "up", "down")  # of the blocks of our GPT


def check_adapter(base: nn.Linear, rank: int, alpha: float) -> None:
    """Refuse a rank that the layer does not have, and a factor that makes no sense.

    Raises:
        ValueError: it names the value and the limits.
    """
    d_out, d_in = base.weight.shape
    if not 1 <= rank <= min(d_out, d_in):
        raise ValueError(
            f"the rank must lie in 1 … {min(d_out, d_in)} for a layer from {d_in} to {d_out}, got {rank}"
        )
    if not 0 < alpha < math.inf:
        raise ValueError(f"alpha must be positive, got {alpha}; for no adapter at all, add none")


class LoRALinear(nn.Module):
    """A linear layer W and a detour of rank r beside it: W x + strength * (alpha / r) * B A x.

    A starts random and B at zero, so that at first nothing changes, to the bit; ``add_lora`` freezes W.
    ``strength``, 1 at first, scales what was learned: 0 is the model as it was. ``merge`` adds the detour to
    W, and then it costs nothing; W is kept, since adding and subtracting again would round twice.

    Raises:
        ValueError: if ``rank`` is below 1 or above what the layer has, or ``alpha`` is not positive.
    """

    def __init__(
        self, base: nn.Linear, rank: int, *, alpha: float | None = None, rng: torch.Generator | None = None
    ) -> None:
        super().__init__()
        alpha = 2.0 * rank if alpha is None else float(alpha)
        check_adapter(base, rank, alpha)
        d_out, d_in = base.weight.shape
        self.base, self.rank, self.alpha, self.strength = base, rank, alpha, 1.0
        start = torch.empty(rank, d_in).uniform_(-1, 1, generator=rng) / math.sqrt(d_in)
        self.a = nn.Parameter(start.to(base.weight))  # of its type, on its device
        self.b = nn.Parameter(base.weight.new_zeros(d_out, rank))
        self.kept: Tensor | None = None  # W, while the layer holds the sum

    def forward(self, x: Float[Tensor, "*batch d_in"]) -> Float[Tensor, "*batch d_out"]:
        """What the layer gives with its detour."""
        if self.kept is not None:
            return self.base(x)
        return self.base(x) + self.factor * (x @ self.a.T @ self.b.T)

    @property
    def factor(self) -> float:
        """What the detour is multiplied by."""
        return self.strength * self.alpha / self.rank

    @torch.no_grad()
    def update(self) -> Float[Tensor, "d_out d_in"]:
        """What the adapter adds to W: a matrix of rank r at most."""
        return self.factor * (self.b @ self.a)

    @torch.no_grad()
    def merge(self) -> None:
        """Let W hold the sum. A second call does nothing."""
        if self.kept is None:
            self.kept = self.base.weight.detach().clone()
            self.base.weight.add_(self.update())

    @torch.no_grad()
    def unmerge(self) -> None:
        """Give W back, bit for bit. Does nothing if it was not merged."""
        if self.kept is not None:
            self.base.weight.copy_(self.kept)
            self.kept = None


def add_lora(
    model: nn.Module,
    rank: int,
    *,
    alpha: float | None = None,
    layers: Sequence[str] = PROJECTIONS,
    rng: torch.Generator | None = None,
) -> dict[str, LoRALinear]:
    """Freeze ``model`` and put an adapter beside each linear layer called one of ``layers``; in place.

    A name counts if it is the whole path of a layer or its end: "query" means all queries,
    "blocks.0.attention.query" one. ``alpha`` is 2 ``rank`` if none is given. Gives the adapters by path.

    Raises:
        ValueError: if a name fits no linear layer or one whose weights another layer uses, too (a tied
            head), if the model has adapters already, or as ``LoRALinear``.
    """
    if lora_layers(model):
        raise ValueError("the model has adapters already; remove_lora(model) takes them off")
    linear = {name: layer for name, layer in model.named_modules() if isinstance(layer, nn.Linear)}
    chosen = {name: layer for name, layer in linear.items() if any(fits(name, asked) for asked in layers)}
    unknown = [asked for asked in layers if not any(fits(name, asked) for name in chosen)]
    if unknown or not chosen:
        ends = sorted({name.rpartition(".")[2] for name in linear})
        names = ", ".join(map(repr, unknown)) or "by no name at all"
        raise ValueError(f"no linear layer is called {names}; there are {ends}")
    owners = [id(weight) for _, weight in model.named_parameters(remove_duplicate=False)]
    if tied := [name for name, layer in chosen.items() if owners.count(id(layer.weight)) > 1]:
        raise ValueError(f"{', '.join(tied)}: tied to another layer, and merging would change both")
    adapters = {name: LoRALinear(layer, rank, alpha=alpha, rng=rng) for name, layer in chosen.items()}
    model.requires_grad_(False)
    for name, adapter in adapters.items():
        model.set_submodule(name, adapter)
    return adapters


def fits(name: str, asked: str) -> bool:
    """Whether a path is what was asked for, or ends in it."""
    return f".{name}".endswith(f".{asked}")


def lora_layers(model: nn.Module) -> dict[str, LoRALinear]:
    """The adapters of a model by the path of their layer; none if it has none."""
    return {name: layer for name, layer in model.named_modules() if isinstance(layer, LoRALinear)}


def needed_adapters(model: nn.Module) -> dict[str, LoRALinear]:
    """The adapters of a model that has some.

    Raises:
        ValueError: if it has none.
    """
    if not (adapters := lora_layers(model)):
        raise ValueError(f"this {type(model).__name__} has no adapters; add_lora(model, rank) adds them")
    return adapters


def lora_parameters(model: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """The matrices A and B of all adapters, with the names that ``model.named_parameters`` gives them."""
    for name, adapter in lora_layers(model).items():
        yield f"{name}.a", adapter.a
        yield f"{name}.b", adapter.b


def merge_lora(model: nn.Module) -> None:
    """Let every layer hold the sum of its weights and its adapter: the model is as fast as it was.

    Raises:
        ValueError: if there are no adapters.
    """
    for adapter in needed_adapters(model).values():
        adapter.merge()


def unmerge_lora(model: nn.Module) -> None:
    """Give every layer its own weights back, bit for bit, its adapter beside it.

    Raises:
        ValueError: if there are no adapters.
    """
    for adapter in needed_adapters(model).values():
        adapter.unmerge()


def set_strength(model: nn.Module, strength: float) -> None:
    """Scale what all adapters add: 0 is the model as it was, 1 as it was trained; in between is allowed.

    Raises:
        ValueError: if there are no adapters, they are merged, or ``strength`` is not finite.
    """
    if not math.isfinite(strength):
        raise ValueError(f"the strength must be a number, got {strength}")
    adapters = needed_adapters(model)
    if any(adapter.kept is not None for adapter in adapters.values()):
        raise ValueError("the adapters are merged into the weights; unmerge_lora(model) first")
    for adapter in adapters.values():
        adapter.strength = float(strength)


def remove_lora(model: nn.Module) -> None:
    """Take the adapters off; what they learned stays in the weights if merged, and is lost if not.

    The layers are plain linear layers again and stay frozen; ``model.requires_grad_()`` thaws them.

    Raises:
        ValueError: if there are no adapters.
    """
    for name, adapter in needed_adapters(model).items():
        model.set_submodule(name, adapter.base)
