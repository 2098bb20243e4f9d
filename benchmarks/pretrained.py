"""How fast does the real chat model write, and what does it take to load it?

    python -m benchmarks.pretrained [--rounds N] [--context N] [--json] [--quick]

SmolLM2 in one thread, one text, greedy, weights of 32 bits: beside the memory's bandwidth and ``generate`` of
``transformers`` with the same weights, whose logits are compared first. Seconds per token without the reading
of the prompt; everything in turns, ratios by round. And with weights of 8 bits: the time, and the price in
bits per byte of modern prose. ``--quick`` needs no file: a tiny model with random weights stands in.
"""

import json
import math
import subprocess
import sys
from pathlib import Path
from statistics import median

import torch

from arlm_helpers.decoding.evaluation import token_nats
from arlm_helpers.decoding.fast import generate_ids
from arlm_helpers.decoding.sampling import generate
from arlm_helpers.models.numpy_gpt import NumpyGPT
from arlm_helpers.models.pretrained import load_smollm2, smollm2_path
from arlm_helpers.models.transformer import GPT
from arlm_helpers.text.help_texts import help_prose
from arlm_helpers.text.tokenizers import Tokenizer
from benchmarks.decoding_clock import compared, in_turns, loop_of, seeded
from benchmarks.generation import bytes_per_token, reading_loop
from benchmarks.harness import arguments, command, report
from benchmarks.twins import assert_parity, library_loop, llama_twin, tiny_chat_model

Row = dict[str, object]
COLUMNS = (
    "context", "ours", "peer", "tokens_per_second", "peer_tokens_per_second", "ratio", "ratio_low",
    "ratio_high", "goal", "seconds", "peak_gb", "bits_per_byte", "note",
)  # fmt: skip
COMPARISONS = (
    ("generate_ids, NumpyGPT", "memory bandwidth", 0.7),
    ("generate_ids, NumpyGPT", "transformers", 1.2),
    ("generate, NumpyGPT", "transformers", None),
    ("generate, GPT", "transformers", None),
    ("transformers", "memory bandwidth", None),
    ("generate_ids, NumpyGPT, int8", "generate_ids, NumpyGPT", None),
)
LOAD_IN_A_NEW_PROCESS = """
import json, sys, time
import torch
from {module} import {name} as load
try:
    import resource
    unit = 1 if sys.platform == "darwin" else 1024
    peak = lambda: unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
except ImportError:
    import psutil
    peak = lambda: psutil.Process().memory_info().peak_wset
torch.set_num_threads(1)
start = time.process_time()
model = load()
print(json.dumps([time.process_time() - start, peak() / 1e9]))
"""


def row(**cells: object) -> Row:
    """A row with every column."""
    return dict.fromkeys(COLUMNS) | cells


def loading_row(load) -> Row:
    """Processor seconds of loading, and the most memory that a new process had by then, with its modules."""
    code = LOAD_IN_A_NEW_PROCESS.format(module=load.__module__, name=load.__name__)
    root = Path(__file__).resolve().parent.parent
    done = subprocess.run([sys.executable, "-c", code], cwd=root, stdout=subprocess.PIPE, check=True)
    seconds, peak = json.loads(done.stdout)
    return row(ours=f"{load.__name__}()", seconds=seconds, peak_gb=peak)


def writing_rows(model: GPT, models: dict[str, NumpyGPT], context: int, n: int, n_rounds: int) -> list[Row]:
    """Everything in turns behind the same prompt of ``context`` random tokens."""
    ids = torch.randint(model.vocab_size, (1, context), generator=seeded())
    theirs = llama_twin(model)
    for ours in (model, models["NumpyGPT"]):
        assert_parity(ours(ids), theirs, ids)
    fast, n_bytes = models["NumpyGPT"], bytes_per_token(model, context)
    loops = {"memory bandwidth": reading_loop(n_bytes, n)}  # right before what it is compared with
    loops |= {
        f"generate_ids, {name}": loop_of(lambda fast=fast: generate_ids(fast, ids[0].tolist(), max_tokens=n))
        for name, fast in models.items()
    }
    loops["generate, NumpyGPT"] = loop_of(lambda: generate(fast, ids, max_tokens=n))
    loops["generate, GPT"] = loop_of(lambda: generate(model, ids, max_tokens=n))
    loops["transformers"] = library_loop(theirs, ids, n, greedy=True)
    seconds = in_turns(loops, n_rounds)
    speed = f"{n_bytes / median(seconds['memory bandwidth']) / 1e9:.1f} GB/s"
    return [
        row(
            context=context, ours=ours, peer=peer, goal=goal,
            note=speed if peer == "memory bandwidth" else None, **compared(seconds[ours], seconds[peer]),
        )
        for ours, peer, goal in COMPARISONS
    ]  # fmt: skip


def text_rows(models: dict[str, NumpyGPT], tokenizer: Tokenizer, n_characters: int) -> list[Row]:
    """How well each predicts the same prose: the price of rounding."""
    ids = torch.tensor(tokenizer.encode(help_prose()[:n_characters]))
    n_bytes = len(tokenizer.decode_bytes(ids[1:].tolist()))
    return [
        row(
            ours=name, context=len(ids), note=f"{n_bytes:,} bytes of Python's help texts",
            bits_per_byte=token_nats(fast, ids).sum().item() / math.log(2) / n_bytes,
        )
        for name, fast in models.items()
    ]  # fmt: skip


@torch.inference_mode()
def main(argv: list[str] | None = None) -> list[Row]:
    """Print a row for loading, one per comparison, and one for each kind of weights."""
    options = arguments(
        __doc__.splitlines()[0], argv,
        rounds={"type": int, "default": 5, "help": "how often everything is timed"},
        context={"type": int, "default": 64, "help": "tokens of the prompt"},
    )  # fmt: skip
    if not options.quick:
        smollm2_path()  # without the file this stops, and names the command that fetches it
    load = tiny_chat_model if options.quick else load_smollm2
    n, n_rounds, n_characters = (4, 1, 300) if options.quick else (16, options.rounds, 3000)
    rows = [loading_row(load)]
    model, tokenizer = load()
    models = {"NumpyGPT": NumpyGPT(model), "NumpyGPT, int8": NumpyGPT(model, int8=True)}
    rows += writing_rows(model, models, options.context, n, n_rounds)
    rows += text_rows(models, tokenizer, n_characters)
    report(rows, as_json=options.json)
    return rows


if __name__ == "__main__":
    command(main)
