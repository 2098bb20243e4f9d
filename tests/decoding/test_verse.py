"""Verse by construction: every text that the rule lets through, against all texts there are."""

import itertools

import pytest
import torch

from arlm_helpers.decoding.constrained import MatchPredicate
from arlm_helpers.decoding.rhymes import do_rhyme
from arlm_helpers.decoding.sampling import generate
from arlm_helpers.decoding.verse import VerseRule, fits_metre
from arlm_helpers.text.bpe import BPETokenizer
from arlm_helpers.text.tokenizers import CharTokenizer
from tests.decoding.test_constrained import Noise

LEXICON = {
    word: sounds.split()
    for word, sounds in {
        "i": "AY1",
        "my": "M AY1",
        "day": "D EY1",
        "away": "AH0 W EY1",
        "tis": "T IH1 Z",
        "'tis": "T IH1 Z",
        "table": "T EY1 B AH0 L",
        "able": "EY1 B AH0 L",
        "i'll": "AY1 L",
    }.items()
}


def is_line(line, metre):
    """Counted by hand from the lexicon, without the code that is tested."""
    if line[-1:] in ",;:.!?" and line:
        line = line[:-1]
    words, at = line.split(" "), 0
    for i, written in enumerate(words):
        word = written
        if i < len(words) - 1 and word[-1:] in ",;:" and word:
            word = word[:-1]
        base = word.lower()
        if base not in LEXICON:
            return False
        wanted = base.capitalize() if base[0] != "'" else "'T" + base[2:]
        if word != (wanted if i == 0 or base in ("i", "i'll") else base):
            return False
        pattern = [phoneme[-1] for phoneme in LEXICON[base] if phoneme[-1] in "012"]
        for stress in pattern:
            if at == len(metre) or (len(pattern) > 1 and stress == "1" and metre[at] == "0"):
                return False
            at += 1
    return at == len(metre)


def last_word(line):
    return line.rstrip(",;:.!?").split(" ")[-1].lower()


def is_couplet(text, metre):
    first, second, rest = [*text.split("\n"), "", ""][:3]
    whole = text.count("\n") == 2 and not rest and is_line(first, metre) and is_line(second, metre)
    return whole and do_rhyme(LEXICON[last_word(first)], LEXICON[last_word(second)])


@pytest.mark.parametrize(
    "pattern, at, expected",
    [
        ("1", 0, True), ("1", 1, True), ("0", 1, True),  # one syllable goes anywhere
        ("01", 0, True), ("01", 1, False), ("10", 1, True), ("10", 0, False), ("10", 3, False),
        ("102", 1, True), ("010", 0, True), ("201", 0, False), ("201", 1, True),
    ],
)  # fmt: skip
def test_main_stresses_of_longer_words_want_strong_places(pattern, at, expected):
    assert fits_metre(pattern, at, "0101") is expected


def test_what_the_rule_calls_verse_is_what_a_count_by_hand_calls_verse():
    """All texts of two lines of one or two syllables, made of every word in every spelling and every mark."""
    spelled = sorted({one for word in LEXICON for one in (word, word.capitalize(), "I'll", "'Tis")})
    ended = [word + mark for word in spelled for mark in ("", ",", ".")]
    lines = [*ended, *(" ".join(two) for two in itertools.product(ended, repeat=2))]
    for metre in ("1", "01"):
        rule, good = VerseRule(LEXICON, "AA", metre), [line for line in lines if is_line(line, metre)]
        texts = [f"{one}\n{two}\n" for one in good[::3] for two in [*good[::2], *lines[::80]]]
        verdicts = [rule.is_whole(text) for text in texts]
        assert verdicts == [is_couplet(text, metre) for text in texts] and True in verdicts


def test_what_fits_are_the_beginnings_of_verse_and_nothing_else():
    """By brute force: all couplets of one syllable a line, and every text one sign away from a beginning."""
    rule = VerseRule(LEXICON, "AA", "1")
    spelled = ["I", "My", "Day", "Tis", "'Tis", "I'll"]
    lines = [word + mark for word in spelled for mark in ("", *",;:.!?")]
    verse = [t for t in (f"{a}\n{b}\n" for a in lines for b in lines) if is_couplet(t, "1")]
    beginnings = {text[:n] for text in verse for n in range(len(text) + 1)}
    signs = "IMDTmydais'l ,.\n?"
    asked = beginnings | {text + sign for text in beginnings for sign in signs}
    assert {text for text in asked if rule.fits(text)} == beginnings
    assert {text for text in asked if rule.is_whole(text)} == set(verse)


