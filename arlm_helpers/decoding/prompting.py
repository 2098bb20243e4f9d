"""A task put into words, and the answers of a model that continues them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

import torch

from arlm_helpers.decoding.completion import device_of
from arlm_helpers.decoding.stopping import StopReader
from arlm_helpers.text.chat import chat_ids
from arlm_helpers.text.tokenizers import Tokenizer


@dataclass(frozen=True)
class PromptedTask:
    """A task as a text that breaks off where the answer should begin.

    Args:
        instruction: what to do, in a sentence.
        source, target: the names in front of what is given and of what is asked for, as "English", "French".
        examples: worked examples, pairs of what is given and its answer; none for a zero-shot prompt.

    Raises:
        ValueError: if a name or the instruction is empty; when asked, for an empty text.
    Source:
        Brown et al. (2020), section 2, https://arxiv.org/abs/2005.14165
    """

    instruction: str
    source: str
    target: str
    examples: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if not (self.instruction.strip() and self.source.strip() and self.target.strip()):
            raise ValueError(f"instruction, source and target must not be empty, got {self}")

    def prompt(self, text: str) -> str:
        """Instruction, examples, the text, and the name of the answer: for a model that continues."""
        shown = [f"{self.source}: {given}\n{self.target}: {answer}" for given, answer in self.examples]
        asked = f"{self.source}: {self.checked(text)}\n{self.target}:"
        return "\n\n".join([self.instruction, *shown, asked])

    def messages(self, text: str) -> list[dict[str, str]]:
        """The same as a conversation: the examples are turns that seem to have taken place."""
        turns = []
        for given, answer in (*self.examples, (self.checked(text), None)):
            turns.append({"role": "user", "content": f"{self.instruction}\n\n{given}"})
            turns += [] if answer is None else [{"role": "assistant", "content": answer}]
        return turns

    def checked(self, text: str) -> str:
        if not text.strip():
            raise ValueError(f"there is nothing after {self.source!r}: the text is empty; give some text")
        return text


def prompts_of_task(task: Mapping[str, Any], tokenizer: Tokenizer) -> dict[str, list[list[int]]]:
    """The prompts of a task from ``data/own_tasks.json``, by the way in which it is put.

    "continued": a text that breaks off, from the fields of a ``PromptedTask`` in ``task["prompt"]``, if any.
    "asked": ``task["ask"]`` said to an assistant; the text stands at its ``{}``, or below it.
    """
    texts, found = [text for text, _ in task["items"]], {}
    if "prompt" in task:
        examples = tuple((given, answer) for given, answer in task["prompt"].get("examples", ()))
        continued = PromptedTask(**{**task["prompt"], "examples": examples})
        found["continued"] = [tokenizer.encode(continued.prompt(text)) for text in texts]
    ask = task["ask"] if "{}" in task["ask"] else task["ask"] + "\n\n{}"
    said = [[{"role": "user", "content": ask.format(text)}] for text in texts]
    return found | {"asked": [chat_ids(tokenizer, messages) for messages in said]}


def shared_beginning(prompts: Sequence[Sequence[int]]) -> list[int]:
    """The ids with which all prompts begin, each prompt keeping at least one of its own."""
    limit = min(map(len, prompts)) - 1
    columns = takewhile(lambda column: len(set(column)) == 1, zip(*prompts, strict=False))
    return [column[0] for column in columns][:limit]


@torch.inference_mode()
def answer_prompts(
    model,
    tokenizer: Tokenizer,
    prompts: Sequence[Sequence[int]],
    *,
    max_tokens: int,
    stop: str | Sequence[str] | None = None,
    end_id: int | None = None,
) -> list[str]:
    """The greedy continuation of each prompt, to ``stop``, ``end_id`` or ``max_tokens``; blanks around it go.

    What all prompts begin with (instruction, examples, a passage) is read once, and each goes on from a copy
    of the cache.

    Raises:
        ValueError: if there is no prompt, one is empty, or one leaves no room in the context for an answer.
    """
    limit = getattr(model, "context_length", None)
    for i, prompt in enumerate(prompts):
        if not prompt:
            raise ValueError(f"prompt {i} is empty: give at least one token")
        if limit is not None and len(prompt) + max_tokens - 1 > limit:
            raise ValueError(
                f"prompt {i} has {len(prompt)} tokens and {max_tokens} may follow, but the context holds "
                f"{limit}; shorten the prompt or max_tokens"
            )
    if not prompts:
        raise ValueError("there is no prompt to answer; give at least one")
    beginning, device, shared = shared_beginning(prompts), device_of(model), model.new_cache()
    if beginning:
        model(torch.tensor([beginning], device=device), shared)
    answers = []
    for prompt in prompts:
        cache, unread, text = shared.copy(), list(prompt[len(beginning) :]), ""
        reader = StopReader(tokenizer, stop)
        for _ in range(max_tokens):
            token = int(model(torch.tensor([unread], device=device), cache)[0, -1].argmax())
            if token == end_id:
                break
            text, unread = text + reader.push(token), [token]
            if reader.stopped is not None:
                break
        answers.append((text + reader.flush()).strip())
    return answers
