"""How long does a reader wait: for the package, for the data, for the first generated text?

    python -m benchmarks.startup [--json] [--quick]

Each line is the best of several fresh processes, in processor and wall seconds.
"""

import json
import subprocess
import sys

from benchmarks.harness import arguments, command, report

QUESTIONS = {
    "import arlm_helpers": "import arlm_helpers",
    "import torch": "import torch",
    "load the Shakespeare corpus": (
        "from arlm_helpers.text.data import load_corpus; load_corpus('shakespeare')"
    ),
    "count and write a first text": """
import torch
from arlm_helpers.decoding.sampling import generate
from arlm_helpers.models.ngram import NGram
from arlm_helpers.text.data import load_corpus
from arlm_helpers.text.tokenizers import CharTokenizer
text = load_corpus('shakespeare').train[:1_000_000]
tokenizer = CharTokenizer.from_text(text)
ids = torch.tensor(tokenizer.encode(text))
model = NGram.fit(ids, tokenizer.vocab_size, 6)
rng = torch.Generator().manual_seed(0)
assert len(list(generate(model, ids[None, :20], max_tokens=200, rng=rng))) == 200
""",
}
TIMED = """
import json, time
wall, cpu = time.perf_counter(), time.process_time()
{code}
print(json.dumps([time.process_time() - cpu, time.perf_counter() - wall]))
"""


def seconds(code: str) -> list[float]:
    """Processor and wall seconds of ``code`` in a fresh process, without the start of Python."""
    done = subprocess.run(
        [sys.executable, "-c", TIMED.format(code=code)], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def main(argv: list[str] | None = None) -> list[dict[str, object]]:
    """Print a row per question."""
    options = arguments(__doc__.splitlines()[0], argv)
    rows = []
    for question, code in QUESTIONS.items():
        cpu, wall = zip(*(seconds(code) for _ in range(1 if options.quick else 5)), strict=True)
        rows.append({"question": question, "cpu_seconds": min(cpu), "wall_seconds": min(wall)})
    report(rows, as_json=options.json)
    return rows


if __name__ == "__main__":
    command(main)
