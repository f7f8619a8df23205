"""`salur reconciliation …`: the last days of a stage, from the sweep to closed books."""

import hashlib
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import click

from salur.lib import pdf
from salur.lib.clock import moment, now
from salur.lib.command import Answer, acting, answers, table
from salur.lib.problem import Problem
from salur.programmes.rules import Change
from salur.reconciliation import actions, bank, sweep
from salur.reconciliation.dossier import make_dossier
from salur.reconciliation.papers import actions as papers
from salur.reconciliation.papers import statement as files
from salur.reconciliation.papers.rules import Kind
from salur.reconciliation.rules import FINAL, Chance, Witness

FILE = click.Path(path_type=Path, dir_okay=False)
STAGE = click.option("--stage", "stage_code", required=True, metavar="CODE")
AREA = click.option("--area", "place", required=True, metavar="CODE", help="An office's code, or an area's (35.11).")


@click.group("reconciliation")
def reconciliation() -> None:
    """Windows, sweep, closing, return of money, statements, papers, dossiers."""


def _moment(text: str) -> datetime:
    try:
        return moment(text)
    except (ValueError, OverflowError) as error:
        raise Problem(f"{text} is not a moment: write 2022-06-20 or 2022-06-20T17:00+07:00.") from error


def _window(change: Change, *, until: bool, help: str) -> None:
    def verb(
        stage_code: str, place: str, reason: str, document: str, scan: Path | None, actor: str, until: str | None = None
    ) -> Answer:
        at = now()
        closes_at = _moment(until) if until else None
        made = actions.change_window(
            change=change, stage_code=stage_code, place=place, closes_at=closes_at, reason=reason, document=document, actor=actor, at=at,
            document_sha256=hashlib.sha256(scan.read_bytes()).hexdigest() if scan else "",
        )  # fmt: skip
        said = f"{place} {change}: {made} decisions." if made else "Decided before."
        return Answer({"change": change, "area": place, "closes_at": closes_at, "decisions": made}, said)

    verb.__doc__ = help
    options: list[Callable[[Any], Any]] = [
        STAGE,
        AREA,
        click.option("--reason", required=True),
        click.option("--document", required=True, help="Number and date of the paper that decided."),
        click.option("--scan", type=FILE, help="Its scan: the hash is kept."),
        acting,
    ]
    if until:
        options.append(click.option("--until", required=True, metavar="T", help="A date means the end of that day."))
    else:
        options.append(click.option("--since", "until", metavar="T", help="A past moment. Default: now."))
    decorated: Any = answers(verb)
    for option in options:
        decorated = option(decorated)
    name = {Change.EXTENDED: "extend", Change.FROZEN: "freeze", Change.REOPENED: "reopen"}[change]
    reconciliation.command(name, help=help)(decorated)


_window(Change.EXTENDED, until=True, help="Give an area or an office a later deadline.")
_window(
    Change.FROZEN,
    until=False,
    help="Nobody pays in an area or at an office any more; what was paid before still counts.",
)
_window(Change.REOPENED, until=True, help="Let an area or an office pay again, until a moment.")


@reconciliation.command("windows")
@STAGE
@AREA
@answers
def windows(stage_code: str, place: str) -> Answer:
    """When the villages of an area or office close, and what was decided about it."""
    stage, rows, decided = actions.windows(stage_code=stage_code, place=place)
    lines = [[row.branch, row.closes_at.isoformat(), row.villages, row.families] for row in rows]
    data = {
        "stage": stage.code,
        "windows": [row._asdict() for row in rows],
        "decisions": [row._asdict() for row in decided],
    }
    return Answer(data, table(("branch", "closes at (UTC)", "villages", "families"), lines, right=(2, 3)))


def as_data(found: actions.Statement) -> dict[str, Any]:
    """A statement for programs; the same fields as the pages and the papers show."""
    total = found.total
    data = {name: getattr(total, name) for name in FIGURES} | {
        "difference_rp": found.difference_rp,
        "list_difference_rp": found.list_difference_rp,
        "cash_difference_rp": found.cash_difference_rp,
        "stage": found.stage.code,
        "area": found.scope.code,
        "name": found.scope.name,
        "by": found.by,
        "as_of": found.at,
        "closed": total.closed == total.villages,
        "lines": [line_data(line) for line in found.lines],
        "cash": [row._asdict() | {"difference_rp": row.difference_rp} for row in found.cash],
        "missing": [row._asdict() for row in found.missing],
    }
    if found.national:
        data["national"] = found.national._asdict()
    return data


FIGURES = (
    "villages", "allocated", "allocated_rp", "paid", "paid_rp", "final_failed", "returned", "returned_rp", "held", "held_rp", "disputed",
    "disputed_rp", "open", "open_rp",
)  # fmt: skip
SHOWN = ("code", "name", "allocated", "paid", "final_failed", "returned", "held", "disputed", "open", "difference_rp")


