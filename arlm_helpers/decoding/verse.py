"""Metre and rhyme as a rule of spelling: can a text still become verse, letter by letter?

The rule looks ahead exactly: it lets a letter come only if some way from there leads to whole lines. So
sampling under it never has to go back, and what comes out is verse by construction.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping

from arlm_helpers.decoding.rhymes import Phonemes, rhymes_of, stresses

PENTAMETER = "0101010101"  # 0 a weak place, 1 a strong one
PAUSES, ENDS = ",;:", ",;:.!?"  # marks that may stand behind a word: inside a line, and at its end
Words = frozenset[str]
LineState = tuple[int, str, str]  # syllables of the finished words, letters of the one begun, mark behind it


def fits_metre(pattern: str, at: int, metre: str) -> bool:
    """May a word of these stresses begin at place ``at``? Main stresses of longer words want strong places.

    A word of one syllable may stand anywhere, as in the verse of the plays.
    """
    places = metre[at : at + len(pattern)]
    if len(places) < len(pattern):
        return False
    return len(pattern) == 1 or all(
        place == "1" for place, s in zip(places, pattern, strict=True) if s == "1"
    )


class VerseRule:
    """Lines of a metre, made of the words of a lexicon, that rhyme; ``fits`` is for ``MatchPredicate``.

    A line begins with a capital; inside it words are lower-case but for "I". One space parts them, perhaps
    behind one of ``PAUSES``; the line ends with one of ``ENDS`` or none, and a line break, the last line too.

    Args:
        lexicon: the pronunciation of each word that may come.
        scheme: a letter for each line; lines of the same letter rhyme, as in "AABB" or "ABAB".
        metre: a 0 for each weak place of a line, a 1 for each strong one.

    Raises:
        ValueError: for a scheme or metre that is empty or has other signs, a letter that comes more than
            twice, a word that is not in lower case, or words that cannot make such lines.
    """

    def __init__(self, lexicon: Mapping[str, Phonemes], scheme: str = "AA", metre: str = PENTAMETER) -> None:
        if not metre or set(metre) - set("01"):
            raise ValueError(f"the metre is made of 0 for a weak place and 1 for a strong one, got {metre!r}")
        if not scheme.isalpha() or max(Counter(scheme).values()) > 2:
            raise ValueError(f"the scheme is letters, each once or twice, as in 'ABAB'; got {scheme!r}")
        self.scheme, self.metre, self.length = scheme, metre, len(metre)
        self.patterns = {word: stresses(sounds) for word, sounds in lexicon.items() if stresses(sounds)}
        self.rhymes = rhymes_of({word: lexicon[word] for word in self.patterns})
        self.spelled: dict[tuple[bool, str], str] = {}  # at the beginning of a line?, as written: the word
        self.begun: dict[tuple[bool, str], set[str]] = defaultdict(set)  # the same for what it begins with
        for word in self.patterns:
            self.add(word)
        self.tables: dict[Words, tuple[bool, ...]] = {}
        self.states: dict[tuple[str, Words], LineState] = {}  # of lines that may still become verse
        everything = frozenset(self.patterns)
        self.openers = frozenset(w for w in everything if self.can_finish(self.rhymes[w])[0])
        for ends, letters in ((self.openers, 2), (everything, 1)):
            if letters in Counter(scheme).values() and not self.can_finish(ends)[0]:
                raise ValueError(
                    f"{len(everything):,} words cannot make lines of metre {metre} that rhyme {scheme}; give "
                    "more words"
                )

    def add(self, word: str) -> None:
        """Write down how a word looks inside a line and at its beginning."""
        if word != word.lower() or not word.replace("'", "").isalpha():
            raise ValueError(f"words are letters in lower case and apostrophes, got {word!r}")
        letter = next(i for i, sign in enumerate(word) if sign.isalpha())
        capital = word[:letter] + word[letter:].capitalize()
        inside = capital if word == "i" or word.startswith("i'") else word
        for first, spelling in ((True, capital), (False, inside)):
            self.spelled[first, spelling] = word
            for n in range(1, len(spelling) + 1):
                self.begun[first, spelling[:n]].add(word)

    def can_finish(self, ends: Words) -> tuple[bool, ...]:
        """For each place of a line: can it be filled from there to its end, with one of ``ends`` the last?"""
        if ends not in self.tables:
            inner, last = set(self.patterns.values()), {self.patterns[word] for word in ends}
            table = [False] * self.length
            for at in reversed(range(self.length)):
                closing = any(len(p) == self.length - at and fits_metre(p, at, self.metre) for p in last)
                going = (p for p in inner if at + len(p) < self.length and fits_metre(p, at, self.metre))
                table[at] = closing or any(table[at + len(p)] for p in going)
            self.tables[ends] = tuple(table)
        return self.tables[ends]

    def end_words(self, lines: list[str]) -> Words:
        """The words with which the line behind ``lines`` may end."""
        letter = self.scheme[len(lines)]
        if letter in self.scheme[: len(lines)]:
            line = lines[self.scheme.index(letter)]
            return self.rhymes[line.rstrip(ENDS).rpartition(" ")[2].lower()]
        return self.openers if letter in self.scheme[len(lines) + 1 :] else frozenset(self.patterns)

    def goes_on(self, word: str, at: int, ends: Words) -> bool:
        """May ``word`` come at place ``at``, so that the line can be finished?"""
        pattern = self.patterns[word]
        after = at + len(pattern)
        if not fits_metre(pattern, at, self.metre):
            return False
        return word in ends if after == self.length else self.can_finish(ends)[after]

    def step(self, state: LineState, sign: str, ends: Words) -> LineState | None:
        """The state of a line after one more sign; None if it may not come."""
        at, part, mark = state
        first = at == 0
        if sign.isalpha() or sign == "'":
            words = self.begun.get((first, part + sign), ())
            alive = not mark and any(self.goes_on(word, at, ends) for word in words)
            return (at, part + sign, "") if alive else None
        word = self.spelled.get((first, part))
        if word is not None:
            at = at + len(self.patterns[word]) if self.goes_on(word, at, ends) else self.length + 1
        elif not mark:
            return None  # in the middle of a word, or behind a space
        fitting = {" ", *(PAUSES if not mark else "")} if at < self.length else set()
        fitting |= {"\n", *(ENDS if not mark else "")} if at == self.length else set()
        return (at, "", sign.strip(" ")) if sign in fitting else None

    def read(self, line: str, ends: Words) -> LineState | None:
        """The state of a line that ends on one of ``ends``; None if it cannot become one."""
        state, n_read = self.states.get((line[:-1], ends)), len(line) - 1
        if state is None:  # not asked yet: from the beginning
            state, n_read = (0, "", ""), 0
        for sign in line[n_read:]:
            state = self.step(state, sign, ends)
            if state is None:
                return None
        self.states[line, ends] = state
        return state

    def fits(self, text: str) -> bool:
        """Can ``text`` become verse, or is it?"""
        *whole, current = text.split("\n")
        if len(whole) > len(self.scheme):
            return False
        for i, line in enumerate(whole):
            if self.read(line + "\n", self.end_words(whole[:i])) is None:
                return False
        if len(whole) == len(self.scheme):
            return not current
        return self.read(current, self.end_words(whole)) is not None

    def is_whole(self, text: str) -> bool:
        """Is ``text`` verse from its first line to its last, line break included?"""
        return text.count("\n") == len(self.scheme) and self.fits(text)
