"""Train the course's GPT outside a notebook.

    python -m arlm_helpers.training.pretrain                           the plays, on a processor, minutes
    python -m arlm_helpers.training.pretrain --scale gpu               a larger model, on a GPU
    python -m arlm_helpers.training.pretrain --text FILE --out DIR     your own text
    torchrun --nproc-per-node 2 -m arlm_helpers.training.pretrain      the same on two processors or GPUs

DIR holds the run while it lasts, so that --resume can go on after Ctrl-C or an accident, and at the end the
weights with their record: weights.safetensors and weights.json.
"""

import argparse
import hashlib
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from jaxtyping import Int
from torch import Tensor
from tqdm import tqdm

from arlm_helpers.models.transformer import GPT
from arlm_helpers.text.data import Corpus, load_corpus
from arlm_helpers.text.tokenizers import CharTokenizer
from arlm_helpers.training.batches import ShuffledWindows
from arlm_helpers.training.config import as_facts
from arlm_helpers.training.distributed import LostProcessError, is_first_process, n_processes, processes
from arlm_helpers.training.held_out import held_out_loss
from arlm_helpers.training.progress import progress
from arlm_helpers.training.run_folder import saved_steps
from arlm_helpers.training.scales import SCALES, Scale, on_this_machine
from arlm_helpers.training.trainer import DivergedError, train
from arlm_helpers.training.weights import save_weights

N_FIRST = 20_000  # characters of the held-out text that are judged along the way
WEIGHTS = "weights"  # in the folder of the run


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m arlm_helpers.training.pretrain",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--scale", choices=SCALES, default="laptop", help="size of model and training")
    parser.add_argument("--text", default="shakespeare", help="a UTF-8 file (default: the plays)")
    parser.add_argument("--out", type=Path, help="folder of the run (default: runs/SCALE)")
    parser.add_argument("--resume", action="store_true", help="go on with the run in that folder")
    parser.add_argument("--steps", type=int, help="in place of the scale's own number")
    parser.add_argument("--batch-size", type=int, help="windows read in a step, by all processes together")
    parser.add_argument("--checkpoint-every", type=int, help="steps between two checkpoints")
    parser.add_argument("--seed", type=int, default=0, help="of the weights, the order of reading, dropout")
    parser.add_argument("--threads", type=int, default=1, help="of each process; small models gain by one")
    options = parser.parse_args(argv)
    options.out = options.out or Path("runs") / options.scale
    return options


def chosen_scale(options: argparse.Namespace) -> Scale:
    """The scale with the changes that the options ask for, on a device that is here.

    Raises:
        ValueError: if there is no such device, or a number is below 1.
    """
    scale = on_this_machine(SCALES[options.scale])
    changes = {"n_steps": options.steps, "checkpoint_every": options.checkpoint_every}
    changes = {name: value for name, value in changes.items() if value is not None}
    batch_size = scale.batch_size if options.batch_size is None else options.batch_size
    return replace(scale, training=replace(scale.training, **changes), batch_size=batch_size)


def check_folder(folder: Path, *, resume: bool) -> None:
    """Refuse to go on with a run that nobody asked to go on with.

    Raises:
        ValueError: if the folder holds a run, and ``resume`` is False.
    """
    if (steps := saved_steps(folder)) and not resume:
        raise ValueError(
            f"{folder} holds a run that was saved at step {steps[-1]}: go on with it with --resume, or give "
            "another folder with --out"
        )
    if resume and not steps and is_first_process():
        print(f"{folder} holds no checkpoint yet: beginning at step 1")


def encoded(
    corpus: Corpus, tokenizer: CharTokenizer, context_length: int
) -> tuple[Int[Tensor, " train"], Int[Tensor, " held_out"]]:
    """The ids to learn from, and those to judge by: the corpus's validation text.

    Raises:
        ValueError: if a part is shorter than a window.
    """
    parts = (corpus.train, corpus.validation)
    if min(map(len, parts)) <= context_length:
        raise ValueError(
            f"{corpus.name} is too short: {len(parts[0]):,} characters to learn from, {len(parts[1]):,} to "
            f"judge by, and each part needs {context_length + 1}; give a text of at least "
            f"{12 * context_length:,} characters"
        )
    return tuple(torch.tensor(tokenizer.encode(part)) for part in parts)


def judged(model: GPT, ids: Int[Tensor, " text"]) -> dict[str, float]:
    """Nats per character on the whole held-out text and on its beginning."""
    parts = {"nats": ids, f"nats_first_{N_FIRST}": ids[:N_FIRST]}
    return {name: round(held_out_loss(model, part, model.context_length), 4) for name, part in parts.items()}


