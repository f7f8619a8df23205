"""The verbs of reconciliation: extend, freeze and reopen windows; close a place; settle and return money; state what it came to; recount."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from salur.areas.actions import unknown_areas
from salur.areas.models import Area
from salur.areas.rules import area_code, dotted
from salur.lib.problem import NotFound
from salur.lib.sql import Queries
from salur.payments.actions import queries as payments
from salur.programmes.actions import decide_window, decisions, stage_by_code
from salur.programmes.models import Stage
from salur.programmes.rules import Change
from salur.reconciliation.rules import Scope

queries = Queries(__file__)

EVERYWHERE = (0, 9_999_999_999)


def scope(*, place: str, branches: Sequence[int] | None = None) -> Scope:
    """An office by its code, or an area by its own; ``branches`` bounds what who asks may see. Raises ``NotFound`` outside of it.

    An office means its branches with all they have; an area its villages, whichever branch pays them.
    """
    found = queries.office(code=place)
    if found:
        (office,) = found
        own = None if office.kind == "HQ" else list(office.branches)
        if branches is not None and (own is None or not set(own) <= set(branches) or not own):
            raise NotFound(f"There is no office {place}.")
        return Scope(office.code, office.name, own, 0, *EVERYWHERE)
    try:
        code = area_code(place)
    except ValueError:
        raise NotFound(f"{place} is neither an office nor an area: check the code.") from None
    if unknown_areas(codes=[code]):
        raise NotFound(f"There is no office and no area {place}: check the code.")
    below = 10 ** (10 - len(str(code)))
    name = Area.objects.values_list("name", flat=True).get(code=code)
    return Scope(
        dotted(code), name, None if branches is None else list(branches), code, code * below, (code + 1) * below - 1
    )


def _bounds(place: Scope) -> dict[str, Any]:
    return {"branches": place.branches, "first": place.first, "last": place.last}


def change_window(
    *,
    change: Change,
    stage_code: str,
    place: str,
    closes_at: datetime | None,
    reason: str,
    document: str,
    actor: str,
    at: datetime,
    document_sha256: str = "",
    branches: Sequence[int] | None = None,
) -> int:
    """Extend, freeze or reopen the windows of an office or area; how many decisions are new.

    The branches' books are entered alone meanwhile, so whoever is paid at this moment is paid before it or judged after it; a freeze without
    ``closes_at`` counts from when everybody has left the books. Raises ``NotFound``, ``Problem``, ``Conflict``.
    """
    stage, where = stage_by_code(stage_code), scope(place=place, branches=branches)
    with transaction.atomic():
        for branch in queries.branches_on_list(stage=stage.id, **_bounds(where)):
            payments.prepare_correcting(stage=stage.id, branch=branch.branch)
        if closes_at is None:
            closes_at = at = max(at, queries.one("clock").moment)
        return decide_window(
            stage=stage, change=change, areas=_places(where), closes_at=closes_at, reason=reason, document=document,
            document_sha256=document_sha256, actor=actor, at=at,
        )  # fmt: skip


def _places(where: Scope) -> list[tuple[int, int]]:
    """(area or 0, branch or 0), as decisions name them."""
    if where.area:
        return [(where.area, 0)]
    return [(0, branch) for branch in sorted(where.branches)] if where.branches is not None else [(0, 0)]


def windows(
    *, stage_code: str, place: str, branches: Sequence[int] | None = None
) -> tuple[Stage, list[Any], list[Any]]:
    """The stage; rows ``branch, name, timezone, closes_at, villages, families``; and the decisions, the latest first."""
    stage = stage_by_code(stage_code)
    rows = queries.windows(stage=stage.id, **_bounds(scope(place=place, branches=branches)))
    return stage, rows, decisions(stage=stage.id)
