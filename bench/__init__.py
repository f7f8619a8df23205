"""Figures, each measured against a baseline in the same run: ``make bench`` or ``make bench ONLY=payments``.

A module of this folder gives ``figures()``, an iterator of ``Figure``. Wall-clock rates of a shared machine swing by a factor of two to
five; the ratio to a baseline on the same server in the same minute does not, so the ratio is what is kept and compared.
"""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    """``value`` and ``baseline`` are medians of ``runs``; ``ratio`` is the median of the runs' own ratios."""

    name: str
    value: float
    unit: str
    baseline: float | None
    ratio: float | None
    runs: Sequence[Any]
    note: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def compare(
    name: str, unit: str, ours: Callable[[], float], baseline: Callable[[], float], *, runs: int = 3, note: str = ""
) -> Figure:
    """Measure ours and the baseline in turn, ``runs`` times, so that both meet the same machine."""
    pairs = [(ours(), baseline()) for _ in range(runs)]
    return Figure(
        name=name,
        value=round(statistics.median(a for a, _ in pairs), 3),
        unit=unit,
        baseline=round(statistics.median(b for _, b in pairs), 3),
        ratio=round(statistics.median(a / b for a, b in pairs), 3),
        runs=[[round(a, 3), round(b, 3)] for a, b in pairs],
        note=note,
    )
