"""Every model of the course, small: what all of them promise is tested on each.

A new model is a new entry: a function of the vocabulary size. Models with learned weights are built in
float64, so that sums over all sequences can be checked to nine digits.
"""

from functools import partial

import torch

from arlm_helpers.models.gpt_config import GPTConfig, compact_config, llama_config
from arlm_helpers.models.mlp import MLPConfig, MLPLanguageModel
from arlm_helpers.models.ngram import NGram
from arlm_helpers.models.numpy_gpt import NumpyGPT
from arlm_helpers.models.oracle import Oracle
from arlm_helpers.models.quantised import quantised
from arlm_helpers.models.recent import RecentNGram
from arlm_helpers.models.rnn import RNNConfig, RNNLanguageModel
from arlm_helpers.models.smoothing import AddK, KneserNey, ModifiedKneserNey
from arlm_helpers.models.transformer import GPT
from arlm_helpers.text.toy_language import ToyLanguage
from tests.conditional import CONDITIONAL, given


def random_ids(n: int, vocab_size: int, seed: int = 0) -> torch.Tensor:
    """Ids in which some tokens and pairs are frequent and others rare."""
    rng = torch.Generator().manual_seed(seed)
    steps = torch.multinomial(torch.tensor([6.0, 3.0, 1.0]), n, replacement=True, generator=rng)
    return steps.cumsum(0) % vocab_size


def oracle(vocab_size: int) -> Oracle:
    """A cycle of states, each of which allows three of the tokens."""
    symbols = [f"w{i}" for i in range(vocab_size)]
    rules = {
        f"s{i}": {symbols[(i + j) % vocab_size]: (j + 1, f"s{(i + j * j) % vocab_size}") for j in range(3)}
        for i in range(vocab_size)
    }
    return Oracle(ToyLanguage(rules))


def with_random_head(model: torch.nn.Module) -> torch.nn.Module:
    """The model in float64, its head no longer zero: a new model holds all tokens for equally likely."""
    torch.nn.init.normal_(model.head.weight, generator=torch.Generator().manual_seed(0))
    return model.double()


def rnn(vocab_size: int, kind: str, **options) -> RNNLanguageModel:
    """A recurrent model of eight units with random weights."""
    config = RNNConfig(vocab_size, kind, d_model=8, **options)
    return with_random_head(RNNLanguageModel(config, rng=torch.Generator().manual_seed(0)))


def mlp(vocab_size: int) -> MLPLanguageModel:
    """A model of the last three tokens with random weights."""
    config = MLPConfig(vocab_size, order=4, d_embed=4, d_hidden=8)
    return with_random_head(MLPLanguageModel(config, rng=torch.Generator().manual_seed(0)))


TINY = {"context_length": 12, "n_layers": 2, "n_heads": 4, "d_model": 16}
LLAMA = {**TINY, "n_kv_heads": 2, "d_ff": 24}


def gpt(config: GPTConfig) -> GPT:
    """A Transformer in float64, all of whose weights are random, also those that start at zero or one."""
    rng = torch.Generator().manual_seed(0)
    model = GPT(config, rng=rng).double().eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.4, generator=rng)
    return model


MODELS = {
    "add-k": lambda v: NGram.fit(random_ids(500, v), v, 3, AddK(0.1)),
    "unigram": lambda v: NGram.fit(random_ids(500, v), v, 1, KneserNey()),
    "kneser-ney": lambda v: NGram.fit(random_ids(500, v), v, 4, KneserNey()),
    "modified-kneser-ney": lambda v: NGram.fit(random_ids(500, v), v, 5, ModifiedKneserNey()),
    "oracle": oracle,
    "recent": RecentNGram,
    "mlp": mlp,
    "elman": lambda v: rnn(v, "elman"),
    "gru": lambda v: rnn(v, "gru", n_layers=2),
    "lstm": lambda v: rnn(v, "lstm", n_layers=2),
    "lstm-by-hand": lambda v: rnn(v, "lstm", n_layers=2, by_hand=True),
    "gpt": lambda v: gpt(GPTConfig(vocab_size=v, **TINY)),
    "gpt-by-hand": lambda v: gpt(GPTConfig(vocab_size=v, **TINY, positions="sinusoidal", fast=False)),
    "llama": lambda v: gpt(llama_config(vocab_size=v, **LLAMA)),
    "compact": lambda v: gpt(compact_config(vocab_size=v, **TINY, ngram_rows=100)),
}
MODELS |= {
    f"numpy-{name}": lambda v, build=MODELS[name]: NumpyGPT(build(v)) for name in ("gpt", "llama", "compact")
}
MODELS["quantised-gpt"] = lambda v, build=MODELS["gpt"]: quantised(build(v))
MODELS |= {name: partial(given, name) for name in CONDITIONAL}
