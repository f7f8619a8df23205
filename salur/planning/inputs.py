"""What a branch said, kept and read: import, set, show, and everything the planner needs in one go."""

import csv
import io
import json
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from django.db import transaction

from salur.areas.rules import area_code
from salur.audit import actions as audit
from salur.lib.csv_file import read_bytes, read_csv, refusal
from salur.lib.ids import uuid7
from salur.lib.problem import NotFound
from salur.lib.sql import Queries
from salur.offices.models import Office
from salur.planning.coordination import Body, Standing, Step, StepKind, standings
from salur.planning.rules import Counter, Kept, Round, Served, Session, Village
from salur.planning.settings import (
    SETTINGS,
    BadInput,
    KnownOfficer,
    KnownVillage,
    Level,
    Read,
    Said,
    build,
    read_value,
)
from salur.programmes.models import Stage

queries = Queries(__file__)


class Item(NamedTuple):
    """One thing to say: of the branch, of an ``area``, or of an ``officer`` by code."""

    name: str
    value: Any
    area: int = 0
    officer: str = ""


class Imported(NamedTuple):
    said: int
    changed: int
    notes: Sequence[str] = ()


def branch_by_code(code: str) -> Office:
    found = Office.objects.filter(code=code, kind__in=("KC", "KCU")).first()
    if found is None:
        raise NotFound(f"There is no branch {code}: `salur offices list` shows the offices there are.")
    return found


def said_of(*, stage: int, branch: int) -> Said:
    areas, officers = {}, {}
    for row in queries.said(stage=stage, branch=branch):
        value = json.loads(row.value)
        if row.officer:
            officers[row.officer, row.name] = value
        else:
            areas[row.area, row.name] = value
    return Said(areas, officers)


