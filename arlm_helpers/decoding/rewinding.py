"""Reading a text whose end may change: guesses are read, and taken back if they were wrong."""

from collections import deque
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from arlm_helpers.decoding.prefix_reader import window_start
from arlm_helpers.models.cache import TransformerCache


def forget_after(cache: TransformerCache, kept: Sequence[int]) -> None:
    """Let a cache that has read ``kept`` and more forget the rest.

    Keys and values stay where they are: the next tokens are written over them.
    """
    for layer in cache.layers:
        layer.n_read = len(kept)
    if cache.ids is not None:
        n_ids = max(cache.config.ngram_sizes) - 1
        cache.ids = torch.tensor([kept[max(len(kept) - n_ids, 0) :]]).to(cache.ids)


class RewindableReader:
    """A model that reads a text again and again while its end changes, and never reads what it knows.

    The cache of a Transformer forgets any number of tokens. Of others a copy is kept from before each of
    the last ``n_marks`` readings, and reading goes on from the latest copy that fits: for a recurrent
    model or counts that is as good, where it was read token by token. The context begins where it does for
    ``generate``, whose prompt had ``n_prompt`` tokens.
    """

    def __init__(self, model, n_prompt: int, *, n_marks: int = 8) -> None:
        self.model, self.n_prompt = model, n_prompt
        self.limit = getattr(model, "context_length", None)
        self.start, self.known, self.cache = 0, [], model.new_cache()
        self.marks = deque(maxlen=n_marks)  # (number of tokens known, copy of the cache), oldest first

    def room(self, length: int) -> int | None:
        """How many tokens can be read behind a text of ``length`` before its beginning must go."""
        if self.limit is None:
            return None
        return self.limit - (length - window_start(self.n_prompt, length, self.limit))

    def logits(self, text: Sequence[int], n_last: int = 1) -> Float[Tensor, "n_last vocab"]:
        """The model's logits after each of the last ``n_last`` tokens of ``text``."""
        text, start = list(text), window_start(self.n_prompt, len(text), self.limit)
        if start != self.start:
            self.restart(start)
        self.rewind(text, max(len(text) - n_last, start))
        if not isinstance(self.cache, TransformerCache):
            self.marks.append((len(self.known), self.cache.copy()))
        unread = torch.tensor([text[max(len(self.known), start) :]])
        self.known = text
        return self.model(unread, self.cache)[0, -n_last:].cpu()

    def restart(self, start: int) -> None:
        """Forget everything; the context begins at token ``start`` of the text."""
        self.start, self.known, self.cache = start, [], self.model.new_cache()
        self.marks.clear()

    def rewind(self, text: list[int], at_most: int) -> None:
        """Go back to where ``text`` and what is known are the same, and to ``at_most`` tokens of it."""
        n_same = min(len(self.known), at_most)
        while self.known[:n_same] != text[:n_same]:
            n_same -= 1
        if n_same == len(self.known):
            return
        if n_same <= self.start:
            self.restart(self.start)
        elif isinstance(self.cache, TransformerCache):
            forget_after(self.cache, text[self.start : n_same])
            self.known = text[:n_same]
        else:
            while self.marks and self.marks[-1][0] > n_same:
                self.marks.pop()
            if not self.marks:
                self.restart(self.start)
                return
            n_known, cache = self.marks[-1]
            self.known, self.cache = text[:n_known], cache.copy()
