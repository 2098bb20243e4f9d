"""One of two processes that train together: side_by_side.py FOLDER PORT; the environment tells its number.

Writes what it saw into FOLDER/NUMBER.json: steps, weights and random numbers of each kind of run. Then both
meet again at PORT, the second falls silent, and the first writes what it makes of that into FOLDER/silence.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import ClassVar

import torch
from training.tiny import TEXT, TinyLSTM

from arlm_helpers.models.gpt_config import GPTConfig
from arlm_helpers.models.transformer import GPT
from arlm_helpers.training import trainer
from arlm_helpers.training.batches import ShuffledWindows
from arlm_helpers.training.checkpoints import Checkpoints
from arlm_helpers.training.config import TrainConfig
from arlm_helpers.training.distributed import LostProcessError, process_number, processes
from arlm_helpers.training.optimizers import AdamW, Muon
from arlm_helpers.training.trainer import train

TINY = GPTConfig(vocab_size=32, context_length=16, n_layers=1, n_heads=2, d_model=8, ngram_sizes=(2,))
MUON = TrainConfig(n_steps=6, optimizer=Muon(0.05, adamw=AdamW(0.02)), clip=0.5, checkpoint_every=2)
ADAMW = TrainConfig(n_steps=6, optimizer=AdamW(0.02), accumulate=2)


def windows():
    return ShuffledWindows(TEXT, context_length=16, batch_size=4)


def gpt(seed=0):
    return GPT(TINY, rng=torch.Generator().manual_seed(seed))


def seen(steps, model):
    """Loss and gradient norm of each step, the tokens read, and a number that all weights go into."""
    rows = [[step.loss, step.gradient_norm, step.n_tokens] for step in steps]
    return {"steps": rows, "weights": [weight.double().sum().item() for weight in model.parameters()]}


def until(steps, last):
    """The steps up to this one, after which the caller leaves the loop."""
    for step in steps:
        yield step
        if step.step == last:
            steps.close()


def asked_to_stop(steps, last):
    """The steps; after this one the second process alone is asked to stop."""
    for step in steps:
        yield step
        if step.step == last and process_number() == 1:
            signal.raise_signal(signal.SIGINT)


class Listening(TinyLSTM):
    """A model with dropout that remembers which part of the first hidden vector was dropped."""

    def __init__(self):
        super().__init__(dropout=0.5)
        self.dropped = []
        self.dropout.register_forward_hook(self.listen)

    def listen(self, module, args, output):
        if self.training:
            self.dropped.append((output[0, 0] == 0).tolist())


class CountedCheckpoints(Checkpoints):
    """Checkpoints that know which steps this process saved."""

    saved: ClassVar[list[int]] = []

    def save(self, tensors, facts):
        self.saved.append(facts["step"])
        super().save(tensors, facts)


def runs(folder):
    """Every kind of run, as this process sees it."""
    trainer.Checkpoints = CountedCheckpoints
    number = process_number()
    model = gpt(seed=number)  # the first one's weights count
    yield "muon", seen(train(model, windows(), MUON, folder=folder / "muon"), model)
    yield "saved", list(CountedCheckpoints.saved)
    model = gpt()
    yield "adamw", seen(train(model, windows(), ADAMW), model)
    torch.manual_seed(number)
    model = Listening()
    yield "dropout", seen(train(model, windows(), MUON, folder=folder / "whole"), model)
    yield "dropped", model.dropped
    torch.manual_seed(0)
    model = Listening()
    stopped = asked_to_stop(train(model, windows(), MUON, folder=folder / "stopped"), 3)
    first = seen(stopped, model)
    torch.manual_seed(7)
    rest = seen(until(train(model, windows(), MUON, folder=folder / "stopped"), 6), model)
    yield "stopped", [first, rest]


def silence():
    """What the first process says when the second one no longer answers."""
    with processes(timeout=4):
        steps = train(gpt(), windows(), ADAMW)
        next(steps)
        if process_number() == 1:
            time.sleep(100)
        list(steps)


if __name__ == "__main__":
    torch.set_num_threads(1)
    folder = Path(sys.argv[1])
    with processes():
        (folder / f"{process_number()}.json").write_text(json.dumps(dict(runs(folder))))
    os.environ["MASTER_PORT"] = sys.argv[2]
    try:
        silence()
    except LostProcessError as error:
        (folder / "silence").write_text(str(error))
