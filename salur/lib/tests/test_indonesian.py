"""Numbers, money, dates and words as an Indonesian reader expects them."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from babel.numbers import format_decimal
from hypothesis import given
from hypothesis import strategies as st

from salur.lib import indonesian
from salur.lib.clock import WIT, WITA

MOMENT = datetime(2022, 3, 26, 7, 5, tzinfo=UTC)


def spaced(text: str) -> str:
    return text.replace("\u00a0", " ")


def test_numbers_and_money():
    assert indonesian.number(1_234_567) == "1.234.567"
    assert indonesian.number(1_234_567, "en") == "1,234,567"
    assert indonesian.number(-1_000) == "−1.000"
    assert indonesian.rupiah(600_000) == "Rp600.000"
    assert indonesian.rupiah(-600_000) == "−Rp600.000"
    assert indonesian.rupiah(600_000, "en") == "Rp600,000"


def test_large_money_in_headlines():
    assert spaced(indonesian.rupiah_short(60_903_600_000)) == "Rp60,90 miliar"
    assert spaced(indonesian.rupiah_short(11_280_000_000_000)) == "Rp11,28 triliun"
    assert spaced(indonesian.rupiah_short(11_280_000_000_000, "en")) == "Rp11.28 trillion"
    assert spaced(indonesian.rupiah_short(1_235_000)) == "Rp1,24 juta"
    assert indonesian.rupiah_short(999_999) == "Rp999.999"


def test_percentages():
    assert spaced(indonesian.percent(Decimal("99.38"))) == "99,38 %"
    assert spaced(indonesian.percent(Decimal("100.00"))) == "100,00 %"
    assert indonesian.percent(Decimal("99.38"), "en") == "99.38%"
    assert indonesian.percent(None) == "–"


def test_days_and_moments():
    assert indonesian.day(date(2022, 3, 26)) == "26 Maret 2022"
    assert indonesian.day(date(2022, 3, 26), "en") == "26 March 2022"
    assert spaced(indonesian.moment(MOMENT)) == "26 Maret 2022 14.05 WIB"
    assert spaced(indonesian.moment(MOMENT, WITA)) == "26 Maret 2022 15.05 WITA"
    assert spaced(indonesian.moment(MOMENT, WIT, "en")) == "26 March 2022 16:05 WIT"
    assert spaced(indonesian.moment(datetime(2022, 3, 26, 18, 0, tzinfo=UTC))) == "27 Maret 2022 01.00 WIB"


def test_periods():
    assert indonesian.months(date(2022, 1, 1), date(2022, 3, 1)) == "Januari–Maret 2022"
    assert indonesian.months(date(2021, 12, 1), date(2022, 2, 1)) == "Desember 2021–Februari 2022"
    assert indonesian.months(date(2022, 5, 1), date(2022, 5, 1), "en") == "May 2022"


@given(st.integers(min_value=-(10**18), max_value=10**18))
def test_grouping_agrees_with_cldr(value: int):
    for language, locale in (("id", "id_ID"), ("en", "en_GB")):
        assert indonesian.number(value, language).replace("−", "-") == format_decimal(value, locale=locale)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "nol"),
        (10, "sepuluh"),
        (11, "sebelas"),
        (19, "sembilan belas"),
        (20, "dua puluh"),
        (100, "seratus"),
        (111, "seratus sebelas"),
        (1_000, "seribu"),
        (1_100, "seribu seratus"),
        (2_000, "dua ribu"),
        (11_000, "sebelas ribu"),
        (100_000, "seratus ribu"),
        (600_000, "enam ratus ribu"),
        (1_000_000, "satu juta"),
        (1_001_000, "satu juta seribu"),
        (3_900_000, "tiga juta sembilan ratus ribu"),
        (67_254_600_000, "enam puluh tujuh miliar dua ratus lima puluh empat juta enam ratus ribu"),
        (-5, "minus lima"),
    ],
)
def test_amounts_in_words(value: int, words: str):
    assert indonesian.terbilang(value) == words


UNITS = {
    word: value
    for value, word in enumerate(
        ("nol", "satu", "dua", "tiga", "empat", "lima", "enam", "tujuh", "delapan", "sembilan")
    )
}
SIZES = {"ribu": 10**3, "juta": 10**6, "miliar": 10**9, "triliun": 10**12, "kuadriliun": 10**15}


def read(words: str) -> int:
    """The way back, written from the grammar and not from the code: se- is one, belas adds ten, puluh and ratus multiply."""
    total = group = digit = 0
    for word in words.split():
        if word in UNITS:
            digit = UNITS[word]
        elif word in ("sepuluh", "sebelas"):
            group += 10 if word == "sepuluh" else 11
        elif word == "belas":
            group, digit = group + 10 + digit, 0
        elif word == "puluh":
            group, digit = group + 10 * digit, 0
        elif word in ("seratus", "ratus"):
            group, digit = group + 100 * (digit or 1), 0
        elif word == "seribu":
            assert group == digit == 0
            total += 1000
        else:
            total, group, digit = total + (group + digit) * SIZES[word], 0, 0
    return total + group + digit


@given(st.integers(min_value=0, max_value=10**18 - 1))
def test_words_say_the_amount(value: int):
    words = indonesian.terbilang(value)
    assert read(words) == value
    assert "satu ratus" not in words
    assert "satu puluh" not in words
    assert "nol" not in words or value == 0
    assert words == " ".join(words.split())


def test_too_large_an_amount_is_refused():
    with pytest.raises(ValueError, match="too large"):
        indonesian.terbilang(10**18)
