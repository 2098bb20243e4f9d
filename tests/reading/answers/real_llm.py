"""Recorded answers to the exercises of notebook 12, right and wrong."""

import math

import torch

N = 576 * 1536


def by_chunks(rows, n_heads):
    return torch.cat([torch.cat([head[0::2], head[1::2]]) for head in rows.chunk(n_heads)])


def by_axes(rows, n_heads):
    return rows.reshape(n_heads, -1, 2, rows.shape[1]).permute(0, 2, 1, 3).reshape(rows.shape)


def the_way_there(rows, n_heads):
    return rows.reshape(n_heads, 2, -1, rows.shape[1]).permute(0, 2, 1, 3).reshape(rows.shape)


def in_place(rows, n_heads):
    rows.copy_(by_axes(rows, n_heads))
    return rows


def glued(text):
    return f"<|im_start|>user\n{text}<|im_end|>\n<|im_start|>assistant\n"


def verdicts(**changes):
    claims = {
        "our class computes what the library computes": "shown",
        "SmolLM2 would predict unknown verse better than our GPT": "not shown",
        "the six heads are needed for most of the copying": "shown",
        "the model knows the capital only in its last blocks": "not shown",
        "rounding SmolLM2 to four bits cost it nothing": "not shown",
    }
    why = changes.pop("why", "a comparison was made, or is missing")
    return {
        claim: (next((new for word, new in changes.items() if word in claim), said), why)
        for claim, said in claims.items()
    }


ANSWERS = {
    "bytes_of_a_matrix": {
        "right": [(N // 32 * 20, N * 4), (552960, 3538944.0)],
        "wrong": [
            ((N * 4, N // 32 * 20), "other way round"),
            ((N * 5, N * 4), "number of bits"),
            ((N / 2, N * 4), "a step and a minimum"),
            ((N // 32 * 24, N * 4), "16 bits each"),
            ((N // 32 * 20, N * 32), "four bytes"),
        ],
    },
    "rows_put_back": {
        "right": [by_chunks, by_axes],
        "wrong": [
            (the_way_there, "the way there"),
            (lambda rows, n_heads: torch.cat([rows[0::2], rows[1::2]]), "heads are mixed"),
            (lambda rows, n_heads: rows, "nothing has moved"),
            (in_place, "have changed"),
            (lambda rows, n_heads: by_axes(rows, 2), "1 head of 8 rows"),
            (lambda rows, n_heads: by_axes(rows, n_heads).flip(1), "in the right order"),
        ],
    },
    "one_unit": {
        "right": [
            lambda nats, text: sum(nats) / math.log(2) / len(text.encode()),
            lambda nats, text: math.log2(math.e) * sum(nats) / len(text.encode("utf-8")),
        ],
        "wrong": [
            (lambda nats, text: sum(nats) / math.log(2) / len(text), "three bytes"),
            (lambda nats, text: sum(nats) / math.log(2) / len(nats), "per token"),
            (lambda nats, text: sum(nats) / len(text.encode()), "these are nats"),
            (lambda nats, text: sum(nats) / math.log(2), "the sum"),
            (lambda nats, text: max(nats) * len(nats) / math.log(2) / len(text.encode()), "10 bits"),
        ],
    },
    "turns_seen": {
        "right": [
            lambda text: glued(text).count("<|im_start|>"),
            lambda text: 2 + len(text.split("<|im_start|>")) - 1,
        ],
        "wrong": [
            (lambda text: text.count("<|im_start|>"), "adds two"),
            (lambda text: 1 + text.count("<|im_start|>"), "assistant's"),
            (lambda text: 2, "count like hers"),
            (lambda text: glued(text).count("<|im_start|>") + 3, "sees 2 turns"),
        ],
    },
    "what_was_shown": {
        "right": [verdicts(), verdicts(why="because the two were compared with each other")],
        "wrong": [
            (verdicts(verse="shown"), "unknown to it"),
            (verdicts(heads="not shown"), "silenced"),
            (verdicts(why="yes"), "in a sentence"),
            (verdicts(capital="perhaps"), "'shown' or 'not shown'"),
        ],
    },
}
