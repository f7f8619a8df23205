"""The verbs of evaluation: report on a region's branches, note what helped and hindered, keep published figures, recount."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import IntegrityError, transaction

from salur.audit import actions as audit
from salur.evaluation.models import Note as Notes
from salur.evaluation.rules import (
    COUNTS,
    BranchReport,
    Cases,
    Cash,
    Complaints,
    Earlier,
    EarlierBranch,
    Measure,
    Note,
    Productivity,
    Published,
    Report,
    Side,
    Tag,
    days_to,
    mixed_sources,
    ranked,
    sums,
)
from salur.lib.clock import WIB, moment
from salur.lib.ids import uuid7
from salur.lib.problem import Conflict, NotFound, Problem
from salur.lib.sql import Queries, Recount
from salur.lib.viewer import Viewer
from salur.monitoring.actions import Quotation, load_quotations, realisation
from salur.monitoring.rules import By, Day, Realisation, Row
from salur.payments.rules import Channel
from salur.programmes.actions import stage_by_code
from salur.programmes.models import Stage

queries = Queries(__file__)

EARLIER_STAGES = 4
HIRES = ("stage", "branches", "as_of", "known")  # what that query asks for

_COUNT = re.compile(r"^\d{1,3}(\d*|([.,]\d{3})*)$")
_PRINTED = {**dict.fromkeys(COUNTS, _COUNT), Measure.PAID_PERCENT: re.compile(r"^\d{1,3}([.,]\d+)?$")}


class NotAMoment(Problem):
    code = "not_a_moment"


class NotANote(Problem):
    code = "not_a_note"


class Figure(NamedTuple):
    """A published number of an office (by its code), as text; ``date``: the day it speaks of."""

    office: str
    measure: Measure
    printed: str
    source: str
    date: date


class Region(NamedTuple):
    """A region with an evaluation that the viewer may see; ``branches``: how many of its branches they may see."""

    code: str
    name: str
    branches: int


def regions(*, viewer: Viewer) -> list[Region]:
    branches = None if viewer.branches is None else list(viewer.branches)
    return [Region(*row) for row in queries.regions(branches=branches)]


def report(
    *, stage_code: str, region_code: str, now: datetime, as_of: datetime | None = None, viewer: Viewer | None = None
) -> Report:
    """The evaluation of a region's branches in a stage, as of a moment; ``None`` means everything known ``now``.

    A viewer from within the region sees the branches of their own office, with their ranks among all. What lies outside the viewer's
    scope is ``NotFound``, as is what does not exist.
    """
    stage = stage_by_code(stage_code)
    place = _place(region_code)
    shown = _shown(place, viewer)
    if not shown:
        raise NotFound(f"There is no region {region_code} with branches.")
    table = realisation(
        stage_code=stage.code, by=By.BRANCH, now=now, as_of=as_of, branches=list(place.branches)
    )  # as of a moment that every other figure below takes over
    ranks = ranked({row.code: row.paid_share for row in table.rows})
    rows = [row for row in table.rows if row.key in shown]
    found = _Facts(stage, table, [row.key for row in rows if row.key is not None], place.timezone)
    parents = dict(zip(place.codes, place.parents, strict=True))
    codes = list(parents) if shown == set(place.branches) else [row.code for row in rows]
    published = _published(stage, table, codes, parents, now)
    return Report(
        stage=stage.code,
        programme=stage.programme.name,
        period_from=stage.period_from,
        period_to=stage.period_to,
        target_days=stage.target_days,
        region=place.code,
        region_name=place.name,
        zone=place.timezone,
        as_of=table.as_of,
        danom_version=table.danom_version,
        branches=sorted((found.branch(row, ranks[row.code]) for row in rows), key=lambda branch: (branch.rank, branch.code)),
        compared=len(table.rows),
        published=published,
        mixed=mixed_sources(published),
        sums=sums(published, parents, place.branch_codes),
        earlier=_earlier(stage, list(place.branches), shown, now),
    )  # fmt: skip


def as_typed(text: str | None, zone: str = WIB) -> datetime | None:
    """A moment as a person typed it; a bare date means the end of that day. Raises ``NotAMoment``."""
    if not text:
        return None
    try:
        return moment(text, zone)
    except (ValueError, OverflowError) as error:
        raise NotAMoment(f"“{text[:40]}” is not a moment: write 2022-03-26 or 2022-03-26T14:05+07:00.") from error


def zone_of(region_code: str) -> str:
    return str(_place(region_code).timezone)


def region_above(office: int) -> str | None:
    """The code of the region that an office belongs to."""
    rows = queries.region_of(office=office)
    return rows[0].code if rows else None


def _place(code: str) -> Any:
    rows = queries.place(office=code)
    if not rows or rows[0].kind not in ("REGION", "HQ"):
        raise NotFound(f"There is no region {code} with branches.")
    return rows[0]


def _shown(place: Any, viewer: Viewer | None) -> set[int]:
    """The branches of the region that the viewer may see: all from above it, their own from within."""
    every = set(place.branches)
    if viewer is None or viewer.branches is None or viewer.sees(list(place.way_ids)):
        return every
    return every & set(viewer.branches)


class _Facts:
    """What is known of the branches, read once for all of them."""

    def __init__(self, stage: Stage, table: Realisation, branches: Sequence[int], zone: str) -> None:
        known = {
            "stage": stage.id,
            "branches": list(branches),
            "as_of": table.as_of,
            "known": table.known,
            "version": table.danom_version or 0,
        }
        self.today = table.as_of.astimezone(ZoneInfo(zone)).date()
        self.days = _by_branch(queries.days(**known))
        self.productivity = _by_branch(queries.productivity(**known))
        self.unpaid = _by_branch(queries.unpaid(**known))
        since = datetime.combine(stage.opens, datetime.min.time(), ZoneInfo(WIB)) - timedelta(days=1)
        within = {"branches": list(branches), "as_of": table.as_of}
        self.cash = {row.branch: Cash(*row[1:]) for row in queries.cash(since=since, **within)}
        self.cases = {row.branch: Cases(*row[1:]) for row in queries.cases(stage=stage.id, **within)}
        complaints = queries.complaints(stage=stage.id, since=since, **within)
        self.complaints = {row.branch: Complaints(*row[1:]) for row in complaints}
        self.hires = {row.branch: row.hires for row in queries.hires(**{name: known[name] for name in HIRES})}
        self.notes = defaultdict(list)
        for row in queries.notes(stage=stage.id, branches=list(branches)):
            self.notes[row.branch_id].append(
                Note(row.id, row.branch, Side(row.side), Tag(row.tag), row.text, row.written_by, row.written_at)
            )

    def branch(self, row: Row, rank: int) -> BranchReport:
        assert row.key is not None
        made = [
            (each.by, Productivity(_word(each.by, each.key), each.families, each.officer_days, each.day_families))
            for each in self.productivity[row.key]
        ]
        return BranchReport(
            office=row.key,
            code=row.code,
            name=row.name,
            rank=rank,
            allocated=row.allocated,
            paid=row.paid,
            geotagged=row.geotagged,
            amount_paid_rp=row.amount_paid_rp,
            days=_running(self.days[row.key], row, self.today),
            hires=self.hires.get(row.key, 0) if self.days[row.key] else None,
            by_channel=[each for by, each in made if by == "channel"],
            by_terrain=[each for by, each in made if by == "terrain"],
            unpaid={each.reason: each.families for each in self.unpaid[row.key]},
            cash=self.cash.get(row.key, Cash()),
            cases=self.cases.get(row.key, Cases()),
            complaints=self.complaints.get(row.key, Complaints()),
            notes=self.notes[row.key],
        )


def _word(by: str, key: str) -> str:
    return Channel(int(key)).word if by == "channel" else key


def _by_branch(rows: Iterable[Any]) -> defaultdict[int, list[Any]]:
    found: defaultdict[int, list[Any]] = defaultdict(list)
    for row in rows:
        found[row.branch].append(row)
    return found


def _running(rows: Sequence[Any], row: Row, today: date) -> list[Day]:
    """The branch's days with what there was at their end; what the whole days lack is of the day that the moment cuts, ``today``."""
    days: list[Day] = []
    paid = geotagged = 0
    for each in rows:
        paid, geotagged = paid + each.paid, geotagged + each.geotagged
        days.append(Day(each.day, each.paid, each.geotagged, paid, geotagged))
    if (paid, geotagged) != (row.paid, row.geotagged):
        cut = days.pop() if days and days[-1].day == today else Day(today, 0, 0, 0, 0)
        days.append(
            Day(today, cut.paid + row.paid - paid, cut.geotagged + row.geotagged - geotagged, row.paid, row.geotagged)
        )
    return days


