"""`salur cases …`: what a person must look into."""

from typing import Any
from uuid import UUID

import click

from salur.cases import actions
from salur.cases.rules import NATURE, Decision, Kind, Role, State
from salur.lib.clock import now
from salur.lib.command import Answer, acting, answers, table

CASE = click.argument("case", type=click.UUID)


@click.group("cases")
def cases() -> None:
    """What a person must look into: paid twice, cash that does not add up, missing photos …"""


@cases.command("list")
@click.option(
    "--state", type=click.Choice([*(state.value for state in State), "all"]), default="open", show_default=True
)
@click.option("--kind", type=click.Choice([kind.value for kind in Kind]))
@click.option("--role", type=click.Choice([role.value for role in Role]), help="With whom it lies.")
@click.option("--branch", type=int, help="An office's number; 0 is the nation.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True)
@answers
def list_(state: str, kind: str | None, role: str | None, branch: int | None, limit: int) -> Answer:
    """Cases, the oldest first. Exit code 1 when some are open."""
    rows = actions.cases(
        state=None if state == "all" else State(state),
        kind=Kind(kind) if kind else None,
        role=Role(role) if role else None,
        branches=None if branch is None else [branch],
        limit=limit,
    )
    lines = [
        (
            row.id,
            f"{row.opened_at:%Y-%m-%d %H:%M}",
            row.kind,
            row.subject,
            row.branch,
            _rupiah(row),
            row.role,
            row.state,
        )
        for row in rows
    ]
    text = table(
        ("case", "opened (UTC)", "kind", "subject", "branch", "amount_rp", "lies with", "state"), lines, right=(4, 5)
    )
    amount_rp = sum(row.amount_rp or 0 for row in rows)
    data = {"cases": [row._asdict() for row in rows], "amount_rp": amount_rp}
    return Answer(data, text, needs_person=any(row.state == State.OPEN for row in rows))


def _rupiah(row: Any) -> str:
    return "–" if row.amount_rp is None else f"{row.amount_rp:,}"


@cases.command("show")
@CASE
@answers
def show(case: UUID) -> Answer:
    """One case and everything that happened to it."""
    found, events = actions.show(case=case)
    facts = "\n".join(f"  {name}: {value}" for name, value in found.facts.items())
    head = (
        f"{NATURE[Kind(found.kind)].title} ({found.kind}): {found.subject}, branch {found.branch}, Rp {_rupiah(found)}\n"
        f"opened by {found.opened_by}{f', about {found.maker}' if found.maker else ''}; {found.state}\n{facts}"
    )
    lines = [
        (event.number, f"{event.at:%Y-%m-%d %H:%M}", event.act, event.role, event.decision, event.actor, event.reason)
        for event in events
    ]
    text = (
        head.rstrip()
        + "\n\n"
        + table(("no.", "at (UTC)", "what", "role", "decision", "who", "reason"), lines, right=(0,))
    )
    return Answer({"case": found._asdict(), "events": [event._asdict() for event in events]}, text)


@cases.command("assign")
@CASE
@click.option("--role", type=click.Choice([role.value for role in Role]), required=True)
@click.option("--office", type=int, required=True, help="The office's number; 0 is the nation.")
@click.option("--reason", default="")
@acting
@answers
def assign(case: UUID, role: str, office: int, reason: str, actor: str) -> Answer:
    """Give an open case to a role at an office."""
    actions.assign(case=case, role=Role(role), office=office, reason=reason, actor=actor, at=now())
    return Answer({"case": case, "role": role, "office": office}, f"Case {case} lies with {role} at office {office}.")


@cases.command("decide")
@CASE
@click.argument("decision", type=click.Choice([decision.value for decision in Decision]))
@click.option("--reason", required=True)
@acting
@answers
def decide(case: UUID, decision: str, reason: str, actor: str) -> Answer:
    """End a case, with a reason; where money moves, by a second person."""
    actions.decide(case=case, decision=Decision(decision), reason=reason, actor=actor, at=now())
    return Answer({"case": case, "state": State.DECIDED, "decision": decision}, f"Case {case} is decided: {decision}.")


@cases.command("reopen")
@CASE
@click.option("--reason", required=True)
@acting
@answers
def reopen(case: UUID, reason: str, actor: str) -> Answer:
    """Look into a decided case again."""
    actions.reopen(case=case, reason=reason, actor=actor, at=now())
    return Answer({"case": case, "state": State.OPEN}, f"Case {case} is open again.")


@cases.command("note")
@CASE
@click.argument("text")
@acting
@answers
def note(case: UUID, text: str, actor: str) -> Answer:
    """Write something down in a case."""
    actions.note(case=case, text=text, actor=actor, at=now())
    return Answer({"case": case}, "Noted.")
