"""Samples within a pattern: every step against all texts there are, and what masking does not do."""

import itertools
import json
import re
from fractions import Fraction
from functools import cache

import pytest
import torch
from scipy.stats import chisquare

from arlm_helpers.decoding.beam import beam_search
from arlm_helpers.decoding.beam_reader import DeadEndError
from arlm_helpers.decoding.constrained import MatchPattern, MatchPredicate
from arlm_helpers.decoding.json_shape import json_shape
from arlm_helpers.decoding.logits import TopK
from arlm_helpers.decoding.patterns import one_of
from arlm_helpers.decoding.penalties import LogitBias
from arlm_helpers.decoding.sampling import generate
from arlm_helpers.models.oracle import Oracle, OracleCache
from arlm_helpers.text.bpe import BPETokenizer
from arlm_helpers.text.tokenizers import ByteTokenizer, CharTokenizer
from arlm_helpers.text.toy_language import ToyLanguage
from arlm_helpers.training.losses import log_probs_of
from tests.zoo import MODELS

ABC = CharTokenizer("abc", specials=("<end>",))
END = 3
NONE = torch.zeros(0, dtype=torch.long)
BYTES = ByteTokenizer(specials=("<end>",))
BPE = BPETokenizer.train("你好 你好 yes no yes maybe 👩 👩", 275, specials=("<end>",))


class Noise:
    """A model of random numbers that depend on the last token: nothing to learn, nothing to remember."""

    context_length = None

    def __init__(self, vocab_size):
        self.vocab_size = vocab_size
        self.table = torch.randn(vocab_size, vocab_size, generator=torch.Generator().manual_seed(0))

    def new_cache(self):
        return OracleCache()

    def __call__(self, ids, cache=None):
        return self.table[ids]


def sampled(constraint, prompt=(0,), rows=1, max_tokens=60, seed=0, processors=()):
    """The texts written behind the prompt, and whether each ended."""
    ids = torch.tensor([prompt]).expand(rows, -1)
    steps = generate(
        Noise(constraint.tokenizer.vocab_size), ids, max_tokens=max_tokens,
        processors=[constraint, *processors], end_id=constraint.end_id,
        rng=torch.Generator().manual_seed(seed),
    )  # fmt: skip
    texts = []
    for row in torch.stack([step.ids for step in steps], dim=1).tolist():
        ended = constraint.end_id in row
        texts.append(
            (constraint.tokenizer.decode(row[: row.index(constraint.end_id)] if ended else row), ended)
        )
    return texts


@pytest.mark.parametrize("expression", ["a*b", "(ab|ba)*", "a|bc?", "[^a]{1,3}", "(a|ab)(c|bcc)", "c{2,}"])
def test_each_step_is_the_models_distribution_renormalised_over_what_can_still_match(expression):
    """By brute force over all texts of up to five letters, after every beginning of up to two."""
    texts = {"".join(t) for n in range(6) for t in itertools.product("abc", repeat=n)}
    matching = {text for text in texts if re.fullmatch(expression, text)}
    model, constraint = MODELS["gpt"](4), MatchPattern(expression, ABC, start=1, end_id=END)
    for beginning in sorted(text for text in texts if len(text) < 3):
        if not any(text.startswith(beginning) for text in matching):
            continue
        ids = torch.tensor([[1, *ABC.encode(beginning)]])
        probs = model(ids)[0, -1].softmax(-1)
        can_follow = [any(text.startswith(beginning + letter) for text in matching) for letter in "abc"]
        allowed = torch.tensor([*can_follow, beginning in matching])
        expected = torch.where(allowed, probs, 0) / probs[allowed].sum()
        torch.testing.assert_close(constraint(ids, model(ids)[:, -1])[0].softmax(-1), expected)


def test_samples_are_distributed_as_the_product_of_their_steps():
    """Chi-square on 4,000 rows drawn together, four texts; false alarm once in a million."""
    constraint = MatchPattern("ab|ac|b|ca", ABC, start=1, end_id=END)
    model, expected = Noise(4), {}
    for text in ("ab", "ac", "b", "ca"):
        ids, chance = torch.tensor([[0, *ABC.encode(text), END]]), 1.0
        for n in range(1, ids.shape[1]):
            step = constraint(ids[:, :n], model(ids[:, :n])[:, -1]).double().softmax(-1)
            chance *= step[0, ids[0, n]].item()
        expected[text] = chance
    assert sum(expected.values()) == pytest.approx(1)
    drawn = [text for text, ended in sampled(constraint, rows=4000) if ended]
    counts = [drawn.count(text) for text in expected]
    assert chisquare(counts, [4000 * chance for chance in expected.values()]).pvalue > 1e-6


