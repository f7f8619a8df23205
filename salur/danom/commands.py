"""`salur danom import|columns|approve|cancel|batches|quarantine|allocation|diff|hold|release|holds|duplicates|judge|policy`."""

import csv
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import click

from salur.danom import actions, columns
from salur.danom.models import Batch
from salur.danom.reading import ENCODINGS
from salur.danom.rules import ADJUSTABLE, COLUMNS, ERRORS, MENDED, Kind, Reason, Weight
from salur.lib.clock import now
from salur.lib.command import Answer, acting, answers, table
from salur.lib.problem import Problem
from salur.lib.sheet import harmless
from salur.programmes.actions import stage_by_code


class Stopped(Problem):
    code = "stopped"


@click.group("danom")
def danom() -> None:
    """The nominative list: batches, entitlements, allocation."""


def _progress(what: str) -> Callable[[int], None]:
    """Tells on stderr how far the work is, once it takes longer than two seconds; in place on a terminal."""
    started = told = time.monotonic()
    terminal = sys.stderr.isatty()

    def progress(count: int) -> None:
        nonlocal told
        moment = time.monotonic()
        if moment - started > 2 and moment - told > (0.2 if terminal else 10):
            told = moment
            line = f"{count:>12,} {what}, {count / (moment - started):,.0f} a second"
            click.echo(f"\r{line}" if terminal else line, err=True, nl=not terminal)

    return progress


@danom.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--stage", "stage_code", required=True, metavar="CODE")
@click.option("--batch", "name", metavar="NAME", help="What to call the batch; else the stage's code and the version.")
@click.option("--kind", type=click.Choice([kind.value for kind in Kind]), help="Else a list, or a supplement to one.")
@click.option("--quarantine", type=click.Path(path_type=Path), metavar="OUT.csv", help="Write the lines to mend.")
@click.option("--encoding", type=click.Choice(ENCODINGS), help="Of a CSV file.  [default: utf-8]")
@click.option(
    "--mapping", type=click.Path(path_type=Path), metavar="FILE.toml", help="What columns mean; see `danom columns`."
)
@acting
@answers
def import_(
    file: Path, stage_code: str, name: str | None, kind: str | None, quarantine: Path | None, encoding: str | None,
    mapping: Path | None, actor: str,
) -> Answer:  # fmt: skip
    """Check a list line by line and let it wait for approval; the same file again changes nothing."""
    started = time.monotonic()
    try:
        imported = actions.import_batch(
            path=file, stage_code=stage_code, actor=actor, at=now(), name=name, kind=Kind(kind) if kind else None, encoding=encoding,
            mapping=mapping, progress=_progress("lines"),
        )  # fmt: skip
    except KeyboardInterrupt:
        raise Stopped("Stopped: nothing was imported.") from None
    seconds = time.monotonic() - started
    batch = imported.batch
    if quarantine is not None:
        write_quarantine(quarantine, batch, actor)
    data = {
        **describe(batch),
        "again": imported.again,
        "seconds": round(seconds, 3),
        "lines_per_s": round(batch.lines / seconds) if seconds else 0,
        "peak_rss_mb": _peak_rss_mb(),
    }
    text = f"{batch.name}: {batch.lines:,} lines, {batch.accepted:,} accepted ({batch.warned:,} with a warning), {batch.quarantined:,} in quarantine."
    if imported.again:
        text = f"This file was imported before, as {batch.name}: nothing changed."
    text += "".join(f"\n  {count:>12,}  {reason}" for reason, count in batch.reasons.items())
    if batch.state == "imported":
        text += f"\nApprove it as another person: salur danom approve {batch.name} --as NAME"
    return Answer(data, text, needs_person=batch.quarantined > 0, warnings=imported.notes)


def _peak_rss_mb() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1 << 20 if sys.platform == "darwin" else 1024))


def describe(batch: Batch) -> dict[str, object]:
    return {
        "batch": batch.name, "id": batch.id, "version": batch.version, "kind": batch.kind, "state": batch.state, "lines": batch.lines,
        "accepted": batch.accepted, "warned": batch.warned, "quarantined": batch.quarantined, "duplicates": batch.duplicates,
        "amount_rp": batch.amount_rp, "reasons": dict(sorted(batch.reasons.items())),
    }  # fmt: skip


@danom.command("columns")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--encoding", type=click.Choice(ENCODINGS), help="Of a CSV file.  [default: auto]")
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="FILE.toml", help="Write the proposal as a mapping file."
)
@answers
def columns_(file: Path, encoding: str | None, out: Path | None) -> Answer:
    """What the columns of a file seem to mean, as a mapping to look over and give to `danom import --mapping`."""
    proposal = columns.propose(file, encoding=encoding)
    mapping = columns.as_toml(proposal)
    if out is not None:
        out.write_text(mapping, encoding="utf-8")
    data = {
        "columns": [column._asdict() for column in proposal.columns], "missing": proposal.missing, "encoding": proposal.encoding,
        "mapping": mapping,
    }  # fmt: skip
    return Answer(data, mapping, needs_person=bool(proposal.missing))


