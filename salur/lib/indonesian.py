"""How numbers, money, dates and moments are written: ``1.234.567``, ``Rp600.000``, ``99,38 %``, ``26 Maret 2022``, ``14.05 WIB``.

The one place for it, for screens, letters and reports. Separators, names of months and patterns come from CLDR (Babel); ``language`` is
``id`` or ``en`` (British usage, the money stays rupiah). Money without a space after Rp: PUEBI, III.C. ``terbilang`` writes an amount in
words, as receipts need it beside the figures.
"""

from datetime import date, datetime
from decimal import Decimal
from functools import cache
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_time

from salur.lib.clock import WIB, WIT, WITA

NO_BREAK = "\u00a0"
MINUS = "−"
ZONE_NAMES = {WIB: "WIB", WITA: "WITA", WIT: "WIT"}


@cache
def _locale(language: str) -> Locale:
    return Locale.parse("id_ID" if language == "id" else "en_GB")


@cache
def _separators(language: str) -> tuple[str, str]:
    """The sign between groups of three digits, and the sign before decimals."""
    signs = _locale(language).number_symbols["latn"]
    return signs["group"], signs["decimal"]


def number(value: int | Decimal, language: str = "id") -> str:
    """``1234567`` → ``1.234.567``; a Decimal keeps the decimals it has, ``Decimal("99.50")`` → ``99,50``.

    Digits are grouped here, not by Babel: a board of thousands of rows writes tens of thousands of numbers.
    """
    group, decimal = _separators(language)
    whole, _, decimals = f"{abs(value):,}".partition(".")
    sign = MINUS if value < 0 else ""
    return sign + whole.replace(",", group) + (decimal + decimals if decimals else "")


def rupiah(value: int, language: str = "id") -> str:
    """``600000`` → ``Rp600.000``; what is owed back is ``−Rp600.000``."""
    return f"{MINUS if value < 0 else ''}Rp{number(abs(value), language)}"


def rupiah_short(value: int, language: str = "id") -> str:
    """Rounded half-up for headlines: ``Rp60,95 miliar``, ``Rp11,28 triliun``; below a million exact."""
    for size, (indonesian, english) in _SIZES:
        if abs(value) >= size:
            hundredths = (abs(value) * 100 + size // 2) // size
            shown = number(Decimal(hundredths).scaleb(-2), language)
            return f"{MINUS if value < 0 else ''}Rp{shown}{NO_BREAK}{indonesian if language == 'id' else english}"
    return rupiah(value, language)


_SIZES = (
    (10**12, ("triliun", "trillion")),
    (10**9, ("miliar", "billion")),
    (10**6, ("juta", "million")),
)


def decimal_sign(language: str = "id") -> str:
    return _separators(language)[1]


def percent_sign(language: str = "id") -> str:
    return f"{NO_BREAK}%" if language == "id" else "%"


def percent(value: Decimal | None, language: str = "id") -> str:
    """A percentage that ``salur.lib.percent`` computed: ``99,38 %`` (English ``99.38%``); ``–`` when there is no whole."""
    if value is None:
        return "–"
    return number(value, language) + percent_sign(language)


def day(value: date, language: str = "id") -> str:
    """``26 Maret 2022``."""
    return str(format_date(value, "d MMMM y", locale=_locale(language)))


def short_day(value: date, language: str = "id") -> str:
    """``26 Mar``, for the axis of a chart."""
    return str(format_date(value, "d MMM", locale=_locale(language)))


def months(first: date, last: date, language: str = "id") -> str:
    """The months of a period: ``Januari–Maret 2022``, ``Desember 2021–Februari 2022``, ``Mei 2022``."""

    def shown(value: date, pattern: str) -> str:
        return str(format_date(value, pattern, locale=_locale(language)))

    if (first.year, first.month) == (last.year, last.month):
        return shown(first, "LLLL y")
    return f"{shown(first, 'LLLL' if first.year == last.year else 'LLLL y')}–{shown(last, 'LLLL y')}"


def hour(value: datetime, zone: str = WIB, language: str = "id") -> str:
    """The time of day with its zone: ``14.05 WIB`` (English ``14:05 WIB``)."""
    pattern = "HH.mm" if language == "id" else "HH:mm"
    local = value.astimezone(ZoneInfo(zone))
    return f"{format_time(local, pattern, locale=_locale(language))}{NO_BREAK}{ZONE_NAMES.get(zone, local.tzname())}"


def moment(value: datetime, zone: str = WIB, language: str = "id") -> str:
    """``26 Maret 2022 14.05 WIB``; ``value`` must know its zone."""
    assert value.tzinfo is not None, "a moment without a zone"
    return f"{day(value.astimezone(ZoneInfo(zone)).date(), language)} {hour(value, zone, language)}"


_UNITS = ("nol", "satu", "dua", "tiga", "empat", "lima", "enam", "tujuh", "delapan", "sembilan")
_THOUSANDS = (
    (10**15, "kuadriliun"),
    (10**12, "triliun"),
    (10**9, "miliar"),
    (10**6, "juta"),
)


def terbilang(value: int) -> str:
    """An amount in words: ``600000`` → ``enam ratus ribu``; ``1000`` → ``seribu``, ``11`` → ``sebelas``. Up to 10^18 − 1."""
    if abs(value) >= 10**18:
        raise ValueError(f"{value} is too large to be written in words")
    if value < 0:
        return f"minus {terbilang(-value)}"
    return " ".join(_words(value)) or _UNITS[0]


def _words(value: int) -> list[str]:
    for size, name in _THOUSANDS:
        if value >= size:
            return [*_words(value // size), name, *_words(value % size)]
    if value >= 2000:
        return [*_words(value // 1000), "ribu", *_words(value % 1000)]
    if value >= 1000:
        return ["seribu", *_words(value % 1000)]
    if value >= 200:
        return [_UNITS[value // 100], "ratus", *_words(value % 100)]
    if value >= 100:
        return ["seratus", *_words(value % 100)]
    if value >= 20:
        return [_UNITS[value // 10], "puluh", *_words(value % 10)]
    if value >= 12:
        return [_UNITS[value - 10], "belas"]
    if value >= 10:
        return ["sepuluh" if value == 10 else "sebelas"]
    return [_UNITS[value]] if value else []
