"""Recorded answers to the exercises of notebook 11, right and wrong."""

import math

import torch


def hiding(below=0.8, until=0.9, *, kept=True):
    def shown(ids, chosen, fate, random, mask_id):
        chosen = chosen if kept else torch.ones_like(chosen)
        out = torch.where(chosen & (fate < until), random, ids)
        return torch.where(chosen & (fate < below), mask_id, out)

    return shown


def hiding_one_by_one(ids, chosen, fate, random, mask_id):
    rows = []
    for tokens, asked, fates, others in zip(ids, chosen, fate, random, strict=True):
        row = []
        for token, ask, f, other in zip(tokens, asked, fates, others, strict=True):
            row.append(int(token) if not ask or f >= 0.9 else mask_id if f < 0.8 else int(other))
        rows.append(row)
    return torch.tensor(rows)


def hiding_in_place(ids, chosen, fate, random, mask_id):
    ids[chosen & (fate < 0.8)] = mask_id
    return ids


def products_one_by_one(joint):
    total = 0.0
    for a in range(joint.shape[0]):
        for b in range(joint.shape[1]):
            total += joint[a, b] / joint[:, b].sum() * joint[a, b] / joint[a].sum()
    return total


def by_rows_twice(joint):
    return (joint / joint.sum(dim=1, keepdim=True)).square().sum()


def at_targets(logits, targets):
    return -logits.log_softmax(-1).gather(-1, targets.unsqueeze(-1)).squeeze(-1)


def ignoring(logits, targets, chosen):
    targets = targets.masked_fill(~chosen, -100)
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-100)


def fill(finish):
    def filled(log_prob, text, place, n_tokens):
        return finish([log_prob([*text[:place], c, *text[place + 1 :]]) for c in range(n_tokens)])

    return filled


def shares(scores):
    top = max(scores)
    parts = [math.exp(score - top) for score in scores]
    return [part / sum(parts) for part in parts]


def careless(scores):
    parts = [math.exp(score) for score in scores]
    return [part / (sum(parts) or 1.0) for part in parts]


def fill_from_the_left(log_prob, text, place, n_tokens):
    return shares([log_prob([*text[:place], c]) for c in range(n_tokens)])


def fill_in_place(log_prob, text, place, n_tokens):
    scores = []
    for token in range(n_tokens):
        text[place] = token
        scores.append(log_prob(text))
    return shares(scores)


GOOD_TABLE = {
    "write a story": ("decoder", "text of open length is written"),
    "compress a file without loss": ("decoder", "the code needs a chain rule"),
    "find passages that mean the same, among millions": ("encoder", "one vector for each passage"),
    "mark every name in a text": ("encoder", "labels that depend on both sides"),
    "translate a sentence": ("encoder-decoder", "a source is known as a whole"),
    "restore one unreadable letter of an inscription": ("encoder", "both sides of it are known"),
}
TRANSLATE, LETTER = "translate a sentence", "restore one unreadable letter of an inscription"

ANSWERS = {
    "hide_tokens": {
        "right": [hiding(), hiding_one_by_one],
        "wrong": [
            (hiding(kept=False), "not chosen should stay"),
            (hiding(below=0.9), "not the mask"),
            (hiding(until=0.8), "random token is missing"),
            (hiding(until=1.0), "token itself stays"),
            (hiding(below=2.0), "look at fate"),
            (hiding(below=0.0), "nowhere"),
            (hiding_in_place, "has changed"),
            (lambda ids, *_: ids, "should become 20 2 7 20 9 4"),
        ],
    },
    "sum_of_products": {
        "right": [
            lambda joint: (joint / joint.sum(0) * joint / joint.sum(1, keepdim=True)).sum(),
            products_one_by_one,
        ],
        "wrong": [
            (lambda joint: joint.sum(), "chain rule"),
            (lambda joint: (joint / joint.sum(0)).sum(), "multiply the two"),
            (by_rows_twice, "independent"),
            (lambda joint: 3.0, "1.36"),
        ],
    },
    "masked_loss": {
        "right": [lambda logits, t, chosen: at_targets(logits, t)[chosen].mean(), ignoring],
        "wrong": [
            (lambda logits, t, chosen: at_targets(logits, t).mean(), "only has to copy"),
            (lambda logits, t, chosen: at_targets(logits, t)[chosen].sum(), "take the mean"),
            (lambda logits, t, chosen: (at_targets(logits, t) * chosen).mean(), "not by all 6"),
            (lambda logits, t, chosen: at_targets(logits, t)[~chosen].mean(), "*not* chosen"),
            (lambda logits, t, chosen: -at_targets(logits, t)[chosen].mean(), "sign"),
            (
                lambda logits, t, chosen: ((at_targets(logits, t) * chosen).sum(1) / chosen.sum(1)).mean(),
                "unevenly",
            ),
            (lambda logits, t, chosen: at_targets(logits, t).max(), "yours"),
        ],
    },
    "fill_by_scoring": {
        "right": [fill(shares), fill(lambda s: torch.tensor(s, dtype=torch.float64).softmax(0).tolist())],
        "wrong": [
            (fill(lambda scores: [math.exp(score) for score in scores]), "divide by their sum"),
            (fill(lambda scores: scores), "log-probabilities"),
            (fill_from_the_left, "left side"),
            (fill(careless), "subtract the largest"),
            (fill_in_place, "has changed"),
            (lambda log_prob, text, place, n: [1.0], "you give 1"),
            (lambda log_prob, text, place, n: [1 / n] * n, "the probabilities are"),
        ],
    },
    "decision_table": {
        "right": [
            GOOD_TABLE,
            GOOD_TABLE
            | {
                TRANSLATE: ("decoder", "a large one takes the source as prompt"),
                LETTER: ("decoder", "score every candidate and compare"),
            },
        ],
        "wrong": [
            (GOOD_TABLE | {"write a story": ("encoder", "it sees both sides")}, "open length"),
            (GOOD_TABLE | {TRANSLATE: ("encoder", "it sees the whole source")}, "behind a source"),
            (GOOD_TABLE | {"mark every name in a text": ("encoder", "both sides")}, "say why"),
            (GOOD_TABLE | {TRANSLATE: ("BERT", "it is well known indeed")}, "the families are"),
            ({"write a story": ("decoder", "text of open length is written")}, "lacks"),
        ],
    },
}
