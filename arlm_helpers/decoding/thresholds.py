"""Where the line of each control runs for one token: the setting at which it begins to survive.

For top-k, top-p and min-p these are closed forms of the ranked probabilities; for temperature the line is
bisected, which is right because a higher temperature keeps whatever a lower one keeps.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from arlm_helpers.decoding.ranked_token import RankedToken, filter_order

COLDEST, HOTTEST = 0.01, 1000.0  # temperatures between which a line is looked for
MARGIN = 1e-9  # beside the line, so that rounding cannot put a token on its wrong side
Number = float | int


@dataclass(frozen=True)
class Threshold:
    """Where the fate of a token turns: ``keeps`` is a setting of ``control`` that keeps it, ``cuts`` cuts it.

    Both lie beside the line, a millionth apart or nearer; for top-k they are neighbours. ``cuts`` = 0 for
    temperature says that every temperature from ``keeps`` on keeps the token and only greedy cuts it.
    """

    control: str
    keeps: Number
    cuts: Number


def first_kept(ranking: RankedToken, holds: Callable[[int], bool]) -> int | None:
    """The smallest number of tokens, above the token's place, for which ``holds``; None if there is none.

    ``holds`` must not turn false again once it is true.
    """
    low, high = ranking.place + 1, len(ranking.below)
    if not holds(high):
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return high


def top_k_threshold(ranking: RankedToken) -> Threshold | None:
    """The least k that keeps the token: its rank, or more where a top-p that follows needs company for it."""
    n = first_kept(ranking, lambda k: ranking.under(top_k=k).survives)
    return None if n is None or n == 1 else Threshold("top_k", n, n - 1)


def min_p_threshold(ranking: RankedToken) -> Threshold | None:
    """The largest min-p that keeps the token: its odds against the best, or of the last token needed."""
    weights, _ = ranking.weights(ranking.left_before("min_p")[1])
    n = first_kept(ranking, lambda n: ranking.under(min_p=float(weights[n - 1])).survives)
    if n is None or weights[n - 1] == 1:  # min-p never cuts what equals the best
        return None
    ratio = float(weights[n - 1])
    return Threshold("min_p", ratio * (1 - MARGIN), ratio * (1 + MARGIN))


def top_p_threshold(ranking: RankedToken) -> Threshold | None:
    """The least top-p that keeps the token: a little more than the probability of all likelier tokens."""
    n, temperature = ranking.left_before("top_p")
    if ranking.place == 0 or ranking.place >= n:
        return None
    _, sums = ranking.weights(temperature)
    held = float(sums[ranking.place] / sums[n])
    line = Threshold("top_p", min(held * (1 + MARGIN), 1.0), held * (1 - MARGIN))
    return line if ranking.under(top_p=line.keeps).survives else None


def temperature_threshold(ranking: RankedToken) -> Threshold | None:
    """The least temperature that keeps the token, bisected; above 0 where any of them does."""

    def keeps(temperature: float) -> bool:
        tried = ranking.under(temperature=temperature)
        survives = tried.survives
        if temperature != 1:
            tried.forget(temperature)
        return survives

    if ranking.place == 0 or not keeps(HOTTEST):
        return None
    if keeps(COLDEST):
        return Threshold("temperature", COLDEST, 0.0)
    low, high = COLDEST, HOTTEST
    while high > low * (1 + 1e-6):
        middle = (low * high) ** 0.5
        low, high = (low, middle) if keeps(middle) else (middle, high)
    return Threshold("temperature", high, low)


FINDERS = {
    "temperature": temperature_threshold,
    "top_k": top_k_threshold,
    "top_p": top_p_threshold,
    "min_p": min_p_threshold,
}


def single_thresholds(ranking: RankedToken) -> Iterator[Threshold]:
    """For each control, in the order of the policy, the line across which it alone turns the token's fate."""
    for control in filter_order(ranking.policy.order):
        line = FINDERS[control](ranking)
        if line is not None:
            yield line


def joint_needs(ranking: RankedToken) -> Iterator[Threshold]:
    """What the controls that cut the token must become, all at once, if no single one suffices.

    Each is as little as the others allow. Greedy has to become some temperature: 1 stands for it.
    """
    policy, place = ranking.policy, ranking.place
    if policy.temperature == 0 and place > 0:
        yield Threshold("temperature", 1.0, 0.0)
        ranking = ranking.under(temperature=1.0)
    if policy.top_k is not None and place >= policy.top_k:
        yield Threshold("top_k", place + 1, place)
        ranking = ranking.under(top_k=place + 1)
    ratio = float(ranking.weights(ranking.left_before("min_p")[1])[0][place])
    if ratio < policy.min_p:
        yield Threshold("min_p", ratio * (1 - MARGIN), ratio * (1 + MARGIN))
        ranking = ranking.under(min_p=ratio * (1 - MARGIN))
    if not ranking.survives:
        yield top_p_threshold(ranking)
