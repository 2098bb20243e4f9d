"""A toy language, English and Chinese, about which everything is known exactly.

A sentence walks from state to state; each word leads to one next state. So the words read so far
fix the state, the state fixes the chances of the next word, and every probability is a fraction.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
import torch

# state: {word: (weight, next state)}. "who … ?" and "cats … sleep" must be remembered across any
# number of adverbs: no fixed number of earlier words is always enough.
TOY_RULES = {
    "START": {"the": (4, "NOUN"), "who": (1, "WHO"), "一只": (2, "只"), "一条": (2, "条"), "谁": (1, "谁")},
    "NOUN": {"cat": (3, "ONE"), "dog": (2, "ONE"), "cats": (3, "MANY"), "dogs": (2, "MANY")},
    "ONE": {"often": (2, "ONE"), "never": (1, "ONE"), "sleeps": (4, "."), "sings": (3, ".")},
    "MANY": {"often": (2, "MANY"), "never": (1, "MANY"), "sleep": (4, "."), "sing": (3, ".")},
    "WHO": {"often": (2, "WHO"), "never": (1, "WHO"), "sleeps": (4, "?"), "sings": (3, "?")},
    "只": {"猫": (3, "它"), "狗": (2, "它")},
    "条": {"鱼": (3, "它"), "蛇": (2, "它")},
    "它": {"常常": (2, "它"), "从不": (1, "它"), "睡觉": (4, "。"), "唱歌": (3, "。")},
    "谁": {"常常": (2, "谁"), "从不": (1, "谁"), "睡觉": (4, "？"), "唱歌": (3, "？")},
    ".": {".": (1, "START")},
    "?": {"?": (1, "START")},
    "。": {"。": (1, "START")},
    "？": {"？": (1, "START")},
}


@dataclass(frozen=True)
class ToyLanguage:
    """A stochastic grammar whose state is fixed by the words read (a unifilar automaton).

    The text is an endless stream of sentences; it begins in the first state of ``rules``.

    Raises:
        ValueError: if a weight is not positive, or a rule leads to a state without rules.
    """

    rules: Mapping[str, Mapping[str, tuple[int, str]]]

    def __post_init__(self) -> None:
        for state, words in self.rules.items():
            for word, (weight, following) in words.items():
                if weight <= 0:
                    raise ValueError(
                        f"weights must be positive, got {weight} for {word!r} in state {state!r}"
                    )
                if following not in self.rules:
                    raise ValueError(
                        f"{word!r} in state {state!r} leads to {following!r}, which has no rules"
                    )

    @property
    def start(self) -> str:
        """The state in which a text begins."""
        return next(iter(self.rules))

    def conditional(self, state: str) -> dict[str, Fraction]:
        """P(next word | state), exactly."""
        total = sum(weight for weight, _ in self.rules[state].values())
        return {word: Fraction(weight, total) for word, (weight, _) in self.rules[state].items()}

    @cached_property
    def tokens(self) -> tuple[str, ...]:
        """The vocabulary: every word once, in the order of the rules; a word's id is its place."""
        return tuple(dict.fromkeys(word for words in self.rules.values() for word in words))

    @property
    def vocab_size(self) -> int:
        """Number of different words."""
        return len(self.tokens)

    def encode(self, text: str) -> list[int]:
        """Ids of words separated by white space."""
        unknown = sorted(set(text.split()) - set(self.tokens))
        if unknown:
            raise ValueError(f"not words of the toy language: {unknown[:10]}; its words are {self.tokens}")
        return [self.tokens.index(word) for word in text.split()]

    def decode(self, ids: Sequence[int]) -> str:
        """The words of the ids, separated by spaces."""
        return " ".join(self.tokens[i] for i in ids)


def joint_probability(language: ToyLanguage, words: Sequence[str]) -> Fraction:
    """P(words), exactly, by the chain rule: one factor a word, given all the words before it."""
    joint, state = Fraction(1), language.start
    for word in words:
        if word not in language.rules[state]:
            return Fraction(0)  # the language never says this
        joint *= language.conditional(state)[word]
        state = language.rules[state][word][1]
    return joint


def draw_word(chances: Mapping[str, Fraction], u: float) -> str:
    """The word on which a dart ``u`` in [0, 1) lands when the words lie end to end."""
    *words, last = chances.items()
    for word, chance in words:
        u -= chance
        if u < 0:
            return word
    return last[0]


def sample_words(language: ToyLanguage, n_words: int, rng: torch.Generator) -> list[str]:
    """Speak ``n_words`` words, each drawn from its exact conditional."""
    words, state = [], language.start
    for u in torch.rand(n_words, generator=rng, dtype=torch.float64).tolist():
        words.append(draw_word(language.conditional(state), u))
        state = language.rules[state][words[-1]][1]
    return words


def entropy(chances: Mapping[str, Fraction]) -> float:
    """Mean surprise of a distribution in nats."""
    return -sum(float(p) * math.log(p) for p in chances.values())


def occupancy(language: ToyLanguage) -> dict[str, float]:
    """The share of time that an endless text spends in each state: what flows in equals what flows out."""
    states = list(language.rules)
    flow = np.zeros((len(states), len(states)))
    for i, state in enumerate(states):
        for word, chance in language.conditional(state).items():
            flow[states.index(language.rules[state][word][1]), i] += chance
    balance = np.vstack([flow - np.eye(len(states)), np.ones(len(states))])  # the last line: shares sum to 1
    shares = np.linalg.lstsq(balance, np.append(np.zeros(len(states)), 1.0), rcond=None)[0]
    return dict(zip(states, shares.tolist(), strict=True))


def entropy_rate(language: ToyLanguage) -> float:
    """Nats per word that no model can beat on a long text: the entropies of the states, by their shares.

    Source:
        Shannon (1948), section 7, theorem 5.
    """
    shares = occupancy(language)
    return sum(share * entropy(language.conditional(state)) for state, share in shares.items())


TOY = ToyLanguage(TOY_RULES)
