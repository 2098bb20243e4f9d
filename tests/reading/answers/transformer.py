"""Recorded answers to the exercises of notebook 06, right and wrong."""

import torch
from torch.nn import functional

sdpa = functional.scaled_dot_product_attention


def parameters(vocab, context, n, d, *, block=None, rest=0):
    return (vocab + context) * d + n * (12 * d * d + 13 * d if block is None else block(d)) + 2 * d + rest


def parameters_by_parts(vocab, context, n, d):
    attention, feed_forward, norms = 4 * (d * d + d), 4 * d * d + 4 * d + 4 * d * d + d, 4 * d
    return vocab * d + context * d + sum(attention + feed_forward + norms for _ in range(n)) + 2 * d


def with_block(block):
    return lambda vocab, context, n, d: parameters(vocab, context, n, d, block=block)


def rms(x, gain, eps):
    return gain * x / (x.square().mean(dim=-1, keepdim=True) + eps).sqrt()


def rms_by_rsqrt(x, gain, eps):
    return x * torch.rsqrt((x * x).sum(-1, keepdim=True) / x.shape[-1] + eps) * gain


def rms_in_place(x, gain, eps):
    x /= (x.square().mean(dim=-1, keepdim=True) + eps).sqrt()
    return gain * x


def rms_eps_outside(x, gain, eps):
    return gain * x / (x.square().mean(dim=-1, keepdim=True).sqrt() + eps)


def mask(n_query, n_key, window):
    queries = torch.arange(n_key - n_query, n_key).unsqueeze(1)
    distance = queries - torch.arange(n_key)
    return (distance >= 0) & (distance < window)


def mask_by_triangles(n_query, n_key, window):
    everything = torch.ones(n_key, n_key, dtype=torch.bool)
    return (everything.tril() & everything.triu(1 - window))[n_key - n_query :]


def mask_from_zero(n_query, n_key, window):
    distance = torch.arange(n_query).unsqueeze(1) - torch.arange(n_key)
    return (distance >= 0) & (distance < window)


def both_ways(n_query, n_key, window):
    distance = torch.arange(n_key - n_query, n_key).unsqueeze(1) - torch.arange(n_key)
    return distance.abs() < window


def lower(queries, keys):
    n_query, n_key = queries.shape[-2], keys.shape[-2]
    return torch.ones(n_query, n_key, dtype=torch.bool).tril(n_key - n_query)


def look(queries, keys, values):
    return sdpa(queries, keys, values, attn_mask=lower(queries, keys))


def look_by_hand(queries, keys, values):
    scores = queries @ keys.mT / queries.shape[-1] ** 0.5
    return scores.masked_fill(~lower(queries, keys), -torch.inf).softmax(dim=-1) @ values


def right_for_one_query(queries, keys, values):
    return sdpa(queries, keys, values, is_causal=queries.shape[-2] > 1)


REPORT = {
    "change": "one head", "expected": "worse", "complete": 2.18, "changed": 2.25, "chance": 0.01,
    "verdict": "worse",
}  # fmt: skip

