"""Recorded answers to the exercises of notebook 05, right and wrong."""

import torch


def by_comparing(lengths, n_key):
    return (torch.arange(n_key) < lengths.unsqueeze(1)).unsqueeze(1)


def one_by_one(lengths, n_key):
    return torch.tensor([[[key < length for key in range(n_key)]] for length in lengths.tolist()])


def hidden_before(scores, mask):
    weights = scores.masked_fill(~mask, -torch.inf).softmax(-1)
    return weights.masked_fill(~mask, 0.0)


def chosen_by_where(scores, mask):
    weights = torch.where(mask, scores, -torch.inf).softmax(-1)
    return torch.where(mask, weights, 0.0)


def renormalised(scores, mask):
    weights = scores.softmax(-1) * mask
    return weights / weights.sum(-1, keepdim=True)


def looks_when_blind(scores, mask):
    weights = hidden_before(scores, mask)
    return torch.where(mask.any(-1, keepdim=True), weights, torch.full_like(weights, 1 / 3))


REPORT = {
    "layer": "decoder.1.across", "head": 2, "sharpest": 0.7,
    "whole": 0.001, "without": 0.2, "verdict": "needed",
}  # fmt: skip

ANSWERS = {
    "weights_by_hand": {
        "right": [(2 / 9, 6 / 9, 0, 1 / 9), [0.2222, 0.6667, 0.0, 0.1111], torch.tensor([2, 6, 0, 1]) / 9],
        "wrong": [
            ((0, 0, 1, 0), "third key"),
            ((0.25, 0.75, 0, 0), "not a weight of 0"),
            ((2, 6, 0, 1), "exponentials"),
            ((0.2, 0.6, 0, 0.1), "sum to 1"),
            ((0.25, 0.75), "four in all"),
            ((0.3, 0.5, 0, 0.2), "exponentiate"),
        ],
    },
    "padding_mask": {
        "right": [by_comparing, one_by_one],
        "wrong": [
            (lambda lengths, n: torch.arange(n) < lengths.unsqueeze(1), "axis of the queries"),
            (lambda lengths, n: ~by_comparing(lengths, n), "opposite"),
            (lambda lengths, n: by_comparing(lengths + 1, n), "one key too many"),
            (lambda lengths, n: by_comparing(lengths, n).float(), "bools"),
            (lambda lengths, n: by_comparing(lengths, n).mT, "should be (3, 1, 5)"),
            (lambda lengths, n: by_comparing(lengths, n).flip(-1), "yours at [2, 3, 4]"),
            (lambda lengths, n: [[True] * n], "tensor is asked for"),
        ],
    },
    "masked_weights": {
        "right": [hidden_before, chosen_by_where],
        "wrong": [
            (lambda scores, mask: scores.softmax(-1) * mask, "0.33"),
            (lambda scores, mask: (scores * mask).softmax(-1), "e to the power of 0"),
            (lambda scores, mask: scores.softmax(-1), "changes nothing"),
            (renormalised, "−inf before the softmax"),
            (lambda scores, mask: scores.masked_fill(~mask, -torch.inf).softmax(-1), "0/0"),
            (looks_when_blind, "0 throughout"),
            (lambda scores, mask: scores.masked_fill(mask, -torch.inf).softmax(-1), "NaNs"),
            (lambda scores, mask: hidden_before(2 * scores, mask), "0.2689"),
            (lambda scores, mask: scores.sum(-1), "shape of the scores"),
        ],
    },
    "heads_apart": {
        "right": [
            lambda x: x.transpose(1, 2).flatten(start_dim=2),
            lambda x: torch.cat(list(x.unbind(dim=1)), dim=-1),
        ],
        "wrong": [
            (lambda x: x.reshape(len(x), x.shape[2], -1), "mixes positions"),
            (lambda x: x.permute(0, 2, 3, 1).flatten(start_dim=2), "interleaved"),
            (lambda x: x.transpose(1, 2), "make (2, 4, 15)"),
            (lambda x: x.flip(1).transpose(1, 2).flatten(start_dim=2), "position 0 should hold"),
        ],
    },
    "my_head": {
        "right": [REPORT, {**REPORT, "without": 0.0012, "verdict": "not needed"}],
        "wrong": [
            ({"layer": "decoder.1.across"}, "lacks"),
            ({**REPORT, "sharpest": 1.7}, "between 0 and 1"),
            ({**REPORT, "without": 0.001}, "equal to the last digit"),
            ({**REPORT, "without": 0.0011}, "little for a head"),
            ({**REPORT, "verdict": "not needed"}, "ten times"),
            ({**REPORT, "verdict": "perhaps"}, "one of"),
            ({**REPORT, "whole": -1}, "not negative"),
            ({**REPORT, "head": -1}, "from 0"),
        ],
    },
}
