"""Dates as people write them in many languages, and the one ISO date that each of them means.

    "viernes, 5 de marzo de 2021"  →  "2021-03-05"

How a language writes dates comes from the Unicode locale data (CLDR) that ``babel`` carries. Only forms
that can be read in one way are used: "5/3/21" is left out, since its writer's country decides the day.

Source:
    Unicode Technical Standard 35, part 4, section 8 (date format patterns), https://unicode.org/reports/tr35
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import torch
from babel import Locale, UnknownLocaleError
from babel.dates import format_date

from arlm_helpers.text.pairs import SPECIALS, TextPair
from arlm_helpers.text.tokenizers import CharTokenizer

LOCALES = tuple(
    "en en_GB de nl af sv da is fr es ca it ro pl cs hr sl hu fi et lv lt tr id sw vi ru uk bg el hi zh ja ko"
    .split()
)  # fmt: skip
HELD_OUT_LOCALE = "pt"
FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2099, 12, 31)


@dataclass(frozen=True)
class Form:
    """One way to write a date: a locale and a CLDR pattern such as ``EEEE, d. MMMM y``."""

    locale: str
    pattern: str

    def write(self, day: date) -> str:
        """``day`` in this form."""
        return format_date(day, self.pattern, locale=self.locale)


def has_one_reading(pattern: str) -> bool:
    """Whether a date in this CLDR pattern can be read in one way only, whatever the locale.

    The year must be whole, since 21 may be 1921. A month with a name (MMM) cannot be taken for a day; of
    numbers alone, a year in front is always followed by the month, and with points the day comes first.
    With slashes or hyphens and the year last, 5/3/2021 is March in London and May in New York.
    """
    fields = re.sub(r"'[^']*'", "", pattern)  # what is quoted stands for itself
    order = "".join(dict.fromkeys(re.findall("[GyMd]", fields)))
    if "yy" in fields or "G" in order:
        return False
    return "MMM" in fields or order == "yMd" or bool(order == "dMy" and re.search(r"d\.\s?M", fields))


def date_forms(locale: str) -> tuple[Form, ...]:
    """All forms of a locale that have one reading: CLDR's short to full ones, and its combinations of fields.

    Raises:
        ValueError: if CLDR does not know the locale.
    """
    try:
        known = Locale.parse(locale)
    except (ValueError, UnknownLocaleError) as error:
        raise ValueError(f"CLDR has no locale {locale!r}; write it as in 'de' or 'en_GB'") from error
    skeletons = [name for name in known.datetime_skeletons if re.fullmatch("yM+[Ec]*d+", name)]
    patterns = [pattern.pattern for pattern in known.date_formats.values()]
    patterns += [known.datetime_skeletons[name].pattern for name in sorted(skeletons)]
    return tuple(Form(locale, pattern) for pattern in dict.fromkeys(patterns) if has_one_reading(pattern))


@dataclass(frozen=True)
class Days:
    """The days of a calendar in three parts that share no day."""

    train: tuple[date, ...]
    validation: tuple[date, ...]
    test: tuple[date, ...]


def split_days(
    first: date = FIRST_DAY, last: date = LAST_DAY, *, held_out: float = 0.05, seed: int = 0
) -> Days:
    """All days from ``first`` to ``last``, shuffled; a share of ``held_out`` each for validation and test.

    Raises:
        ValueError: if a part would have no day.
    """
    n_days = (last - first).days + 1
    n_held_out = int(held_out * max(n_days, 0))
    if n_held_out < 1 or n_days <= 2 * n_held_out:
        raise ValueError(
            f"{n_days} days cannot be split with held_out={held_out}; give more days, or a share between "
            f"{1 / max(n_days, 3):.2g} and 0.5"
        )
    order = torch.randperm(n_days, generator=torch.Generator().manual_seed(seed)).tolist()
    days = tuple(first + timedelta(days=number) for number in order)
    return Days(days[2 * n_held_out :], days[:n_held_out], days[n_held_out : 2 * n_held_out])


def draw_pairs(
    days: Sequence[date], forms: Sequence[Form], n_pairs: int, rng: torch.Generator, *, n_dates: int = 1
) -> list[TextPair]:
    """Written dates with their ISO dates: day and form are drawn independently, all equally likely.

    A source of several dates has ``; `` between them, its target a blank.
    """
    shape = (n_pairs, n_dates)
    drawn_days = torch.randint(len(days), shape, generator=rng).tolist()
    drawn_forms = torch.randint(len(forms), shape, generator=rng).tolist()
    pairs = []
    for day_row, form_row in zip(drawn_days, drawn_forms, strict=True):
        written = [forms[form].write(days[day]) for day, form in zip(day_row, form_row, strict=True)]
        pairs.append(TextPair("; ".join(written), " ".join(days[day].isoformat() for day in day_row)))
    return pairs


def sample_days() -> Iterator[date]:
    """Days that between them have every month and every day of the week."""
    yield from (date(2021, month, 1) for month in range(1, 13))
    yield from (date(2021, 1, day) for day in range(1, 8))


def date_tokenizer(locales: Sequence[str] = (*LOCALES, HELD_OUT_LOCALE)) -> CharTokenizer:
    """A token for every character of a date in these locales or in ISO form, and PAD, START, END."""
    written = [form.write(day) for locale in locales for form in date_forms(locale) for day in sample_days()]
    return CharTokenizer.from_text("".join(["0123456789-; ", *written]), specials=SPECIALS)
