"""The stored models of dates and words, loaded anew, do on what they have not seen what notebook 10 says."""

import hashlib
from pathlib import Path

import pytest
import torch

from arlm_helpers.decoding.translation import exact_match, translate
from arlm_helpers.models.rnn import RNNConfig, RNNLanguageModel
from arlm_helpers.models.text_autoencoder import TextAutoencoder, TextAutoencoderConfig
from arlm_helpers.models.text_vae import TextVAE
from arlm_helpers.text.data import load_corpus
from arlm_helpers.text.dates import date_forms, draw_pairs, split_days
from arlm_helpers.text.pairs import PAD, SPECIALS, TextPair, encode_pairs, special_id
from arlm_helpers.text.tokenizers import CharTokenizer
from arlm_helpers.text.words import distinct_words, part_words
from arlm_helpers.training.elbo import active_units, elbo_terms, importance_weighted_bound
from arlm_helpers.training.noise import TokenNoise
from arlm_helpers.training.pair_batches import PairBatch, unpadded_cross_entropy
from arlm_helpers.training.weights import load_weights, read_record

FOLDER = Path(__file__).resolve().parents[1] / "data" / "checkpoints"
COLLAPSED, CURED = "vae_dates_collapsed", ("vae_dates_free_bits", "vae_dates_annealed")
CLASSES = {kind.__name__: kind for kind in (TextAutoencoder, TextVAE)}


def stored(name):
    """A stored autoencoder, its tokenizer and its record."""
    record = read_record(FOLDER / name)
    model = CLASSES[record["model"]](TextAutoencoderConfig(**record["config"])).half()
    load_weights(model, FOLDER / name)
    return model.float().eval(), CharTokenizer(record["characters"], specials=SPECIALS), record


def some_lines(n=200):
    """Dates of the validation days in the forms of English; other ones than the record's."""
    forms = [form for locale in ("en", "en_GB") for form in date_forms(locale)]
    days = split_days().validation
    return [pair.source for pair in draw_pairs(days, forms, n, torch.Generator().manual_seed(7))]


def as_batch(lines, tokenizer):
    pairs = encode_pairs([TextPair(line, line) for line in lines], tokenizer)
    return PairBatch(pairs.ids, pairs.targets, source=pairs.source, pad_id=special_id(tokenizer, PAD))


def test_the_autoencoder_gives_back_at_least_95_percent_of_held_out_dates():
    model, tokenizer, record = stored("autoencoder_dates")
    lines = some_lines()
    answers = translate(model, lines, tokenizer, max_tokens=40)
    assert min(exact_match(answers, lines), record["held_out"]["exact_match"]) >= 0.95


def test_the_denoising_one_restores_more_damaged_dates_than_the_plain_one_and_half_at_least():
    lines, restored = some_lines(), {}
    for name in ("autoencoder_dates", "denoising_dates"):
        model, tokenizer, _ = stored(name)
        source = as_batch(lines, tokenizer).source
        damaged = TokenNoise(0.05, 0.05)(source, model.config.pad_id, torch.Generator().manual_seed(0))
        texts = [tokenizer.decode([i for i in row if i < model.config.pad_id]) for row in damaged.tolist()]
        harmed = [(text, line) for text, line in zip(texts, lines, strict=True) if text != line]
        answers = translate(model, [text for text, _ in harmed], tokenizer, max_tokens=40)
        restored[name] = exact_match(answers, [line for _, line in harmed])
    assert restored["denoising_dates"] > max(0.5, restored["autoencoder_dates"] + 0.1)


@pytest.mark.parametrize("name", ["autoencoder_words", "vae_words"])
def test_most_words_that_were_not_learned_come_back_exactly(name):
    model, tokenizer, record = stored(name)
    words = part_words(distinct_words(load_corpus("shakespeare").train), 1000)
    assert hashlib.sha256("\n".join(words.train).encode()).hexdigest() == record["corpus_sha256"]
    answers = translate(model, words.held_out[:300], tokenizer, max_tokens=40)
    assert exact_match(answers, words.held_out[:300]) > 0.85


def test_whole_lines_of_verse_do_not_come_back_from_a_code_of_the_same_size():
    model, tokenizer, record = stored("autoencoder_verse")
    lines = [line for line in load_corpus("shakespeare").validation.splitlines() if 20 <= len(line) <= 60]
    answers = translate(model, lines[1000:1100], tokenizer, max_tokens=63)
    assert max(exact_match(answers, lines[1000:1100]), record["held_out"]["exact_match"]) < 0.15


@torch.no_grad()
def test_verse_is_guessed_well_after_the_right_characters_and_badly_after_its_own():
    model, tokenizer, record = stored("autoencoder_verse")
    lines = [line for line in load_corpus("shakespeare").validation.splitlines() if 20 <= len(line) <= 60]
    lines = [line for line in lines if not line.endswith(":")][:1000]  # those of the record
    batch = as_batch(lines, tokenizer)
    logits, real = model(batch.ids, model.new_cache(batch.source)), batch.targets != batch.pad_id
    nats = torch.nn.functional.cross_entropy(logits[real], batch.targets[real]).item()
    assert nats == pytest.approx(record["held_out"]["nats"], abs=0.002)
    forced = (logits.argmax(dim=-1) == batch.targets)[real].float().mean().item()
    answers = translate(model, lines, tokenizer, max_tokens=63)
    assert exact_match(answers, lines) == pytest.approx(record["held_out"]["exact_match"], abs=0.005)
    pairs = zip(answers, lines, strict=True)
    in_place = sum(a == b for answer, line in pairs for a, b in zip(answer, line, strict=False))
    assert forced > 0.75 and in_place < 0.5 * sum(map(len, lines))


@torch.no_grad()
def test_the_vae_without_a_cure_has_collapsed():
    model, tokenizer, record = stored(COLLAPSED)
    batch = as_batch(some_lines(), tokenizer)
    kl = elbo_terms(model, batch, rng=torch.Generator().manual_seed(0)).kl.sum(dim=-1).mean().item()
    assert kl < 0.2 and kl == pytest.approx(record["held_out"]["kl, nats per line"], abs=0.02)
    assert active_units(model.latent(batch.source)) == record["held_out"]["active_units"] == 0


@torch.no_grad()
@pytest.mark.parametrize("name", CURED)
def test_a_cured_vae_tells_more_than_eight_nats_and_uses_most_of_its_code(name):
    model, tokenizer, record = stored(name)
    batch, rng = as_batch(some_lines(), tokenizer), torch.Generator().manual_seed(0)
    terms = elbo_terms(model, batch, rng=rng)
    kl = terms.kl.sum(dim=-1).mean().item()
    assert kl > 8 and kl == pytest.approx(record["held_out"]["kl, nats per line"], rel=0.05)
    assert active_units(model.latent(batch.source)) > model.config.d_latent / 2
    assert importance_weighted_bound(model, batch, 8, rng=rng).mean() > terms.elbo.mean()


@torch.no_grad()
def test_the_autoregressive_twin_needs_as_many_nats_as_its_record_says():
    record = read_record(FOLDER / "lstm_dates")
    model = RNNLanguageModel(RNNConfig(**record["config"])).half()
    load_weights(model, FOLDER / "lstm_dates")
    tokenizer = CharTokenizer(record["characters"], specials=SPECIALS)
    batch = as_batch(some_lines(1000), tokenizer)
    nats = unpadded_cross_entropy(model.float()(batch.ids), batch.targets, batch.pad_id).item()
    assert nats == pytest.approx(record["held_out"]["nats"], rel=0.03)
