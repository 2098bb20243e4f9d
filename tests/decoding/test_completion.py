"""The completions interface against ``generate``, ``token_nats`` and the published formula of penalties."""

import math
import re

import pytest
import torch

from arlm_helpers.decoding.completion import complete, completion_policy
from arlm_helpers.decoding.evaluation import token_nats
from arlm_helpers.decoding.logits import Temperature, TopP
from arlm_helpers.decoding.penalties import FrequencyPenalty, LogitBias, PresencePenalty
from arlm_helpers.decoding.sampling import generate
from arlm_helpers.models.ngram import NGram
from arlm_helpers.models.oracle import OracleCache
from arlm_helpers.text.bpe import BPETokenizer
from arlm_helpers.text.tokenizers import ByteTokenizer, CharTokenizer
from tests.zoo import MODELS

TEXT = "the cat sat on the mat. 你好, the cat said. the 👩‍👩‍👧 sat on a hat. " * 3
LETTERS = CharTokenizer.from_text(TEXT)
BYTES = ByteTokenizer(specials=("<end>",))
BPE = BPETokenizer.train(TEXT, 290)
SMALL = CharTokenizer("abcdefghijk")  # as many as the models of the zoo know


def counted(tokenizer, order=4):
    return NGram.fit(torch.tensor(tokenizer.encode(TEXT)), tokenizer.vocab_size, order)


class Script:
    """A model that has learned one text by heart, and writes it from the first token after the prompt on."""

    context_length = None

    def __init__(self, tokenizer, ids, n_prompt):
        self.vocab_size, self.ids, self.n_prompt = tokenizer.vocab_size, ids, n_prompt

    def new_cache(self):
        return OracleCache(torch.zeros(1, dtype=torch.long))

    def __call__(self, ids, cache=None):
        cache = self.new_cache() if cache is None else cache
        read = int(cache.states[0]) + torch.arange(1, ids.shape[1] + 1)
        cache.states = read[-1:]
        following = [self.ids[max(n - self.n_prompt, 0)] for n in read.tolist()]
        logits = torch.nn.functional.one_hot(torch.tensor(following), self.vocab_size).float() * 50
        return logits.expand(len(ids), -1, -1)


def recited(tokenizer, text, end=(), **options):
    """What ``complete`` makes of a model that writes ``text``."""
    ids = [*tokenizer.encode(text), *end]
    model = Script(tokenizer, ids, len(tokenizer.encode("a")))
    return complete(model, tokenizer, "a", **({"max_tokens": len(ids), "temperature": 0} | options))


@pytest.mark.parametrize("tokenizer", [LETTERS, BYTES, BPE], ids=["characters", "bytes", "bpe"])
def test_temperature_zero_is_greedy_and_the_answer_has_the_shape_of_the_api(tokenizer):
    model, ids = counted(tokenizer), torch.tensor([tokenizer.encode("the ")])
    written = [step.ids.item() for step in generate(model, ids, max_tokens=20)]
    answer = complete(model, tokenizer, "the ", max_tokens=20, temperature=0, n=2)
    assert [choice.text for choice in answer.choices] == [tokenizer.decode(written)] * 2
    assert [choice.index for choice in answer.choices] == [0, 1]
    assert all(choice.finish_reason == "length" and choice.logprobs is None for choice in answer.choices)
    usage = answer.usage
    assert (usage.prompt_tokens, usage.completion_tokens) == (ids.shape[1], 40)
    assert usage.total_tokens == ids.shape[1] + 40
    assert (answer.object, answer.model) == ("text_completion", "NGram")


@pytest.mark.parametrize("name", MODELS)
def test_logprobs_are_the_models_own_surprise_whatever_the_policy(name):
    model = MODELS[name](11)
    answer = complete(
        model, SMALL, "abca", max_tokens=8, temperature=1.7, top_p=0.9, frequency_penalty=0.5,
        seed=3, logprobs=2, echo=True,
    )  # fmt: skip
    (choice,) = answer.choices
    ids = torch.tensor(SMALL.encode(choice.text))
    assert len(ids) == 12 and choice.text.startswith("abca")
    assert choice.logprobs.token_logprobs[0] is None and choice.logprobs.top_logprobs[0] is None
    torch.testing.assert_close(
        -torch.tensor(choice.logprobs.token_logprobs[1:], dtype=torch.float64),
        token_nats(model, ids, first=1).double(),
    )
    assert choice.logprobs.tokens == list(choice.text) and choice.logprobs.text_offset == list(range(12))


