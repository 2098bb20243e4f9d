"""Training by a command: from a text to weights with a record, stopped and gone on, refused in words."""

import hashlib
import json
import signal

import pytest
import torch
from training.tiny import assert_same_weights

from arlm_helpers.decoding.evaluation import token_nats
from arlm_helpers.models.gpt_config import GPTConfig
from arlm_helpers.models.transformer import GPT
from arlm_helpers.text.data import load_corpus
from arlm_helpers.text.tokenizers import CharTokenizer
from arlm_helpers.training import pretrain
from arlm_helpers.training.random_states import random_states, set_random_states
from arlm_helpers.training.weights import load_weights, read_record

STORY = "".join(f"{n} cats see {n % 7} dogs, and {n * n % 11} birds sing.\n" for n in range(110))


@pytest.fixture(autouse=True)
def as_before():
    """Threads and random states of other tests are not ours."""
    threads, states = torch.get_num_threads(), random_states()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
    set_random_states(states)


@pytest.fixture
def story(tmp_path):
    path = tmp_path / "story.txt"
    path.write_text(STORY)
    return path


def command(story, out, *more, steps=3):
    """The exit status of three steps on the story."""
    small = ["--text", story, "--out", out, "--batch-size", 2, "--steps", steps]
    return pretrain.main([str(part) for part in (*small, *more)])


def loaded(folder):
    """The model that a command stored, and its record."""
    model = GPT(GPTConfig(**read_record(folder / "weights")["config"])).half()
    record = load_weights(model, folder / "weights")
    return model.float().eval(), record


def test_a_command_turns_a_text_into_weights_with_a_record(tmp_path, story, capsys):
    assert command(story, tmp_path / "run", "--checkpoint-every", 2) == 0
    model, record = loaded(tmp_path / "run")
    corpus = load_corpus(story)
    ids = torch.tensor(CharTokenizer(record["characters"]).encode(corpus.validation))
    nats = token_nats(model, ids, first=129, window=256, min_context=129)[
        :128
    ]  # what follows is no half window
    assert record["held_out"]["nats"] == pytest.approx(nats.mean().item(), abs=1e-4) and nats.mean() < 3.6
    assert record["corpus_sha256"] == hashlib.sha256(corpus.train.encode()).hexdigest()
    assert (record["characters_read"], record["steps_timed"], record["seed"]) == (3 * 2 * 256, 3, 0)
    assert "step 2: training 3." in (said := capsys.readouterr()).out and "3/3" in said.err


def stopping_after(n_steps, monkeypatch):
    """Let Ctrl-C be pressed after this step."""

    def pressed(steps, total):
        for step in steps:
            yield step
            if step.step == n_steps:
                signal.raise_signal(signal.SIGTERM if n_steps == 1 else signal.SIGINT)

    monkeypatch.setattr(pretrain, "progress", pressed)


@pytest.mark.parametrize("n_steps", [1, 2], ids=["SIGTERM", "Ctrl-C"])
def test_a_stopped_command_goes_on_bit_for_bit(tmp_path, story, monkeypatch, capsys, n_steps):
    assert command(story, tmp_path / "whole") == 0
    with monkeypatch.context() as patch:
        stopping_after(n_steps, patch)
        assert command(story, tmp_path / "stopped") == 130
    assert f"Step {n_steps} is saved in {tmp_path / 'stopped'}: the same command with --resume" in (
        capsys.readouterr().err
    )
    assert not (tmp_path / "stopped" / "weights.json").exists()
    assert command(story, tmp_path / "stopped", "--resume") == 0
    (model, record), (other, expected) = loaded(tmp_path / "stopped"), loaded(tmp_path / "whole")
    assert_same_weights(model, other)
    timed = ("steps_timed", "cpu_seconds", "seconds", "tensors_sha256", "facts_sha256")
    assert {k: v for k, v in record.items() if k not in timed} == {
        k: v for k, v in expected.items() if k not in timed
    }
    assert record["steps_timed"] == 3 - n_steps


def test_a_finished_run_keeps_its_record_and_a_longer_one_goes_on(tmp_path, story, capsys):
    assert command(story, tmp_path / "run", "--resume", steps=1) == 0
    assert "holds no checkpoint yet: beginning at step 1" in capsys.readouterr().out
    record = json.loads((tmp_path / "run" / "weights.json").read_text())
    assert command(story, tmp_path / "run", "--resume", steps=1) == 0
    assert "holds a finished run" in capsys.readouterr().out
    assert json.loads((tmp_path / "run" / "weights.json").read_text()) == record
    assert command(story, tmp_path / "run", "--resume", steps=2) == 0
    assert loaded(tmp_path / "run")[1]["steps_timed"] == 1


def said(capsys, status):
    """The complaint of a command that failed."""
    assert status == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: ")
    return error


def test_what_does_not_fit_is_said_in_one_line(tmp_path, story, monkeypatch, capsys):
    short = tmp_path / "short.txt"
    short.write_text(STORY[:2800])
    assert "short.txt is too short: 2,268 characters to learn from, 252" in said(
        capsys, command(short, tmp_path / "a")
    )
    assert "there is no file" in said(capsys, command(tmp_path / "none.txt", tmp_path / "a"))
    assert "n_steps must be at least 1, got 0" in said(capsys, command(story, tmp_path / "a", steps=0))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert "needs a GPU, and torch finds none: use the scale 'laptop'" in said(
        capsys, command(story, tmp_path / "a", "--scale", "gpu")
    )
    assert not (tmp_path / "a").exists()


def test_the_folder_of_another_run_is_refused(tmp_path, story, capsys):
    assert command(story, tmp_path / "run", steps=1) == 0
    files = {path: path.read_bytes() for path in (tmp_path / "run").iterdir()}
    complaint = said(capsys, command(story, tmp_path / "run", steps=2))
    assert "run that was saved at step 1: go on with it with --resume, or give another folder" in complaint
    complaint = said(capsys, command(story, tmp_path / "run", "--resume", "--seed", 1, steps=2))
    assert "the folder holds another run: batches.fingerprint was" in complaint
    assert files == {path: path.read_bytes() for path in (tmp_path / "run").iterdir()}


def test_a_command_in_the_background_where_ctrl_c_is_ignored_still_heeds_sigterm(
    tmp_path, story, monkeypatch
):
    stopping_after(1, monkeypatch)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert command(story, tmp_path / "run") == 130
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
    assert (tmp_path / "run" / "step_00000001.json").exists()
