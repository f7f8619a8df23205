"""Ids: UUIDv7, made where the fact is made; the id is the idempotency key of the fact.

PostgreSQL before 18 has no ``uuidv7()``, and a phone without signal asks nobody, so they are always made outside the database.
Layout: RFC 9562, section 5.7: 48 bits of milliseconds, then random bits.
"""

import os
from datetime import datetime
from uuid import UUID


def uuid7(at: datetime) -> UUID:
    """A new id for a fact made at ``at``; ids made later sort later, to the millisecond."""
    milliseconds = int(at.timestamp() * 1000)
    return uuid7_of(milliseconds, os.urandom(10))


def uuid7_of(milliseconds: int, random_bytes: bytes) -> UUID:
    """The id of given milliseconds since 1970 and ten given bytes (seeded simulations need the same ids twice)."""
    value = milliseconds << 80 | int.from_bytes(random_bytes[:10], "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return UUID(int=value)