def test_alternatives_are_the_likeliest_and_the_token_itself():
    model = counted(LETTERS)
    (choice,) = complete(model, LETTERS, "the ", max_tokens=30, temperature=2.0, seed=0, logprobs=3).choices
    ids, notes = torch.tensor([LETTERS.encode("the " + choice.text)]), choice.logprobs
    log_probs = model(ids)[0, 3:-1].log_softmax(-1)
    n_unlikely = 0
    for row, token, own, top in zip(
        log_probs, notes.tokens, notes.token_logprobs, notes.top_logprobs, strict=True
    ):
        ranked = row.sort(descending=True).values
        assert sorted(top.values(), reverse=True)[:3] == pytest.approx(ranked[:3].tolist())
        assert top[token] == own
        assert all(row[LETTERS.encode(name)[0]].item() == pytest.approx(value) for name, value in top.items())
        n_unlikely += len(top) == 4
    assert n_unlikely > 0
    (choice,) = complete(model, LETTERS, "the ", max_tokens=2, seed=0, logprobs=0).choices
    assert [list(top) for top in choice.logprobs.top_logprobs] == [
        [token] for token in choice.logprobs.tokens
    ]


def test_choices_depend_on_the_seed_and_their_number_alone():
    model = counted(LETTERS, order=2)
    options = {"max_tokens": 40, "stop": "at", "seed": 5}
    many = [choice.text for choice in complete(model, LETTERS, "the ", n=6, **options).choices]
    for n in (1, 3, 6):
        assert [c.text for c in complete(model, LETTERS, "the ", n=n, **options).choices] == many[:n]
    assert len(set(many)) > 3
    other = complete(model, LETTERS, "the ", n=6, **(options | {"seed": 6}))
    assert [choice.text for choice in other.choices] != many


def test_a_seed_that_was_drawn_is_named_and_gives_the_text_again():
    model = counted(LETTERS, order=2)
    first, second = (complete(model, LETTERS, "the ", max_tokens=60) for _ in range(2))
    again = complete(model, LETTERS, "the ", max_tokens=60, seed=first.seed)
    assert again == first and second.choices[0].text != first.choices[0].text


def test_penalties_and_bias_follow_the_published_formula_on_sampled_tokens_alone():
    """mu[j] - c[j] * frequency - (c[j] > 0) * presence, where c counts what was sampled, not the prompt."""
    model, prompt = MODELS["gpt"](11), "aab"
    for frequency, presence, bias in [(0.7, 0.0, {}), (0.0, 1.5, {}), (0.4, 0.9, {2: 1.5, 5: -100.0})]:
        ids, sampled = SMALL.encode(prompt), []
        for _ in range(9):
            logits = model(torch.tensor([ids]))[0, -1].tolist()
            scores = [
                logits[j] + bias.get(j, 0.0) - sampled.count(j) * frequency - (j in sampled) * presence
                for j in range(11)
            ]
            sampled.append(scores.index(max(scores)))
            ids.append(sampled[-1])
        answer = complete(
            model, SMALL, prompt, max_tokens=9, temperature=0, frequency_penalty=frequency,
            presence_penalty=presence, logit_bias=bias,
        )  # fmt: skip
        assert answer.choices[0].text == SMALL.decode(sampled)


def test_the_policy_is_a_list_without_idle_stages():
    assert completion_policy(3) == completion_policy(3, temperature=0, top_p=1, logit_bias={}) == []
    policy = completion_policy(
        3, temperature=0.5, top_p=0.9, frequency_penalty=0.1, presence_penalty=-0.2, logit_bias={1: 2.0}
    )
    assert policy == [
        LogitBias({1: 2.0}), FrequencyPenalty(0.1, 3), PresencePenalty(-0.2, 3), Temperature(0.5), TopP(0.9)
    ]  # fmt: skip


def test_temperature_and_top_p_reach_the_sampler():
    model = counted(LETTERS, order=2)
    options = {"max_tokens": 60, "seed": 0}
    cold, greedy = (
        complete(model, LETTERS, "the ", **options, temperature=t).choices[0].text for t in (1e-9, 0)
    )
    narrow = complete(model, LETTERS, "the ", **options, top_p=1e-9).choices[0].text
    assert cold == greedy == narrow != complete(model, LETTERS, "the ", **options).choices[0].text


@pytest.mark.parametrize("tokenizer", [LETTERS, BYTES, BPE], ids=["characters", "bytes", "bpe"])
@pytest.mark.parametrize(
    "text, stop, expected",
    [
        ("the cat sat", "t s", "the ca"),
        ("the cat sat", ["xyz", "at", "cat"], "the "),
        ("a 你好, the", "好,", "a 你"),
        ("a 👩‍👩‍👧 sat", "‍👩", "a 👩"),
        ("the the cat", "the", ""),
        ("the cat", ["sat"], "the cat"),
        ("the cat s", "sat", "the cat s"),
    ],
)
def test_a_stop_string_is_cut_exactly_wherever_tokens_end(tokenizer, text, stop, expected):
    answer = recited(tokenizer, text, stop=stop, logprobs=0)
    (choice,) = answer.choices
    assert choice.text == expected
    assert choice.finish_reason == ("length" if expected == text else "stop")
    assert len(choice.logprobs.tokens) == len(choice.logprobs.text_offset)
    ids, n = tokenizer.encode(text), len(choice.logprobs.tokens)
    covered = [tokenizer.decode_bytes(ids[:k]).startswith(expected.encode()) for k in range(len(ids) + 1)]
    assert n == covered.index(True)  # the least number of tokens that holds the text


