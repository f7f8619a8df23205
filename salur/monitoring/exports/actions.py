"""The verbs: how large an export would be, make it at once, or ask for it as a job."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from salur.areas.models import Area
from salur.areas.rules import dotted
from salur.audit import actions as audit
from salur.jobs import actions as jobs
from salur.lib import desks
from salur.lib.pdf import render
from salur.lib.problem import NotFound
from salur.lib.sql import Queries
from salur.lib.template_filters import moment, number
from salur.lib.viewer import Viewer
from salur.monitoring import actions as monitoring
from salur.monitoring.exports.rules import (
    MOST_ON_PAPER,
    Asked,
    Column,
    Form,
    Kind,
    Sheet,
    TooLong,
    What,
    file_name,
    for_paper,
    write_csv,
    write_xlsx,
)
from salur.monitoring.families import actions as families
from salur.monitoring.families.actions import ReasonNeeded
from salur.monitoring.families.rules import State
from salur.monitoring.rules import Board, By, in_order
from salur.offices.models import Office
from salur.programmes.actions import stage_by_code
from salur.programmes.models import Stage

queries = Queries(__file__)
PAPER = Path(__file__).with_name("papers") / "export.typ"
KIND = "monitoring.export"
A_PAGE = 100  # rows; more is a job
BLOCK = 1000  # families read at a time

Progress = Callable[[int, int], None]


def _silent(done: int, total: int) -> None:
    """Nobody waits."""


@dataclass(frozen=True)
class Place:
    """Where the families are that somebody asked for: a branch, or a kecamatan or village at one."""

    stage: Stage
    branch: Office
    name: str
    first_village: int
    last_village: int

    @property
    def where(self) -> dict[str, int]:
        return {
            "stage": self.stage.id, "branch": self.branch.id, "first_village": self.first_village, "last_village": self.last_village,
        }  # fmt: skip


def board_of(*, asked: Asked, viewer: Viewer, now: datetime) -> tuple[Stage, Board]:
    """The board whose rows are asked for."""
    return _board(asked, viewer, now)


def families_of(*, asked: Asked, viewer: Viewer) -> tuple[int, str]:
    """How many families there are at the place asked for, and its name; ``NotFound`` where there is no list of families."""
    place = _families_place(asked, viewer)
    return int(queries.one("count_keys", **place.where).families), place.name


def rows_of(*, asked: Asked, viewer: Viewer, now: datetime) -> int:
    """How many rows an export would have at most. What lies outside the viewer's scope is ``NotFound``."""
    if asked.what is What.FAMILIES:
        return families_of(asked=asked, viewer=viewer)[0]
    return len(_board(asked, viewer, now)[1].table.rows)


def start(*, asked: Asked, viewer: Viewer, at: datetime) -> UUID:
    """Ask for an export as a job; who asks takes the file at ``/pekerjaan/``."""
    asked = _allowed(asked, viewer)
    total = rows_of(asked=asked, viewer=viewer, now=at)
    if asked.form is Form.PDF and total > MOST_ON_PAPER:  # said now, not when somebody has waited for it
        raise TooLong(_("A paper holds 2,000 rows: take it as a spreadsheet (XLSX) or CSV."))
    who = {
        "name": viewer.name, "role": viewer.role, "office": viewer.office, "office_code": viewer.office_code, "office_name": viewer.office_name,
    }  # fmt: skip
    return jobs.start(
        kind=KIND, title=_title(asked), actor=viewer.name, at=at,
        arguments={"asked": asked.as_json(), "viewer": who, "language": get_language() or "id"},
    )  # fmt: skip


def viewer_again(facts: dict[str, Any]) -> Viewer:
    """The person as they asked, with the branches that are below their office now."""
    office = facts["office"]
    branches = None if office is None else tuple(row.id for row in queries.branches_below(office=office))
    return Viewer(branches=branches, **facts)


