"""Lines written from codes, and the ways between two codes."""

import math

import pytest
import torch

from arlm_helpers.decoding.latent import path_between, path_on_sphere, write_codes
from arlm_helpers.decoding.logits import Temperature
from arlm_helpers.decoding.translation import translate
from arlm_helpers.models.text_autoencoder import TextAutoencoder, TextAutoencoderConfig
from arlm_helpers.text.pairs import PAD, SPECIALS, encode_sources, special_id
from arlm_helpers.text.tokenizers import CharTokenizer
from tests.conditional import with_random_weights

TOKENIZER = CharTokenizer.from_text("abcdefg", specials=SPECIALS)


@pytest.fixture(scope="module")
def model():
    config = TextAutoencoderConfig(
        TOKENIZER.vocab_size, special_id(TOKENIZER, PAD), d_model=8, d_latent=3, context_length=12
    )
    return with_random_weights(TextAutoencoder(config))


def some_codes(n=6):
    return torch.randn(n, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_from_its_code_a_line_is_written_as_from_the_line_itself(model):
    lines = ["abc", "g", "fedcba"]
    codes = model.latent(encode_sources(lines, TOKENIZER))
    assert write_codes(model, codes, TOKENIZER) == translate(model, lines, TOKENIZER, max_tokens=11)


def test_what_is_written_depends_on_the_code_and_on_no_other_row(model):
    together = write_codes(model, some_codes(), TOKENIZER)
    assert together == [write_codes(model, code.unsqueeze(0), TOKENIZER)[0] for code in some_codes()]
    assert len(set(together)) > 1 and max(map(len, together)) <= 11


def test_luck_is_repeated_by_its_seed_and_sampling_at_low_temperature_is_greedy(model):
    def drawn(seed, *processors):
        rng = torch.Generator().manual_seed(seed)
        return write_codes(model, some_codes(), TOKENIZER, processors=processors, rng=rng)

    assert drawn(1) == drawn(1) != drawn(2)
    assert drawn(1, Temperature(1e-6)) == write_codes(model, some_codes(), TOKENIZER)


def test_a_straight_path_has_equal_steps():
    path = path_between(torch.tensor([0.0, 4.0]), torch.tensor([2.0, 0.0]), 5)
    assert path.tolist() == [[0, 4], [0.5, 3], [1, 2], [1.5, 1], [2, 0]]


def test_on_a_sphere_a_quarter_of_a_circle_is_walked_in_equal_turns():
    path = path_on_sphere(torch.tensor([2.0, 0.0]), torch.tensor([0.0, 4.0]), 4)
    turns, lengths = torch.atan2(path[:, 1], path[:, 0]), path.norm(dim=1)
    assert turns.tolist() == pytest.approx([0, math.pi / 6, math.pi / 3, math.pi / 2], abs=1e-6)
    assert lengths.tolist() == pytest.approx([2, 2 + 2 / 3, 2 + 4 / 3, 4])


@pytest.mark.parametrize("last", [[3.0, 0.0], [-1.0, 0.0], [0.0, 0.0]])
def test_where_there_is_no_plane_to_turn_in_the_path_is_straight(last):
    first, last = torch.tensor([1.0, 0.0]), torch.tensor(last)
    assert path_on_sphere(first, last, 3).equal(path_between(first, last, 3))


@pytest.mark.parametrize("path", [path_between, path_on_sphere])
def test_a_path_reversed_is_the_path_from_the_other_end(path):
    first, last = some_codes(2)
    torch.testing.assert_close(path(first, last, 5).flip(0), path(last, first, 5))
    torch.testing.assert_close(path(first, last, 5)[[0, -1]], torch.stack([first, last]))


@pytest.mark.parametrize("path", [path_between, path_on_sphere])
def test_a_path_of_one_code_is_refused(path):
    with pytest.raises(ValueError, match="n_codes must be at least 2, got 1"):
        path(*some_codes(2), 1)


def test_codes_of_another_size_are_refused(model):
    with pytest.raises(ValueError, match="has 3 numbers, got 4"):
        write_codes(model, torch.zeros(1, 4, dtype=torch.float64), TOKENIZER)
