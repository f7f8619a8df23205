"""`salur oversight …`: samples, signals, complaints, control visits."""

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import click
from django.utils import translation

from salur.lib.clock import moment, now
from salur.lib.command import Answer, acting, answers, table
from salur.lib.problem import Problem
from salur.offices.actions import branches_by_code
from salur.offices.models import Officer
from salur.oversight import actions
from salur.oversight.rules import About, Check, Found, Method, Said, Way
from salur.oversight.words import sentence
from salur.programmes.actions import stage_by_code

STAGE = click.option("--stage", "stage_code", required=True, metavar="CODE")
BRANCH = click.option("--branch", "branch_code", required=True, metavar="CODE")


@click.group("oversight")
def oversight() -> None:
    """Do the families say what the books say? Which officers should somebody look after?"""


def _branch(code: str) -> int:
    found = branches_by_code().get(code)
    if found is None:
        raise Problem(f"There is no branch {code}.")
    return found


def _officer(branch: int, code: str | None) -> int | None:
    if not code:
        return None
    found = Officer.objects.filter(branch_id=branch, code=code).values_list("id", flat=True).first()
    if found is None:
        raise Problem(f"There is no officer {code} at this branch.")
    return int(found)


# -- sample ----------------------------------------------------------------------------------------------------------------------


@oversight.group("sample")
def sample() -> None:
    """Payments to ask the families about, drawn by a seed."""


@sample.command("draw")
@STAGE
@BRANCH
@click.option("--method", type=click.Choice([method.value for method in Method]), default="call", show_default=True)
@click.option("--confidence", type=click.Choice(["90", "95", "99"]), default="95", show_default=True, help="Percent.")
@click.option(
    "--share", default="1", show_default=True, help="The percentage of problems of which at least one shall be seen."
)
@click.option("--size", type=int, help="How many, instead.")
@click.option("--seed", help="32 hexadecimal digits, to draw an earlier sample again.")
@click.option("--id", "id_", type=click.UUID, help="Makes it safe to repeat.")
@acting
@answers
def draw(
    stage_code: str,
    branch_code: str,
    method: str,
    confidence: str,
    share: str,
    size: int | None,
    seed: str | None,
    id_: UUID | None,
    actor: str,
) -> Answer:
    """Draw a sample of a branch's payments."""
    try:
        part, given = Decimal(share.replace(",", ".")) / 100, bytes.fromhex(seed) if seed else None
    except (ArithmeticError, ValueError) as error:
        raise Problem("Write --share as a percentage like 0.5, and --seed as hexadecimal digits.") from error
    drawn = actions.draw_sample(
        stage_code=stage_code, branch=_branch(branch_code), method=Method(method), confidence=Decimal(confidence) / 100, share=part, size=size,
        seed=given, id=id_, actor=actor, at=now(),
    )  # fmt: skip
    data = {
        "sample": drawn.id, "branch": branch_code, "population": drawn.population, "size": drawn.size, "existed": drawn.existed,
        "confidence_percent": int(confidence), "share_percent": part * 100,
    }  # fmt: skip
    said = "was drawn before" if drawn.existed else "is drawn"
    return Answer(data, f"Sample {drawn.id} {said}: {drawn.size} of {drawn.population:,} payments.")


@sample.command("list")
@click.option("--stage", "stage_code", metavar="CODE")
@answers
def list_samples(stage_code: str | None) -> Answer:
    """The samples, the latest first."""
    rows = actions.samples(stage=stage_by_code(stage_code).id if stage_code else None, limit=1_000)
    found = [
        {
            "sample": row.id, "stage": row.stage_code, "branch": row.branch_code, "method": row.method, "population": row.population,
            "size": row.size, "asked": row.asked, "drawn_by": row.drawn_by, "drawn_at": row.drawn_at,
        }
        for row in rows
    ]  # fmt: skip
    header = ("sample", "stage", "branch", "method", "population", "size", "asked")
    return Answer({"samples": found}, table(header, [[each[key] for key in header] for each in found], right=(4, 5, 6)))


