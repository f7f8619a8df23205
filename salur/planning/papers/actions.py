"""The verbs of papers: write a branch's letters, write its sheets.

A file is written whole (beside, then renamed) and noted in the folder's ``papers.json`` with the hash of what is on it, so a run that was cut off
goes on where it was and one that is repeated writes only what changed. Papers of a published plan carry each family's day and place; without
one they are written only when asked for so.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import transaction

from salur.areas.models import Area
from salur.audit import actions as audit
from salur.lib import pdf
from salur.lib.indonesian import months
from salur.lib.letter_code import letters_key
from salur.lib.problem import NotFound, Problem
from salur.lib.sql import Queries
from salur.offices.models import Office
from salur.planning import actions as planning
from salur.planning.coordination import CUSTOMARY, Body, area_for
from salur.planning.models import Plan
from salur.planning.papers import rules
from salur.planning.papers.rules import Authority, Contact, Data, Family, Heading, Member, Slot, Visit
from salur.programmes.models import Stage
from salur.registry.actions import masked_niks

queries = Queries(__file__)

TEMPLATES = Path(__file__).parent
NOTE = "papers.json"  # what is in the folder, with the hash of what is on each paper
ANSWER_DAYS = 3  # an authority is asked to answer so many days before the first payment


class Kind(StrEnum):
    """A kind of paper: the name of its template, and of its folder below the one that was asked for."""

    LETTERS = "letter"
    AUTHORITIES = "authority"
    SHEETS = "sheet"
    ATTENDANCE = "attendance"
    TEAMS = "team"


FOLDERS = {
    Kind.LETTERS: "undangan",
    Kind.AUTHORITIES: "surat-pemangku",
    Kind.SHEETS: "danom",
    Kind.ATTENDANCE: "daftar-hadir",
    Kind.TEAMS: "lembar-tim",
}
TITLES = {
    Kind.LETTERS: "Surat undangan",
    Kind.AUTHORITIES: "Surat",
    Kind.SHEETS: "Danom",
    Kind.ATTENDANCE: "Daftar hadir",
    Kind.TEAMS: "Lembar tim",
}
LETTERS = (Kind.LETTERS, Kind.AUTHORITIES)
SHEETS = (Kind.SHEETS, Kind.ATTENDANCE, Kind.TEAMS)
WITH_PLAN_ONLY = (Kind.AUTHORITIES, Kind.ATTENDANCE, Kind.TEAMS)

Progress = Callable[[int, int], None]


class NoPlan(Problem):
    code = "no_plan"
    status = 409


@dataclass(slots=True)
class Written:
    """What a run did. ``families`` are those whose papers are there now, ``held`` those without because they are on hold."""

    stage: str = ""
    plan_version: int | None = None
    pages: int = 0
    files: int = 0
    unchanged: int = 0
    families: int = 0
    held: int = 0
    without_slot: int = 0
    unprintable: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Print:
    """One file to be: where, from which template, what is on it, and how many families it is for."""

    kind: Kind
    name: str
    title: str
    data: Data
    families: int = 0


@dataclass(frozen=True)
class _Desk:
    """All that the papers of one branch and stage are made from."""

    branch: Office
    stage: Stage
    plan: Plan | None
    version: int
    names: Mapping[int, str]

    def heading(self, *, village: str = "", kecamatan: str = "", kabupaten: str = "") -> Heading:
        return Heading(
            branch=self.branch.name,
            programme=self.stage.programme.name,
            period=months(self.stage.period_from, self.stage.period_to),
            danom_version=self.version,
            village=village,
            kecamatan=kecamatan,
            kabupaten=kabupaten,
            proxy=self.stage.programme.proxy,
            zone=self.branch.timezone,
            complaints=(f"Kantor Cabang {self.branch.name}", *settings.COMPLAINTS),
        )

    def place(self, row: Any) -> str:
        """Where a visit is: its venue, else what is usual for its channel; nothing for a visit at home."""
        if row.channel == "door":
            return ""
        if row.venue:
            return str(row.venue)
        if row.channel == "office":
            return f"Kantor Pos {self.branch.name}"
        return f"Balai desa/kelurahan {self.names.get(row.host, '')}".rstrip()


def stage_of(*, branch: Office, stage_code: str | None) -> Stage:
    """The stage meant: the one named, else that of the branch's published plan that begins last, else the only one there is."""
    stages = Stage.objects.select_related("programme").order_by("opens")
    if stage_code is not None:
        found = stages.filter(code=stage_code).first()
        if found is None:
            raise NotFound(f"There is no stage {stage_code}: `salur programmes list` shows those there are.")
        return found
    planned = [one for one in stages if planning.published(stage=one.id, branch=branch.id)]
    known = planned[-1:] or list(stages)
    if len(known) != 1:
        raise Problem("Say which stage is meant: --stage CODE.")
    return known[0]


