"""The verbs of the books' papers: make one, and write those of a day or of the end into a folder."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from django.db import transaction

from salur.audit import actions as audit
from salur.lib import pdf
from salur.lib.indonesian import months
from salur.lib.problem import NotFound, Problem
from salur.lib.rights import beyond_scope
from salur.lib.sql import Queries
from salur.offices.models import Office
from salur.offices.rules import BRANCHES
from salur.planning import actions as planning
from salur.programmes.actions import stage_by_code
from salur.programmes.models import Stage
from salur.reconciliation import actions
from salur.reconciliation.papers import rules
from salur.reconciliation.papers.rules import FILES, OF_A_DAY, OF_THE_END, TITLES, Data, Heading, Kind
from salur.reconciliation.rules import Cash

queries = Queries(__file__)

TEMPLATES = Path(__file__).parent


class Made(NamedTuple):
    """A paper with the name of its file. ``None`` as content: there is nothing to put on it (nobody was paid, nothing changed hands)."""

    kind: Kind
    name: str
    paper: pdf.Paper | None


def make(
    *, kind: Kind, stage_code: str, branch_code: str, at: datetime, day: date | None = None, branches: Sequence[int] | None = None
) -> Made:  # fmt: skip
    """One paper of a branch, of what is known now; ``day`` (the branch's) where it is a day's.

    The closing is a draft, and says so across each page, until every village is closed and nothing is left to explain. Raises ``NotFound``,
    ``Problem``.
    """
    stage, branch = _asked(stage_code, branch_code, branches)
    if (day is None) == (kind in OF_A_DAY):
        raise Problem("A day's paper needs its day, and the papers of the end have none.")
    heading = Heading(
        branch.name, branch.code, stage.programme.name, months(stage.period_from, stage.period_to), stage.code, branch.timezone
    )  # fmt: skip
    data, draft = (
        _of_a_day(kind, stage, branch, heading, day, at) if day else _of_the_end(kind, stage, branch, heading, at)
    )
    parts = (FILES[kind], branch.code, stage.code, day.isoformat() if day else "")
    name = "-".join(part for part in parts if part).replace("/", "_") + ".pdf"
    if data is None:
        return Made(kind, name, None)
    paper = pdf.render(
        TEMPLATES / f"{kind}.typ", data, title=f"{TITLES[kind]} {branch.code} {stage.code}", as_of=at, zone=branch.timezone, draft=draft
    )  # fmt: skip
    return Made(kind, name, paper)


def write(
    *, stage_code: str, branch_code: str, out: Path, actor: str, at: datetime, day: date | None = None, kinds: Sequence[Kind] = ()
) -> list[Made]:  # fmt: skip
    """Write the papers of a day, or without one those of the end, into a folder; each whole or not at all, and noted in the trail."""
    wanted = kinds or (OF_A_DAY if day else OF_THE_END)
    made = [make(kind=kind, stage_code=stage_code, branch_code=branch_code, at=at, day=day) for kind in wanted]
    out.mkdir(parents=True, exist_ok=True)
    for one in made:
        if one.paper:
            pdf.put(out / one.name, one.paper.content)
    note(made=made, stage_code=stage_code, branch_code=branch_code, actor=actor, at=at)
    return made


@transaction.atomic
def note(*, made: Sequence[Made], stage_code: str, branch_code: str, actor: str, at: datetime) -> None:
    """Into the trail: which papers somebody took, by the hash that stands on them."""
    facts = {"stage": stage_code, "papers": {one.name: one.paper.digest for one in made if one.paper}}
    if facts["papers"]:
        branch = Office.objects.get(code=branch_code)
        audit.record(
            actor=actor, verb="printed the books", subject=f"office/{branch_code}", facts=facts, at=at, branch=branch.id
        )


def _asked(stage_code: str, branch_code: str, branches: Sequence[int] | None) -> tuple[Stage, Office]:
    stage = stage_by_code(stage_code)
    branch = Office.objects.filter(code=branch_code, kind__in=BRANCHES).first()
    if branch is None or (branches is not None and branch.id not in branches):
        raise NotFound(f"There is no branch {branch_code}: check the code.")
    return stage, branch


def _of_a_day(
    kind: Kind, stage: Stage, branch: Office, heading: Heading, day: date, at: datetime
) -> tuple[Data | None, bool]:
    begins = datetime.combine(day, time(), ZoneInfo(branch.timezone))
    if begins > at:
        raise Problem(f"{day.isoformat()} has not begun: name a day that has.")
    span: dict[str, Any] = {"branch": branch.id, "begins": begins, "ends": begins + timedelta(days=1)}
    draft = span["ends"] > at  # the day is not over
    if kind is Kind.HANDINGS:
        rows = queries.handings(**span)
        return rules.handings(heading, day, rows) if rows else None, draft
    if kind is Kind.RECORDS:
        plan = planning.published(stage=stage.id, branch=branch.id)
        about = {"stage": stage.id, "branch": branch.id, "plan": plan.id if plan else None, "day": day}
        rows = queries.records(begins=span["begins"], ends=span["ends"], **about)
        invited = {(row.host, row.venue): row.invited for row in queries.invited(**about)}
        return rules.records(heading, day, rows, invited) if rows else None, draft
    lines = queries.day_lines(stage=stage.id, branch=branch.id, day=day)
    if not lines:
        raise NotFound(f"Nobody on the list of {stage.code} is paid by {branch.code}: check the codes.")
    with beyond_scope():  # the trail's head is everybody's: a page that sees one branch must print the same
        heads = audit.head(day=day)
    own = next((one for one in heads.chains if one.branch == branch.id), None)
    chain = {
        "all": heads.digest,
        "own": own.digest if own else "",
        "number": own.number if own else 0,
        "final": heads.day < audit.today(at),
    }
    cash, cases = queries.day_cash(day=day, **span), queries.one("day_cases", **span)
    return rules.report(heading, day, lines=lines, cash=cash, cases=cases, chain=chain), draft


def _of_the_end(kind: Kind, stage: Stage, branch: Office, heading: Heading, at: datetime) -> tuple[Data | None, bool]:
    found = actions.statement(stage_code=stage.code, place=branch.code, at=at, by="kecamatan")
    draft = found.total.closed < found.total.villages or found.difference_rp != 0
    not_paid = queries.not_paid(stage=stage.id, branch=branch.id)
    returned = [row for row in actions.returns(stage_code=stage.code, branches=[branch.id]) if row.kind == "return"]
    cash = found.cash[0] if found.cash else Cash(branch.id, branch.code, branch.name, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    if kind is Kind.RETURNS:
        if not returned and not not_paid:
            return None, draft
        return rules.returns(heading, cash=cash, returned=returned, not_paid=not_paid), draft
    return rules.closing(
        heading, total=found.total, lines=found.lines, cash=cash, missing=found.missing, not_paid=not_paid, returned=returned
    ), draft  # fmt: skip
