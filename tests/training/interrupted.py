"""Training runs that stop and go on: dropout, carried state, and a reader who draws random numbers too."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch
from training.tiny import TEXT, TinyLSTM

from arlm_helpers.training.batches import ShuffledWindows, Streams
from arlm_helpers.training.config import TrainConfig
from arlm_helpers.training.optimizers import AdamW, Muon
from arlm_helpers.training.schedules import WarmupCosine
from arlm_helpers.training.trainer import train

SCRIPTS = Path(__file__).resolve().parent
N_STEPS = 12
OPTIMIZERS = {"adamw": AdamW(lr=0.02, weight_decay=0.1), "muon": Muon(lr=0.05, adamw=AdamW(lr=0.02))}
BATCHES = {  # five windows to an epoch, so that runs cross its edge
    "streams": lambda ids: Streams(ids, context_length=16, batch_size=8),
    "windows": lambda ids: ShuffledWindows(ids, context_length=16, batch_size=8, seed=3),
}


def settings(optimizer="muon", **changes):
    """The configuration of these runs, with changes."""
    usual = {"n_steps": N_STEPS, "schedule": WarmupCosine(warmup=3), "clip": 0.5, "checkpoint_every": 2}
    return TrainConfig(optimizer=OPTIMIZERS[optimizer], **usual | changes)


def start(folder, *, optimizer="muon", batches="streams", model=None, ids=TEXT, **changes):
    """The steps of a run, begun as a new process would begin it."""
    torch.set_num_threads(1)
    torch.manual_seed(1)  # dropout draws from here
    np.random.seed(2)
    random.seed(3)
    model = model or TinyLSTM(dropout=0.3)
    return train(model, BATCHES[batches](ids), settings(optimizer, **changes), folder=folder)


def watch(steps):
    """Loss and gradient of each step, and three numbers that the reader draws between steps."""
    for step in steps:
        yield [
            step.step,
            step.loss,
            step.gradient_norm,
            random.random(),
            np.random.rand(),
            torch.rand(()).item(),
        ]


def follow(steps, stop_after=N_STEPS):
    """All that was seen up to a step, after which the reader leaves the loop."""
    seen = []
    for row in watch(steps):
        seen.append(row)
        if row[0] == stop_after:
            steps.close()
    return seen


def follow_in(folder, stop_after):
    """Follow the run that the folder is named after, and note what was seen in a file beside it."""
    optimizer, batches, _ = folder.name.split("-")
    seen = follow(start(folder, optimizer=optimizer, batches=batches), stop_after)
    folder.with_name(f"{folder.name}.seen{stop_after}").write_text(json.dumps(seen))


def new_process(*arguments):
    """What a script prints; it runs without the shape checks of tests, which draw random numbers too."""
    paths = [str(SCRIPTS.parent), os.environ.get("PYTHONPATH", ""), *sys.path]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, check=True, env=environment, stdout=subprocess.PIPE, text=True).stdout


if __name__ == "__main__":  # interrupted.py FOLDER STEP FOLDER STEP …
    for folder, step in zip(sys.argv[1::2], sys.argv[2::2], strict=True):
        follow_in(Path(folder), int(step))