def write_quarantine(path: Path, batch: Batch, actor: str) -> int:
    """The lines to mend, in the columns of a list, with where they were and why; no cell can run as a formula. Answers how many.

    The file holds numbers in clear, as the ministry sent them: it is readable by its owner alone, and who wrote it is kept.
    """
    count = 0
    path.touch(mode=0o600)
    with path.open("w", newline="", encoding="utf-8-sig") as sheet:
        writer = csv.writer(sheet)
        writer.writerow([*COLUMNS, *MENDED, "lembar", "baris_lembar", "alasan", "sama_dengan_baris"])
        for line in actions.quarantined(batch=batch):
            cells = [harmless(line.content[column]) for column in COLUMNS]
            where = [harmless(batch.name), line.number, harmless(line.part), line.line]
            writer.writerow([*cells, *where, line.reasons, line.earlier_line or ""])
            count += 1
    actions.note_export(batch=batch, lines=count, actor=actor, at=now())
    return count


@danom.command("approve")
@click.argument("batch")
@acting
@answers
def approve(batch: str, actor: str) -> Answer:
    """Make a batch's lines count; by another person than the importer."""
    started = time.monotonic()
    done = actions.approve_batch(word=batch, actor=actor, at=now(), progress=_progress("families registered"))
    what = {
        Kind.CORRECTION: "families corrected",
        Kind.WITHDRAWAL: "families held back",
    }.get(Kind(done.kind), "entitlements")
    text = f"{done.name} is approved: {done.accepted:,} {what}, version {done.version} of the list."
    data = {
        **describe(done), "approved_by": done.approved_by, "approved_at": done.approved_at,
        "seconds": round(time.monotonic() - started, 3), "peak_rss_mb": _peak_rss_mb(),
    }  # fmt: skip
    return Answer(data, text)


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
    waiting = actions.still_quarantined()
    rows = [
        describe(batch) | {
            "stage": batch.stage.code, "to_mend": waiting.get(batch.id, 0), "imported_by": batch.imported_by,
            "imported_at": batch.imported_at, "approved_by": batch.approved_by, "approved_at": batch.approved_at,
        }
        for batch in found
    ]  # fmt: skip
    header = ("stage", "version", "batch", "kind", "state", "lines", "accepted", "quarantined", "to_mend")
    return Answer(
        {"batches": rows}, table(header, [[row[column] for column in header] for row in rows], right=(1, 5, 6, 7, 8))
    )


@danom.command("quarantine")
@click.argument("batch")
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="OUT.csv")
@acting
@answers
def quarantine(batch: str, out: Path, actor: str) -> Answer:
    """Write a batch's lines that wait in quarantine to a file, to be mended and imported again."""
    count = write_quarantine(out, actions.batch_named(batch), actor)
    return Answer({"lines": count, "file": str(out)}, f"{count:,} lines to mend in {out}.")


@danom.command("allocation")
@click.option("--stage", "stage_code", required=True, metavar="CODE")
@click.option("--by", type=click.Choice(["nation", "region", "branch", "kecamatan", "village"]), default="branch", show_default=True)  # fmt: skip
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
    """What changed from batch A to batch B: the allocation village by village within a stage, the families between two stages."""
    a, b = actions.batch_named(older), actions.batch_named(newer)
    header: tuple[str, ...]
    if a.stage_id == b.stage_id:
        if a.version > b.version:
            a, b = b, a
        rows = actions.queries.difference(stage=a.stage_id, older=a.version, newer=b.version)
        header, right = ("branch", "village", "lines", "amount_rp"), [1, 2, 3]
        changes = actions.queries.changes(stage=a.stage_id, older=a.version, newer=b.version)
        data: dict[str, object] = {
            "stage": a.stage.code, "older": a.version, "newer": b.version, "lines": sum(row.lines for row in rows),
            "amount_rp": sum(row.amount_rp for row in rows), "corrected": len(changes),
            "corrections": [row._asdict() for row in changes],
        }  # fmt: skip
    else:
        rows = actions.queries.between_stages(older=a.stage_id, newer=b.stage_id)
        header = ("branch", "came", "went", "stayed", "other_amount", "other_village")
        right = [1, 2, 3, 4, 5]
        data = {"older": a.stage.code, "newer": b.stage.code}
        data |= {column: sum(getattr(row, column) for row in rows) for column in header[1:]}
    data["rows"] = [row._asdict() for row in rows]
    return Answer(data, table(header, [[getattr(row, column) for column in header] for row in rows], right=right))


