"""The chat model for tests: read once per process, and a reason to skip where it was not fetched."""

from functools import cache

import pytest

from arlm_helpers.models.pretrained import load_smollm2
from arlm_helpers.text.catalogue import find_dataset
from arlm_helpers.text.fetch import is_stored

needs_smollm2 = pytest.mark.skipif(
    not is_stored(find_dataset("smollm2")),
    reason="the chat model is not here: `python -m arlm_helpers.text.data fetch smollm2` fetches it",
)
smollm2 = cache(load_smollm2)
