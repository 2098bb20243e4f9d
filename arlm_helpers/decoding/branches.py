"""Texts that grow and fork: each token with the logits before it, the policy, and the dart that chose it.

A text is never changed: to write on, or to put another token somewhere, gives a new one, and the old one
stays. The dart for a token depends on the seed and its place in the text only. So two policies can
be given the same luck, and one that writes from the prompt to the end writes what ``generate`` writes.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from jaxtyping import Float, Int
from torch import Tensor

from arlm_helpers.decoding.policy import Policy
from arlm_helpers.decoding.prefix_reader import PrefixReader
from arlm_helpers.decoding.sampling import row_generators, sample
from arlm_helpers.training.losses import bits


@dataclass(frozen=True, eq=False)
class Written:
    """One token of a text: what the model said before it (``logits``), and how it was chosen.

    ``u`` is the dart that chose it, in [0, 1); None if the reader put it there. ``final`` is the
    probability that the policy left it: 0 for a token that the reader forced against the policy.
    """

    id: int
    logits: Float[Tensor, " vocab"]
    policy: Policy
    seed: int
    u: float | None
    final: float

    @cached_property
    def base(self) -> float:
        """The probability that the model itself gave to the token."""
        return float(self.logits.double().softmax(dim=-1)[self.id])

    @property
    def surprisal(self) -> float:
        """How much the token surprised the model, in bits."""
        return -bits(float(self.logits.double().log_softmax(dim=-1)[self.id]))

    @cached_property
    def entropy(self) -> float:
        """How uncertain the model was before the token, in bits."""
        return bits(float(torch.special.entr(self.logits.double().softmax(dim=-1)).sum()))


@dataclass(frozen=True, eq=False)
class ForkableText:
    """A prompt and what was written after it.

    Raises:
        ValueError: if the prompt is empty.
    """

    prompt: tuple[int, ...]
    written: tuple[Written, ...] = ()

    def __post_init__(self) -> None:
        if not self.prompt:
            raise ValueError("the prompt is empty: give at least one token, such as a line break")

    def ids(self, at: int | None = None) -> tuple[int, ...]:
        """The ids before position ``at`` of the continuation; without it, of the whole text."""
        return (*self.prompt, *(token.id for token in self.written[:at]))

    def cut(self, at: int) -> "ForkableText":
        """The text up to position ``at`` of the continuation, where another one may begin.

        Raises:
            ValueError: if the continuation has no such position.
        """
        if not 0 <= at <= len(self.written):
            raise ValueError(f"the text can fork at 0 … {len(self.written)}, got {at}")
        return replace(self, written=self.written[:at])


def darts(seed: int) -> Iterator[float]:
    """The random numbers of a text: those that ``generate`` throws for a single row with this seed."""
    [source] = row_generators(torch.Generator().manual_seed(seed), 1)
    while True:
        yield float(torch.rand(1, generator=source, dtype=torch.float64))


def dart_at(seed: int, at: int) -> float:
    """The dart for position ``at`` of a continuation."""
    source = darts(seed)
    for _ in range(at):
        next(source)
    return next(source)


def row_of(ids: Sequence[int]) -> Int[Tensor, "1 time"]:
    """Ids as a batch of one row."""
    return torch.tensor([list(ids)])


def chosen_by(
    policy: Policy, text: ForkableText, logits: Float[Tensor, " vocab"], u: float, seed: int
) -> Written:
    """The token that ``policy`` and the dart ``u`` choose after ``text``."""
    final = policy.final(row_of(text.ids()), logits, start=len(text.prompt))
    token = int(sample(final.unsqueeze(0), torch.tensor([u], dtype=torch.float64)))
    return Written(token, logits, policy, seed, u, float(final.double().softmax(dim=-1)[token]))


def write_on(
    model, text: ForkableText, policy: Policy, *, seed: int, max_tokens: int, end_id: int | None = None
) -> Iterator[ForkableText]:
    """Continue ``text`` by up to ``max_tokens`` tokens, yielding the longer text after each of them.

    Stops behind ``end_id``. The dart for each token is that of its place in the text.

    Raises:
        ValueError: for a negative ``max_tokens``, or if the policy leaves no token.
    """
    if max_tokens < 0:
        raise ValueError(f"max_tokens must be at least 0, got {max_tokens}")
    reader, source = PrefixReader(model, len(text.prompt)), darts(seed)
    for _ in text.written:
        next(source)
    for _ in range(max_tokens):
        if text.written and text.written[-1].id == end_id:
            return
        logits = reader.logits(text.ids())
        text = replace(text, written=(*text.written, chosen_by(policy, text, logits, next(source), seed)))
        yield text


def last_of(text: ForkableText, longer: Iterator[ForkableText]) -> ForkableText:
    """The last of ever longer texts; ``text`` itself if there is none."""
    return next(iter(deque(longer, maxlen=1)), text)


def fork_text(model, text: ForkableText, at: int, token: int, policy: Policy, *, seed: int) -> ForkableText:
    """``text`` up to position ``at`` of its continuation, and there the ``token`` that the reader wishes.

    It may be a token that ``policy`` has cut; then its ``final`` is 0.

    Raises:
        ValueError: if there is no such position or token.
    """
    kept = text.cut(at)
    if at < len(text.written):
        logits = text.written[at].logits
    else:
        logits = PrefixReader(model, len(text.prompt)).logits(kept.ids())
    if not 0 <= token < len(logits):
        raise ValueError(f"token ids are 0 … {len(logits) - 1}, got {token}")
    final = policy.final(row_of(kept.ids()), logits, start=len(text.prompt)).double().softmax(dim=-1)
    forced = Written(token, logits, policy, seed, None, float(final[token]))
    return replace(kept, written=(*kept.written, forced))
