"""The verbs of areas: import a register, link what ceased, add centroids, signal and postal codes, find."""

import csv
import json
import os
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from django.db import transaction

from salur.areas import rules
from salur.areas.boundaries import NotAMap, read_boundaries
from salur.areas.models import Vintage
from salur.areas.rules import dotted
from salur.lib.csv_file import CsvFile, read_bytes, read_csv, refusal
from salur.lib.problem import Problem
from salur.lib.sql import Queries

queries = Queries(__file__)


class NotAVintage(Problem):
    code = "not_a_vintage"


class WouldRetire(Problem):
    code = "would_retire"


class Imported(NamedTuple):
    """``by_level`` counts the vintage as it now stands; ``created`` and ``changed`` areas; ``retired`` ones, some ``linked``."""

    vintage: str
    by_level: dict[int, int]
    created: int
    changed: int
    entered: int
    retired: int
    linked: int
    notes: list[str]


@transaction.atomic
def import_areas(*, path: Path, vintage: str, at: datetime, may_retire: bool = False) -> Imported:
    """Take in a register, whole or in parts; what it does not name of its own vintage stays.

    Areas that only older vintages name are retired from then on. A file that would retire more than a tenth of all areas is refused
    unless ``may_retire``: it is a part of a register given for the whole.
    """
    if not rules.is_vintage(vintage):
        raise NotAVintage(
            f"“{vintage}” is not a vintage: write the year and month the register came into force, as 2022-02."
        )
    file = read_csv(path, ("kode", "nama", "level"))
    queries.lock_register()
    register = rules.read_register(file, {row.code for row in queries.codes_of_vintage(vintage=vintage)})
    newest = queries.one("newest_vintage").code
    if newest is not None and vintage > newest and not may_retire:
        retiring = queries.one("count_retiring", codes=register.codes)
        if rules.too_many_retire(retiring.current, retiring.missing):
            raise WouldRetire(
                f"{path.name} lacks {retiring.missing:,} of the {retiring.current:,} areas of {newest}, so importing it as {vintage}"
                " would retire them: give the whole register, or --may-retire if they did cease."
            )
    written = queries.one("import_register", vintage=vintage, **register._asdict())
    queries.analyze_register()
    if written.entered or written.created or written.changed:
        # Last: this wakes those above who keep a figure for each village (see models.Vintage).
        Vintage.objects.update_or_create(code=vintage, defaults={"imported_at": at})
    by_level = {row.level: row.areas for row in queries.count_vintage(vintage=vintage)}
    retired = queries.one("count_retired")
    return Imported(
        vintage,
        by_level,
        written.created,
        written.changed,
        written.entered,
        retired.retired,
        retired.linked,
        file.notes,
    )


class Linked(NamedTuple):
    links: int
    added: int
    retired: int
    linked: int
    notes: list[str]


@transaction.atomic
def import_crosswalk(*, path: Path) -> Linked:
    """Say what took over from codes that ceased. Both ends must be known from some vintage."""
    file = read_csv(path, ("old", "new"))
    links = rules.read_crosswalk(file)
    unknown = _unknown({code for link in links for code in (link.old, link.new)})
    for link in links:
        for code in (link.old, link.new):
            if code in unknown:
                raise file.refusal(
                    link.line, f"{dotted(code)} is in no vintage imported: import the register that has it first."
                )
    added = queries.one("import_links", olds=[link.old for link in links], news=[link.new for link in links]).added
    retired = queries.one("count_retired")
    return Linked(len(links), added, retired.retired, retired.linked, file.notes)


class Proposed(NamedTuple):
    retired: int
    proposed: int
    by_basis: dict[str, int]


