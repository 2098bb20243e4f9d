"""The toy language as a model: it knows every conditional, so no other model can do better."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from arlm_helpers.text.toy_language import ToyLanguage


@dataclass
class OracleCache:
    """The state of the grammar in each row; None before anything was read."""

    states: "Int[Tensor, ' batch'] | None" = None

    def select(self, rows: Int[Tensor, " rows"]) -> "OracleCache":
        """The cache of the given rows of the batch, in that order."""
        return OracleCache(None if self.states is None else self.states[rows])

    def copy(self) -> "OracleCache":
        """A cache that goes on from here without touching this one."""
        return OracleCache(self.states)


class Oracle:
    """Answers ``model(ids, cache)`` with the exact conditionals of a toy language, in float64.

    Words the language never says next have logit -inf. After a text that the language never says,
    nothing is known: all words are equally likely.
    """

    context_length = None  # any length may be read at once

    def __init__(self, language: ToyLanguage) -> None:
        states = list(language.rules)
        lost = len(states)  # the state after an impossible text
        self.vocab_size = language.vocab_size
        self.following = torch.full((lost + 1, self.vocab_size), lost)
        self.log_probs = torch.full((lost + 1, self.vocab_size), -torch.inf, dtype=torch.float64)
        self.log_probs[lost] = torch.tensor(1 / self.vocab_size, dtype=torch.float64).log()
        for i, state in enumerate(states):
            for word, chance in language.conditional(state).items():
                w = language.tokens.index(word)
                self.following[i, w] = states.index(language.rules[state][word][1])
                self.log_probs[i, w] = torch.tensor(float(chance), dtype=torch.float64).log()

    def new_cache(self) -> OracleCache:
        """An empty cache: the text has not begun."""
        return OracleCache()

    def __call__(
        self, ids: Int[Tensor, "batch time"], cache: OracleCache | None = None
    ) -> Float[Tensor, "batch time vocab"]:
        """Log-probabilities of the word after each position of ``ids``."""
        cache = self.new_cache() if cache is None else cache
        state = torch.zeros(len(ids), dtype=torch.long) if cache.states is None else cache.states
        logits = []
        for column in ids.unbind(dim=1):
            state = self.following[state, column]
            logits.append(self.log_probs[state])
        cache.states = state
        return torch.stack(logits, dim=1)