def test_masking_every_step_is_not_conditioning_on_the_whole_text():
    """The numbers of the module's docstring, exactly; beam search finds the likeliest text that fits."""
    rules = {
        "start": {".": (1, "begin")},
        "begin": {"a": (9, "after a"), "b": (1, "after b")},
        "after a": {"x": (1, "start"), "y": (99, "start")},
        "after b": {"x": (99, "start"), "y": (1, "start")},
    }
    language = ToyLanguage(rules)
    model, letters = Oracle(language), CharTokenizer("".join(language.tokens))

    def chance(text):
        ids = torch.tensor([letters.encode("." + text)])
        return log_probs_of(model(ids[:, :-1]), ids[:, 1:]).sum().exp().item()

    assert chance("ax") / (chance("ax") + chance("bx")) == pytest.approx(float(Fraction(1, 12)))
    prompt, constraint = torch.tensor(letters.encode(".")), MatchPattern(".x", letters, start=1)
    masked = constraint(prompt.unsqueeze(0), model(prompt.unsqueeze(0))[:, -1]).softmax(-1)
    assert masked[0, letters.encode("a")[0]].item() == pytest.approx(0.9)
    (best,) = beam_search(model, prompt, n_beams=2, max_tokens=2, filters=[constraint])
    assert letters.decode(best.ids) == "bx"


WORDS = ["yes", "no", "maybe", "你好", "你们", "👩‍👩‍👧"]


@pytest.mark.parametrize("tokenizer", [BYTES, BPE], ids=["bytes", "bpe"])
def test_only_listed_words_are_written_chinese_and_emoji_whole(tokenizer):
    constraint = MatchPattern(one_of(WORDS), tokenizer, start=1, end_id=tokenizer.vocab_size - 1)
    texts = sampled(constraint, rows=300)
    assert all(ended for _, ended in texts)
    assert {text for text, _ in texts} == set(WORDS)


def test_a_token_of_several_characters_may_cross_the_parts_of_a_pattern():
    merged = BPETokenizer.train("ababab ababab", 258)
    constraint = MatchPattern("a(b|c)a?b", merged)
    allowed = constraint.allowed(NONE)
    assert [merged.tokens[i] for i in allowed.nonzero()[0]] == ["a", "ab", "abab"]


@pytest.mark.parametrize("tokenizer", [BYTES, BPE], ids=["bytes", "bpe"])
@pytest.mark.parametrize("max_tokens", [40, 90])
def test_json_of_a_shape_is_always_complete_within_the_budget(tokenizer, max_tokens):
    shape = {"who": str, "n": int, "tags": [("red", "blue")]}
    end = tokenizer.vocab_size - 1
    constraint = MatchPattern(json_shape(shape), tokenizer, start=2, end_id=end, max_tokens=max_tokens)
    for text, ended in sampled(constraint, prompt=(5, 6), rows=20, max_tokens=max_tokens):
        value = json.loads(text)
        assert ended and list(value) == ["who", "n", "tags"] and set(value["tags"]) <= {"red", "blue"}
        assert isinstance(value["who"], str) and isinstance(value["n"], int)


def test_the_budget_allows_exactly_the_texts_that_are_short_enough():
    for max_tokens in (3, 4, 5):
        constraint = MatchPattern("a*b", ABC, start=1, end_id=END, max_tokens=max_tokens)
        texts = {text for text, _ in sampled(constraint, rows=400, max_tokens=9)}
        assert texts == {"a" * n + "b" for n in range(max_tokens - 1)}
    with pytest.raises(ValueError, match="max_tokens = 1 is too small: the shortest text that fits needs 2"):
        MatchPattern("a*b", ABC, end_id=END, max_tokens=1)


def test_a_budget_without_an_end_token_is_used_up_by_the_text():
    constraint = MatchPattern("(ab)*c", ABC, max_tokens=3)
    assert constraint.allowed(NONE).tolist() == [True, False, True, False]
    assert constraint.allowed(torch.tensor([0, 1])).tolist() == [False, False, True, False]


