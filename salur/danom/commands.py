"""`salur danom import|approve|cancel|batches|allocation|diff|quarantine`."""

import csv
import resource
import sys
import time
from pathlib import Path

import click

from salur.danom import actions
from salur.danom.models import Batch
from salur.danom.rules import COLUMNS
from salur.lib.clock import now
from salur.lib.command import Answer, acting, answers, table
from salur.programmes.actions import stage_by_code


@click.group("danom")
def danom() -> None:
    """The nominative list: batches, entitlements, allocation."""


@danom.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--stage", "stage_code", required=True, metavar="CODE")
@click.option("--batch", "name", metavar="NAME", help="What to call the batch; else the stage's code and the version.")
@click.option("--quarantine", type=click.Path(path_type=Path), metavar="OUT.csv", help="Write the lines to mend.")
@click.option("--encoding", type=click.Choice(["utf-8", "windows-1252"]), default="utf-8", show_default=True)
@acting
@answers
def import_(
    file: Path, stage_code: str, name: str | None, quarantine: Path | None, encoding: str, actor: str
) -> Answer:
    """Check a list line by line and let it wait for approval; the same file again changes nothing."""
    started = time.monotonic()

    def progress(lines: int) -> None:
        if sys.stderr.isatty() and time.monotonic() - started > 2:
            click.echo(f"\r{lines:>12,} lines", err=True, nl=False)

    imported = actions.import_batch(
        path=file, stage_code=stage_code, actor=actor, at=now(), name=name, encoding=encoding, progress=progress
    )
    seconds = time.monotonic() - started
    batch = imported.batch
    if quarantine is not None:
        write_quarantine(quarantine, imported.quarantine or actions.quarantined(batch=batch))
    data = {
        **describe(batch),
        "again": imported.again,
        "seconds": round(seconds, 3),
        "lines_per_s": round(batch.lines / seconds) if seconds else 0,
        "peak_rss_mb": round(
            resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 1 << 20)
        ),
    }
    text = f"{batch.name}: {batch.lines:,} lines, {batch.accepted:,} accepted ({batch.warned:,} with a warning), {batch.quarantined:,} in quarantine."
    if imported.again:
        text = f"This file was imported before, as {batch.name}: nothing changed."
    text += "".join(f"\n  {count:>12,}  {reason}" for reason, count in batch.reasons.items())
    if batch.state == "imported":
        text += f"\nApprove it as another person: salur danom approve {batch.name} --as NAME"
    return Answer(data, text, needs_person=batch.quarantined > 0)


def describe(batch: Batch) -> dict[str, object]:
    return {
        "batch": batch.name, "id": batch.id, "version": batch.version, "state": batch.state, "lines": batch.lines,
        "accepted": batch.accepted, "warned": batch.warned, "quarantined": batch.quarantined, "duplicates": batch.duplicates,
        "amount_rp": batch.amount_rp, "reasons": batch.reasons,
    }  # fmt: skip


def write_quarantine(path: Path, lines: list[tuple[int, str, dict[str, str]]]) -> None:
    """The lines to mend, in the columns of a list, with their number and reasons; no cell can run as a formula."""
    with path.open("w", newline="", encoding="utf-8") as sheet:
        writer = csv.writer(sheet)
        writer.writerow([*COLUMNS, "baris", "alasan"])
        for line, reasons, content in lines:
            writer.writerow([*(harmless(content[column]) for column in COLUMNS), line, reasons])


def harmless(cell: str) -> str:
    """A cell that a spreadsheet shows and does not run."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell


@danom.command("approve")
@click.argument("batch")
@acting
@answers
def approve(batch: str, actor: str) -> Answer:
    """Make a batch's lines entitlements; by another person than the importer."""
    done = actions.approve_batch(word=batch, actor=actor, at=now())
    text = f"{done.name} is approved: {done.accepted:,} entitlements, version {done.version} of the list."
    return Answer({**describe(done), "approved_by": done.approved_by, "approved_at": done.approved_at}, text)


@danom.command("cancel")
@click.argument("batch")
@acting
@answers
def cancel(batch: str, actor: str) -> Answer:
    """Give up a batch that waits for approval."""
    done = actions.cancel_batch(word=batch, actor=actor, at=now())
    return Answer(describe(done), f"{done.name}: its file may be imported again.")


@danom.command("batches")
@click.option("--stage", "stage_code", metavar="CODE")
@answers
def batches(stage_code: str | None) -> Answer:
    """Every batch with its state."""
    found = Batch.objects.select_related("stage").order_by("stage", "version")
    if stage_code:
        found = found.filter(stage=stage_by_code(stage_code))
    rows = [describe(batch) | {"stage": batch.stage.code} for batch in found]
    header = ("stage", "version", "batch", "state", "lines", "accepted", "quarantined")
    return Answer(
        {"batches": rows}, table(header, [[row[column] for column in header] for row in rows], right=(1, 4, 5, 6))
    )


@danom.command("quarantine")
@click.argument("batch")
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="OUT.csv")
@answers
def quarantine(batch: str, out: Path) -> Answer:
    """Write a batch's quarantined lines to a file, to be mended and imported again."""
    lines = actions.quarantined(batch=actions.batch_named(batch))
    write_quarantine(out, lines)
    return Answer({"lines": len(lines), "file": str(out)}, f"{len(lines):,} lines to mend in {out}.")


@danom.command("allocation")
@click.option("--stage", "stage_code", required=True, metavar="CODE")
@click.option(
    "--by",
    type=click.Choice(["nation", "region", "branch", "kecamatan", "village"]),
    default="branch",
    show_default=True,
)
@click.option("--version", type=int, metavar="N", help="As of this version; the newest approved when left out.")
@answers
def allocation(stage_code: str, by: str, version: int | None) -> Answer:
    """Allocated families and rupiah."""
    as_of, rows = actions.allocation(stage_code=stage_code, by=by, version=version)
    header = ("code", "name", "allocated", "amount_rp")
    data = {"stage": stage_code, "version": as_of, "rows": [row._asdict() for row in rows]}
    return Answer(data, table(header, [[getattr(row, column) for column in header] for row in rows], right=(2, 3)))


@danom.command("diff")
@click.argument("older")
@click.argument("newer")
@answers
def diff(older: str, newer: str) -> Answer:
    """What the allocation gained between two batches of a stage, village by village."""
    a, b = actions.batch_named(older), actions.batch_named(newer)
    rows = actions.queries.difference(stage=a.stage_id, older=a.version, newer=b.version)
    header = ("branch", "village", "lines", "amount_rp")
    data = {"older": a.version, "newer": b.version, "rows": [row._asdict() for row in rows]}
    return Answer(data, table(header, [[getattr(row, column) for column in header] for row in rows], right=(1, 2, 3)))
