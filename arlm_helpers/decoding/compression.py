"""Arithmetic coding: any model that predicts the next token is a lossless compressor.

The whole text becomes one long number. We begin with the interval of all numbers; each token narrows
it to the share that its probability gives it; at the end any number inside will do, and the one with
the fewest digits is the file. A token of probability p costs -log2 p bits: the file is as long as the
model's cross-entropy.

Source:
    Rissanen (1976); whole-number form with carry: Martin, "Range encoding" (1979).
"""

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from tqdm import tqdm

SHARES = 1 << 32  # probabilities become whole numbers that sum to this
BITS = 64  # of the interval, the part that can still change is kept in this many bits
WHOLE = 1 << BITS


def share_edges(logits: Float[Tensor, " vocab"]) -> np.ndarray:
    """Lay the tokens side by side on 0 … SHARES, each as wide as its probability: the edges between.

    Whole numbers, so that encoder and decoder agree to the last bit; at least 1 wide, so that any token
    can be written, at 32 bits if the model excluded it.
    """
    probs = logits.double().softmax(dim=-1).numpy()
    if not np.isfinite(probs).all():
        raise ValueError("the model's logits are NaN or all -inf, so they share out nothing")
    widths = 1 + np.floor(probs * (SHARES - 2 * len(probs))).astype(np.int64)
    widths[widths.argmax()] += SHARES - widths.sum()  # what rounding left over
    return np.concatenate([[0], widths.cumsum()])


class Predictor:
    """Both sides' view of the model: edges for the next token, one token read at a time.

    Encoder and decoder make exactly the same calls, so that even rounding is the same. Before the first
    token all are equally likely.
    """

    def __init__(self, model) -> None:
        self.model, self.cache, self.context = model, model.new_cache(), []
        self.edges = share_edges(torch.zeros(model.vocab_size))

    def read(self, token: int) -> None:
        """Let the model read ``token`` and predict the next."""
        unread, limit = [token], getattr(self.model, "context_length", None)
        if len(self.context) == limit:  # full: go on from the latest half of it, as ``generate`` does
            unread = [*self.context, token][-max(limit // 2, 1) :]
            self.context, self.cache = [], self.model.new_cache()
        self.context += unread
        with torch.inference_mode():
            self.edges = share_edges(self.model(torch.tensor([unread]), self.cache)[0, -1])


def add_carry(written: bytearray) -> None:
    """Add one to the number that the written bytes spell, as on paper: 0 1 9 9 becomes 0 2 0 0."""
    place = len(written) - 1
    while written[place] == 255:
        written[place] = 0
        place -= 1
    written[place] += 1


def shortest_tail(written: bytearray, low: int, width: int) -> bytes:
    """``written`` and the fewest bytes that name a number in [low, low + width)."""
    n_bytes, number = 0, 0
    while not low <= number < low + width:
        n_bytes += 1
        unit = 1 << (BITS - 8 * n_bytes)
        number = (low + width - 1) // unit * unit
    if number >= WHOLE:
        add_carry(written)
    return bytes(written) + (number % WHOLE).to_bytes(BITS // 8)[:n_bytes]


def compress(model, ids: Int[Tensor, " time"], *, progress: bool = False) -> bytes:
    """Write ``ids`` in as many bytes as ``model`` is surprised by them: 4 for the length, then the number."""
    written, low, width = bytearray(), 0, WHOLE
    predictor = Predictor(model)
    for token in tqdm(ids.tolist(), desc="compress", disable=not progress):
        begin, end = predictor.edges[token : token + 2].tolist()
        share = width // SHARES
        low, width = low + share * begin, share * (end - begin)
        if low >= WHOLE:
            add_carry(written)
            low -= WHOLE
        while width < WHOLE >> 8:  # the first byte of the interval is settled, but for a carry
            written.append(low >> (BITS - 8))
            low, width = low << 8 & WHOLE - 1, width << 8
        predictor.read(token)
    return len(ids).to_bytes(4) + shortest_tail(written, low, width)


def decompress(model, data: bytes, *, progress: bool = False) -> Int[Tensor, " time"]:
    """Read back the ids that ``compress`` wrote with the same model on the same machine.

    Raises:
        ValueError: if ``data`` is too short to hold a length.
    """
    if len(data) < 4:
        raise ValueError(f"compressed data begin with a length of 4 bytes, got {len(data)} bytes in all")
    digits = iter(data[4:])
    ids, offset, width = [], 0, WHOLE  # offset: how far the file's number lies above the interval's low end
    for _ in range(BITS // 8):
        offset = offset << 8 | next(digits, 0)
    predictor = Predictor(model)
    for _ in tqdm(range(int.from_bytes(data[:4])), desc="decompress", disable=not progress):
        share = width // SHARES
        token = int(predictor.edges.searchsorted(min(offset // share, SHARES - 1), side="right")) - 1
        begin, end = predictor.edges[token : token + 2].tolist()
        offset, width = offset - share * begin, share * (end - begin)
        while width < WHOLE >> 8:
            offset, width = offset << 8 | next(digits, 0), width << 8
        ids.append(token)
        predictor.read(token)
    return torch.tensor(ids, dtype=torch.long)
