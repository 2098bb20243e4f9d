"""The record of notebook 13 belongs to the tasks and the model of today."""

import json
from pathlib import Path

import pytest

from arlm_helpers.text.catalogue import find_dataset

DATA = Path(__file__).resolve().parents[1] / "data"
TASKS = json.loads((DATA / "own_tasks.json").read_text(encoding="utf-8"))
RECORD = json.loads((DATA / "applications.json").read_text(encoding="utf-8"))
ASKED = [name for name, task in TASKS.items() if "items" in task]


@pytest.mark.parametrize("name", ASKED)
def test_every_question_has_an_answer_in_each_way_it_was_put(name):
    ways = [way for way in ("continued", "asked") if way in RECORD[name]]
    assert ways == (["continued", "asked"] if "prompt" in TASKS[name] else ["asked"])
    for way in ways:
        assert len(RECORD[name][way]) == len(TASKS[name]["items"]) and any(RECORD[name][way])


def test_nothing_else_is_recorded():
    assert set(RECORD) == {"settings", "dialogue", "story", *ASKED}


def test_the_record_names_the_model_of_the_catalogue():
    assert RECORD["settings"]["sha256"] == find_dataset("smollm2").sha256


def test_a_turn_of_the_dialogue_reads_only_what_is_new():
    record = RECORD["dialogue"]
    assert len(record["asked"]) == len(TASKS["dialogue"])
    assert record["tokens_in_prompt"] == sorted(record["tokens_in_prompt"])
    pairs = list(zip(record["tokens_read"], record["tokens_in_prompt"], strict=True))
    assert record["tokens_read"][0] == record["tokens_in_prompt"][0]
    assert all(new < whole for new, whole in pairs[1:])
