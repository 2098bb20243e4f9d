"""The command: the text of ``complete``, piece by piece, and one line for what is wrong."""

import subprocess
import sys

import pytest

from arlm_helpers.decoding.completion import complete
from arlm_helpers.decoding.completion_command import STORED_MODELS, completed_pieces, load_named, main
from arlm_helpers.text.tokenizers import ByteTokenizer
from tests.decoding.test_completion import Script
from tests.smollm2 import needs_smollm2
from tests.zoo import MODELS

BYTES = ByteTokenizer(specials=("<end>",))


def pieces(text, *, cut=0, **options):
    """What a model that knows ``text`` by heart writes of it; ``cut`` is how many tokens it falls short."""
    ids = BYTES.encode(text, allow_special=True)
    model, prompt = Script(BYTES, ids, 1), BYTES.encode("?")
    return list(completed_pieces(model, BYTES, prompt, max_tokens=len(ids) - cut, temperature=0, **options))


def test_a_piece_comes_before_the_next_token_is_asked_for():
    asked = []

    class Counting(Script):
        def __call__(self, ids, cache=None):
            asked.append(ids.shape[1])
            return super().__call__(ids, cache)

    model = Counting(BYTES, BYTES.encode("a你b"), 1)
    writing = completed_pieces(model, BYTES, BYTES.encode("?"), max_tokens=5, temperature=0)
    assert [(text, len(asked)) for text in writing] == [("a", 1), ("你", 4), ("b", 5)]


def test_a_character_of_several_bytes_comes_as_a_whole():
    assert pieces("a你🙂b") == ["a", "你", "🙂", "b"]


def test_half_a_character_at_the_end_is_shown_as_bytes():
    assert pieces("a你", cut=1) == ["a", "⟨E4⟩⟨BD⟩"]


def test_the_end_token_ends_the_text_and_is_not_shown():
    assert pieces("ab<end>c", end_id=256) == ["a", "b"]


def test_more_than_the_model_reads_at_once_is_refused():
    model = MODELS["gpt"](257)
    assert list(completed_pieces(model, BYTES, [97] * 12, max_tokens=0)) == []
    with pytest.raises(ValueError, match="the prompt has 13 tokens, but the model reads 12 at once"):
        list(completed_pieces(model, BYTES, [97] * 13, max_tokens=0))


@pytest.mark.parametrize("name", STORED_MODELS)
def test_the_text_is_that_of_complete(name):
    model, tokenizer = load_named(name)
    options = {"max_tokens": 40, "temperature": 0.8, "top_p": 0.9, "seed": 3}
    expected = complete(model, tokenizer, "ROMEO:", **options).choices[0].text
    assert "".join(completed_pieces(model, tokenizer, tokenizer.encode("ROMEO:"), **options)) == expected


def test_the_command_prints_prompt_and_text_and_a_seed_repeats_it(capsys):
    command = ["--model", "gpt_shakespeare", "--prompt", "ROMEO:", "--max-tokens", "30", "--seed", "5"]
    assert main(command) == 0
    first = capsys.readouterr().out
    assert main(command) == 0
    assert capsys.readouterr().out == first
    assert first.startswith("ROMEO:") and len(first) == len("ROMEO:") + 30 + 1


@pytest.mark.parametrize(
    "more, problem",
    [
        (["--prompt", "你"], "characters have no token: '你'"),
        (["--prompt", ""], "the prompt is empty"),
        (["--prompt", "a", "--temperature", "-1"], "temperature must be at least 0"),
        (["--prompt", "a", "--max-tokens", "-1"], "max_tokens must be at least 0"),
    ],
)
def test_what_is_wrong_is_one_line(capsys, more, problem):
    assert main(["--model", "gpt_shakespeare", *more]) == 1
    shown, said = capsys.readouterr()
    assert said.startswith("error: ") and problem in said and said.count("\n") == 1 and not shown


def test_a_missing_chat_model_names_the_command_that_fetches_it(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("ARLM_DATA", str(tmp_path))
    assert main(["--prompt", "Hello"]) == 1
    assert "python -m arlm_helpers.text.data fetch smollm2" in capsys.readouterr().err


@needs_smollm2
def test_the_module_runs_as_a_command_and_the_chat_model_answers():
    words = ["--prompt", "What is the capital of France?", "--chat", "--temperature=0", "--max-tokens=12"]
    command = [sys.executable, "-m", "arlm_helpers.decoding.completion", "--model", "smollm2", *words]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=200)
    assert (done.returncode, done.stdout) == (0, "The capital of France is Paris.\n"), done.stderr