@sample.command("show")
@click.argument("sample_id", metavar="SAMPLE", type=click.UUID)
@answers
def show_sample(sample_id: UUID) -> Answer:
    """A sample's payments, what was said, and what that says about all payments."""
    found, said = actions.one_sample(sample=sample_id), actions.result_of(sample=sample_id)
    rows = [
        {
            "number": row.number, "payment": row.payment, "officer": row.officer_code, "village": row.village_name, "amount_rp": row.amount_rp,
            "said": row.said, "got_rp": row.got_rp, "asked_by": row.asked_by,
        }
        for row in actions.items(sample=sample_id)
    ]  # fmt: skip
    confidence = Decimal(found.confidence_ppm) / 10_000
    data = {
        "sample": sample_id, "branch": found.branch_code, "stage": found.stage_code, "method": found.method,
        "seed": bytes(found.seed).hex(), "population": found.population, "size": found.size, "answered": said.answered, "silent": said.silent,
        "by_answer": dict(said.by_answer), "confidence_percent": confidence, "problems": said.likely.problems,
        "share_percent": said.likely.share_percent, "low_percent": said.likely.low_percent, "high_percent": said.likely.high_percent,
        "worst_high_percent": said.worst.high_percent, "items": rows,
    }  # fmt: skip
    head = (
        f"{found.branch_code}, {found.method}: {said.answered} of {found.size} answered, {said.likely.problems} with a problem\n"
        f"Of all {found.population:,} payments between {said.likely.low_percent} and {said.likely.high_percent} % have one"
        f" ({confidence.normalize():f} % confidence); were all who gave no answer problems, up to {said.worst.high_percent} %."
    )
    header = ("number", "officer", "village", "amount_rp", "said", "got_rp", "asked_by")
    lines = [[row[key] if row[key] is not None else "–" for key in header] for row in rows]
    return Answer(data, head + "\n\n" + table(header, lines, right=(0, 3, 5)))


@sample.command("answer")
@click.argument("sample_id", metavar="SAMPLE", type=click.UUID)
@click.argument("number", type=int)
@click.argument("said", type=click.Choice([each.value for each in Said]))
@click.option("--got-rp", type=int, help="What the family says it received.")
@click.option("--note", default="")
@acting
@answers
def answer(sample_id: UUID, number: int, said: str, got_rp: int | None, note: str, actor: str) -> Answer:
    """Write down what a family said; a problem becomes a case."""
    actions.answer(sample=sample_id, number=number, said=Said(said), got_rp=got_rp, note=note, actor=actor, at=now())
    return Answer({"sample": sample_id, "number": number, "said": said}, "Written down.")


# -- signals ---------------------------------------------------------------------------------------------------------------------


@oversight.command("signals")
@STAGE
@click.option("--branch", "branch_code", metavar="CODE", help="One branch; all that paid somebody when left out.")
@click.option("--last", is_flag=True, help="Show the latest look, do not look again.")
@click.option("--top", type=click.IntRange(1, 100_000), default=50, show_default=True, help="How many officers.")
@acting
@answers
def signals(stage_code: str, branch_code: str | None, last: bool, top: int, actor: str) -> Answer:
    """Look at all that officers did, and rank them by what is odd. A signal is no verdict, and never touches a family's payment.

    Exit code 1 when somebody stands out far enough to be a case.
    """
    stage, at = stage_by_code(stage_code), now()
    within = [_branch(branch_code)] if branch_code else None
    looked = []
    if not last:
        for branch in within or actions.branches_paying(stage=stage.id):
            looked.append(actions.look_at(stage_code=stage.code, branch=branch, actor=actor, at=at))
            click.echo(f"branch {branch}: {len(looked[-1].signals)} signals", err=True)
    ranked = actions.ranking(stage=stage.id, branches=within)
    officers = [
        {
            "rank": each.rank, "officer": each.code, "name": each.name, "branch": each.branch_code, "score": each.score,
            "signals": [
                {
                    "kind": row.kind, "count": row.count, "of": row.of, "peers_percent": Decimal(row.peers_ppm) / 10_000,
                    "surprise": Decimal(row.surprise_milli) / 1000, "score": Decimal(row.score_milli) / 1000,
                    "sentence": _sentence(row, each.code),
                }
                for row in each.signals
            ],
        }
        for each in ranked[:top]
    ]  # fmt: skip
    looks = actions.latest_looks(stage=stage.id, branches=within)
    data: dict[str, Any] = {
        "stage": stage.code,
        "looks": [{"branch": row.branch_code, "looked_at": row.looked_at, "officers": row.officers} for row in looks],
        "officers_looked_at": sum(row.officers for row in looks),
        "officers_with_signals": len(ranked),
        "new": sum(not each.existed for each in looked),
        "cases": sum(each.cases for each in looked),
        "officers": officers,
    }
    lines = []
    for each in ranked[:top]:
        lines.append(f"{each.rank:>4}  {each.branch_code}  {each.code} {each.name}  score {each.score}")
        lines.extend(f"      {_sentence(row, each.code)}" for row in each.signals)
    head = f"{data['officers_with_signals']} of {data['officers_looked_at']} officers have signals"
    return Answer(data, "\n".join([head, "", *lines]), needs_person=bool(data["cases"]))


