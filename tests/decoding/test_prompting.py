"""Tasks in words and answers to many prompts: against prompts read one by one."""

import string

import pytest
import torch

from arlm_helpers.decoding.completion import complete
from arlm_helpers.decoding.prompting import (
    PromptedTask,
    answer_prompts,
    prompts_of_task,
    shared_beginning,
)
from arlm_helpers.models.numpy_gpt import NumpyGPT
from arlm_helpers.text.tokenizers import CharTokenizer
from tests.zoo import MODELS

LETTERS = CharTokenizer("ab \nc", specials=("<end>",))
END = 5
TASK = PromptedTask("Translate.", "English", "French", (("dog", "chien"), ("tea", "thé")))


def test_a_prompt_is_the_instruction_the_examples_and_the_question():
    assert TASK.prompt("cat") == (
        "Translate.\n\nEnglish: dog\nFrench: chien\n\nEnglish: tea\nFrench: thé\n\nEnglish: cat\nFrench:"
    )


def test_the_same_as_a_conversation_has_a_turn_for_each_text():
    turns = TASK.messages("cat")
    assert [turn["role"] for turn in turns] == ["user", "assistant"] * 2 + ["user"]
    assert turns[1]["content"] == "chien" and turns[4]["content"] == "Translate.\n\ncat"


@pytest.mark.parametrize("ask", [TASK.prompt, TASK.messages])
@pytest.mark.parametrize("text", ["", " \n"])
def test_an_empty_source_is_refused(ask, text):
    with pytest.raises(ValueError, match="nothing after 'English': the text is empty"):
        ask(text)


def test_a_task_without_an_instruction_is_refused():
    with pytest.raises(ValueError, match="must not be empty"):
        PromptedTask(" ", "English", "French")


CHAT = CharTokenizer(string.printable, specials=("<|im_start|>", "<|im_end|>"))


def test_a_task_is_put_in_two_ways_to_every_text():
    prompt = {"instruction": "Count.", "source": "In", "target": "Out", "examples": [["a", "1"]]}
    task = {"prompt": prompt, "ask": "How many?", "items": [["bb", "2"], ["", "0"]][:1]}
    found = prompts_of_task(task, CHAT)
    assert [CHAT.decode(ids) for ids in found["continued"]] == ["Count.\n\nIn: a\nOut: 1\n\nIn: bb\nOut:"]
    assert "<|im_start|>user\nHow many?\n\nbb<|im_end|>" in CHAT.decode(found["asked"][0])


def test_a_task_that_is_only_asked_has_the_text_inside_the_question():
    found = prompts_of_task({"ask": "Who is {}?", "items": [["Ada", ""], ["Bo", ""]]}, CHAT)
    assert list(found) == ["asked"] and "Who is Bo?" in CHAT.decode(found["asked"][1])


def test_an_empty_text_of_a_task_is_refused():
    task = {"prompt": {"instruction": "i", "source": "In", "target": "t"}, "ask": "?", "items": [[" ", ""]]}
    with pytest.raises(ValueError, match="the text is empty"):
        prompts_of_task(task, CHAT)


@pytest.mark.parametrize(
    "prompts, expected",
    [
        ([[1, 2, 3], [1, 2, 4]], [1, 2]),
        ([[1, 2], [1, 2]], [1]),  # each keeps one of its own: something has to be read
        ([[1, 2, 3], [1, 2]], [1]),
        ([[1], [2]], []),
        ([[7, 8]], [7]),
    ],
)
def test_the_shared_beginning_ends_where_prompts_differ(prompts, expected):
    assert shared_beginning(prompts) == expected


@pytest.mark.parametrize("name", ["gpt", "compact", "lstm", "kneser-ney"])
def test_each_answer_is_the_greedy_continuation_of_its_own_prompt(name):
    model = MODELS[name](6)
    texts = ["ab c", "ab ", "ab cc", "ab b"]
    answers = answer_prompts(model, LETTERS, [LETTERS.encode(t) for t in texts], max_tokens=6, end_id=END)
    alone = [
        complete(model, LETTERS, t, max_tokens=6, temperature=0, end_id=END).choices[0].text for t in texts
    ]
    assert answers == [text.strip() for text in alone]


def test_the_model_in_numpy_answers_alike():
    model = MODELS["gpt"](6)
    prompts = [[0, 1, 2, 3], [0, 1, 4]]
    expected = answer_prompts(model, LETTERS, prompts, max_tokens=5)
    assert answer_prompts(NumpyGPT(model), LETTERS, prompts, max_tokens=5) == expected


class Parrot:
    """Says one text whatever it is asked, token by token."""

    context_length = None

    def __init__(self, said):
        self.said, self.vocab_size = said, LETTERS.vocab_size

    def new_cache(self):
        return Counting()

    def __call__(self, ids, cache):
        logits = torch.zeros(1, ids.shape[1], self.vocab_size)
        cache.n += 1
        logits[0, -1, self.said[cache.n - 1]] = 1.0
        return logits


class Counting:
    n = 0

    def copy(self):
        other = Counting()
        other.n = self.n
        return other


@pytest.mark.parametrize(
    "said, options, expected",
    [
        ("ab\nc", {"stop": "\n"}, "ab"),
        (" ab c", {}, "ab c"),
        ("abc", {"max_tokens": 2}, "ab"),
        ("abcab", {"stop": ["ca", "x"]}, "ab"),
    ],
)
def test_an_answer_ends_before_the_stop_string_and_has_no_blanks_around_it(said, options, expected):
    parrot = Parrot(LETTERS.encode(said))
    answer = answer_prompts(parrot, LETTERS, [[0]], **{"max_tokens": len(said), **options})
    assert answer == [expected]


def test_an_answer_ends_before_the_end_token():
    parrot = Parrot([0, 1, END, 2])
    assert answer_prompts(parrot, LETTERS, [[0]], max_tokens=4, end_id=END) == ["ab"]


@pytest.mark.parametrize(
    "prompts, words",
    [
        ([], "there is no prompt to answer"),
        ([[1], []], "prompt 1 is empty"),
        ([[1], [1] * 11], "prompt 1 has 11 tokens and 3 may follow, but the context holds 12"),
    ],
)
def test_prompts_that_cannot_be_answered_are_named(prompts, words):
    with pytest.raises(ValueError, match=words):
        answer_prompts(MODELS["gpt"](6), LETTERS, prompts, max_tokens=3)


def test_a_prompt_that_just_fits_is_answered():
    [answer] = answer_prompts(MODELS["gpt"](6), LETTERS, [[1] * 10], max_tokens=3)
    assert isinstance(answer, str)
