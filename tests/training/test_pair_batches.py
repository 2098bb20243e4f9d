"""Batches of pairs: every pair once, little padding, any position found again; a loss without padding."""

import json

import pytest
import torch
from torch.nn.functional import cross_entropy

from arlm_helpers.models.seq2seq import Seq2Seq, Seq2SeqConfig
from arlm_helpers.text.pairs import SPECIALS, TextPair, encode_pairs
from arlm_helpers.text.tokenizers import CharTokenizer
from arlm_helpers.training.optimizers import Muon
from arlm_helpers.training.pair_batches import ShuffledPairs, unpadded_cross_entropy

LETTERS = CharTokenizer("abcdefghijklmnopqrstuvwxyz", specials=SPECIALS)
PAD = 26
WORDS = ["".join(chr(97 + (i + j) % 26) for j in range(1 + i % 9)) for i in range(40)]  # of 1 to 9 letters
PAIRS = encode_pairs([TextPair(word, word[::-1]) for word in WORDS], LETTERS)


def shuffled(pairs=PAIRS, **options):
    return ShuffledPairs(pairs, **({"pad_id": PAD, "batch_size": 4, "seed": 0} | options))


def read(rows):
    return ["".join(LETTERS.tokens[i] for i in row if i != PAD) for row in rows.tolist()]


def test_every_pair_comes_once_per_epoch_with_its_target():
    batches = shuffled()
    drawn = [batches.next_batch() for _ in range(10)]
    sources = [word for batch in drawn for word in read(batch.source)]
    targets = [word for batch in drawn for word in read(batch.targets)]
    assert sorted(sources) == sorted(WORDS)
    assert targets == [word[::-1] + "<end>" for word in sources]
    assert batches.epoch == 0 and batches.next_batch() is not None and batches.epoch == 1


def padding(batches):
    """The share of padding in the sources of one epoch; every batch is as narrow as it can be."""
    sources = [batches.next_batch().source for _ in range(10)]
    assert all((source != PAD).any(dim=0).all() for source in sources)
    return sum((source == PAD).sum() for source in sources) / sum(source.numel() for source in sources)


def test_sorting_a_pool_by_length_saves_most_of_the_padding():
    assert padding(shuffled(pool=10)) < 0.1 < 0.25 < padding(shuffled(pool=1))


def test_a_position_is_found_again_in_a_later_epoch():
    batches, again = shuffled(), shuffled()
    for _ in range(13):
        batches.next_batch()
    again.load_state(json.loads(json.dumps(batches.state())))
    for _ in range(12):
        assert torch.equal(batches.next_batch().source, again.next_batch().source)


def test_the_seed_and_nothing_else_decides_the_order():
    first = [shuffled(seed=seed).next_batch().source.tolist() for seed in (1, 1, 2)]
    assert first[0] == first[1] != first[2]
    prints = [shuffled(seed=1).fingerprint(), shuffled(seed=1).fingerprint(), shuffled(seed=2).fingerprint()]
    assert prints[0] == prints[1] != prints[2]
    copied = encode_pairs([TextPair(word, word) for word in WORDS], LETTERS)  # other targets, same shapes
    assert shuffled(copied).fingerprint() != shuffled().fingerprint()


def test_targets_are_counted_without_padding():
    assert shuffled().n_tokens_per_batch == round(4 * (1 + sum(map(len, WORDS)) / 40))


def test_padding_does_not_count_in_the_loss():
    logits = torch.randn(40, PAIRS.targets.shape[1], 29, generator=torch.Generator().manual_seed(0))
    expected = cross_entropy(logits.flatten(0, 1), PAIRS.targets.flatten(), ignore_index=PAD)
    torch.testing.assert_close(unpadded_cross_entropy(logits, PAIRS.targets, PAD), expected)


def test_a_model_with_attention_learns_to_reverse_a_word():
    rng = torch.Generator().manual_seed(0)
    model = Seq2Seq(Seq2SeqConfig(29, PAD, kind="lstm", attention="dot", d_model=32), rng=rng)
    optimizers, batches, losses = Muon().build(model), shuffled(batch_size=20), []
    for _ in range(40):
        batch = batches.next_batch()
        logits = model(batch.ids, model.new_cache(batch.source))
        loss = unpadded_cross_entropy(logits, batch.targets, batch.pad_id)
        model.zero_grad()
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
        losses.append(loss.item())
    assert losses[0] == pytest.approx(3.367, abs=1e-3)  # ln 29: a new model knows nothing
    assert losses[-1] < losses[0] / 3


@pytest.mark.parametrize("options", [{"batch_size": 0}, {"pool": 0}, {"seed": -1}, {"batch_size": 41}])
def test_sizes_that_do_not_fit_are_refused(options):
    with pytest.raises(ValueError, match="batch"):
        shuffled(**options)


def test_sources_may_be_filled_up_with_an_id_of_their_own():
    digits = CharTokenizer("0123456789", specials=SPECIALS)  # <pad> is 10 here, and 26 in the sources
    pairs = encode_pairs([TextPair(word, str(len(word)) * len(word)) for word in WORDS], LETTERS, digits)
    batches = ShuffledPairs(pairs, pad_id=10, source_pad_id=PAD, batch_size=4, pool=10)
    for batch in [batches.next_batch() for _ in range(10)]:
        assert (batch.source != PAD).any(dim=0).all() and (batch.targets != 10).any(dim=0).all()
        lengths = (batch.source != PAD).sum(dim=1)
        assert torch.equal((batch.targets != 10).sum(dim=1), lengths + 1)
    assert batches.settings()["source_pad_id"] == PAD
