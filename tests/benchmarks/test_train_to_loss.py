"""The race against the published recipe: its clock, its yardstick, its rows."""

import itertools
import math

import pytest
import torch

from arlm_helpers.decoding.evaluation import token_nats
from benchmarks import peers, train_to_loss
from benchmarks.races import Run, evenly, take_turns, window_nats
from benchmarks.recipes import RACES
from benchmarks.train_to_loss import Peer, Split, compare, estimated_peer, read_split, row
from tests.zoo import MODELS, random_ids

TEXT = Split(random_ids(4000, 11), random_ids(500, 11, seed=1), 11)


@pytest.mark.parametrize("n", [129, 130, 192, 257])
def test_windows_are_judged_like_one_at_a_time(n):
    model, ids = MODELS["kneser-ney"](11), random_ids(n, 11)
    expected = token_nats(model, ids, window=64, min_context=0).mean().item()
    assert window_nats(model, ids, 64) == pytest.approx(expected, rel=1e-12)


def test_uniform_logits_give_the_logarithm_of_the_vocabulary():
    assert window_nats(lambda ids: torch.zeros(*ids.shape, 7), random_ids(100, 7), 9) == pytest.approx(
        math.log(7)
    )


@pytest.mark.parametrize(
    ("step", "rate"),
    [(0, 1e-3 / 101), (99, 1e-3 * 100 / 101), (100, 1e-3), (1050, 5.5e-4), (1999, 1e-4)],
)
def test_the_schedule_of_the_peer_by_hand(step, rate):
    assert peers.learning_rate(step) == pytest.approx(rate, rel=1e-4, abs=1e-9)


def test_the_peer_has_the_published_size():
    blocks = 4 * (12 * 128**2 + 13 * 128)  # matrices, biases and norms of four blocks
    n = sum(p.numel() for p in peers.NanoGPT(65).parameters())
    assert n == 65 * 128 + 64 * 128 + blocks + 2 * 128


def test_the_peer_decays_matrices_only_and_learns():
    model, steps = peers.start(TEXT.train, 11, 0)
    losses = [next(steps) for _ in range(30)]
    assert losses[-1] < losses[0] - 0.3
    [decayed, spared] = peers.optimizer_of(model).param_groups
    assert decayed["weight_decay"] == 0.1 and {p.dim() for p in decayed["params"]} == {2}
    assert spared["weight_decay"] == 0.0 and {p.dim() for p in spared["params"]} == {1}


def fake_run(name, n_steps, judge_at, log):
    def steps():
        for step in range(n_steps):
            log.append(name)
            yield step

    model = torch.nn.Linear(2, 3)
    model.forward = lambda ids: torch.zeros(*ids.shape, 11)
    return Run(name, model, steps(), n_steps, judge_at)


def test_runs_take_turns_in_proportion_and_are_judged_on_the_way():
    log = []
    runs = [fake_run("long", 8, frozenset({8}), log), fake_run("short", 2, evenly(2, 2), log)]
    take_turns(runs, TEXT.held_out, 64)
    assert "".join(name[0] for name in log) == "lsllllslll"
    assert [len(run.judged) for run in runs] == [1, 2]
    assert runs[1].judged[0][1] == pytest.approx(math.log(11))


def test_the_speedup_counts_the_seconds_until_the_loss_of_the_peer():
    first, second = fake_run("a", 4, frozenset(), []), fake_run("a", 4, frozenset(), [])
    first.judged, first.seconds = [(1.0, 2.5), (3.0, 1.9), (4.0, 1.5)], 4.0
    second.judged, second.seconds = [(1.0, 1.8), (5.0, 1.6)], 5.0
    line = row([first, second], Peer(100.0, 1.9, 1, 2000))
    assert line["speedup"] == pytest.approx(100 / 2)  # 3 s and 1 s until 1.9 nats
    assert (line["cpu_seconds"], line["full_val_nats"]) == (4.5, pytest.approx(1.55))
    assert line["spread"] == pytest.approx(0.1)
    second.judged = [(5.0, 2.0)]
    assert row([first, second], Peer(100.0, 1.9, 1, 2000))["speedup"] is None


def test_the_parts_of_a_text_are_its_first_nine_tenths_and_the_rest(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("".join(chr(97 + i % 7) for i in range(5000)), encoding="utf-8")
    split = read_split(str(path), "validation")
    assert (len(split.train), len(split.held_out), split.vocab_size) == (4500, 500, 7)
    assert split.held_out.tolist() == [i % 7 for i in range(4500, 5000)]
    tuning = read_split(str(path), "tuning")
    assert (len(tuning.train), len(tuning.held_out)) == (4050, 450)


def test_a_text_without_room_for_windows_is_refused(tmp_path):
    (tmp_path / "short.txt").write_text("to be " * 60, encoding="utf-8")
    with pytest.raises(ValueError, match="360 characters"):
        read_split(str(tmp_path / "short.txt"), "validation")


def test_a_whole_comparison_has_a_row_for_each_and_the_peer_at_one(monkeypatch):
    monkeypatch.setattr(peers, "N_STEPS", 6)
    monkeypatch.setitem(RACES, "lstm", RACES["lstm"].for_at_most(4))
    rows = compare(["lstm"], TEXT, 2, quick=False)
    assert [line["model"] for line in rows] == ["nanogpt-cpu", "lstm"]
    assert rows[0]["speedup"] == 1.0
    assert all(line["seeds"] == 2 and line["full_val_nats"] > 0 for line in rows)


def test_an_estimate_leaves_out_the_first_steps(monkeypatch):
    durations = [9.0, 9.0, *[0.5] * 10]  # seconds of each step
    ends = list(itertools.accumulate(durations))
    clock = iter([time for end, lasted in zip(ends, durations, strict=True) for time in (end - lasted, end)])
    monkeypatch.setattr("benchmarks.races.time.process_time", lambda: next(clock))
    assert estimated_peer(TEXT).seconds == pytest.approx(2000 * 0.5)


@pytest.mark.parametrize("words", [["--models", "gpt9"], ["--seeds", "0"]])
def test_a_wrong_option_is_named(words):
    with pytest.raises(ValueError, match=r"gpt9; there are lstm|seeds must be at least 1, got 0"):
        train_to_loss.main(words)
