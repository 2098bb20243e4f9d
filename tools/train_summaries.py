"""Train the model that writes first lines of docstrings, for notebook 13, and store it with its record.

    python -m tools.train_summaries                             # into data/checkpoints
    python -m tools.train_summaries --steps 20 --to X           # a short try, into the folder X

About two minutes of processor time on one core. An LSTM with attention reads the body and writes the first
line, token by token or by copying. It first learns to give back the body's first sentence, the baseline, and
then what the writers of the standard library put into their first lines. Two thousand pairs are few: it
learns how such a line sounds, and less of what to say.

Settings were chosen on the validation modules; the test modules are scored once, at the end. The pairs are
those of the Python that runs this, so another version gives other weights. Weights are stored in half
precision, and judged so.
"""

import argparse
import hashlib
import platform
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn
from tqdm import trange

from arlm_helpers.decoding.penalties import NoRepeatNGram
from arlm_helpers.decoding.rouge import rouge
from arlm_helpers.decoding.translation import translate
from arlm_helpers.models.seq2seq import Seq2SeqConfig
from arlm_helpers.models.seq2seq_copy import CopySeq2Seq
from arlm_helpers.text.bpe import BPETokenizer
from arlm_helpers.text.docstrings import lead, load_docstrings
from arlm_helpers.text.pairs import PAD, SPECIALS, TextPair, encode_pairs, special_id
from arlm_helpers.training.config import as_facts
from arlm_helpers.training.noise import TokenNoise
from arlm_helpers.training.optimizers import AdamW
from arlm_helpers.training.pair_batches import ShuffledPairs, unpadded_cross_entropy
from arlm_helpers.training.schedules import WarmupFlatLinear
from arlm_helpers.training.weights import save_weights

TARGET = Path(__file__).resolve().parents[1] / "data" / "checkpoints"
OPTIMIZER, SCHEDULE = AdamW(4e-3), WarmupFlatLinear(warmup=50, decay=0.7)
NOISE = TokenNoise(deleted=0.3)  # of the body, so that it is not learned by heart
N_STEPS, LEAD_SHARE, BATCH_SIZE, SEED = 800, 0.4, 32, 0
VOCAB_SIZE, D_MODEL = 1_536, 128
MAX_LEAD, MAX_TOKENS = 20, 30  # words, tokens


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=N_STEPS)
    parser.add_argument("--to", type=Path, default=TARGET, help="the folder for the files")
    options = parser.parse_args()
    torch.set_num_threads(1)
    record = run(options.steps, options.to / "summaries")
    for part in ("held_out", "test"):
        print(f"{part}: {record['cpu_seconds']} s, {record[part]}, lead-1 {record[f'lead-1, {part}']}")


def run(n_steps: int, path: Path) -> dict:
    """Train, judge the model as it is stored, and store it; returns the record."""
    pairs = load_docstrings()
    text = "\n".join(f"{pair.source}\n{pair.target}" for pair in pairs.train)
    tokenizer = BPETokenizer.train(text, VOCAB_SIZE, specials=SPECIALS)
    config = Seq2SeqConfig(tokenizer.vocab_size, special_id(tokenizer, PAD), d_model=D_MODEL)
    model = CopySeq2Seq(config, rng=torch.Generator().manual_seed(SEED))
    began = time.process_time()
    fit(model, batches_of(lead_pairs(pairs.train), tokenizer), batches_of(pairs.train, tokenizer), n_steps)
    seconds = time.process_time() - began
    model = model.half().float()
    parts = {"held_out": pairs.validation, "test": pairs.test}
    record = {
        "corpus": f"docstrings of the standard library of Python {platform.python_version()}",
        "corpus_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "merges": [list(pair) for pair in tokenizer.merges],
        "training": {"n_steps": n_steps, "lead_share": LEAD_SHARE, "clip": 1.0, "batch_size": BATCH_SIZE}
        | {"optimizer": as_facts(OPTIMIZER), "schedule": as_facts(SCHEDULE), "noise": as_facts(NOISE)},
        "seed": SEED,
        "n_pairs": [len(pairs.train), len(pairs.validation), len(pairs.test)],
        "cpu_seconds": round(seconds),
    }
    record |= {name: judged(model, part, tokenizer) for name, part in parts.items()}
    record |= {f"lead-1, {name}": rounded_rouge(lead_pairs(part), part) for name, part in parts.items()}
    save_weights(model.half(), path, record)
    return record


def lead_pairs(pairs: Sequence[TextPair]) -> list[TextPair]:
    """Bodies with their own first sentence, or its first 20 words."""
    return [TextPair(pair.source, " ".join(lead(pair.source).split()[:MAX_LEAD])) for pair in pairs]


def batches_of(pairs: Sequence[TextPair], tokenizer: BPETokenizer) -> ShuffledPairs:
    """Shuffled batches of the pairs."""
    pad_id = special_id(tokenizer, PAD)
    return ShuffledPairs(encode_pairs(pairs, tokenizer), pad_id=pad_id, batch_size=BATCH_SIZE, seed=SEED)


def fit(model: nn.Module, leads: ShuffledPairs, summaries: ShuffledPairs, n_steps: int) -> None:
    """Teacher forcing on first sentences, then on summaries; a part of each body is hidden."""
    [optimizer] = OPTIMIZER.build(model)
    rng = torch.Generator().manual_seed(SEED)
    for step in trange(n_steps, unit="step", mininterval=10):
        batch = (leads if step < LEAD_SHARE * n_steps else summaries).next_batch()
        logits = model(batch.ids, model.new_cache(NOISE(batch.source, batch.pad_id, rng)))
        loss = unpadded_cross_entropy(logits, batch.targets, batch.pad_id)
        model.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"] * SCHEDULE(step, n_steps)
        optimizer.step()


@torch.no_grad()
def judged(model: nn.Module, pairs: Sequence[TextPair], tokenizer: BPETokenizer) -> dict[str, float]:
    """Nats per token, and ROUGE of greedy answers in which no pair of neighbours comes twice."""
    ids = encode_pairs(pairs, tokenizer)
    loss = unpadded_cross_entropy(
        model(ids.ids, model.new_cache(ids.source)), ids.targets, special_id(tokenizer, PAD)
    )
    texts = [pair.source for pair in pairs]
    answers = translate(model, texts, tokenizer, max_tokens=MAX_TOKENS, processors=[NoRepeatNGram(2)])
    written = [TextPair(text, answer) for text, answer in zip(texts, answers, strict=True)]
    return {"nats": round(loss.item(), 4)} | rounded_rouge(written, pairs)


def rounded_rouge(written: Sequence[TextPair], pairs: Sequence[TextPair]) -> dict[str, float]:
    """ROUGE of what was written to the bodies against the first lines."""
    found = rouge([pair.target for pair in written], [pair.target for pair in pairs])
    scores = {"rouge1": found.rouge1, "rouge2": found.rouge2, "rougeL": found.rouge_l}
    return {name: round(score, 4) for name, score in scores.items()} | {"n_texts": found.n_texts}


if __name__ == "__main__":
    main()
