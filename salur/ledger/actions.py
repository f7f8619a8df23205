"""The verbs of the ledger: post moves, read balances, recount."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from salur.ledger.rules import Move, Outcome
from salur.lib.sql import Queries, Recount

queries = Queries(__file__)


@transaction.atomic
def post(*, stage: int, branch: int, moves: Sequence[Move], at: datetime) -> list[Outcome]:
    """Move money within one book; outcomes in the order of ``moves``.

    A repetition is a success (``exists``), a repetition with other facts is not. Payments do not come this way: their statement takes
    the same SQL in (``-- include: ledger.post``), so that a payment and its money are one statement.
    """
    if not moves:
        return []
    assert len({move.id for move in moves}) == len(moves), "a batch names each move once"
    ids, debits, credits_, amounts_rp, occurred_at = zip(*moves, strict=True)
    rows = queries.post_moves(
        stage=stage,
        branch=branch,
        ids=list(ids),
        debits=list(debits),
        credits=list(credits_),
        amounts_rp=list(amounts_rp),
        occurred_at=list(occurred_at),
        at=at,
    )
    return [Outcome(row.outcome) for row in rows]


def balances(*, stage: int | None, as_of: datetime | None = None) -> list[Any]:
    """Rows ``stage, branch, code, debits_rp, credits_rp, balance_rp``: now, or as the books stood at ``as_of``."""
    if as_of is None:
        return queries.balances(stage=stage)
    return queries.balances_as_of(stage=stage, as_of=as_of)


def recount(*, stage: int | None) -> list[Recount]:
    """Two invariants: each kept balance is the sum of its transfers, and the books sum to zero."""
    rows = queries.recount_balances(stage=stage)
    broken = [row for row in rows if row.broken]
    difference_rp = sum(row.debits_rp - row.credits_rp for row in rows)
    return [
        Recount(
            "ledger balances are the sums of their transfers",
            len(rows),
            len(broken),
            [
                f"stage {row.stage} branch {row.branch} account {row.code}: kept {row.debits_rp} − {row.credits_rp},"
                f" recounted {row.recounted_debits_rp} − {row.recounted_credits_rp}"
                for row in broken[:5]
            ],
        ),
        Recount(
            "the books sum to zero",
            len(rows),
            int(difference_rp != 0),
            [f"off by Rp{difference_rp}"] if difference_rp else [],
        ),
    ]
