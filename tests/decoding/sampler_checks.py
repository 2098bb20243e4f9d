"""What every sampler must do, as functions of its code.

``test_sampler_mutants`` calls each with the package, where it must pass, and with copies that hold a classic
bug, where one must fail. The expectations are written by hand, or in plain Python on lists.
"""

import math

import torch
from pytest import raises

LARGE = 1500  # a vocabulary that takes the way of large ones


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def unread(logits):
    """No ids, for as many rows: filters do not look at them."""
    return torch.zeros(len(logits), 0, dtype=torch.long)


def spread(logits):
    """The same tokens at every fourth id of a large vocabulary whose other tokens are ruled out."""
    wide = torch.full((len(logits), LARGE), -torch.inf, dtype=logits.dtype)
    wide[:, 3 : 3 + 4 * logits.shape[1] : 4] = logits
    return wide


def kept(processor, logits, ids=None):
    """The places of the tokens that survive, a list a row; a survivor's logit must not have changed."""
    after = processor(unread(logits) if ids is None else ids, logits)
    assert torch.equal(after[after.isfinite()], logits[after.isfinite()])
    return [row.isfinite().nonzero().flatten().tolist() for row in after]


def kept_both_ways(processor, logits):
    """``kept``, after a look that a large vocabulary gives the same."""
    small, large = kept(processor, logits), kept(processor, spread(logits))
    assert [[(place - 3) // 4 for place in row] for row in large] == small
    return small


def flat_logits(n_rows, n_tokens, seed):
    """Multiples of a quarter in ±3, so that ties are common, each ninth ruled out except the first."""
    logits = torch.randint(-12, 13, (n_rows, n_tokens), generator=seeded(seed)).double() / 4
    out = torch.randint(9, (n_rows, n_tokens), generator=seeded(seed + 1)) == 0
    out[:, 0] = False
    return logits.masked_fill(out, -torch.inf)


# The same rules on lists.


def chances(row):
    weights = [math.exp(x - max(row)) for x in row]
    return [w / math.fsum(weights) for w in weights]


def until(places, probs, p):
    """The first places, up to the one with which the sum reaches ``p``."""
    taken = []
    for place in places:
        if math.fsum(probs[i] for i in taken) < p:
            taken.append(place)
    return sorted(taken)


def by_logit(row):
    return sorted((i for i, x in enumerate(row) if x > -math.inf), key=lambda i: (-row[i], i))


def top_k_rule(row, k):
    return sorted(by_logit(row)[:k])


def top_p_rule(row, p):
    return until(by_logit(row), chances(row), p)


def min_p_rule(row, p):
    return [i for i, x in enumerate(row) if x > -math.inf and math.exp(x - max(row)) >= p]


def typical_p_rule(row, p):
    probs = chances(row)
    entropy = -math.fsum(q * math.log(q) for q in probs if q > 0)
    distance = {i: round(abs(-math.log(q) - entropy), 12) for i, q in enumerate(probs) if q > 0}
    return until(sorted(distance, key=lambda i: (distance[i], i)), probs, p)


# The checks.


def filters_keep_what_the_table_says(s):
    table = torch.tensor([[0.125, 0.5, 0.125, 0.25]], dtype=torch.float64).log()
    even = torch.zeros(1, 4, dtype=torch.float64)
    for processor, expected, of_even in [
        (s.TopP(0.5), [1], [0, 1]),
        (s.TopP(0.50001), [1, 3], [0, 1, 2]),
        (s.TopP(0.75), [1, 3], [0, 1, 2]),
        (s.TopP(0.875), [0, 1, 3], [0, 1, 2, 3]),
        (s.TopP(1.0), [0, 1, 2, 3], [0, 1, 2, 3]),
        (s.TopP(1e-12), [1], [0]),
        (s.TopK(1), [1], [0]),
        (s.TopK(2), [1, 3], [0, 1]),
        (s.TopK(3), [0, 1, 3], [0, 1, 2]),
        (s.TopK(9), [0, 1, 2, 3], [0, 1, 2, 3]),
        (s.MinP(1.0), [1], [0, 1, 2, 3]),
        (s.MinP(0.51), [1], [0, 1, 2, 3]),
        (s.MinP(0.5), [1, 3], [0, 1, 2, 3]),
        (s.TypicalP(1e-12), [3], [0]),  # surprises 3 1 3 2 bits, entropy 1.75 bits
        (s.TypicalP(0.5), [1, 3], [0, 1]),
        (s.TypicalP(0.8), [0, 1, 3], [0, 1, 2, 3]),
    ]:
        assert kept_both_ways(processor, table) == [expected], processor
        assert kept_both_ways(processor, even) == [of_even], processor


def filters_obey_the_rules_on_lists(s):
    for n_tokens in (1, 2, 5, 10):
        logits = flat_logits(25, n_tokens, seed=n_tokens)
        for step in range(1, 9):
            p, k = step / 8 - 0.0123, step
            for processor, rule, setting in [
                (s.TopK(k), top_k_rule, k),
                (s.TopP(p), top_p_rule, p),
                (s.MinP(p), min_p_rule, p),
                (s.TypicalP(p), typical_p_rule, p),
            ]:
                expected = [rule(row, setting) for row in logits.tolist()]
                assert kept_both_ways(processor, logits) == expected, processor


def large_vocabularies_are_cut_like_small_ones(s):
    noise = torch.randn(6, 4000, generator=seeded(0), dtype=torch.float64)
    logits = noise * torch.tensor([[0.0], [0.5], [2.0], [3.0], [4.0], [6.0]])
    logits[4] = (logits[4] * 2).round() / 2  # ties everywhere
    logits[5, ::3] = -torch.inf
    equal_to_the_sort(s, logits)
    equal_to_the_sort(s, logits.float())


def equal_to_the_sort(s, logits):
    ranked, order = logits.sort(dim=-1, descending=True, stable=True)
    edges = ranked.double().softmax(dim=-1).cumsum(dim=-1)
    for k in (1, 2, 40, 200, 3000):
        assert kept(s.TopK(k), logits) == [
            sorted(i for i in row[:k] if logits[r, i] > -torch.inf) for r, row in enumerate(order.tolist())
        ]
    for p in (1e-9, 0.1, 0.5, 0.9, 0.99, 0.99999):
        n_kept = (edges < p).sum(dim=-1) + 1
        assert kept(s.TopP(p), logits) == [
            sorted(row[:m].tolist()) for row, m in zip(order, n_kept, strict=True)
        ]
    for u in (0.0, 1e-9, 0.3, 0.77, 0.999, 1 - 1e-9):
        expected = order.gather(-1, (edges <= u).sum(dim=-1, keepdim=True)).flatten()
        assert torch.equal(s.sample(logits, torch.full((6,), u, dtype=torch.float64)), expected), u


def temperature_divides(s):
    logits = torch.tensor([[1.0, 3.0, 3.0, -torch.inf], [0.5, -2.0, 0.0, 1.0]])
    for t in (0.01, 0.5, 1.0, 1.7, 40.0):
        expected = torch.tensor([chances([x / t for x in row]) for row in logits.tolist()])
        torch.testing.assert_close(s.Temperature(t)(unread(logits), logits).softmax(dim=-1), expected)
    certain = torch.tensor([[0, 0.5, 0.5, 0], [0, 0, 0, 1.0]])
    even = torch.tensor([[1 / 3, 1 / 3, 1 / 3, 0], [0.25, 0.25, 0.25, 0.25]])
    for t in (1e-300, 1e-40, 1e-4):
        torch.testing.assert_close(s.Temperature(t)(unread(logits), logits).softmax(dim=-1), certain)
    for t in (1e300, math.inf):
        torch.testing.assert_close(s.Temperature(t)(unread(logits), logits).softmax(dim=-1), even)


def repetition_penalty_makes_every_seen_token_less_likely_once(s):
    ids = torch.tensor([[0, 1, 1, 1, 2, 4], [3, 3, 3, 3, 3, 3]])
    logits = torch.tensor([[3.0, 2.0, -1.0, 2.0, -torch.inf]]).expand(2, -1)
    expected = [[2.0, 4 / 3, -1.5, 2.0, -math.inf], [3.0, 2.0, -1.0, 4 / 3, -math.inf]]
    torch.testing.assert_close(s.RepetitionPenalty(1.5)(ids, logits), torch.tensor(expected))


def frequency_and_presence_follow_the_published_formula(s):
    """Logit - count x frequency penalty - (count > 0) x presence penalty; the count is of sampled tokens."""
    ids = torch.tensor([[0, 1, 1, 2, 1], [2, 2, 0, 0, 0]])
    logits = torch.tensor([[0.5, 1.0, -1.0, 2.0], [0.0, 1.0, 2.0, 3.0]])
    for start in range(6):
        for penalty in (0.75, -0.5):
            for row in range(2):
                written = ids[row, start:].tolist()
                counts = [written.count(token) for token in range(4)]
                expected = [x - c * penalty for x, c in zip(logits[row].tolist(), counts, strict=True)]
                found = s.FrequencyPenalty(penalty, start)(ids, logits)[row].tolist()
                assert found == expected
                expected = [x - (c > 0) * penalty for x, c in zip(logits[row].tolist(), counts, strict=True)]
                assert s.PresencePenalty(penalty, start)(ids, logits)[row].tolist() == expected


def no_n_gram_is_written_twice(s):
    for seed in range(30):
        ids = torch.randint(3, (2, 9), generator=seeded(seed))
        for n in (1, 2, 3, 4, 9, 10):
            allowed = kept(s.NoRepeatNGram(n), torch.zeros(2, 3), ids)
            for row, text in enumerate(ids.tolist()):
                there = {tuple(text[i : i + n]) for i in range(len(text) - n + 1)}
                beginning = text[len(text) - n + 1 :] if n > 1 else []
                expected = [x for x in range(3) if n > 10 - 1 or (*beginning, x) not in there]
                assert allowed[row] == expected, (text, n)


def a_bias_moves_single_logits(s):
    logits = torch.tensor([[1.0, 2.0, -1.0, 0.5], [0.0, 0.0, 0.0, 0.0]])
    bias = s.LogitBias({1: -math.inf, 3: 2, 0: -0.25})
    assert bias(unread(logits), logits).tolist() == [
        [0.75, -math.inf, -1.0, 2.5],
        [-0.25, -math.inf, 0.0, 2.0],
    ]
    only = s.LogitBias({1: math.inf, 3: math.inf, 0: 100.0})(unread(logits), logits)
    assert only.tolist() == [[-math.inf, 2.0, -math.inf, 0.5], [-math.inf, 0.0, -math.inf, 0.0]]
    assert torch.equal(s.LogitBias({})(unread(logits), logits), logits)


def the_dart_hits_tokens_laid_out_by_rank(s):
    logits = torch.tensor([[-math.inf, 0.125, 0.5, 0.0, 0.25, 0.125]], dtype=torch.float64).clamp(min=0).log()
    darts = [
        (0.0, 2),
        (0.4999, 2),
        (0.5, 4),
        (0.7499, 4),
        (0.75, 1),
        (0.8749, 1),
        (0.875, 5),
        (1 - 2**-53, 5),
    ]
    for u, token in darts:
        dart = torch.tensor([u], dtype=torch.float64)
        assert s.sample(logits, dart).tolist() == [token]
        assert s.sample(spread(logits), dart).tolist() == [3 + 4 * token]
    evenly = (torch.arange(1000, dtype=torch.float64) + 0.5) / 1000
    hits = s.sample(logits.expand(1000, -1), evenly).bincount(minlength=6)
    assert hits.tolist() == [0, 125, 500, 0, 250, 125]


def greedy_takes_the_lowest_id_of_the_likeliest(s):
    assert s.greedy(torch.tensor([[0.0, 2.0, 2.0], [1.0, 1.0, 1.0], [3.0, -1.0, 2.0]])).tolist() == [1, 0, 0]


def nothing_is_drawn_from_nothing_or_from_nan(s):
    dart = torch.tensor([0.5])
    for width in (3, LARGE):
        with raises(ValueError, match="no token is allowed"):
            s.sample(torch.full((1, width), -torch.inf), dart)
        for broken in (torch.nan, torch.inf):
            logits = torch.zeros(1, width)
            logits[0, 1] = broken
            with raises(ValueError, match="NaN or inf"):
                s.sample(logits, dart)
        for logits in (torch.zeros(1, width), torch.linspace(0, 30, width).unsqueeze(0)):
            logits[0, 1] = torch.nan
            for processor in (s.Temperature(0.5), s.TopK(2), s.TopP(0.5), s.MinP(0.5), s.TypicalP(0.5)):
                with raises(ValueError, match="NaN"):  # no filter hides what broke
                    s.sample(processor(unread(logits), logits), dart)


def every_processor(s):
    return [
        s.Temperature(0.5), s.Temperature(0.001), s.TopK(3), s.TopP(0.6), s.MinP(0.2), s.TypicalP(0.6),
        s.RepetitionPenalty(1.3), s.FrequencyPenalty(0.5, 1), s.PresencePenalty(0.5, 1), s.NoRepeatNGram(2),
        s.LogitBias({1: 0.5, 2: -torch.inf}),
    ]  # fmt: skip


def rows_stand_alone_and_inputs_stay(s):
    ids = torch.randint(6, (4, 8), generator=seeded(1))
    small = flat_logits(4, 8, seed=2)
    u = torch.tensor([0.1, 0.4, 0.7, 0.95])
    for logits in (
        small,
        small.float(),
        spread(small),
        spread(small).float(),
        small.flip(0).t().contiguous().t(),
    ):
        before = logits.clone()
        for processor in every_processor(s):
            after = processor(ids, logits)
            assert after.dtype == logits.dtype and after.shape == logits.shape, processor
            alone = [processor(ids[i : i + 1], logits[i : i + 1]) for i in range(4)]
            assert torch.equal(after, torch.cat(alone)), processor
        drawn = s.sample(logits, u)
        assert torch.equal(drawn, torch.cat([s.sample(logits[i : i + 1], u[i : i + 1]) for i in range(4)]))
        assert torch.equal(logits, before)


class Fixed:
    """A model that predicts the same whatever it reads."""

    vocab_size = 4

    def new_cache(self):
        return None

    def __call__(self, ids, cache=None):
        return torch.tensor([3.0, 2.0, 1.0, 0.0]).expand(*ids.shape, 4)


def a_policy_is_applied_in_its_order_to_the_text_so_far(s):
    ids = torch.tensor([[1, 3]])
    cold_first, last = [s.Temperature(0.5), s.TopP(0.8)], [s.TopP(0.8), s.Temperature(0.5)]
    n_kept = [
        int(next(iter(s.generate(Fixed(), ids, max_tokens=1, processors=policy))).final.isfinite().sum())
        for policy in (cold_first, last)
    ]
    assert n_kept == [1, 2]
    policy = [s.NoRepeatNGram(1)]
    written = [int(step.ids) for step in s.generate(Fixed(), ids, max_tokens=2, processors=policy)]
    assert written == [0, 2]  # 1 and 3 were read, then 0 was written


def each_row_has_its_own_luck(s):
    """Ten rows alike by chance with probability 4e-24; the same rows in another batch, the same text."""

    def text(n_rows, seed):
        steps = s.generate(Fixed(), torch.zeros(n_rows, 1).long(), max_tokens=20, rng=seeded(seed))
        return torch.stack([step.ids for step in steps], dim=1).tolist()

    ten = text(10, seed=5)
    assert len({tuple(row) for row in ten}) == 10
    assert text(3, seed=5) == ten[:3] and text(10, seed=6) != ten


def orders_are_those_of_the_engines(s):
    temperature, k, p, m = s.Temperature(0.5), s.TopK(3), s.TopP(0.8), s.MinP(0.1)
    penalty, other = s.RepetitionPenalty(1.2), s.TopP(0.7)
    mixed = [p, m, temperature, other, k, penalty]
    assert s.arrange(mixed, "Hugging Face") == [penalty, temperature, k, p, other, m]
    assert s.arrange(mixed, "llama.cpp") == [penalty, k, p, other, m, temperature]
    assert s.arrange(mixed, "vLLM") == [penalty, temperature, m, k, p, other]
    assert mixed == [p, m, temperature, other, k, penalty]


CHECKS = [
    filters_keep_what_the_table_says,
    temperature_divides,
    repetition_penalty_makes_every_seen_token_less_likely_once,
    frequency_and_presence_follow_the_published_formula,
    no_n_gram_is_written_twice,
    a_bias_moves_single_logits,
    the_dart_hits_tokens_laid_out_by_rank,
    greedy_takes_the_lowest_id_of_the_likeliest,
    nothing_is_drawn_from_nothing_or_from_nan,
    a_policy_is_applied_in_its_order_to_the_text_so_far,
    each_row_has_its_own_luck,
    orders_are_those_of_the_engines,
    rows_stand_alone_and_inputs_stay,
    filters_obey_the_rules_on_lists,
    large_vocabularies_are_cut_like_small_ones,
]
