"""Why was this token cut, and what would save it? Numbers for each stage, a line for each control."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from arlm_helpers.decoding.policy import Policy, Stage
from arlm_helpers.decoding.ranked_token import FILTERS, RankedToken
from arlm_helpers.decoding.thresholds import Threshold, joint_needs, single_thresholds

Number = float | int


@dataclass(frozen=True)
class StageVerdict:
    """What a stage did to a token: "kept", "moved" (its logit) or "cut"; ``numbers`` say why."""

    control: str
    outcome: str
    numbers: dict[str, Number]


@dataclass(frozen=True)
class Why:
    """The fate of one token at one place of a text.

    ``verdicts`` go as far as the stage that cut it. ``alone`` are the controls of which one suffices, all
    others unchanged, to turn its fate: to save a token that was cut, to lose one that was kept. ``needs`` is
    for a token that no single control saves: what each stage asks, all of it at once.
    ``rank`` counts from 1, after the penalties; None for a token that they, or the model, ruled out.
    """

    token: int
    kept: bool
    rank: int | None
    base: float
    final: float
    verdicts: tuple[StageVerdict, ...]
    alone: tuple[Threshold, ...] = ()
    needs: tuple[Threshold, ...] = ()


def why(
    policy: Policy, ids: Int[Tensor, "1 time"], logits: Float[Tensor, " vocab"], token: int, *, start: int = 0
) -> Why:
    """Explain what ``policy`` does to ``token`` after ``ids``; ``start`` is the length of the prompt.

    Raises:
        ValueError: if there is no such token.
    """
    if not 0 <= token < len(logits):
        raise ValueError(f"token ids are 0 … {len(logits) - 1}, got {token}")
    return explain(policy, policy.stages(ids, logits, start=start), ids, logits, token, start=start)


def explain(
    policy: Policy,
    stages: Sequence[Stage],
    ids: Int[Tensor, "1 time"],
    logits: Float[Tensor, " vocab"],
    token: int,
    *,
    start: int = 0,
) -> Why:
    """The same from ``stages`` that are known already."""
    base = logits.double().softmax(dim=-1)
    moved = next((stage.before for stage in stages if stage.control in FILTERS.values()), None)
    if moved is None:
        moved = stages[-1].after if stages else logits.double()
    verdicts = verdicts_of(stages, ids, token, start)
    if moved[token].isneginf():
        return Why(token, False, None, float(base[token]), 0.0, verdicts)
    ranking = RankedToken.of(moved, token, policy)
    kept = not (verdicts and verdicts[-1].outcome == "cut")
    final = float(stages[-1].probs[token] if stages else base[token])
    alone = tuple(single_thresholds(ranking))
    needs = () if kept or alone else tuple(joint_needs(ranking))
    return Why(token, kept, ranking.place + 1, float(base[token]), final, verdicts, alone, needs)


def verdicts_of(
    stages: Sequence[Stage], ids: Int[Tensor, "1 time"], token: int, start: int
) -> tuple[StageVerdict, ...]:
    """What each stage did to the token, up to the one that cut it."""
    found = []
    for stage in stages:
        if stage.before[token].isneginf():
            break
        kept = not bool(stage.after[token].isneginf())
        told = TELLERS.get(stage.control, penalty_numbers)(stage, ids, token, start)
        moved = stage.control not in ("top_k", "top_p", "min_p", "no_repeat")
        found.append(StageVerdict(stage.control, ("moved" if moved else "kept") if kept else "cut", told))
    return tuple(found)


def likelier_than(logits: Float[Tensor, " vocab"], token: int) -> Tensor:
    """Which tokens rank before ``token``: those with a larger logit, and of equal ones the lower ids."""
    before = torch.arange(len(logits)) < token
    return (logits > logits[token]) | ((logits == logits[token]) & before)


def temperature_numbers(stage: Stage, ids: Tensor, token: int, start: int) -> dict[str, Number]:
    """The probability before and after; and the rank, since temperature 0 keeps only the first."""
    before = float(stage.before.softmax(dim=-1)[token])
    rank = 1 + int(likelier_than(stage.before, token).sum())
    return {
        "t": getattr(stage.processor, "t", 0),
        "before": before,
        "after": float(stage.probs[token]),
        "rank": rank,
    }


def top_k_numbers(stage: Stage, ids: Tensor, token: int, start: int) -> dict[str, Number]:
    """The rank among ``n`` tokens; ``tied`` is 1 where the last token kept has the same logit."""
    rank = 1 + int(likelier_than(stage.before, token).sum())
    last = stage.after[~stage.after.isneginf()].min()
    tied = int(rank > stage.processor.k and bool(last == stage.before[token]))
    n = int((~stage.before.isneginf()).sum())
    return {"k": stage.processor.k, "rank": rank, "n": n, "tied": tied}


def top_p_numbers(stage: Stage, ids: Tensor, token: int, start: int) -> dict[str, Number]:
    """The ``n`` likelier tokens and the probability that they hold."""
    likelier = likelier_than(stage.before, token)
    held = float(stage.before.softmax(dim=-1)[likelier].sum())
    return {"p": stage.processor.p, "n": int(likelier.sum()), "held": held}


def min_p_numbers(stage: Stage, ids: Tensor, token: int, start: int) -> dict[str, Number]:
    """The token's probability, the best token's, and the bar that min-p makes of it."""
    probs = stage.before.softmax(dim=-1)
    best = float(probs.max())
    bar = stage.processor.p * best
    return {"p": stage.processor.p, "prob": float(probs[token]), "best": best, "bar": bar}


def no_repeat_numbers(stage: Stage, ids: Tensor, token: int, start: int) -> dict[str, Number]:
    """How many tokens in a row must not come twice."""
    return {"n": stage.processor.n}


def penalty_numbers(stage: Stage, ids: Tensor, token: int, start: int) -> dict[str, Number]:
    """The logit before and after, and how often the token occurs where the penalty counts."""
    begin = getattr(stage.processor, "start", 0)
    times = int((ids[0, begin:] == token).sum())
    return {
        "penalty": stage.processor.penalty,
        "before": float(stage.before[token]),
        "after": float(stage.after[token]),
        "times": times,
    }


TELLERS: dict[str, Callable[[Stage, Tensor, int, int], dict[str, Number]]] = {
    "temperature": temperature_numbers,
    "top_k": top_k_numbers,
    "top_p": top_p_numbers,
    "min_p": min_p_numbers,
    "no_repeat": no_repeat_numbers,
}