def _sentence(row: Any, name: str) -> str:
    with translation.override("en"):
        return sentence(row, name)


# -- complaints ------------------------------------------------------------------------------------------------------------------


@oversight.group("complaints")
def complaints() -> None:
    """Complaints of families: each has a clock, a responsible person and an answer."""


@complaints.command("list")
@click.option("--branch", "branch_code", metavar="CODE")
@click.option("--all", "everything", is_flag=True, help="Those answered, too.")
@answers
def list_complaints(branch_code: str | None, everything: bool) -> Answer:
    """What is due first at the top. Exit code 1 when one is late."""
    within = [_branch(branch_code)] if branch_code else None
    rows = actions.complaints(now=now(), branches=within, answered=None if everything else False, limit=10_000)
    found = [
        {
            "ticket": row.ticket, "branch": row.branch_code, "about": row.about, "way": row.way, "received_at": row.received_at,
            "due_at": row.due_at, "person": row.person, "step": row.step, "late": row.late,
        }
        for row in rows
    ]  # fmt: skip
    header = ("ticket", "branch", "about", "due_at", "person", "step", "late")
    lines = [
        [f"{each[key]:%Y-%m-%d %H:%M}" if isinstance(each[key], datetime) else each[key] or "–" for key in header]
        for each in found
    ]
    return Answer({"complaints": found}, table(header, lines), needs_person=any(each["late"] for each in found))


@complaints.command("receive")
@BRANCH
@click.option("--way", type=click.Choice([way.value for way in Way]), default="phone", show_default=True)
@click.option("--about", type=click.Choice([about.value for about in About]), required=True)
@click.option("--contact", default="", help="How the complainant can be reached; kept sealed.")
@click.option("--stage", "stage_code", metavar="CODE")
@click.option("--officer", "officer_code", metavar="CODE")
@click.option("--letter", help="The code on the family's letter: tells stage, family and who paid.")
@click.option("--id", "id_", type=click.UUID, help="Makes it safe to repeat.")
@click.argument("text")
@acting
@answers
def receive(
    branch_code: str,
    way: str,
    about: str,
    contact: str,
    stage_code: str | None,
    officer_code: str | None,
    letter: str | None,
    id_: UUID | None,
    text: str,
    actor: str,
) -> Answer:
    """Take a complaint in; its clock starts."""
    branch = _branch(branch_code)
    officer, entitlement = _officer(branch, officer_code), None
    if letter:
        found = actions.by_letter(code=letter)
        branch, stage_code, entitlement, officer = found.branch, found.stage_code, found.id, officer or found.officer
    made, ticket = actions.receive_complaint(
        branch=branch, way=Way(way), about=About(about), text=text, contact=contact, stage_code=stage_code, officer=officer,
        entitlement=entitlement, id=id_, actor=actor, at=now(),
    )  # fmt: skip
    return Answer({"complaint": made, "ticket": ticket}, f"Complaint {ticket}.")


TICKET = click.argument("ticket")


@complaints.command("show")
@TICKET
@answers
def show_complaint(ticket: str) -> Answer:
    """A complaint and what happened to it; its text, not how the complainant can be reached."""
    row = actions.by_ticket(ticket=ticket, now=now())
    text, _ = actions.opened(row)
    _, steps = actions.one_complaint(complaint=row.id, now=now())
    data = {
        "complaint": row.id, "ticket": row.ticket, "branch": row.branch_code, "about": row.about, "text": text, "due_at": row.due_at,
        "late": row.late, "answer": row.answer, "steps": [step._asdict() for step in steps],
    }  # fmt: skip
    lines = [
        (step.number, f"{step.at:%Y-%m-%d %H:%M}", step.step, step.person, step.actor, step.text) for step in steps
    ]
    head = f"{row.ticket} at {row.branch_code}, {row.about}, due {row.due_at:%Y-%m-%d %H:%M} UTC\n{text}"
    return Answer(data, head + "\n\n" + table(("no.", "at (UTC)", "step", "person", "who", "text"), lines))


