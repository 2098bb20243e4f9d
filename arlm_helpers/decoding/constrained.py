"""Constrained decoding: before each choice, rule out every token after which no text could fit a pattern.

**Fitting at every step is not the same as conditioning on a text that fits.** Masking renormalises each step
on its own: the model then goes where the first token is likely, even if everything that fits behind it is
not. With P(a) = 0.9, P(x | a) = 0.01, P(b) = 0.1, P(x | b) = 0.99 and the pattern ``.x`` masked samples begin
with ``a`` in 90 of 100 cases, but of the model's own texts that fit only 1 in 12 does. ``beam_search``, which
does not renormalise, looks for the likeliest text that fits.
"""

import codecs
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from arlm_helpers.decoding.automaton import BEGIN, DEAD, FAR, Automaton, TokenAutomaton
from arlm_helpers.decoding.beam_reader import DeadEndError
from arlm_helpers.decoding.patterns import Pattern
from arlm_helpers.decoding.regex import regex
from arlm_helpers.text.tokenizers import Tokenizer


def written_so_far(ids: Int[Tensor, " time"], start: int, end_id: int | None) -> tuple[list[int], bool]:
    """The ids from ``start`` on, before the first ``end_id``; and whether that stood there.

    Raises:
        ValueError: if ``start`` lies behind the text.
    """
    if start > len(ids):
        raise ValueError(f"start = {start} tokens of prompt, but the text has only {len(ids)}")
    own = ids[start:].tolist()
    ended = end_id is not None and end_id in own
    return own[: own.index(end_id)] if ended else own, ended


def keep_allowed(
    rule: "MatchPattern | MatchPredicate",
    ids: Int[Tensor, "batch time"],
    logits: Float[Tensor, "batch vocab"],
) -> Float[Tensor, "batch vocab"]:
    """The logits of the tokens that ``rule`` allows in each row; -inf for the others.

    Raises:
        ValueError: if the logits are of another vocabulary.
        DeadEndError: if no token of a row is left.
    """
    if logits.shape[1] != rule.tokenizer.vocab_size:
        raise ValueError(
            f"the model has {logits.shape[1]} tokens, the tokenizer {rule.tokenizer.vocab_size}; use the one "
            "with which the model was trained"
        )
    allowed = np.stack([rule.allowed(row) for row in ids])
    kept = logits.masked_fill(~torch.from_numpy(allowed).to(logits.device), -torch.inf)
    for row in kept.max(dim=-1).values.isneginf().nonzero().flatten().tolist():
        text = rule.tokenizer.decode(ids[row, rule.start :].tolist())
        if allowed[row].any():
            raise DeadEndError(
                f"after {text!r} the model or an earlier processor ruled out every token that fits; put the "
                "pattern first in the policy"
            )
        raise DeadEndError(f"no token may follow {text!r}: with none of them the text still fits")
    return kept


