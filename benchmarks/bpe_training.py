"""How long does it take to learn and to use byte-pair merges, beside the library ``tokenizers``?

    python -m benchmarks.bpe_training [--json] [--quick] [--text FILE]

Both read the first million characters of the training text, cut into words by the same pattern, on one
thread, in turn. Each row gives medians of processor seconds and ``ratio``, ours divided by theirs. Of
equally frequent pairs the two may choose different ones, since they number the bytes differently.
"""

import os
from collections.abc import Callable
from statistics import median

import tokenizers
from tokenizers import models, pre_tokenizers, trainers

from arlm_helpers.text.bpe import WORD, BPETokenizer
from arlm_helpers.text.data import load_corpus
from benchmarks.harness import arguments, command, cpu_clock, report

ONE_THREAD = {"RAYON_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}


def train_library(text: str, vocab_size: int) -> tokenizers.Tokenizer:
    """A byte-level BPE of the library ``tokenizers`` that cuts words as we do."""
    tokenizer = tokenizers.Tokenizer(models.BPE())
    words = pre_tokenizers.Split(tokenizers.Regex(WORD.pattern), behavior="isolated")
    as_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([words, as_bytes])
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=vocab_size, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator([text], trainer)
    return tokenizer


def race(work: str, ours: Callable, theirs: Callable, *, rounds: int) -> dict[str, object]:
    """Median processor seconds of two functions that take turns."""
    seconds = {ours: [], theirs: []}
    for _ in range(rounds):
        for run, times in seconds.items():
            with cpu_clock() as clock:
                run()
            times.append(clock.seconds)
    mine, library = median(seconds[ours]), median(seconds[theirs])
    pairs = zip(seconds[ours], seconds[theirs], strict=True)
    ratios = sorted(mine_once / library_once for mine_once, library_once in pairs)
    row = {"work": work, "ours_cpu_seconds": mine, "tokenizers_cpu_seconds": library, "ratio": mine / library}
    return {**row, "lowest_ratio": ratios[0], "highest_ratio": ratios[-1], "rounds": rounds}


def rows_for(text: str, n_merges: int, *, rounds: int) -> list[dict[str, object]]:
    """Learning, encoding words never seen before, and encoding them again."""
    size = 256 + n_merges
    mine, library = BPETokenizer.train(text, size), train_library(text, size)
    work = {
        "train": (lambda: BPETokenizer.train(text, size), lambda: train_library(text, size)),
        "encode": (
            lambda: BPETokenizer(mine.merges).encode(text),
            lambda: tokenizers.Tokenizer.from_str(library.to_str()).encode_batch_fast([text]),
        ),
        "encode again": (lambda: mine.encode(text), lambda: library.encode_batch_fast([text])),
    }
    n_tokens = {"our_tokens": len(mine.encode(text)), "their_tokens": len(library.encode(text).ids)}
    return [
        {**race(f"{name}, {n_merges} merges", *pair, rounds=rounds), "characters": len(text), **n_tokens}
        for name, pair in work.items()
    ]


def main(argv: list[str] | None = None) -> list[dict[str, object]]:
    """Print three rows per number of merges."""
    options = arguments(__doc__.splitlines()[0], argv)
    os.environ.update(ONE_THREAD)
    text = load_corpus(options.text).train[: 100_000 if options.quick else 1_000_000]
    rows = []
    for n_merges in [500] if options.quick else [1000, 4000, 8000]:
        rows += rows_for(text, n_merges, rounds=1 if options.quick else 7)
    report(rows, as_json=options.json)
    return rows


if __name__ == "__main__":
    command(main)
