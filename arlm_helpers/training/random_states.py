"""The states of all global random number generators, as JSON and back, to the bit."""

import base64
import random

import numpy as np
import torch
from torch import Tensor


def as_text(state: Tensor) -> str:
    """The bytes of a generator's state as base64."""
    return base64.b64encode(state.cpu().numpy().tobytes()).decode()


def as_bytes(text: str) -> Tensor:
    """The state that ``as_text`` wrote."""
    return torch.frombuffer(bytearray(base64.b64decode(text)), dtype=torch.uint8)


def random_states() -> dict:
    """The states of torch (and of each CUDA device in use), numpy and Python, ready for JSON."""
    name, keys, position, has_gauss, gauss = np.random.get_state()
    version, words, next_gauss = random.getstate()
    return {
        "torch": as_text(torch.get_rng_state()),
        "cuda": [as_text(state) for state in torch.cuda.get_rng_state_all()] if in_use() else [],
        "numpy": [name, keys.tolist(), position, has_gauss, gauss],
        "python": [version, list(words), next_gauss],
    }


def set_random_states(states: dict) -> None:
    """Put all global generators where ``random_states`` found them.

    States of CUDA devices that this machine lacks are passed over.
    """
    torch.set_rng_state(as_bytes(states["torch"]))
    if torch.cuda.is_available():
        for device, state in enumerate(states["cuda"][: torch.cuda.device_count()]):
            torch.cuda.set_rng_state(as_bytes(state), device)
    np.random.set_state(tuple(states["numpy"]))
    version, words, next_gauss = states["python"]
    random.setstate((version, tuple(words), next_gauss))


def in_use() -> bool:
    """Whether this process has used CUDA; asking its generators would start it up."""
    return torch.cuda.is_available() and torch.cuda.is_initialized()