@pytest.mark.parametrize("scheme", ["AA", "ABAB", "AB", "ABBA"])
def test_a_model_that_knows_nothing_writes_verse_and_never_gets_stuck(scheme):
    metre = "0101"
    rule, tokenizer = VerseRule(LEXICON, scheme, metre), CharTokenizer("\n ',.:;!?IMDATWBELSimdatwybels")
    for seed in range(8):
        text = written(rule, tokenizer, seed)
        lines = text.splitlines()
        assert len(lines) == len(scheme) and all(is_line(line, metre) for line in lines)
        for i, j in itertools.combinations(range(len(scheme)), 2):
            if scheme[i] == scheme[j]:
                assert do_rhyme(LEXICON[last_word(lines[i])], LEXICON[last_word(lines[j])])


def written(rule, tokenizer, seed):
    ids, text = torch.tensor([[0]]), []
    no_ascii = torch.tensor([max(tokenizer.token_bytes(i)) > 127 for i in range(tokenizer.vocab_size)])

    def whole_characters(_ids, logits):  # half a character is let through unseen, see MatchPredicate
        return logits.masked_fill(no_ascii, -torch.inf)

    for step in generate(
        Noise(tokenizer.vocab_size), ids, max_tokens=300, rng=torch.Generator().manual_seed(seed),
        processors=[MatchPredicate(rule.fits, tokenizer, start=1), whole_characters],
    ):  # fmt: skip
        text.append(int(step.ids[0]))
        if rule.is_whole(tokenizer.decode(text)):
            return tokenizer.decode(text)
    raise AssertionError(f"no verse in 300 tokens: {tokenizer.decode(text)!r}")


def test_tokens_of_several_letters_are_read_letter_by_letter():
    tokenizer = BPETokenizer.train("Away, my day\nI'll away\n" * 3, 275)
    text = written(VerseRule(LEXICON, "AA", "0101"), tokenizer, 0)
    assert is_couplet(text, "0101")


def test_a_first_line_does_not_end_where_nothing_could_answer():
    rule = VerseRule(LEXICON, "AA", "1")
    assert rule.fits("Day") is False  # "away" rhymes, but has two syllables
    assert VerseRule(LEXICON, "AA", "01").fits("My day\nAway") is True
    assert rule.fits("Tis\n") is False  # only "'tis" sounds like it, and that is no rhyme
    assert VerseRule(LEXICON, "AB", "1").fits("Tis\nDay\n") is True


def test_a_text_of_any_length_is_judged_and_only_beginnings_of_verse_are_remembered():
    rule = VerseRule(LEXICON, "AA", "0101")
    assert rule.fits("My day " * 5000) is False and rule.fits("x" * 5000) is False
    assert not any(line.startswith("x") or len(line) > 40 for line, _ in rule.states)


def test_nothing_follows_a_whole_text():
    rule = VerseRule(LEXICON, "AA", "1")
    assert rule.is_whole("I\nMy\n") and not rule.fits("I\nMy\n ") and not rule.is_whole("I\nMy")


@pytest.mark.parametrize(
    "options, words",
    [
        ({"metre": ""}, "the metre is made of 0 for a weak place and 1 for a strong one, got ''"),
        ({"metre": "01x"}, "got '01x'"),
        ({"scheme": ""}, "each once or twice"),
        ({"scheme": "AAA"}, "got 'AAA'"),
        ({"scheme": "A B"}, "got 'A B'"),
        ({"lexicon": {}}, "0 words cannot make lines of metre 0101010101 that rhyme AA; give more"),
        ({"lexicon": {"day": ["D", "EY1"]}}, "1 words cannot make lines"),
        ({"lexicon": {"Day": ["D", "EY1"]}}, "words are letters in lower case and apostrophes, got 'Day'"),
        ({"lexicon": {"to-day": ["D", "EY1"]}}, "got 'to-day'"),
    ],
)
def test_what_cannot_be_verse_is_refused(options, words):
    with pytest.raises(ValueError, match=words.replace("'", ".")):
        VerseRule(**{"lexicon": LEXICON, **options})
