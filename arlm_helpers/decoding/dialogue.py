"""A conversation with a model: every turn is read behind all those before it."""

from collections.abc import Iterator, Sequence

import torch

from arlm_helpers.decoding.prefix_reader import PrefixReader
from arlm_helpers.decoding.sampling import Processor, choose, row_generators
from arlm_helpers.decoding.stopping import StopReader
from arlm_helpers.text.chat import END, SMOLLM2_SYSTEM, Message, chat_ids
from arlm_helpers.text.pairs import special_id
from arlm_helpers.text.tokenizers import Tokenizer


class Dialogue:
    """Answers conversations piece by piece, and reads only what it has not read before.

    The model has no memory but the text: all turns are written into one prompt, which grows. ``n_read`` is
    the length of the latest prompt in tokens, ``n_new`` how many of them had to be read. Greedy without
    ``rng``.

    Raises:
        ValueError: when asked, for an empty conversation, an unknown role, or one that leaves no room for
            an answer in the model's context.
    """

    def __init__(
        self,
        model,
        tokenizer: Tokenizer,
        *,
        max_tokens: int = 60,
        processors: Sequence[Processor] = (),
        rng: torch.Generator | None = None,
        system: str | None = SMOLLM2_SYSTEM,
    ) -> None:
        self.model, self.tokenizer, self.max_tokens, self.system = model, tokenizer, max_tokens, system
        self.processors, self.sources = processors, [] if rng is None else row_generators(rng, 1)
        self.reader, self.end_id = PrefixReader(model, 0), special_id(tokenizer, END)
        self.n_read = self.n_new = 0

    def count(self, messages: Sequence[Message]) -> int:
        """The length of a conversation in tokens, the template's markers included."""
        return len(chat_ids(self.tokenizer, messages, system=self.system)) if messages else 0

    def reply(self, messages: Sequence[Message]) -> Iterator[str]:
        """The model's answer to the conversation, piece by piece."""
        ids = chat_ids(self.tokenizer, messages, system=self.system)
        limit = self.reader.limit
        if limit is not None and len(ids) >= limit:
            raise ValueError(
                f"the conversation has {len(ids):,} tokens, but the context holds {limit:,} with the answer; "
                "start over, or leave out the oldest turns"
            )
        known, self.n_read = self.reader.read, len(ids)
        self.n_new = len(ids) - (len(known) if ids[: len(known)] == list(known) else 0)
        room = self.max_tokens if limit is None else min(self.max_tokens, limit - len(ids))
        reader = StopReader(self.tokenizer)
        for _ in range(room):
            logits, so_far = self.reader.logits(ids)[None], torch.tensor([ids])
            for process in self.processors:
                logits = process(so_far, logits)
            token = int(choose(logits, self.sources))
            if token == self.end_id:
                break
            ids.append(token)
            yield reader.push(token)
        yield reader.flush()
