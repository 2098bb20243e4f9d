"""The models of the scoreboard. To add one, add an entry to ``ENTRIES``."""

import bz2
import gzip
import lzma
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
import zstandard

from arlm_helpers.decoding.evaluation import token_nats
from arlm_helpers.models.ngram import NGram, Smoothing
from arlm_helpers.models.smoothing import AddK, KneserNey, ModifiedKneserNey
from arlm_helpers.text.bpe import BPETokenizer
from arlm_helpers.text.tokenizers import CharTokenizer
from arlm_helpers.training.progress import progress
from benchmarks.course_gpt import MAX_EPOCHS, N_BEFORE, course_gpt
from benchmarks.families import masked_fill_in, text_vae
from benchmarks.harness import cpu_clock
from benchmarks.recipes import SCOREBOARD, Recipe
from benchmarks.results import Held, Result


@dataclass(frozen=True)
class Entry:
    """A row of the scoreboard: how to run it with a seed, and whether the seed changes anything.

    ``kind`` is empty for a likelihood, the only number that is ranked; else "bound" or "not a probability".
    """

    run: Callable[[Held, int], Result]
    note: str
    uses_chance: bool = False
    kind: str = ""


def uniform(held: Held, seed: int) -> Result:
    """Every character of the alphabet is equally likely."""
    return Result(len(held.test) * math.log(len(set(held.train + held.test))), 0, 0.0, 0.0)


def ngram(held: Held, seed: int, *, order: int, smoothing: Smoothing, merges: int = 0) -> Result:
    """Count characters, or byte pairs when ``merges`` is positive, and score the held-out text.

    The held-out text is read as the continuation of the last training characters, so that its first
    token has a context too.
    """
    with cpu_clock() as training:
        if merges:
            tokenizer = BPETokenizer.train(held.train, 256 + merges)
        else:
            tokenizer = CharTokenizer.from_text(held.train + held.test)
        train_ids = torch.tensor(tokenizer.encode(held.train))
        model = NGram.fit(train_ids, tokenizer.vocab_size, order, smoothing)
    with cpu_clock() as scoring:
        before = train_ids[-order:]
        ids = torch.cat([before, torch.tensor(tokenizer.encode(held.test))])
        nats = token_nats(model, ids, first=len(before)).sum().item()
    return Result(nats, model.n_parameters, training.seconds, scoring.seconds)


def trained(held: Held, seed: int, *, recipe: Recipe) -> Result:
    """Train a network on characters, a short text ``MAX_EPOCHS`` times at most.

    It reads on from the last training characters, with one cache.
    """
    tokenizer = CharTokenizer.from_text(held.train + held.test)
    train_ids, test_ids = (torch.tensor(tokenizer.encode(text)) for text in (held.train, held.test))
    with cpu_clock() as training:
        epoch = len(train_ids) // (recipe.batch_size * recipe.context_length)
        recipe = recipe.for_at_most(max(MAX_EPOCHS * epoch, 1))
        model, steps = recipe.start(train_ids, tokenizer.vocab_size, seed)
        for _ in progress(steps, recipe.config.n_steps):
            pass
    with cpu_clock() as scoring:
        before = train_ids[-N_BEFORE:]
        nats = token_nats(model, torch.cat([before, test_ids]), first=len(before)).double().sum().item()
    return Result(nats, model.n_parameters, training.seconds, scoring.seconds)


def compressor(held: Held, seed: int, *, size: Callable[[bytes], int], primed: bool) -> Result:
    """A file compressor as a language model: the bytes it writes are its surprise.

    Primed, it has read the training text: what counts is how much longer the compressed file gets.
    """
    train, test = held.train.encode(), held.test.encode()
    with cpu_clock() as training:
        base = size(train) if primed else 0
    with cpu_clock() as scoring:
        n_bytes = size(train + test) - base if primed else size(test)
    return Result(n_bytes * 8 * math.log(2), None, training.seconds, scoring.seconds)


COMPRESSORS = {
    "gzip": lambda data: len(gzip.compress(data, 9, mtime=0)),
    "bz2": lambda data: len(bz2.compress(data, 9)),
    "xz": lambda data: len(lzma.compress(data, preset=9 | lzma.PRESET_EXTREME)),
    "zstd": lambda data: len(zstandard.ZstdCompressor(level=19, threads=0).compress(data)),
}

ENTRIES: dict[str, Entry] = {
    "uniform": Entry(uniform, "every character equally likely"),
    "unigram": Entry(partial(ngram, order=1, smoothing=AddK(1.0)), "letter frequencies"),
    "add3": Entry(partial(ngram, order=3, smoothing=AddK(0.1)), "trigrams, add 0.1"),
    "add5": Entry(partial(ngram, order=5, smoothing=AddK(0.01)), "5-grams, add 0.01"),
    "add7": Entry(partial(ngram, order=7, smoothing=AddK(0.01)), "7-grams, add 0.01: more context, worse"),
    **{
        f"kn{order}": Entry(partial(ngram, order=order, smoothing=KneserNey()), f"Kneser-Ney, order {order}")
        for order in range(2, 8)
    },
    "mkn6": Entry(partial(ngram, order=6, smoothing=ModifiedKneserNey()), "modified Kneser-Ney, order 6"),
    "mkn7": Entry(partial(ngram, order=7, smoothing=ModifiedKneserNey()), "modified Kneser-Ney, order 7"),
    "mkn3-bpe1000": Entry(
        partial(ngram, order=3, smoothing=ModifiedKneserNey(), merges=744),
        "modified Kneser-Ney on 1,000 byte pairs",
    ),
    **{
        name: Entry(partial(trained, recipe=recipe), recipe.note, uses_chance=True)
        for name, recipe in SCOREBOARD.items()
    },
    "gpt-course": Entry(partial(course_gpt, company="alone"), "the stored GPT, context 256, one seed"),
    "gpt-course-counts": Entry(
        partial(course_gpt, company="counts"), "the stored GPT mixed with modified Kneser-Ney, order 7"
    ),
    "gpt-course-reading": Entry(
        partial(course_gpt, company="reading"), "the same, and both go on learning while they read"
    ),
    "text-vae": Entry(
        text_vae,
        "VAE, LSTM of 160 and a code of 32; windows of 64, each alone",
        uses_chance=True,
        kind="bound",
    ),
    "masked": Entry(
        masked_fill_in,
        "the stored masked model: each character from both sides, every 8th window of 64",
        kind="not a probability",
    ),
    **{
        name: Entry(partial(compressor, size=size, primed=False), f"{name}, has read nothing before")
        for name, size in COMPRESSORS.items()
    },
    **{
        f"{name}-primed": Entry(
            partial(compressor, size=size, primed=True), f"{name}, has read the training text"
        )
        for name, size in COMPRESSORS.items()
    },
}