def _published(
    stage: Stage, table: Realisation, offices: Sequence[str], parents: Mapping[str, str | None], now: datetime
) -> list[Published]:
    """What was published up to the report's moment, each beside what was counted at the end of the day it speaks of."""
    local = table.as_of.astimezone(ZoneInfo(WIB)).date()
    rows = queries.published(stage=stage.id, until=local, offices=list(offices))
    counted: dict[date, dict[str, Row]] = {}
    for day in {row.date for row in rows}:
        end = moment(day.isoformat())
        # The report's own day is not over: its figures are those of the report's moment.
        past = realisation(stage_code=stage.code, by=By.BRANCH, now=now, as_of=min(end, table.as_of))
        counted[day] = {row.code: row for row in past.rows}
    published = []
    for row in rows:
        below = [counted[row.date][code] for code in _branches_below(row.office, parents) if code in counted[row.date]]
        measure = Measure(row.measure)
        field = "paid" if measure is Measure.PAID_PERCENT else measure.value
        published.append(
            Published(
                office=row.office,
                name=row.name,
                measure=measure,
                printed=row.printed,
                source=row.source,
                date=row.date,
                counted=sum(getattr(each, field) for each in below),
                whole=sum(each.allocated for each in below),
            )
        )
    return published


def _branches_below(office: str, parents: Mapping[str, str | None]) -> list[str]:
    """The office and all offices below it, as far as they are known here."""
    found = [office]
    for code in found:
        found.extend(child for child, parent in parents.items() if parent == code)
    return found


