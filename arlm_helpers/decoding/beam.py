"""Beam search: look for a likely text instead of drawing one, following several branches at once."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from arlm_helpers.decoding.beam_reader import BeamReader, DeadEndError
from arlm_helpers.decoding.sampling import Processor


@dataclass(frozen=True)
class Branch:
    """A continuation that the search weighed: what it wrote, and what became of it.

    ``log_prob`` is the sum over its tokens, in nats. ``score`` is what finished branches are ranked by.
    ``rank`` counts all continuations of the step from 1, the likeliest; ``parent`` is the place in the beam
    of the branch that it continues. ``fate`` is "kept" (searched on), "finished" (it wrote the end token),
    "cut off" (at ``max_tokens``) or "pruned"; ``reason`` gives the numbers that decided.
    """

    ids: tuple[int, ...]
    log_prob: float
    score: float
    rank: int
    parent: int
    fate: str
    reason: str


@dataclass(frozen=True)
class BeamStep:
    """All that one step decided: its ``branches`` by rank, and the ``best`` finished so far by score.

    Of the pruned branches only the likeliest are here; of the others there may be millions.
    """

    branches: tuple[Branch, ...]
    best: tuple[Branch, ...]


@dataclass(frozen=True)
class BeamSettings:
    """How to search; see ``beam_search``.

    Raises:
        ValueError: for a number out of its range.
    """

    n_beams: int
    max_tokens: int
    length_penalty: float = 0.0
    early_stopping: bool = False
    end_id: int | None = None
    n_pruned: int = 8

    def __post_init__(self) -> None:
        for name, least in (("n_beams", 1), ("max_tokens", 1), ("n_pruned", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, got {getattr(self, name)}")
        if not math.isfinite(self.length_penalty):
            raise ValueError(f"length_penalty must be finite, got {self.length_penalty}; 0 is neutral")

    def score(self, log_prob: float, length: int) -> float:
        """``log_prob`` / ``length`` ** penalty: 0 is neutral, 1 gives the mean of a token.

        ``length`` counts the tokens written, the end token with them, never those of the prompt.
        """
        return log_prob / length**self.length_penalty

    def can_improve(self, kept: Sequence[Branch], best: Sequence[Branch]) -> bool:
        """Could a branch of the beam still end among the best? Log-probabilities only fall: a true bound."""
        if len(best) < self.n_beams:
            return bool(kept)
        if self.early_stopping or not kept:
            return False
        length = self.max_tokens if self.length_penalty > 0 else len(kept[0].ids) + 1
        return self.score(kept[0].log_prob, length) > best[-1].score


def ranked_places(scores: Float[Tensor, " n"], k: int) -> Int[Tensor, " k"]:
    """Places of the ``k`` highest scores, highest first, equal ones by place; a place with -inf never."""
    bar = scores.topk(min(k, len(scores))).values[-1]
    places = ((scores >= bar) & ~scores.isneginf()).nonzero().flatten()
    return places[scores[places].sort(descending=True, stable=True).indices[:k]]


def fates_of(ends: Sequence[bool], settings: BeamSettings, *, last: bool) -> list[str]:
    """What becomes of the continuations of one step, likeliest first, some of which end.

    The first ``n_beams`` may finish; the first ``n_beams`` that do not end are kept, so that an end does not
    narrow the beam. In the ``last`` step what does not end is cut off, and competes all the same.
    """
    fates, n = [], settings.n_beams
    for place, end in enumerate(ends):
        if end or last:
            fates.append(("finished" if end else "cut off") if place < n else "pruned")
        else:
            fates.append("kept" if fates.count("kept") < n else "pruned")
    return fates


def weigh(
    beam: Sequence[Branch], log_probs: Float[Tensor, "beam vocab"], settings: BeamSettings
) -> list[Branch]:
    """The likeliest continuations of all branches by rank, each with its fate and why."""
    n, vocab_size = settings.n_beams, log_probs.shape[1]
    before = torch.tensor([branch.log_prob for branch in beam], dtype=torch.float64, device=log_probs.device)
    totals = (before.unsqueeze(1) + log_probs).flatten()
    places = ranked_places(totals, 2 * n + settings.n_pruned)  # a branch ends once: among 2n are n that go on
    chosen = [divmod(place, vocab_size) for place in places.tolist()]
    ends = [token == settings.end_id for _, token in chosen]
    length = len(beam[0].ids) + 1
    fates = fates_of(ends, settings, last=length == settings.max_tokens)
    values = totals[places].tolist()
    bar = min((v for v, fate in zip(values, fates, strict=True) if fate != "pruned"), default=0.0)
    branches = []
    for i, (parent, token) in enumerate(chosen):
        reason = (
            f"{fates[i]}: number {i + 1} of its step by log-probability, {values[i]:.2f}; the beam holds {n}"
        )
        if fates[i] == "pruned" and ends[i]:
            reason += f", and only the first {n} may finish"
        elif fates[i] == "pruned":
            reason += f", down to {bar:.2f}"
        score = settings.score(values[i], length)
        branches.append(Branch((*beam[parent].ids, token), values[i], score, i + 1, parent, fates[i], reason))
    return branches


@torch.inference_mode()
def beam_steps(
    model, prompt: Int[Tensor, " time"], settings: BeamSettings, *, filters: Sequence[Processor] = ()
) -> Iterator[BeamStep]:
    """Search, yielding one ``BeamStep`` a token; see ``beam_search``.

    Raises:
        ValueError: for an empty prompt, or a filter that does more than rule tokens out.
    """
    if len(prompt) < 1:
        raise ValueError("the prompt is empty: give at least one token, such as a line break")
    reader = BeamReader(model, prompt, filters)
    kept, best = [Branch((), 0.0, 0.0, 1, 0, "kept", "the prompt")], []
    while settings.can_improve(kept, best):
        branches = weigh(kept, reader.log_probs(), settings)
        ended = [branch for branch in branches if branch.fate in ("finished", "cut off")]
        best = sorted([*best, *ended], key=lambda branch: -branch.score)[: settings.n_beams]
        kept = [branch for branch in branches if branch.fate == "kept"]
        yield BeamStep(tuple(branches), tuple(best))
        if kept:
            reader.follow([branch.parent for branch in kept], [branch.ids[-1] for branch in kept])


def beam_search(
    model,
    prompt: Int[Tensor, " time"],
    *,
    n_beams: int,
    max_tokens: int,
    n_best: int = 1,
    length_penalty: float = 0.0,
    early_stopping: bool = False,
    end_id: int | None = None,
    filters: Sequence[Processor] = (),
) -> list[Branch]:
    """The ``n_best`` continuations of ``prompt`` that are found, best first; fewer if there are no more.

    Every branch of the beam is continued by every token; the ``n_beams`` likeliest survive, equal ones by
    parent and token. As many beams as there are texts find the best text for certain. Short of that nothing
    is promised, not even that more beams find a better one. One beam is ``greedy`` where the first end stops
    it: with ``early_stopping``, or without a length penalty.

    A text is scored by its log-probability / length ** ``length_penalty``: above 0 favours longer texts. The
    search stops when no branch can improve on the ``n_beams`` best, with ``early_stopping`` as soon as there
    are so many. What is cut off at ``max_tokens`` competes with what has ended. ``transformers`` finds the
    same with ``early_stopping="never"``; its default, False, may give up while a longer text could still win.

    ``filters`` are processors that rule tokens out (-inf). What is left keeps the model's probability without
    renormalising: so a search within a pattern looks for the likeliest text of the model that fits it.

    Raises:
        DeadEndError: if the filters or the model allow no text.
        ValueError: for a number out of its range, an empty prompt, or a filter that changes other logits.
    Source:
        Lowerre (1976), the Harpy system; for translation: Sutskever et al. (2014), section 3.2, and Wu et al.
        (2016), section 7, https://arxiv.org/abs/1609.08144, with another formula for the length.
    """
    if not 1 <= n_best <= n_beams:
        raise ValueError(f"n_best must lie in 1 … n_beams = {n_beams}, got {n_best}")
    settings = BeamSettings(n_beams, max_tokens, length_penalty, early_stopping, end_id, n_pruned=0)
    best = ()
    for step in beam_steps(model, prompt, settings, filters=filters):
        best = step.best
    if not best:
        raise DeadEndError("every branch came to a dead end: loosen the filters, or give end_id")
    return list(best[:n_best])
