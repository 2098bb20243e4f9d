"""What the sampling explorer shows, without any widget: a model, a tokenizer, and what one may ask."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from arlm_helpers.decoding.branches import ForkableText, dart_at, fork_text, row_of, write_on
from arlm_helpers.decoding.policy import Policy, Stage
from arlm_helpers.decoding.prefix_reader import PrefixReader
from arlm_helpers.decoding.presets import ORDERS
from arlm_helpers.decoding.reproducing import code_of
from arlm_helpers.decoding.same_luck import Comparison, Repeated, compare_policies, repeat_draws
from arlm_helpers.decoding.sampling import check_distribution, sample
from arlm_helpers.decoding.why import Why, explain


@dataclass(frozen=True, eq=False)
class Place:
    """The next token at one place of a text: the model's logits, and what a policy makes of them.

    ``probs`` is the model's distribution, ``final`` that after the policy, both over the whole vocabulary.
    """

    ids: tuple[int, ...]
    start: int
    logits: Float[Tensor, " vocab"]
    policy: Policy
    stages: tuple[Stage, ...]
    probs: Float[Tensor, " vocab"]
    final: Float[Tensor, " vocab"]

    def why(self, token: int) -> Why:
        """The fate of one token here, and what would turn it."""
        return explain(self.policy, self.stages, row_of(self.ids), self.logits, token, start=self.start)


class SamplingCore:
    """A model and its tokenizer, asked for what the sampling explorer draws.

    ``end_id`` is the token that ends a text. Logits are computed once for each place of a text; another
    policy costs only its processors.
    """

    orders = tuple(ORDERS)

    def __init__(self, model, tokenizer, *, end_id: int | None = None) -> None:
        self.model, self.tokenizer, self.end_id = model, tokenizer, end_id
        self.tokens: tuple[str, ...] = tuple(tokenizer.tokens)
        self.known: dict[tuple[int, ...], Float[Tensor, " vocab"]] = {}

    def policy(self, **settings: object) -> Policy:
        """The policy with these settings; see ``Policy``."""
        return Policy.from_facts(settings)

    def text(self, prompt: str) -> ForkableText:
        """``prompt`` as a text to which nothing has been written yet.

        Raises:
            ValueError: if it is empty, or the tokenizer does not know one of its characters.
        """
        return ForkableText(tuple(self.tokenizer.encode(prompt)))

    def token_bytes(self, token: int) -> bytes:
        """The bytes that a token stands for."""
        return self.tokenizer.token_bytes(token)

    def decode(self, text: ForkableText) -> str:
        """Prompt and continuation as a string; bytes that form no character as ``⟨E4⟩``."""
        return self.tokenizer.decode(text.ids())

    def logits(self, text: ForkableText, at: int) -> Float[Tensor, " vocab"]:
        """The model's logits for position ``at`` of the continuation; the model is asked at the end only."""
        if at < len(text.written):
            return text.written[at].logits
        ids = text.cut(at).ids()
        if ids not in self.known:
            if len(self.known) >= 32:
                self.known.clear()
            self.known[ids] = PrefixReader(self.model, len(text.prompt)).logits(ids)
        return self.known[ids]

    def place(self, text: ForkableText, at: int, policy: Policy) -> Place:
        """What ``policy`` makes of the next token at position ``at`` of the continuation.

        Raises:
            ValueError: if there is no such position, or the policy leaves no token.
        """
        ids, start = text.cut(at).ids(), len(text.prompt)
        logits = self.logits(text, at).double()
        stages = tuple(policy.stages(row_of(ids), logits, start=start))
        last = stages[-1].after if stages else logits
        check_distribution(last.unsqueeze(0))
        probs = logits.softmax(dim=-1)
        return Place(ids, start, logits, policy, stages, probs, stages[-1].probs if stages else probs)

    def write(self, text: ForkableText, policy: Policy, *, seed: int, n: int) -> Iterator[ForkableText]:
        """Ever longer texts, up to ``n`` tokens more."""
        return write_on(self.model, text, policy, seed=seed, max_tokens=n, end_id=self.end_id)

    def fork(self, text: ForkableText, at: int, token: int, policy: Policy, *, seed: int) -> ForkableText:
        """The text up to ``at`` and then ``token``; ``text`` itself stays what it is."""
        return fork_text(self.model, text, at, token, policy, seed=seed)

    def compare(self, text: ForkableText, a: Policy, b: Policy, *, seed: int, n: int) -> Comparison:
        """Up to ``n`` tokens after ``text`` under each policy, with the same darts."""
        return compare_policies(self.model, text, a, b, seed=seed, max_tokens=n, end_id=self.end_id)

    def repeat(self, place: Place, n_draws: int, *, seed: int) -> Repeated:
        """Many draws of the next token at ``place``, beside their probabilities."""
        return repeat_draws(place.final.log(), n_draws, seed=seed)

    def dart(self, seed: int, at: int) -> float:
        """The random number that chooses the token of position ``at``."""
        return dart_at(seed, at)

    def drawn(self, place: Place, u: float) -> int:
        """The token on which the dart ``u`` lands at ``place``."""
        return int(sample(place.final.log().unsqueeze(0), torch.tensor([u], dtype=torch.float64)))

    def code(self, text: ForkableText) -> str:
        """Python that writes the text again."""
        prompt = self.tokenizer.decode(text.prompt)
        try:
            same = tuple(self.tokenizer.encode(prompt)) == text.prompt
        except ValueError:  # half a character, shown as bytes
            same = False
        return code_of(text, prompt=prompt if same else None)
