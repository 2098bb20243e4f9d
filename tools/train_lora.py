"""Teach the chat model to speak like a play of Shakespeare, and store what it learned with its record.

    python -m tools.train_lora                              # writes lora_shakespeare into data/checkpoints
    python -m tools.train_lora --steps 16 --to X            # a short try, stored as X.safetensors and X.json

About six minutes of processor time on one core and 3 GB of memory, and a minute to judge. Low-rank adapters
beside all seven projections of each block learn, the model stays as it is. Names of speakers are given and
do not count in the loss. Choices are made on the validation plays, the test plays are reported; other
English prose tells what it costs: the help texts of Python.
"""

import argparse
import hashlib
import sys
import time
from functools import partial
from pathlib import Path

import torch
from tqdm import tqdm

from arlm_helpers.decoding.evaluation import token_nats
from arlm_helpers.models.lora import add_lora, lora_parameters
from arlm_helpers.models.pretrained import load_smollm2
from arlm_helpers.models.transformer import GPT
from arlm_helpers.text.data import load_corpus
from arlm_helpers.text.help_texts import help_prose
from arlm_helpers.text.tokenizers import Tokenizer
from arlm_helpers.training.adapter_files import save_lora
from arlm_helpers.training.answers import AnswerWindows, counted_tokens
from arlm_helpers.training.config import TrainConfig, as_facts
from arlm_helpers.training.losses import perplexity
from arlm_helpers.training.masking import train_masked
from arlm_helpers.training.optimizers import AdamW
from arlm_helpers.training.schedules import WarmupFlatLinear

TARGET = Path(__file__).resolve().parents[1] / "data" / "checkpoints" / "lora_shakespeare"
SEED, LR = 0, 2e-3
RANK, CONTEXT_LENGTH, BATCH_SIZE, N_STEPS = 4, 256, 2, 68
N_JUDGED = 2_048  # tokens from the start of each text that is held out


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=N_STEPS, help=f"default: {N_STEPS}")
    parser.add_argument("--lr", type=float, default=LR, help=f"peak learning rate; default: {LR}")
    parser.add_argument("--to", type=Path, default=TARGET, help="name of the two files, without suffix")
    options = parser.parse_args()
    torch.set_num_threads(1)
    record = run(options.steps, options.lr, options.to)
    print({name: record[name] for name in ("cpu_seconds", "before", "held_out", "others")})


def recipe(n_steps: int, lr: float) -> TrainConfig:
    """How to train: flat, then falling to zero over the second half."""
    return TrainConfig(
        n_steps=n_steps, optimizer=AdamW(lr), schedule=WarmupFlatLinear(warmup=4, decay=0.5), clip=1.0
    )


def run(n_steps: int, lr: float, path: Path) -> dict:
    """Train the adapters, judge them as they are stored, and store them; returns the record."""
    corpus, config = load_corpus("shakespeare"), recipe(n_steps, lr)
    model, tokenizer = load_smollm2()
    texts = {"test plays": corpus.test, "validation plays": corpus.validation, "other prose": help_prose()}
    judge = partial(judged, model, tokenizer)
    before = {name: judge(text) for name, text in texts.items()}
    print(before, flush=True)
    ids, counts = counted_tokens(tokenizer, corpus.train)
    sizes = {"context_length": CONTEXT_LENGTH, "batch_size": BATCH_SIZE, "seed": SEED}
    batches = AnswerWindows(ids, counts, **sizes)
    add_lora(model, RANK, rng=torch.Generator().manual_seed(SEED))
    began = time.process_time()
    losses = [
        round(loss, 3)
        for loss in tqdm(train_masked(model, batches, config), total=n_steps, unit="step", mininterval=20)
    ]
    seconds = time.process_time() - began
    with torch.no_grad():
        for _, weight in lora_parameters(model):
            weight.copy_(weight.half())
    after = {name: judge(text) for name, text in texts.items()}
    record = {
        "corpus": "shakespeare, training plays",
        "corpus_sha256": hashlib.sha256(corpus.train.encode()).hexdigest(),
        "batches": batches.settings(),
        "training": as_facts(config),
        "seed": SEED,
        "tokens_read": n_steps * batches.n_tokens_per_batch,
        "losses": losses,
        "cpu_seconds": round(seconds),
        "judged": f"the first {N_JUDGED} tokens of the test plays, in pieces of {CONTEXT_LENGTH}",
        "before": before.pop("test plays"),
        "held_out": after.pop("test plays"),
        "others": {name: {"before": before[name], "after": after[name]} for name in before},
        "other prose": {"of": "pydoc_data.topics", "python": sys.version.split()[0]},
    }
    save_lora(model, path, record, half=True)
    return record


def judged(model: GPT, tokenizer: Tokenizer, text: str) -> dict[str, float]:
    """Nats per token and perplexities of the start of a text, in pieces as they were trained on.

    Of all tokens, of those that are spoken, and of all when the text is read as one.
    """
    ids, counts = (part[:N_JUDGED] for part in counted_tokens(tokenizer, text[: 8 * N_JUDGED]))
    pieces = token_nats(model, ids, window=CONTEXT_LENGTH, min_context=0).double()
    nats = pieces.mean().item()
    return {
        "nats": round(nats, 4),
        "perplexity": round(perplexity(nats), 2),
        "perplexity of what is spoken": round(perplexity(pieces[counts[1:]].mean().item()), 2),
        "perplexity as one text": round(perplexity(token_nats(model, ids).double().mean().item()), 2),
    }


if __name__ == "__main__":
    main()
