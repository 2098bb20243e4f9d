"""Data-parallel training: several processes share every batch, and all make the same step.

Each process holds the whole model and reads its rows of the joint batch. The mean of the shares' gradients is
the gradient of the joint batch, so all weights move alike and stay equal; how many processes there are
changes the speed and nothing else. With a single process every function here does nothing.

``torchrun --nproc-per-node N`` starts the processes and tells each of them its number.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import torch
from jaxtyping import Float
from torch import Tensor, distributed

from arlm_helpers.training.batches import Batch, Batches


class LostProcessError(RuntimeError):
    """Another process of this run ended or no longer answers; the weights are those of a whole step."""


@contextmanager
def processes(device: str = "cpu", *, timeout: float = 600.0) -> Iterator[None]:
    """Join the processes that ``torchrun`` started, for as long as the block runs; without it do nothing.

    Numbers on processors travel by gloo, those on GPUs by nccl; each process has a GPU to itself. A process
    that does not answer for ``timeout`` seconds counts as lost.

    Raises:
        ValueError: if there are more processes than GPUs.
        LostProcessError: if not all processes come.
    """
    if "RANK" not in os.environ:
        yield
        return
    on_gpu = torch.device(device).type == "cuda"
    if on_gpu:
        torch.cuda.set_device(own_gpu(torch.cuda.device_count()))
    with answers_expected():
        backend = "cpu:gloo,cuda:nccl" if on_gpu else "gloo"
        distributed.init_process_group(backend, timeout=timedelta(seconds=timeout))
    yield  # after an error nobody may be left to say goodbye to
    distributed.destroy_process_group()


def own_gpu(n_gpus: int) -> int:
    """The number of the GPU that this process works on.

    Raises:
        ValueError: if there is none left for it.
    """
    number = int(os.environ["LOCAL_RANK"])
    if number >= n_gpus:
        raise ValueError(
            f"process {number} has no GPU, this machine has {n_gpus}: use torchrun --nproc-per-node {n_gpus}"
        )
    return number


@contextmanager
def answers_expected() -> Iterator[None]:
    """Turn the error of a message that got no answer into one that says what it means."""
    try:
        yield
    except RuntimeError as error:
        raise LostProcessError(
            f"process {os.environ.get('RANK')} of {os.environ.get('WORLD_SIZE')} no longer hears from the "
            "others: one of them ended or hangs. The run can only go on from its last checkpoint"
        ) from error


def n_processes() -> int:
    """How many processes train together."""
    joined = distributed.is_available() and distributed.is_initialized()
    return distributed.get_world_size() if joined else 1


def process_number() -> int:
    """The number of this process, from 0."""
    return distributed.get_rank() if n_processes() > 1 else 0


def is_first_process() -> bool:
    """Whether this is the process that saves and prints."""
    return process_number() == 0


def check_shares(batches: Batches) -> None:
    """Refuse batches that several processes cannot share.

    Raises:
        ValueError: if the rows do not divide, or if they carry a state, of which only a part could be saved.
    """
    n = n_processes()
    if n == 1:
        return
    if batches.carries_state:
        raise ValueError(
            f"{type(batches).__name__} carry a state from batch to batch, and each of {n} processes would "
            "have a part of it; use ShuffledWindows, or a single process"
        )
    if batches.batch_size % n:
        raise ValueError(
            f"{n} processes cannot share batches of {batches.batch_size} rows equally; choose a batch_size "
            f"that {n} divides, such as {n * max(round(batches.batch_size / n), 1)}"
        )


def share(batch: Batch) -> Batch:
    """The rows of a joint batch that this process reads."""
    ids, targets = (rows.chunk(n_processes())[process_number()] for rows in (batch.ids, batch.targets))
    return replace(batch, ids=ids, targets=targets)


def start_alike(tensors: Iterable[Tensor]) -> None:
    """Give all processes the first one's numbers, in place, and the state of its random generator."""
    if n_processes() > 1:
        state = torch.get_rng_state()
        with answers_expected():
            for tensor in (*tensors, state):
                distributed.broadcast(tensor, 0)
        torch.set_rng_state(state)


@contextmanager
def own_random_numbers() -> Iterator[None]:
    """Within the block each process draws its own random numbers: no two shares get the same dropout.

    Before and after it all have the same generator, so a saved run needs to keep only one.
    """
    if n_processes() == 1:
        yield
        return
    seed = int(torch.randint(2**62, ()))  # the same for all
    gpus = [torch.cuda.current_device()] if torch.cuda.is_initialized() else []
    with torch.random.fork_rng(gpus):
        torch.manual_seed(seed + process_number())
        yield


def average(loss: Float[Tensor, ""], gradients: Sequence[Tensor]) -> Float[Tensor, ""]:
    """Replace each gradient, in place, by its mean over all processes; give the mean loss.

    All numbers travel as one long vector: one message costs less than many.

    Raises:
        LostProcessError: if a process ended or does not answer.
    Source:
        Li et al. (2020), section 2.2, https://arxiv.org/abs/2006.15704
    """
    if n_processes() == 1:
        return loss
    parts = [loss, *gradients]
    flat = torch.cat([part.flatten() for part in parts])
    with answers_expected():
        distributed.all_reduce(flat)  # the sum over the processes, the same bits for all
    flat /= n_processes()
    mean_loss, *means = flat.split([part.numel() for part in parts])
    for gradient, mean in zip(gradients, means, strict=True):
        gradient.copy_(mean.view_as(gradient))
    return mean_loss.view(())


def largest(numbers: Sequence[int]) -> list[int]:
    """Number by number, the largest that any process gave.

    Raises:
        LostProcessError: if a process ended or does not answer.
    """
    if n_processes() == 1:
        return list(numbers)
    vector = torch.tensor(numbers)
    with answers_expected():
        distributed.all_reduce(vector, distributed.ReduceOp.MAX)
    return vector.tolist()


def in_any_process(wish: bool) -> bool:
    """Whether any process has this wish, so that all stop after the same step."""
    return bool(largest([int(wish)])[0])


@contextmanager
def first_process_first() -> Iterator[None]:
    """Let the first process run the block, and then the others.

    Raises:
        LostProcessError: if the first process ended in the block.
    """
    if not is_first_process():
        largest([0])
    yield
    if is_first_process():
        largest([0])


def check_same_step(step: int) -> None:
    """Refuse to go on if not all processes stand at the same step.

    Raises:
        ValueError: if they found different checkpoints.
    """
    last, first = largest([step, -step])
    if last != -first:
        raise ValueError(
            f"the processes found checkpoints of different steps, {-first} to {last}: the folder of the run "
            "must be one that all machines share"
        )
