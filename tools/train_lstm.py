"""Train the recurrent model of notebook 04 on all training plays, and store it with its record.

    python tools/train_lstm.py                     # writes lstm_shakespeare into data/checkpoints
    python tools/train_lstm.py --steps 20 --to X   # a short try, stored as X.safetensors and X.json

About five minutes of processor time on one core. The record says what was read, how, for how long, and
what came out, beside the n-gram model of the course, which counted the same text. The held-out plays are
those of validation; the test plays stay closed. Weights are stored in half precision, and judged so.
"""

import argparse
import hashlib
import time
from pathlib import Path

import torch
from jaxtyping import Int
from torch import Tensor

from arlm_helpers.decoding.evaluation import token_nats
from arlm_helpers.models.ngram import NGram
from arlm_helpers.models.rnn import RNNConfig, RNNLanguageModel
from arlm_helpers.models.smoothing import ModifiedKneserNey
from arlm_helpers.text.data import load_corpus
from arlm_helpers.text.tokenizers import CharTokenizer
from arlm_helpers.training.batches import Streams
from arlm_helpers.training.config import TrainConfig, as_facts
from arlm_helpers.training.optimizers import AdamW, Muon
from arlm_helpers.training.progress import progress
from arlm_helpers.training.schedules import WarmupFlatLinear
from arlm_helpers.training.trainer import train
from arlm_helpers.training.weights import save_weights

TARGET = Path(__file__).resolve().parents[1] / "data" / "checkpoints" / "lstm_shakespeare"
SEED = 0
D_MODEL, BATCH_SIZE, CONTEXT_LENGTH = 256, 32, 64
N_FIRST = 20_000  # the beginning of the held-out plays, which a notebook can judge within seconds
ORDER = 7  # of the n-gram model


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, help="default: as many as read the training plays once")
    parser.add_argument("--to", type=Path, default=TARGET, help="name of the two files, without suffix")
    options = parser.parse_args()
    torch.set_num_threads(1)
    corpus = load_corpus("shakespeare")
    tokenizer = CharTokenizer.from_text(corpus.train)
    train_ids, held_out = (torch.tensor(tokenizer.encode(part)) for part in (corpus.train, corpus.validation))
    batches = Streams(train_ids, context_length=CONTEXT_LENGTH, batch_size=BATCH_SIZE)
    config = recipe(options.steps or batches.n_windows)
    model = RNNLanguageModel(
        RNNConfig(tokenizer.vocab_size, kind="lstm", d_model=D_MODEL), rng=torch.Generator().manual_seed(SEED)
    )
    began = time.process_time()
    for step in progress(train(model, batches, config), config.n_steps):
        last = step
    seconds = time.process_time() - began
    round_to_half(model)
    ngram = NGram.fit(train_ids, tokenizer.vocab_size, ORDER, ModifiedKneserNey())
    record = {
        "corpus": "shakespeare, training plays",
        "corpus_sha256": hashlib.sha256(corpus.train.encode()).hexdigest(),
        "characters": tokenizer.characters,
        "batches": batches.settings(),
        "training": as_facts(config),
        "seed": SEED,
        "characters_read": last.n_tokens,
        "cpu_seconds": round(seconds),
        "held_out": judged(model, held_out),
        f"held_out of mkn{ORDER}, same text": judged(ngram, held_out),
    }
    save_weights(model.half(), options.to, record)
    print(f"{last.n_tokens:,} characters in {seconds:.0f} s, held-out {record['held_out']}: {options.to}")


def recipe(n_steps: int) -> TrainConfig:
    """How to train: Muon for the matrices of the cell, flat, then falling to zero over the second half."""
    return TrainConfig(
        n_steps=n_steps,
        optimizer=Muon(0.05, adamw=AdamW(0.02)),
        schedule=WarmupFlatLinear(warmup=10, decay=0.5),
        clip=1.0,
    )


def round_to_half(model: torch.nn.Module) -> None:
    """Give every weight a value that half precision holds, and keep computing in single precision."""
    with torch.no_grad():
        for weight in model.parameters():
            weight.copy_(weight.half())


def judged(model, ids: Int[Tensor, " time"]) -> dict[str, float]:
    """Nats per character on the whole held-out text and on its beginning, read on with one cache."""
    nats = token_nats(model, ids).double()
    return {
        "nats": round(nats.mean().item(), 4),
        f"nats_first_{N_FIRST}": round(nats[: N_FIRST - 1].mean().item(), 4),
    }


if __name__ == "__main__":
    main()
