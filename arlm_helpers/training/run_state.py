"""The whole mutable state of a training run in one object, as tensors and facts that can be saved."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor, nn

from arlm_helpers.training.batches import Batches
from arlm_helpers.training.config import TrainConfig, as_facts
from arlm_helpers.training.distributed import check_shares, start_alike
from arlm_helpers.training.random_states import random_states, set_random_states

# What may change when a saved run goes on: how long it is, where it runs, how often it is saved.
FREE = ("config.n_steps", "config.checkpoint_every", "config.device", "config.compile")


def differences(saved: object, now: object, name: str = "") -> Iterator[str]:
    """Where two descriptions differ, one line for each value."""
    if isinstance(saved, dict) and isinstance(now, dict):
        for key in sorted(saved.keys() | now.keys()):
            yield from differences(saved.get(key), now.get(key), f"{name}.{key}" if name else key)
    elif saved != now and name not in FREE:
        yield f"{name} was {saved!r} and is now {now!r}"


def model_tensors(model: nn.Module) -> dict[str, Tensor]:
    """Every tensor that ``state_dict`` would save, tied ones once, as the live tensors themselves."""
    live = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    return {name: live[name].detach() for name in model.state_dict() if name in live}


def optimizer_memory(optimizer: torch.optim.Optimizer) -> dict[str, object]:
    """What the optimizer remembers, named by the number of the parameter and the name of the value."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    return {
        f"{number}.{name}": value
        for number, parameter in enumerate(parameters)
        for name, value in optimizer.state.get(parameter, {}).items()
    }


def load_optimizer(optimizer: torch.optim.Optimizer, memory: dict[str, object]) -> None:
    """Give the optimizer what ``optimizer_memory`` described, and nothing else."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    optimizer.state.clear()
    for key, value in memory.items():
        number, name = key.split(".", maxsplit=1)
        parameter = parameters[int(number)]
        kept = value.to(parameter.device, copy=True) if isinstance(value, Tensor) else value
        optimizer.state[parameter][name] = kept


def within(prefix: str, named: dict[str, object]) -> dict[str, object]:
    """The values under longer names, which start with ``prefix``."""
    return {prefix + name: value for name, value in named.items()}


def under(prefix: str, named: dict[str, object]) -> dict[str, object]:
    """The values whose names start with ``prefix``, without it."""
    return {name.removeprefix(prefix): value for name, value in named.items() if name.startswith(prefix)}


def check_carried(model: nn.Module, batches: Batches) -> None:
    """Refuse batches that continue each other for a model whose state cannot be carried on.

    Raises:
        ValueError: if the model's cache lacks what that takes.
    """
    cache = model.new_cache() if batches.carries_state and hasattr(model, "new_cache") else None
    needed = ("detach", "state_tensors", "load_state_tensors")
    if batches.carries_state and not all(hasattr(cache, name) for name in needed):
        raise ValueError(
            f"{type(batches).__name__} need a recurrent model: what {type(model).__name__} has read cannot "
            "be carried from batch to batch without end; use ShuffledWindows"
        )


@dataclass
class RunState:
    """A training run between two steps: all that has to be saved for it to go on bit for bit.

    ``step`` counts completed steps; ``cache`` is the recurrent state that the next batch may continue;
    ``saved_step`` is the step whose state is safe on disk.
    """

    model: nn.Module
    optimizers: list[torch.optim.Optimizer]
    batches: Batches
    config: TrainConfig
    forward: Callable
    step: int = 0
    cache: object = None
    saved_step: int | None = field(default=None, compare=False)

    @classmethod
    def start(cls, model: nn.Module, batches: Batches, config: TrainConfig) -> "RunState":
        """A run that has taken no step: the model moves to its device, the optimizers are built.

        Raises:
            ValueError: if the model, or the number of processes, does not go with these batches.
        """
        check_carried(model, batches)
        check_shares(batches)
        model.to(config.device)
        start_alike(model_tensors(model).values())
        backend = {"backend": config.compile} if isinstance(config.compile, str) else {}
        forward = torch.compile(model, **backend) if config.compile else model
        return cls(model, config.optimizer.build(model), batches, config, forward)

    @cached_property
    def identity(self) -> dict:
        """What must be the same when the run goes on: model, configuration, text and batches; as JSON."""
        return {
            "model": {
                "type": type(self.model).__name__,
                "config": as_facts(getattr(self.model, "config", None)),
                "shapes": {name: list(value.shape) for name, value in model_tensors(self.model).items()},
            },
            "config": as_facts(self.config),
            "batches": {**self.batches.settings(), "fingerprint": self.batches.fingerprint()},
        }

    def memory(self) -> dict[str, object]:
        """What all the optimizers remember, by name."""
        parts = enumerate(optimizer_memory(optimizer) for optimizer in self.optimizers)
        return {k: v for number, named in parts for k, v in within(f"optimizer.{number}.", named).items()}

    def tensors(self) -> dict[str, Tensor]:
        """Weights, optimizer memory and carried state by name: the live tensors, not copies."""
        carried = {} if self.cache is None else self.cache.state_tensors()
        memory = {name: value for name, value in self.memory().items() if isinstance(value, Tensor)}
        return {**within("model.", model_tensors(self.model)), **memory, **within("cache.", carried)}

    def facts(self) -> dict:
        """Everything else, ready for JSON: identity, step, position in the text, random states, and what
        optimizers remember besides tensors.
        """
        memory = self.memory()
        return {
            **self.identity,
            "step": self.step,
            "memory": {name: value for name, value in memory.items() if not isinstance(value, Tensor)},
            "position": self.batches.state(),
            "random_states": random_states(),
        }

    def load(self, tensors: dict[str, Tensor], facts: dict) -> None:
        """Go on from the state that ``tensors`` and ``facts`` describe; global random states included.

        Raises:
            ValueError: if they belong to another model, configuration, text or kind of batches. Only the
                number of steps, the device, compilation and the rhythm of saving may differ.
        """
        saved = {name: facts.get(name) for name in self.identity}
        if found := list(differences(saved, self.identity)):
            raise ValueError(
                f"the folder holds another run: {'; '.join(found)}. Go on with the saved settings, or use "
                "another folder"
            )
        with torch.no_grad():
            for name, value in model_tensors(self.model).items():
                value.copy_(tensors[f"model.{name}"])
        for number, optimizer in enumerate(self.optimizers):
            load_optimizer(optimizer, under(f"optimizer.{number}.", {**tensors, **facts["memory"]}))
        self.load_cache(under("cache.", tensors))
        self.batches.load_state(facts["position"])
        self.step = self.saved_step = facts["step"]
        set_random_states(facts["random_states"])

    def load_cache(self, tensors: dict[str, Tensor]) -> None:
        """The carried state from its tensors; none if there are none."""
        self.cache = self.model.new_cache() if tensors else None
        if tensors:
            on_device = {name: value.to(self.config.device) for name, value in tensors.items()}
            self.cache.load_state_tensors(on_device)