@transaction.atomic
def set_inputs(*, stage: int, branch: int, items: Iterable[Item], actor: str, at: datetime) -> Imported:
    """Say things; what was said so before changes nothing. Refuses the whole with ``BadInput`` when one of them cannot be."""
    said = said_of(stage=stage, branch=branch)
    villages = {row.code for row in queries.villages(stage=stage, branch=branch, empty=True)}
    kecamatan = {code // 10_000 for code in villages}
    codes = {row.code for row in queries.officers(stage=stage, branch=branch)}
    read: dict[tuple[int, str, str], Any] = {}
    for item in items:
        value = read_value(item.name, item.value, area=item.area, officer=item.officer)
        if item.area and item.area not in villages and item.area not in kecamatan:
            raise BadInput(f"{item.area} is no village or kecamatan of this branch: check the code.")
        if item.officer and item.officer not in codes:
            raise BadInput(f"There is no officer {item.officer} at this branch: `salur offices officers` lists them.")
        read[item.area, item.officer, item.name] = value
    missing = object()
    new = {
        key: value
        for key, value in read.items()
        if (said.officers.get((key[1], key[2]), missing) if key[1] else said.areas.get((key[0], key[2]), missing)) != value
    }  # fmt: skip
    if new:
        queries.write_inputs(
            stage=stage,
            branch=branch,
            ids=[uuid7(at) for _ in new],
            areas=[area for area, _, _ in new],
            officers=[officer for _, officer, _ in new],
            names=[name for _, _, name in new],
            values=[json.dumps(value) for value in new.values()],
            actor=actor,
            at=at,
        )
        # The trail knows whole numbers only; a share of 7.5 is written as it is typed.
        told = {
            f"{officer or area or ''}:{name}".lstrip(":"): str(value) if isinstance(value, float) else value
            for (area, officer, name), value in new.items()
        }
        facts = {"stage": stage, "inputs": dict(list(told.items())[:50]), "number": len(new)}
        audit.record(actor=actor, verb="said", subject=f"planning/inputs {branch}", facts=facts, at=at, branch=branch)
    return Imported(len(read), len(new))


def import_inputs(*, path: Path, stage: int, branch: int, actor: str, at: datetime) -> Imported:
    """Take in a TOML file (everything) or a CSV file (``kode`` and columns named as the inputs of villages and kecamatan)."""
    items, notes = _read_toml(path) if path.suffix.lower() == ".toml" else _read_csv(path)
    done = set_inputs(stage=stage, branch=branch, items=items, actor=actor, at=at)
    return done._replace(notes=notes)


def _read_toml(path: Path) -> tuple[list[Item], list[str]]:
    """Top-level names are the branch's; tables ``village``, ``kecamatan`` and ``officer`` hold one table for each code."""
    try:
        data = tomllib.loads(read_bytes(path).decode("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise refusal(path, f"it is not TOML ({error}).") from None
    items: list[Item] = []
    for name, value in data.items():
        if name in {"village", "kecamatan", "officer"} and isinstance(value, Mapping):
            for key, said in value.items():
                if not isinstance(said, Mapping):
                    raise refusal(path, f"[{name}.{key}] must be a table of inputs.")
                area = 0 if name == "officer" else _code(path, key)
                items += [Item(word, given, area, key if name == "officer" else "") for word, given in said.items()]
        elif name == "door_per_day" and isinstance(value, Mapping):
            items += [Item(f"door_per_day_{terrain}", rate) for terrain, rate in value.items()]
        else:
            items.append(Item(name, value))
    return items, []


def _read_csv(path: Path) -> tuple[list[Item], list[str]]:
    """A cell that is empty says nothing."""
    text = read_bytes(path).decode("utf-8-sig", "replace")
    header = next(csv.reader(io.StringIO(text.partition("\n")[0].replace(";", ",").replace("\t", ","))), [])
    names = [name.strip().lower() for name in header]
    known = [name for name in names if name in SETTINGS and SETTINGS[name].level in (Level.VILLAGE, Level.KECAMATAN)]
    notes = [f"The column {name} is not an input and was left out." for name in names if name and name not in {"kode", "nama", *known}]  # fmt: skip
    file = read_csv(path, ("kode", *known))
    if not known:
        raise refusal(path, "it has no column named as an input of villages: travel_minutes, home_visits, venue, ….", 1)
    items = []
    for line, (code, *cells) in file.rows:
        area = _code(path, code, line)
        for name, cell in zip(known, cells, strict=True):
            if cell:
                try:
                    read_value(name, cell, area=area)
                except BadInput as error:
                    raise file.refusal(line, error.message) from None
                items.append(Item(name, cell, area))
    return items, [*notes, *file.notes]


def _code(path: Path, text: str, line: int | None = None) -> int:
    try:
        return area_code(text)
    except ValueError as error:
        raise refusal(path, str(error), line) from None


def known_standings(*, stage: int, branch: int) -> dict[tuple[Body, int], Standing]:
    return standings(
        Step(Body(row.body), row.area, StepKind(row.kind), row.day, row.ready_on, row.document, row.note)
        for row in queries.steps(stage=stage, branch=branch)
    )


def read_inputs(
    *,
    stage: Stage,
    branch: Office,
    supposed: Mapping[str, Any] | None = None,
    kept: Kept | None = None,
    remaining: bool = False,
) -> Read:
    """All that a plan depends on. ``supposed`` values of the branch stand instead of what it said (what-if, options of a command).

    With ``remaining`` families that were paid are no longer counted.
    """
    said = said_of(stage=stage.id, branch=branch.id)
    if supposed:
        read = {(0, name): read_value(name, value) for name, value in supposed.items()}
        said = replace(said, areas={**said.areas, **read})
    rows = queries.villages(stage=stage.id, branch=branch.id, empty=False)
    villages = [KnownVillage(*row) for row in rows]
    if remaining:
        paid = {row.village: row for row in queries.paid_by_village(stage=stage.id, branch=branch.id)}
        villages = [
            replace(v, families=v.families - paid[v.code].paid, amount_rp=v.amount_rp - paid[v.code].paid_rp)
            if v.code in paid
            else v
            for v in villages
        ]
        villages = [village for village in villages if village.families > 0]
    seats = queries.seats(kecamatan=sorted({village.code // 10_000 for village in villages}))
    return build(
        branch=branch.code,
        said=said,
        villages=villages,
        seats={row.code: (row.lat, row.lon) for row in seats},
        officers=[KnownOfficer(*row) for row in queries.officers(stage=stage.id, branch=branch.id)],
        standings=known_standings(stage=stage.id, branch=branch.id),
        opens=stage.opens,
        target_days=stage.target_days,
        order=stage.order,
        kept=kept,
    )


def capped(kept: Kept, villages: Sequence[Village]) -> Kept:
    """What is kept, with no more families than are left in each village: who came early is not expected again."""
    left = {village.code: village.families for village in villages}

    def part(served: Iterable[Served]) -> tuple[Served, ...]:
        rest = []
        for one in served:
            families = min(one.families, left.get(one.village, 0))
            if families > 0:
                left[one.village] -= families
                rest.append(Served(one.village, families))
        return tuple(rest)

    sessions: list[Session] = [replace(s, served=part(s.served)) for s in sorted(kept.sessions, key=lambda s: s.day)]
    rounds: list[Round] = [replace(r, served=part(r.served)) for r in sorted(kept.rounds, key=lambda r: r.day)]
    counters: list[Counter] = [replace(c, served=part(c.served)) for c in sorted(kept.counters, key=lambda c: c.day)]
    return Kept(
        kept.from_day,
        tuple(s for s in sessions if s.served),
        tuple(r for r in rounds if r.served),
        tuple(c for c in counters if c.served),
    )
