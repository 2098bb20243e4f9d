"""Smoothing: how a counting model shares probability with what it has not seen.

Every method here says the same sentence with other numbers: a context keeps a ``gain`` for each token
that followed it, and hands the ``rest`` of its probability to the next shorter context:

    P(token | context) = gain(context, token) + rest(context) · P(token | shorter context)
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from arlm_helpers.models.counts import CountTable, continuation_counts


@dataclass(frozen=True)
class Level:
    """One length of context, smoothed: a gain per entry of the table, and the rest per context."""

    table: CountTable
    gain: Float[Tensor, " entries"]
    rest: Float[Tensor, " contexts"]


def discounted(table: CountTable, discounts: Float[Tensor, " entries"]) -> Level:
    """Take ``discounts`` off the counts; what was taken is the context's rest.

    Both are divided by the total of the context, so gains and rest sum to one for every context. A
    context without entries hands on everything.
    """
    context = table.context_of_entry()
    per_context = torch.zeros(table.n_contexts, dtype=torch.float64)
    total = per_context.index_add(0, context, table.counts.double()).clamp(min=1)
    taken = per_context.index_add(0, context, discounts)
    rest = torch.where(table.starts.diff() > 0, taken / total, 1.0)
    return Level(table, (table.counts - discounts) / total[context], rest)


@dataclass(frozen=True)
class AddK:
    """Pretend that every token followed every context ``k`` more times than it did.

    (count + k) / (total + k · vocab_size) is the same as keeping count / (total + k · vocab_size) and
    handing the rest to the uniform distribution, so add-k uses one length of context and no shorter one.

    Raises:
        ValueError: if ``k`` is not positive.
    Source:
        Jurafsky & Martin, Speech and Language Processing (3rd ed. draft), section 3.6.
    """

    k: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.k < float("inf"):
            raise ValueError(f"k must be positive, got {self.k}; a small k such as 0.01 trusts the counts")

    def levels(self, tables: list[CountTable], vocab_size: int) -> list[Level]:
        """The only level: the longest contexts, above the uniform distribution."""
        table = tables[-1]
        context = table.context_of_entry()
        total = torch.zeros(table.n_contexts, dtype=torch.float64).index_add(
            0, context, table.counts.double()
        )
        denominator = total + self.k * vocab_size
        return [Level(table, table.counts / denominator[context], self.k * vocab_size / denominator)]


@dataclass(frozen=True)
class KneserNey:
    """Interpolated Kneser-Ney: take one ``discount`` off every count, back off to continuation counts.

    Raises:
        ValueError: if ``discount`` is not in (0, 1).
    Source:
        Kneser & Ney (1995); interpolated form: Chen & Goodman (1998), section 3.2, equation 26.
    """

    discount: float = 0.75

    def __post_init__(self) -> None:
        if not 0 < self.discount < 1:
            raise ValueError(f"discount must be between 0 and 1, got {self.discount}; 0.75 is usual")

    def levels(self, tables: list[CountTable], vocab_size: int) -> list[Level]:
        """One level per length of context, shortest first."""
        return [
            discounted(table, torch.full((len(table.tokens),), self.discount, dtype=torch.float64))
            for table in with_continuation_counts(tables, vocab_size)
        ]


@dataclass(frozen=True)
class ModifiedKneserNey:
    """Kneser-Ney with three discounts per length, estimated from how many n-grams were seen 1 to 4 times.

    Where a text is too small to estimate a discount (no n-gram seen that often), 0.75 is used.

    Source:
        Chen & Goodman (1998), section 3.4, equation 29.
    """

    def levels(self, tables: list[CountTable], vocab_size: int) -> list[Level]:
        """One level per length of context, shortest first."""
        smoothed = []
        for table in with_continuation_counts(tables, vocab_size):
            discounts = estimate_discounts(table.counts)
            smoothed.append(discounted(table, discounts[table.counts.clamp(max=3) - 1]))
        return smoothed


def with_continuation_counts(tables: list[CountTable], vocab_size: int) -> list[CountTable]:
    """The tables with continuation counts in place of counts, all but the longest."""
    pairs = zip(tables[1:], tables, strict=False)
    return [continuation_counts(longer, shorter, vocab_size) for longer, shorter in pairs] + tables[-1:]


def estimate_discounts(counts: Int[Tensor, " entries"]) -> Float[Tensor, " three"]:
    """What n-grams seen once, twice, and three times or more will lose: their count minus the expected one.

    With n_c the number of n-grams seen c times and Y = n_1 / (n_1 + 2 n_2), the discount for a count
    of c is c - (c + 1) · Y · n_{c+1} / n_c.
    """
    n = torch.bincount(counts.clamp(max=5), minlength=6).tolist()
    discounts = torch.full((3,), 0.75, dtype=torch.float64)
    for c in (1, 2, 3):
        if n[1] and n[2] and n[c] and n[c + 1]:
            estimate = c - (c + 1) * n[1] / (n[1] + 2 * n[2]) * n[c + 1] / n[c]
            if 0 < estimate < c:
                discounts[c - 1] = estimate
    return discounts
