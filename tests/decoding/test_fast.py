"""The fast loop writes what ``generate`` writes."""

import numpy as np
import pytest
import torch

from arlm_helpers.decoding.fast import generate_ids, token_hit
from arlm_helpers.decoding.logits import Temperature
from arlm_helpers.decoding.sampling import generate, sample
from arlm_helpers.models.numpy_gpt import NumpyGPT
from tests.zoo import MODELS


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("name", ["gpt", "compact"])
@pytest.mark.parametrize("prompt", [[3], [1, 2, 3, 4], [5] * 30])
@pytest.mark.parametrize("temperature", [1.0, 0.7, None])
def test_the_text_is_that_of_generate_also_past_the_context_length(name, prompt, temperature):
    model = MODELS[name](11)
    slow, rng = {"rng": seeded(), "processors": [Temperature(temperature or 1.0)]}, {"rng": seeded()}
    if temperature is None:
        slow, rng = {}, {}
    expected = [step.ids.item() for step in generate(model, torch.tensor([prompt]), max_tokens=40, **slow)]
    fast = NumpyGPT(model)
    assert list(generate_ids(fast, prompt, max_tokens=40, temperature=temperature or 1.0, **rng)) == expected


def test_darts_hit_what_sample_hits_also_with_equal_and_excluded_tokens():
    rng = seeded()
    for _ in range(300):
        logits = torch.randint(4, (7,), generator=rng).float()
        logits[torch.rand(7, generator=rng) < 0.3] = -torch.inf
        logits[3] = 0.0
        dart = torch.rand(1, generator=rng, dtype=torch.float64)
        assert token_hit(logits.numpy(), 1.0, dart.item()) == sample(logits[None], dart).item()
    assert token_hit(np.array([0.0, 1.0, -np.inf]), 1.0, 1 - 2**-53) == 0


@pytest.mark.parametrize(
    "prompt, options, message",
    [
        ([], {}, "prompt is empty"),
        ([11], {}, r"ids must lie in 0 … 10, got 11"),
        ([1], {"max_tokens": -1}, "max_tokens must be at least 0, got -1"),
        ([1], {"temperature": 0}, "temperature must be positive, got 0"),
    ],
)
def test_what_generate_refuses_is_refused(prompt, options, message):
    model = NumpyGPT(MODELS["gpt"](11))
    with pytest.raises(ValueError, match=message):
        list(generate_ids(model, prompt, **({"max_tokens": 3} | options)))
