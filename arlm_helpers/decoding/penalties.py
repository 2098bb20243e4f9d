"""Logits processors that move single logits: for what the text already holds, or as the reader wants."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from arlm_helpers.decoding.logits import check_number


def check_penalty(penalty: object, start: object) -> None:
    """Reject a penalty that is no finite number, and a ``start`` that is no position.

    Raises:
        ValueError: for NaN, an infinite penalty or a negative ``start``.
        TypeError: for what only looks like a number.
    """
    check_number("penalty", penalty)
    if not math.isfinite(penalty):
        raise ValueError(f"penalty must be finite, got {penalty}; use LogitBias to rule a token out")
    if isinstance(start, bool) or not isinstance(start, int):
        raise TypeError(f"start must be a whole number, got {start!r}")
    if start < 0:
        raise ValueError(f"start counts tokens from the beginning and must be at least 0, got {start}")


def occurrences(
    ids: Int[Tensor, "batch time"], logits: Float[Tensor, "batch vocab"]
) -> Float[Tensor, "batch vocab"]:
    """How often each token of the vocabulary occurs in its row of ``ids``."""
    counts = torch.zeros_like(logits, dtype=torch.long).scatter_add(-1, ids, torch.ones_like(ids))
    return counts.to(logits.dtype)


@dataclass(frozen=True)
class RepetitionPenalty:
    """Make every token that occurs in the text less likely: divide its logit if positive, else multiply it.

    Once per token, however often it occurs; the prompt counts. A logit of 0 stays, and adding a constant to
    all logits changes the result. Below 1 the tokens of the text become likelier.

    Raises:
        ValueError: if ``penalty`` is not positive and finite.
    Source:
        Keskar et al. (2019), section 4.1, https://arxiv.org/abs/1909.05858; the case of negative logits
        is not in the paper.
    """

    penalty: float

    def __post_init__(self) -> None:
        check_number("penalty", self.penalty)
        if not 0 < self.penalty < math.inf:
            raise ValueError(f"penalty must be positive and finite, got {self.penalty}; 1 changes nothing")

    def __call__(
        self, ids: Int[Tensor, "batch time"], logits: Float[Tensor, "batch vocab"]
    ) -> Float[Tensor, "batch vocab"]:
        own = logits.gather(-1, ids)
        return logits.scatter(-1, ids, torch.where(own < 0, own * self.penalty, own / self.penalty))


@dataclass(frozen=True)
class FrequencyPenalty:
    """Subtract ``penalty`` from a token's logit for each time it occurs from position ``start`` on.

    ``start`` is the length of the prompt where only sampled tokens shall count, as in the published formula.
    A negative penalty makes the text repeat itself.

    Raises:
        ValueError: for a penalty that is not finite, or a negative ``start``.
    Source:
        OpenAI API reference, "Frequency and presence penalties",
        https://platform.openai.com/docs/advanced-usage
    """

    penalty: float
    start: int = 0

    def __post_init__(self) -> None:
        check_penalty(self.penalty, self.start)

    def __call__(
        self, ids: Int[Tensor, "batch time"], logits: Float[Tensor, "batch vocab"]
    ) -> Float[Tensor, "batch vocab"]:
        return logits - self.penalty * occurrences(ids[:, self.start :], logits)


@dataclass(frozen=True)
class PresencePenalty:
    """Subtract ``penalty``, once, from the logit of each token that occurs from position ``start`` on.

    ``start`` is the length of the prompt where only sampled tokens shall count, as in the published formula.

    Raises:
        ValueError: for a penalty that is not finite, or a negative ``start``.
    Source:
        OpenAI API reference, "Frequency and presence penalties",
        https://platform.openai.com/docs/advanced-usage
    """

    penalty: float
    start: int = 0

    def __post_init__(self) -> None:
        check_penalty(self.penalty, self.start)

    def __call__(
        self, ids: Int[Tensor, "batch time"], logits: Float[Tensor, "batch vocab"]
    ) -> Float[Tensor, "batch vocab"]:
        return logits - self.penalty * occurrences(ids[:, self.start :], logits).clamp(max=1)


@dataclass(frozen=True)
class NoRepeatNGram:
    """Rule out each token that would complete ``n`` tokens in a row which the text already holds.

    With ``n`` = 1 no token occurs twice. It can rule out every token; then nothing can be drawn.

    Raises:
        ValueError: if ``n`` is below 1.
    Source:
        Paulus, Xiong & Socher (2017), section 2.5, https://arxiv.org/abs/1705.04304 (for trigrams).
    """

    n: int

    def __post_init__(self) -> None:
        if isinstance(self.n, bool) or not isinstance(self.n, int):
            raise TypeError(f"n must be a whole number, got {self.n!r}")
        if self.n < 1:
            raise ValueError(f"n must be at least 1, got {self.n}; leave NoRepeatNGram out to allow repeats")

    def __call__(
        self, ids: Int[Tensor, "batch time"], logits: Float[Tensor, "batch vocab"]
    ) -> Float[Tensor, "batch vocab"]:
        n_read = ids.shape[1]
        if n_read < self.n:
            return logits
        n_grams = ids.unfold(1, self.n, 1)  # (batch, n_read - n + 1, n)
        beginning = ids[:, n_read - self.n + 1 :].unsqueeze(1)  # what the next token would complete
        repeats = (n_grams[..., :-1] == beginning).all(dim=-1)
        times = torch.zeros_like(logits, dtype=torch.long).scatter_add(-1, n_grams[..., -1], repeats.long())
        return logits.masked_fill(times > 0, -torch.inf)


@dataclass(frozen=True)
class LogitBias:
    """Add a number of the reader's to the logits of single tokens: ``{id: number}``.

    -inf rules a token out. Where some tokens have +inf, only those stay, with the odds they had among
    themselves; other numbers then have nothing to do. In the completions API -100 and 100 do nearly the same.

    Raises:
        ValueError: for a NaN, a negative id, or (when called) an id outside the vocabulary.
    Source:
        OpenAI API reference, ``logit_bias``, https://platform.openai.com/docs/api-reference/completions/create
    """

    bias: Mapping[int, float]

    def __post_init__(self) -> None:
        for token, number in self.bias.items():
            check_number(f"the bias of token {token!r}", number)
            if isinstance(token, bool) or not isinstance(token, int):
                raise TypeError(f"a bias belongs to a token id, a whole number, got {token!r}")
            if token < 0 or math.isnan(number):
                raise ValueError(f"a bias needs an id from 0 up and a number, got {token}: {number}")

    def __call__(
        self, ids: Int[Tensor, "batch time"], logits: Float[Tensor, "batch vocab"]
    ) -> Float[Tensor, "batch vocab"]:
        n_tokens = logits.shape[-1]
        if any(token >= n_tokens for token in self.bias):
            raise ValueError(f"token {max(self.bias)} has a bias, but the ids end at {n_tokens - 1}")
        added = torch.zeros_like(logits[0])
        added[list(self.bias)] = torch.tensor(list(self.bias.values())).to(added)
        if added.isposinf().any():
            added = torch.zeros_like(added).masked_fill(~added.isposinf(), -torch.inf)
        return logits + added
