"""Checks of the first notebook's exercises: temperatures, certainty, a sentence's bits, a broken loop."""

from __future__ import annotations

import math

from arlm_helpers.reading.checks.core import check

COLDEST_FIRST = "CAB"  # the order in which the notebook labels its three texts


@check
def count_tokens(answer):
    """How many tokens 'to be' has when every character is one."""
    if answer == 5:
        return None
    if answer == 4:
        return "the blank between the words is a character too"
    if answer == 2:
        return "'to be' has two words, but the tokens of this tokenizer are characters"
    return "count what stands between the quotation marks, one by one"


@check
def by_temperature(answer):
    """Exercise 1: the labels of three texts, the one written at the lowest temperature first."""
    given = "".join(answer).upper() if isinstance(answer, (str, list, tuple)) else ""
    letters = "".join(letter for letter in given if letter.isalpha())
    if letters == COLDEST_FIRST:
        return None
    if sorted(letters) != sorted(COLDEST_FIRST):
        return f"name each of the three texts once, for example 'ABC'; got {answer!r}"
    if letters == COLDEST_FIRST[::-1]:
        return "that is from the highest temperature to the lowest; begin with the lowest"
    if letters[-1] == COLDEST_FIRST[-1]:
        return "the highest is right; of the other two, which one uses the same few words again and again?"
    if letters[0] == COLDEST_FIRST[0]:
        return "the lowest is right; of the other two, which one has more pieces that are no words?"
    return "a low temperature repeats itself, a high one breaks words; read the three texts again"


@check
def certain_prompt(answer):
    """Exercise 2: (prompt, next_probs), where next_probs(prompt) has an entropy below 0.1 bit."""
    prompt, next_probs = answer
    if not isinstance(prompt, str):
        return f"a prompt is a text in quotation marks, got {prompt!r}"
    if not prompt:
        return "the prompt is empty; the model needs at least one character to go on from"
    try:
        probs = [float(p) for p in next_probs(prompt)]
    except ValueError as error:
        return f"the model cannot read {prompt!r}: {error}"
    entropy = -sum(p * math.log2(p) for p in probs if p > 0)
    if entropy < 0.1:
        return None
    if entropy < 1:
        return f"close: {entropy:.2f} bit after {prompt!r}; add a letter, or take a more common word"
    return (
        f"after {prompt!r} the entropy is {entropy:.2f} bits: many characters can follow. "
        "Which frequent words have a beginning that ends in one way only?"
    )


def _chance(before: str, character: str) -> float:
    """A small model for the check: it depends on the last character before, and on how much came before."""
    if not before:
        raise ValueError("nothing stands before the first character; begin with the second")
    same = character == before[-1]
    return (0.5 if same else 0.125) / (1 + len(before) % 2)


@check
def sentence_bits(answer):
    """Exercise 3: answer(chance, text), the bits of all characters after the first."""
    text = "abba"
    probs = [_chance(text[:i], text[i]) for i in range(1, len(text))]
    right = -sum(map(math.log2, probs))
    given = float(answer(_chance, text))

    def near(value: float) -> bool:
        return math.isclose(given, value, rel_tol=1e-6)

    if near(right):
        return None
    if near(-right):
        return "the sign: a probability is at most 1, so its logarithm is at most 0; bits count upwards"
    if near(right * math.log(2)):
        return "these are nats; use log2 for bits"
    if near(math.prod(probs)):
        return "that is the probability itself; take -log2 of each factor and add them up"
    if near(right / len(probs)) or near(right / len(text)):
        return "that is the mean per character; the whole text is asked for, so add up"
    if near(-sum(math.log2(_chance(text[: i + 1], text[i])) for i in range(1, len(text)))):
        return (
            "the model has already read the character that it should guess: pass text[:i], not text[:i + 1]"
        )
    if near(-sum(math.log2(_chance(text[i - 1 : i], text[i])) for i in range(1, len(text)))):
        return "pass everything before the character, text[:i], not only the last one"
    if near(-sum(map(math.log2, probs[:-1]))):
        return "the last character is missing; range(1, len(text)) reaches it"
    return f"for the text {text!r} expected {right:.3f} bits, yours gives {given:.3f}"


def _likeliest_after(ids: list[int]) -> int:
    """A small model for the check: what it writes depends on all that it reads."""
    return (sum(ids) ** 2 + len(ids)) % 11


@check
def repaired_loop(answer):
    """Exercise 4: answer(likeliest_after, ids, n_tokens), ids followed by n_tokens ids, each fed back."""
    prompt, n_tokens = [2, 5], 4
    right = list(prompt)
    for _ in range(n_tokens):
        right.append(_likeliest_after(right))
    passed = list(prompt)
    given = answer(_likeliest_after, passed, n_tokens)
    if passed != prompt:
        return f"the caller's list has become {passed}; copy it first, so that the prompt stays as it was"
    given = list(given)
    if given == right:
        return (
            None if answer(_likeliest_after, prompt, 0) == prompt else "for 0 tokens return the prompt alone"
        )
    if given == right[len(prompt) :]:
        return "these are only the new ids; return the prompt and the new ids together"
    if len(given) != len(right):
        return f"{len(prompt)} ids and {n_tokens} new ones make {len(right)}, yours returns {len(given)}"
    if len(set(given[len(prompt) :])) == 1:
        return "the new ids are all the same: the model is still asked about the prompt alone each time"
    forgetful = list(prompt)
    for _ in range(n_tokens):
        forgetful.append(_likeliest_after(forgetful[-1:]))
    if given == forgetful:
        return "the model is asked about the latest id alone; it needs the prompt and all it has written"
    return f"for the prompt {prompt} expected {right}, yours gives {given}"


@check
def known_words(answer):
    """Exercise 5: {temperature: share of written words that the training text has}, three or more."""
    if not isinstance(answer, dict):
        return "give a dictionary {temperature: share}, with at least three temperatures"
    if len(answer) < 3 or min(answer) > 0.5 or max(answer) < 1.2:
        return "take at least three temperatures, one of at most 0.5 and one of at least 1.2"
    if not all(0 <= share <= 1 for share in answer.values()):
        return "a share is a fraction from 0 to 1: known words divided by all words"
    cold, hot = answer[min(answer)], answer[max(answer)]
    if cold <= hot:
        return (
            f"the share is {cold:.2f} at the lowest temperature, {hot:.2f} at the highest; it should fall. "
            "Is the text long enough (1,000 characters), and do you compare words without punctuation?"
        )
    return None
