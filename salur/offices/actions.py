"""The verbs of offices: import the tree, look at its coverage, register officers."""

from collections.abc import Collection, Mapping
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from django.db import transaction

from salur.areas.actions import unknown_areas
from salur.areas.rules import dotted
from salur.lib.csv_file import read_csv
from salur.lib.problem import Conflict
from salur.lib.sql import Queries
from salur.offices import rules
from salur.offices.models import Officer
from salur.offices.rules import Kind, Office

queries = Queries(__file__)


class Imported(NamedTuple):
    """``offices`` and ``service_areas`` of the file; ``moved`` service areas; ``villages`` that got another office."""

    offices: int
    service_areas: int
    created: int
    changed: int
    moved: int
    villages: int
    uncovered: int
    notes: list[str]


@transaction.atomic
def import_offices(*, path: Path) -> Imported:
    """Take in offices with the areas they serve. An office of the file serves exactly what the file says; others stay as they are.

    Ends by renewing who serves each village. What is already entitled at a branch stays there: moving it is the list's business.
    """
    file = read_csv(path, ("code", "name", "kind", "parent", "areas"))
    queries.lock_offices()
    known = _tree()
    offices = rules.read_offices(file, known, unknown_areas(codes=rules.claimed_areas(file)))
    tree = {**known, **offices}
    zones = rules.timezones(tree)
    created = changed = 0
    for storey in rules.depths(tree):
        written = queries.one(
            "write_offices",
            codes=[office.code for office in storey],
            names=[office.name for office in storey],
            kinds=[str(office.kind) for office in storey],
            parents=[office.parent for office in storey],
            timezones=[zones[office.code] for office in storey],
        )
        created, changed = created + written.created, changed + written.changed
    claims = [(office.code, area) for office in offices.values() for area in office.areas]
    moved = queries.one(
        "write_service_areas",
        offices=list(offices),
        codes=[code for code, _ in claims],
        areas=[area for _, area in claims],
    ).changed
    villages = queries.one("cover_villages").changed
    counted = queries.one("count_coverage")
    uncovered = counted.villages - counted.covered
    notes = [*file.notes, *_without_region(tree)]
    return Imported(len(offices), len(claims), created, changed, moved, villages, uncovered, notes)


class Coverage(NamedTuple):
    """``uncovered``: rows code, name, level, villages. ``split``: rows area, name, branch, outer_area, instead_of, villages."""

    villages: int
    covered: int
    uncovered: list[Any]
    split: list[Any]


def coverage() -> Coverage:
    """Which villages of today's register have no office, and which lie inside the area of two branches (the deeper one serves)."""
    counted = queries.one("count_coverage")
    return Coverage(counted.villages, counted.covered, queries.uncovered(), queries.split())


class ImportedOfficers(NamedTuple):
    officers: int
    created: int
    changed: int
    notes: list[str]


@transaction.atomic
def import_officers(*, path: Path) -> ImportedOfficers:
    """Take in officers; one that is known (same branch, same code) is changed. Nobody is removed: payments name them."""
    file = read_csv(path, ("code", "name", "office", "kind"), ("home_area", "contract_ends"))
    officers = rules.read_officers(file, _tree())
    unknown = unknown_areas(codes={officer.home_area for officer in officers if officer.home_area is not None})
    for officer in officers:
        if officer.home_area in unknown and officer.home_area is not None:
            raise file.refusal(
                officer.line, f"home_area {dotted(officer.home_area)} is in no register imported: check the code."
            )
    written = queries.one(
        "write_officers",
        branches=[officer.branch for officer in officers],
        codes=[officer.code for officer in officers],
        names=[officer.name for officer in officers],
        kinds=[str(officer.kind) for officer in officers],
        home_areas=[officer.home_area for officer in officers],
        ends=[officer.contract_ends for officer in officers],
    )
    return ImportedOfficers(len(officers), written.created, written.changed, file.notes)


@transaction.atomic
def register_officers(*, codes: Collection[tuple[int, str]]) -> dict[tuple[int, str], int]:
    """The ids of officers by (branch, code); those not known yet are made, as external and named by their code.

    Cash that another channel handed over has a bearer, whether or not anybody registered him before.
    """
    asked = sorted(codes)
    rows = _registered(asked)
    if len(rows) < len(set(asked)):
        # Somebody else made one of them at this moment; the statement saw the table as it stood before. Now it is there.
        rows = _registered(asked)
    return {(row.branch_id, row.code): row.id for row in rows}


def _registered(asked: list[tuple[int, str]]) -> list[Any]:
    return queries.register_officers(branches=[branch for branch, _ in asked], codes=[code for _, code in asked])


def employ(*, branch: int, code: str, name: str, home_area: int | None, contract_ends: date) -> int:
    """Make a hired person an officer of the branch until ``contract_ends``; answers the officer's id.

    Known by the same code already (an earlier stage), the person gets the new end; another name under that code is refused.
    """
    known = Officer.objects.select_for_update().filter(branch=branch, code=code).first()
    if known is not None and known.name not in (name, code):
        raise Conflict(f"Officer {code} of this branch is {known.name}: give {name} another code.")
    if known is not None and known.kind == rules.OfficerKind.EMPLOYEE:
        raise Conflict(f"{name} ({code}) is an employee and needs no contract.")
    made, _ = Officer.objects.update_or_create(
        branch_id=branch,
        code=code,
        defaults={
            "name": name, "kind": str(rules.OfficerKind.EXTERNAL), "home_area_id": home_area, "contract_ends": contract_ends,
        },
    )  # fmt: skip
    return made.id


def branches_by_code() -> dict[str, int]:
    """Office code → id of its branch, for every KCU, KC and KCP."""
    return {row.code: row.branch_id for row in queries.branches_by_code()}


def _tree() -> dict[str, Office]:
    """The offices known, by code."""
    return {
        row.code: Office(0, row.code, row.name, Kind(row.kind), row.parent, tuple(row.areas))
        for row in queries.offices()
    }


def _without_region(tree: Mapping[str, Office]) -> list[str]:
    """Branches that no region has are legal (a new one, a trial), but a table by region would show them apart."""
    alone = []
    for office in tree.values():
        if office.kind in rules.BRANCHES:
            above = tree.get(office.parent or "")
            while above is not None and above.kind is not Kind.REGION:
                above = tree.get(above.parent or "")
            if above is None:
                alone.append(office.code)
    if not alone:
        return []
    return [f"{len(alone):,} branches stand under no region: {', '.join(alone[:5])}{' …' if len(alone) > 5 else ''}"]
