"""Payments of another channel from a file: each line is judged as a phone's payment is, and gets the same outcomes.

Columns: ``event_id`` (UUID), ``nik`` or ``entitlement_id``, ``office``, ``officer``, ``amount_rp``, ``paid_at`` (ISO 8601 with zone),
``channel`` (kantor, komunitas, door), ``lat`` and ``lon`` (empty when there is no geotag). CSV, CSV.gz or Parquet.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, TypeVar
from uuid import UUID

import polars as pl
from django.db import transaction

from salur.evidence.actions import record_geotags
from salur.evidence.rules import Geotag, degrees_e7
from salur.lib.problem import Problem
from salur.lib.sql import Queries, server_cursor
from salur.offices.actions import branches_by_code, register_officers
from salur.payments.actions import record_payments
from salur.payments.rules import CHANNELS, STANDING, Channel, Outcome, Payment
from salur.programmes.actions import stage_by_code
from salur.registry.actions import families_of_niks

queries = Queries(__file__)

T = TypeVar("T")

REQUIRED = ("event_id", "office", "officer", "amount_rp", "paid_at", "channel")
OPTIONAL = ("nik", "entitlement_id", "lat", "lon")
BATCH = 1000
MALFORMED = "malformed"
UNKNOWN_OFFICE = "unknown_office"


class UnreadableFile(Problem):
    code = "unreadable_file"


class Line(NamedTuple):
    """A line that says what a payment needs; ``family`` or ``entitlement`` tells who was paid."""

    number: int
    event: UUID
    entitlement: UUID | None
    family: UUID | None
    branch: int
    officer: str
    amount_rp: int
    paid_at: datetime
    channel: Channel
    place: tuple[int, int] | None


@dataclass
class Imported:
    """``outcomes`` counts every line once; ``refused`` has (line, outcome, what to do) for lines that did not become a payment."""

    events: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    geotags: Counter[str] = field(default_factory=Counter)
    refused: list[tuple[int, str, str]] = field(default_factory=list)

    def refuse(self, number: int, outcome: str, what: str) -> None:
        self.outcomes[outcome] += 1
        self.refused.append((number, outcome, what))


def import_payments(
    *, path: Path, stage_code: str, at: datetime, progress: Callable[[int], None] = lambda done: None
) -> Imported:
    """Record the payments of a file, a thousand at a time; a file imported twice, or cut off and repeated, pays nobody twice.

    A file that cannot be read is refused whole (``UnreadableFile``, ``NotFound``). A line that cannot be a payment is counted and named.
    """
    stage = stage_by_code(stage_code)
    table = _read(path)
    imported = Imported(events=table.height)
    lines = _parse(table, imported)
    entitlements = _match(stage.id, lines)
    officers = register_officers(codes={(line.branch, line.officer) for line in lines})

    by_branch: dict[int, list[Line]] = defaultdict(list)
    for line in lines:
        if line.number not in entitlements:
            what = "This person has no entitlement of this stage at this office: check the number and the office."
            imported.refuse(line.number, Outcome.UNKNOWN_ENTITLEMENT, what)
        else:
            by_branch[line.branch].append(line)
    for branch, own in by_branch.items():
        for start in range(0, len(own), BATCH):
            _record(stage.id, branch, own[start : start + BATCH], entitlements, officers, at, imported)
            progress(sum(imported.outcomes.values()))
    imported.refused.sort()
    return imported


@transaction.atomic
def _record(
    stage: int,
    branch: int,
    lines: list[Line],
    entitlements: Mapping[int, UUID],
    officers: Mapping[tuple[int, str], int],
    at: datetime,
    imported: Imported,
) -> None:
    payments = [
        Payment(
            id=line.event,
            entitlement=entitlements[line.number],
            officer=officers[branch, line.officer],
            amount_rp=line.amount_rp,
            channel=line.channel,
            paid_at=line.paid_at,
        )
        for line in lines
    ]
    outcomes = record_payments(stage=stage, branch=branch, payments=payments, at=at)
    for line, outcome in zip(lines, outcomes, strict=True):
        if outcome in STANDING:
            imported.outcomes[outcome] += 1
        else:
            imported.refuse(line.number, outcome, WHAT_TO_DO[outcome])
    geotags = [
        Geotag(
            id=payment.id,
            entitlement=payment.entitlement,
            officer=payment.officer,
            lat_e7=line.place[0],
            lon_e7=line.place[1],
            accuracy_dm=None,
            taken_at=line.paid_at,
            photo_sha256=None,
        )
        for line, payment, outcome in zip(lines, payments, outcomes, strict=True)
        if line.place is not None and outcome in STANDING
    ]
    for geotag_outcome in record_geotags(stage=stage, branch=branch, geotags=geotags, at=at):
        imported.geotags[geotag_outcome] += 1


WHAT_TO_DO = {
    Outcome.EXISTS_WITH_DIFFERENT_FACTS: "This event_id was recorded before with other facts: find out which is true; a new payment needs a new id.",
    Outcome.UNKNOWN_ENTITLEMENT: "There is no such entitlement of this stage at this office: check the number and the office.",
    Outcome.PAID_IN_FUTURE: "paid_at lies in the future: check the clock that wrote it.",
    Outcome.HELD: "The ministry holds this entitlement: ask why it was paid.",
    Outcome.AFTER_FREEZE: "It was paid after the area's window had closed: ask for the decision that allowed it.",
    Outcome.AMOUNT_MISMATCH: "The amount differs from the entitlement: check how much the family got.",
    Outcome.ALREADY_PAID: "Another payment of this entitlement stands: find out who was paid twice.",
}


def _read(path: Path) -> pl.DataFrame:
    """The file as columns of text; refuses what is not such a table."""
    if not path.is_file():
        raise UnreadableFile(f"{path} is not a file: check the name.")
    try:
        parquet = path.suffix == ".parquet"
        table = pl.read_parquet(path).cast(pl.String) if parquet else pl.read_csv(path, infer_schema=False)
    except (pl.exceptions.PolarsError, UnicodeDecodeError) as error:
        reason = str(error).splitlines()[0]
        raise UnreadableFile(
            f"{path.name} cannot be read as a table ({reason}): save it as CSV in UTF-8 with commas."
        ) from error
    missing = [column for column in REQUIRED if column not in table.columns]
    if missing or not {"nik", "entitlement_id"} & set(table.columns):
        names = ", ".join(missing or ["nik (or entitlement_id)"])
        raise UnreadableFile(
            f"{path.name} lacks the column {names}: it needs {', '.join(REQUIRED)} and nik or entitlement_id."
        )
    absent = [pl.lit(None, pl.String).alias(column) for column in OPTIONAL if column not in table.columns]
    return table.with_columns(absent).select(*REQUIRED, *OPTIONAL).with_columns(pl.all().str.strip_chars())


def _parse(table: pl.DataFrame, imported: Imported) -> list[Line]:
    """Lines that say what a payment needs; the others are refused with what is wrong with them."""
    branches = branches_by_code()
    families = families_of_niks([nik or "" for nik in table["nik"]])
    lines = []
    for number, (row, family) in enumerate(zip(table.iter_rows(named=True), families, strict=True), start=2):
        branch = branches.get(row["office"])
        if branch is None:
            imported.refuse(
                number, UNKNOWN_OFFICE, f"There is no branch or sub-branch {row['office']}: check the office code."
            )
            continue
        try:
            lines.append(_line(number, row, family, branch))
        except ValueError as error:
            imported.refuse(number, MALFORMED, str(error))
    return lines


def _line(number: int, row: Mapping[str, str | None], family: UUID | None, branch: int) -> Line:
    """Raises ``ValueError`` with one sentence for the line that cannot be a payment."""
    event = _of(UUID, row["event_id"], "event_id is not a UUID.")
    entitlement = _of(UUID, row["entitlement_id"], "entitlement_id is not a UUID.") if row["entitlement_id"] else None
    if entitlement is None and family is None:
        raise ValueError("nik has not 16 digits.")
    amount_rp = _of(int, row["amount_rp"], "amount_rp is not a whole number of rupiah.")
    if amount_rp <= 0:
        raise ValueError("amount_rp is not above zero.")
    paid_at = _of(datetime.fromisoformat, row["paid_at"], "paid_at is not a moment as 2022-03-12T10:15:00+07:00.")
    if paid_at.tzinfo is None:
        raise ValueError("paid_at lacks its zone: write 2022-03-12T10:15:00+07:00.")
    channel = CHANNELS.get(row["channel"] or "")
    if channel is None:
        raise ValueError(f"channel is none of {', '.join(CHANNELS)}.")
    if not row["officer"]:
        raise ValueError("officer is empty: whose cash was it?")
    place = None
    if row["lat"] or row["lon"]:
        lat = _of(float, row["lat"], "lat is not a number of degrees.")
        lon = _of(float, row["lon"], "lon is not a number of degrees.")
        if not (-90 <= lat <= 90 and -180 <= lon <= 180):
            raise ValueError("lat and lon are not a place on earth.")
        place = (degrees_e7(lat), degrees_e7(lon))
    return Line(
        number, event, entitlement, family, branch, row["officer"], amount_rp, paid_at.astimezone(UTC), channel, place
    )


def _of(kind: Callable[[str], T], text: str | None, sentence: str) -> T:
    try:
        return kind(text or "")
    except ValueError:
        raise ValueError(sentence) from None


@transaction.atomic
def _match(stage: int, lines: list[Line]) -> dict[int, UUID]:
    """The entitlement of each line that has one at the line's branch, by line number."""
    queries.make_import_lines()
    with (
        server_cursor() as cursor,
        cursor.copy("COPY payments_import_line (line, branch, entitlement, family) FROM STDIN") as copy,
    ):
        for line in lines:
            copy.write_row((line.number, line.branch, line.entitlement, line.family))
    queries.analyze_import_lines()
    entitlements = {row.line: row.entitlement for row in queries.match_import(stage=stage)}
    queries.drop_import_lines()
    return entitlements
