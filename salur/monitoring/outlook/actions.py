"""The verb: forecast a stage, branch by branch."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from salur.lib.clock import WIB
from salur.lib.sql import Queries
from salur.planning.forecast import MILESTONES, Array, Progress, forecast
from salur.programmes.actions import stage_by_code
from salur.programmes.models import Stage

queries = Queries(__file__)

TARGET = 0.95
CALLED_BY = 10 / 14  # of the target's days: "ten days to pay, four days to sweep", for branches without a plan
HORIZON = 21  # days after the last day that counts in which the milestones are looked for


@dataclass(frozen=True, slots=True)
class Band:
    """10th, 50th and 90th percentile."""

    low: float
    middle: float
    high: float


@dataclass(frozen=True, slots=True)
class Eta:
    """The day on which a share is paid: 10th, 50th and 90th percentile; None where it lies beyond what was looked at."""

    percent: int
    early: date | None
    middle: date | None
    late: date | None


@dataclass(frozen=True, slots=True)
class Outlook:
    """One branch. ``share`` is paid of allocated on the evening of ``due``, ``reaches`` the probability that it is at least the target.

    ``planned`` is whether a published plan was followed, else the target's days were. ``unsynced`` are families probably paid whose phones have not
    been heard; ``unsent`` what phones said they still have to send. ``missing`` are families not paid by ``due``, by cause.
    """

    branch: int
    code: str
    name: str
    planned: bool
    allocated: int
    paid: int
    due: date
    share: Band
    reaches: float
    eta: tuple[Eta, ...]
    unsynced: Band
    unsent: int
    missing: dict[str, int]

    @property
    def holds_back(self) -> str:
        """The cause that costs most families by the day that counts; nothing when all are expected to be paid."""
        cause = max(self.missing, key=lambda name: self.missing[name])
        return cause if self.missing[cause] else ""

    @property
    def at_risk(self) -> bool:
        return self.reaches < 0.5


@dataclass(frozen=True, slots=True)
class Forecast:
    """All branches that were asked for, those least likely to reach the target first. ``today`` is the last day that is over."""

    stage: str
    today: date
    target: float
    rows: tuple[Outlook, ...]


def outlook(
    *, stage_code: str, now: datetime, today: date | None = None, branches: Sequence[int] | None = None, target: float = TARGET
) -> Forecast:  # fmt: skip
    """Forecast each branch of a stage from what was known on the evening of ``today`` (yesterday when not given: today is not over).

    A branch is due on the last day of its plan's window, or of the stage's target days; once that day has passed, on the stage's deadline.
    The same facts give the same answer. Raises ``NotFound``.
    """
    stage = stage_by_code(stage_code)
    today = today or now.astimezone(ZoneInfo(WIB)).date() - timedelta(days=1)
    asked = {"stage": stage.id, "branches": None if branches is None else list(branches)}
    rows = queries.branches(**asked)
    if not rows:
        return Forecast(stage.code, today, target, ())
    facts = _Facts(stage, today, rows, asked)
    found: list[Outlook] = []
    for due in sorted(set(facts.due)):
        places = [place for place, day in enumerate(facts.due) if day == due]
        found += _forecast(facts, places, due, target)
    return Forecast(stage.code, today, target, tuple(sorted(found, key=lambda one: (one.reaches, one.code))))


class _Facts:
    """What the kernel needs of all branches, on one axis of days that begins with the first day of any plan."""

    def __init__(self, stage: Stage, today: date, rows: Sequence[Any], asked: dict[str, Any]) -> None:
        self.rows, self.today = rows, today
        self.place = {row.branch: place for place, row in enumerate(rows)}
        target_day = stage.opens + timedelta(days=stage.target_days - 1)
        self.due = [_due(row, today, target_day, stage.deadline) for row in rows]
        unplanned = [row.branch for row in rows if row.first_day is None]
        as_of = asked | {"today": today}
        planned, held = queries.planned(**asked), queries.held(**as_of, unplanned=unplanned)
        paid, silent = queries.paid(**as_of), queries.silent(**as_of)
        days = [row.day for part in (planned, held, paid, silent) for row in part]
        self.first_day = min([stage.opens, *days])
        self.length = (max([target_day, *self.due, *days]) - self.first_day).days + 1
        self.planned, self.held = self._matrix(planned), self._matrix(held)
        self.paid, self.silent = self._matrix(paid), self._matrix(silent)
        called = max(1, round(stage.target_days * CALLED_BY))
        opens = (stage.opens - self.first_day).days
        for branch in unplanned:
            at = self.place[branch]
            self.planned[at, opens : opens + called] = rows[at].families / called
        self.silent = np.minimum(self.silent, self.planned)
        # What was held is known by the village; the families among them on silent phones have not been seen.
        known = slice(0, max(0, (today - self.first_day).days + 1))
        called_so_far = np.maximum(self.planned[:, known].sum(axis=1), 1.0)
        self.held *= (1 - self.silent[:, known].sum(axis=1) / called_so_far)[:, None]
        self.unsent = {row.branch: row.events for row in queries.unsent()}

    def _matrix(self, rows: Sequence[Any]) -> Array:
        values = np.zeros((len(self.rows), self.length))
        for row in rows:
            at = self.place.get(row.branch)
            if at is not None:
                values[at, (row.day - self.first_day).days] += row.families
        return values


def _due(row: Any, today: date, target_day: date, deadline: date) -> date:
    end = row.first_day + timedelta(days=row.days - 1) if row.first_day is not None else target_day
    return end if end > today else max(deadline, today)


def _forecast(facts: _Facts, places: Sequence[int], due: date, target: float) -> list[Outlook]:
    at = list(places)
    allocated = np.array([float(facts.rows[place].families) for place in at])
    paid, held = facts.paid[at], facts.held[at]
    progress = Progress(
        families=allocated,
        villages=np.array([float(facts.rows[place].villages) for place in at]),
        planned=facts.planned[at],
        # Whoever was paid was called: a few come early or to another venue, before their own session counts as held.
        held=np.diff(np.maximum(np.cumsum(held, axis=1), np.cumsum(paid, axis=1)), axis=1, prepend=0.0),
        paid=paid,
        silent=facts.silent[at],
        today=(facts.today - facts.first_day).days,
        deadline=(due - facts.first_day).days,
    )
    found = forecast(progress, target=target, horizon=HORIZON)

    def day_of(position: float) -> date | None:
        return facts.first_day + timedelta(days=int(position)) if np.isfinite(position) else None

    return [
        Outlook(
            branch=facts.rows[place].branch,
            code=facts.rows[place].code,
            name=facts.rows[place].name,
            planned=facts.rows[place].first_day is not None,
            allocated=facts.rows[place].families,
            paid=int(paid[n].sum()),
            due=due,
            share=Band(*(float(value) for value in found.share[n])),
            reaches=float(found.reaches[n]),
            eta=tuple(
                Eta(round(share * 100), *(day_of(float(found.eta[n, m, q])) for q in range(3))) for m, share in enumerate(MILESTONES)
            ),
            unsynced=Band(*(float(value) for value in found.unsynced[n])),
            unsent=facts.unsent.get(facts.rows[place].branch, 0),
            missing={cause: round(float(share[n]) * allocated[n]) for cause, share in found.missing.items()},
        )
        for n, place in enumerate(at)
    ]  # fmt: skip