def _reasoned(verb: Callable[..., Answer]) -> Callable[..., Answer]:
    return click.option("--reason", required=True, metavar="TEXT")(verb)


@danom.command("hold")
@click.argument("who", metavar="NIK|ENTITLEMENT")
@click.option("--stage", "stage_code", required=True, metavar="CODE")
@acting
@answers
@_reasoned
def hold(who: str, stage_code: str, reason: str, actor: str) -> Answer:
    """Let nobody pay a family until it is released, as the ministry asks; it stays allocated."""
    row, changed = actions.hold(stage_code=stage_code, word=who, reason=_given(reason), actor=actor, at=now())
    text = f"Entitlement {row.id} is held." if changed else f"Entitlement {row.id} was held before: nothing changed."
    return Answer({"entitlement": row.id, "held": True, "changed": changed}, text)


@danom.command("release")
@click.argument("who", metavar="NIK|ENTITLEMENT")
@click.option("--stage", "stage_code", required=True, metavar="CODE")
@acting
@answers
@_reasoned
def release(who: str, stage_code: str, reason: str, actor: str) -> Answer:
    """Let a held family be paid."""
    row, changed = actions.release(stage_code=stage_code, word=who, reason=_given(reason), actor=actor, at=now())
    text = f"Entitlement {row.id} may be paid." if changed else f"Entitlement {row.id} was not held: nothing changed."
    return Answer({"entitlement": row.id, "held": False, "changed": changed}, text)


def _given(reason: str) -> str:
    if not reason.strip():
        raise click.UsageError("--reason says why; it cannot be empty.")
    return reason.strip()


@danom.command("holds")
@click.option("--stage", "stage_code", required=True, metavar="CODE")
@click.option("--released", is_flag=True, help="Also those that were released.")
@answers
def holds(stage_code: str, released: bool) -> Answer:
    """Who is held back, and why."""
    rows = actions.holds(stage_code=stage_code, released=released)
    header = ("entitlement", "branch", "village", "amount_rp", "reason", "held_by", "held_at")
    data = {"stage": stage_code, "holds": [row._asdict() for row in rows]}
    return Answer(data, table(header, [[getattr(row, column) for column in header] for row in rows], right=(2, 3)))


@danom.command("duplicates")
@click.option("--stage", "stage_code", metavar="CODE")
@answers
def duplicates(stage_code: str | None) -> Answer:
    """Pairs of families that may be one person and that nobody has judged."""
    pairs = actions.open_pairs(stage_code=stage_code)
    header = ("batch", "line", "name", "birth_date", "nik", "address", "other_nik", "other_address", "family", "other")
    return Answer(
        {"pairs": pairs},
        table(header, [[pair[column] for column in header] for pair in pairs], right=(1,)),
        needs_person=bool(pairs),
    )


@danom.command("judge")
@click.argument("family", type=click.UUID)
@click.argument("other", type=click.UUID)
@click.option("--same/--distinct", required=True, help="One person, or two; two are never asked about again.")
@acting
@answers
@_reasoned
def judge(family: UUID, other: UUID, same: bool, reason: str, actor: str) -> Answer:
    """Say whether two families are one person."""
    actions.judge_pair(family=family, other=other, same=same, reason=_given(reason), actor=actor, at=now())
    text = "Noted: one person. Hold one of the two: salur danom hold." if same else "Noted: two people."
    return Answer({"family": family, "other": other, "same": same}, text)


@danom.command("policy")
@click.argument("programme")
@click.argument("weights", nargs=-1, metavar="[REASON=error|warning]...")
@acting
@answers
def policy(programme: str, weights: tuple[str, ...], actor: str) -> Answer:
    """How much each reason weighs in a programme; with REASON=WEIGHT, let it weigh otherwise from the next import on."""
    asked = {}
    for text in weights:
        reason, _, weight = text.partition("=")
        try:
            asked[Reason(reason)] = Weight(weight)
        except ValueError:
            raise click.UsageError(f"{text}: write a reason and what it is, as kk_form=warning.") from None
    found = actions.set_policy(programme_code=programme, weights=asked, actor=actor, at=now())
    house = {reason: Weight.ERROR if reason in ERRORS else Weight.WARNING for reason in Reason}
    rows = [
        {"reason": reason.value, "weight": found.get(reason, weight).value, "adjustable": reason in ADJUSTABLE}
        for reason, weight in house.items()
    ]
    return Answer(
        {"programme": programme, "policy": rows},
        table(("reason", "weight"), [(r["reason"], r["weight"]) for r in rows]),
    )