def branch_of(*, code: str) -> Office:
    found = Office.objects.filter(code=code, kind__in=["KC", "KCU"]).first()
    if found is None:
        raise NotFound(f"There is no branch {code}: `salur offices list` shows those there are.")
    return found


def write_papers(
    *,
    branch_code: str,
    out: Path,
    kinds: Sequence[Kind],
    actor: str,
    at: datetime,
    stage_code: str | None = None,
    village: int | None = None,
    without_plan: bool = False,
    progress: Progress = lambda done, total: None,
) -> Written:
    """Write the papers of a branch, or of one village of it, into a folder.

    Refuses (``NoPlan``) a branch without a published plan unless ``without_plan`` asks for papers without day and place; what is nothing
    without a plan is then left out. ``progress`` is told (families done, families in all).
    """
    branch = branch_of(code=branch_code)
    stage = stage_of(branch=branch, stage_code=stage_code)
    plan = planning.published(stage=stage.id, branch=branch.id)
    if plan is None and not without_plan:
        raise NoPlan(
            f"{branch.code} has no published plan for {stage.code}: publish one, or ask for letters without day and place (--without-plan)."
        )
    villages = queries.villages(stage=stage.id, branch=branch.id)
    if village is not None:
        villages = [one for one in villages if one.village == village]
        if not villages:
            raise NotFound(f"{branch.code} has no families in the village {village} in {stage.code}.")
    desk = _desk(branch, stage, plan)
    kinds = [kind for kind in kinds if plan is not None or kind not in WITH_PLAN_ONLY]
    if village is not None:
        kinds = [kind for kind in kinds if kind not in (Kind.AUTHORITIES, Kind.TEAMS)]
    written = Written(stage.code, plan.version if plan else None)
    folder = _Folder(out, desk.branch.timezone, at)
    total, done = sum(one.families for one in villages), 0
    progress(0, total)
    for one in villages:
        families = _families(desk, one.village)
        written.held += one.held
        written.families += len(families)
        written.without_slot += sum(family.slot is None for family in families)
        for paper in _of_village(desk, one, families, kinds):
            folder.write(paper, written)
        done += one.families
        progress(done, total)
    if plan is not None:
        for paper in _of_branch(desk, plan, kinds, at):
            folder.write(paper, written)
    facts = {
        "stage": stage.code, "kinds": [kind.value for kind in kinds], "village": village, "plan": written.plan_version,
        "families": written.families, "files": written.files, "unchanged": written.unchanged,
    }  # fmt: skip
    with transaction.atomic():
        audit.record(
            actor=actor, verb="printed papers", subject=f"branch/{branch.code}", facts=facts, at=at, branch=branch.id
        )
    return written


