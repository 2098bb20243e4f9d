"""Recorded answers to the exercises of notebook 07, right and wrong."""

import math


def schedule(step, warmup):
    return min((step + 1) / warmup, math.sqrt(warmup / (step + 1)))


def schedule_of_the_paper(step, warmup):
    t = step + 1
    return warmup**0.5 * min(t**-0.5, t * warmup**-1.5)


def after(fall):
    return lambda step, warmup: (step + 1) / warmup if step < warmup else fall(step, warmup)


def adamw(w, g, m, v, t, lr, beta1, beta2, eps, decay):
    m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g * g
    return w - lr * (m / (1 - beta1**t) / ((v / (1 - beta2**t)).sqrt() + eps) + decay * w), m, v


def adamw_decay_first(w, g, m, v, t, lr, beta1, beta2, eps, decay):
    m, v = m.lerp(g, 1 - beta1), v.lerp(g.square(), 1 - beta2)
    shrunk = w * (1 - lr * decay)
    return shrunk - lr / (1 - beta1**t) * m / ((v / (1 - beta2**t)).sqrt() + eps), m, v


def adamw_uncorrected(w, g, m, v, t, lr, beta1, beta2, eps, decay):
    m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g * g
    return w - lr * (m / (v.sqrt() + eps) + decay * w), m, v


def adamw_with(weight):
    def step(w, g, m, v, t, lr, beta1, beta2, eps, decay):
        m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g * g
        return weight(w, m / (1 - beta1**t), v / (1 - beta2**t), lr, eps, decay), m, v

    return step


def adamw_l2(w, g, m, v, t, lr, beta1, beta2, eps, decay):
    return adamw(w, g + decay * w, m, v, t, lr, beta1, beta2, eps, 0.0)


def adamw_in_place(w, g, m, v, t, lr, beta1, beta2, eps, decay):
    m *= beta1
    m += (1 - beta1) * g
    return adamw(w, g, m, v, t, lr, beta1, beta2, eps, decay)


def mean_of_gradients(w, g, m, v, t, lr, beta1, beta2, eps, decay):
    return w, beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g


def one_beta(w, g, m, v, t, lr, beta1, beta2, eps, decay):
    return w, beta1 * m + (1 - beta1) * g, beta1 * v + (1 - beta1) * g * g


def exchanged(w, g, m, v, t, lr, beta1, beta2, eps, decay):
    return w, (1 - beta1) * m + beta1 * g, v


def report(**changes):
    good = {"tuning": {"a": 2.1, "b": 1.9, "c": 2.0}, "chosen": "b", "reported": 1.95}
    return good | changes


ANSWERS = {
    "root_schedule": {
        "right": [schedule, schedule_of_the_paper],
        "wrong": [
            (lambda step, warmup: min(step / warmup, math.sqrt(warmup / (step + 1))), "is wasted"),
            (lambda step, warmup: max((step + 1) / warmup, math.sqrt(warmup / (step + 1))), "*smaller*"),
            (lambda step, warmup: min(1.0, math.sqrt(warmup / (step + 1))), "0.25, 0.5, 0.75, 1"),
            (after(lambda step, warmup: warmup / (step + 1)), "root is missing"),
            (after(lambda step, warmup: (step + 1) ** -0.5), "jumps"),
            (after(lambda step, warmup: math.sqrt(warmup / step)), "one step too early"),
            (after(lambda step, warmup: 1.0), "step 8 should have"),
        ],
    },
    "adamw_step": {
        "right": [adamw, adamw_decay_first],
        "wrong": [
            (adamw_uncorrected, "started at zero"),
            (adamw_with(lambda w, m, v, lr, eps, d: w - lr * m / (v.sqrt() + eps)), "decay is missing"),
            (
                adamw_with(lambda w, m, v, lr, eps, d: w - lr * m / (v.sqrt() + eps) - d * w),
                "learning rate, too",
            ),
            (adamw_with(lambda w, m, v, lr, eps, d: w + lr * m / (v.sqrt() + eps) - lr * d * w), "uphill"),
            (
                adamw_with(lambda w, m, v, lr, eps, d: w - lr * (m / (v + eps).sqrt() + d * w)),
                "outside the root",
            ),
            (adamw_with(lambda w, m, v, lr, eps, d: w - lr * (m / (v + eps) + d * w)), "root of v"),
            (adamw_with(lambda w, m, v, lr, eps, d: w), "in step 1 the weights should become"),
            (adamw_l2, "m should be beta1"),
            (adamw_in_place, "has changed"),
            (mean_of_gradients, "*squares*"),
            (one_beta, "beta2"),
            (exchanged, "exchanged"),
            (lambda *given: given[0], "three tensors"),
        ],
    },
    "accumulated_loss": {
        "right": [
            lambda losses, n: sum(loss * k for loss, k in zip(losses, n, strict=True)) / sum(n),
            lambda losses, n: sum(losses[i] * n[i] / sum(n) for i in range(len(n))),
        ],
        "wrong": [
            (lambda losses, n: sum(losses) / len(losses), "every *token* should"),
            (
                lambda losses, n: sum(loss * k for loss, k in zip(losses, n, strict=True)),
                "divide by their number",
            ),
            (lambda losses, n: sum(losses[i] * n[i] for i in range(2)) / 2, "not by the number of batches"),
            (lambda losses, n: (losses[0] * n[1] + losses[1] * n[0]) / sum(n), "exchanged"),
            (lambda losses, n: sum(losses), "sum of the means"),
            (lambda losses, n: (losses[0] * n[0] + losses[1] * n[1]) / (n[0] + n[1]), "there may be more"),
            (lambda losses, n: 0.0, "have the mean 1.75"),
        ],
    },
    "share_alone": {
        "right": [
            lambda n, rows: (1 - 1 / rows) ** (n - 1),
            lambda n, rows: math.prod([(rows - 1) / rows] * (n - 1)),
        ],
        "wrong": [
            (lambda n, rows: (1 - 1 / rows) ** n, "not n"),
            (lambda n, rows: 1 - (1 - 1 / rows) ** (n - 1), "*not* alone"),
            (lambda n, rows: 1 - 1 / rows, "that is one other"),
            (lambda n, rows: 1 - (n - 1) / rows, "do not add up"),
            (lambda n, rows: (1 / rows) ** (n - 1), "*miss* it"),
            (lambda n, rows: 1 - (1 / rows) ** (n - 1), "one other in the row is enough"),
            (lambda n, rows: math.exp(-n / rows), "0.5625"),
        ],
    },
    "honest_report": {
        "right": [report(), report(tuning={"a": 2.1, "b": 1.9, "c": 2.0, "d": 2.3}, reported=1.7)],
        "wrong": [
            (report(tuning={"a": 2.1, "b": 1.9}), "at least three"),
            (report(chosen="a"), "lower loss on the tuning text"),
            (report(chosen="e"), "none of the settings"),
            (report(reported=1.9), "a loss on the tuning text"),
            (report(reported=-1.0), "not positive"),
            (report(tuning={"a": 2.1, "b": 1.9, "c": 1.9}), "to the last digit"),
            ({"tuning": {"a": 1.0}, "chosen": "a"}, "lacks ['reported']"),
        ],
    },
}
