"""The race of the chat model: its twin in ``transformers``, its rows, and what it says without the file."""

import pytest
import torch

from benchmarks import pretrained
from benchmarks.harness import command
from benchmarks.twins import assert_parity, llama_twin, tiny_chat_model

IDS = torch.randint(256, (2, 9), generator=torch.Generator().manual_seed(0))


def test_the_twin_has_the_same_tensors_and_says_the_same():
    ours, _ = tiny_chat_model()
    with torch.no_grad():
        for parameter in ours.parameters():
            parameter += 0.2 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1))
    theirs = llama_twin(ours)
    assert_parity(ours(IDS), theirs, IDS)
    assert theirs.lm_head.weight.data_ptr() == ours.embed.tokens.weight.data_ptr()
    with torch.no_grad():
        ours.blocks[1].attention.key.weight.copy_(ours.blocks[1].attention.key.weight.clone().flip(0))
    assert_parity(ours(IDS), theirs, IDS)  # it has changed as well


def test_a_quick_run_has_a_row_for_loading_for_each_comparison_and_for_each_kind_of_weights(capsys):
    rows = pretrained.main(["--quick", "--context", "20"])
    loading, *races = rows[: 1 + len(pretrained.COMPARISONS)]
    assert loading["seconds"] > 0 and 0.05 < loading["peak_gb"] < 5
    assert [(line["ours"], line["peer"], line["goal"]) for line in races] == list(pretrained.COMPARISONS)
    assert all(line["context"] == 20 and line["ratio"] > 0 for line in races)
    exact, rounded = rows[1 + len(races) :]
    assert 7.5 < exact["bits_per_byte"] < 8.5  # it knows nothing: 8 bits
    assert rounded["bits_per_byte"] == pytest.approx(exact["bits_per_byte"], abs=0.05)
    assert "bits_per_byte" in capsys.readouterr().out


def test_without_the_file_the_command_that_fetches_it_is_the_only_line(monkeypatch, tmp_path):
    monkeypatch.setenv("ARLM_DATA", str(tmp_path))
    with pytest.raises(SystemExit, match=r"^error: .*python -m arlm_helpers\.text\.data fetch smollm2"):
        command(lambda: pretrained.main([]))
