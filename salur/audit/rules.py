"""What a digest covers; pure, so that an auditor's own ten lines can check it."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from salur.lib.clock import WIB

# What the first entry of every chain follows.
BEGINNING = bytes(32)
# The trail has one calendar for the nation: a day is a day in Jakarta.
CALENDAR = ZoneInfo(WIB)


class Entry(NamedTuple):
    """``number`` counts the entries of a branch from 1, through all days."""

    branch: int
    number: int
    day: date
    at: datetime
    actor: str
    verb: str
    subject: str
    facts: dict[str, Any]


def written(entry: Entry) -> list[Any]:
    """An entry as its digest covers it: an array in the order of ``Entry``, the moment in UTC."""
    return [
        entry.branch,
        entry.number,
        entry.day.isoformat(),
        entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
        entry.actor,
        entry.verb,
        entry.subject,
        entry.facts,
    ]


def digest(previous: bytes, entry: Entry) -> bytes:
    """SHA-256 of the digest before and of the entry as JSON: an array in the order of ``Entry``, keys sorted, no blanks, UTF-8."""
    text = json.dumps(written(entry), ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(previous + text.encode()).digest()


def seal(key: bytes, *, branch: int, number: int, day: date, head: bytes) -> bytes:
    """HMAC-SHA-256 of where a chain ends: whoever has the database alone cannot write a shorter or another chain."""
    text = json.dumps([branch, number, day.isoformat(), head.hex()])
    return hmac.digest(key, text.encode(), "sha256")


def day_of(at: datetime, *, not_before: date | None) -> date:
    """The day an entry belongs to. An entry written after one of a later day joins that day: a finished day's head never changes."""
    day = at.astimezone(CALENDAR).date()
    return day if not_before is None else max(day, not_before)


def head_of_heads(heads: Mapping[int, tuple[int, bytes]]) -> bytes:
    """One digest for a day: SHA-256 over the lines ``branch number digest`` of all chains, in the order of the branches."""
    lines = "".join(f"{branch} {number} {head.hex()}\n" for branch, (number, head) in sorted(heads.items()))
    return hashlib.sha256(lines.encode()).digest()


def plain_facts(facts: Mapping[str, object]) -> dict[str, Any]:
    """The facts as JSON keeps them exactly: text, whole numbers, true, false, nothing, lists and mappings of these.

    Moments become ISO 8601 in UTC, ids text. A fraction is refused: it would not come back from a database as it went in.
    """
    return {str(name): _plain(value) for name, value in facts.items()}


def _plain(value: object) -> Any:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):  # StrEnum members become their text
        return str(value)
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return plain_facts(value)
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in (sorted(value) if isinstance(value, set | frozenset) else value)]
    raise TypeError(f"{type(value).__name__} is no fact for the audit trail")
