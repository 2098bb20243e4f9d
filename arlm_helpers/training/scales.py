"""Two sizes of the same training: one for a laptop's processor, one for a GPU."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch

from arlm_helpers.models.gpt_config import GPTConfig, compact_config
from arlm_helpers.training.config import TrainConfig
from arlm_helpers.training.optimizers import AdamW, Muon
from arlm_helpers.training.schedules import WarmupFlatLinear


@dataclass(frozen=True, kw_only=True)
class Scale:
    """A GPT and how it is trained: ``model`` gives its configuration for a number of tokens.

    Each step reads batches of ``batch_size`` windows, as long as the model's context.
    """

    model: Callable[[int], GPTConfig]
    training: TrainConfig
    batch_size: int

    def with_steps(self, n_steps: int) -> "Scale":
        """The same in another number of steps; the schedule stretches."""
        return replace(self, training=replace(self.training, n_steps=n_steps))


def laptop_model(vocab_size: int) -> GPTConfig:
    """About 1.5 million parameters, most of them in the memory of n-grams, where they cost no time."""
    sizes = {"context_length": 256, "n_layers": 3, "n_heads": 3, "d_model": 96, "ngram_rows": 4000}
    return compact_config(vocab_size=vocab_size, rotary_base=1000.0, **sizes)


def gpu_model(vocab_size: int) -> GPTConfig:
    """About 10 million parameters; dropout, because it reads a small text many times."""
    sizes = {"context_length": 256, "n_layers": 6, "n_heads": 6, "d_model": 384, "ngram_sizes": ()}
    return compact_config(vocab_size=vocab_size, dropout=0.2, **sizes)


LAPTOP = Scale(
    model=laptop_model,
    training=TrainConfig(
        n_steps=1400,  # reads the training plays once
        optimizer=Muon(0.02, adamw=AdamW(0.01)),
        schedule=WarmupFlatLinear(warmup=10, decay=0.7),
        clip=1.0,
        checkpoint_every=250,
    ),
    batch_size=12,
)
GPU = Scale(
    model=gpu_model,
    training=TrainConfig(
        n_steps=3000,
        optimizer=Muon(0.02, adamw=AdamW(0.003, weight_decay=0.1)),
        schedule=WarmupFlatLinear(warmup=100, decay=0.7),
        clip=1.0,
        device="cuda",
        precision="bf16",
        compile=True,
        checkpoint_every=250,
    ),
    batch_size=64,
)
SCALES = {"laptop": LAPTOP, "gpu": GPU}


def on_this_machine(scale: Scale) -> Scale:
    """The scale on a device that is here: Apple's GPU takes the place of an NVIDIA one, uncompiled.

    Raises:
        ValueError: if it needs a GPU and there is none.
    """
    if scale.training.device != "cuda" or torch.cuda.is_available():
        return scale
    if torch.backends.mps.is_available():
        return replace(scale, training=replace(scale.training, device="mps", compile=False))
    raise ValueError(
        "this scale needs a GPU, and torch finds none: use the scale 'laptop', or a machine with a GPU and a "
        "torch that is built for it (https://pytorch.org/get-started/locally)"
    )
