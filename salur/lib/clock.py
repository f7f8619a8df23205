"""Time: stored in UTC, read from one place, shown in the zone of the area.

Actions take the moment as an argument (``at``); ``now()`` is called once, at the edge, by the command or the request.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

WIB, WITA, WIT = "Asia/Jakarta", "Asia/Makassar", "Asia/Jayapura"

# Provinces (first two digits of an area code) that do not keep western time. Source: Keppres 41/1987.
_WITA_PROVINCES = frozenset({51, 52, 53, 63, 64, 65, 71, 72, 73, 74, 75, 76})
_WIT_PROVINCES = frozenset({81, 82, 91, 92, 93, 94, 95, 96, 97})


_told: ContextVar[datetime | None] = ContextVar("told", default=None)


def now() -> datetime:
    return _told.get() or datetime.now(UTC)


@contextmanager
def told(moment: datetime) -> Iterator[None]:
    """Let ``now()`` answer a scenario's moment in here; only the simulation's own server (simulate/served.py) asks for it."""
    token = _told.set(moment)
    try:
        yield
    finally:
        _told.reset(token)


def zone_of_province(province: int) -> str:
    """The time zone's name of a province code, e.g. ``52`` (Nusa Tenggara Barat) → ``Asia/Makassar``."""
    if province in _WITA_PROVINCES:
        return WITA
    return WIT if province in _WIT_PROVINCES else WIB


def moment(text: str, zone: str = WIB) -> datetime:
    """A moment typed by a person: ISO 8601; without a zone it is local time, a bare date means the end of that day.

    Raises ``ValueError`` for anything else.
    """
    if len(text) == 10:
        midnight = datetime.combine(date.fromisoformat(text) + timedelta(days=1), time(), ZoneInfo(zone))
        return midnight.astimezone(UTC) - timedelta(microseconds=1)
    value = datetime.fromisoformat(text)
    return (value if value.tzinfo else value.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)
