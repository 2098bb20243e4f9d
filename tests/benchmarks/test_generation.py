"""The race of generation: its clock, the models that are made equal, its rows."""

import pytest
import torch

from arlm_helpers.models.gpt_config import GPTConfig, compact_config, llama_config
from benchmarks import decoding_clock, generation
from benchmarks.decoding_clock import compared, in_turns, loop_of
from benchmarks.twins import assert_parity, library_loop, twins, widened
from tests.zoo import LLAMA, TINY, gpt

IDS = torch.randint(11, (2, 9), generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    "config",
    [
        GPTConfig(vocab_size=11, **TINY),
        GPTConfig(vocab_size=11, **TINY, tied=False, norm="rms", activation="swiglu", d_ff=20),
        llama_config(vocab_size=11, **LLAMA),
        compact_config(vocab_size=11, **TINY, ngram_rows=100),
    ],
    ids=["gpt2", "mixed", "llama", "compact"],
)
def test_a_widened_model_is_large_and_says_the_same(config):
    small = gpt(config)
    wide = widened(small, 3, 5).double()
    assert wide.config.d_model == 3 * config.d_model and len(wide.blocks) == 5
    torch.testing.assert_close(wide(IDS), small(IDS), rtol=1e-6, atol=1e-6)  # made in float32


def test_parity_is_asserted():
    ours, theirs = twins(GPTConfig(vocab_size=11, **TINY))
    assert_parity(ours(IDS), theirs, IDS)
    with torch.no_grad():
        ours.norm.bias += 0.1
    with pytest.raises(AssertionError, match="not close"):
        assert_parity(ours(IDS), theirs, IDS)


@pytest.mark.parametrize("greedy", [True, False])
def test_the_librarys_loop_tells_the_time_of_its_start_and_of_each_token(greedy):
    _, theirs = twins(GPTConfig(vocab_size=11, **TINY))
    times = library_loop(theirs, IDS[:1, :3], 6, greedy=greedy)()
    assert len(times) == 7 and times == sorted(times)


def test_loops_take_turns_and_the_first_token_does_not_count(monkeypatch):
    log, clock = [], [0.0]
    monkeypatch.setattr(decoding_clock.time, "process_time", lambda: clock[0])

    def write(name, prompt, step):
        log.append(name)
        for i in range(4):
            clock[0] += step + prompt * (i == 0)
            yield i

    loops = {"a": loop_of(lambda: write("a", 7.0, 0.5)), "b": loop_of(lambda: write("b", 3.0, 2.0))}
    assert in_turns(loops, 2) == {"a": [0.5, 0.5], "b": [2.0, 2.0]}
    assert "".join(log) == "ababab"  # the first pair warms up
    assert in_turns(loops, 1, n_first=0) == {"a": [9 / 4], "b": [11 / 4]}


def test_ratios_are_those_of_the_rounds_and_their_median_counts():
    cells = compared([0.1, 0.2, 0.1], [0.3, 0.4, 0.5])
    assert [cells[name] for name in ("ratio", "ratio_low", "ratio_high")] == pytest.approx([3, 2, 5])
    assert cells["tokens_per_second"] == pytest.approx(10)
    assert cells["peer_tokens_per_second"] == pytest.approx(2.5)


def test_a_token_takes_every_weight_and_what_was_read_before_from_memory():
    ours, _ = twins(GPTConfig(vocab_size=11, **TINY))
    d, n_layers = ours.config.d_model, ours.config.n_layers
    weights = sum(w.numel() for w in ours.parameters()) - ours.context_length * d  # of positions, one row
    assert generation.bytes_per_token(ours, 0) == 4 * weights
    assert generation.bytes_per_token(ours, 7) - 4 * weights == 7 * 2 * n_layers * d * 4


def test_an_unknown_part_is_named():
    with pytest.raises(ValueError, match="no part small; there are tiny, large"):
        generation.main(["--parts", "tiny,small"])
