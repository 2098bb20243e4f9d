"""The answer to a request for a completion, in the shape of the well-known API, and how it is written."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from jaxtyping import Float
from torch import Tensor

from arlm_helpers.decoding.stopping import StopReader
from arlm_helpers.text.tokenizers import Tokenizer


@dataclass(frozen=True)
class Logprobs:
    """The tokens of a text, and in nats the log-probability that the model gave each, before the policy.

    ``top_logprobs`` holds the likeliest alternatives of each token, and the token itself, by the string that
    shows them; of two that look alike the likelier. ``text_offset`` is where each token begins, in characters
    of the text; a token that continues a character begins where that character does. The first token of a
    prompt has no log-probability: nothing stands before it.
    """

    tokens: list[str] = field(default_factory=list)
    token_logprobs: list[float | None] = field(default_factory=list)
    top_logprobs: list[dict[str, float] | None] = field(default_factory=list)
    text_offset: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Choice:
    """One continuation. ``finish_reason`` is "stop" (a stop string or the end token came) or "length"."""

    text: str
    index: int
    logprobs: Logprobs | None
    finish_reason: str


@dataclass(frozen=True)
class Usage:
    """Tokens read and written, all choices together, those behind a cut and the end token among them."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


@dataclass(frozen=True)
class CompletionAnswer:
    """The answer: its choices, what they cost, and the seed that gives them again."""

    choices: list[Choice]
    usage: Usage
    seed: int
    model: str
    object: str = "text_completion"


class ChoiceWriter:
    """One choice while it is written: text up to a stop string, and notes on each of its tokens."""

    def __init__(
        self, tokenizer: Tokenizer, stop: str | Sequence[str] | None, end_id: int | None, n_top: int | None
    ) -> None:
        self.tokenizer, self.end_id, self.n_top = tokenizer, end_id, n_top
        self.reader, self.text, self.n_tokens, self.finish_reason = StopReader(tokenizer, stop), "", 0, None
        self.notes = Logprobs()

    def note(self, token: int, log_probs: Float[Tensor, " vocab"] | None, offset: int) -> None:
        """Write down a token that begins at ``offset``, and its alternatives."""
        names, top = self.tokenizer.tokens, None
        if log_probs is not None:
            order = [*log_probs.topk(min(self.n_top, len(log_probs))).indices.tolist(), token]
            top = {}
            for i in order:
                top.setdefault(names[i], log_probs[i].item())
        self.notes.tokens.append(names[token])
        self.notes.token_logprobs.append(None if log_probs is None else log_probs[token].item())
        self.notes.top_logprobs.append(top)
        self.notes.text_offset.append(offset)

    def take(self, token: int, logits: Float[Tensor, " vocab"] | None) -> None:
        """Go on with a token and the logits before it (the first has none), unless the text has ended."""
        if self.finish_reason is not None:
            return
        self.n_tokens += 1
        if token == self.end_id:
            self.finish_reason = "stop"
            return
        if self.n_top is not None:
            log_probs = None if logits is None else logits.log_softmax(dim=-1)
            self.note(token, log_probs, len(self.text) + len(self.reader.waiting))
        self.text += self.reader.push(token)
        if self.reader.stopped is not None:
            self.finish_reason = "stop"

    def finished(self, index: int, echo: "ChoiceWriter | None" = None) -> Choice:
        """What has been written, behind the text of ``echo``; tokens behind a cut are left out."""
        before = "" if echo is None else echo.text
        text = self.text + self.reader.flush()
        reason = self.finish_reason or ("length" if self.reader.stopped is None else "stop")
        if self.n_top is None:
            return Choice(before + text, index, None, reason)
        notes, n = self.notes, sum(offset < len(text) for offset in self.notes.text_offset)
        own = [notes.tokens[:n], notes.token_logprobs[:n], notes.top_logprobs[:n]]
        offsets = [len(before) + offset for offset in notes.text_offset[:n]]
        if echo is None:
            return Choice(text, index, Logprobs(*own, offsets), reason)
        first = (
            echo.notes.tokens,
            echo.notes.token_logprobs,
            echo.notes.top_logprobs,
            echo.notes.text_offset,
        )
        joined = [a + b for a, b in zip(first, [*own, offsets], strict=True)]
        return Choice(before + text, index, Logprobs(*joined), reason)
