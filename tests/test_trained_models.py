"""The models that are stored with the course are what their records and data/README.md say."""

import hashlib
import json
import re
from pathlib import Path

import pytest

from arlm_helpers.decoding.error_rates import error_rates
from arlm_helpers.decoding.penalties import NoRepeatNGram
from arlm_helpers.decoding.rouge import rouge
from arlm_helpers.decoding.translation import translate
from arlm_helpers.models.seq2seq import Seq2SeqConfig
from arlm_helpers.models.seq2seq_copy import CopySeq2Seq
from arlm_helpers.models.seq2seq_narrow import NarrowSeq2Seq, NarrowSeq2SeqConfig
from arlm_helpers.models.transformer import GPT
from arlm_helpers.text.bpe import BPETokenizer
from arlm_helpers.text.data import load_corpus
from arlm_helpers.text.dates import date_tokenizer
from arlm_helpers.text.docstrings import lead, load_docstrings
from arlm_helpers.text.pairs import SPECIALS
from arlm_helpers.text.phonemes import PhonemeTokenizer, letter_tokenizer
from arlm_helpers.text.pronunciations import load_pronunciations, pronunciation_pairs
from arlm_helpers.training.config import as_facts
from arlm_helpers.training.scales import SCALES
from arlm_helpers.training.tensor_files import read_pair
from arlm_helpers.training.weights import identity, load_weights

FOLDER = Path(__file__).resolve().parents[1] / "data" / "checkpoints"
README = (FOLDER.parent / "README.md").read_text(encoding="utf-8")
STORED = sorted(FOLDER.glob("*.json"))
MAX_BYTES = 3_000_000  # of one model
MAX_TOGETHER = 16_000_000


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_a_stored_model_is_small_whole_and_has_a_record(path):
    weights, record = read_pair(path.with_suffix(""))  # checks the hashes
    assert weights and path.with_suffix(".safetensors").stat().st_size <= MAX_BYTES
    assert {"model", "config", "corpus", "corpus_sha256", "seed", "cpu_seconds", "held_out"} <= record.keys()


def test_all_stored_models_together_are_small():
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) <= MAX_TOGETHER


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_the_table_says_what_the_record_says(path):
    weights, record = read_pair(path.with_suffix(""))
    row = next(line for line in README.splitlines() if line.startswith(f"| `{path.stem}` |"))
    assert f"{sum(tensor.numel() for tensor in weights.values()):,} weights" in row
    assert f"| {record['cpu_seconds']} s on one core |" in row
    assert f"{path.with_suffix('.safetensors').stat().st_size / 1e6:.1f} MB" in row
    assert re.search(r"([\d.]+) nats", row)[1] == f"{record['held_out']['nats']:.3f}"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("dates_*.json")), ids=lambda path: path.stem)
def test_the_models_of_dates_read_the_ids_of_today(path):
    _, record = read_pair(path.with_suffix(""))
    assert record["characters"] == date_tokenizer().characters


def test_the_model_that_pronounces_learned_the_training_words_of_today_and_says_test_words_as_recorded():
    """A sample of the test words, always the same; it errs as often as all, to four standard deviations."""
    _, record = read_pair(FOLDER / "pronunciation")
    words = load_pronunciations()
    pairs = pronunciation_pairs(words.train)
    text = "\n".join(f"{pair.source}\t{pair.target}" for pair in pairs)
    assert record["corpus_sha256"] == hashlib.sha256(text.encode()).hexdigest()
    assert record["test"]["n_words"] == len(words.test) >= 4_000
    model = NarrowSeq2Seq(NarrowSeq2SeqConfig(**record["config"]))
    load_weights(model.half(), FOLDER / "pronunciation")
    sample = dict(list(words.test.items())[::25])
    answers = translate(
        model.float(), list(sample), letter_tokenizer(), target_tokenizer=PhonemeTokenizer(), max_tokens=30
    )
    rate = record["test"]["word_error_rate"]
    spread = (rate * (1 - rate) / len(sample)) ** 0.5
    assert abs(error_rates(answers, list(sample.values())).word - rate) < 4 * spread


def test_the_model_of_summaries_is_recorded_as_what_it_is_below_the_first_sentence():
    """It writes with the tokenizer of its record. Texts differ between versions of Python, hence the bands.

    Each is five standard errors wide; with the Python of the record the numbers are the same.
    """
    _, record = read_pair(FOLDER / "summaries")
    tokenizer = BPETokenizer(record["merges"], specials=SPECIALS)
    model = CopySeq2Seq(Seq2SeqConfig(**record["config"]))
    load_weights(model.half(), FOLDER / "summaries")
    pairs = load_docstrings().test
    texts, wanted = [pair.source for pair in pairs], [pair.target for pair in pairs]
    answers = translate(model.float(), texts, tokenizer, max_tokens=30, processors=[NoRepeatNGram(2)])
    assert abs(rouge(answers, wanted).rouge_l - record["test"]["rougeL"]) < 0.035
    assert abs(rouge([lead(t) for t in texts], wanted).rouge_l - record["lead-1, test"]["rougeL"]) < 0.035
    assert record["test"]["rougeL"] < record["lead-1, test"]["rougeL"]


@pytest.mark.parametrize(
    "name", ["lstm_shakespeare", "gpt_shakespeare", "causal_shakespeare", "masked_shakespeare"]
)
def test_a_model_of_plays_was_trained_on_the_training_plays_of_today(name):
    _, record = read_pair(FOLDER / name)
    train = load_corpus("shakespeare").train
    assert record["corpus_sha256"] == hashlib.sha256(train.encode()).hexdigest()
    assert record["characters"] == "".join(sorted(set(train)))


def test_the_gpt_is_the_laptop_scale_of_today_and_beats_the_counts():
    _, record = read_pair(FOLDER / "gpt_shakespeare")
    model = GPT(SCALES["laptop"].model(len(record["characters"])))
    assert record["config"] == identity(model)["config"]
    assert record["training"] == json.loads(json.dumps(as_facts(SCALES["laptop"].training)))
    assert record["held_out"]["nats"] < record["held_out of mkn7, same text"]["nats"] - 0.02


def test_the_twins_differ_in_the_mask_and_nothing_else():
    (_, causal), (_, masked) = (read_pair(FOLDER / f"{name}_shakespeare") for name in ("causal", "masked"))
    one_more = causal["config"]["vocab_size"] + 1
    assert masked["config"] == causal["config"] | {"vocab_size": one_more}
    for key in ("training", "seed", "characters_read", "corpus_sha256"):
        assert masked[key] == causal[key]
    sizes = ("context_length", "batch_size", "seed")
    assert [masked["batches"][size] for size in sizes] == [causal["batches"][size] for size in sizes]


def test_the_adapter_speaks_shakespeare_at_little_cost_to_other_prose():
    _, record = read_pair(FOLDER / "lora_shakespeare")
    train = load_corpus("shakespeare").train
    assert record["corpus_sha256"] == hashlib.sha256(train.encode()).hexdigest()
    before, after = record["before"], record["held_out"]
    assert record["cpu_seconds"] <= 360
    assert after["perplexity"] <= 0.75 * before["perplexity"]  # in pieces, as it was trained
    assert after["perplexity as one text"] <= 27 < before["perplexity as one text"]
    other = record["others"]["other prose"]
    assert other["after"]["perplexity"] <= 1.03 * other["before"]["perplexity"]