@dataclass(frozen=True)
class Job:
    """All that a run is made of: the text in two parts, the model, and how it is trained."""

    scale: Scale
    seed: int
    corpus: Corpus
    tokenizer: CharTokenizer
    model: GPT
    batches: ShuffledWindows
    held_out: Int[Tensor, " text"]

    @classmethod
    def prepare(cls, scale: Scale, source: str, seed: int) -> "Job":
        """Read the text and build the model for its characters."""
        corpus = load_corpus(source)
        tokenizer = CharTokenizer.from_text(corpus.text)
        torch.manual_seed(seed)  # dropout draws from here
        model = GPT(scale.model(tokenizer.vocab_size), rng=torch.Generator().manual_seed(seed))
        train_ids, held_out = encoded(corpus, tokenizer, model.context_length)
        sizes = {"context_length": model.context_length, "batch_size": scale.batch_size}
        batches = ShuffledWindows(train_ids, **sizes, seed=seed)
        return cls(scale, seed, corpus, tokenizer, model, batches, held_out)

    def run_in(self, folder: Path) -> dict[str, object]:
        """Take the steps that are left and show how they go; gives how many, and what they cost."""
        n_steps, every = self.scale.training.n_steps, self.scale.training.checkpoint_every
        n_taken, cpu, wall = 0, time.process_time(), time.perf_counter()
        steps = train(self.model, self.batches, self.scale.training, folder=folder)
        for step in progress(steps, n_steps) if is_first_process() else steps:
            n_taken += 1
            if is_first_process() and every and step.step % every == 0 and step.step < n_steps:
                loss = held_out_loss(self.model, self.held_out[:N_FIRST], self.model.context_length)
                tqdm.write(
                    f"step {step.step}: training {step.loss:.3f}, held-out {loss:.3f} nats a character"
                )
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        return {"steps_timed": n_taken, "cpu_seconds": round(cpu), "seconds": round(wall)}

    def record(self) -> dict[str, object]:
        """What was read, how, and what came out."""
        n_steps, accumulate = self.scale.training.n_steps, self.scale.training.accumulate
        return {
            "corpus": f"{self.corpus.name}, training part",
            "corpus_sha256": hashlib.sha256(self.corpus.train.encode()).hexdigest(),
            "characters": self.tokenizer.characters,
            "batches": self.batches.settings(),
            "training": as_facts(self.scale.training),
            "seed": self.seed,
            "characters_read": n_steps * accumulate * self.batches.n_tokens_per_batch,
            "processes": n_processes(),
            "held_out": judged(self.model, self.held_out),
        }


def pretrain(options: argparse.Namespace) -> int:
    """Train as the options say, and store the weights; gives the exit status.

    Raises:
        ValueError: if the options, the text or the folder of the run do not fit.
        DivergedError, LostProcessError, RuntimeError, OSError: as ``train``.
    """
    scale, folder = chosen_scale(options), options.out
    torch.set_num_threads(options.threads)
    with processes(scale.training.device):
        check_folder(folder, resume=options.resume)
        job = Job.prepare(scale, options.text, options.seed)
        cost = job.run_in(folder)
        if not is_first_process():
            return 0
        if saved_steps(folder)[-1] < scale.training.n_steps:
            print(f"stopped. {standing(folder)}", file=sys.stderr)
            return 130
        if not cost["steps_timed"] and saved_weights(folder):
            print(f"{folder} holds a finished run; its weights are in {folder / WEIGHTS}.safetensors")
            return 0
        job.model.half().float()  # weights are stored in half precision, and judged so
        record = {**job.record(), **cost}
        save_weights(job.model.half(), folder / WEIGHTS, record)
        print(f"held-out {record['held_out']['nats']:.3f} nats a character: {folder / WEIGHTS}.safetensors")
    return 0


def saved_weights(folder: Path) -> bool:
    """Whether the weights of a finished run are stored there."""
    return (folder / f"{WEIGHTS}.json").exists()


def standing(folder: Path) -> str:
    """What of a run is safe, and how to go on."""
    if not (steps := saved_steps(folder)):
        return f"No step was saved in {folder}: start the same command again"
    return f"Step {steps[-1]} is saved in {folder}: the same command with --resume goes on from there"


@contextmanager
def stopped_gently() -> Iterator[None]:
    """Let SIGTERM, with which schedulers and torchrun end a process, stop a run like Ctrl-C: saved.

    Scripts start what runs in the background with Ctrl-C ignored; there it is listened to again.
    """
    before = signal.signal(signal.SIGTERM, lambda number, frame: signal.raise_signal(signal.SIGINT))
    on_ctrl_c = signal.getsignal(signal.SIGINT)
    if on_ctrl_c == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
        signal.signal(signal.SIGINT, on_ctrl_c)


def main(argv: list[str] | None = None) -> int:
    """The command line; returns its exit status: 0 done, 1 failed, 130 stopped."""
    options = arguments(argv)
    with stopped_gently():
        try:
            return pretrain(options)
        except KeyboardInterrupt:
            status, problem = 130, f"stopped. {standing(options.out)}"
        except LostProcessError as error:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)  # torchrun sends it to all that are left
            status, problem = 1, f"error: {error}. {standing(options.out)}"
        except (ValueError, OSError, DivergedError, RuntimeError) as error:
            status, problem = 1, f"error: {error}"
        print(problem, file=sys.stderr, flush=True)
        return status


if __name__ == "__main__":
    sys.exit(main())
