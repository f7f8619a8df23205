"""`salur custody …`: cash from hand to hand, and what is really there."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from functools import wraps
from typing import Any
from uuid import UUID, uuid5

import click

from salur.custody import actions
from salur.custody.rules import MINISTRY, NATIONAL, WITH_OFFICER, Answer, Kind, Outcome, Portion
from salur.ledger import actions as ledger
from salur.lib.clock import moment, now
from salur.lib.command import Answer as Said
from salur.lib.command import acting, answers, table
from salur.lib.problem import NotFound, Problem
from salur.offices.models import Office, Officer
from salur.programmes.actions import stage_by_code, stages

# Ids of what is entered by hand: made from the paper's own number, so that entering the same paper again is the same movement.
PAPERS = UUID("6f0d6d2e-7c1b-4c39-9d42-5a1d0c8f6a10")


@click.group("custody")
def custody() -> None:
    """Cash on its way: ministry, headquarters, vaults, floats, and back; counts."""


def _branch(code: str) -> int:
    found = Office.objects.filter(code=code).values_list("id", flat=True).first()
    if found is None:
        raise NotFound(f"There is no office {code}: `salur offices list` shows those there are.")
    return found


def _officer(branch: int, code: str) -> int:
    found = Officer.objects.filter(branch=branch, code=code).values_list("id", flat=True).first()
    if found is None:
        raise NotFound(f"There is no officer {code} at this branch: `salur offices officers` shows those there are.")
    return found


def _amounts(given: Sequence[str]) -> list[tuple[str, int]]:
    """``STAGE=RP`` → (stage, rupiah)."""
    read = []
    for text in given:
        stage, _, amount = text.rpartition("=")
        if not stage or not amount.replace(".", "").replace("_", "").isdigit():
            raise Problem(f"--cash {text} is not an amount of a stage: write SEMBAKO-2022-1=600.000.000.")
        read.append((stage, int(amount.replace(".", "").replace("_", ""))))
    return read


def _moving(kind: Kind, *, help: str) -> None:
    """One command for each kind of movement: the same paper has the same id, so entering it again changes nothing."""
    name = kind.replace("_", "-")

    def verb(
        cash: Sequence[str],
        reference: str,
        actor: str,
        taker: str | None,
        when: str | None,
        branch: str | None = None,
        officer: str | None = None,
    ) -> Said:
        place = _branch(branch) if branch else None
        person = _officer(place, officer) if officer and place is not None else None
        portions = [
            Portion(
                uuid5(PAPERS, f"{kind} {branch or ''} {stage} {reference.strip()}"), stage_by_code(stage).id, amount_rp
            )
            for stage, amount_rp in _amounts(cash)
        ]
        giver, taken_by = (MINISTRY, actor) if kind is Kind.FUND else (actor, taker)
        outcomes = actions.move(
            kind=kind, portions=portions, branch=place, officer=person, reference=reference, given_by=giver, taken_by=taken_by,
            moved_at=moment(when) if when else None, at=now(),
        )  # fmt: skip
        lines = [
            {"id": portion.id, "stage": stage, "amount_rp": portion.amount_rp, "outcome": outcome}
            for (stage, _), portion, outcome in zip(_amounts(cash), portions, outcomes, strict=True)
        ]
        text = table(("movement", "stage", "amount_rp", "outcome"), [list(line.values()) for line in lines], right=(2,))
        return Said(
            {"kind": kind, "movements": lines}, text, needs_person=Outcome.EXISTS_WITH_DIFFERENT_FACTS in outcomes
        )

    verb.__doc__ = help
    options: list[Callable[[Any], Any]] = [
        click.option(
            "--cash", multiple=True, required=True, metavar="STAGE=RP", help="Once for each stage of the visit."
        ),
        click.option(
            "--reference",
            required=True,
            help="The number on the signed paper, the bank's, or the case that is carried out.",
        ),
        click.option("--at", "when", metavar="T", help="When the cash changed hands. Default: now."),
        acting,
    ]
    if kind is not Kind.FUND:
        options.append(
            click.option(
                "--taken-by", "taker", metavar="USER", help="Who signed for it; left out, it waits for `accept`."
            )
        )
    if kind not in NATIONAL:
        options.append(click.option("--branch", required=True, metavar="CODE"))
        if kind in WITH_OFFICER:
            options.append(click.option("--officer", required=True, metavar="CODE"))
        elif kind in (Kind.WRITE_OFF, Kind.SURPLUS):
            options.append(click.option("--officer", metavar="CODE", help="Whose float; left out, it is the vault."))

    @wraps(verb)
    def command(*, taker: str | None = None, **given: Any) -> Said:
        return verb(taker=taker, **given)

    decorated: Any = answers(command)
    for option in options:
        decorated = option(decorated)
    custody.command(name, help=help)(decorated)


_moving(Kind.FUND, help="Money of the ministry has come to headquarters' bank.")
_moving(Kind.REFUND, help="Headquarters sends money back to the ministry.")
_moving(Kind.SUPPLY, help="Headquarters fills a branch's vault.")
_moving(Kind.RETURN, help="A branch sends cash back to headquarters.")
_moving(Kind.HAND_OVER, help="An officer takes cash from the vault, for one stage or several.")
_moving(Kind.HAND_BACK, help="An officer brings cash back to the vault.")
_moving(Kind.REPAY, help="An officer brings what he owed for a payment that could not be posted.")
_moving(Kind.WRITE_OFF, help="Carry out a case decided as written off: cash that a float or the vault lacks.")
_moving(Kind.WRITE_OFF_SUSPENSE, help="Carry out a case decided as written off: a payment that could not be posted.")
_moving(Kind.SURPLUS, help="Carry out a decided case: cash that a float or the vault has too much.")

MOVEMENT = click.argument("movement", type=click.UUID)


@custody.command("accept")
@MOVEMENT
@acting
@answers
def accept(movement: UUID, actor: str) -> Said:
    """Sign for cash that was offered."""
    outcome = actions.accept(movement=movement, actor=actor, at=now())
    return Said({"movement": movement, "outcome": outcome}, f"Movement {movement}: {outcome}, signed for by {actor}.")


@custody.command("decline")
@MOVEMENT
@click.option("--reason", required=True)
@acting
@answers
def decline(movement: UUID, reason: str, actor: str) -> Said:
    """Refuse to sign for cash that was offered; a case asks where it is."""
    actions.decline(movement=movement, reason=reason, actor=actor, at=now())
    return Said(
        {"movement": movement, "answer": Answer.DECLINED},
        f"Movement {movement} is declined, and a case is open.",
        needs_person=True,
    )


@custody.command("withdraw")
@MOVEMENT
@click.option("--reason", required=True)
@acting
@answers
def withdraw(movement: UUID, reason: str, actor: str) -> Said:
    """Take an offer back before it is answered."""
    actions.withdraw(movement=movement, reason=reason, actor=actor, at=now())
    return Said({"movement": movement, "answer": Answer.WITHDRAWN}, f"Movement {movement} is withdrawn.")


@custody.command("movements")
@click.option("--branch", metavar="CODE")
@click.option("--state", type=click.Choice(["offered", *(answer.value for answer in Answer)]))
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True)
@answers
def movements(branch: str | None, state: str | None, limit: int) -> Said:
    """Movements of cash, the latest first."""
    rows = actions.movements(branch=_branch(branch) if branch else None, state=state, limit=limit)
    lines = [
        (row.id, f"{row.offered_at:%Y-%m-%d %H:%M}", row.branch, row.kind, row.stage, f"{row.amount_rp:,}", row.officer or "", row.given_by,
         row.state, row.answered_by or "", row.reference)
        for row in rows
    ]  # fmt: skip
    header = (
        "movement",
        "at (UTC)",
        "branch",
        "kind",
        "stage",
        "amount_rp",
        "officer",
        "given by",
        "state",
        "by",
        "reference",
    )
    return Said({"movements": [row._asdict() for row in rows]}, table(header, lines, right=(5,)))


@custody.command("count")
@click.option("--branch", required=True, metavar="CODE")
@click.option("--officer", metavar="CODE", help="Whose cash; left out, it is the vault.")
@click.option("--cash", "counted_rp", type=click.IntRange(0), required=True, metavar="RP", help="All stages together.")
@click.option("--witness", required=True, metavar="USER")
@click.option("--explanation", default="", help="Why it differs; without it a difference becomes a case.")
@click.option("--reference", required=True, help="The number of the count's paper.")
@click.option("--at", "when", metavar="T", help="When it was counted. Default: now.")
@acting
@answers
def count(
    branch: str,
    officer: str | None,
    counted_rp: int,
    witness: str,
    explanation: str,
    reference: str,
    when: str | None,
    actor: str,
) -> Said:
    """Count the cash of an officer or of the vault at the end of the day. Exit code 1 when a case is open for it."""
    place = _branch(branch)
    found = actions.count(
        id=uuid5(PAPERS, f"count {branch} {officer or ''} {reference.strip()}"),
        branch=place, officer=_officer(place, officer) if officer else None, counted_rp=counted_rp, counted_by=actor, witnessed_by=witness,
        explanation=explanation, counted_at=moment(when) if when else None, at=now(),
    )  # fmt: skip
    data = {**found._asdict(), "difference_rp": found.difference_rp}
    said = (
        "as the books say"
        if not found.difference_rp
        else f"{found.difference_rp:+,} against the books ({found.expected_rp:,})"
    )
    case = f"; case {found.case} is open" if found.case else ""
    again = " (recorded before)" if found.existed else ""
    return Said(data, f"Counted {counted_rp:,}: {said}{case}{again}.", needs_person=found.case is not None)


@custody.command("counts")
@click.option("--branch", metavar="CODE")
@click.option("--day", metavar="YYYY-MM-DD")
@answers
def counts(branch: str | None, day: str | None) -> Said:
    """Counts, the latest first, with their difference."""
    rows = actions.counts(branch=_branch(branch) if branch else None, day=date.fromisoformat(day) if day else None)
    lines = [
        (row.day, row.branch, row.officer or "vault", f"{row.counted_rp:,}", f"{row.expected_rp:,}", f"{row.difference_rp:+,}", row.explanation,
         row.case_id or "")
        for row in rows
    ]  # fmt: skip
    header = ("day", "branch", "who", "counted_rp", "expected_rp", "difference_rp", "explanation", "case")
    return Said({"counts": [row._asdict() for row in rows]}, table(header, lines, right=(3, 4, 5)))


@custody.command("review")
@click.option(
    "--days",
    type=click.IntRange(0),
    default=actions.PATIENCE.days,
    show_default=True,
    help="How long an explanation may wait.",
)
@answers
def review(days: int) -> Said:
    """Open the cases that time brings: explanations that did not come true, cash below zero. For every night."""
    opened = dict(actions.review(at=now(), patience=timedelta(days=days)))
    return Said(
        {"opened": opened},
        "\n".join(f"{number} new cases: {kind}" for kind, number in opened.items()),
        needs_person=any(opened.values()),
    )


@custody.command("position")
@click.option("--branch", required=True, metavar="CODE")
@click.option("--as-of", metavar="T", help="ISO 8601; a bare date means the end of that day (WIB). Default: now.")
@answers
def position(branch: str, as_of: str | None) -> Said:
    """Where an office's money is, account by account, now or at a past moment."""
    place = _branch(branch)
    codes = {stage.id: stage.code for stage in stages()}
    rows = [row for row in ledger.balances(stage=None, as_of=moment(as_of) if as_of else None) if row.branch == place]
    accounts = [{"stage": codes[row.stage], "account": row.code, "balance_rp": row.balance_rp} for row in rows]
    lines = [(account["stage"], account["account"], f"{account['balance_rp']:,}") for account in accounts]
    return Said({"branch": branch, "accounts": accounts}, table(("stage", "account", "balance_rp"), lines, right=(2,)))