def _desk(branch: Office, stage: Stage, plan: Plan | None) -> _Desk:
    names = {}
    if plan is not None:
        served = {row.village for row in queries.villages(stage=stage.id, branch=branch.id)}
        areas = served | {code // 10_000 for code in served} | {code // 1_000_000 for code in served}
        names = dict(Area.objects.filter(code__in=areas).values_list("code", "name"))
    return _Desk(branch, stage, plan, queries.one("danom_version", stage=stage.id).version, names)


def _families(desk: _Desk, village: int) -> list[Family]:
    """The families of a village with their slots, in the order in which RT and RW hand the letters out."""
    stage, branch = desk.stage.id, desk.branch.id
    rows = queries.families(stage=stage, branch=branch, village=village)
    niks = masked_niks([(bytes(row.nik_sealed), row.key_version) for row in rows])
    slots: dict[UUID, Slot] = {}
    if desk.plan is not None:
        for slot in planning.family_slots(stage=stage, branch=branch, village=village):
            slots[slot.entitlement] = Slot(
                slot.channel, slot.day, slot.starts_at, slot.ends_at, desk.place(slot), slot.officer_name or "", slot.position,
                slot.version * 1_000_000 + slot.number,
            )  # fmt: skip
    return rules.by_place(
        Family(row.id, row.number, row.name, nik, row.address, row.rt, row.rw, row.amount_rp, slots.get(row.id))
        for row, nik in zip(rows, niks, strict=True)
    )


def _of_village(desk: _Desk, village: Any, families: Sequence[Family], kinds: Sequence[Kind]) -> Iterator[_Print]:
    if not families:
        return
    heading = desk.heading(village=village.name, kecamatan=village.kecamatan, kabupaten=village.kabupaten)
    name = rules.file_name([village.village, village.name])
    title = f"{village.name}, {village.kecamatan}"
    key = letters_key()
    if Kind.LETTERS in kinds:
        parts = rules.letters(heading, families, key)
        for number, data in enumerate(parts, start=1):
            part = f"-{number}-dari-{len(parts)}" if len(parts) > 1 else ""
            yield _Print(Kind.LETTERS, name + part, f"Surat undangan {title}", data, len(data["letters"]))
    if Kind.SHEETS in kinds:
        yield _Print(Kind.SHEETS, name, f"Danom {title}", rules.sheet(heading, families, key), len(families))
    if Kind.ATTENDANCE in kinds:
        data = rules.attendance(heading, families)
        if data["sessions"]:
            yield _Print(Kind.ATTENDANCE, name, f"Daftar hadir {title}", data)


def _of_branch(desk: _Desk, plan: Plan, kinds: Sequence[Kind], at: datetime) -> Iterator[_Print]:
    """Letters to the authorities and team sheets: what is of the plan as a whole."""
    if Kind.AUTHORITIES not in kinds and Kind.TEAMS not in kinds:
        return
    visits = _visits(desk)
    contacts = [
        Contact(row.body, row.area, row.name, row.position, row.phone)
        for row in queries.contacts(branch=desk.branch.id)
    ]
    if Kind.AUTHORITIES in kinds:
        yield from _authority_letters(desk, plan, visits, contacts, at)
    if Kind.TEAMS in kinds:
        by_day: dict[date, list[Visit]] = defaultdict(list)
        for visit in visits:
            if visit.channel != "office":
                by_day[visit.day].append(visit)
        for day, of_day in sorted(by_day.items()):
            data = rules.team_sheets(desk.heading(), of_day, contacts)
            yield _Print(Kind.TEAMS, day.isoformat(), f"Lembar tim {day.isoformat()}", data)


def _authority_letters(
    desk: _Desk, plan: Plan, visits: Sequence[Visit], contacts: Sequence[Contact], at: datetime
) -> Iterator[_Print]:
    """To each body that is customary or that somebody wrote down, with the visits of its area; police and army only those with cash at a venue."""
    known = rules.bodies_of(contacts)
    bodies = [body for body in Body if body in (Body.PEMDA, *CUSTOMARY) or any(of == body for of, _ in known)]
    answer_by = max(at.date(), plan.first_day - timedelta(days=ANSWER_DAYS))
    for body in bodies:
        concerned: dict[int, list[Visit]] = defaultdict(list)
        for visit in visits:
            guarded = body in (Body.POLRES, Body.POLSEK, Body.KODIM, Body.KORAMIL)
            if visit.channel == "session" or (visit.channel == "door" and not guarded):
                concerned[area_for(body, visit.area)].append(visit)
        for area, of_area in sorted(concerned.items()):
            authority = Authority(
                body.value, area, desk.names.get(area, str(area)), tuple(of_area), known.get((body.value, area))
            )
            copies = (
                []
                if body is Body.DINSOS
                else [f"Kepala Dinas Sosial {desk.names.get(int(str(area)[:4]), '')}".rstrip()]
            )
            data = rules.authority_letter(desk.heading(), authority, answer_by=answer_by, copies=copies)
            yield _Print(
                Kind.AUTHORITIES,
                rules.file_name([body.value.replace("_", "-"), area, authority.area_name]),
                f"Surat kepada {authority.title}",
                data,
            )


def _visits(desk: _Desk) -> list[Visit]:
    """The visits of the plan as its families were told them, with the sums of the list; in the order of day, hour and place."""
    stage, branch = desk.stage.id, desk.branch.id
    told: dict[tuple[int, str, int], list[Any]] = defaultdict(list)
    for slot in planning.family_slots(stage=stage, branch=branch):
        told[slot.version, slot.channel, slot.number].append(slot)
    teams: dict[tuple[int, str, int], list[Member]] = defaultdict(list)
    for version in {version for version, _, _ in told}:
        for row in queries.teams(stage=stage, branch=branch, version=version):
            teams[version, row.channel, row.number].append(Member(row.name, row.leads))
    visits = []
    for key, families in told.items():
        first = families[0]
        counted: dict[int, int] = defaultdict(int)
        for slot in families:
            counted[slot.village] += 1
        visits.append(
            Visit(
                channel=first.channel,
                number=first.number,
                day=first.day,
                starts_at=min(slot.starts_at for slot in families),
                ends_at=max(slot.ends_at for slot in families),
                place=desk.place(first),
                area=first.host or first.village,
                villages=tuple((desk.names.get(code, str(code)), number) for code, number in sorted(counted.items())),
                families=len(families),
                amount_rp=sum(slot.amount_rp for slot in families),
                members=tuple(teams[key]),
            )
        )
    return sorted(visits, key=lambda visit: (visit.day, visit.starts_at, visit.area, visit.number))


class Told(NamedTuple):
    """A branch and what there is to print for it; ``plan`` is the version of its published plan."""

    branch: Office
    plan: int | None
    villages: list[Any]

    @property
    def families(self) -> int:
        return sum(one.families - one.held for one in self.villages)


def what_to_print(*, stage: Stage, branch: Office) -> Told:
    plan = planning.published(stage=stage.id, branch=branch.id)
    return Told(branch, plan.version if plan else None, queries.villages(stage=stage.id, branch=branch.id))


def branches_with_families(*, stage: Stage, branches: Sequence[int] | None) -> list[Any]:
    """Rows ``code, name, families, plan`` of the branches that have families in a stage, by code."""
    return queries.branches(stage=stage.id, branches=None if branches is None else list(branches))


class _Folder:
    """Where the papers go; remembers what is on those that are there."""

    def __init__(self, out: Path, zone: str, as_of: datetime) -> None:
        self.out, self.zone, self.as_of = out, zone, as_of
        self.looks = {kind: pdf.look(TEMPLATES / f"{kind.value}.typ") for kind in Kind}
        try:
            out.mkdir(parents=True, exist_ok=True)
            self.known: dict[str, dict[str, Any]] = json.loads((out / NOTE).read_text())
        except FileNotFoundError:
            self.known = {}
        except (OSError, ValueError) as error:
            raise Problem(f"Papers cannot be written to {out}: {error}.") from error

    def write(self, paper: _Print, written: Written) -> None:
        path = self.out / FOLDERS[paper.kind] / f"{paper.name}.pdf"
        name = path.relative_to(self.out).as_posix()
        ready = pdf.prepare(paper.data, self.zone)
        mark = f"{self.looks[paper.kind][:32]}{ready.digest[:32]}"
        before = self.known.get(name)
        written.unprintable |= ready.unprintable
        if before is not None and before["mark"] == mark and path.exists() and path.stat().st_size == before["bytes"]:
            written.pages += before["pages"]
            written.unchanged += 1
            return
        made = pdf.render(
            TEMPLATES / f"{paper.kind.value}.typ", ready, title=paper.title, as_of=self.as_of, zone=self.zone
        )
        path.parent.mkdir(exist_ok=True)
        pdf.put(path, made.content)
        self.known[name] = {"mark": mark, "bytes": len(made.content), "pages": made.pages, "digest": made.digest}
        pdf.put(self.out / NOTE, json.dumps(self.known, indent=1).encode())
        written.pages += made.pages
        written.files += 1


def files_of(folder: Path) -> Iterable[Path]:
    """The papers in a folder, in order."""
    return sorted(folder.rglob("*.pdf"))
