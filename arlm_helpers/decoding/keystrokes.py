"""How many keys a typist needs when a model suggests the rest of each word."""

from collections.abc import Callable, Sequence


def end_of_word(text: str, start: int) -> int:
    """The place behind the word that is being typed at ``start`` and the sign that ends it."""
    end = start
    while end < len(text) and text[end].isalpha():
        end += 1
    return min(end + 1, len(text))


def keystrokes(text: str, suggested: Callable[[int, int], bool]) -> int:
    """Keys pressed by a typist who takes every right suggestion and overlooks every wrong one.

    Before each key the rest of the word is suggested, with the sign that ends it; ``suggested(start, end)``
    says whether that is ``text[start:end]``. Taking it is one key. One sign alone is typed: to take it saves
    nothing. What reading the suggestions costs is not counted.

    Source:
        Trnka and McCoy (2008), "Evaluating word prediction: framing keystroke savings", section 2.
    """
    n_keys = at = 0
    while at < len(text):
        end = end_of_word(text, at)
        at = end if end - at > 1 and suggested(at, end) else at + 1
        n_keys += 1
    return n_keys


def whole_runs(hits: Sequence[bool]) -> Callable[[int, int], bool]:
    """``suggested`` for a model whose likeliest next sign is right where ``hits`` is true.

    Greedy writing follows the text exactly as long as each next sign is right, so nothing has to be written:
    one pass over the text says where all suggestions hold.
    """
    return lambda start, end: all(hits[start:end])
