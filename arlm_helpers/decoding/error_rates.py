"""How wrong written pronunciations are: phonemes to be corrected, and words that are not right."""

from collections.abc import Sequence
from dataclasses import dataclass

from rapidfuzz.distance import Levenshtein


@dataclass(frozen=True)
class ErrorRates:
    """Shares of phonemes and of words in error, over ``n_words`` words.

    ``phoneme`` may exceed 1, since too much may be written.
    """

    phoneme: float
    word: float
    n_words: int


def errors_to_nearest(answer: Sequence[str], references: Sequence[Sequence[str]]) -> tuple[int, int]:
    """The edit distance to the reference that is nearest to ``answer``, and the length of that reference.

    The distance counts tokens to be inserted, deleted or replaced. Of equally near references the longest
    counts.

    Raises:
        ValueError: if there is no reference, or an empty one.
    Source:
        Levenshtein (1966), "Binary codes capable of correcting deletions, insertions, and reversals".
    """
    if not references or not all(references):
        raise ValueError(f"every word needs references that are not empty, got {references!r}")
    return min(
        ((Levenshtein.distance(answer, reference), len(reference)) for reference in references),
        key=lambda found: (found[0], -found[1]),
    )


def error_rates(answers: Sequence[str], references: Sequence[Sequence[str]]) -> ErrorRates:
    """Phoneme and word error rate of ``answers``, tokens with blanks between them.

    Each answer has one or several references, and is held against the nearest: the phoneme error rate is the
    sum of the distances divided by the sum of the lengths of those references; a word is in error if its
    distance is not 0.

    Raises:
        ValueError: if there are no answers, not as many lists of references, or a reference is empty.
    Source:
        Yao and Zweig (2015), section 4, https://arxiv.org/abs/1506.00196
    """
    if not answers or len(answers) != len(references):
        raise ValueError(f"give references for each answer, got {len(references)} for {len(answers)} answers")
    found = [
        errors_to_nearest(answer.split(), [reference.split() for reference in several])
        for answer, several in zip(answers, references, strict=True)
    ]
    distances, lengths = zip(*found, strict=True)
    return ErrorRates(sum(distances) / sum(lengths), sum(map(bool, distances)) / len(answers), len(answers))