def test_a_row_that_has_ended_repeats_its_end_and_the_others_go_on():
    constraint = MatchPattern("a|bbbb", ABC, start=1, end_id=END)
    ids = torch.tensor([[0, 0, END, END], [0, 1, 1, 1]])
    kept = constraint(ids, torch.zeros(2, 4)).isfinite()
    assert kept.tolist() == [[False, False, False, True], [False, True, False, False]]


def test_names_of_special_tokens_are_no_text():
    constraint = MatchPattern("<end>|a", CharTokenizer("a<end>", specials=("<END>", "<end>")))
    allowed = constraint.allowed(NONE)
    assert allowed.tolist() == [True, True] + 6 * [False]


def test_an_ordinary_end_token_comes_only_where_the_text_may_end():
    constraint = MatchPattern("a+b?", ABC, end_id=1)  # b ends the text, so it is no part of it
    assert constraint.allowed(torch.tensor([0])).tolist() == [True, True, False, False]
    assert constraint.allowed(NONE).tolist() == [True, False, False, False]


def test_no_text_holds_the_end_token_in_its_middle():
    with pytest.raises(ValueError, match="no text of this tokenizer matches it"):
        MatchPattern("abc", ABC, end_id=1)


def test_without_an_end_token_a_complete_text_is_reported():
    constraint = MatchPattern("ab|ac", ABC, start=1)
    with pytest.raises(
        DeadEndError, match=r"complete: 'ab' matches and nothing may follow; give end_id, or stop"
    ):
        constraint(torch.tensor([[2, 0, 1]]), torch.zeros(1, 4))
    assert constraint.is_complete(torch.tensor([2, 0, 1]))
    assert not constraint.is_complete(torch.tensor([2, 0]))


def test_the_model_or_an_earlier_processor_that_leaves_nothing_is_named():
    ids, constraint = torch.tensor([[0]]), MatchPattern("a", ABC, start=1)
    without_a = LogitBias({0: -torch.inf})
    with pytest.raises(
        DeadEndError, match="after '' the model or an earlier processor ruled out every token"
    ):
        constraint(ids, without_a(ids, torch.zeros(1, 4)))