@dataclass(frozen=True)
class MatchPattern:
    """Keep the tokens after which the text from ``start`` on can still become one that matches ``pattern``.

    ``pattern`` is a regular expression or a ``Pattern``, such as ``one_of(words)`` or ``json_shape({…})``;
    the whole text must match it. ``end_id`` may come where the text matches; other special tokens never may.
    Without ``end_id`` it is for you to stop, see ``is_complete``. With ``max_tokens`` every text is complete,
    end token included, within so many tokens from ``start`` on: nothing is begun that cannot be finished.

    See the module for what this does to probabilities. Put it first in a policy.

    Raises:
        ValueError: when built, if no text of the tokenizer matches, or none is short enough, or the pattern
            has too many states; when called, if the text so far does not fit, or for another vocabulary.
        DeadEndError: when called, if no token is left: the pattern is complete and there is no ``end_id``, or
            others ruled the rest out.
    Source:
        Willard and Louf (2023), section 3, https://arxiv.org/abs/2307.09702
    """

    pattern: str | Pattern
    tokenizer: Tokenizer
    start: int = 0
    end_id: int | None = None
    max_tokens: int | None = None

    def __post_init__(self) -> None:
        if self.start < 0:
            raise ValueError(f"start counts tokens of the prompt and must be at least 0, got {self.start}")
        shortest = self.machine.distances[BEGIN] + (self.end_id is not None)
        if shortest >= FAR:
            raise ValueError(
                "no text of this tokenizer matches it: perhaps a character of it has no token; build "
                "the tokenizer from a text that has them all, or use ByteTokenizer"
            )
        if self.max_tokens is not None and shortest > self.max_tokens:
            raise ValueError(
                f"max_tokens = {self.max_tokens} is too small: the shortest text that fits needs {shortest}"
            )

    @cached_property
    def machine(self) -> TokenAutomaton:
        """The pattern as a machine that reads this tokenizer's tokens."""
        pattern = regex(self.pattern) if isinstance(self.pattern, str) else self.pattern
        return TokenAutomaton(Automaton.of(pattern), self.tokenizer, self.end_id)

    def is_complete(self, ids: Int[Tensor, " time"]) -> bool:
        """Does the text from ``start`` on match as it is?"""
        own, _ = written_so_far(ids, self.start, self.end_id)
        automaton = self.machine.automaton
        return bool(automaton.accepting[automaton.read(self.tokenizer.decode_bytes(own))])

    def allowed(self, ids: Int[Tensor, " time"]) -> Bool[np.ndarray, " vocab"]:
        """Which tokens may come next. After the end token only that one again, as ``generate`` writes it."""
        own, ended = written_so_far(ids, self.start, self.end_id)
        allowed = np.zeros(self.tokenizer.vocab_size, dtype=bool)
        if ended:
            allowed[self.end_id] = True
            return allowed
        automaton, text = self.machine.automaton, self.tokenizer.decode_bytes(own)
        state = automaton.read(text)
        if state == DEAD:
            raise ValueError(
                f"{self.tokenizer.decode(own)!r} is no beginning of a text that matches; it is read from "
                f"token {self.start} on: start must be the length of the prompt"
            )
        n_left = FAR if self.max_tokens is None else self.max_tokens - len(own) - (self.end_id is not None)
        allowed = self.machine.tokens_left(state) <= min(n_left, FAR)
        if self.end_id is not None:
            allowed[self.end_id] = automaton.accepting[state]
        elif automaton.accepting[state] and not allowed.any():
            raise DeadEndError(
                f"the pattern is complete: {self.tokenizer.decode(own)!r} matches and nothing may follow; "
                "give end_id, or stop where is_complete(ids)"
            )
        return allowed

    def __call__(
        self, ids: Int[Tensor, "batch time"], logits: Float[Tensor, "batch vocab"]
    ) -> Float[Tensor, "batch vocab"]:
        return keep_allowed(self, ids, logits)


@dataclass(frozen=True)
class MatchPredicate:
    """Keep the tokens after which ``fits`` holds for the text from ``start`` on: a metre, a rhyme, any rule.

    ``fits(text)`` should say whether ``text`` can still become a whole one; ``is_whole(text)`` whether it is
    one, so that ``end_id`` may come; other special tokens never may. Both see whole characters only: half a
    character is let through unseen. ``fits`` is asked for each different text that a token would give, at
    every step; wrap what is slow in ``functools.cache``.

    A ``fits`` that does not look far enough ahead leads into dead ends, a ``MatchPattern`` never does. See
    the module for what this does to probabilities.

    Raises:
        ValueError: when called, for another vocabulary.
        DeadEndError: when called, if no token is left.
    """

    fits: Callable[[str], bool]
    tokenizer: Tokenizer
    start: int = 0
    end_id: int | None = None
    is_whole: Callable[[str], bool] = lambda text: True

    def allowed(self, ids: Int[Tensor, " time"]) -> Bool[np.ndarray, " vocab"]:
        """Which tokens may come next. After the end token only that one again, as ``generate`` writes it."""
        own, ended = written_so_far(ids, self.start, self.end_id)
        allowed = np.zeros(self.tokenizer.vocab_size, dtype=bool)
        if ended:
            allowed[self.end_id] = True
            return allowed
        reader = codecs.getincrementaldecoder("utf-8")("strict")
        text = reader.decode(self.tokenizer.decode_bytes(own))
        state, answers = reader.getstate(), {"": True}
        for token in range(len(allowed) - len(self.tokenizer.specials)):
            reader.setstate(state)
            try:
                more = reader.decode(self.tokenizer.token_bytes(token))
            except UnicodeDecodeError:  # bytes that no character has
                continue
            if more not in answers:
                answers[more] = bool(self.fits(text + more))
            allowed[token] = answers[more]
        if self.end_id is not None:
            allowed[self.end_id] = not state[0] and bool(self.is_whole(text))
        return allowed

    def __call__(
        self, ids: Int[Tensor, "batch time"], logits: Float[Tensor, "batch vocab"]
    ) -> Float[Tensor, "batch vocab"]:
        return keep_allowed(self, ids, logits)
