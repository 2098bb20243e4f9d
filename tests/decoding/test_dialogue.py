"""Conversations: what is read, what is answered, and what is refused. A tiny model of characters speaks."""

import string

import pytest
import torch

from arlm_helpers.decoding.dialogue import Dialogue
from arlm_helpers.decoding.logits import Temperature
from arlm_helpers.decoding.sampling import generate
from arlm_helpers.models.gpt_config import GPTConfig
from arlm_helpers.text.chat import chat_ids
from arlm_helpers.text.pairs import special_id
from arlm_helpers.text.tokenizers import CharTokenizer
from tests.zoo import gpt

TOKENIZER = CharTokenizer(string.ascii_letters + " \n.!", specials=("<|im_start|>", "<|im_end|>"))
END = special_id(TOKENIZER, "<|im_end|>")


def model_of(context_length):
    return gpt(
        GPTConfig(
            vocab_size=TOKENIZER.vocab_size, context_length=context_length, n_layers=1, n_heads=1, d_model=8
        )
    )


def user(text):
    return {"role": "user", "content": text}


def assistant(text):
    return {"role": "assistant", "content": text}


@pytest.mark.parametrize("rng_seed", [None, 3])
def test_the_answer_is_what_generate_writes_behind_the_template(rng_seed):
    def rng():
        return None if rng_seed is None else torch.Generator().manual_seed(rng_seed)

    model = model_of(200)
    dialogue = Dialogue(
        model, TOKENIZER, max_tokens=12, processors=[Temperature(2.0)], rng=rng(), system="Be brief."
    )
    ids = chat_ids(TOKENIZER, [user("Hi!")], system="Be brief.")
    steps = generate(
        model, torch.tensor([ids]), max_tokens=12, processors=[Temperature(2.0)], rng=rng(), end_id=END
    )
    expected = [int(step.ids[0]) for step in steps]
    expected = expected[: expected.index(END)] if END in expected else expected
    assert "".join(dialogue.reply([user("Hi!")])) == TOKENIZER.decode(expected)


def test_a_turn_reads_only_what_is_new_and_answers_as_if_it_had_read_all():
    model = model_of(400)
    dialogue, messages = Dialogue(model, TOKENIZER, max_tokens=8, system=None), [user("One.")]
    answer = "".join(dialogue.reply(messages))
    first = dialogue.n_read
    assert dialogue.n_new == first == len(chat_ids(TOKENIZER, messages, system=None))
    messages += [assistant(answer), user("And two.")]
    second = "".join(dialogue.reply(messages))
    assert dialogue.n_read == dialogue.count(messages) == len(chat_ids(TOKENIZER, messages, system=None))
    assert dialogue.n_new < dialogue.n_read - first  # the first prompt and most of the answer were known
    assert second == "".join(Dialogue(model, TOKENIZER, max_tokens=8, system=None).reply(messages))


def test_a_changed_past_is_read_again():
    dialogue = Dialogue(model_of(400), TOKENIZER, max_tokens=4, system=None)
    list(dialogue.reply([user("One.")]))
    list(dialogue.reply([user("Two and three.")]))
    assert dialogue.n_new == dialogue.n_read


def test_a_conversation_past_the_context_is_refused_before_anything_is_read():
    n = len(chat_ids(TOKENIZER, [user("Hello!")], system=None))
    with pytest.raises(ValueError, match=f"has {n} tokens, but the context holds {n} with the answer"):
        next(Dialogue(model_of(n), TOKENIZER, system=None).reply([user("Hello!")]))
    pieces = list(Dialogue(model_of(n + 1), TOKENIZER, system=None).reply([user("Hello!")]))
    assert len(pieces) <= 2  # room for one token, and the rest of the reader


@pytest.mark.parametrize(
    "messages, words",
    [
        ([], "the conversation is empty"),
        ([{"role": "poet", "content": "O!"}], "has the role 'poet'; the template knows"),
    ],
)
def test_what_is_no_conversation_is_refused(messages, words):
    with pytest.raises(ValueError, match=words):
        next(Dialogue(model_of(200), TOKENIZER).reply(messages))


def test_an_empty_conversation_has_no_length():
    assert Dialogue(model_of(50), TOKENIZER).count([]) == 0


def test_a_tokenizer_without_the_markers_is_refused():
    with pytest.raises(ValueError, match=r"no <\|im_end\|>"):
        Dialogue(model_of(50), CharTokenizer("ab"))
