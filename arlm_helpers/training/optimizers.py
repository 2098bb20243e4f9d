"""Optimizers as values: what moves which weights, and how fast at the peak."""

from dataclasses import dataclass, field

import torch
from torch import nn

from arlm_helpers.training.muon import BlockMuon


def check_learning_rate(lr: float) -> None:
    """Refuse a learning rate that is not a positive number.

    Raises:
        ValueError: if ``lr`` is not positive and finite.
    """
    if not 0 < lr < float("inf"):
        raise ValueError(f"the learning rate must be positive, got {lr}")


@dataclass(frozen=True)
class AdamW:
    """Adam with decoupled weight decay, for every trainable parameter; torch's fused one.

    Weight decay, as a fraction of the weight per unit of learning rate, spares vectors: biases and gains.

    Raises:
        ValueError: if ``lr``, ``eps`` is not positive, a beta not in [0, 1), or ``weight_decay`` negative.
    Source:
        Loshchilov and Hutter (2019), algorithm 2, https://arxiv.org/abs/1711.05101
    """

    lr: float = 1e-3
    betas: tuple[float, float] = field(default=(0.9, 0.95), kw_only=True)
    eps: float = field(default=1e-8, kw_only=True)
    weight_decay: float = field(default=0.0, kw_only=True)

    def __post_init__(self) -> None:
        check_learning_rate(self.lr)
        if not all(0 <= beta < 1 for beta in self.betas):
            raise ValueError(f"betas must be in [0, 1), got {self.betas}")
        if not self.eps > 0 or not self.weight_decay >= 0:
            raise ValueError(
                f"eps must be positive and weight_decay at least 0, got {self.eps} and {self.weight_decay}"
            )

    def build(self, model: nn.Module) -> list[torch.optim.Optimizer]:
        """One optimizer for all parameters that are trained."""
        return self.build_for([parameter for parameter in model.parameters() if parameter.requires_grad])

    def build_for(self, parameters: list[nn.Parameter]) -> list[torch.optim.Optimizer]:
        """One optimizer for these parameters; none if there are none."""
        matrices = [parameter for parameter in parameters if parameter.ndim >= 2]
        vectors = [parameter for parameter in parameters if parameter.ndim < 2]
        groups = [
            {"params": matrices, "weight_decay": self.weight_decay},
            {"params": vectors, "weight_decay": 0.0},
        ]
        groups = [{**group, "initial_lr": self.lr} for group in groups if group["params"]]
        if not groups:
            return []
        return [torch.optim.AdamW(groups, lr=self.lr, betas=self.betas, eps=self.eps, fused=True)]


@dataclass(frozen=True)
class Muon:
    """Muon for the weight matrices that ``model.matrices()`` names, AdamW for everything else.

    Raises:
        ValueError: if ``lr`` is not positive or ``momentum`` not in [0, 1).
    Source:
        Jordan et al. (2024), https://kellerjordan.github.io/posts/muon
    """

    lr: float = 0.02
    momentum: float = field(default=0.95, kw_only=True)
    adamw: AdamW = field(default_factory=lambda: AdamW(lr=0.01), kw_only=True)

    def __post_init__(self) -> None:
        check_learning_rate(self.lr)
        if not 0 <= self.momentum < 1:
            raise ValueError(f"momentum must be in [0, 1), got {self.momentum}")

    def build(self, model: nn.Module) -> list[torch.optim.Optimizer]:
        """Muon for the matrices, and AdamW for the parameters that are left."""
        trained = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
        matrices = [(trained.pop(name), n_blocks) for name, n_blocks in checked_matrices(model, trained)]
        muon = BlockMuon(matrices, lr=self.lr, momentum=self.momentum)
        for group in muon.param_groups:
            group["initial_lr"] = self.lr
        return [muon, *self.adamw.build_for(list(trained.values()))]


def checked_matrices(model: nn.Module, trained: dict[str, nn.Parameter]) -> list[tuple[str, int]]:
    """Name and number of blocks of the matrices that are trained, after making sure that Muon can have them.

    Raises:
        ValueError: if the model names none, one that it does not have, or one that does not fall into
            equal blocks of rows.
    """
    named = model.matrices().items() if hasattr(model, "matrices") else []
    parameters = dict(model.named_parameters())
    for name, n_blocks in named:
        if name not in parameters:
            raise ValueError(f"matrices() names {name!r}, but the model only has {', '.join(parameters)}")
        shape = tuple(parameters[name].shape)
        if len(shape) != 2 or n_blocks < 1 or shape[0] % n_blocks:
            raise ValueError(f"{name!r} has shape {shape}, which is no stack of {n_blocks} equal matrices")
    matrices = [(name, n_blocks) for name, n_blocks in named if name in trained]
    if not matrices:
        raise ValueError(f"{type(model).__name__} has no matrices() for Muon to train; use AdamW")
    return matrices
