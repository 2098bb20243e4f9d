"""Written dates: the right day, one reading only, and parts that share no day."""

from collections import Counter
from datetime import date

import pytest
import torch
from babel import Locale

from arlm_helpers.text.dates import (
    HELD_OUT_LOCALE,
    LOCALES,
    Form,
    date_forms,
    date_tokenizer,
    draw_pairs,
    has_one_reading,
    split_days,
)

ALL_FORMS = [form for locale in (*LOCALES, HELD_OUT_LOCALE) for form in date_forms(locale)]


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(
    "form, written",
    [
        (Form("en", "EEEE, MMMM d, y"), "Friday, March 5, 2021"),
        (Form("es", "EEEE, d 'de' MMMM 'de' y"), "viernes, 5 de marzo de 2021"),
        (Form("lt", "y 'm'. MMMM d 'd'."), "2021 m. kovo 5 d."),
        (Form("ru", "d MMMM y\u202f'г'."), "5 марта 2021\u202fг."),
        (Form("zh", "y年M月d日EEEE"), "2021年3月5日星期五"),
    ],
)
def test_the_same_day_in_several_languages(form, written):
    assert form.write(date(2021, 3, 5)) == written
    assert form in date_forms(form.locale)


@pytest.mark.parametrize(
    "pattern, clear",
    [
        ("d/M/y", False),  # 5/3/2021: March or May
        ("dd-MM-y", False),
        ("dd.MM.yy", False),  # of which century?
        ("d MMMM G y", False),  # of an era that need not be ours
        ("dd.MM.y", True),
        ("d. M. y", True),
        ("y/M/d", True),
        ("y-MM-dd, E", True),
        ("MMM d, y", True),
        ("EEEE, d 'de' MMMM 'de' y", True),
    ],
)
def test_a_form_is_used_if_it_can_be_read_in_one_way(pattern, clear):
    assert has_one_reading(pattern) == clear


def test_no_written_date_means_two_days_in_any_form_that_gives_the_whole_year():
    """Also among the forms that are not used; days up to the twelfth are those a month can be taken for."""
    forms = {*ALL_FORMS}
    for locale in LOCALES:
        known = Locale.parse(locale)
        patterns = [*known.date_formats.values(), *known.datetime_skeletons.values()]
        whole = [p.pattern for p in patterns if {"y", "d"} <= {*p.pattern} and "M" in p.pattern]
        forms |= {Form(locale, pattern) for pattern in whole if not {*"GhHkKmQw"} & {*pattern}}
    days = [date(2024, month, day) for month in range(1, 13) for day in range(1, 13)]
    readings = {}
    for form in forms:
        for day in days:
            readings.setdefault(form.write(day), set()).add(day)
    used = [form.write(day) for form in ALL_FORMS for day in days]
    assert [written for written in used if len(readings[written]) > 1] == []
    assert any(len(days) > 1 for days in readings.values())  # 5/3/2024, for one


def test_every_day_is_in_exactly_one_part():
    days = split_days()
    parts = [*days.train, *days.validation, *days.test]
    n_days = (date(2099, 12, 31) - date(1900, 1, 1)).days + 1
    assert len(parts) == len({*parts}) == n_days == 73_049
    assert (min(parts), max(parts)) == (date(1900, 1, 1), date(2099, 12, 31))
    assert len(days.validation) == len(days.test) == int(0.05 * n_days)


def test_the_seed_decides_the_split_and_the_draws():
    assert split_days(seed=1) == split_days(seed=1) != split_days(seed=2)
    draws = [draw_pairs(split_days().test, ALL_FORMS, 50, rng(seed)) for seed in (3, 3, 4)]
    assert draws[0] == draws[1] != draws[2]


def test_a_source_is_its_target_in_one_of_the_forms():
    days = split_days().validation
    for pair in draw_pairs(days, ALL_FORMS, 60, rng()):
        day = date.fromisoformat(pair.target)
        assert day in days
        assert pair.source in {form.write(day) for form in ALL_FORMS}


def test_days_and_forms_are_drawn_equally_often():
    """Both bounds are six standard deviations wide: passed by chance once in 100 million."""
    days = [date(2021, 1, day) for day in range(1, 6)]
    pairs = draw_pairs(days, [Form("en", "y"), Form("en", "MMM d, y")], 5_000, rng())
    n_forms = Counter(len(pair.source) > 4 for pair in pairs)
    n_days = Counter(pair.target for pair in pairs)
    assert all(abs(n - 2_500) < 6 * 36 for n in n_forms.values())
    assert len(n_days) == 5 and all(abs(n - 1_000) < 6 * 29 for n in n_days.values())


def test_a_source_may_hold_several_dates():
    [pair] = draw_pairs([date(2021, 3, 5)], [Form("de", "d. MMMM y")], 1, rng(), n_dates=3)
    assert pair.source == "5. März 2021; 5. März 2021; 5. März 2021"
    assert pair.target == "2021-03-05 2021-03-05 2021-03-05"


def test_every_character_of_every_form_has_a_token():
    tokenizer = date_tokenizer()
    for pair in draw_pairs(split_days().train, ALL_FORMS, 1_500, rng(), n_dates=2):
        assert tokenizer.decode(tokenizer.encode(pair.source)) == pair.source
        tokenizer.encode(pair.target)
    assert tokenizer.specials == ("<pad>", "<start>", "<end>")


def test_the_held_out_locale_is_not_among_the_others():
    assert HELD_OUT_LOCALE not in LOCALES
    used = {form.pattern for form in ALL_FORMS if form.locale != HELD_OUT_LOCALE}
    assert used & {form.pattern for form in date_forms("es")}


@pytest.mark.parametrize("locale", ["xx", "de-DE", ""])
def test_an_unknown_locale_is_named(locale):
    with pytest.raises(ValueError, match=f"CLDR has no locale '{locale}'"):
        date_forms(locale)


@pytest.mark.parametrize("options", [{"held_out": 0.0}, {"held_out": 0.6}, {"last": date(1899, 1, 1)}])
def test_a_part_without_days_is_refused(options):
    with pytest.raises(ValueError, match="cannot be split with held_out"):
        split_days(**options)
