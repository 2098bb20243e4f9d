"""A conversation as one text: who speaks is marked by special tokens, and the answer is a continuation.

The markers are ids, not text. A user who types ``<|im_end|>`` gets these ten characters encoded, and ends
no turn.

Source:
    ChatML, in the form of the template stored with SmolLM2-135M-Instruct.
"""

from collections.abc import Mapping, Sequence

from arlm_helpers.text.checking import utf8
from arlm_helpers.text.pairs import special_id
from arlm_helpers.text.tokenizers import Tokenizer

ROLES = ("system", "user", "assistant")
START, END = "<|im_start|>", "<|im_end|>"
SMOLLM2_SYSTEM = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"

Message = Mapping[str, str]  # {"role": "user", "content": "Hello!"}


def checked_messages(messages: Sequence[Message]) -> list[tuple[str, str]]:
    """Role and content of each message.

    Raises:
        ValueError: for no message, an unknown role, or a message without role or content.
        TypeError: for a content that is no string.
    """
    if not messages:
        raise ValueError("the conversation is empty; give at least one message")
    pairs = []
    for place, message in enumerate(messages):
        if set(message) != {"role", "content"}:
            raise ValueError(f"message {place} must have a role and a content, got {sorted(message)}")
        if message["role"] not in ROLES:
            raise ValueError(
                f"message {place} has the role {message['role']!r}; the template knows {', '.join(ROLES)}"
            )
        utf8(message["content"])
        pairs.append((message["role"], message["content"]))
    return pairs


def chat_ids(
    tokenizer: Tokenizer,
    messages: Sequence[Message],
    *,
    system: str | None = SMOLLM2_SYSTEM,
    answer: bool = True,
) -> list[int]:
    """The ids of a conversation; with ``answer`` they end where the assistant begins to speak.

    ``system`` opens a conversation that has no system message of its own; None leaves it out, which the
    model was not trained on. The answer ends with the special token ``<|im_end|>``.

    Raises:
        ValueError, TypeError: for messages it cannot write, or a tokenizer without the markers.
    """
    turns = checked_messages(messages)
    if turns[0][0] != "system" and system is not None:
        turns.insert(0, ("system", system))
    start, end = special_id(tokenizer, START), special_id(tokenizer, END)
    ids = []
    for role, content in turns:
        ids += [start, *tokenizer.encode(f"{role}\n{content}"), end, *tokenizer.encode("\n")]
    return ids + [start, *tokenizer.encode("assistant\n")] * answer
