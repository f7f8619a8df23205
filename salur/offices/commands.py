"""`salur offices …`: the tree of offices, what they serve, who pays."""

from pathlib import Path

import click

from salur.areas.rules import LEVEL_NAMES, dotted
from salur.lib.command import Answer, answers, table
from salur.offices import actions

FILE = click.Path(path_type=Path)


@click.group("offices")
def offices() -> None:
    """The tree of offices, the areas they serve, their officers."""


@offices.command("import")
@click.argument("file", type=FILE)
@answers
def import_(file: Path) -> Answer:
    """Import offices: CSV with code,name,kind,parent,areas (areas are codes separated by spaces; the deepest match wins)."""
    found = actions.import_offices(path=file)
    nothing_new = not (found.created or found.changed or found.moved or found.villages)
    data = {
        "offices": found.offices,
        "service_areas": found.service_areas,
        "uncovered_areas": found.uncovered,
        "created": found.created,
        "changed": found.changed,
        "villages_moved": found.villages,
        "nothing_new": nothing_new,
    }
    if nothing_new:
        text = f"Nothing changed: these {found.offices:,} offices with {found.service_areas:,} service areas are known."
    else:
        text = (
            f"{found.offices:,} offices with {found.service_areas:,} service areas: {found.created:,} are new, {found.changed:,} changed;"
            f" {found.villages:,} villages got another office."
        )
    warnings = list(found.notes)
    if found.uncovered:
        warnings.append(f"{found.uncovered:,} villages have no office: `salur offices coverage` shows them.")
    return Answer(data, text, warnings=warnings)


@offices.command("coverage")
@answers
def coverage() -> Answer:
    """Which villages have no office, and which lie in the areas of two branches."""
    found = actions.coverage()
    missing = found.villages - found.covered
    uncovered = [
        {"code": dotted(row.code), "name": row.name, "level": row.level, "villages": row.villages}
        for row in found.uncovered
    ]
    split = [
        {
            "code": dotted(row.area),
            "name": row.name,
            "branch": row.branch,
            "instead_of": row.instead_of,
            "within": dotted(row.outer_area),
            "villages": row.villages,
        }
        for row in found.split
    ]
    data = {
        "villages": found.villages,
        "covered": found.covered,
        "uncovered": missing,
        "two_branches": sum(row.villages for row in found.split),
        "uncovered_areas": uncovered,
        "split_areas": split,
    }
    parts = [f"{found.covered:,} of {found.villages:,} villages have an office."]
    if uncovered:
        lines = [[row["code"], row["name"], LEVEL_NAMES[row["level"]], f"{row['villages']:,}"] for row in uncovered]
        parts += ["", "Without office:", table(("code", "name", "level", "villages"), lines, right=[3])]
    if split:
        lines = [[row["code"], row["name"], row["branch"], row["instead_of"], f"{row['villages']:,}"] for row in split]
        header = ("code", "name", "served by", "although inside the area of", "villages")
        parts += ["", "Inside the areas of two branches (the deeper one serves):", table(header, lines, right=[4])]
    return Answer(data, "\n".join(parts), needs_person=missing > 0)


@offices.command("officers")
@click.argument("file", type=FILE)
@answers
def officers(file: Path) -> Answer:
    """Import officers: CSV with code,name,office,kind and, where known, home_area,contract_ends."""
    found = actions.import_officers(path=file)
    nothing_new = not (found.created or found.changed)
    data = {"officers": found.officers, "created": found.created, "changed": found.changed, "nothing_new": nothing_new}
    if nothing_new:
        text = f"Nothing changed: these {found.officers:,} officers are known."
    else:
        text = f"{found.officers:,} officers: {found.created:,} are new, {found.changed:,} changed."
    return Answer(data, text, warnings=found.notes)
