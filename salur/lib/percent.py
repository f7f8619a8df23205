"""Percentages: computed, never stored, by one declared rule.

The rule is half-up to two decimals, and 100.00 only when complete: 112,090 of 112,091 is 99.99, not 100.00. (Source: docs/words.md
"realisation"; the founding article mixes rounding and truncation, so a published percentage is kept as a quotation.)
"""

from decimal import ROUND_HALF_UP, Decimal

HUNDREDTH = Decimal("0.01")


def percent(part: int, whole: int) -> Decimal | None:
    """``part`` of ``whole`` in percent with two decimals; ``None`` when there is no whole."""
    if whole == 0:
        return None
    exact = Decimal(part) * 100 / Decimal(whole)
    shown = exact.quantize(HUNDREDTH, ROUND_HALF_UP)
    if shown == 100 and part != whole:
        return Decimal("99.99") if part < whole else Decimal("100.01")
    return shown
