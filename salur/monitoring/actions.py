"""The verbs of monitoring: look at realisation, as a table and as a board; keep published percentages."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from django.db import transaction

from salur.areas.models import Area
from salur.lib.clock import WIB, moment
from salur.lib.problem import NotFound, Problem
from salur.lib.process_cache import cache
from salur.lib.sql import Queries, Recount
from salur.lib.viewer import Viewer
from salur.monitoring.rules import (
    OFFICES,
    Board,
    By,
    Day,
    Office,
    Place,
    Planned,
    Quoted,
    Realisation,
    Row,
    StageOverview,
    Trend,
    Version,
)
from salur.programmes.actions import stage_by_code
from salur.programmes.models import Stage

queries = Queries(__file__)

PLANS_SECONDS = 60
# A board adds up what waits to be tidied; from so many rows on somebody who looks tidies first.
TIDY_ABOVE = 2_000

# The whole country is no office: there may be several tops of the tree, or none above the branches.
NATION = Place(way=(), branches=None, zone=WIB)


class NotAMoment(Problem):
    code = "not_a_moment"


class Quotation(NamedTuple):
    """A published percentage of an office (by its code), as text; ``date``: the day it speaks of."""

    office: str
    percent: str
    source: str
    date: date


def realisation(
    *,
    stage_code: str,
    by: By,
    now: datetime,
    as_of: datetime | None = None,
    version: int | None = None,
    branches: Sequence[int] | None = None,
    area: int | None = None,
) -> Realisation:
    """The realisation of a stage by nation, region, branch, kabupaten, kecamatan or village.

    ``as_of`` None means everything known ``now``. A past moment gives the figures as they could be shown then: recorded by then, against
    the list approved by then; a moment before the stage's list was approved here is answered from what happened by then.
    ``version`` looks at the families of the list up to that version only; None means the version in force at the moment.
    ``branches`` limits to offices by id, ``area`` to villages below an area code (2, 4, 6 or 10 digits). Raises ``NotFound``.
    """
    stage = stage_by_code(stage_code)
    in_force = queries.one("list_in_force", stage=stage.id, as_of=as_of)
    if version is not None and version not in [known.version for known in _versions(stage)]:
        raise NotFound(f"The list of stage {stage.code} has no approved version {version}.")
    return _realisation(stage, by, now, as_of, in_force.known, version or in_force.version, branches, area)


def _realisation(
    stage: Stage,
    by: By,
    now: datetime,
    as_of: datetime | None,
    known: bool,
    version: int | None,
    branches: Sequence[int] | None,
    area: int | None,
) -> Realisation:
    first_village, last_village = _villages(area)
    # The nation, regions and branches are added up from their own tally; an area's villages from those of the folders below.
    asked: dict[str, Any] = {
        "stage": stage.id,
        "version": version or 0,
        "today": (as_of or now).astimezone(ZoneInfo(WIB)).date(),
        "by": str(by),
        "branches": None if branches is None else list(branches),
    }
    if by in OFFICES:
        assert area is None, "an area is divided into areas"
        statement = "realisation" if as_of is None else "realisation_then"
    elif by is By.KABUPATEN and area is None and as_of is None:
        statement = "realisation_of_kabupaten"
        asked |= {"first_village": first_village, "last_village": last_village}
    else:
        statement = "realisation_of_areas" if as_of is None else "realisation_of_areas_then"
        asked |= {"first_village": first_village, "last_village": last_village}
    if as_of is not None:
        asked |= {"as_of": as_of, "known": known}
    rows = queries.run(statement, **asked)
    return Realisation(
        stage=stage.code,
        by=by,
        as_of=as_of or now,
        danom_version=version,
        known=known,
        rows=[Row(**row._asdict()) for row in rows],
    )


def _villages(area: int | None) -> tuple[int, int]:
    """The first and last code a village below an area can have."""
    below = 10 ** (10 - len(str(area)))
    return (area * below, (area + 1) * below - 1) if area else (0, 9_999_999_999)


def _versions(stage: Stage) -> list[Version]:
    return [Version(**row._asdict()) for row in queries.approved_versions(stage=stage.id)]


def board(
    *,
    stage_code: str,
    viewer: Viewer,
    now: datetime,
    office_code: str | None = None,
    area: int | None = None,
    by: By | None = None,
    as_of: str | None = None,
    version: int | None = None,
) -> tuple[Stage, Board]:
    """The board of an office, or of an area within a branch; of all a viewer may see when no office is named.

    ``as_of`` as a person typed it: without a zone it is local time of the place, a bare date means the end of that day. What lies outside
    the viewer's scope is ``NotFound``, as is what does not exist: an outsider learns nothing from the difference.
    """
    stage = stage_by_code(stage_code)
    place = _place(stage, viewer, office_code, area)
    past = _moment(as_of, place.zone)
    versions = _versions(stage)
    if version is not None and version not in [known.version for known in versions]:
        raise NotFound(f"The list of stage {stage.code} has no approved version {version}.")
    newest = versions[0].version if versions else None
    known, in_force = (True, newest) if past is None else queries.one("list_in_force", stage=stage.id, as_of=past)
    shown = version or in_force
    level = by if by is not None and by in place.levels else place.levels[0]
    table = _realisation(stage, level, now, past, known, shown, place.branches, area)
    if area and not table.rows:
        raise NotFound(f"Nothing of stage {stage.code} is in area {area}.")
    first_village, last_village = _villages(area)
    asked = {"stage": stage.id, "version": shown or 0, "known": known, "as_of": past, "branches": place.branches}
    villages = {"first_village": first_village, "last_village": last_village}
    days = queries.days_of_areas(**asked, **villages) if area else queries.days_of_offices(**asked)
    until = (past or now).astimezone(ZoneInfo(place.zone)).date()
    quotations = queries.quotations(stage=stage.id, until=until) if level in (By.REGION, By.BRANCH) else []
    return stage, Board(
        place=place,
        table=table,
        versions=versions,
        days=_running(days, table.total, until),
        quotations={row.office: Quoted(row.percent, row.source, row.date) for row in quotations},
        chosen_version=version is not None,
        trends=_trends(level, days[0].day if days else until, asked, villages),
        planned=_planned(stage, place, villages),
        unsent=None if past else _unsent(place, table),
        past=past is not None,
        branch_codes=_branch_codes(stage, place, level, villages),
    )


def _trends(level: By, first_day: date, asked: dict[str, Any], villages: dict[str, int]) -> dict[int | None, Trend]:
    """How many families each line of the board paid on each day; days are counted from the first one."""
    given = {**asked, "by": str(level), "first_day": first_day}
    if level is By.KABUPATEN:
        rows = queries.trends_of_kabupaten(**asked, first_day=first_day)
    else:
        rows = queries.trends_of_offices(**given) if level in OFFICES else queries.trends_of_areas(**given, **villages)
    return {row.key: Trend(row.days, row.paid) for row in rows}


def _branch_codes(stage: Stage, place: Place, level: By, villages: dict[str, int]) -> dict[int, str]:
    """Which branch has a village's families, to lead to them from where no branch is named."""
    if level is not By.VILLAGE or (place.office is not None and place.office.kind != "REGION"):
        return {}
    rows = queries.branch_codes(stage=stage.id, branches=place.branches, **villages)
    return {row.village: row.code for row in rows}


