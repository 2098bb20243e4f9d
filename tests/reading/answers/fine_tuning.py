"""Recorded answers to the exercises of notebook 14, right and wrong."""

import torch


def size_in_a_loop(layers, rank):
    total = 0
    for d_in, d_out in layers:
        total += rank * d_in + d_out * rank
    return total


def marks(roles=("assistant",), first=1, last=None):
    def of(turns):
        whole = [role in roles for role, n in turns for _ in range(n)]
        return whole[first:last]

    return of


def marks_one_by_one(turns):
    counted = []
    for role, n in turns:
        counted.extend([role == "assistant"] * n)
    return torch.tensor(counted)[1:]


def low_rank(update, rank):
    u, s, v = torch.linalg.svd(update, full_matrices=False)
    return u[:, :rank] * s[:rank], v[:rank]


def low_rank_shared(update, rank):
    u, s, v = torch.linalg.svd(update)
    root = s[:rank].sqrt()
    return u[:, :rank] @ torch.diag(root), torch.diag(root) @ v[:rank]


def without_values(update, rank):
    u, _, v = torch.linalg.svd(update, full_matrices=False)
    return u[:, :rank], v[:rank]


def weakest(update, rank):
    u, s, v = torch.linalg.svd(update, full_matrices=False)
    return u[:, -rank:] * s[-rank:], v[-rank:]


def first_columns(update, rank):
    return update[:, :rank], torch.eye(rank, update.shape[1])


def in_place(update, rank):
    b, a = low_rank(update, rank)
    update -= b @ a
    return b, a


def choice(strengths, wanted, others, limit):
    free = others[strengths.index(0.0)]
    allowed = [(w, s) for s, w, o in zip(strengths, wanted, others, strict=True) if o <= (1 + limit) * free]
    return min(allowed)[1]


def choice_in_a_loop(strengths, wanted, others, limit):
    start = strengths.index(0.0)
    best = start
    for i in range(len(strengths)):
        if others[i] / others[start] - 1 <= limit and wanted[i] < wanted[best]:
            best = i
    return strengths[best]


def strongest_allowed(strengths, wanted, others, limit):
    return max(s for s, o in zip(strengths, others, strict=True) if o <= (1 + limit) * others[0])


def lowest(strengths, wanted, others, limit):
    return strengths[wanted.index(min(wanted))]


ANSWERS = {
    "adapter_size": {
        "right": [lambda layers, r: sum(r * (d_in + d_out) for d_in, d_out in layers), size_in_a_loop],
        "wrong": [
            (lambda layers, r: sum(d_in * d_out for d_in, d_out in layers), "the layer itself"),
            (lambda layers, r: sum(r * d_in * d_out for d_in, d_out in layers), "no stack"),
            (lambda layers, r: sum(r * d_in for d_in, _ in layers), "A alone"),
            (lambda layers, r: sum(r * d_out for _, d_out in layers), "B alone"),
            (lambda layers, r: sum(d_in + d_out for d_in, d_out in layers), "each of the r"),
            (lambda layers, r: r * sum(layers[0]), "sum over all"),
            (lambda layers, r: 1, "8,448"),
        ],
    },
    "target_marks": {
        "right": [marks(), marks_one_by_one],
        "wrong": [
            (marks(first=0), "one mark less"),
            (marks(first=0, last=-1), "marks of the inputs"),
            (marks(("user", "system")), "other way round"),
            (marks(("assistant", "system")), "given, too"),
            (marks(first=2), "6 targets"),
            (lambda turns: [True] * (sum(n for _, n in turns) - 1), "in turn"),
        ],
    },
    "best_low_rank": {
        "right": [low_rank, low_rank_shared],
        "wrong": [
            (lambda update, rank: tuple(reversed(low_rank(update, rank))), "B comes first"),
            (without_values, "singular values are missing"),
            (weakest, "weakest"),
            (first_columns, "nearest product"),
            (in_place, "has changed"),
            (lambda update, rank: low_rank(update, 2), "full rank"),
        ],
    },
    "chosen_strength": {
        "right": [choice, choice_in_a_loop],
        "wrong": [
            (
                lambda strengths, wanted, others, limit: strengths[wanted.index(min(wanted))],
                "beyond the limit",
            ),
            (lambda strengths, wanted, others, limit: 0.0, "brings nothing"),
            (lambda strengths, wanted, others, limit: 0.5, "and better"),
            (lambda strengths, wanted, others, limit: 2, "itself is asked"),
            (strongest_allowed, "not always the best"),
            (lambda strengths, wanted, others, limit: 0.7, "it is 1.0"),
        ],
    },
}