@complaints.command("take")
@TICKET
@click.option("--person", required=True, help="Who is responsible.")
@acting
@answers
def take(ticket: str, person: str, actor: str) -> Answer:
    """Make somebody responsible."""
    row = actions.by_ticket(ticket=ticket, now=now())
    actions.take_complaint(complaint=row.id, person=person, actor=actor, at=now())
    return Answer({"ticket": row.ticket, "person": person}, f"{person} is responsible for {row.ticket}.")


@complaints.command("answer")
@TICKET
@click.argument("text")
@acting
@answers
def answer_complaint(ticket: str, text: str, actor: str) -> Answer:
    """Answer a complaint; the complainant reads the text."""
    row = actions.by_ticket(ticket=ticket, now=now())
    actions.answer_complaint(complaint=row.id, text=text, actor=actor, at=now())
    return Answer({"ticket": row.ticket, "state": "answered"}, f"{row.ticket} is answered.")


@complaints.command("review")
@answers
def review() -> Answer:
    """Complaints whose time is over become cases; exit code 1 when there are new ones."""
    new = actions.review_complaints(at=now())
    return Answer({"cases": new}, f"{new} complaints became cases.", needs_person=new > 0)


# -- visits ----------------------------------------------------------------------------------------------------------------------


@oversight.group("visits")
def visits() -> None:
    """Control visits (kontrol lapangan): a checklist with photos."""


@visits.command("list")
@click.option("--stage", "stage_code", metavar="CODE")
@answers
def list_visits(stage_code: str | None) -> Answer:
    """The visits, the latest first."""
    rows = actions.visits(stage=stage_by_code(stage_code).id if stage_code else None, limit=10_000)
    found = [
        {
            "visit": row.id, "stage": row.stage_code, "branch": row.branch_code, "village": row.village, "officer": row.officer_code,
            "found": row.found, "note": row.note, "photos": row.photos,
            "visited_by": row.visited_by, "visited_at": row.visited_at,
        }
        for row in rows
    ]  # fmt: skip
    lines = [
        (
            f"{each['visited_at']:%Y-%m-%d %H:%M}", each["branch"], each["village"], each["officer"] or "–",
            ", ".join(point for point, seen in each["found"].items() if seen == Found.NO) or "nothing missing", len(each["photos"]),
        )
        for each in found
    ]  # fmt: skip
    return Answer(
        {"visits": found}, table(("at (UTC)", "branch", "village", "officer", "missing", "photos"), lines, right=(5,))
    )


@visits.command("record")
@STAGE
@BRANCH
@click.option("--village", type=int, required=True, help="Its code, without dots.")
@click.option("--officer", "officer_code", metavar="CODE", help="Whose work was looked at.")
@click.option(
    "--no",
    "missing",
    multiple=True,
    type=click.Choice([check.value for check in Check]),
    help="What was not so; again for each.",
)
@click.option("--not-seen", "unseen", multiple=True, type=click.Choice([check.value for check in Check]))
@click.option("--photo", "photos", multiple=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--visited-at", metavar="T", help="ISO 8601. Default: now.")
@click.option("--note", default="")
@click.option("--id", "id_", type=click.UUID, help="Makes it safe to repeat.")
@acting
@answers
def record(
    stage_code: str, branch_code: str, village: int, officer_code: str | None, missing: tuple[str, ...], unseen: tuple[str, ...],
    photos: tuple[Path, ...], visited_at: str | None, note: str, id_: UUID | None, actor: str,
) -> Answer:  # fmt: skip
    """Write down what a control visit found; what is not named was so."""
    try:
        when = moment(visited_at) if visited_at else None
    except ValueError as error:
        raise Problem(f"--visited-at {visited_at} is not a moment: write 2022-03-12T10:30+07:00.") from error
    branch = _branch(branch_code)
    found = {
        check: Found.NO if check in missing else Found.NOT_SEEN if check in unseen else Found.YES for check in Check
    }
    made = actions.record_visit(
        stage_code=stage_code, branch=branch, village=village, officer=_officer(branch, officer_code), found=found, note=note, visited_at=when,
        photos=[photo.read_bytes() for photo in photos], id=id_, actor=actor, at=now(),
    )  # fmt: skip
    return Answer({"visit": made, "missing": list(missing)}, f"Visit {made} is written down.")
