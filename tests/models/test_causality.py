"""The test of causality finds models that see the future, and only those."""

import pytest
import torch

from arlm_helpers.models.causality import assert_causal
from arlm_helpers.models.gpt_config import GPTConfig
from arlm_helpers.models.transformer import GPT
from tests.zoo import MODELS, TINY


@pytest.mark.parametrize("name", MODELS)
def test_every_model_is_causal(name):
    assert_causal(MODELS[name](11))


class SeesTheNextToken(torch.nn.Module):
    """One-hot logits of the token that comes next: the cheat that a wrong mask allows."""

    vocab_size = 5

    def forward(self, ids):
        return torch.eye(5)[ids.roll(-1, dims=1)]


def test_a_model_that_sees_the_next_token_is_found_and_told_where():
    with pytest.raises(
        AssertionError, match="id at position 1 changed the logits at position 0: the model sees"
    ):
        assert_causal(SeesTheNextToken())


def test_a_gpt_without_its_mask_is_found(monkeypatch):
    model = MODELS["gpt"](11)
    attend = model.blocks[1].attention.attend
    monkeypatch.setattr(attend, "forward", lambda q, k, v, mask: type(attend).forward(attend, q, k, v, None))
    with pytest.raises(AssertionError, match="sees the future"):
        assert_causal(model)


def test_a_model_that_is_still_training_with_dropout_cannot_be_judged():
    model = GPT(GPTConfig(vocab_size=11, **TINY, dropout=0.5))
    with pytest.raises(ValueError, match=r"call model\.eval\(\) first"):
        assert_causal(model)
    assert_causal(model.eval())
