"""The next token at one place of a text: which tokens to offer, and what to say about the chosen one."""

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

from torch import maximum

from arlm_helpers.reading.figures.before_after import change
from arlm_helpers.reading.widgets.sampling_why import why_lines
from arlm_helpers.reading.widgets.strings import text as words

N_CANDIDATES = 20


def offered_ids(place: Any, tokens: Sequence[str], token: int, wanted: str) -> list[int]:
    """The likeliest tokens before or after the policy, or those with ``wanted`` in them; and ``token``."""
    if wanted:
        ids = [i for i, shown in enumerate(tokens) if wanted in shown][:N_CANDIDATES]
    else:
        ids = maximum(place.probs, place.final).topk(min(N_CANDIDATES, len(tokens))).indices.tolist()
    return ids if token in ids else [*ids, token]


def offer(place: Any, i: int, name: Callable[[int], str]) -> tuple[str, int]:
    """The entry of one token in the list: its name, and its probability before and after."""
    return f"{name(i)}   {change(float(place.probs[i]), float(place.final[i]))}", i


def chances_lines(
    place: Any, token: int, drawn: int, name: Callable[[int], str], *, at: int, seed: int, u: float
) -> list[str]:
    """What there is to say: the policy, why ``token`` is kept or cut, and where the dart lands."""
    dart = words("dart_here", seed=seed, at=at, u=u, token=words("quoted", token=name(drawn)))
    policy = words("policy_now", policy=place.policy.code())
    return [policy, *why_lines(place.why(token), words("quoted", token=name(token))), dart]


def said_html(lines: Sequence[str]) -> str:
    """Lines of text, escaped, which screen readers announce when they change."""
    said = "".join(f'<p style="margin:2px 0">{escape(line)}</p>' for line in lines)
    return f'<div role="status" style="max-width:60em;line-height:1.4">{said}</div>'
