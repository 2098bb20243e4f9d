"""The training loop, written once for every model, text and machine."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from os import PathLike

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils import clip_grads_with_norm_, get_total_norm
from tqdm import tqdm

from arlm_helpers.training.batches import Batch, Batches
from arlm_helpers.training.checkpoints import Checkpoints
from arlm_helpers.training.config import TrainConfig
from arlm_helpers.training.distributed import (
    average,
    check_same_step,
    first_process_first,
    in_any_process,
    is_first_process,
    own_random_numbers,
    share,
)
from arlm_helpers.training.interrupts import Interrupts
from arlm_helpers.training.losses import cross_entropy
from arlm_helpers.training.run_state import RunState


class DivergedError(FloatingPointError):
    """The loss or its gradient is no longer a number; the weights are those from before the step."""


@dataclass(frozen=True)
class TrainStep:
    """What one completed step tells.

    ``step`` counts from 1. ``loss``, in nats per token, is that of the weights before the step;
    ``gradient_norm`` is taken before clipping. ``n_tokens`` were read since the run began.
    ``tokens_per_second`` leaves out what happens between steps.
    """

    step: int
    loss: float
    learning_rate: float
    gradient_norm: float
    tokens_per_second: float
    n_tokens: int


def train(
    model: nn.Module, batches: Batches, config: TrainConfig, *, folder: str | PathLike[str] | None = None
) -> Iterator[TrainStep]:
    """Train ``model`` in place and yield every step; drawing, printing and stopping early happen outside.

    Nothing happens before the first step is asked for. ``model`` moves to its device, ``batches`` move on.
    Between steps and afterwards the model is in evaluation mode, and ``.grad`` holds the clipped
    gradients of the last step.

    With a ``folder``, the run is saved there: as often as ``config`` says, at the end, on Ctrl-C, and when
    the caller leaves the loop. Called again with the same arguments, it goes on from there, to the bit.
    Without one, a second call starts a new run from the weights that the first one left.

    Ctrl-C ends the loop after the step in progress; a second one interrupts at once, saving nothing.

    Of the global random generators only torch's is used (by dropout). Going on from a ``folder`` sets all
    of them, torch's, numpy's and Python's, to where they were.

    Within ``distributed.processes()`` several processes, all of which call this, share every batch.

    Raises:
        DivergedError: if the loss or the gradient is infinite or not a number; before the weights move.
        ValueError: if ``folder`` holds the run of another model, text or configuration, or the model or the
            number of processes does not go with the ``batches``.
        RuntimeError: if another run is writing to ``folder``; LostProcessError: if another process of this
            one ended or hangs. Nothing more is saved then.
        OSError: if the run cannot be saved; what was saved before stays.
    """
    run = RunState.start(model, batches, config)
    with Interrupts() as interrupts, kept_in(folder, run) as save:
        while run.step < config.n_steps and not in_any_process(interrupts.asked):
            interrupts.listen()
            yield train_step(run)
            if config.checkpoint_every and run.step % config.checkpoint_every == 0:
                save()
    if run.step < config.n_steps and is_first_process():
        tqdm.write(farewell(run))


def train_step(run: RunState) -> TrainStep:
    """Read ``accumulate`` batches, sum their gradients, and let the optimizers move the weights once."""
    config, started = run.config, time.perf_counter()
    factor = config.schedule(run.step, config.n_steps)
    run.model.train().zero_grad()
    with own_random_numbers():
        losses = [backward(run, share(run.batches.next_batch())) for _ in range(config.accumulate)]
    run.model.eval()
    gradients = [weight.grad for weight in run.model.parameters() if weight.grad is not None]
    mean_loss = average(sum(losses), gradients)  # over all processes
    total_norm = get_total_norm(gradients)
    loss, norm = torch.stack([mean_loss, total_norm]).tolist()
    if not math.isfinite(loss + norm):
        raise DivergedError(last_words(run, loss, norm, config.optimizer.lr * factor))
    if config.clip is not None:
        clip_grads_with_norm_(run.model.parameters(), config.clip, total_norm)
    for optimizer in run.optimizers:
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"] * factor
        optimizer.step()
    run.step += 1
    n_tokens = config.accumulate * run.batches.n_tokens_per_batch
    speed = n_tokens / (time.perf_counter() - started)
    return TrainStep(run.step, loss, config.optimizer.lr * factor, norm, speed, run.step * n_tokens)


def backward(run: RunState, batch: Batch) -> Float[Tensor, ""]:
    """Add the gradient of this batch's share of the loss; give the share."""
    device = torch.device(run.config.device)
    if run.batches.carries_state and not batch.continues:
        run.cache = run.model.new_cache()
    with torch.autocast(device.type, torch.bfloat16, enabled=run.config.precision == "bf16"):
        logits = run.forward(batch.ids.to(device), run.cache)
    at_least_fp32 = logits.to(torch.promote_types(logits.dtype, torch.float32))
    loss = cross_entropy(at_least_fp32, batch.targets.to(device)) / run.config.accumulate
    loss.backward()
    if run.cache is not None:
        run.cache.detach()  # the next batch goes on from these numbers, but not from this graph
    return loss.detach()


def last_words(run: RunState, loss: float, norm: float, learning_rate: float) -> str:
    """What to know about a run that diverged."""
    saved = "nothing" if run.saved_step is None else f"step {run.saved_step}"
    return (
        f"step {run.step + 1} diverged: loss {loss}, gradient norm {norm}, learning rate "
        f"{learning_rate:.3g}; the weights are still those of step {run.step}, the last good checkpoint is "
        f"{saved}. Lower the learning rate, warm up longer, or clip"
    )


def farewell(run: RunState) -> str:
    """Where a run that was interrupted stands, and how to go on."""
    stopped = f"stopped after step {run.step} of {run.config.n_steps}"
    if run.saved_step == run.step:
        return f"{stopped} and saved: call train with the same arguments to go on from here"
    return f"{stopped}: the model keeps its weights, but only a run with a folder can go on where it stopped"


@contextmanager
def kept_in(folder: str | PathLike[str] | None, run: RunState) -> Iterator[Callable[[], None]]:
    """Let ``run`` go on from ``folder``, give a function that saves it, and save it when it ends well.

    It ends well when the loop ends or the caller leaves it, always between two steps. After an error the
    batches are ahead of the weights, so nothing is saved.
    """
    if folder is None:
        yield lambda: None
        return
    checkpoints = Checkpoints(folder)

    def save() -> None:
        if run.saved_step != run.step:
            if is_first_process():
                checkpoints.save(run.tensors(), run.facts())
            run.saved_step = run.step

    with checkpoints.lock() if is_first_process() else nullcontext():
        with first_process_first():
            if (found := checkpoints.latest()) is not None:
                run.load(*found)
        check_same_step(run.step)
        try:
            yield save
        except GeneratorExit:
            save()
            raise
        save()