def line_data(line: Any) -> dict[str, Any]:
    named = {"code": line.code, "name": line.name, "closed_villages": line.closed, "closed_at": line.closed_at}
    return named | {name: getattr(line, name) for name in FIGURES} | {"difference_rp": line.difference_rp}


def as_text(found: actions.Statement) -> str:
    rows = [[getattr(line, name) for name in SHOWN] for line in [*found.lines, found.total]]
    text = table(SHOWN, rows, right=range(2, len(SHOWN)))
    if found.cash:
        columns = (
            "code",
            "supplied_rp",
            "paid_rp",
            "sent_back_rp",
            "vault_rp",
            "floats_rp",
            "suspense_rp",
            "written_off_rp",
            "difference_rp",
        )
        text += "\n\n" + table(columns, [[getattr(row, name) for name in columns] for row in found.cash], right=range(1, len(columns)))  # fmt: skip
    return text + f"\n\ndifference: Rp{found.difference_rp}"


@reconciliation.command("close")
@STAGE
@AREA
@click.option("--document", default="", help="The paper that freezes a window which has not ended yet.")
@click.option("--reason", default="")
@acting
@answers
def close(stage_code: str, place: str, document: str, reason: str, actor: str) -> Answer:
    """Give every entitlement of an area or office its ending; again, it takes in what changed since."""
    at = now()

    def say(families: int) -> None:
        if sys.stderr.isatty():
            click.echo(f"{families:,} families closed", err=True)

    closed = actions.close(
        stage_code=stage_code, place=place, actor=actor, at=at, document=document, reason=reason, progress=say
    )
    found = actions.statement(stage_code=stage_code, place=place, at=at)
    changed = [row for row in closed if row.closing is not None]
    data = as_data(found) | {"closings": [row._asdict() for row in changed], "nothing_new": not changed}
    said = f"{len(changed)} of {len(closed)} branches have something new.\n\n" + as_text(found)
    return Answer(data, said, needs_person=found.difference_rp != 0 or found.total.disputed > 0)


@reconciliation.command("return")
@STAGE
@click.option("--area", "place", metavar="CODE", help="Whose vaults go back to headquarters: an office, or an area.")
@click.option("--to-treasury", is_flag=True, help="Headquarters gives what its bank holds back to the treasury.")
@click.option("--reference", help="The number of the paper or the bank's; needed for the treasury.")
@click.option("--amount", "amount_rp", type=click.IntRange(min=1), help="A part only, to the treasury.")
@click.option("--taken-by", metavar="USER", help="Who signed for it; left out, `salur custody accept` does.")
@acting
@answers
def return_(
    stage_code: str,
    place: str | None,
    to_treasury: bool,
    reference: str | None,
    amount_rp: int | None,
    taken_by: str | None,
    actor: str,
) -> Answer:
    """Send unpaid money back: the vaults of closed branches to headquarters, or headquarters' bank to the treasury."""
    at = now()
    if to_treasury:
        if not reference or place:
            raise Problem("Give the reference of what goes to the treasury, and no area: it is headquarters that pays.")
        sent = [
            actions.refund(stage_code=stage_code, actor=actor, at=at, reference=reference, taken_by=taken_by, amount_rp=amount_rp)
        ]  # fmt: skip
        place = sent[0].code
    elif not place or amount_rp:
        raise Problem("Name the area or office whose vaults go back (--area), or --to-treasury with a reference.")
    else:
        sent = actions.send_back(
            stage_code=stage_code, place=place, actor=actor, at=at, taken_by=taken_by, reference=reference
        )
    found = actions.statement(stage_code=stage_code, place=place, at=at)
    data = as_data(found) | {"movements": [row._asdict() for row in sent]}
    cells = [[row.code, row.outcome, row.amount_rp, row.reference] for row in sent]
    said = table(("office", "outcome", "amount_rp", "reference"), cells, right=(2,))
    waits = any(row.outcome in ("not_closed", "not_counted", "exists_with_different_facts") for row in sent)
    return Answer(data, said, needs_person=waits)


@reconciliation.command("receipt")
@click.argument("movement", type=click.UUID)
@click.option("--number", required=True, help="NTPN of the treasury, or the bank's number.")
@click.option("--scan", type=FILE, help="Its scan: the hash is kept.")
@acting
@answers
def receipt(movement: UUID, number: str, scan: Path | None, actor: str) -> Answer:
    """Keep the receipt of money that was sent back."""
    digest = hashlib.sha256(scan.read_bytes()).hexdigest() if scan else ""
    new = actions.note_receipt(movement=movement, number=number, actor=actor, at=now(), document_sha256=digest)
    return Answer({"movement": movement, "number": number, "new": new}, "Noted." if new else "Noted before.")


