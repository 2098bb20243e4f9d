"""Teach the chat model to speak like a play of Shakespeare, and store what it learned with its record.

    python -m tools.train_lora                              # writes lora_shakespeare into data/checkpoints
    python -m tools.train_lora --steps 18 --pilot --to X    # a short try, judged on the validation plays

About six minutes of processor time on one core and 3 GB of memory, and a minute to judge. Low-rank adapters
beside all seven projections of each block learn, the model stays as it is. Names of speakers are given and
do not count in the loss. The test plays are read once, at the end; other English prose tells what it
costs: paragraphs of the help texts of Python, in ``pydoc_data.topics``.
"""

import argparse
import hashlib
import pydoc_data.topics
import sys
import time
from pathlib import Path

import torch
from jaxtyping import Bool, Int
from torch import Tensor
from tqdm import tqdm

from arlm_helpers.decoding.evaluation import token_nats
from arlm_helpers.models.lora import add_lora, lora_parameters
from arlm_helpers.models.pretrained import load_smollm2
from arlm_helpers.models.transformer import GPT
from arlm_helpers.text.data import load_corpus
from arlm_helpers.training.adapter_files import save_lora
from arlm_helpers.training.answers import AnswerWindows, counted_tokens
from arlm_helpers.training.config import TrainConfig, as_facts
from arlm_helpers.training.losses import perplexity
from arlm_helpers.training.masking import train_masked
from arlm_helpers.training.optimizers import AdamW
from arlm_helpers.training.schedules import WarmupFlatLinear

TARGET = Path(__file__).resolve().parents[1] / "data" / "checkpoints" / "lora_shakespeare"
SEED = 0
RANK, CONTEXT_LENGTH, BATCH_SIZE, N_STEPS = 4, 128, 4, 64
N_JUDGED = 2_048  # tokens from the start of the held-out plays, and of the other prose, read as one text


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=N_STEPS, help=f"default: {N_STEPS}")
    parser.add_argument("--lr", type=float, default=1e-3, help="peak learning rate; default: 0.001")
    parser.add_argument("--pilot", action="store_true", help="judge on the validation plays instead")
    parser.add_argument("--to", type=Path, default=TARGET, help="name of the two files, without suffix")
    options = parser.parse_args()
    torch.set_num_threads(1)
    record = run(options.steps, options.lr, options.to, "validation" if options.pilot else "test")
    print({name: record[name] for name in ("cpu_seconds", "before", "held_out", "other prose")})


def recipe(n_steps: int, lr: float) -> TrainConfig:
    """How to train: flat, then falling to zero over the second half."""
    return TrainConfig(
        n_steps=n_steps, optimizer=AdamW(lr), schedule=WarmupFlatLinear(warmup=4, decay=0.5), clip=1.0
    )


def other_prose() -> str:
    """English that is on every disk and no Shakespeare: paragraphs of the help texts of Python."""
    paragraphs = [part for topic in sorted(pydoc_data.topics.topics) for part in paragraphs_of(topic)]
    return "\n\n".join(part for part in paragraphs if len(part) > 300 and not set("|`>[") & set(part))


def paragraphs_of(topic: str) -> list[str]:
    """The paragraphs of one help text that are no code, no table and no list, each on one line."""
    parts = pydoc_data.topics.topics[topic].split("\n\n")
    return [" ".join(part.split()) for part in parts if part[:1].isalpha()]


def run(n_steps: int, lr: float, path: Path, part: str) -> dict:
    """Train the adapters, judge them as they are stored, and store them; returns the record."""
    corpus, config = load_corpus("shakespeare"), recipe(n_steps, lr)
    model, tokenizer = load_smollm2()
    held_out, other = getattr(corpus, part), other_prose()
    texts = [first_tokens(*counted_tokens(tokenizer, text[:12_000])) for text in (held_out, other)]
    before = [judged(model, *text) for text in texts]
    ids, counts = counted_tokens(tokenizer, corpus.train)
    sizes = {"context_length": CONTEXT_LENGTH, "batch_size": BATCH_SIZE, "seed": SEED}
    batches = AnswerWindows(ids, counts, **sizes)
    add_lora(model, RANK, rng=torch.Generator().manual_seed(SEED))
    began = time.process_time()
    losses = list(tqdm(train_masked(model, batches, config), total=n_steps, unit="step", mininterval=20))
    seconds = time.process_time() - began
    with torch.no_grad():
        for _, weight in lora_parameters(model):
            weight.copy_(weight.half())
    after = [judged(model, *text) for text in texts]
    record = {
        "corpus": "shakespeare, training plays",
        "corpus_sha256": hashlib.sha256(corpus.train.encode()).hexdigest(),
        "batches": batches.settings(),
        "training": as_facts(config),
        "seed": SEED,
        "tokens_read": n_steps * batches.n_tokens_per_batch,
        "first and last losses": [round(mean(losses[:5]), 3), round(mean(losses[-5:]), 3)],
        "cpu_seconds": round(seconds),
        "judged on": f"the first {N_JUDGED} tokens of the {part} plays, read as one text",
        "before": before[0],
        "held_out": after[0],
        "other prose": {
            "what": f"the first {N_JUDGED} tokens of paragraphs of pydoc_data.topics",
            "python": sys.version.split()[0],
            "sha256": hashlib.sha256(other.encode()).hexdigest(),
            "before": before[1],
            "after": after[1],
        },
    }
    save_lora(model, path, record, half=True)
    return record


def first_tokens(
    ids: Int[Tensor, " time"], counts: Bool[Tensor, " time"]
) -> tuple[Int[Tensor, " first"], Bool[Tensor, " first"]]:
    """What is judged of a text."""
    return ids[:N_JUDGED], counts[:N_JUDGED]


def judged(model: GPT, ids: Int[Tensor, " time"], counts: Bool[Tensor, " time"]) -> dict[str, float]:
    """Nats per token and perplexity, of all tokens and of those that are spoken."""
    nats, spoken = token_nats(model, ids).double(), counts[1:]
    mean_all, mean_spoken = nats.mean().item(), nats[spoken].mean().item()
    return {
        "nats": round(mean_all, 4),
        "perplexity": round(perplexity(mean_all), 2),
        "perplexity of what is spoken": round(perplexity(mean_spoken), 2),
    }


def mean(numbers: list[float]) -> float:
    """The arithmetic mean."""
    return sum(numbers) / len(numbers)


if __name__ == "__main__":
    main()
