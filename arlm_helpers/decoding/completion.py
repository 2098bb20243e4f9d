"""Completing a prompt, with the parameters and the answer of the well-known completions API.

Run as a command it prints a text as it is written; see ``completion_command.py``.

Source:
    OpenAI API reference, "Completions", https://platform.openai.com/docs/api-reference/completions
"""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Int
from torch import Tensor, nn

from arlm_helpers.decoding.completion_answer import ChoiceWriter, CompletionAnswer, Usage
from arlm_helpers.decoding.logits import Temperature, TopP, check_number
from arlm_helpers.decoding.penalties import FrequencyPenalty, LogitBias, PresencePenalty
from arlm_helpers.decoding.sampling import Processor, generate
from arlm_helpers.text.tokenizers import Tokenizer


def check_count(name: str, value: object, least: int) -> None:
    """Refuse what is no whole number from ``least`` on.

    Raises:
        ValueError, TypeError: naming the value.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be a whole number, got {value!r}")
    if value < least:
        raise ValueError(f"{name} must be at least {least}, got {value}")


def completion_policy(
    n_prompt: int,
    *,
    temperature: float = 1.0,
    top_p: float = 1.0,
    frequency_penalty: float = 0.0,
    presence_penalty: float = 0.0,
    logit_bias: Mapping[int, float] | None = None,
) -> list[Processor]:
    """The processors of a request, in their order; penalties count the tokens behind the ``n_prompt`` first.

    What changes nothing is left out; so is temperature 0, which means greedy.

    Raises:
        ValueError: for a number out of its range.
    """
    check_number("temperature", temperature)
    if not temperature >= 0:
        raise ValueError(
            f"temperature must be at least 0, got {temperature}; 0 is greedy, 1 is the model's own"
        )
    stages = [
        (LogitBias(logit_bias or {}), logit_bias),
        (FrequencyPenalty(frequency_penalty, n_prompt), frequency_penalty),
        (PresencePenalty(presence_penalty, n_prompt), presence_penalty),
        (Temperature(temperature or 1.0), temperature not in (0, 1)),
        (TopP(top_p), top_p < 1),
    ]
    return [processor for processor, changes_something in stages if changes_something]


def device_of(model) -> torch.device:
    """Where the model's weights are; a model that counts has none and works on the CPU."""
    weights = model.parameters() if isinstance(model, nn.Module) else ()
    return next((weight.device for weight in weights), torch.device("cpu"))


def prompt_ids(model, tokenizer: Tokenizer, prompt: str) -> Int[Tensor, "1 time"]:
    """The ids of a prompt that ``model`` can read as a whole.

    Raises:
        ValueError: if it is empty, too long, or has a character without a token; or for another vocabulary.
    """
    if tokenizer.vocab_size != model.vocab_size:
        raise ValueError(
            f"the model has {model.vocab_size} tokens, the tokenizer {tokenizer.vocab_size}; use the one "
            "with which the model was trained"
        )
    ids, limit = tokenizer.encode(prompt), getattr(model, "context_length", None)
    if not ids:
        raise ValueError("the prompt is empty: give at least one character, such as a line break")
    if limit is not None and len(ids) > limit:
        raise ValueError(
            f"the prompt has {len(ids)} tokens, but the model reads {limit} at once; shorten it to its end: "
            f"tokenizer.decode(tokenizer.encode(prompt)[-{limit}:])"
        )
    return torch.tensor([ids], device=device_of(model))


def echoed(model, tokenizer: Tokenizer, ids: Int[Tensor, "1 time"], n_top: int | None) -> ChoiceWriter:
    """The prompt as if it had been written, with the log-probability of each token behind the first."""
    writer = ChoiceWriter(tokenizer, None, None, n_top)
    logits = [None] * ids.shape[1] if n_top is None else [None, *model(ids)[0, :-1]]
    for token, row in zip(ids[0].tolist(), logits, strict=True):
        writer.take(token, row)
    return writer


@torch.inference_mode()
def complete(
    model,
    tokenizer: Tokenizer,
    prompt: str,
    *,
    max_tokens: int = 16,
    temperature: float = 1.0,
    top_p: float = 1.0,
    frequency_penalty: float = 0.0,
    presence_penalty: float = 0.0,
    stop: str | Sequence[str] | None = None,
    n: int = 1,
    seed: int | None = None,
    logprobs: int | None = None,
    logit_bias: Mapping[int, float] | None = None,
    echo: bool = False,
    end_id: int | None = None,
) -> CompletionAnswer:
    """Continue ``prompt`` in ``n`` ways; the names are those of the completions API.

    The text ends before the first ``stop`` string, at ``end_id``, or after ``max_tokens`` tokens. Choice
    number i depends on the seed and on i, not on ``n``. Without ``seed`` one is drawn, and the answer names
    it. With temperature 0 all choices are the greedy one. ``logit_bias`` and the penalties come first, then
    temperature, then ``top_p``; the penalties count sampled tokens, not the prompt. ``logprobs`` is how many
    alternatives to report for each token; with ``echo`` the answer begins with the prompt, and its tokens are
    scored too. Past its context length the model goes on from the latest half, as in ``generate``.

    Raises:
        ValueError: for a number out of its range, an empty ``stop``, or a prompt that is empty, longer than
            the model's context, or has a character without a token.
        TypeError: for what only looks like a number.
    """
    for name, number, least in (("n", n, 1), ("max_tokens", max_tokens, 0), ("logprobs", logprobs or 0, 0)):
        check_count(name, number, least)
    ids = prompt_ids(model, tokenizer, prompt)
    policy = completion_policy(
        ids.shape[1], temperature=temperature, top_p=top_p, frequency_penalty=frequency_penalty,
        presence_penalty=presence_penalty, logit_bias=logit_bias,
    )  # fmt: skip
    writers = [ChoiceWriter(tokenizer, stop, end_id, logprobs) for _ in range(n)]
    seed = torch.Generator().seed() % 2**32 if seed is None else seed
    rng = torch.Generator().manual_seed(seed) if temperature > 0 else None
    for step in generate(
        model, ids.expand(n, -1), max_tokens=max_tokens, processors=policy, rng=rng, end_id=end_id
    ):
        for writer, token, logits in zip(writers, step.ids.tolist(), step.logits, strict=True):
            writer.take(token, logits)
        if all(writer.finish_reason is not None for writer in writers):
            break
    before = echoed(model, tokenizer, ids, logprobs) if echo else None
    choices = [writer.finished(i, before) for i, writer in enumerate(writers)]
    n_written = sum(writer.n_tokens for writer in writers)
    usage = Usage(ids.shape[1], n_written, ids.shape[1] + n_written)
    return CompletionAnswer(choices, usage, seed, type(model).__name__)


if __name__ == "__main__":
    import sys

    from arlm_helpers.decoding.completion_command import main

    sys.exit(main())
