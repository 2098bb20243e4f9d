"""A text as Python code that writes it again: the calls of the course, with every setting and seed."""

from itertools import groupby

from arlm_helpers.decoding.branches import ForkableText, Written

MODEL_AND_TOKENIZER = "# model and tokenizer: those that wrote the text"


def runs_of(text: ForkableText) -> list[list[Written]]:
    """The tokens in runs that one call wrote: the same policy and seed, and no token forced by the reader."""

    def call(numbered: tuple[int, Written]) -> object:
        at, token = numbered
        return at if token.u is None else (token.policy.code(), token.seed)

    return [[token for _, token in run] for _, run in groupby(enumerate(text.written), key=call)]


def code_of(text: ForkableText, *, prompt: str | None = None) -> str:
    """Python that writes ``text`` again, given ``model`` and ``tokenizer``; at the end ``ids`` holds it.

    A text written in one go is a call of ``generate``. Forks need ``write_on`` and ``fork_text``.
    ``prompt`` is shown where the tokenizer makes the ids of the prompt from it; else these stand there.
    """
    runs = runs_of(text)
    begin = repr(list(text.prompt)) if prompt is None else f"tokenizer.encode({prompt!r})"
    if len(runs) == 1 and runs[0][0].u is not None:
        return generate_code(text, runs[0], begin)
    lines = [
        "from arlm_helpers.decoding.branches import ForkableText, fork_text, last_of, write_on",
        "from arlm_helpers.decoding.policy import Policy",
        "",
        MODEL_AND_TOKENIZER,
        f"text = ForkableText(tuple({begin}))",
    ]
    at = 0
    for run in runs:
        first = run[0]
        policy, seed = first.policy.code(), f"seed={first.seed}"
        if first.u is None:
            lines.append(f"text = fork_text(model, text, {at}, {first.id}, {policy}, {seed})")
        else:
            call = f"write_on(model, text, {policy}, {seed}, max_tokens={len(run)})"
            lines.append(f"text = last_of(text, {call})")
        at += len(run)
    return "\n".join([*lines, "ids = text.ids()", "print(tokenizer.decode(ids))"])


def generate_code(text: ForkableText, run: list[Written], begin: str) -> str:
    """A single call of ``generate`` that writes ``run`` after the prompt, whose ids ``begin`` gives."""
    policy = run[0].policy
    processors = policy.processors(start=len(text.prompt))
    homes: dict[str, set[str]] = {}
    for processor in processors:
        homes.setdefault(type(processor).__module__, set()).add(type(processor).__name__)
    imports = [f"from {home} import {', '.join(sorted(names))}" for home, names in sorted(homes.items())]
    return "\n".join(
        [
            "import torch",
            *imports,
            "from arlm_helpers.decoding.sampling import generate",
            "",
            MODEL_AND_TOKENIZER,
            f"ids = {begin}",
            f"policy = [{', '.join(map(repr, processors))}]  # the order of {policy.order}",
            f"rng = torch.Generator().manual_seed({run[0].seed})",
            "steps = generate(",
            f"    model, torch.tensor([ids]), max_tokens={len(run)}, processors=policy, rng=rng",
            ")",
            "ids += [int(step.ids) for step in steps]",
            "print(tokenizer.decode(ids))",
        ]
    )
