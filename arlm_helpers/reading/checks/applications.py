"""Checks of the exercises of notebook 13: applications and how to score them."""

import itertools
import math

from arlm_helpers.reading.checks.core import check

METRICS = ("accuracy", "phoneme error rate", "chrF", "ROUGE", "F1", "bits per character", "people")
GOOD_METRICS = {
    "say how a name is spoken": {"phoneme error rate"},
    "translate a letter into Chinese": {"chrF", "people"},
    "sort mail into two folders": {"accuracy"},
    "answer with a few words from a passage": {"F1"},
    "compress a play": {"bits per character"},
    "write a poem that is worth reading": {"people"},
}
WHAT_IT_ASKS = {
    "say how a name is spoken": "how many sounds have to be corrected",
    "translate a letter into Chinese": "how near the text is to a good one, in a script without blanks",
    "sort mail into two folders": "how often the one right label is given",
    "answer with a few words from a passage": "how many words an answer shares with the reference",
    "compress a play": "how many bits the model needs, which is its probability",
    "write a poem that is worth reading": "a judgement that no count can replace",
}


@check
def calibrated_label(answer):
    """Exercise 1: the label that the prompt makes more likely than an empty prompt does."""
    scores, empty = [-1.0, -2.0, -6.0], [-0.5, -3.0, -5.9]
    got = answer(list(scores), list(empty))
    if isinstance(got, bool) or not isinstance(got, int):
        return f"give the number of a label, 0, 1 or 2; got {got!r}"
    symptoms = {
        0: "0 is the label with the largest score; how large is it without any text?",
        2: "2 gains almost nothing: -6.0 against -5.9. Which one gains most?",
    }
    if got != 1:
        return symptoms.get(got, "the labels are numbered 0, 1, 2")
    if answer([-9.0, -8.0], [-9.5, -1.0]) != 0:
        return "compare the difference of logarithms: -9 behind -9.5 is a gain, -8 behind -1 a loss"
    if answer([-3.0, -1.0], [-20.0, -10.0]) != 0:
        return "a quotient of logarithms is no quotient of probabilities; subtract them"
    return None


@check
def shared_words(answer):
    """Exercise 2: F1 of two answers, each a list of normalised words."""
    cases = [
        ((["silver", "spoon"], ["silver", "spoon"]), 1.0),
        ((["silver", "spoon", "and", "bread"], ["silver", "spoon"]), 2 / 3),
        ((["bread", "bread"], ["bread"]), 2 / 3),
        ((["bread", "bread"], ["bread", "bread"]), 1.0),
        ((["bread"], ["bread", "bread"]), 2 / 3),
        ((["iron"], ["silver", "spoon"]), 0.0),
        (([], []), 1.0),
        (([], ["kelp"]), 0.0),
    ]
    for (got_words, wanted), right in cases:
        try:
            got = float(answer(list(got_words), list(wanted)))
        except ZeroDivisionError:
            return f"for {got_words} and {wanted} it divides by zero; decide these cases first"
        if math.isclose(got, right, abs_tol=1e-9):
            continue
        if len(got_words) == 4 and math.isclose(got, 0.5):
            return "that is the precision: shared words by words given. F1 asks for the recall, too"
        if len(got_words) == 4 and math.isclose(got, 1.0):
            return "that is the recall: shared words by words wanted. F1 asks for the precision, too"
        if len(got_words) == 4 and math.isclose(got, 0.75):
            return "that is the mean of precision and recall; F1 is 2PR / (P + R)"
        if wanted == ["bread", "bread"]:
            return "a word counts as often as both lists have it: use Counter, not set"
        if got_words == ["bread", "bread"]:
            return "the reference has one 'bread': the second one in the answer is not shared"
        return f"for {got_words} and {wanted} F1 is {right:.3f}, yours {got:.3f}"
    return None


@check
def keys_pressed(answer):
    """Exercise 3: the keys of a typist who takes right suggestions, from the lengths that are right."""
    cases = [
        (("to be", []), 5, "without suggestions every sign is a key"),
        (("to be", [(0, 3), (3, 5)]), 2, "taking a suggestion is a key, too: two words, two keys"),
        (("to be", [(1, 3)]), 4, "t, the suggestion for 'o ', b, e: four keys"),
        (("a be", [(0, 2), (2, 4), (3, 4)]), 2, "after a suggestion go on behind it, not at the next sign"),
        (("be", [(0, 2), (1, 2)]), 1, "a suggestion that was taken ends the word: nothing is typed twice"),
    ]
    for (text, right), keys, hint in cases:
        got = answer(text, dict(right))
        if got != keys:
            return f"{hint}; for {text!r} with {dict(right)} it is {keys}, yours {got}"
    return None


@check
def acrostic(answer):
    """Exercise 4: may a text become lines that begin with given letters?"""
    if answer("", "RO") is not True:
        return "the empty text can still become everything"
    if answer("Q", "RO") is not False:
        return "the first line begins with R: 'Q' leads nowhere"
    if answer("Red\nBlue", "RO") is not False:
        return "the second line has to begin with O"
    if answer("Red\nO", "RO") is not True:
        return "'Red' and a line that begins with O are right so far"
    if answer("Red\nOld\n", "RO") is not False:
        return "two letters, two lines: a third line may not be begun"
    if answer("Red\n", "RO") is not True:
        return "a line that is still empty may begin with its letter yet: 'Red' and a line break fit"
    if answer("\nO", "RO") is not False:
        return "an empty line begins with no letter: the first of '\\nO' is over and has no R"
    for n in range(5):
        for signs in itertools.product("ROx\n", repeat=n):
            text = "".join(signs)
            lines = text.split("\n")
            whole = zip(lines[:-1], "RO", strict=False)
            right = len(lines) <= 2 and all(line[:1] == letter for line, letter in whole)
            right = right and lines[-1][:1] in ("", "RO"[len(lines) - 1])
            if answer(text, "RO") is not right:
                return f"for {text!r} and the letters RO it should be {right}"
    return None


@check
def scoring_table(answer):
    """Exercise 5: {task: (metric, baseline, why)}."""
    if missing := [task for task in GOOD_METRICS if task not in answer]:
        return f"the table lacks {', '.join(map(repr, missing))}"
    for task, good in GOOD_METRICS.items():
        metric, baseline, why = answer[task]
        if metric not in METRICS:
            return f"{task}: the metrics are {', '.join(METRICS)}, got {metric!r}"
        if metric not in good:
            return f"{task}: what counts is {WHAT_IT_ASKS[task]}"
        if not isinstance(baseline, str) or len(baseline.split()) < 2:
            return f"{task}: name a baseline in two words at least, such as 'copy the source'"
        if not isinstance(why, str) or len(why.split()) < 4:
            return f"{task}: say why, in a sentence of four words at least"
    return None
