"""Checks of the exercises of notebook 03: bytes, merges, and the price of a token."""

import math

from arlm_helpers.reading.checks.core import check

BROKEN = "\N{REPLACEMENT CHARACTER}"


@check
def utf8_length(answer):
    """Exercise 1: a function from a text to its number of bytes in UTF-8."""
    if answer("中") == 1 and answer("🙂") == 1:
        return "every character counts as one byte; len() counts characters, UTF-8 needs up to four bytes"
    if answer("") != 0:
        return f"an empty text has 0 bytes, yours gives {answer('')}"
    for name, text in {
        "'A'": "A", "U+007F": "\x7f", "U+0080": "\x80", "'é'": "é", "U+07FF": "\u07ff", "U+0800": "\u0800",
        "'中'": "中", "U+FFFF": "\uffff", "U+10000": "\U00010000", "'🙂'": "🙂", "'a中🙂'": "a中🙂",
    }.items():  # fmt: skip
        right = len(text.encode())
        if answer(text) != right:
            edge = "; look at < and <= in the table" if name.startswith("U+") else ""
            return f"{name} should have {right} bytes, yours gives {answer(text)}{edge}"
    return None


@check
def encode_by_hand(answer):
    """Exercise 2: how the six merges cut the word *things*."""
    given = answer.split() if isinstance(answer, str) else list(answer)
    if "".join(given) != "things":
        return f"the tokens joined should spell 'things', yours spell {''.join(given)!r}"
    symptoms = {
        ("thin", "g", "s"): None,
        ("th", "ing", "s"): "in + g is merge 6; at that time another merge of 'in' has a smaller number",
        ("t", "hi", "ng", "s"): "h + i is merge 3, but t + h is merge 1 and needs the same h",
        ("th", "in", "g", "s"): "go on: th and in stand side by side now, and there is a merge for them",
        ("thing", "s"): "no merge makes 'thing'; a token must be one of those that the merges make",
        ("th", "i", "ng", "s"): "n + g is merge 5, but i + n is merge 2 and needs the same n",
        ("thin", "gs"): "no merge makes 'gs'; letters without a merge stay alone",
    }
    if tuple(given) in symptoms:
        return symptoms[tuple(given)]
    return "begin with t, h, i, n, g, s; of all pairs side by side, merge the one with the smallest number"


@check
def longest_match(answer):
    """Exercise 3: cut a word by taking the longest token at its beginning, again and again."""
    letters = set("abcdefghijklmnopqrstuvwxyz")
    cases = [
        ("ab", letters, ["a", "b"]),
        ("things", letters | {"th", "thin", "ing", "in"}, ["thin", "g", "s"]),
        ("king", letters | {"king"}, ["king"]),
        ("abab", letters | {"ab"}, ["ab", "ab"]),
        ("abcd", letters | {"abc", "cd", "bcd"}, ["abc", "d"]),
        ("", letters, []),
    ]
    for word, vocabulary, right in cases:
        before = set(vocabulary)
        given = answer(word, vocabulary)
        if vocabulary != before:
            return "the vocabulary given to the function has changed; leave it as it is"
        if isinstance(given, str):
            return f"return a list of strings, got the string {given!r}"
        if list(given) == right:
            continue
        if "".join(given) != word:
            return f"the pieces of {word!r} should spell it again, yours spell {''.join(given)!r}"
        if len(given) == len(word) > len(right):
            return f"{word!r} is cut into single letters; try the longest beginning first, not the shortest"
        if word == "abcd" and list(given) == ["a", "bcd"]:
            return "'abcd' begins with the token 'abc'; take the longest at the beginning, not from the end"
        return f"{word!r} should become {right}, yours gives {list(given)}"
    return None


