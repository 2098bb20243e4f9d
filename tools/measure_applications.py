"""Ask the chat model of notebook 13 all its questions, in both ways, and write down what it answers.

    python tools/measure_applications.py                  # writes data/applications.json
    python tools/measure_applications.py --only French    # that task anew, the others as they are

About two minutes of processor time on one core. The questions stand in ``data/own_tasks.json``. Decoding is
greedy, so another machine writes the same but for rounding. What is stored are the answers; the notebook
scores them.
"""

import argparse
import json
import time
from pathlib import Path

import torch

from arlm_helpers.decoding.completion import complete
from arlm_helpers.decoding.dialogue import Dialogue
from arlm_helpers.decoding.label_scores import label_log_probs
from arlm_helpers.decoding.prompting import answer_prompts, prompts_of_task
from arlm_helpers.models.numpy_gpt import NumpyGPT
from arlm_helpers.models.pretrained import load_smollm2
from arlm_helpers.text.catalogue import find_dataset
from arlm_helpers.text.chat import END
from arlm_helpers.text.pairs import special_id

DATA = Path(__file__).resolve().parents[1] / "data"
DIALOGUE_TOKENS = 50  # of an answer
STORY_TOKENS, SEED = 120, 0
POLICIES = {  # arguments of ``complete``
    "greedy": {"temperature": 0},
    "greedy, frequency penalty": {"temperature": 0, "frequency_penalty": 0.5},
    "temperature 0.7, top-p 0.9": {"temperature": 0.7, "top_p": 0.9},
}


def measured(model, tokenizer, task: dict) -> dict:
    """The answers to all questions of a task, and what they cost."""
    end_id, began = special_id(tokenizer, END), time.process_time()
    prompts = prompts_of_task(task, tokenizer)
    stops = {"continued": "\n", "asked": None}
    answers = {
        way: answer_prompts(
            model, tokenizer, asked, max_tokens=task["max_tokens"], stop=stops[way], end_id=end_id
        )
        for way, asked in prompts.items()
    }
    found = answers | {"prompt_tokens": {way: sum(map(len, asked)) for way, asked in prompts.items()}}
    if task.get("surprise"):
        pairs = zip(prompts["asked"], answers["asked"], strict=True)
        found["nats_per_token"] = [
            mean_surprise(model, asked, tokenizer.encode(said)) for asked, said in pairs
        ]
    return found | {"cpu_seconds": round(time.process_time() - began, 1)}


def mean_surprise(model, prompt: list[int], answer: list[int]) -> float:
    """Nats per token of an answer, for the model that wrote it."""
    return round(-label_log_probs(model, prompt, [answer]).item() / len(answer), 4)


def talked(model, tokenizer, lines: list[str]) -> dict:
    """A conversation: the answers, the length of each prompt, and how much of it was new."""
    dialogue, began = Dialogue(model, tokenizer, max_tokens=DIALOGUE_TOKENS), time.process_time()
    messages, read, new = [], [], []
    for line in lines:
        messages.append({"role": "user", "content": line})
        messages.append({"role": "assistant", "content": "".join(dialogue.reply(messages))})
        read.append(dialogue.n_read)
        new.append(dialogue.n_new)
    answers = [message["content"] for message in messages[1::2]]
    seconds = round(time.process_time() - began, 1)
    return {"asked": answers, "tokens_in_prompt": read, "tokens_read": new, "cpu_seconds": seconds}


def told(model, tokenizer, beginning: str) -> dict:
    """The same beginning continued by each policy."""
    began, texts = time.process_time(), {}
    options = {"max_tokens": STORY_TOKENS, "seed": SEED, "end_id": special_id(tokenizer, END)}
    for name, policy in POLICIES.items():
        texts[name] = complete(model, tokenizer, beginning, **options, **policy).choices[0].text
    return {"policies": POLICIES, "continued": texts, "cpu_seconds": round(time.process_time() - began, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", action="append", help="a task; may be given again")
    parser.add_argument("--to", type=Path, default=DATA / "applications.json")
    options = parser.parse_args()
    torch.set_num_threads(1)
    tasks = json.loads((DATA / "own_tasks.json").read_text(encoding="utf-8"))
    model, tokenizer = load_smollm2()
    model, file = NumpyGPT(model), find_dataset("smollm2")
    record = json.loads(options.to.read_text(encoding="utf-8")) if options.only else {}
    record["settings"] = {
        "model": file.name, "package": f"{file.package} {file.version}", "sha256": file.sha256,
        "decoding": "greedy, float32, one thread", "dialogue_tokens": DIALOGUE_TOKENS,
        "story_tokens": STORY_TOKENS, "seed": SEED,
    }  # fmt: skip
    for name, task in tasks.items():
        if name == "about" or (options.only and name not in options.only):
            continue
        record[name] = {"dialogue": talked, "story": told}.get(name, measured)(model, tokenizer, task)
        print(f"{name}: {record[name]['cpu_seconds']} s")
    seconds = [part["cpu_seconds"] for name, part in record.items() if name != "settings"]
    record["settings"]["cpu_seconds"] = round(sum(seconds), 1)
    options.to.write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
