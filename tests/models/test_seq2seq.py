"""The recurrent encoder and decoder against ``torch.nn``, row by row without padding."""

import pytest
import torch

from arlm_helpers.models.both_ways import read_both_ways, reverse_rows
from arlm_helpers.models.seq2seq import Seq2SeqConfig
from tests.conditional import SOURCE, seq2seq

IDS = torch.tensor([[0, 4, 2, 7, 1], [0, 3, 3, 9, 2], [0, 10, 6, 5, 8]])
LENGTHS = [7, 4, 1]
MODULES = {"elman": torch.nn.RNN, "gru": torch.nn.GRU, "lstm": torch.nn.LSTM}
each_kind = pytest.mark.parametrize("kind", MODULES)


def library(model, kind):
    """The weights of ``model`` in the library's modules: both directions of the encoder, and the decoder."""
    encoder = MODULES[kind](8, 4, batch_first=True, bidirectional=True).double()
    weights = {f"{name}_l0": weight for name, weight in model.rightward.state_dict().items()}
    weights |= {f"{name}_l0_reverse": weight for name, weight in model.leftward.state_dict().items()}
    encoder.load_state_dict(weights)
    decoder = MODULES[kind](8, 8, batch_first=True).double()
    decoder.load_state_dict({f"{name}_l0": weight for name, weight in model.decoder.state_dict().items()})
    return encoder, decoder


def encode_alone(model, encoder, row):
    """Memory (1, source, 8) and summary (1, 8) of one unpadded source."""
    memory, last = encoder(model.source_embedding(SOURCE[row : row + 1, : LENGTHS[row]]))
    h = last[0] if isinstance(last, tuple) else last
    return memory, torch.cat([h[0], h[1]], dim=-1)


@each_kind
def test_padded_sources_are_read_as_the_library_reads_each_alone(kind):
    model = seq2seq(11, kind=kind)
    encoder, _ = library(model, kind)
    x, lengths = model.source_embedding(SOURCE), torch.tensor(LENGTHS)
    memory, summary = read_both_ways(model.rightward, model.leftward, x, lengths)
    for row, length in enumerate(LENGTHS):
        expected, last = encode_alone(model, encoder, row)
        torch.testing.assert_close(memory[row : row + 1, :length], expected)
        torch.testing.assert_close(summary[row : row + 1], last)


def score_by_hand(model, h, memory):
    """The weights of one row, one score at a time."""
    if model.config.attention == "dot":
        scores = [[(query * key).sum() for key in memory] for query in h]
    else:
        query, key, v = model.look.query.weight, model.look.key.weight, model.look.score.weight[0]
        scores = [[v @ torch.tanh(query @ q + key @ k) for k in memory] for q in h]
    return torch.stack([torch.stack(row).exp() / torch.stack(row).exp().sum() for row in scores])


@each_kind
@pytest.mark.parametrize("attention", ["none", "additive", "dot"])
def test_logits_are_those_of_the_librarys_modules_and_a_mean_by_hand(kind, attention):
    model = seq2seq(11, kind=kind, attention=attention)
    encoder, decoder = library(model, kind)
    logits = model(IDS, model.new_cache(SOURCE))
    for row in range(3):
        memory, summary = encode_alone(model, encoder, row)
        start = summary.unsqueeze(0)
        start = (start, torch.zeros_like(start)) if kind == "lstm" else start
        h = decoder(model.embedding(IDS[row : row + 1]), start)[0][0]
        if attention != "none":
            weights = score_by_hand(model, h, memory[0])
            alignment = model.alignment(IDS, model.new_cache(SOURCE))[row, :, : LENGTHS[row]]
            torch.testing.assert_close(alignment, weights)
            h = torch.tanh(model.mix(torch.cat([weights @ memory[0], h], dim=-1)))
        torch.testing.assert_close(logits[row], model.head(h))


def test_rows_are_reversed_without_their_padding():
    rows = torch.tensor([[1, 2, 3, 0], [4, 0, 0, 0], [5, 6, 7, 8]]).unsqueeze(-1)
    reversed_rows = reverse_rows(rows, torch.tensor([3, 1, 4])).squeeze(-1)
    assert reversed_rows.tolist() == [[3, 2, 1, 0], [4, 0, 0, 0], [8, 7, 6, 5]]


def test_without_attention_the_cache_holds_one_state_whatever_the_length_of_the_source():
    model = seq2seq(11, kind="lstm", attention="none")
    short, long = model.new_cache(SOURCE[:, :1]), model.new_cache(SOURCE.clamp(max=11).repeat(1, 9))
    assert short.memory is None and long.memory is None
    assert [s.shape for s in short.state] == [s.shape for s in long.state] == [(3, 8), (3, 8)]
    with pytest.raises(ValueError, match="no attention to show"):
        model.alignment(IDS, short)


def test_a_cache_of_another_model_is_refused():
    model, other = seq2seq(11, kind="gru"), seq2seq(11, kind="lstm")
    with pytest.raises(ValueError, match=r"need \[\(3, 8\)\]"):
        model(IDS, other.new_cache(SOURCE))


@pytest.mark.parametrize(
    "options, message",
    [
        ({"kind": "rnn"}, "kind must be one of elman, gru, lstm, got 'rnn'"),
        ({"attention": "scaled"}, "attention must be one of none, additive, dot"),
        ({"d_model": 7}, "d_model must be even"),
        ({"d_model": 0}, "d_model must be even"),
        ({"source_vocab_size": 0}, "at least 1 token, got 11 and 0"),
    ],
)
def test_a_configuration_that_does_not_fit_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Seq2SeqConfig(11, 0, **options)
