"""`salur field …`: phones and their work lists."""

from datetime import date, datetime, time, timedelta
from typing import BinaryIO, TextIO
from uuid import UUID
from zoneinfo import ZoneInfo

import click

from salur.field import lease, outbox_file, planned_lists
from salur.field.models import Device
from salur.lib.clock import now
from salur.lib.command import Answer, acting, answers, table
from salur.lib.problem import NotFound, Problem
from salur.offices.models import Office, Officer
from salur.programmes.actions import stage_by_code

BRANCHES = ("KC", "KCU")


@click.group("field")
def field() -> None:
    """The officers' phones: enrol them, give them work lists, lock them out."""


@field.command("offer")
@click.argument("branch", metavar="BRANCH")
@click.argument("officer", metavar="OFFICER")
@acting
@answers
def offer(branch: str, officer: str, actor: str) -> Answer:
    """A one-time code that makes one phone the device of an officer (the branch's own code, as JB-001); good for ten minutes."""
    found = Officer.objects.filter(branch__code=branch, code=officer).first()
    if found is None:
        raise NotFound(f"Branch {branch} has no officer {officer}: import the officers first.")
    token = lease.offer_enrolment(officer=found.id, actor=actor, at=now())
    return Answer({"token": token, "officer": officer, "minutes": int(lease.TOKEN_KEEPS.total_seconds() // 60)})


@field.command("devices")
@click.option("--branch", metavar="CODE", help="Of one branch; all when left out.")
@answers
def devices(branch: str | None) -> Answer:
    """Every phone: whose it is, how far its chain is here, what it has not sent yet."""
    found = Device.objects.select_related("branch", "officer").order_by("branch__code", "officer__code", "enrolled_at")
    if branch is not None:
        found = found.filter(branch__code=branch)
    rows = [
        {
            "id": device.id, "branch": device.branch.code, "officer": device.officer.code, "events": device.last_seq,
            "waiting": device.highest_seq > device.last_seq, "unsent": device.unsent, "last_seen_at": device.last_seen_at,
            "revoked_at": device.revoked_at,
        }
        for device in found
    ]  # fmt: skip
    header = ("id", "branch", "officer", "events", "waiting", "unsent", "last_seen_at", "revoked_at")
    lines = [["" if row[name] is None else row[name] for name in header] for row in rows]
    return Answer({"devices": rows}, table(header, lines, right=(3, 5)))


@field.command("lease")
@click.argument("device", type=click.UUID)
@click.argument("families", type=click.File())
@click.option("--stage", "stage_code", required=True, metavar="CODE")
@click.option("--day", required=True, metavar="DATE", help="The day it is for, as 2022-03-12.")
@click.option("--until", default=24, show_default=True, type=click.IntRange(1, 72), help="Hours after the day began.")
@acting
@answers
def issue(device: UUID, families: TextIO, stage_code: str, day: str, until: int, actor: str) -> Answer:
    """Put families (a file of entitlement ids, one in a line, in the order of the visits; - is stdin) on a phone's work list."""
    owner = Device.objects.select_related("branch").filter(id=device).first()
    if owner is None:
        raise NotFound(f"There is no device {device}.")
    try:
        chosen = date.fromisoformat(day)
        ids = [UUID(line.strip()) for line in families if line.strip()]
    except ValueError as error:
        raise Problem(f"{error}: the day is written 2022-03-12, and each line of the file is one id.") from error
    begins = datetime.combine(chosen, time(), ZoneInfo(owner.branch.timezone))
    issued = lease.issue_lease(
        device=device, stage=stage_by_code(stage_code).id, entitlements=ids, day=chosen, expires_at=begins + timedelta(hours=until),
        actor=actor, at=now(),
    )  # fmt: skip
    return Answer({"lease": issued.id, "families": issued.families, "amount_rp": issued.amount_rp})


@field.command("end-lease")
@click.argument("work_list", metavar="LEASE", type=click.UUID)
@acting
@answers
def end(work_list: UUID, actor: str) -> Answer:
    """End a work list early: its families may go on another one."""
    return Answer({"freed": lease.end_lease(lease=work_list, at=now(), actor=actor)})


@field.command("revoke")
@click.argument("device", type=click.UUID)
@click.option("--reason", required=True)
@acting
@answers
def revoke(device: UUID, reason: str, actor: str) -> Answer:
    """Lock a phone out: what it did before is still taken in, what it does after stands in suspense."""
    lease.revoke_device(device=device, reason=reason, actor=actor, at=now())
    return Answer({"revoked": device})


@field.command("hand-out")
@click.argument("device", type=click.UUID)
@click.option("--stage", "stage_code", required=True, metavar="CODE")
@click.option("--day", required=True, metavar="DATE", help="The day it is for, as 2022-03-12.")
@click.option(
    "--village",
    "villages",
    multiple=True,
    type=int,
    metavar="CODE",
    help="Of these villages; all of the branch when left out.",
)
@click.option(
    "--most", default=200, show_default=True, type=click.IntRange(1, lease.MAX_FAMILIES), help="Families at most."
)
@acting
@answers
def hand_out(device: UUID, stage_code: str, day: str, villages: tuple[int, ...], most: int, actor: str) -> Answer:
    """Put the next families that are unpaid and on nobody's list on a phone's work list, in the order of their addresses."""
    issued = lease.hand_out(
        device=device,
        stage=stage_by_code(stage_code).id,
        villages=villages,
        most=most,
        day=_day(day),
        actor=actor,
        at=now(),
    )
    return Answer({"lease": issued.id, "families": issued.families, "amount_rp": issued.amount_rp})


@field.command("hand-out-day")
@click.argument("branch", metavar="BRANCH")
@click.option("--stage", "stage_code", required=True, metavar="CODE")
@click.option("--day", required=True, metavar="DATE", help="A day of the published plan, as 2022-03-12.")
@acting
@answers
def hand_out_day(branch: str, stage_code: str, day: str, actor: str) -> Answer:
    """Put the families that the published plan gives each officer on a day on the officer's phone; again adds only what is new."""
    office = Office.objects.filter(code=branch, kind__in=BRANCHES).first()
    if office is None:
        raise NotFound(f"There is no branch {branch}.")
    done = planned_lists.hand_out_day(
        stage=stage_by_code(stage_code).id, branch=office.id, day=_day(day), actor=actor, at=now()
    )
    rows = [
        {
            "officer": one.planned.code or None, "name": one.planned.name or None, "device": one.planned.device,
            "planned": one.planned.families, "handed_out": one.families, "paid": one.planned.paid, "held": one.planned.held,
            "on_a_list_before": one.planned.listed, "left": len(one.planned.left) - one.families, "refused": one.refused or None,
        }
        for one in done
    ]  # fmt: skip
    header = ("officer", "name", "planned", "handed_out", "on_a_list_before", "paid", "held", "left", "refused")
    lines = [["–" if row[name] is None else row[name] for name in header] for row in rows]
    sums = {"lists": sum(one.lists for one in done), "families": sum(one.families for one in done)}
    return Answer({**sums, "officers": rows}, table(header, lines, right=(2, 3, 4, 5, 6, 7)))


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Problem(f"{error}: the day is written 2022-03-12.") from error


@field.command("import-outbox")
@click.argument("file", type=click.File("rb"))
@acting
@answers
def import_outbox(file: BinaryIO, actor: str) -> Answer:
    """Take in the emergency file of a phone (- is stdin); repeating it changes nothing. Exit code 1 when something in it needs a person."""
    found = outbox_file.import_outbox(content=file.read(), actor=actor, at=now())
    return Answer(
        {
            "devices": found.devices, "events": found.events, "answers": dict(found.answers), "photos": found.photos,
            "photos_known": found.photos_known, "unreadable": found.unreadable,
        },
        needs_person=found.needs_person,
    )  # fmt: skip