def test_tokens_behind_the_cut_cost_but_are_not_listed():
    answer = recited(LETTERS, "the cat sat on", stop="t s", logprobs=0)
    assert "".join(answer.choices[0].logprobs.tokens) == "the ca"
    assert answer.choices[0].logprobs.text_offset == [0, 1, 2, 3, 4, 5]
    assert answer.usage.completion_tokens == len("the cat s")


def test_a_stop_string_in_the_prompt_stops_nothing():
    model = Script(LETTERS, LETTERS.encode("n the mat"), len("the cat sat o"))
    (choice,) = complete(model, LETTERS, "the cat sat o", max_tokens=9, temperature=0, stop="on").choices
    assert (choice.text, choice.finish_reason) == ("n the mat", "length")


def test_the_end_token_stops_and_is_no_text():
    answer = recited(BYTES, "你好", end=[256, 97], end_id=256, logprobs=0)
    assert (answer.choices[0].text, answer.choices[0].finish_reason) == ("你好", "stop")
    assert answer.usage.completion_tokens == 7 and len(answer.choices[0].logprobs.tokens) == 6


def test_rows_stop_each_for_itself():
    model = counted(LETTERS, order=2)
    answer = complete(model, LETTERS, "the ", max_tokens=8, n=12, seed=1, stop="t")
    assert {choice.finish_reason for choice in answer.choices} == {"stop", "length"}
    for choice in answer.choices:
        assert "t" not in choice.text and (len(choice.text) == 8) == (choice.finish_reason == "length")


def test_half_a_character_at_the_end_is_shown_as_bytes_and_offsets_count_characters():
    answer = recited(BYTES, "a你好", max_tokens=6, logprobs=0)
    assert answer.choices[0].text == "a你⟨E5⟩⟨A5⟩"
    assert answer.choices[0].logprobs.text_offset == [0, 1, 1, 1, 2, 2]


def test_echo_without_new_tokens_scores_the_prompt():
    model = counted(BPE)
    answer = complete(model, BPE, "你好, the cat", max_tokens=0, echo=True, logprobs=1)
    (choice,) = answer.choices
    ids = torch.tensor(BPE.encode("你好, the cat"))
    assert choice.text == "你好, the cat" and choice.finish_reason == "length"
    nats = token_nats(model, ids)
    assert choice.logprobs.token_logprobs[1:] == pytest.approx((-nats).tolist())
    assert answer.usage.completion_tokens == 0 and answer.usage.prompt_tokens == len(ids)
    assert complete(model, BPE, "the cat", max_tokens=0, echo=True).choices[0].text == "the cat"


def test_echoed_offsets_point_into_the_whole_text():
    model = counted(LETTERS)
    (choice,) = complete(model, LETTERS, "the ", max_tokens=9, seed=2, echo=True, logprobs=0).choices
    for token, offset in zip(choice.logprobs.tokens, choice.logprobs.text_offset, strict=True):
        assert choice.text[offset] == token


def test_a_prompt_that_fills_the_context_is_read_and_a_longer_one_refused():
    model = MODELS["gpt"](11)
    assert len(complete(model, SMALL, "a" * 12, max_tokens=15, seed=0).choices[0].text) == 15
    with pytest.raises(
        ValueError, match="the prompt has 13 tokens, but the model reads 12 at once; shorten it"
    ):
        complete(model, SMALL, "a" * 13)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"prompt": ""}, "the prompt is empty: give at least one character"),
        ({"prompt": "xyz"}, "3 characters have no token: 'x' (U+0078)"),
        ({"temperature": -0.5}, "temperature must be at least 0, got -0.5; 0 is greedy"),
        ({"temperature": math.nan}, "temperature must be at least 0, got nan"),
        ({"top_p": 0.0}, "p must be in (0, 1], got 0.0"),
        ({"frequency_penalty": math.inf}, "penalty must be finite, got inf"),
        ({"n": 0}, "n must be at least 1, got 0"),
        ({"max_tokens": -1}, "max_tokens must be at least 0, got -1"),
        ({"logprobs": -1}, "logprobs must be at least 0, got -1"),
        ({"stop": ""}, "stop must not hold an empty string"),
        ({"logit_bias": {11: 1.0}}, "token 11 has a bias, but the ids end at 10"),
        ({"tokenizer": LETTERS}, f"the model has 11 tokens, the tokenizer {LETTERS.vocab_size}"),
    ],
)
def test_bad_input_is_refused_with_value_and_way_out(options, message):
    request = {"tokenizer": SMALL, "prompt": "abc"} | options
    with pytest.raises(ValueError, match=re.escape(message)):
        complete(MODELS["gpt"](11), **request)
