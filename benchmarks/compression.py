"""Is the arithmetic coder's file as small as the model's cross-entropy, and does it come back?

    python -m benchmarks.compression [--text FILE] [--characters N] [--json] [--quick]

Beside it: gzip, bz2, xz and zstd on the same held-out characters, having read the training text too.
"""

import math

import torch

from arlm_helpers.decoding.compression import compress, decompress
from arlm_helpers.decoding.evaluation import token_nats
from arlm_helpers.models.ngram import NGram
from arlm_helpers.models.smoothing import AddK, KneserNey, ModifiedKneserNey
from arlm_helpers.text.tokenizers import CharTokenizer
from benchmarks.entries import COMPRESSORS
from benchmarks.harness import arguments, command, cpu_clock, report
from benchmarks.scoreboard import held_out

MODELS = {
    "unigram": (1, AddK(1.0)),
    "add3": (3, AddK(0.1)),
    "kn6": (6, KneserNey()),
    "mkn7": (7, ModifiedKneserNey()),
}


def coded(name: str, train: torch.Tensor, ids: torch.Tensor, vocab_size: int) -> dict[str, object]:
    """Write and read ``ids`` with one model; the expected size counts the first token as a uniform guess."""
    model = NGram.fit(train, vocab_size, *MODELS[name])
    nats = token_nats(model, ids).sum().item() + math.log(vocab_size)
    with cpu_clock() as writing:
        data = compress(model, ids)
    with cpu_clock() as reading:
        same = torch.equal(decompress(model, data), ids)
    expected = nats / math.log(2) / 8
    return {
        "compressor": name,
        "bytes": len(data),
        "cross_entropy_bytes": expected,
        "over_percent": 100 * (len(data) - expected) / expected if expected else None,
        "same_text": same,
        "write_cpu_seconds": writing.seconds,
        "read_cpu_seconds": reading.seconds,
    }


def main(argv: list[str] | None = None) -> list[dict[str, object]]:
    """Print a row per model and per file compressor."""
    options = arguments(
        __doc__.splitlines()[0],
        argv,
        characters={"type": int, "default": 20_000, "help": "held-out characters to compress"},
    )
    held = held_out(options.text, quick=options.quick)
    text = held.test[: 500 if options.quick else options.characters]
    tokenizer = CharTokenizer.from_text(held.train + held.test)
    train, ids = torch.tensor(tokenizer.encode(held.train)), torch.tensor(tokenizer.encode(text))
    rows = [coded(name, train, ids, tokenizer.vocab_size) for name in MODELS]
    for name, size in COMPRESSORS.items():
        primed = size((held.train + text).encode()) - size(held.train.encode())
        rows.append({**dict.fromkeys(rows[0]), "compressor": f"{name}, primed", "bytes": primed})
    report(rows, as_json=options.json)
    return rows


if __name__ == "__main__":
    command(main)
