"""Speculative decoding: a quick model guesses ahead, the model itself judges all guesses in one reading.

Reading five tokens takes a large model hardly longer than reading one: its weights are fetched once. So if
most guesses are right, it writes several tokens in the time of one. The text has exactly the distribution
that it has without guesses, whatever the draft: a bad one costs time only.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from arlm_helpers.decoding.rewinding import RewindableReader
from arlm_helpers.decoding.sampling import Processor, Step, check_distribution, greedy, sample

Probs = Float[Tensor, " vocab"]


@dataclass(frozen=True)
class SpeculativeStep(Step):
    """One token, and how the round went in which it was written.

    In a round the draft guesses ``n_guessed`` tokens, of which the first ``n_accepted`` stay; then the model
    writes one of its own, for which ``guessed`` is false: in place of the wrong guess, or behind the last.
    """

    guessed: bool
    n_guessed: int
    n_accepted: int


def acceptance_rate(steps: Iterable[SpeculativeStep]) -> float:
    """Of the guesses that were judged, the share that stayed; those behind a wrong one are not judged.

    Raises:
        ValueError: if nothing was guessed.
    """
    rounds = [(step.n_guessed, step.n_accepted) for step in steps if not step.guessed]
    n_judged = sum(min(n_accepted + 1, n_guessed) for n_guessed, n_accepted in rounds)
    if n_judged == 0:
        raise ValueError("no token was guessed, so there is no rate; write more tokens")
    return sum(n_accepted for _, n_accepted in rounds) / n_judged


def expected_speedup(rate: float, n_guesses: int, *, guess_cost: float, judge_cost: float = 1.0) -> float:
    """How many times as fast writing becomes, if each guess stays with probability ``rate``.

    Costs are counted in plain steps of the model: of one guess, and of reading all guesses at once.

    Source:
        Leviathan et al. (2023), equation 1 and theorem 3.8, where reading costs one step.
    """
    n_written = sum(rate**n for n in range(n_guesses + 1))
    return n_written / (n_guesses * guess_cost + judge_cost)


@dataclass(frozen=True)
class Chooser:
    """Processors, and a source of randomness; without one all probability is on the likeliest token."""

    processors: Sequence[Processor]
    rng: torch.Generator | None

    def final(self, text: list[int], logits: Float[Tensor, " vocab"]) -> Float[Tensor, "1 vocab"]:
        """The logits behind ``text`` after the processors."""
        final, ids = logits.unsqueeze(0), torch.tensor([text])
        for process in self.processors:
            final = process(ids, final)
        return final

    def probs(self, final: Float[Tensor, "1 vocab"]) -> Probs:
        """The distribution from which the next token is drawn."""
        check_distribution(final)
        if self.rng is None:
            final = torch.full_like(final, -torch.inf).index_fill(1, greedy(final), 0.0)
        return final[0].double().softmax(dim=-1)

    def dart(self) -> Float[Tensor, "1"]:
        """A random number in [0, 1); without randomness 0."""
        if self.rng is None:
            return torch.zeros(1, dtype=torch.float64)
        return torch.rand(1, generator=self.rng, dtype=torch.float64)

    def draw(self, probs: Probs) -> int:
        """A token from a distribution, which need not sum to one."""
        return int(sample(probs.log().unsqueeze(0), self.dart()))


def guess(reader: RewindableReader, text: list[int], n: int, chooser: Chooser) -> list[tuple[int, Probs]]:
    """The next ``n`` tokens as the draft would write them, each with the distribution it was drawn from."""
    guesses = []
    for _ in range(n):
        ahead = [*text, *(token for token, _ in guesses)]
        probs = chooser.probs(chooser.final(ahead, reader.logits(ahead)[0]))
        guesses.append((chooser.draw(probs), probs))
    return guesses


def accepts(probs: Probs, token: int, draft: Probs, dart: Float[Tensor, "1"]) -> bool:
    """Whether a guess stays: always if the model gives it at least the draft's probability, else by chance.

    Source:
        Leviathan et al. (2023), section 2.3, https://arxiv.org/abs/2211.17192
    """
    return bool(dart * draft[token] < probs[token])


def what_is_missing(probs: Probs, draft: Probs) -> Probs:
    """Where the model gives more probability than the draft: from there a wrong guess is replaced.

    The accepted share min(p, q) and this, p - min(p, q), add up to p.

    Source:
        Leviathan et al. (2023), section 2.3 and appendix A.1.
    """
    missing = (probs - draft).clamp(min=0)
    return missing if missing.any() else probs  # only rounding can reject where both are the same


def check_speculation(model, draft, ids: Int[Tensor, "batch time"], max_tokens: int, n_guesses: int) -> None:
    """Refuse what cannot be continued.

    Raises:
        ValueError: for several rows, an empty prompt, numbers that are too small, other vocabularies.
    """
    if len(ids) != 1:
        raise ValueError(
            f"one text at a time, got {len(ids)} rows: rows would accept differently many guesses"
        )
    if ids.shape[1] < 1:
        raise ValueError("the prompt is empty: give at least one token, such as a line break")
    if max_tokens < 0 or n_guesses < 1:
        raise ValueError(
            f"max_tokens must be at least 0 and n_guesses at least 1, got {max_tokens} and {n_guesses}"
        )
    if model.vocab_size != draft.vocab_size:
        raise ValueError(
            f"the draft must have the vocabulary of the model, got {draft.vocab_size} tokens for "
            f"{model.vocab_size}; fit it on ids of the same tokenizer"
        )


@torch.inference_mode()
def speculate(
    model,
    draft,
    ids: Int[Tensor, "batch time"],
    *,
    max_tokens: int,
    n_guesses: int = 4,
    processors: Sequence[Processor] = (),
    rng: torch.Generator | None = None,
    end_id: int | None = None,
) -> Iterator[SpeculativeStep]:
    """Continue a text as ``generate`` does, in rounds of up to ``n_guesses`` guesses by the ``draft``.

    The text has the distribution of ``generate``; the same ``rng`` gives another text of it. Without ``rng``
    it is the greedy text. Processors are applied to both models: to the draft, so that more guesses stay.

    Raises:
        ValueError: see ``check_speculation``.
    """
    check_speculation(model, draft, ids, max_tokens, n_guesses)
    text, chooser = ids[0].tolist(), Chooser(processors, rng)
    reader, ahead = (RewindableReader(each, len(text), n_marks=n_guesses + 2) for each in (model, draft))
    n_left = max_tokens
    while n_left:
        room = reader.room(len(text))
        n = min(n_guesses, n_left - 1, n_guesses if room is None else room)
        guesses = guess(ahead, text, n, chooser)
        tokens = [token for token, _ in guesses]
        logits = reader.logits(text + tokens, n_last=n + 1)
        for step in judge_guesses(text, guesses, logits, chooser):
            yield step
            n_left -= 1
            text.append(int(step.ids))
            if text[-1] == end_id:
                return


def judge_guesses(
    text: list[int],
    guesses: list[tuple[int, Probs]],
    logits: Float[Tensor, "position vocab"],
    chooser: Chooser,
) -> list[SpeculativeStep]:
    """The steps of a round: the guesses that stay, and a token of the model's own."""
    written, text = [], list(text)
    for position, (token, draft) in enumerate(guesses):
        final = chooser.final(text, logits[position])
        probs = chooser.probs(final)
        if not accepts(probs, token, draft, chooser.dart()):
            written.append((chooser.draw(what_is_missing(probs, draft)), final))
            break
        written.append((token, final))
        text.append(token)
    else:
        final = chooser.final(text, logits[-1])
        written.append((chooser.draw(chooser.probs(final)), final))
    active, n_accepted = torch.ones(1, dtype=torch.bool), len(written) - 1
    return [
        SpeculativeStep(
            torch.tensor([token]), logits[i : i + 1], final, active, i < n_accepted, len(guesses), n_accepted
        )
        for i, (token, final) in enumerate(written)
    ]
