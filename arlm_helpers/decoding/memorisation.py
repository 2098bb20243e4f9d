"""How much of a text was copied from another?"""


def longest_copy(text: str, source: str) -> str:
    """The longest piece of ``text`` that stands in ``source`` word for word; of equally long ones the first.

    What a model trained on ``source`` wrote may be memorised: Carlini et al. (2023), section 3,
    https://arxiv.org/abs/2202.07646, call a text extractable that comes out word for word.
    """
    best = ""
    for start in range(len(text)):
        while start + len(best) < len(text) and text[start : start + len(best) + 1] in source:
            best = text[start : start + len(best) + 1]
    return best