def make(*, asked: Asked, viewer: Viewer, path: Path, at: datetime, progress: Progress = _silent) -> tuple[str, int]:
    """Write the file to ``path`` and leave a trace; answers its name and how many rows it has."""
    asked = _allowed(asked, viewer)
    path.touch(mode=0o600)
    sheet, branch = _families_sheet(asked, viewer, at, progress) if asked.what is What.FAMILIES else _board_sheet(asked, viewer, at)  # fmt: skip
    if asked.form is Form.CSV:
        count = write_csv(sheet, path)
    elif asked.form is Form.XLSX:
        count = write_xlsx(sheet, path, names=(_("Data"), _("About")))
    else:
        data, count = for_paper(sheet)
        paper = render(PAPER, data, title=sheet.title, as_of=sheet.as_of, zone=sheet.zone)
        path.write_bytes(paper.content)
    progress(max(count, 1), max(count, 1))
    _leave_trace(asked, viewer, at, branch, count, path)
    return file_name(asked, sheet.as_of), count


def _leave_trace(asked: Asked, viewer: Viewer, at: datetime, branch: int | None, count: int, path: Path) -> None:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    facts = {word: value for word, value in asked.as_json().items() if value not in ("", None, False)}
    facts |= {"rows": count, "sha256": digest, "nik": "clear" if asked.clear else "masked"}
    with transaction.atomic():
        where = {} if branch is None else {"branch": branch}
        audit.record(actor=viewer.name, verb="exported", subject=f"stage/{asked.stage}", facts=facts, at=at, **where)


def _allowed(asked: Asked, viewer: Viewer) -> Asked:
    """NIKs in clear are for some roles, of families only, and with a reason; the reason of a masked list is not kept."""
    if not asked.clear:
        return replace(asked, reason="")
    if asked.what is not What.FAMILIES or viewer.role not in desks.REVEALERS:
        raise NotFound("This role sees no NIK in clear.")
    if len(asked.reason.strip()) < 8:
        raise ReasonNeeded(_("Say in a few words why the numbers must be seen; it is kept."))
    return replace(asked, reason=asked.reason.strip()[:500])


def _title(asked: Asked) -> str:
    what = _("Families") if asked.what is What.FAMILIES else _("Realisation")
    place = asked.village or asked.area
    where = " ".join(part for part in (asked.office, dotted(place) if place else "") if part)
    return " · ".join(part for part in (what, where, asked.stage, asked.form.upper()) if part)


# Realisation: the rows of a board


def _board(asked: Asked, viewer: Viewer, now: datetime) -> tuple[Stage, Board]:
    return monitoring.board(
        stage_code=asked.stage, viewer=viewer, now=now, office_code=asked.office or None, area=asked.area,
        by=By(asked.by) if asked.by in list(By) else None, as_of=asked.as_of or None, version=asked.version,
    )  # fmt: skip


def _board_sheet(asked: Asked, viewer: Viewer, at: datetime) -> tuple[Sheet, int | None]:
    stage, board = _board(asked, viewer, at)
    place, table = board.place, board.table
    columns = [
        Column("code", _("Code"), Kind.CODE, 14),
        Column("name", _("Name"), Kind.TEXT, 30),
        Column("allocated", _("Allocated"), Kind.NUMBER),
        Column("amount_rp", _("Rupiah allocated"), Kind.RUPIAH, 20),
        Column("paid", _("Paid"), Kind.NUMBER),
        Column("paid_today", _("That day") if board.past else _("Today"), Kind.NUMBER),
        Column("failed", _("Failed"), Kind.NUMBER),
        Column("open", _("Open"), Kind.NUMBER),
        Column("paid_percent", _("Realisation"), Kind.PERCENT),
        Column("geotagged", _("Houses located"), Kind.NUMBER),
        Column("geotag_percent", _("Geotag"), Kind.PERCENT),
        Column("amount_paid_rp", _("Rupiah paid"), Kind.RUPIAH, 20),
        Column("unsent", _("In the field"), Kind.NUMBER),
    ]
    if asked.form is not Form.CSV and all(row.unsent is None for row in table.rows):
        columns = columns[:-1]

    def cells(row: Any) -> list[Any]:
        return [getattr(row, column.key) for column in columns]

    where = place.area_name or (place.office.name if place.office else "Indonesia")
    total = cells(table.total)
    total[0], total[1] = "", _("Sum")
    sheet = Sheet(
        title=f"{_('Realisation')} {stage.code}",
        place=where,
        facts=[
            (_("Place"), where),
            (_("Programme"), stage.programme.name),
            (_("As of"), moment(table.as_of, place.zone)),
            (_("Version of the list"), str(table.danom_version or "–")),
            (_("Rows"), number(len(table.rows))),
            (_("Taken by"), f"{viewer.name}, {moment(at, place.zone)}"),
        ],
        columns=columns,
        rows=(cells(row) for row in in_order(table.rows, "code")),
        total=total,
        as_of=table.as_of,
        zone=place.zone,
    )
    branch = place.office.id if place.office and place.office.kind in ("KC", "KCU") else None
    return sheet, branch


