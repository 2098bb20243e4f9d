"""Scoring short answers to questions about a passage: exact match, and shared words."""

import re
import string
from collections import Counter
from collections.abc import Sequence

NO_ANSWER = ""  # the reference of a question that the passage does not answer


def normalised_answer(answer: str) -> str:
    """An answer without capitals, punctuation, articles and extra blanks: what they say is compared.

    Source:
        Rajpurkar et al. (2016), section 6.1, https://arxiv.org/abs/1606.05250
    """
    bare = "".join(sign for sign in answer.lower() if sign not in string.punctuation)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", bare).split())


def answer_matches(answer: str, references: Sequence[str]) -> bool:
    """Is the normalised answer one of the references? With ``[NO_ANSWER]`` only an empty one is right."""
    return normalised_answer(answer) in {normalised_answer(one) for one in references}


def answer_f1(answer: str, references: Sequence[str]) -> float:
    """The harmonic mean of precision and recall of the answer's words, for the reference that fits best.

    A word counts as often as both have it. An empty answer or reference is right only beside another: 1 or 0.

    Raises:
        ValueError: if there is no reference; give ``[NO_ANSWER]`` for a question without an answer.
    """
    if not references:
        raise ValueError("every question needs a reference; give [NO_ANSWER] where the passage has no answer")
    return max(words_f1(normalised_answer(answer), normalised_answer(one)) for one in references)


def words_f1(answer: str, reference: str) -> float:
    """The same for one reference, both normalised."""
    got, wanted = Counter(answer.split()), Counter(reference.split())
    if not got or not wanted:
        return float(got == wanted)
    n_shared = (got & wanted).total()
    return 2 * n_shared / (got.total() + wanted.total())  # = 2PR / (P + R)