@check
def perplexity_per_character(answer):
    """Exercise 4: from the perplexity per token to the perplexity per character."""
    got = answer(16, 50, 100)
    symptoms = {
        8.0: "8 shares the perplexity out; share out the surprise, which is its logarithm",
        32.0: "32 multiplies the perplexity; work with the surprise, which is its logarithm",
        256.0: "256 is 16 to the power 100/50; the surprise is shared over *more* units, so it gets smaller",
        math.log(4): "1.386 is the surprise in nats per character; take the exponential at the end",
        2.0: "2 is the surprise in bits per character; the perplexity is 2 to that power",
        16.0: "16 is the perplexity per token; there are twice as many characters as tokens",
    }
    for value, hint in symptoms.items():
        if math.isclose(got, value, rel_tol=1e-6):
            return hint
    if not math.isclose(got, 4, rel_tol=1e-6):
        return f"16 per token with 50 tokens and 100 characters is 16 ** 0.5 = 4, yours gives {got:.4g}"
    for numbers, right in {(8, 10, 30): 2.0, (5, 7, 7): 5.0, (3, 20, 10): 9.0}.items():
        if not math.isclose(answer(*numbers), right, rel_tol=1e-6):
            return f"{numbers} should give {right:g}, yours gives {answer(*numbers):.4g}"
    return None


@check
def shown_pieces(answer):
    """Exercise 5: what to show as each token's bytes arrive; no character is broken or lost."""
    whole = "茶 🍵 é!"
    data = whole.encode()
    for pieces in ([data[i : i + 1] for i in range(len(data))], [data[:2], data[2:6], data[6:]], [data]):
        given = list(answer(list(pieces)))
        if len(given) != len(pieces):
            return f"{len(pieces)} pieces came, so return {len(pieces)} strings, some empty; got {len(given)}"
        if any(BROKEN in text for text in given):
            return "there are replacement signs: a piece that ends inside a character was decoded by itself"
        if any("⟨" in text or "\\x" in text for text in given):
            return (
                "bytes are shown as numbers, but the rest of the character was still to come; let them wait"
            )
        if "".join(given) != whole:
            return f"joined they should be {whole!r}, yours are {''.join(given)!r}; no byte may be dropped"
        sizes = [len("".join(given[: i + 1]).encode()) for i in range(len(given))]
        for i, size in enumerate(sizes):
            ready = len(b"".join(pieces[: i + 1]).decode(errors="ignore").encode())
            if size < ready:
                return (
                    f"after piece {i + 1} of {len(pieces)} more is complete than is shown; do not hold back"
                )
    if list(answer([])) != []:
        return "without pieces there is nothing to show: return an empty list"
    return None


@check
def my_vocabulary(answer):
    """Exercise 6: {"sizes": {size: (tokens, bits per character)}, "chosen": size, "why": text}."""
    if missing := {"sizes", "chosen", "why"} - set(answer):
        return f"the report lacks {sorted(missing)}"
    sizes, chosen, why = answer["sizes"], answer["chosen"], answer["why"]
    numbers = [number for pair in sizes.values() for number in pair]
    if any(number is ... or number is None for number in [*numbers, chosen]):
        return "some numbers are still `...`"
    if len(sizes) < 4:
        return f"{len(sizes)} sizes were tried; try at least 4, say 256, 512, 1024 and 2048"
    if not all(0 < number < math.inf for number in numbers):
        return "every number should be positive and finite; is the model smoothed, the text not empty?"
    ratios = [sizes[size][0] for size in sorted(sizes)]
    if ratios != sorted(ratios, reverse=True):
        return "tokens per character rise with the size somewhere; a larger vocabulary has all smaller merges"
    if max(bpc for _, bpc in sizes.values()) > 24:
        return "more than 24 bits for one character: is it bits of the whole text, or of a token?"
    if chosen not in sizes:
        return f"the chosen size {chosen!r} is none of those tried: {sorted(sizes)}"
    ratio, bpc = sizes[chosen]
    for size, (other_ratio, other_bpc) in sizes.items():
        if other_ratio < ratio and other_bpc < bpc - 0.01:
            return f"size {size} has fewer tokens and fewer bits than {chosen}; why not that?"
    if len(why.strip(". ")) < 20:
        return "say in a sentence why: what do you gain with this size, and what do you pay?"
    return None