def propose_crosswalk(*, out: Path) -> Proposed:
    """Write the likely successors of codes that ceased without one, by names and parents, for a person to check and import."""
    retired = queries.retired_without_successor()
    named = queries.named()
    proposals = rules.propose(
        retired=[row.code for row in retired],
        names={row.code: row.name for row in named},
        lived={row.code: (row.first_vintage, row.last_vintage) for row in named},
        current={row.code for row in named if row.current},
        links={row.old: row.new for row in queries.single_links()},
    )
    names = {row.code: row.name for row in named}
    by_basis: dict[str, int] = {}
    part = out.with_name(f"{out.name}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as sheet:
            writer = csv.writer(sheet)
            writer.writerow(["old", "new", "old_name", "new_name", "basis"])
            for old, new, basis in proposals:
                writer.writerow([dotted(old), dotted(new), names[old], names[new], basis])
                by_basis[basis] = by_basis.get(basis, 0) + 1
        os.replace(part, out)
    except OSError as error:
        raise Problem(f"{out} cannot be written ({error.strerror}): name a file in a folder that exists.") from error
    return Proposed(len(retired), len(proposals), by_basis)


class Figures(NamedTuple):
    """``unknown`` holds the codes of the file that no vintage has; their lines were left out."""

    areas: int
    changed: int
    unknown: list[int]
    notes: list[str]


@transaction.atomic
def import_centroids(*, path: Path) -> Figures:
    """Where areas lie, degrees of WGS 84."""
    file = read_csv(path, ("kode", "lat", "lng"))
    centroids = rules.read_centroids(file)
    return _figures(file, centroids.codes, "set_centroids", centroids._asdict())


@transaction.atomic
def import_signal(*, path: Path) -> Figures:
    """Whether a phone has signal in an area."""
    return _import_values(path, "online", rules.read_signal, "set_signal")


@transaction.atomic
def import_postal_codes(*, path: Path) -> Figures:
    return _import_values(path, "kodepos", rules.read_postal_codes, "set_postal_codes")


@transaction.atomic
def import_boundaries(*, path: Path) -> Figures:
    """Where areas end. The shapes of a file replace those of the same areas; the others stay."""
    try:
        found = read_boundaries(json.loads(read_bytes(path)))
    except NotAMap as error:
        raise refusal(path, str(error)) from error
    except (ValueError, RecursionError) as error:  # bytes that are no text, or text that is no JSON
        raise refusal(path, "it is no JSON: give TopoJSON or GeoJSON.") from error
    if not found:
        raise refusal(path, "no shape in it carries the code of an area: each needs kode in its properties.")
    queries.lock_register()
    codes, polygons, *box = (list(column) for column in zip(*found, strict=True))
    changed = queries.one(
        "set_boundaries",
        codes=codes,
        polygons=[json.dumps(parts, separators=(",", ":")) for parts in polygons],
        **dict(zip(("wests", "souths", "easts", "norths"), box, strict=True)),
    ).changed
    return Figures(len(codes), changed, sorted(_unknown(set(codes))), [])


def find_areas(*, text: str, limit: int = 50) -> list[Any]:
    """Areas whose name holds ``text``, or the area of that code."""
    try:
        code = rules.area_code(text)
    except ValueError:
        code = None
    return queries.find(text=text, code=code, limit=limit)


def current_areas() -> dict[int, int]:
    """Retired code → the one current area that took over, followed over several decrees; splits are left out."""
    return {row.old: row.current for row in queries.current_of_retired()}


def unknown_areas(*, codes: Iterable[int]) -> set[int]:
    """Which of ``codes`` were never in any vintage."""
    return _unknown(set(codes))


def _import_values(
    path: Path, column: str, read: Callable[[CsvFile], tuple[list[int], list[Any]]], statement: str
) -> Figures:
    file = read_csv(path, ("kode", column))
    codes, values = read(file)
    return _figures(file, codes, statement, {"codes": codes, "values": values})


def _figures(file: CsvFile, codes: list[int], statement: str, columns: dict[str, Any]) -> Figures:
    queries.lock_register()
    changed = queries.one(statement, **columns).changed
    return Figures(len(codes), changed, sorted(_unknown(set(codes))), file.notes)


def _unknown(codes: set[int]) -> set[int]:
    return {row.code for row in queries.unknown_codes(codes=list(codes))}
