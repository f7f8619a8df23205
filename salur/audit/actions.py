"""The verbs of the trail: record, verify, head, entries."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from hmac import compare_digest
from typing import Any, NamedTuple

from django.db import connection, transaction

from salur.audit.rules import BEGINNING, CALENDAR, Entry, day_of, digest, head_of_heads, plain_facts, seal
from salur.lib.secrets import derived_key
from salur.lib.sql import Queries, Recount

queries = Queries(__file__)

NATION = 0
PAGE = 5_000
EXAMPLES = 10


class Act(NamedTuple):
    """What somebody did: ``verb`` in the past tense of the folder's verb, ``subject`` as ``noun/id``."""

    actor: str
    verb: str
    subject: str
    facts: Mapping[str, object]


class Head(NamedTuple):
    """Where a branch's chain stood at the end of a day."""

    branch: int
    number: int
    day: date
    digest: str


class Heads(NamedTuple):
    """All chains at the end of a day, and the one digest over them that is printed."""

    day: date
    digest: str
    chains: list[Head]


def record(
    *, actor: str, verb: str, subject: str, facts: Mapping[str, object], at: datetime, branch: int = NATION
) -> int:
    """Write one act into the branch's chain, in the caller's transaction; returns its number.

    Call it last in a verb: the chain stays taken until the transaction ends.
    """
    return record_all(acts=[Act(actor, verb, subject, facts)], at=at, branch=branch)


def record_all(*, acts: Sequence[Act], at: datetime, branch: int = NATION) -> int:
    """Write acts of one moment in their order, in the caller's transaction; returns the last one's number.

    Who writes to several branches goes in the order of their numbers, so that two never wait for each other.
    """
    assert connection.in_atomic_block, "an act and its trace are one transaction"
    assert acts, "nothing was done"
    end = queries.one("take_chain", branch=branch, beginning=BEGINNING)
    day = day_of(at, not_before=end.day)
    entries = [
        Entry(branch, end.number + place, day, at, act.actor, act.verb, act.subject, plain_facts(act.facts))
        for place, act in enumerate(acts, start=1)
    ]
    digests: list[bytes] = []
    for entry in entries:
        digests.append(digest(digests[-1] if digests else bytes(end.digest), entry))
    number, head = entries[-1].number, digests[-1]
    queries.append(
        branch=branch,
        day=day,
        numbers=[entry.number for entry in entries],
        moments=[entry.at for entry in entries],
        actors=[entry.actor for entry in entries],
        verbs=[entry.verb for entry in entries],
        subjects=[entry.subject for entry in entries],
        facts=[json.dumps(entry.facts, ensure_ascii=False) for entry in entries],
        digests=digests,
        number=number,
        digest=head,
        seal=seal(_key(), branch=branch, number=number, day=day, head=head),
    )
    return number


def verify(*, branch: int | None = None) -> Recount:
    """Walk the chains (all, or one branch's) and name every entry that was changed, taken out, put in or swapped."""
    checked = 0
    found: list[str] = []
    for row in queries.chains(branch=branch):
        with transaction.atomic():
            for entry_checked, complaint in _walk(row.branch):
                checked += entry_checked
                if complaint:
                    found.append(complaint)
    return Recount(
        "the audit trail is whole: every entry follows from the one before", checked, len(found), found[:EXAMPLES]
    )


def _walk(branch: int) -> Iterator[tuple[int, str | None]]:
    """For each entry 1 and for each complaint its sentence; the chain's end is held only while the last page is read."""
    number, previous, day = 0, BEGINNING, None
    end = None
    where = f"branch {branch}"
    while True:
        page = queries.entries_after(branch=branch, number=number, limit=PAGE)
        if len(page) < PAGE and end is None:
            end = queries.hold_chain(branch=branch)
            page = queries.entries_after(branch=branch, number=number, limit=PAGE)
        for row in page:
            if row.number != number + 1:
                missing = (
                    f"entry {number + 1} is"
                    if row.number == number + 2
                    else f"entries {number + 1} to {row.number - 1} are"
                )
                yield 0, f"{where}: {missing} missing"
            written = bytes(row.digest)
            if digest(previous, Entry(*row[:8])) != written and row.number == number + 1:
                said = f"{row.actor} {row.verb} {row.subject}, {row.day}"
                if row.number == 1:
                    yield 0, f"{where}: entry 1 ({said}) was changed"
                else:
                    yield (
                        0,
                        f"{where}: entry {row.number} ({said}) does not follow from entry {number}: one of the two was changed",
                    )
            yield 1, None
            number, previous, day = row.number, written, row.day
        if len(page) < PAGE and end is not None:
            break
    if not end:
        yield 0, f"{where}: the record of where the chain ends is missing, after entry {number}"
        return
    (kept,) = end
    expected = (
        seal(_key(), branch=branch, number=kept.number, day=kept.day, head=bytes(kept.digest)) if kept.day else b""
    )
    if not compare_digest(expected, bytes(kept.seal)):
        yield 0, f"{where}: the record of where the chain ends was not sealed with this installation's secret"
    if kept.number < number:
        added = f"entry {number} was" if kept.number == number - 1 else f"entries {kept.number + 1} to {number} were"
        yield 0, f"{where}: {added} added behind the sealed end"
    elif kept.number > number:
        lost = f"entry {kept.number} is" if kept.number == number + 1 else f"entries {number + 1} to {kept.number} are"
        yield 0, f"{where}: {lost} missing"
    elif (bytes(kept.digest), kept.day) != (previous, day if number else None):
        yield 0, f"{where}: entry {number} is not the one that was sealed as the chain's end"


def head(*, day: date) -> Heads:
    """The heads of all chains at the end of ``day`` (a day in Jakarta) and the digest over them.

    While the day lasts the answer still changes; once every office has gone on to a later day it never does.
    """
    rows = queries.heads(day=day)
    chains = [Head(row.branch, row.number, row.day, bytes(row.digest).hex()) for row in rows]
    total = head_of_heads({row.branch: (row.number, bytes(row.digest)) for row in rows})
    return Heads(day, total.hex(), chains)


def today(at: datetime) -> date:
    return at.astimezone(CALENDAR).date()


def entries(
    *,
    branch: int | None = None,
    day: date | None = None,
    actor: str | None = None,
    verb: str | None = None,
    subject: str | None = None,
    limit: int = 50,
) -> list[Any]:
    """Rows ``branch, number, day, at, actor, verb, subject, facts``, the latest first."""
    return queries.entries(branch=branch, day=day, actor=actor, verb=verb, subject=subject, limit=limit)


def _key() -> bytes:
    return derived_key("audit seal")
