"""The different words of a text, in two parts that share no word: short texts for models of spelling."""

import re
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class WordParts:
    """Words to learn from, and others to be judged on."""

    train: tuple[str, ...]
    held_out: tuple[str, ...]


def distinct_words(text: str, *, shortest: int = 3, longest: int = 12) -> list[str]:
    """Every word of ``shortest`` to ``longest`` small letters a to z, once, in alphabetical order.

    What has a capital, an apostrophe or a digit in it is left out, and so are its pieces.

    Raises:
        ValueError: if there is no such word.
    """
    found = re.findall(rf"(?<![\w'])[a-z]{{{shortest},{longest}}}(?![\w'])", text)
    if not found:
        raise ValueError(f"the text has no word of {shortest} to {longest} small letters")
    return sorted(set(found))


def part_words(words: list[str], n_held_out: int, *, seed: int = 0) -> WordParts:
    """The words in random order, the first ``n_held_out`` of them held out.

    Raises:
        ValueError: if a part would have no word.
    """
    if not 0 < n_held_out < len(words):
        raise ValueError(f"n_held_out must be from 1 to {len(words) - 1}, got {n_held_out}")
    order = torch.randperm(len(words), generator=torch.Generator().manual_seed(seed)).tolist()
    shuffled = tuple(words[i] for i in order)
    return WordParts(shuffled[n_held_out:], shuffled[:n_held_out])
