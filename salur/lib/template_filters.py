"""Filters of every template: numbers, money, dates in the page's language (settings: ``TEMPLATES … builtins``)."""

from datetime import date, datetime
from decimal import Decimal

from django import template
from django.utils.translation import get_language

from salur.lib import indonesian
from salur.lib.clock import WIB

register = template.Library()


def language() -> str:
    return "en" if (get_language() or "id").startswith("en") else "id"


@register.filter
def number(value: int | Decimal | None) -> str:
    return "–" if value is None else indonesian.number(value, language())


@register.filter
def rupiah(value: int) -> str:
    return indonesian.rupiah(value, language())


@register.filter
def rupiah_short(value: int) -> str:
    return indonesian.rupiah_short(value, language())


@register.filter
def percent(value: Decimal | None) -> str:
    return indonesian.percent(value, language())


@register.filter
def quoted_percent(printed: str) -> str:
    """A published percentage: its digits stay as printed, only the sign between them follows the page's language."""
    whole, _, decimals = printed.replace(",", ".").partition(".")
    return whole + (decimals and indonesian.decimal_sign(language()) + decimals) + indonesian.percent_sign(language())


@register.filter
def day(value: date) -> str:
    return indonesian.day(value, language())


@register.filter
def short_day(value: date) -> str:
    return indonesian.short_day(value, language())


@register.filter
def moment(value: datetime, zone: str = WIB) -> str:
    return indonesian.moment(value, zone, language())


@register.filter
def hour(value: datetime, zone: str = WIB) -> str:
    return indonesian.hour(value, zone, language())


@register.filter
def months(first: date, last: date) -> str:
    return indonesian.months(first, last, language())
