"""Answering sources with a conditional model, and counting how often the answer is right."""

from collections.abc import Sequence

import torch

from arlm_helpers.decoding.sampling import Processor, generate
from arlm_helpers.models.given import Given
from arlm_helpers.text.pairs import END, START, decode_target, encode_sources, special_id
from arlm_helpers.text.tokenizers import Tokenizer


def translate(
    model,
    texts: Sequence[str],
    tokenizer: Tokenizer,
    *,
    max_tokens: int,
    target_tokenizer: Tokenizer | None = None,
    batch_size: int = 250,
    processors: Sequence[Processor] = (),
) -> list[str]:
    """The greedy answer to each text: always the likeliest token, until END or ``max_tokens``.

    ``processors`` may rule tokens out; what they see of the text is the answer, from START on.

    Raises:
        ValueError: for an empty text, or one with a character that has no token.
    """
    targets = target_tokenizer or tokenizer
    start, end = special_id(targets, START), special_id(targets, END)
    answers = []
    for first in range(0, len(texts), batch_size):
        source = encode_sources(texts[first : first + batch_size], tokenizer)
        begin = torch.full((len(source), 1), start)
        steps = generate(
            Given(model, source), begin, max_tokens=max_tokens, processors=processors, end_id=end
        )
        written = torch.stack([step.ids for step in steps], dim=1)
        answers += [decode_target(row, targets) for row in written.tolist()]
    return answers


def exact_match(answers: Sequence[str], targets: Sequence[str]) -> float:
    """The share of answers that are right to the last character.

    Raises:
        ValueError: if there are no answers, or not one for each target.
    """
    if not answers or len(answers) != len(targets):
        raise ValueError(f"give one answer for each target, got {len(answers)} and {len(targets)}")
    return sum(a == t for a, t in zip(answers, targets, strict=True)) / len(answers)


def exact_match_by_length(
    sources: Sequence[str], answers: Sequence[str], targets: Sequence[str], *, width: int = 10
) -> dict[int, float]:
    """``exact_match`` of the sources of 0 to ``width`` - 1 characters, of ``width`` to 2 ``width`` - 1, …

    The keys are the shortest lengths of each class; a class without a source is left out.
    """
    classes: dict[int, list[int]] = {}
    for i, source in enumerate(sources):
        classes.setdefault(len(source) // width * width, []).append(i)
    return {
        shortest: exact_match([answers[i] for i in members], [targets[i] for i in members])
        for shortest, members in sorted(classes.items())
    }