def _planned(stage: Stage, place: Place, villages: dict[str, int]) -> list[Planned]:
    """The published plans day by day, added up. A plan is published once a night: what was read a minute ago is good enough."""
    of = "all" if place.branches is None else hash(tuple(place.branches))
    key = f"planned-{stage.id}-{of}-{villages['first_village']}"
    known: list[Planned] | None = cache.get(key)
    if known is None:
        known, total = [], 0
        for row in queries.planned_days(stage=stage.id, branches=place.branches, **villages):
            total += row.families
            known.append(Planned(row.day, row.families, total))
        cache.set(key, known, PLANS_SECONDS)
    return known


def _unsent(place: Place, table: Realisation) -> int | None:
    """What the place's phones have not sent yet; of an area nobody knows."""
    if table.by in OFFICES:
        return table.total.unsent
    return None if place.area or place.office is None else place.unsent


def _place(stage: Stage, viewer: Viewer, office_code: str | None, area: int | None) -> Place:
    code = office_code or viewer.office_code
    if not code:
        return _within(NATION, area, *_names(area))
    found = queries.place(office=code, stage=stage.id, area=area)
    if not found or found[0].kind == "KCP" or not viewer.sees(found[0].way_ids):
        raise NotFound(f"There is no office {code} with a board.")
    (row,) = found
    way = [Office(*step) for step in zip(row.way_ids, row.way_codes, row.way_names, row.way_kinds, strict=True)]
    if way[-1].kind == "HQ":
        return _within(NATION, area, row.area_name, row.kabupaten_name)
    # The top of the tree is the nation: its board has no office's name.
    way = [step for step in way if step.kind != "HQ"]
    within = way if viewer.office is None else way[[step.id for step in way].index(viewer.office) :]
    place = Place(within, row.branches, row.timezone, unsent=row.unsent)
    return _within(place, area, row.area_name, row.kabupaten_name if row.kind == "REGION" else None)


