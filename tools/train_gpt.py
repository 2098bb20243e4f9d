"""Train the GPT that is stored with the course, and store it with its record.

    python -m tools.train_gpt                     # writes gpt_shakespeare into data/checkpoints
    python -m tools.train_gpt --steps 20 --to X   # a short try, stored as X.safetensors and X.json

About five minutes of processor time on one core. It is the run of ``arlm_helpers.training.pretrain --scale
laptop``, kept in runs/gpt_shakespeare, from where it goes on after an interruption. The record says what
was read, how, for how long, and what came out on the validation plays, beside the n-gram model of the course,
which counted the same text; the test plays stay closed.
"""

import argparse
import sys
from pathlib import Path

import torch

from arlm_helpers.models.gpt_config import GPTConfig
from arlm_helpers.models.ngram import NGram
from arlm_helpers.models.smoothing import ModifiedKneserNey
from arlm_helpers.models.transformer import GPT
from arlm_helpers.text.data import load_corpus
from arlm_helpers.text.tokenizers import CharTokenizer
from arlm_helpers.training import pretrain
from arlm_helpers.training.weights import load_weights, read_record, save_weights
from tools.train_lstm import ORDER, judged

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "data" / "checkpoints" / "gpt_shakespeare"


def main() -> int:
    """Train, go on with what was begun, and store; gives the exit status of the training."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, help="default: as many as the scale has")
    parser.add_argument("--to", type=Path, default=TARGET, help="name of the two files, without suffix")
    options = parser.parse_args()
    run = ROOT / "runs" / options.to.name
    steps = [] if options.steps is None else ["--steps", str(options.steps)]
    if status := pretrain.main(["--scale", "laptop", "--out", str(run), "--resume", *steps]):
        return status
    record = read_record(run / pretrain.WEIGHTS)
    model = GPT(GPTConfig(**record["config"])).half()
    load_weights(model, run / pretrain.WEIGHTS)
    own = {name: value for name, value in record.items() if name not in ("model", "config")}
    save_weights(model, options.to, own | {f"held_out of mkn{ORDER}, same text": judged_counts()})
    print(f"stored: {options.to}")
    return 0


def judged_counts() -> dict[str, float]:
    """What the n-gram model reaches on the validation plays."""
    corpus = load_corpus("shakespeare")
    tokenizer = CharTokenizer.from_text(corpus.text)
    ids, held_out = (torch.tensor(tokenizer.encode(part)) for part in (corpus.train, corpus.validation))
    return judged(NGram.fit(ids, tokenizer.vocab_size, ORDER, ModifiedKneserNey()), held_out)


if __name__ == "__main__":
    sys.exit(main())
