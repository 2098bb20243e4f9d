"""Narrow embeddings: the same answers as wide ones that are filled up with zeros."""

import pytest
import torch
from conditional import SOURCE, with_random_weights

from arlm_helpers.decoding.translation import translate
from arlm_helpers.models.seq2seq import Seq2Seq, Seq2SeqConfig
from arlm_helpers.models.seq2seq_narrow import NarrowSeq2Seq, NarrowSeq2SeqConfig
from arlm_helpers.text.phonemes import PhonemeTokenizer, letter_tokenizer

PAD = 12
CELLS = ("rightward", "leftward", "decoder")


@pytest.mark.parametrize("kind", ["elman", "gru", "lstm"])
@pytest.mark.parametrize("attention", ["none", "additive", "dot"])
def test_it_computes_what_the_model_does_whose_wide_embeddings_end_in_zeros(kind, attention):
    sizes = {"source_vocab_size": 13, "d_model": 8, "kind": kind, "attention": attention}
    narrow = with_random_weights(NarrowSeq2Seq(NarrowSeq2SeqConfig(7, PAD, **sizes, d_embedding=3)))
    wide = Seq2Seq(Seq2SeqConfig(7, PAD, **sizes)).double()
    weights = dict(narrow.state_dict())
    for name in ("embedding.weight", "source_embedding.weight", *(f"{cell}.weight_ih" for cell in CELLS)):
        weights[name] = torch.nn.functional.pad(weights[name], (0, 8 - 3))
    wide.load_state_dict(weights)
    ids = torch.randint(7, (3, 5), generator=torch.Generator().manual_seed(0))
    logits = narrow(ids, narrow.new_cache(SOURCE))
    torch.testing.assert_close(logits, wide(ids, wide.new_cache(SOURCE)))
    assert logits.std() > 0.1


def test_its_weights_counted_by_hand():
    config = NarrowSeq2SeqConfig(42, 27, source_vocab_size=30, attention="dot", d_model=256, d_embedding=32)
    encoder = 30 * 32 + 2 * (512 * (32 + 128) + 2 * 512)
    decoder = 42 * 32 + 1024 * (32 + 256) + 2 * 1024
    mix_and_head = 512 * 256 + 256 + 256 * 42 + 42
    assert NarrowSeq2Seq(config).n_parameters == encoder + decoder + mix_and_head == 607_274


def test_the_seed_decides_the_weights():
    def built(seed):
        config = NarrowSeq2SeqConfig(7, PAD, source_vocab_size=13, d_model=8, d_embedding=3)
        return NarrowSeq2Seq(config, rng=torch.Generator().manual_seed(seed)).state_dict()

    first, again, other = built(0), built(0), built(1)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["embedding.weight"], other["embedding.weight"])


@pytest.mark.parametrize("d_embedding", [0, -1])
def test_an_impossible_size_is_named(d_embedding):
    with pytest.raises(ValueError, match=f"d_embedding must be at least 1, got {d_embedding}"):
        NarrowSeq2SeqConfig(7, PAD, d_embedding=d_embedding)


@pytest.mark.parametrize("words, complaint", [([""], "are empty"), (["", "ab"], "must begin with a token")])
def test_an_empty_word_is_refused(words, complaint):
    config = NarrowSeq2SeqConfig(42, 27, source_vocab_size=30, d_model=8, d_embedding=3)
    with pytest.raises(ValueError, match=complaint):
        translate(
            NarrowSeq2Seq(config),
            words,
            letter_tokenizer(),
            target_tokenizer=PhonemeTokenizer(),
            max_tokens=3,
        )
