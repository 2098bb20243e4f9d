"""Stop strings: cut a text that arrives token by token where a given string begins, wherever tokens end."""

from collections.abc import Sequence

from arlm_helpers.text.streaming import StreamingDecoder
from arlm_helpers.text.tokenizers import Tokenizer


def checked_stops(stop: object) -> tuple[str, ...]:
    """One stop string, several or none, as a tuple.

    Raises:
        ValueError: for an empty string, which would stop before the text begins.
        TypeError: for anything else.
    """
    stops = (stop,) if isinstance(stop, str) else tuple(stop or ())
    if not all(isinstance(one, str) for one in stops):
        raise TypeError(f"stop must be a string or a list of strings, got {stop!r}")
    if "" in stops:
        raise ValueError(f"stop must not hold an empty string, got {stop!r}; leave it out to go on")
    return stops


class StopReader:
    """Text from ids that arrive one by one, up to the first stop string.

    The first is the one whose last character comes first; of those that end together, the longest. So the
    cut does not depend on how the text falls into tokens. What may be the beginning of a stop string, or of a
    character, waits inside. ``stopped`` is the stop string that was found, or None.
    """

    def __init__(self, tokenizer: Tokenizer, stop: str | Sequence[str] | None = None) -> None:
        self.stops = sorted(checked_stops(stop), key=len, reverse=True)
        self.decoder, self.waiting, self.stopped = StreamingDecoder(tokenizer), "", None

    def push(self, token_id: int) -> str:
        """Take one id and return the text that surely stands before any stop string; nothing once stopped."""
        return "" if self.stopped is not None else self.read(self.decoder.push(token_id))

    def flush(self) -> str:
        """The end of a text that goes no further: what still waits, which was no stop string after all."""
        if self.stopped is not None:
            return ""
        text = self.read(self.decoder.flush()) + self.waiting
        self.waiting = ""
        return text

    def read(self, text: str) -> str:
        """What is certain after some more text."""
        for character in text:
            self.waiting += character
            self.stopped = next((stop for stop in self.stops if self.waiting.endswith(stop)), None)
            if self.stopped is not None:
                text, self.waiting = self.waiting.removesuffix(self.stopped), ""
                return text
        beginnings = (stop[:n] for stop in self.stops for n in range(1, len(stop)))
        n_held = max((len(part) for part in beginnings if self.waiting.endswith(part)), default=0)
        certain = len(self.waiting) - n_held
        text, self.waiting = self.waiting[:certain], self.waiting[certain:]
        return text
