"""Train the twins of notebook 11, a masked model and a causal one, and store them with their records.

    python -m tools.train_masked                            # both, into data/checkpoints
    python -m tools.train_masked masked_shakespeare         # one of them
    python -m tools.train_masked causal_shakespeare --steps 20 --to X   # a short try, into the folder X

About 80 seconds of processor time each, on one core. Both have the same blocks, start from the same
seed and read the same windows in the same order, for as many steps; only the mask and the objective
differ. They are judged on the validation plays; the test plays stay closed. Weights are stored in half
precision, and judged so.
"""

import argparse
import hashlib
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from jaxtyping import Int
from torch import Tensor, nn
from tqdm import tqdm

from arlm_helpers.models.gpt_config import GPTConfig, compact_config
from arlm_helpers.models.masked import MaskedLM, fill_in_log_probs
from arlm_helpers.models.transformer import GPT
from arlm_helpers.text.data import load_corpus
from arlm_helpers.text.tokenizers import CharTokenizer
from arlm_helpers.training.batches import Batches, ShuffledWindows
from arlm_helpers.training.config import TrainConfig, as_facts
from arlm_helpers.training.held_out import held_out_loss
from arlm_helpers.training.masking import MaskedWindows, Masking, train_masked
from arlm_helpers.training.optimizers import AdamW, Muon
from arlm_helpers.training.schedules import WarmupFlatLinear
from arlm_helpers.training.trainer import train
from arlm_helpers.training.weights import save_weights
from tools.train_lstm import round_to_half

TARGET = Path(__file__).resolve().parents[1] / "data" / "checkpoints"
NAMES = ("masked_shakespeare", "causal_shakespeare")
SEED = 0
CONTEXT_LENGTH, BATCH_SIZE, N_STEPS = 64, 32, 700
N_JUDGED = 64 * 200  # held-out characters in which each is filled in, or continued


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", help=f"of {', '.join(NAMES)}; both if none is given")
    parser.add_argument("--steps", type=int, default=N_STEPS, help=f"default: {N_STEPS}")
    parser.add_argument("--to", type=Path, default=TARGET, help="the folder for the files")
    options = parser.parse_args()
    if unknown := set(options.names) - set(NAMES):
        raise SystemExit(f"no model is called {sorted(unknown)}; there are {', '.join(NAMES)}")
    torch.set_num_threads(1)
    for name in options.names or NAMES:
        record = run(name, options.steps, options.to / name)
        print(f"{name}: {record['cpu_seconds']} s, held-out {record['held_out']}")


def twin_config(vocab_size: int) -> GPTConfig:
    """The blocks of both: three of width 96, without a memory of n-grams."""
    sizes = {"context_length": CONTEXT_LENGTH, "n_layers": 3, "n_heads": 3, "d_model": 96}
    return compact_config(vocab_size=vocab_size, ngram_sizes=(), **sizes)


def recipe(n_steps: int) -> TrainConfig:
    """How to train either of them."""
    return TrainConfig(
        n_steps=n_steps,
        optimizer=Muon(0.02, adamw=AdamW(0.01)),
        schedule=WarmupFlatLinear(warmup=10, decay=0.7),
        clip=1.0,
    )


def run(name: str, n_steps: int, path: Path) -> dict:
    """Train one model, judge it as it is stored, and store it; returns the record."""
    corpus = load_corpus("shakespeare")
    tokenizer = CharTokenizer.from_text(corpus.train)
    train_ids, held_out = (torch.tensor(tokenizer.encode(part)) for part in (corpus.train, corpus.validation))
    model, batches, losses, judge = prepared(name, tokenizer.vocab_size, train_ids, recipe(n_steps))
    began = time.process_time()
    for _ in tqdm(losses, total=n_steps, unit="step", mininterval=10):
        pass
    seconds = time.process_time() - began
    round_to_half(model)
    record = {
        "corpus": "shakespeare, training plays",
        "corpus_sha256": hashlib.sha256(corpus.train.encode()).hexdigest(),
        "characters": tokenizer.characters,
        "batches": batches.settings(),
        "training": as_facts(recipe(n_steps)),
        "seed": SEED,
        "characters_read": n_steps * batches.n_tokens_per_batch,
        "cpu_seconds": round(seconds),
        "held_out": judge(model, held_out[: N_JUDGED + 1]),
    }
    save_weights(model.half(), path, record)
    return record


def prepared(
    name: str, vocab_size: int, ids: Int[Tensor, " text"], config: TrainConfig
) -> tuple[nn.Module, Batches, Iterator, object]:
    """The model before its first step, its batches, its training, and what judges it."""
    rng, twin = torch.Generator().manual_seed(SEED), twin_config(vocab_size)
    sizes = {"context_length": CONTEXT_LENGTH, "batch_size": BATCH_SIZE, "seed": SEED}
    if name == "causal_shakespeare":
        model, batches = GPT(twin, rng=rng), ShuffledWindows(ids, **sizes)
        return model, batches, train(model, batches, config), continued
    model, batches = MaskedLM(twin, rng=rng), MaskedWindows(ids, Masking(), mask_id=vocab_size, **sizes)
    return model, batches, train_masked(model, batches, config), filled_in


def continued(model: GPT, ids: Int[Tensor, " time"]) -> dict[str, float]:
    """Nats per character, each with at least half a window before it."""
    return {"nats": round(held_out_loss(model, ids, CONTEXT_LENGTH), 4)}


def filled_in(model: MaskedLM, ids: Int[Tensor, " time"]) -> dict[str, float]:
    """Nats per character, each hidden alone in its window: no likelihood, so not to be compared with one."""
    windows = ids[: len(ids) // CONTEXT_LENGTH * CONTEXT_LENGTH].unflatten(0, (-1, CONTEXT_LENGTH))
    log_probs = fill_in_log_probs(model, windows)
    return {
        "nats": round(-log_probs.gather(-1, windows.unsqueeze(-1)).double().mean().item(), 4),
        "accuracy": round((log_probs.argmax(dim=-1) == windows).double().mean().item(), 4),
    }


if __name__ == "__main__":
    main()
