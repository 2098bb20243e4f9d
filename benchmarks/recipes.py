"""Models and how each is trained: the recipes that benchmarks and the scoreboard run.

Settings were chosen on a tuning split, the last tenth of the training characters; what is reported is
measured on other text. Windows hold 64 characters, as in the recipe that ours are compared with.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import torch
from jaxtyping import Int
from torch import Tensor, nn

from arlm_helpers.models.gpt_config import compact_config
from arlm_helpers.models.mlp import MLPConfig, MLPLanguageModel
from arlm_helpers.models.rnn import RNNConfig, RNNLanguageModel
from arlm_helpers.models.transformer import GPT
from arlm_helpers.training.batches import ShuffledWindows, Streams
from arlm_helpers.training.config import TrainConfig
from arlm_helpers.training.optimizers import AdamW, Muon
from arlm_helpers.training.scales import LAPTOP
from arlm_helpers.training.schedules import WarmupFlatLinear
from arlm_helpers.training.trainer import TrainStep, train


@dataclass(frozen=True)
class Recipe:
    """How to build a model for a vocabulary, and how to train it on a text.

    With ``carried_state`` the text is read in order, each window with the state that the last one left.
    """

    build: Callable[[int, torch.Generator], nn.Module]
    config: TrainConfig
    note: str
    batch_size: int = 32
    context_length: int = 64
    carried_state: bool = False

    def start(
        self, ids: Int[Tensor, " text"], vocab_size: int, seed: int
    ) -> tuple[nn.Module, Iterator[TrainStep]]:
        """A new model and the steps of its training, which happen as they are asked for."""
        model = self.build(vocab_size, torch.Generator().manual_seed(seed))
        sizes = {"context_length": self.context_length, "batch_size": self.batch_size}
        batches = Streams(ids, **sizes) if self.carried_state else ShuffledWindows(ids, **sizes, seed=seed)
        return model, train(model, batches, self.config)

    def for_at_most(self, n_steps: int) -> "Recipe":
        """The same recipe in no more steps than these: a short text is soon learned by heart."""
        return replace(self, config=replace(self.config, n_steps=min(n_steps, self.config.n_steps)))


def muon(
    n_steps: int, lr: float, adamw_lr: float, *, decay: float = 0.5, clip: float | None = 1.0
) -> TrainConfig:
    """Muon for the weight matrices, AdamW for the rest; flat, then linear to zero over a share of the run."""
    return TrainConfig(
        n_steps=n_steps,
        optimizer=Muon(lr, adamw=AdamW(adamw_lr)),
        schedule=WarmupFlatLinear(warmup=10, decay=decay),
        clip=clip,
    )


def recurrent(kind: str, d_model: int) -> Callable[[int, torch.Generator], nn.Module]:
    """A builder of recurrent models of one layer."""

    def build(vocab_size: int, rng: torch.Generator) -> nn.Module:
        return RNNLanguageModel(RNNConfig(vocab_size, kind=kind, d_model=d_model), rng=rng)

    return build


def mlp(order: int) -> Callable[[int, torch.Generator], nn.Module]:
    """A builder of feed-forward models that read the last ``order`` - 1 characters."""

    def build(vocab_size: int, rng: torch.Generator) -> nn.Module:
        return MLPLanguageModel(MLPConfig(vocab_size, order=order), rng=rng)

    return build


def gpt(n_layers: int, d_model: int, **options: object) -> Callable[[int, torch.Generator], nn.Module]:
    """A builder of small Transformers with a modern block; with a memory of n-grams unless told otherwise."""

    def build(vocab_size: int, rng: torch.Generator) -> nn.Module:
        sizes = {"vocab_size": vocab_size, "n_layers": n_layers, "d_model": d_model}
        return GPT(compact_config(**sizes, **options), rng=rng)

    return build


RACES: dict[str, Recipe] = {  # of benchmarks/train_to_loss.py
    "lstm": Recipe(recurrent("lstm", 160), muon(120, 0.07, 0.03), "LSTM, one layer of 160, 120 steps"),
    "lstm-256": Recipe(
        recurrent("lstm", 256), muon(800, 0.03, 0.01, decay=0.9), "LSTM, one layer of 256, 800 steps"
    ),
    "gpt": Recipe(
        gpt(2, 64, n_heads=2, ngram_sizes=()), muon(170, 0.03, 0.02, clip=None), "GPT, 2 layers of 64", 48
    ),
    "gpt-96": Recipe(
        gpt(4, 96, n_heads=4, ngram_sizes=()),
        muon(1200, 0.02, 0.01, decay=0.9, clip=None),
        "GPT, 4 layers of 96",
        24,
    ),
    "gpt-memory": Recipe(gpt(1, 48), muon(60, 0.04, 0.03, clip=None), "GPT, 1 layer of 48, n-grams", 48),
    "gpt-memory-96": Recipe(
        gpt(1, 96, n_heads=2, ngram_sizes=(2, 3, 4, 5)),
        muon(300, 0.03, 0.02, decay=0.9, clip=None),
        "GPT, 1 layer of 96, n-grams",
        64,
    ),
    "gpt-memory-128": Recipe(
        gpt(3, 128, n_heads=4), muon(850, 0.02, 0.01, clip=None), "GPT, 3 layers of 128, n-grams", 24
    ),
}

SCOREBOARD: dict[str, Recipe] = {
    "mlp": Recipe(mlp(10), muon(1500, 0.02, 0.01), "feed-forward, reads 9 characters"),
    "elman": Recipe(recurrent("elman", 256), muon(1000, 0.02, 0.01), "Elman, 256 units", carried_state=True),
    "gru": Recipe(recurrent("gru", 256), muon(1000, 0.03, 0.01), "GRU, 256 units", carried_state=True),
    "lstm": Recipe(recurrent("lstm", 256), muon(1000, 0.03, 0.01), "LSTM, 256 units", carried_state=True),
    "gpt": Recipe(
        gpt(3, 96, n_heads=3, context_length=256, rotary_base=1000.0, ngram_sizes=()),
        muon(640, 0.02, 0.01, decay=0.7),
        "GPT, 3 layers of 96, context 256",
        batch_size=12,
        context_length=256,
    ),
    "gpt-memory": Recipe(
        gpt(3, 96, n_heads=3, context_length=256, rotary_base=1000.0, ngram_rows=4_000),
        muon(600, 0.02, 0.01, decay=0.7),
        "the same with a memory of n-grams",
        batch_size=12,
        context_length=256,
    ),
}

LAPTOP_RECIPE = Recipe(  # what ``pretrain --scale laptop`` does, without a folder
    lambda vocab_size, rng: GPT(LAPTOP.model(vocab_size), rng=rng),
    replace(LAPTOP.training, checkpoint_every=None),
    "the laptop scale",
    batch_size=LAPTOP.batch_size,
    context_length=LAPTOP.model(1).context_length,
)