@reconciliation.command("statement")
@STAGE
@AREA
@click.option("--by", type=click.Choice(["nation", "region", "branch", "kecamatan", "village"]), default="branch")
@click.option(
    "--format", "form", type=click.Choice(["table", "json", "xlsx", "pdf"]), default="table", show_default=True
)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Of xlsx and pdf.")
@answers
def statement(stage_code: str, place: str, by: str, form: str, out: Path | None) -> Answer:
    """List and cash of an area or office side by side; the difference is zero, or exit 1."""
    if (form in ("xlsx", "pdf")) != (out is not None):
        raise Problem("A statement as xlsx or pdf goes into a file: name it with --out, and leave it out otherwise.")
    found = actions.statement(stage_code=stage_code, place=place, at=now(), by=by)
    if out is not None:
        content = files.spreadsheet(found) if form == "xlsx" else files.paper(found).content
        try:
            pdf.put(out, content)
        except OSError as error:
            raise Problem(f"{out} cannot be written ({error.strerror}).") from error
        said = f"{out}: {len(found.lines)} lines, difference Rp{found.difference_rp}."
        return Answer(as_data(found) | {"out": str(out)}, said, needs_person=found.difference_rp != 0)
    return Answer(as_data(found), as_text(found), needs_person=found.difference_rp != 0, as_json=form == "json")


@reconciliation.command("year")
@click.argument("year", type=click.IntRange(2000, 2100))
@answers
def year(year: int) -> Answer:
    """The year's stages: what came, was paid, went back, and is still somewhere."""
    rows = actions.year(year=year)
    columns = (
        "stage",
        "funded_rp",
        "paid_rp",
        "sent_back_rp",
        "refunded_rp",
        "bank_rp",
        "vaults_rp",
        "floats_rp",
        "suspense_rp",
    )
    text = table(columns, [[getattr(row, name) for name in columns] for row in rows], right=range(1, len(columns)))
    return Answer({"year": year, "stages": [row._asdict() for row in rows]}, text)


@reconciliation.command("dossier")
@STAGE
@click.option("--area", "branch", required=True, metavar="CODE", help="The branch.")
@click.option("--out", required=True, type=FILE, help="The ZIP to write.")
@acting
@answers
def dossier(stage_code: str, branch: str, out: Path, actor: str) -> Answer:
    """Write a branch's dossier for auditors; `python3 periksa.py FILE` (it lies inside) verifies it without this system."""
    made = make_dossier(stage_code=stage_code, branch=branch, out=out, actor=actor, at=now())
    said = f"{made.path}: {made.families} families, {made.files} files, {made.bytes} bytes.\nThe key to verify it with: {made.key}"
    return Answer(made._asdict() | {"path": str(made.path)}, said)


@reconciliation.command("papers")
@STAGE
@click.option("--branch", required=True, metavar="CODE")
@click.option(
    "--day",
    type=click.DateTime(["%Y-%m-%d"]),
    help="The papers of a day; without it those of the end: BAST and return.",
)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, metavar="DIR")
@click.option(
    "--only", "kinds", type=click.Choice([str(kind) for kind in Kind]), multiple=True, help="May be given again."
)
@acting
@answers
def papers_(
    stage_code: str, branch: str, day: datetime | None, out: Path, kinds: tuple[str, ...], actor: str
) -> Answer:
    """The papers to be signed: of a day (report, cash, records of the venues) or of the end (BAST, return of money)."""
    try:
        made = papers.write(
            stage_code=stage_code, branch_code=branch, day=day.date() if day else None, out=out, kinds=[Kind(kind) for kind in kinds],
            actor=actor, at=now(),
        )  # fmt: skip
    except OSError as error:
        raise Problem(f"{out} cannot be written ({error.strerror}).") from error
    rows = [
        {"kind": str(one.kind), "file": one.name if one.paper else None, "pages": one.paper.pages if one.paper else 0,
         "digest": one.paper.digest if one.paper else None}
        for one in made
    ]  # fmt: skip
    text = table(
        ("kind", "pages", "file"),
        [[row["kind"], row["pages"], row["file"] or "nothing to print"] for row in rows],
        right=(1,),
    )
    return Answer({"stage": stage_code, "branch": branch, "out": str(out), "papers": rows}, text)


