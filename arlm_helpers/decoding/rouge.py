"""How much of a reference a summary holds: ROUGE, as a library counts it."""

from collections.abc import Sequence
from dataclasses import dataclass

from torchmetrics.functional.text import rouge_score

KEYS = ("rouge1", "rouge2", "rougeL")


@dataclass(frozen=True)
class Rouge:
    """Means of F1 over ``n_texts``: of words, of pairs of neighbours, of the longest common subsequence."""

    rouge1: float
    rouge2: float
    rouge_l: float
    n_texts: int


def rouge(answers: Sequence[str], references: Sequence[str]) -> Rouge:
    """ROUGE-1, ROUGE-2 and ROUGE-L of each answer against its one reference, as fractions.

    Words are runs of a to z and digits, in small letters and not stemmed. Other signs separate them, so a
    text in Chinese has no words, and an answer without words has 0.

    Raises:
        ValueError: if there are no answers, or not one for each reference.
    Source:
        Lin (2004), sections 2 and 3, https://aclanthology.org/W04-1013
    """
    if not answers or len(answers) != len(references):
        raise ValueError(f"give one answer for each reference, got {len(answers)} and {len(references)}")
    scores = rouge_score(list(answers), list(references), rouge_keys=KEYS)
    return Rouge(*(scores[f"{key}_fmeasure"].item() for key in KEYS), len(answers))
