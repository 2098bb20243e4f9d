"""A memory of n-grams: vectors for the last 2, 3, 4 … tokens taken as a whole, added to the embedding."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

PRIME = 2**31 - 1
FACTOR = 1_327_217_885  # 0.618 times PRIME: neighbouring numbers land far apart


def hash_row(numbers: Int[Tensor, "batch time"], n_rows: int) -> Int[Tensor, "batch time"]:
    """A row of a table for each number below ``PRIME``; different numbers may share one.

    Source:
        Carter and Wegman (1979), Universal classes of hash functions, section 3 (class H1).
    """
    return numbers * FACTOR % PRIME % n_rows


class HashedNGrams(nn.Module):
    """The sum of a learned vector for each n-gram that ends at a position, one n-gram for each of ``sizes``.

    An n-gram is a number with n digits in base ``vocab_size`` + 1: one more, because before the first token
    stands a token of its own. Where a table has fewer rows than there are n-grams, a hash chooses the row,
    and some n-grams share theirs. Tables start at zero: a new one says nothing.

    Source:
        Hashed n-grams: Joulin et al. (2016), section 2.2, https://arxiv.org/abs/1607.01759
    """

    def __init__(self, vocab_size: int, d_model: int, sizes: Sequence[int], *, n_rows: int) -> None:
        super().__init__()
        self.vocab_size, self.sizes, self.longest = vocab_size, sizes, max(sizes)
        self.n_ngrams = {n: (vocab_size + 1) ** n for n in sizes}
        self.tables = nn.ParameterDict(
            {str(n): torch.zeros(min(self.n_ngrams[n], n_rows), d_model) for n in sizes}
        )

    def forward(self, ids: Int[Tensor, "batch time"]) -> Float[Tensor, "batch time d_model"]:
        """What is remembered of the n-grams that end at each position of ``ids``, a text from its start."""
        padded = functional.pad(ids, (self.longest - 1, 0), value=self.vocab_size)
        number, vectors = torch.zeros_like(ids, dtype=torch.long), []
        for n in range(1, self.longest + 1):
            nth_last = padded[:, self.longest - n : padded.shape[1] - n + 1]
            number = (number * (self.vocab_size + 1) + nth_last) % PRIME
            if n in self.sizes:
                table = self.tables[str(n)]
                rows = number if len(table) == self.n_ngrams[n] else hash_row(number, len(table))
                vectors.append(functional.embedding(rows, table))
        return torch.stack(vectors).sum(dim=0)
