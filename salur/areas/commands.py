"""`salur areas …`: the register and what is known of each area."""

from collections.abc import Callable
from pathlib import Path

import click

from salur.areas import actions
from salur.areas.rules import LEVEL_NAMES, dotted
from salur.lib.clock import now
from salur.lib.command import Answer, answers, table

FILE = click.Path(path_type=Path)


@click.group("areas")
def areas() -> None:
    """The Kemendagri register: areas by vintage, links between vintages, centroids, signal, postal codes."""


@areas.command("import")
@click.argument("file", type=FILE)
@click.option(
    "--vintage", required=True, metavar="YYYY-MM", help="The month this register came into force, as 2022-02."
)
@click.option("--may-retire", is_flag=True, help="Import although more than a tenth of all areas would be retired.")
@answers
def import_(file: Path, vintage: str, may_retire: bool) -> Answer:
    """Import a register: CSV or CSV.gz with kode,nama,level."""
    found = actions.import_areas(path=file, vintage=vintage, at=now(), may_retire=may_retire)
    total = sum(found.by_level.values())
    nothing_new = not (found.created or found.changed or found.entered)
    data = {
        "areas": total,
        "by_level": {str(level): count for level, count in found.by_level.items()},
        "vintage": found.vintage,
        "created": found.created,
        "changed": found.changed,
        "retired": found.retired,
        "retired_without_successor": found.retired - found.linked,
        "nothing_new": nothing_new,
    }
    levels = ", ".join(f"{count:,} {LEVEL_NAMES[level]}" for level, count in found.by_level.items())
    if nothing_new:
        text = f"Nothing changed: vintage {vintage} has these {total:,} areas already ({levels})."
    else:
        text = (
            f"Vintage {vintage} has {total:,} areas ({levels}); {found.created:,} are new, {found.changed:,} changed."
        )
    warnings = list(found.notes)
    if found.retired > found.linked:
        warnings.append(
            f"{found.retired:,} areas are retired, {found.retired - found.linked:,} of them without a successor:"
            " `salur areas propose FILE` writes the likely ones for `salur areas crosswalk FILE`."
        )
    return Answer(data, text, warnings=warnings)


@areas.command("crosswalk")
@click.argument("file", type=FILE)
@answers
def crosswalk(file: Path) -> Answer:
    """Say what took over from codes that ceased: CSV with old,new."""
    found = actions.import_crosswalk(path=file)
    data = {
        "links": found.links,
        "added": found.added,
        "nothing_new": not found.added,
        "retired": found.retired,
        "retired_without_successor": found.retired - found.linked,
    }
    known = (
        f"{found.added:,} of {found.links:,} links are new"
        if found.added
        else f"Nothing changed: all {found.links:,} links are known"
    )
    text = f"{known}; {found.linked:,} of {found.retired:,} retired areas have a successor."
    return Answer(data, text, warnings=found.notes)


@areas.command("propose")
@click.argument("file", type=FILE)
@answers
def propose(file: Path) -> Answer:
    """Write the likely successors of retired areas to FILE, to be checked and then given to `salur areas crosswalk`."""
    found = actions.propose_crosswalk(out=file)
    left = found.retired - found.proposed
    data = {
        "retired_without_successor": found.retired,
        "proposed": found.proposed,
        "left": left,
        "by_basis": found.by_basis,
        "file": str(file),
    }
    text = f"{found.proposed:,} of {found.retired:,} retired areas have a likely successor, written to {file}; check it before you import it."
    return Answer(data, text, needs_person=bool(found.retired))


@areas.command("centroids")
@click.argument("file", type=FILE)
@answers
def centroids(file: Path) -> Answer:
    """Where areas lie: CSV with kode,lat,lng (degrees)."""
    return _figures("centroids", file, actions.import_centroids)


@areas.command("signal")
@click.argument("file", type=FILE)
@answers
def signal(file: Path) -> Answer:
    """Whether a phone has signal: CSV with kode,online (0 or 1)."""
    return _figures("signal", file, actions.import_signal)


@areas.command("postcodes")
@click.argument("file", type=FILE)
@answers
def postcodes(file: Path) -> Answer:
    """Postal codes: CSV with kode,kodepos."""
    return _figures("postal codes", file, actions.import_postal_codes)


@areas.command("boundaries")
@click.argument("file", type=FILE)
@answers
def boundaries(file: Path) -> Answer:
    """Where areas end, for the maps: TopoJSON or GeoJSON (also gzip) whose shapes carry kode in their properties."""
    return _figures("boundaries", file, actions.import_boundaries)


@areas.command("find")
@click.argument("text")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000))
@answers
def find(text: str, limit: int) -> Answer:
    """Find areas by a part of the name or by the code."""
    found = actions.find_areas(text=text, limit=limit)
    rows = [
        {
            "code": dotted(row.code),
            "name": row.name,
            "level": row.level,
            "within": ", ".join(name for name in (row.kecamatan, row.kabupaten, row.province) if name),
            "current": row.current,
            "last_vintage": row.last_vintage,
            "successors": [dotted(code) for code in row.successors],
        }
        for row in found
    ]
    lines = [[row["code"], row["name"], row["within"], _life(row)] for row in rows]
    shown = table(("code", "name", "within", ""), lines) if rows else f"No area is called “{text}”."
    return Answer({"areas": rows}, shown)


def _life(row: dict[str, object]) -> str:
    if row["current"]:
        return ""
    successors = row["successors"]
    assert isinstance(successors, list)
    return f"retired after {row['last_vintage']}" + (f", now {', '.join(successors)}" if successors else "")


def _figures(what: str, file: Path, verb: Callable[..., actions.Figures]) -> Answer:
    found = verb(path=file)
    unknown = [dotted(code) for code in found.unknown]
    data = {
        "areas": found.areas,
        "changed": found.changed,
        "unknown": len(unknown),
        "unknown_examples": unknown[:10],
        "nothing_new": not found.changed,
    }
    known = found.areas - len(unknown)
    text = (
        f"{what} of {known:,} areas: {found.changed:,} changed."
        if found.changed
        else f"Nothing changed: the {what} of {known:,} areas are known."
    )
    warnings = list(found.notes)
    if unknown:
        examples = ", ".join(unknown[:3]) + (" …" if len(unknown) > 3 else "")
        warnings.append(f"{len(unknown):,} lines were left out, because no vintage imported has their code: {examples}")
    return Answer(data, text[0].upper() + text[1:], needs_person=bool(unknown), warnings=warnings)
