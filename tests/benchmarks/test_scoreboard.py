"""The scoreboard: its rows, its arithmetic, its file."""

import csv
import json
import math
from collections import Counter

import pytest
import torch

from benchmarks import families, scoreboard
from benchmarks.entries import ENTRIES, Entry
from benchmarks.families import WINDOW, in_windows
from benchmarks.results import Held, Result

TEXT = "to be, or not to be: that is the question.\n" * 60 + "whether 'tis nobler in the mind 中文\n" * 20
COLUMNS = [
    "model",
    "nats_per_char",
    "bits_per_char",
    "parameters",
    "train_cpu_seconds",
    "eval_cpu_seconds",
    "seeds",
    "spread",
    "note",
    "kind",
]


@pytest.fixture
def own_text(tmp_path, monkeypatch):
    monkeypatch.setattr(scoreboard, "ROOT", tmp_path)
    path = tmp_path / "own text.txt"
    path.write_text(TEXT, encoding="utf-8")
    return str(path)


def test_the_last_tenth_of_a_file_is_held_out(own_text):
    held = scoreboard.held_out(own_text, quick=False)
    assert held.train + held.test == TEXT
    assert len(held.test) == round(len(TEXT) / 10)


def test_whole_plays_are_held_out_of_shakespeare():
    held = scoreboard.held_out("shakespeare", quick=False)
    assert held.test.startswith("DUKE ORSINO:") and "DUKE ORSINO:" not in held.train


def test_json_rows_have_the_columns_and_every_model(own_text, capsys):
    scoreboard.main(["--text", own_text, "--models", "uniform,kn3,xz", "--json"])
    rows = json.loads(capsys.readouterr().out)
    assert [row["model"] for row in rows] == ["uniform", "kn3", "xz"]
    assert all(list(row) == COLUMNS for row in rows)
    assert all(row["bits_per_char"] == pytest.approx(row["nats_per_char"] / math.log(2)) for row in rows)


def test_the_uniform_and_the_unigram_rows_by_hand():
    held = Held(TEXT, TEXT[-200:])
    assert ENTRIES["uniform"].run(held, 0).nats == pytest.approx(200 * math.log(len(set(TEXT))))
    counts, v = Counter(TEXT), len(set(TEXT))
    expected = -sum(math.log((counts[c] + 1) / (len(TEXT) + v)) for c in held.test)
    assert ENTRIES["unigram"].run(held, 0).nats == pytest.approx(expected, rel=1e-9)


def test_rows_are_stored_best_last_and_another_run_replaces_only_its_own(own_text):
    scoreboard.main(["--text", own_text, "--models", "kn3,uniform"])
    scoreboard.main(["--text", own_text, "--models", "unigram,uniform"])
    with scoreboard.table_file(own_text).open(encoding="utf-8") as file:
        assert [row["model"] for row in csv.DictReader(file)] == ["uniform", "unigram", "kn3"]


def test_a_quick_run_stores_nothing(own_text):
    scoreboard.main(["--text", own_text, "--models", "kn2", "--quick"])
    assert not scoreboard.table_file(own_text).exists()


def test_seeds_give_a_mean_and_a_spread(monkeypatch):
    by_seed = Entry(lambda held, seed: Result(10.0 * (seed + 1), 5, 1.0, 2.0), "chance", uses_chance=True)
    monkeypatch.setitem(ENTRIES, "by-seed", by_seed)
    row = scoreboard.row("by-seed", Held("ab", "ab" * 5), 3)
    assert (row["nats_per_char"], row["spread"], row["seeds"]) == (2.0, 2.0, 3)


def test_a_row_that_scores_a_part_is_divided_by_the_characters_of_that_part(monkeypatch):
    part = Entry(lambda held, seed: Result(6.0, 5, 1.0, 2.0, n_characters=4), "a part", kind="bound")
    monkeypatch.setitem(ENTRIES, "part", part)
    row = scoreboard.row("part", Held("ab", "ab" * 5), 1)
    assert (row["nats_per_char"], row["kind"]) == (1.5, "bound")


def test_what_is_no_likelihood_stands_before_the_ranked_rows(own_text, monkeypatch):
    tiny = Entry(lambda held, seed: Result(1.0, 5, 1.0, 2.0), "too good", kind="not a probability")
    monkeypatch.setitem(ENTRIES, "tiny", tiny)
    scoreboard.main(["--text", own_text, "--models", "tiny,kn3,uniform"])
    with scoreboard.table_file(own_text).open(encoding="utf-8") as file:
        assert [row["model"] for row in csv.DictReader(file)] == ["tiny", "uniform", "kn3"]


def test_the_two_families_without_a_likelihood_are_marked_and_no_others():
    marked = {name: entry.kind for name, entry in ENTRIES.items() if entry.kind}
    assert marked == {"text-vae": "bound", "masked": "not a probability"}


def test_windows_hold_every_character_once():
    windows = in_windows(TEXT)
    assert "".join(windows) == TEXT and all(len(window) == WINDOW for window in windows[:-1])


def test_the_vae_is_charged_its_code_and_every_character_of_every_window(monkeypatch):
    # with all weights at zero posterior and prior are equal and each token costs log(vocabulary)
    def at_zero(model, batches, n_steps, rng):
        for parameter in model.parameters():
            torch.nn.init.zeros_(parameter)

    monkeypatch.setattr(families, "fit_vae", at_zero)
    held = Held(TEXT, TEXT[:150])  # three windows, an end each
    n_tokens, vocab_size = 150 + 3, len(set(TEXT)) + 3
    assert families.text_vae(held, 0).nats == pytest.approx(n_tokens * math.log(vocab_size), rel=1e-5)


def test_the_masked_model_scores_whole_windows_of_which_it_leaves_most_out(monkeypatch):
    class Fair:  # every character equally likely, whatever it reads
        mask_id, n_parameters = len(set(TEXT)), 0

        def __call__(self, ids):
            return torch.zeros(*ids.shape, self.mask_id)

    monkeypatch.setattr(families, "stored_or_trained_masked", lambda text, tokenizer: (Fair(), 1.0))
    found = families.masked_fill_in(Held(TEXT, TEXT[: 64 * 17 + 10]), 0)
    assert found.n_characters == 3 * 64  # windows 0, 8 and 16
    assert found.nats == pytest.approx(found.n_characters * math.log(len(set(TEXT))), rel=1e-5)


def test_a_text_without_a_whole_window_is_refused_by_the_masked_row():
    with pytest.raises(ValueError, match="needs 64 held-out characters, got 9"):
        families.masked_fill_in(Held(TEXT, TEXT[:9]), 0)


def test_models_without_chance_run_once():
    assert scoreboard.row("uniform", Held("ab", "ab"), 5)["seeds"] == 1


def test_an_unknown_model_is_named_with_those_there_are(own_text):
    with pytest.raises(SystemExit, match=r"no such models: gpt9; there are uniform, "):
        scoreboard.main(["--text", own_text, "--models", "kn3,gpt9"])
