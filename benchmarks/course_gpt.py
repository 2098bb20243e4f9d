"""The GPT that is stored with the course, alone and with company, as rows of the scoreboard.

On another text than the plays the same model is trained anew, which takes minutes.
"""

import hashlib
from functools import cache
from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor

from arlm_helpers.decoding.adaptation import adapted_nats, tracked_nats
from arlm_helpers.decoding.evaluation import token_nats
from arlm_helpers.decoding.mixing import mixed_nats
from arlm_helpers.models.gpt_config import GPTConfig
from arlm_helpers.models.ngram import NGram
from arlm_helpers.models.recent import RecentNGram
from arlm_helpers.models.smoothing import ModifiedKneserNey
from arlm_helpers.models.transformer import GPT
from arlm_helpers.text.tokenizers import CharTokenizer
from arlm_helpers.training.progress import progress
from arlm_helpers.training.weights import load_weights, read_record
from benchmarks.harness import cpu_clock
from benchmarks.recipes import LAPTOP_RECIPE
from benchmarks.results import Held, Result

STORED = Path(__file__).resolve().parents[1] / "data" / "checkpoints" / "gpt_shakespeare"
N_BEFORE = 500  # training characters that are read before anything is judged
MAX_EPOCHS = 3
MIX = torch.tensor([0.6, 0.4])  # GPT and counts, as notebook 07 finds them on the validation plays


@cache
def stored_or_trained(text: str, characters: str) -> tuple[GPT, float]:
    """The course's GPT for a training text, and the processor seconds of its training."""
    record = read_record(STORED)
    same_text = record["corpus_sha256"] == hashlib.sha256(text.encode()).hexdigest()
    if same_text and record["characters"] == characters:
        model = GPT(GPTConfig(**record["config"])).half()
        load_weights(model, STORED)
        return model.float().eval(), float(record["cpu_seconds"])
    tokenizer = CharTokenizer(characters)
    ids = torch.tensor(tokenizer.encode(text))
    epoch = len(ids) // (LAPTOP_RECIPE.batch_size * LAPTOP_RECIPE.context_length)
    recipe = LAPTOP_RECIPE.for_at_most(max(MAX_EPOCHS * epoch, 1))
    with cpu_clock() as training:
        model, steps = recipe.start(ids, tokenizer.vocab_size, seed=0)
        for _ in progress(steps, recipe.config.n_steps):
            pass
    return model.eval(), training.seconds


def course_gpt(held: Held, seed: int, *, company: str) -> Result:
    """Score the held-out text with the GPT ``"alone"``, mixed with ``"counts"``, or still ``"reading"``.

    Reading: the GPT, a copy that keeps learning, the counts of the training text and those of what was
    read, each listened to as far as it has been right of late.
    """
    tokenizer = CharTokenizer.from_text(held.train + held.test)
    model, train_seconds = stored_or_trained(held.train, tokenizer.characters)
    train_ids, test_ids = (torch.tensor(tokenizer.encode(text)) for text in (held.train, held.test))
    ids = torch.cat([train_ids[-N_BEFORE:], test_ids])
    first = len(ids) - len(test_ids)
    with cpu_clock() as counting:
        counts = NGram.fit(train_ids, tokenizer.vocab_size, 7, ModifiedKneserNey())
    with cpu_clock() as scoring:
        nats = {
            "alone": lambda: token_nats(model, ids, first=first),
            "counts": lambda: with_counts(model, counts, ids, first),
            "reading": lambda: while_reading(model, counts, ids, first),
        }[company]()
    n_parameters, seconds = model.n_parameters, train_seconds
    if company != "alone":
        n_parameters, seconds = n_parameters + counts.n_parameters, seconds + counting.seconds
    return Result(nats.double().sum().item(), n_parameters, seconds, scoring.seconds)


def with_counts(model: GPT, counts: NGram, ids: Int[Tensor, " time"], first: int) -> Float[Tensor, " scored"]:
    """A mixture with weights that were fitted to other plays."""
    return mixed_nats([token_nats(each, ids, first=first).double() for each in (model, counts)], MIX)


def while_reading(
    model: GPT, counts: NGram, ids: Int[Tensor, " time"], first: int
) -> Float[Tensor, " scored"]:
    """All that the course knows, with weights that follow whoever was right."""
    recent = RecentNGram(counts.vocab_size)
    nats = [token_nats(each, ids, first=first).double() for each in (model, counts, recent)]
    return tracked_nats([*nats, adapted_nats(model, ids, first=first).double()])