def _earlier(stage: Stage, branches: list[int], shown: set[int], now: datetime) -> list[Earlier]:
    found = []
    today = now.astimezone(ZoneInfo(WIB)).date()
    for before in queries.earlier_stages(stage=stage.id, branches=branches, limit=EARLIER_STAGES):
        table = realisation(stage_code=before.code, by=By.BRANCH, now=now, branches=branches)
        ranks = ranked({row.code: row.paid_share for row in table.rows})
        days = _by_branch(
            queries.days(
                stage=before.id, branches=branches, as_of=now, known=table.known, version=table.danom_version or 0
            )
        )
        rows = [row for row in table.rows if row.key in shown]
        found.append(
            Earlier(
                stage=before.code,
                period_from=before.period_from,
                period_to=before.period_to,
                allocated=sum(row.allocated for row in rows),
                paid=sum(row.paid for row in rows),
                geotagged=sum(row.geotagged for row in rows),
                branches=[
                    EarlierBranch(
                        row.code,
                        ranks[row.code],
                        row.allocated,
                        row.paid,
                        days_to(
                            _running(days[row.key or 0], row, today), row.allocated, 90, lambda day: day.total_paid
                        ),
                    )
                    for row in rows
                ],
            )
        )
    return found


@transaction.atomic
def note(
    *,
    stage_code: str,
    branch: int,
    side: Side,
    tag: Tag,
    text: str,
    actor: str,
    at: datetime,
    id: UUID | None = None,
    replaces: UUID | None = None,
) -> UUID:
    """Write down what helped or hindered a branch; ``replaces`` names the note that this one stands for, without ``text`` it ends.

    The same ``id`` again is nothing new. Raises ``NotFound``, ``Conflict`` (replaced before, or an id with other facts), ``Problem``.
    """
    stage = stage_by_code(stage_code)
    said = " ".join(text.split())
    if not said and replaces is None:
        raise NotANote("Say in a sentence what helped or hindered.")
    if len(said) > 600:
        raise NotANote("Say it in at most 600 characters: the meeting reads the notes of all branches.")
    if replaces is not None:
        held = Notes.objects.filter(id=replaces, stage=stage, branch_id=branch).first()
        if held is None:
            raise NotFound(f"There is no note {replaces} of this branch.")
    made = id or uuid7(at)
    facts = {"stage_id": stage.id, "branch_id": branch, "side": str(side), "tag": str(tag), "text": said}
    known = Notes.objects.filter(id=made).first()
    if known is not None:
        if any(getattr(known, name) != value for name, value in facts.items()) or known.replaces_id != replaces:
            raise Conflict(f"Note {made} was written before, with other words.")
        return made
    try:
        with transaction.atomic():
            Notes.objects.create(id=made, replaces_id=replaces, written_by=actor, written_at=at, **facts)
    except IntegrityError as error:
        if "replaces" in str(error):
            raise Conflict(f"Note {replaces} was changed before: change the one that stands now.") from error
        if "branch" in str(error):
            raise NotFound(f"There is no branch {branch}.") from error
        raise
    verb = "noted" if replaces is None else "corrected" if said else "took back"
    audit.record(
        actor=actor,
        verb=verb,
        subject=f"note/{made}",
        facts={"stage": stage_code, "side": side, "tag": tag, "text": said, "replaces": replaces},
        at=at,
        branch=branch,
    )
    return made


