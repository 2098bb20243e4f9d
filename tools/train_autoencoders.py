"""Train the autoencoders of dates, words and verse that notebook 10 loads, and store them with their records.

    python -m tools.train_autoencoders                                 # all of them, into data/checkpoints
    python -m tools.train_autoencoders autoencoder_dates               # one of them
    python -m tools.train_autoencoders autoencoder_dates --steps 20 --to X   # a short try, into the folder X

About 90 seconds of processor time each, on one core. They read dates as English is written on both sides of
the Atlantic, and write them again: a plain autoencoder, one that repairs damaged dates, a variational one
that ignores its code, and two that were kept from it. Their autoregressive twin, an LSTM of the same width,
only learns what comes next. All are judged on the validation days, the test days stay closed. Two more read
words of the plays and are judged on words they have not seen; the last reads whole lines of verse, which do
not fit. Weights are stored in half precision, and judged so.
"""

import argparse
import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn
from tqdm import trange

from arlm_helpers.decoding.translation import exact_match, translate
from arlm_helpers.models.rnn import RNNConfig, RNNLanguageModel
from arlm_helpers.models.text_autoencoder import TextAutoencoder, TextAutoencoderConfig
from arlm_helpers.models.text_vae import TextVAE
from arlm_helpers.text.data import load_corpus
from arlm_helpers.text.dates import Form, date_forms, draw_pairs, split_days
from arlm_helpers.text.pairs import PAD, SPECIALS, PairIds, TextPair, encode_pairs, special_id
from arlm_helpers.text.tokenizers import CharTokenizer
from arlm_helpers.text.words import distinct_words, part_words
from arlm_helpers.training.config import as_facts
from arlm_helpers.training.elbo import (
    VAEObjective,
    active_units,
    elbo_terms,
    importance_weighted_bound,
    line_nats,
    vae_loss,
)
from arlm_helpers.training.kl_schedules import LinearKL
from arlm_helpers.training.noise import TokenNoise
from arlm_helpers.training.optimizers import AdamW, Muon
from arlm_helpers.training.pair_batches import PairBatch, ShuffledPairs
from arlm_helpers.training.schedules import WarmupFlatLinear
from arlm_helpers.training.weights import save_weights

TARGET = Path(__file__).resolve().parents[1] / "data" / "checkpoints"
OPTIMIZER, SCHEDULE = Muon(0.01, adamw=AdamW(5e-3)), WarmupFlatLinear(warmup=50, decay=0.5)
LOCALES = ("en", "en_GB")
N_LINES = 60_000
N_JUDGED = 1_000
N_SAMPLES = 32  # codes for the importance-weighted bound
D_LATENT = 32


@dataclass(frozen=True)
class Plan:
    """What is trained: which model, a VAE with which objective, for how many steps of 64 lines.

    ``noise`` damages what the encoder reads, never what the decoder has to write.
    """

    model_class: type[nn.Module]
    objective: VAEObjective | None = None
    noise: TokenNoise | None = None
    lines: str = "dates"
    d_model: int = 80
    n_steps: int = 4_000

    def build(self, tokenizer: CharTokenizer, seed: int) -> nn.Module:
        """The model before its first step."""
        vocab_size, rng = tokenizer.vocab_size, torch.Generator().manual_seed(seed)
        if self.model_class is RNNLanguageModel:
            return RNNLanguageModel(RNNConfig(vocab_size, "lstm", d_model=self.d_model), rng=rng)
        sizes = {"d_model": self.d_model, "d_latent": D_LATENT}
        config = TextAutoencoderConfig(vocab_size, special_id(tokenizer, PAD), **sizes)
        return self.model_class(config, rng=rng)