def test_a_later_processor_chooses_among_what_fits():
    constraint = MatchPattern("[bc]{5}", ABC, start=1, end_id=END)
    (one, _), (two, _) = (sampled(constraint, processors=[TopK(1)], seed=seed)[0] for seed in (0, 1))
    assert one == two and re.fullmatch("[bc]{5}", one)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"pattern": "x|y"}, "no text of this tokenizer matches it: perhaps a character of it has no token"),
        ({"pattern": "a", "start": -1}, "start counts tokens of the prompt and must be at least 0, got -1"),
        ({"pattern": "(a"}, "a ) is missing at position 2"),
        ({"pattern": one_of(["a"]), "max_tokens": 0}, "max_tokens = 0 is too small"),
    ],
)
def test_a_pattern_that_cannot_be_kept_is_refused_when_it_is_built(options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        MatchPattern(tokenizer=ABC, **options)


def test_a_dead_branch_of_a_pattern_is_closed_where_it_begins():
    """x has no token, so nothing that begins with b can be finished."""
    constraint = MatchPattern("ab|bx", ABC)
    assert constraint.allowed(NONE).tolist() == [True, False, False, False]


def test_a_text_that_does_not_fit_another_vocabulary_and_a_short_text_are_refused():
    constraint = MatchPattern("ab", ABC, start=1)
    with pytest.raises(
        ValueError, match="'c' is no beginning of a text that matches; it is read from token 1 on"
    ):
        constraint(torch.tensor([[0, 2]]), torch.zeros(1, 4))
    with pytest.raises(ValueError, match="the model has 5 tokens, the tokenizer 4"):
        constraint(torch.tensor([[0]]), torch.zeros(1, 5))
    with pytest.raises(ValueError, match="start = 1 tokens of prompt, but the text has only 0"):
        constraint(torch.zeros(1, 0, dtype=torch.long), torch.zeros(1, 4))


def test_logits_are_not_changed_and_what_fits_keeps_its_number():
    logits = torch.tensor([[1.0, 2.0, 3.0, 4.0]])
    kept = MatchPattern("a|b", ABC, start=1, end_id=END)(torch.tensor([[0]]), logits)
    assert kept.tolist() == [[1.0, 2.0, -torch.inf, -torch.inf]]
    assert logits.tolist() == [[1.0, 2.0, 3.0, 4.0]]


STRESS = {"to": "0", "be": "1", "or": "0", "not": "1", "question": "10", "forever": "010", "love": "1"}


def stresses(text):
    """Stressed and unstressed syllables of the words that have ended; None for an unknown word."""
    *whole, last = text.split(" ")
    if any(word not in STRESS for word in whole) or not any(word.startswith(last) for word in STRESS):
        return None
    return "".join(STRESS[word] for word in whole)


def iambic(n_feet):
    """``fits`` and ``is_whole`` of a line of iambs; it looks ahead to the end of the word that has begun."""
    line = "01" * n_feet

    @cache
    def fits(text):
        so_far, begun = stresses(text), text.rpartition(" ")[2]
        if so_far is None:
            return False
        return any(line.startswith(so_far + STRESS[word]) for word in STRESS if word.startswith(begun))

    def is_whole(text):
        return stresses(text + " ") == line

    return fits, is_whole


def test_a_metre_is_kept_by_a_predicate():
    letters = CharTokenizer.from_text(" ".join(STRESS), specials=("<end>",))
    fits, is_whole = iambic(3)
    constraint = MatchPredicate(fits, letters, start=1, end_id=letters.vocab_size - 1, is_whole=is_whole)
    texts = [text for text, ended in sampled(constraint, rows=40) if ended]
    assert len(set(texts)) > 5
    for text in texts:
        assert "".join(STRESS[word] for word in text.split(" ")) == "010101"


def test_a_predicate_allows_exactly_what_it_says():
    constraint = MatchPredicate(lambda text: text.count("a") < 2, ABC, start=1, end_id=END)
    assert constraint.allowed(torch.tensor([0, 1, 0])).tolist() == [False, True, True, True]
    assert constraint.allowed(torch.tensor([0, 1])).tolist() == [True, True, True, True]
    assert constraint.allowed(torch.tensor([0, 1, END])).tolist() == [False, False, False, True]


def test_a_predicate_sees_whole_characters_only_and_bytes_that_are_none_do_not_come():
    asked = []

    def fits(text):
        asked.append(text)
        return text in ("你", "好")

    constraint, ids = MatchPredicate(fits, BYTES, end_id=256), torch.tensor(BYTES.encode("你"))
    first, second, third = (constraint.allowed(ids[:n]) for n in range(3))
    assert all(len(text) == 1 for text in asked)
    assert first[0xE4] and first[0xE5] and not first[0xFF] and not first[0x80] and not first[ord("a")]
    assert second[0xBD] and not second[ord("a")]
    assert third.nonzero()[0].tolist() == [0xA0]  # not even the end token


def test_a_predicate_that_looks_too_short_meets_a_dead_end_which_beam_search_leaves():
    constraint = MatchPredicate(lambda text: text in ("a", "b", "bc"), ABC, start=1)
    with pytest.raises(DeadEndError, match="no token may follow 'a': with none of them the text still fits"):
        constraint(torch.tensor([[0, 0]]), torch.zeros(1, 4))
    (found,) = beam_search(Noise(4), torch.tensor([0]), n_beams=2, max_tokens=2, filters=[constraint])
    assert ABC.decode(found.ids) == "bc"


def test_beam_search_in_a_pattern_finds_the_likeliest_text_that_fits():
    constraint = MatchPattern("[ab]{2,3}c", ABC, start=1, end_id=END)
    model, scored = MODELS["gpt"](4), []
    for n in (2, 3):
        for letters in itertools.product("ab", repeat=n):
            ids = torch.tensor([[1, *ABC.encode("".join(letters) + "c"), END]])
            log_probs = model(ids)[0, :-1].log_softmax(-1).gather(1, ids[0, 1:, None])
            scored.append((log_probs.sum().item(), tuple(ids[0, 1:].tolist())))
    found = beam_search(
        model, torch.tensor([1]), n_beams=12, n_best=12, max_tokens=5, end_id=END, filters=[constraint]
    )
    assert [branch.ids for branch in found] == [ids for _, ids in sorted(scored, reverse=True)]
    assert found[0].log_prob == pytest.approx(max(scored)[0])