@transaction.atomic
def load_figures(*, stage_code: str, figures: Iterable[Figure], actor: str, at: datetime) -> int:
    """Keep published numbers as they were printed, with their source and day; how many were new.

    Percentages go to monitoring's quotations, which the boards show too. Raises ``NotFound`` for an office nobody knows, ``Problem``
    for what is no number.
    """
    stage = stage_by_code(stage_code)
    given = [figure._replace(printed=figure.printed.strip(), source=figure.source.strip()) for figure in figures]
    known = {row.code for row in queries.offices_by_code(codes=[figure.office for figure in given])}
    for figure in given:
        if figure.office not in known:
            raise NotFound(f"There is no office {figure.office} that a figure could be about.")
        if not figure.source:
            raise Problem(f"Say where {figure.printed} of {figure.office} was published.")
        if not _PRINTED[figure.measure].match(figure.printed):
            raise Problem(f"“{figure.printed[:40]}” of {figure.office} is no {figure.measure.value} as it is printed.")
    percents = [figure for figure in given if figure.measure not in COUNTS]
    counts = [figure for figure in given if figure.measure in COUNTS]
    new = load_quotations(
        stage_code=stage.code,
        quotations=[Quotation(figure.office, figure.printed, figure.source, figure.date) for figure in percents],
    )
    if counts:
        offices, measures, printed, sources, dates = (list(column) for column in zip(*counts, strict=True))
        new += len(
            queries.load_figures(
                stage=stage.id, offices=offices, measures=[str(measure) for measure in measures], printed=printed,
                sources=sources, dates=dates,
            )
        )  # fmt: skip
    if new:
        said = [f"{figure.office} {figure.measure} {figure.printed}" for figure in given[:20]]
        facts = {"stage": stage.code, "new": new, "figures": said}
        audit.record(actor=actor, verb="quoted", subject=f"stage/{stage.id}", facts=facts, at=at)
    return new


def recount(*, stage: int) -> list[Recount]:
    """The invariant of the meeting's notes: each stands for at most one before it, of the same branch and stage."""
    rows = queries.recount_notes(stage=stage)
    broken = [row for row in rows if row.broken]
    return [
        Recount(
            "a note that stands for another is of the same branch",
            len(rows),
            len(broken),
            [f"note {row.id} stands for {row.replaces} of another branch or stage" for row in broken[:5]],
        )
    ]