ANSWERS = {
    "gpt2_parameters": {
        "right": [parameters, parameters_by_parts],
        "wrong": [
            (lambda v, t, n, d: parameters(v, t, n, d, rest=v * d), "tied"),
            (lambda v, t, n, d: parameters(v, t, n, d, rest=-t * d), "learned positions"),
            (lambda v, t, n, d: parameters(v, t, n, d, rest=-2 * d), "last norm"),
            (with_block(lambda d: 12 * d * d + 9 * d), "two norms, with a gain"),
            (with_block(lambda d: 12 * d * d + 11 * d), "so 4 × d_model"),
            (with_block(lambda d: 12 * d * d + 4 * d), "biases are missing"),
            (with_block(lambda d: 12 * d * d + 12 * d), "d at its end"),
            (with_block(lambda d: 11 * d * d + 13 * d), "output matrix"),
            (with_block(lambda d: 8 * d * d + 13 * d), "and* output"),
            (with_block(lambda d: 4 * d * d + 13 * d), "two matrices"),
            (lambda v, t, n, d: parameters(v, t, 1, d), "only one block"),
            (lambda v, t, n, d: 12 * n * d * d, "make 1632 numbers"),
            (lambda v, t, n, d: 1632, "124,439,808"),
        ],
    },
    "rms_norm": {
        "right": [rms, rms_by_rsqrt],
        "wrong": [
            (rms_in_place, "have changed"),
            (lambda x, g, e: g * functional.layer_norm(x, x.shape[-1:], eps=e), "LayerNorm"),
            (lambda x, g, e: g * x / (x.square().sum(-1, keepdim=True) + e).sqrt(), "length 1"),
            (lambda x, g, e: g * x / (x.square().mean(-1, keepdim=True) + e), "root is missing"),
            (lambda x, g, e: g * x / (x.square().mean() + e).sqrt(), "each has its own"),
            (lambda x, g, e: g * x / (x.abs().mean(-1, keepdim=True) + e), "absolute values"),
            (lambda x, g, e: g * x, "0.8485"),
            (lambda x, g, e: x / (x.square().mean(-1, keepdim=True) + e).sqrt(), "gain is missing"),
            (lambda x, g, e: rms(x, g.square(), e), "fourth triple"),
            (lambda x, g, e: g * x / x.square().mean(-1, keepdim=True).sqrt(), "0/0"),
            (rms_eps_outside, "inside the root"),
        ],
    },
    "window_mask": {
        "right": [mask, mask_by_triangles],
        "wrong": [
            (lambda q, k, w: [[True] * k] * q, "shape (5, 5)"),
            (lambda q, k, w: mask(q, k, w).float(), "bools"),
            (lambda q, k, w: ~mask(q, k, w), "opposite"),
            (lambda q, k, w: mask(q, k, 100), "causal mask"),
            (both_ways, "future"),
            (lambda q, k, w: mask(q, k, w + 1), "too far"),
            (lambda q, k, w: mask(q, k, w - 1), "too few"),
            (mask_from_zero, "position 4, not 0"),
            (lambda q, k, w: mask(q, k, w) & (torch.arange(k) > 0), "keys 2, 3, 4"),
            (lambda q, k, w: mask(k, k, w)[k - q :] if w > 1 else mask(q, k, 2), "itself only"),
            (lambda q, k, w: mask(q, k, min(w, k - 1)), "wider than the text"),
        ],
    },
    "cached_look": {
        "right": [look, look_by_hand],
        "wrong": [
            (lambda q, k, v: sdpa(q, k, v, is_causal=True), "1 queries with 6 keys still see"),
            (right_for_one_query, "3 queries with 6 keys still see"),
            (lambda q, k, v: sdpa(q, k, v), "3 queries all see every key"),
            (lambda q, k, v: sdpa(q, k, v, attn_mask=~lower(q, k) if q.shape[-2] > 1 else None), "way round"),
            (lambda q, k, v: sdpa(q, k[:, :, : q.shape[-2]], v[:, :, : q.shape[-2]]), "still see"),
            (lambda q, k, v: look(q, k, v)[0], "shape should be"),
            (lambda q, k, v: 2 * look(q, k, v), "last rows of a whole reading"),
        ],
    },
    "my_ablation": {
        "right": [
            REPORT,
            {**REPORT, "changed": 2.16, "chance": 0.015, "verdict": "no difference"},
            {**REPORT, "changed": 2.1, "verdict": "better"},
        ],
        "wrong": [
            ({"change": "one head"}, "lacks"),
            ({**REPORT, "verdict": "bad"}, "should be one of"),
            ({**REPORT, "change": " "}, "in words"),
            ({**REPORT, "changed": float("inf")}, "infinite"),
            ({**REPORT, "chance": 0.0}, "never quite 0"),
            ({**REPORT, "changed": 2.18}, "last digit"),
            ({**REPORT, "chance": 0.1}, "two equal trainings differ"),
            ({**REPORT, "verdict": "no difference"}, "many times that of chance"),
            ({**REPORT, "changed": 2.1}, "a lower loss is better"),
        ],
    },
}
