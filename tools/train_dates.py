"""Train the models of dates that notebook 05 loads, and store them with their records.

    python tools/train_dates.py                            # all four, into data/checkpoints
    python tools/train_dates.py dates_transformer          # one of them
    python tools/train_dates.py dates_transformer --steps 20 --to X   # a short try, into the folder X

About a minute of processor time each, on one core. Two recurrent models, with and without attention, learn
sources of one, two and three dates; another one without attention, and a Transformer, learn single dates.
They are judged on the validation days; the test days stay closed. Weights are stored in half precision, and
judged so.
"""

import argparse
import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from tqdm import trange

from arlm_helpers.decoding.translation import exact_match, translate
from arlm_helpers.models.seq2seq import Seq2Seq, Seq2SeqConfig
from arlm_helpers.models.seq2seq_transformer import Seq2SeqTransformer, Seq2SeqTransformerConfig
from arlm_helpers.text.dates import (
    HELD_OUT_LOCALE,
    LOCALES,
    Days,
    Form,
    date_forms,
    date_tokenizer,
    draw_pairs,
    split_days,
)
from arlm_helpers.text.pairs import PAD, TextPair, encode_pairs, special_id
from arlm_helpers.text.tokenizers import CharTokenizer
from arlm_helpers.training.config import as_facts
from arlm_helpers.training.optimizers import AdamW, Muon
from arlm_helpers.training.pair_batches import ShuffledPairs, unpadded_cross_entropy
from arlm_helpers.training.schedules import WarmupFlatLinear
from arlm_helpers.training.weights import save_weights

TARGET = Path(__file__).resolve().parents[1] / "data" / "checkpoints"
SEED = 0
OPTIMIZER, SCHEDULE = Muon(0.01, adamw=AdamW(5e-3)), WarmupFlatLinear(warmup=50, decay=0.5)
N_PAIRS = 60_000
N_JUDGED = 1_000  # sources of each number of dates


@dataclass(frozen=True)
class Plan:
    """What is trained: which model, on how many dates a source at most, for how many steps of 64 pairs."""

    attention: str  # "transformer" for the Transformer
    max_dates: int
    n_steps: int

    def build(self, tokenizer: CharTokenizer) -> nn.Module:
        """The model before its first step."""
        vocab_size, pad_id = tokenizer.vocab_size, special_id(tokenizer, PAD)
        rng = torch.Generator().manual_seed(SEED)
        if self.attention == "transformer":
            config = Seq2SeqTransformerConfig(
                vocab_size=vocab_size, pad_id=pad_id, context_length=64, d_model=48
            )
            return Seq2SeqTransformer(config, rng=rng)
        return Seq2Seq(Seq2SeqConfig(vocab_size, pad_id, attention=self.attention), rng=rng)


PLANS = {
    "dates_attention": Plan("additive", 3, 1_500),
    "dates_no_attention": Plan("none", 3, 2_200),
    "dates_no_attention_single": Plan("none", 1, 4_000),
    "dates_transformer": Plan("transformer", 1, 1_400),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", help=f"of {', '.join(PLANS)}; all if none is given")
    parser.add_argument("--steps", type=int, help="instead of the planned number")
    parser.add_argument("--to", type=Path, default=TARGET, help="the folder for the files")
    options = parser.parse_args()
    if unknown := set(options.names) - set(PLANS):
        raise SystemExit(f"no model is called {sorted(unknown)}; there are {', '.join(PLANS)}")
    torch.set_num_threads(1)
    for name in options.names or PLANS:
        record = run(PLANS[name], options.steps or PLANS[name].n_steps, options.to / name)
        print(f"{name}: {record['cpu_seconds']} s, held-out {record['held_out']}")


def run(plan: Plan, n_steps: int, path: Path) -> dict:
    """Train one model, judge it as it is stored, and store it; returns the record."""
    tokenizer, days = date_tokenizer(), split_days(seed=SEED)
    forms = [form for locale in LOCALES for form in date_forms(locale)]
    pairs = mixed_pairs(days.train, forms, N_PAIRS, plan.max_dates)
    text = "\n".join(f"{pair.source}\t{pair.target}" for pair in pairs)
    pad_id = special_id(tokenizer, PAD)
    batches = ShuffledPairs(encode_pairs(pairs, tokenizer), pad_id=pad_id, batch_size=64, seed=SEED)
    model = plan.build(tokenizer)
    began = time.process_time()
    fit(model, batches, n_steps)
    seconds = time.process_time() - began
    record = {
        "corpus": f"written dates in {len(LOCALES)} locales (CLDR), 1 to {plan.max_dates} a source",
        "corpus_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "characters": tokenizer.characters,
        "batches": batches.settings(),
        "training": {"n_steps": n_steps, "clip": 1.0, "optimizer": as_facts(OPTIMIZER)}
        | {"schedule": as_facts(SCHEDULE)},
        "seed": SEED,
        "n_pairs": N_PAIRS,
        "cpu_seconds": round(seconds),
        "held_out": judged(model.half().float(), days, forms, plan.max_dates, tokenizer),
    }
    save_weights(model.half(), path, record)
    return record


def mixed_pairs(days: Sequence, forms: Sequence[Form], n_pairs: int, max_dates: int) -> list[TextPair]:
    """As many sources of one date as of two, …, as of ``max_dates``."""
    rng = torch.Generator().manual_seed(SEED)
    each = n_pairs // max_dates
    return [pair for n in range(1, max_dates + 1) for pair in draw_pairs(days, forms, each, rng, n_dates=n)]


def fit(model: nn.Module, batches: ShuffledPairs, n_steps: int) -> None:
    """Teacher forcing: the decoder reads the right target, and learns to say its next token."""
    optimizers = OPTIMIZER.build(model)
    for step in trange(n_steps, unit="step", mininterval=10):
        batch = batches.next_batch()
        logits = model(batch.ids, model.new_cache(batch.source))
        loss = unpadded_cross_entropy(logits, batch.targets, batch.pad_id)
        model.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["initial_lr"] * SCHEDULE(step, n_steps)
            optimizer.step()


@torch.no_grad()
def judged(
    model: nn.Module, days: Days, forms: list[Form], max_dates: int, tokenizer: CharTokenizer
) -> dict[str, float]:
    """Nats per token, and the share of sources translated without a mistake, on the validation days."""
    rng, pad_id, facts = torch.Generator().manual_seed(SEED + 1), special_id(tokenizer, PAD), {}
    tasks = {f"exact_match, n_dates={n}": (forms, n) for n in range(1, max_dates + 1)}
    tasks[f"exact_match, {HELD_OUT_LOCALE}"] = date_forms(HELD_OUT_LOCALE), 1
    for name, (written, n_dates) in tasks.items():
        pairs = draw_pairs(days.validation, written, N_JUDGED, rng, n_dates=n_dates)
        answers = translate(model, [pair.source for pair in pairs], tokenizer, max_tokens=11 * n_dates)
        facts[name] = exact_match(answers, [pair.target for pair in pairs])
        if written is forms:
            ids = encode_pairs(pairs, tokenizer)
            logits = model(ids.ids, model.new_cache(ids.source))
            facts[f"nats, n_dates={n_dates}"] = round(
                unpadded_cross_entropy(logits, ids.targets, pad_id).item(), 4
            )
    nats = [facts.pop(f"nats, n_dates={n}") for n in range(1, max_dates + 1)]
    return {"nats": round(sum(nats) / len(nats), 4), **facts}


if __name__ == "__main__":
    main()