def _names(area: int | None) -> tuple[str | None, str | None]:
    """The name of a kabupaten or kecamatan, and of the kabupaten around a kecamatan."""
    if area is None:
        return None, None
    names = dict(Area.objects.filter(code__in=(area, area // 100), level__in=(2, 3)).values_list("code", "name"))
    return names.get(area), names.get(area // 100)


def _within(place: Place, area: int | None, name: str | None, above: str | None) -> Place:
    if area is None:
        return place
    if name is None:
        raise NotFound(f"There is no kabupaten or kecamatan {area}.")
    return replace(place, area=area, area_name=name, kabupaten_name=above or "")


def _moment(typed: str | None, zone: str) -> datetime | None:
    if not typed:
        return None
    try:
        return moment(typed, zone)
    except ValueError as error:
        raise NotAMoment(f"“{typed[:40]}” is not a moment: write 2022-03-26 or 2022-03-26T14:05.") from error


def _running(days: Sequence[Any], total: Row, until: date) -> list[Day]:
    """The days with what there was at their end; the last one reaches what the table shows, also when the moment cuts a day."""
    running = []
    paid = geotagged = 0
    for row in days:
        paid, geotagged = paid + row.paid, geotagged + row.geotagged
        running.append(Day(row.day, row.paid, row.geotagged, paid, geotagged))
    if (paid, geotagged) != (total.paid, total.geotagged):
        today = Day(until, total.paid - paid, total.geotagged - geotagged, total.paid, total.geotagged)
        if running and running[-1].day == until:
            cut = running.pop()
            today = Day(until, cut.paid + today.paid, cut.geotagged + today.geotagged, total.paid, total.geotagged)
        running.append(today)
    return running


def news(*, stage_code: str) -> Sequence[Any]:
    """By branch how many changes its figures have seen and what its phones have not sent (``branch``, ``news``, ``unsent``)."""
    return queries.news(stage=stage_code)


def overview(*, viewer: Viewer) -> list[StageOverview]:
    """The stages, newest first, with what the viewer's branches have of them."""
    branches = None if viewer.branches is None else list(viewer.branches)
    return [StageOverview(**row._asdict()) for row in queries.overview(branches=branches)]


@transaction.atomic
def load_quotations(*, stage_code: str, quotations: Iterable[Quotation]) -> int:
    """Keep published percentages beside a stage's figures; how many were new. Raises ``NotFound`` for an office nobody knows."""
    stage = stage_by_code(stage_code)
    given = list(quotations)
    known = {row.code for row in queries.offices_by_code(codes=[quotation.office for quotation in given])}
    if unknown := [quotation.office for quotation in given if quotation.office not in known]:
        raise NotFound(f"There is no office {unknown[0]} to quote a percentage of.")
    offices, percents, sources, dates = (
        (list(column) for column in zip(*given, strict=True)) if given else ([], [], [], [])
    )
    return len(
        queries.load_quotations(stage=stage.id, offices=offices, percents=percents, sources=sources, dates=dates)
    )


@transaction.atomic
def tidy() -> int:
    """What changed since the last time goes into the tally; answers how many of its days. Two never do it at once: the second does nothing."""
    return len(queries.tidy()) if queries.one("take_tidying").taken else 0


def tidy_if_much_waits() -> None:
    """Called by who looks, so that no board adds up more than a few thousand rows even where no worker runs."""
    if queries.one("waiting", most=TIDY_ABOVE).waiting >= TIDY_ABOVE:
        tidy()


def recount(*, stage: int) -> list[Recount]:
    """The invariant of monitoring: its tally of branches is what danom, payments and evidence tally by village."""
    row = queries.one("recount_tally", stage=stage)
    return [Recount("boards of branches", row.checked, row.broken, row.examples)]