@reconciliation.command("sweep")
@STAGE
@AREA
@answers
def sweep_(stage_code: str, place: str) -> Answer:
    """Who is not paid, by branch, village and reason; with how many tasks and confirmations."""
    rows = sweep.unpaid(stage_code=stage_code, place=place)
    columns = ("branch", "village", "name", "reason", "families", "amount_rp", "held", "tasks", "overdue", "confirmed")
    reasons: dict[str, int] = {}
    for row in rows:
        reasons[row.reason] = reasons.get(row.reason, 0) + row.families
    data = {
        "stage": stage_code, "area": place, "unpaid": sum(row.families for row in rows), "unpaid_rp": sum(row.amount_rp for row in rows),
        "by_reason": reasons, "rows": [row._asdict() for row in rows],
    }  # fmt: skip
    cells = [[getattr(row, name) for name in columns] for row in rows]
    return Answer(
        data, table(columns, cells, right=range(4, len(columns))) + f"\n\n{data['unpaid']} families are not paid."
    )


@reconciliation.command("give-tasks")
@STAGE
@AREA
@click.option("--chance", type=click.Choice([str(one) for one in Chance]), required=True)
@click.option("--due", required=True, metavar="DAY", type=click.DateTime(["%Y-%m-%d"]))
@click.option("--officer", metavar="CODE", help="Of the branch that serves the place.")
@click.option("--reason", "reasons", multiple=True, help="Only families with this reason; may be given again.")
@acting
@answers
def give_tasks(
    stage_code: str, place: str, chance: str, due: datetime, officer: str | None, reasons: tuple[str, ...], actor: str
) -> Answer:
    """Second chances for unpaid families: at the door, at another office, or to have the reason confirmed."""
    given = sweep.give_tasks(
        stage_code=stage_code, place=place, chance=Chance(chance), due=due.date(), officer=officer, reasons=reasons, actor=actor, at=now()
    )  # fmt: skip
    return Answer(given._asdict(), f"{given.given} tasks given, {given.kept} families had it before.")


@reconciliation.command("tasks")
@STAGE
@AREA
@click.option("--officer", metavar="CODE")
@answers
def tasks(stage_code: str, place: str, officer: str | None) -> Answer:
    """The sweep's tasks for families that are still not paid, the earliest day first."""
    rows = sweep.tasks(stage_code=stage_code, place=place, officer=officer)
    columns = ("due", "branch", "officer", "chance", "village_name", "name", "reason", "visits")
    text = table(columns, [[getattr(row, name) for name in columns] for row in rows], right=(7,))
    return Answer({"tasks": [row._asdict() for row in rows]}, text)


@reconciliation.command("confirm")
@STAGE
@click.option(
    "--family",
    required=True,
    metavar="ENTITLEMENT",
    help="The entitlement's id; a NIK is read from standard input with -.",
)
@click.option("--reason", required=True, type=click.Choice([*FINAL, "lives_here"]))
@click.option("--said-by", required=True, metavar="NAME")
@click.option("--office", required=True, type=click.Choice([str(one) for one in Witness]))
@click.option("--document", type=FILE, help="The photo of the document; needed for a final reason.")
@acting
@answers
def confirm(
    stage_code: str, family: str, reason: str, said_by: str, office: str, document: Path | None, actor: str
) -> Answer:
    """What TKSK, village or companion confirm about a family that cannot be paid."""
    word = sys.stdin.readline().strip() if family == "-" else family
    try:
        new = sweep.confirm(
            stage_code=stage_code, family=word, reason=reason, said_by=said_by, office=Witness(office), document=document, actor=actor, at=now()
        )  # fmt: skip
    except OSError as error:
        raise Problem(f"{document} cannot be read ({error.strerror}).") from error
    return Answer({"new": new, "reason": reason}, "Noted." if new else "Noted before.")


@reconciliation.command("gone")
@STAGE
@AREA
@click.option("--out", type=FILE, help="Write the CSV for the ministry here.")
@answers
def gone(stage_code: str, place: str, out: Path | None) -> Answer:
    """The dead, moved and duplicate of a place, for the ministry's next list."""
    rows = sweep.gone(stage_code=stage_code, place=place)
    if out is not None:
        sweep.write_gone(rows, out)
    columns = ("branch", "village", "version", "line", "name", "nik", "reason", "office")
    text = table(columns, [[getattr(row, name) for name in columns] for row in rows], right=(2, 3))
    return Answer({"families": len(rows), "rows": [row._asdict() for row in rows]}, text)


@reconciliation.command("import-bank")
@click.argument("file", type=FILE)
@click.option("--account", default="", help="Where the file does not name it.")
@acting
@answers
def import_bank(file: Path, account: str, actor: str) -> Answer:
    """A statement of the giro account (CSV or MT940), matched with our books; what is left becomes cases."""
    done = bank.import_statement(path=file, actor=actor, at=now(), account=account)
    said = f"{done.lines} lines, {done.new} new, {done.matched} matched, {done.unmatched} without a movement (cases)."
    return Answer(done._asdict(), said, needs_person=done.unmatched > 0)
