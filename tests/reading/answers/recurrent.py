"""Recorded answers to the exercises of notebook 04, right and wrong."""

import math

import torch


def by_parts(vocab_size, d_model, n_layers):
    embedding, head = vocab_size * d_model, d_model * vocab_size + vocab_size
    gate = 2 * d_model * d_model + 2 * d_model
    return embedding + n_layers * 4 * gate + head


def in_one_line(v, d, n):
    return v * (2 * d + 1) + 8 * n * d * (d + 1)


def instead(matrices=8, biases=8, tables=2, head_bias=1):
    return lambda v, d, n: tables * v * d + head_bias * v + n * (matrices * d * d + biases * d)


def scaled_together(gradients, limit):
    norm = math.sqrt(sum((gradient**2).sum().item() for gradient in gradients))
    return [gradient * min(1.0, limit / max(norm, 1e-12)) for gradient in gradients]


def scaled_if_long(gradients, limit):
    norm = torch.cat([gradient.flatten() for gradient in gradients]).norm()
    return [gradient * limit / norm if norm > limit else gradient for gradient in gradients]


def in_place(gradients, limit):
    norm = torch.cat([gradient.flatten() for gradient in gradients]).norm()
    return [gradient.mul_(min(1.0, limit / norm)) for gradient in gradients]


def each_by_itself(gradients, limit):
    return [gradient * min(1.0, limit / gradient.norm().item()) for gradient in gradients]


def scaled_by(measure):
    def wrong(gradients, limit):
        size = measure([gradient.norm().item() for gradient in gradients])
        return [gradient * limit / size for gradient in gradients]

    return wrong


def divides_by_zero(gradients, limit):
    norm = torch.cat([gradient.flatten() for gradient in gradients]).norm()
    return [gradient / norm * torch.minimum(norm, torch.tensor(limit)) for gradient in gradients]


def gates(**changed):
    table = {"open": (1.0, 0.0, 1.0), "close": (0.0, 0.0, 0.0), "else": (0.0, 1.0, 0.0)} | changed
    return lambda character: table[{"(": "open", ")": "close"}.get(character, "else")]


REPORT = {"property": "inside a name", "cell": 12, "score": 0.71, "chance": 0.12, "confirmed": 0.69}

ANSWERS = {
    "lstm_parameters": {
        "right": [by_parts, in_one_line],
        "wrong": [
            (instead(matrices=2, biases=2), "one gate"),
            (instead(matrices=2), "matrices of one gate"),
            (instead(biases=4), "two biases"),
            (instead(biases=0), "biases of the gates are missing"),
            (instead(matrices=4), "two matrices"),
            (instead(head_bias=0), "head has a bias"),
            (instead(tables=1), "one is missing"),
            (instead(tables=1, head_bias=0), "head is missing"),
            (lambda v, d, n: by_parts(v, d, 1), "more layers"),
            (lambda v, d, n: 0, "yours gives 0"),
        ],
    },
    "clipped_gradients": {
        "right": [scaled_together, scaled_if_long],
        "wrong": [
            (in_place, "have changed"),
            (each_by_itself, "by itself"),
            (lambda gradients, limit: [g.clamp(-limit, limit) for g in gradients], "by itself"),
            (scaled_by(lambda norms: sum(n**2 for n in norms)), "divides by 25"),
            (scaled_by(sum), "sum of the norms"),
            (scaled_by(lambda norms: math.hypot(*norms)), "never scaled up"),
            (lambda gradients, limit: gradients, "nothing was scaled"),
            (lambda gradients, limit: [g / 2 for g in gradients], "a fifth"),
            (divides_by_zero, "norm of 0"),
        ],
    },
    "bracket_gates": {
        "right": [gates(), gates(close=(1.0, 0.0, 0.0), **{"else": (1.0, 1.0, 0.0)})],
        "wrong": [
            (gates(open=(2.0, 0.0, 1.0)), "between 0 and 1"),
            (gates(open=(0.0, 0.0, 1.0)), "let something in"),
            (gates(**{"else": (0.1, 1.0, 1.0)}), "let nothing in"),
            (gates(**{"else": (0.0, 0.0, 0.0)}), "keep it"),
            (gates(**{"else": (0.0, 0.995, 0.0)}), "300 characters"),
            (gates(close=(0.0, 1.0, 0.0)), "forget, f = 0"),
            (gates(open=(1.0, 1.0, 1.0)), "not 3"),
            (gates(close=(1.0, 1.0, -1.0)), "instead of subtracting"),
        ],
    },
    "rows_apart": {
        "right": [
            lambda lstm, x: lstm(x.transpose(0, 1))[0].transpose(0, 1),
            lambda lstm, x: torch.cat([lstm(row.unsqueeze(1))[0] for row in x], dim=1).movedim(0, 1),
        ],
        "wrong": [
            (lambda lstm, x: lstm(x)[0], "still reads on"),
            (lambda lstm, x: lstm(x), "a pair"),
            (lambda lstm, x: lstm(x.transpose(0, 1))[0], "swap the axes back"),
            (lambda lstm, x: lstm(x.reshape(5, 2, 3))[0].reshape(2, 5, 4), "reshape"),
            (lambda lstm, x: lstm(x.transpose(0, 1).flip(0))[0].flip(0).transpose(0, 1), "backwards"),
            (lambda lstm, x: lstm(x.transpose(0, 1))[0][-1], "shape should be"),
            (lambda lstm, x: lstm(x.transpose(0, 1))[0].transpose(0, 1) * 2, "by itself"),
        ],
    },
    "my_cell": {
        "right": [REPORT, {**REPORT, "score": -0.71, "confirmed": -0.6}],
        "wrong": [
            ({**REPORT, "score": 0.11}, "by chance"),
            ({**REPORT, "confirmed": 0.1}, "lucky find"),
            ({**REPORT, "confirmed": 0.71}, "another"),
            ({**REPORT, "confirmed": -0.69}, "sign"),
            ({**REPORT, "chance": 0.0}, "never quite 0"),
            ({**REPORT, "score": 3.0}, "between -1 and 1"),
            ({**REPORT, "property": " "}, "in words"),
            ({"cell": 3}, "lacks"),
        ],
    },
}