ANNEALED = VAEObjective(LinearKL(final=0.3, wait=0.1, rise=0.5), word_dropout=0.3)
NOISE = TokenNoise(deleted=0.05, replaced=0.05)
WORDS = {"lines": "words", "d_model": 128, "n_steps": 6_000}
PLANS = {
    "lstm_dates": Plan(RNNLanguageModel),
    "autoencoder_dates": Plan(TextAutoencoder),
    "denoising_dates": Plan(TextAutoencoder, noise=NOISE),
    "vae_dates_collapsed": Plan(TextVAE, VAEObjective()),
    "vae_dates_free_bits": Plan(TextVAE, VAEObjective(free_bits=0.3)),
    "vae_dates_annealed": Plan(TextVAE, ANNEALED),
    "autoencoder_words": Plan(TextAutoencoder, **WORDS),
    "vae_words": Plan(TextVAE, ANNEALED, **WORDS),
    "autoencoder_verse": Plan(TextAutoencoder, **WORDS | {"lines": "verse"}),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", help=f"of {', '.join(PLANS)}; all if none is given")
    parser.add_argument("--steps", type=int, help="instead of the planned number")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--to", type=Path, default=TARGET, help="the folder for the files")
    options = parser.parse_args()
    if unknown := set(options.names) - set(PLANS):
        raise SystemExit(f"no model is called {sorted(unknown)}; there are {', '.join(PLANS)}")
    torch.set_num_threads(1)
    for name in options.names or PLANS:
        steps = options.steps or PLANS[name].n_steps
        record = run(PLANS[name], steps, options.seed, options.to / name)
        print(f"{name}: {record['cpu_seconds']} s, held-out {record['held_out']}")


def written_lines(days: Sequence, forms: Sequence[Form], n_lines: int, seed: int) -> list[str]:
    """Dates as people write them."""
    pairs = draw_pairs(days, forms, n_lines, torch.Generator().manual_seed(seed))
    return [pair.source for pair in pairs]


def verse_lines(text: str) -> list[str]:
    """The lines that are spoken, of 20 to 60 characters."""
    return [line for line in text.splitlines() if 20 <= len(line) <= 60 and not line.endswith(":")]


@dataclass(frozen=True)
class Lines:
    """What there is to read, and what to be judged on."""

    corpus: str
    train: list[str]
    held_out: list[str]


def read_lines(kind: str) -> Lines:
    """Dates of the training and validation days, words of the training plays in two parts, or their lines."""
    if kind == "verse":
        corpus = load_corpus("shakespeare")
        held_out = verse_lines(corpus.validation)[:N_JUDGED]
        return Lines(
            "lines of 20 to 60 characters of the training plays", verse_lines(corpus.train), held_out
        )
    if kind == "words":
        parts = part_words(distinct_words(load_corpus("shakespeare").train), N_JUDGED)
        return Lines(
            "different words of the training plays, one a line", list(parts.train), list(parts.held_out)
        )
    days, forms = split_days(), [form for locale in LOCALES for form in date_forms(locale)]
    return Lines(
        f"written dates in {' and '.join(LOCALES)} (CLDR), one a line",
        written_lines(days.train, forms, N_LINES, seed=0),
        written_lines(days.validation, forms, N_JUDGED, seed=1),
    )


def copies(lines: Sequence[str], tokenizer: CharTokenizer) -> PairIds:
    """Lines as ids, each to be given back as it is."""
    return encode_pairs([TextPair(line, line) for line in lines], tokenizer)


def run(plan: Plan, n_steps: int, seed: int, path: Path) -> dict:
    """Train one model, judge it as it is stored, and store it; returns the record."""
    lines = read_lines(plan.lines)
    text = "\n".join(lines.train)
    tokenizer = CharTokenizer.from_text(text, specials=SPECIALS)
    pairs, pad_id = copies(lines.train, tokenizer), special_id(tokenizer, PAD)
    batches = ShuffledPairs(pairs, pad_id=pad_id, batch_size=64, seed=seed)
    model = plan.build(tokenizer, seed)
    began = time.process_time()
    fit(model, batches, n_steps, plan, torch.Generator().manual_seed(seed))
    seconds = time.process_time() - began
    record = {
        "corpus": lines.corpus,
        "corpus_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "characters": tokenizer.characters,
        "batches": batches.settings(),
        "training": {"n_steps": n_steps, "clip": 1.0, "optimizer": as_facts(OPTIMIZER)}
        | {"schedule": as_facts(SCHEDULE), "objective": as_facts(plan.objective)}
        | ({"noise": as_facts(plan.noise)} if plan.noise else {}),
        "seed": seed,
        "n_lines": len(lines.train),
        "cpu_seconds": round(seconds),
        "held_out": judged(model.half().float(), lines.held_out, tokenizer, plan.noise),
    }
    save_weights(model.half(), path, record)
    return record


def fit(
    model: nn.Module,
    batches: ShuffledPairs,
    n_steps: int,
    plan: Plan,
    rng: torch.Generator,
) -> None:
    """Lower nats per line, divided by the tokens of a line, so that all models have gradients of one size."""
    optimizers = OPTIMIZER.build(model)
    per_line = batches.n_tokens_per_batch / batches.batch_size
    for step in trange(n_steps, unit="step", mininterval=10):
        batch = batches.next_batch()
        if plan.noise is not None:
            batch = replace(batch, source=plan.noise(batch.source, batch.pad_id, rng))
        if plan.objective is None:
            loss = nats_of_lines(model, batch).mean()
        else:
            loss = vae_loss(model, batch, plan.objective, step, n_steps, rng=rng)
        model.zero_grad()
        (loss / per_line).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["initial_lr"] * SCHEDULE(step, n_steps)
            optimizer.step()


def nats_of_lines(model: nn.Module, batch: PairBatch) -> Tensor:
    """Surprise of each line: for the twin its own, for an autoencoder that of the line given its code."""
    cache = model.new_cache() if isinstance(model, RNNLanguageModel) else model.new_cache(batch.source)
    return line_nats(model(batch.ids, cache), batch.targets, batch.pad_id)


@torch.no_grad()
def judged(
    model: nn.Module, lines: list[str], tokenizer: CharTokenizer, noise: TokenNoise | None
) -> dict[str, float]:
    """Nats per token; for an autoencoder also the share of lines that its decoder gives back exactly."""
    batch = as_batch(copies(lines, tokenizer), special_id(tokenizer, PAD))
    nats = nats_of_lines(model, batch)
    facts = {"nats": round(nats.sum().item() / int((batch.targets != batch.pad_id).sum()), 4)}
    if isinstance(model, RNNLanguageModel):
        return facts | {"log-likelihood, nats per line": round(-nats.mean().item(), 3)}
    answers = translate(model, lines, tokenizer, max_tokens=model.context_length - 1)
    facts["exact_match"] = exact_match(answers, lines)
    if noise is not None:
        facts["restored"] = restored(model, lines, tokenizer, noise)
    return facts | judged_vae(model, batch) if isinstance(model, TextVAE) else facts


def restored(model: TextAutoencoder, lines: list[str], tokenizer: CharTokenizer, noise: TokenNoise) -> float:
    """The share of damaged lines that come back whole; lines to which nothing happened are left out."""
    source = copies(lines, tokenizer).source
    damaged = noise(source, special_id(tokenizer, PAD), torch.Generator().manual_seed(0))
    texts = [tokenizer.decode([i for i in row if i < len(tokenizer.characters)]) for row in damaged.tolist()]
    harmed = [(text, line) for text, line in zip(texts, lines, strict=True) if text != line]
    answers = translate(model, [text for text, _ in harmed], tokenizer, max_tokens=model.context_length - 1)
    return round(exact_match(answers, [line for _, line in harmed]), 3)


def judged_vae(model: TextVAE, batch: PairBatch) -> dict[str, float]:
    """Nats per line: KL, both bounds of the log-likelihood; and the numbers of the code that are in use."""
    rng = torch.Generator().manual_seed(0)
    terms = elbo_terms(model, batch, rng=rng)
    bound = importance_weighted_bound(model, batch, N_SAMPLES, rng=rng)
    return {
        "kl, nats per line": round(terms.kl.sum(dim=-1).mean().item(), 3),
        "active_units": active_units(model.latent(batch.source)),
        "elbo, nats per line": round(terms.elbo.mean().item(), 3),
        f"importance-weighted bound, {N_SAMPLES} samples": round(bound.mean().item(), 3),
    }


def as_batch(pairs: PairIds, pad_id: int) -> PairBatch:
    """All pairs as one batch."""
    return PairBatch(pairs.ids, pairs.targets, source=pairs.source, pad_id=pad_id)


if __name__ == "__main__":
    main()
