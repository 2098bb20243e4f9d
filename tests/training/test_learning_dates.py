"""What the course promises of dates: nearly all held-out days right, after less than a minute of training."""

import time

import pytest
import torch

from arlm_helpers.decoding.translation import exact_match, translate
from arlm_helpers.models.seq2seq import Seq2Seq, Seq2SeqConfig
from arlm_helpers.text.dates import LOCALES, date_forms, date_tokenizer, draw_pairs, split_days
from arlm_helpers.text.pairs import PAD, encode_pairs, special_id
from arlm_helpers.training.optimizers import AdamW, Muon
from arlm_helpers.training.pair_batches import ShuffledPairs, unpadded_cross_entropy
from arlm_helpers.training.schedules import WarmupFlatLinear

TOKENIZER = date_tokenizer()
PAD_ID = special_id(TOKENIZER, PAD)
FORMS = [form for locale in LOCALES for form in date_forms(locale)]


def train_on(pairs, n_steps):
    """A model with additive attention, after ``n_steps`` batches of 64 pairs."""
    rng = torch.Generator().manual_seed(0)
    model = Seq2Seq(Seq2SeqConfig(TOKENIZER.vocab_size, PAD_ID), rng=rng)
    optimizers = Muon(0.01, adamw=AdamW(5e-3)).build(model)
    batches = ShuffledPairs(encode_pairs(pairs, TOKENIZER), pad_id=PAD_ID, batch_size=64)
    for step in range(n_steps):
        batch = batches.next_batch()
        logits = model(batch.ids, model.new_cache(batch.source))
        model.zero_grad()
        unpadded_cross_entropy(logits, batch.targets, PAD_ID).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["initial_lr"] * WarmupFlatLinear(warmup=50)(step, n_steps)
            optimizer.step()
    return model


@pytest.mark.slow
def test_attention_translates_held_out_days_within_a_minute():
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    days, rng = split_days(), torch.Generator().manual_seed(0)
    pairs = draw_pairs(days.train, FORMS, 45_000, rng)
    started = time.process_time()
    model = train_on(pairs, n_steps=700)
    seconds = time.process_time() - started
    torch.set_num_threads(n_threads)
    held_out = draw_pairs(days.test, FORMS, 2_000, rng)
    answers = translate(model, [pair.source for pair in held_out], TOKENIZER, max_tokens=11)
    assert exact_match(answers, [pair.target for pair in held_out]) >= 0.99
    assert seconds < 60
