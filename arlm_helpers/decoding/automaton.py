"""A pattern as a machine that reads bytes, and then whole tokens: which may come, and how far is the end?"""

from collections import deque
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Int

from arlm_helpers.decoding.patterns import NOTHING, Pattern, accepts_empty, after, first_edges
from arlm_helpers.text.tokenizers import Tokenizer

MOST_STATES = 20_000
DEAD, BEGIN = 0, 1
FAR = 1 << 30  # more tokens than any text has: no way leads to the end


class Automaton:
    """The states of a pattern, numbered, and where each byte leads; state 0 is the dead one, 1 the beginning.

    Args:
        following: the state after each state (row) and byte (column).
        accepting: may the text end here?
    """

    def __init__(
        self, following: Int[np.ndarray, "state 256"], accepting: Bool[np.ndarray, " state"]
    ) -> None:
        self.following, self.accepting = following, accepting

    @classmethod
    def of(cls, pattern: Pattern) -> "Automaton":
        """Follow every byte from every state that can be reached.

        Raises:
            ValueError: if there are more than ``MOST_STATES`` states.
        """
        numbers, rows = {NOTHING: DEAD, pattern: BEGIN}, []
        if pattern == NOTHING:
            return cls(np.zeros((2, 256), dtype=np.int64), np.zeros(2, dtype=bool))
        waiting = deque(numbers)
        while waiting:
            state, row = waiting.popleft(), np.zeros(256, dtype=np.int64)
            edges = sorted(first_edges(state))
            for low, high in pairwise(edges):
                rest = after(state, low)
                if rest not in numbers:
                    numbers[rest] = len(numbers)
                    waiting.append(rest)
                row[low:high] = numbers[rest]
            rows.append(row)
            if len(numbers) > MOST_STATES:
                raise ValueError(
                    f"the pattern needs more than {MOST_STATES:,} states; make its counts smaller, or use * "
                    "and max_tokens"
                )
        return cls(np.stack(rows), np.array([accepts_empty(state) for state in numbers]))

    def read(self, data: bytes, state: int = BEGIN) -> int:
        """The state after ``data``."""
        for byte in data:
            state = int(self.following[state, byte])
        return state


class TokenAutomaton:
    """The same machine for the tokens of a tokenizer: every token is the bytes it stands for.

    Special tokens are no text, so none of them may come; the end token is not text either, whatever it is.

    Args:
        automaton: the machine that reads bytes.
        tokenizer: whose ids are to be read.
        end_id: the token that ends a text.
    """

    def __init__(self, automaton: Automaton, tokenizer: Tokenizer, end_id: int | None = None) -> None:
        self.automaton, self.tokenizer = automaton, tokenizer
        self.vocab_size = tokenizer.vocab_size
        spelled = [tokenizer.token_bytes(i) for i in range(self.vocab_size)]
        first_special = self.vocab_size - len(tokenizer.specials)
        self.content = np.array(
            [i for i in range(first_special) if spelled[i] and i != end_id], dtype=np.int64
        )
        self.lengths = np.array([len(data) for data in spelled])
        self.bytes = np.zeros((self.vocab_size, self.lengths.max()), dtype=np.uint8)
        for i, data in enumerate(spelled):
            self.bytes[i, : len(data)] = list(data)
        self.distances = self.distances_to_the_end()

    def reach(self, state: int) -> Int[np.ndarray, " vocab"]:
        """The state after each token; dead where it may not come."""
        reached, tokens = np.full(self.vocab_size, DEAD), self.content
        states = np.full(len(tokens), state)
        for place in range(self.bytes.shape[1]):
            states = self.automaton.following[states, self.bytes[tokens, place]]
            ends = self.lengths[tokens] == place + 1
            reached[tokens[ends]] = states[ends]
            going = ~ends & (states != DEAD)
            tokens, states = tokens[going], states[going]
            if not len(tokens):
                break
        return reached

    def distances_to_the_end(self) -> Int[np.ndarray, " state"]:
        """The least number of tokens from each state to the end of a text, ``FAR`` where no way leads there.

        Forwards to find what tokens can reach, then backwards from the states where a text may end.
        """
        before: dict[int, list[int]] = {BEGIN: []}
        waiting = deque([BEGIN])
        while waiting:
            state = waiting.popleft()
            for reached in np.unique(self.reach(state)).tolist():
                if reached not in before and reached != DEAD:
                    waiting.append(reached)
                before.setdefault(reached, []).append(state)
        distances = np.full(len(self.automaton.accepting), FAR)
        waiting = deque(state for state in before if self.automaton.accepting[state])
        distances[list(waiting)] = 0
        while waiting:
            state = waiting.popleft()
            for earlier in before[state]:
                if distances[earlier] == FAR:
                    distances[earlier] = distances[state] + 1
                    waiting.append(earlier)
        return distances

    def tokens_left(self, state: int) -> Int[np.ndarray, " vocab"]:
        """How many tokens a text needs if it goes on with each token, that one included."""
        return self.distances[self.reach(state)] + 1