# Families: the list of a village, a kecamatan at a branch, or a branch


def _families_place(asked: Asked, viewer: Viewer) -> Place:
    if viewer.role not in desks.OFFICES:
        raise NotFound("This role looks at no families here.")
    stage = stage_by_code(asked.stage)
    branch = Office.objects.filter(code=asked.office, kind__in=["KC", "KCU"]).first()
    if branch is None or (viewer.branches is not None and branch.id not in viewer.branches):
        raise NotFound(f"There is no branch {asked.office}.")
    if asked.village:
        first = last = asked.village
    elif asked.area:
        digits = 10 ** (10 - len(str(asked.area)))
        first, last = asked.area * digits, (asked.area + 1) * digits - 1
    else:
        first, last = 0, 9_999_999_999
    code = asked.village or asked.area
    name = Area.objects.filter(code=code).values_list("name", flat=True).first() if code else ""
    return Place(stage, branch, f"{name or dotted(code)}, {branch.name}" if code else branch.name, first, last)


def _families_sheet(asked: Asked, viewer: Viewer, at: datetime, progress: Progress) -> tuple[Sheet, int]:
    place = _families_place(asked, viewer)
    keys = queries.keys(**place.where)
    if not keys:
        raise NotFound(f"Nobody of stage {place.stage.code} is paid there.")
    columns = [
        Column("code", _("Letter code"), Kind.CODE, 14),
        Column("name", _("Name"), Kind.TEXT, 30),
        Column("nik", "NIK", Kind.CODE, 18),
        Column("rt", "RT", Kind.CODE, 6),
        Column("rw", "RW", Kind.CODE, 6),
        Column("village_code", _("Village code"), Kind.CODE, 14),
        Column("village", _("Village"), Kind.TEXT, 20),
        Column("kecamatan", _("Kecamatan"), Kind.TEXT, 20),
        Column("amount_rp", _("Amount"), Kind.RUPIAH, 14),
        Column("state", _("State"), Kind.TEXT, 12),
        Column("paid_at", _("Paid at"), Kind.MOMENT, 20),
        Column("geotagged", _("House located"), Kind.TEXT, 10),
    ]
    plain = asked.form is Form.CSV
    words = _states()
    yes, no = ("1", "0") if plain else (_("yes"), _("no"))

    def rows() -> Iterator[Sequence[Any]]:
        for start in range(0, len(keys), BLOCK):
            progress(start, len(keys))
            for card in families.cards_of(keys[start : start + BLOCK], clear=asked.clear):
                if asked.state in ("", card.state.value):
                    yield (
                        card.code, card.name, card.nik, card.rt, card.rw, str(card.village) if plain else dotted(card.village),
                        card.village_name, card.kecamatan_name, card.amount_rp, card.state.value if plain else words[card.state],
                        card.paid_at, yes if card.geotagged else no,
                    )  # fmt: skip

    sheet = Sheet(
        title=f"{_('Families')} {place.stage.code}",
        place=place.name,
        facts=[
            (_("Place"), place.name),
            (_("Programme"), place.stage.programme.name),
            (_("As of"), moment(at, place.branch.timezone)),
            (_("State"), str(words[State(asked.state)]) if asked.state else _("All")),
            ("NIK", f"{_('in clear')}: {asked.reason}" if asked.clear else _("masked")),
            (_("Taken by"), f"{viewer.name}, {moment(at, place.branch.timezone)}"),
        ],
        columns=columns,
        rows=rows(),
        total=None,
        as_of=at,
        zone=place.branch.timezone,
    )
    return sheet, place.branch.id


def _states() -> dict[State, str]:
    """A family's states in the language of who reads."""
    return {
        State.PAID: _("Paid"),
        State.HELD: _("On hold"),
        State.FAILED: _("Failed"),
        State.OPEN: _("Open"),
    }
