"""The verbs of planning: solve, what-if, replan, move, publish; and how a kept plan is read."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction

from salur.audit import actions as audit
from salur.lib import arrays
from salur.lib.ids import uuid7
from salur.lib.problem import Conflict, NotFound, Problem
from salur.lib.sql import Queries, Recount
from salur.offices.models import Office
from salur.planning.cash import CashPlan, plan_cash
from salur.planning.check import Violation, check_plan, check_roster
from salur.planning.hand_edit import Edited, change_team, move_village
from salur.planning.inputs import capped, read_inputs, said_of
from salur.planning.models import Need, Plan, State, Unmet
from salur.planning.models import Shortfall as ShortfallRow
from salur.planning.roster import Duty, Roster, Vacancy, name_people
from salur.planning.rules import (
    Channel,
    Counter,
    Hires,
    Inputs,
    Kept,
    Lack,
    Officer,
    Proof,
    Rest,
    Round,
    Served,
    Session,
    Shortfall,
    Span,
)
from salur.planning.rules import Plan as PlanOf
from salur.planning.rules import Unmet as UnmetPart
from salur.planning.settings import Read
from salur.planning.slots import Family, Hours, Slot, assign
from salur.planning.solve import solve, solve_greedily
from salur.planning.stored import PlanState, inputs_from_json, to_json
from salur.programmes.models import Stage

queries = Queries(__file__)

Numbers = Mapping[Channel, Sequence[int]]


class SamePerson(Problem):
    code = "same_person"
    status = 403


class BrokenRules(Conflict):
    """The plan breaks rules; ``facts['violations']`` names each."""

    code = "broken_rules"


class NothingThere(NotFound):
    code = "nothing_there"


@dataclass(frozen=True)
class KeptPlan:
    """A plan as it is kept: the row, what it was made from, its parts with the numbers of its visits, and who works when."""

    row: Plan
    inputs: Inputs
    plan: PlanOf
    numbers: Numbers
    roster: Roster
    venues: Mapping[int, str]

    @property
    def cash(self) -> CashPlan:
        return plan_cash(self.inputs, self.plan, self.roster)


class DayLine(NamedTuple):
    """One day of a plan."""

    day: date
    families: int
    officers: int
    cash_rp: int
    venues: int
    online: int  # families in villages with signal


# -- making a plan -------------------------------------------------------------------------------------------------


def draft(
    *,
    stage: Stage,
    branch: Office,
    supposed: Mapping[str, Any] | None = None,
    seconds: float = 30.0,
    greedily: bool = False,
    actor: str,
    at: datetime,
) -> KeptPlan:
    """Make a plan from all that is known (``supposed`` values of the branch instead of what it said) and keep it as a draft.

    Raises ``Conflict`` when a plan is published: from then on ``replan`` keeps what families were told.
    """
    if published(stage=stage.id, branch=branch.id) is not None:
        raise Conflict(
            f"{branch.code} has a published plan for {stage.code}: plan again with `salur planning replan`, which keeps what families were told."
        )
    read = read_inputs(stage=stage, branch=branch, supposed=supposed)
    plan = solve_greedily(read.inputs) if greedily else solve(read.inputs, seconds=seconds)
    return keep(stage=stage, branch=branch, read=read, plan=plan, actor=actor, at=at)


def replan(
    *,
    stage: Stage,
    branch: Office,
    from_day: date,
    frozen_days: int = 1,
    supposed: Mapping[str, Any] | None = None,
    seconds: float = 30.0,
    actor: str,
    at: datetime,
) -> KeptPlan:
    """Plan the days from ``from_day`` on again, from what was paid until now; the first ``frozen_days`` of them stay as they were published.

    Families that were paid are done; what slipped, what a batch added and who fell ill is planned for. Raises ``NothingThere`` without a published
    plan.
    """
    before = published(stage=stage.id, branch=branch.id)
    if before is None:
        raise NothingThere(f"{branch.code} has no published plan for {stage.code}: there is nothing to plan again.")
    old = load(before)
    window = old.inputs.window
    today = max(0, (from_day - window.first_day).days)
    if today >= window.days and not (supposed and "days" in supposed):
        raise Problem(
            f"The plan of {branch.code} ends on {window.date(window.days - 1)}: give a longer window (days) to plan beyond."
        )

    def stays(visit: Session | Round | Counter) -> bool:
        return today <= visit.day < today + frozen_days

    kept = Kept(
        today,
        tuple(filter(stays, old.plan.sessions)),
        tuple(filter(stays, old.plan.rounds)),
        tuple(filter(stays, old.plan.counters)),
    )
    given = {"first_day": window.first_day.isoformat(), "days": window.days, **(supposed or {})}
    read = read_inputs(stage=stage, branch=branch, supposed=given, kept=kept, remaining=True)
    read = replace(read, inputs=replace(read.inputs, kept=capped(kept, read.inputs.villages)))
    plan = solve(read.inputs, seconds=seconds)
    change = f"planned again from {from_day.isoformat()}, {frozen_days} days kept"
    return keep(stage=stage, branch=branch, read=read, plan=plan, actor=actor, at=at, based_on=old, change=change)


def what_if(
    *,
    stage: Stage,
    branch: Office,
    variants: Mapping[str, Mapping[str, Any]],
    seconds: float = 30.0,
    order_days: bool = False,
) -> list[tuple[str, Read, PlanOf]]:
    """The same branch with other inputs, side by side; nothing is kept. Without ``order_days`` only the hires: about a second each."""
    found = []
    for name, supposed in variants.items():
        read = read_inputs(stage=stage, branch=branch, supposed=supposed)
        found.append((name, read, solve(read.inputs, seconds=seconds, order_days=order_days)))
    return found


def move(
    *, plan: UUID, village: int, from_day: date, day: date, take: bool, actor: str, at: datetime
) -> tuple[Edited, KeptPlan | None]:
    """Move what is planned for a village on one day to another: what that would break, and, when told to ``take`` it and it breaks nothing
    new, the next version of the plan with it.
    """
    old = load(plan_by_id(plan))
    first = old.inputs.window.first_day
    try:
        edited = move_village(old.inputs, old.plan, village, from_day=(from_day - first).days, day=(day - first).days)
    except ValueError:
        raise NothingThere(f"Nothing that could be moved is planned for {village} on {from_day}.") from None
    change = f"{village} moved from {from_day.isoformat()} to {day.isoformat()}"
    return edited, _taken(old, edited, change, actor, at) if take and edited.accepted else None


def resize(
    *, plan: UUID, number: int, heads: int, take: bool, actor: str, at: datetime
) -> tuple[Edited, KeptPlan | None]:
    """Hold session ``number`` with more or fewer people; answers as ``move``."""
    old = load(plan_by_id(plan))
    places = list(old.numbers[Channel.SESSION])
    if number not in places:
        raise NothingThere(f"The plan has no session {number}.")
    edited = change_team(old.inputs, old.plan, old.plan.sessions[places.index(number)], heads=heads)
    change = f"session {number} with {heads} people"
    return edited, _taken(old, edited, change, actor, at) if take and edited.accepted else None


def _taken(old: KeptPlan, edited: Edited, change: str, actor: str, at: datetime) -> KeptPlan:
    """The edited plan as the next version. Its visits keep their numbers, a round that came of it has the next one; the people are named anew."""
    numbers = {channel: list(known) for channel, known in old.numbers.items()}
    doors = numbers[Channel.DOOR]
    doors += range(max(doors, default=0) + 1, max(doors, default=0) + 1 + len(edited.plan.rounds) - len(doors))
    read = Read(old.inputs, old.venues, old.row.assumed)
    return keep(
        stage=old.row.stage, branch=old.row.branch, read=read, plan=edited.plan, actor=actor, at=at, based_on=old, change=change, numbers=numbers
    )  # fmt: skip


# -- keeping and reading -------------------------------------------------------------------------------------------


@transaction.atomic
def keep(
    *,
    stage: Stage,
    branch: Office,
    read: Read,
    plan: PlanOf,
    actor: str,
    at: datetime,
    based_on: KeptPlan | None = None,
    change: str = "",
    numbers: Numbers | None = None,
) -> KeptPlan:
    """Write a plan as the branch's next version, a draft. ``numbers`` are given where the visits are those of ``based_on``."""
    inputs = read.inputs
    by_hand = numbers is not None
    numbers = numbers or _numbered(plan, based_on)
    roster = _roster(inputs, plan, numbers, based_on)
    queries.take_branch(stage=str(stage.id), branch=str(branch.id))
    version = queries.one("next_version", stage=stage.id, branch=branch.id).version
    window = inputs.window
    row = Plan.objects.create(
        id=uuid7(at),
        stage=stage,
        branch=branch,
        version=version,
        based_on=based_on.row if based_on else None,
        root_id=(based_on.row.root_id or based_on.row.id) if based_on and by_hand else None,
        change=change,
        order=str(inputs.policy.order),
        first_day=window.first_day,
        days=window.days,
        families=sum(village.families for village in inputs.villages),
        unmet=plan.unmet_families,
        hire_leaders=plan.hires.leaders,
        hire_others=plan.hires.others,
        hire_from=window.date(plan.hires.from_day) if plan.hires.total else None,
        rest=to_json(tuple(plan.rest)),
        proof=to_json(plan.proof),
        inputs=to_json(inputs),
        assumed=dict(read.assumed),
        made_by=actor,
        made_at=at,
    )
    _write_visits(row, inputs, plan, numbers, read.venues)
    _write_duties(row, inputs, plan, numbers, roster)
    Unmet.objects.bulk_create(
        Unmet(plan=row, village=village, channel=str(channel), families=families)
        for (village, channel), families in _summed(plan.unmet).items()
    )
    lacks: dict[tuple[Lack, int], int] = defaultdict(int)
    for lack in plan.shortfalls:
        lacks[lack.lack, lack.area] = max(lacks[lack.lack, lack.area], lack.amount)
    ShortfallRow.objects.bulk_create(
        ShortfallRow(plan=row, lack=str(lack), area=area, amount=amount) for (lack, area), amount in lacks.items()
    )
    Need.objects.bulk_create(
        Need(plan=row, number=p.id, kecamatan=p.kecamatan, may_lead=p.may_lead, from_day=window.date(plan.hires.from_day))
        for p in roster.hired
    )  # fmt: skip
    facts = {
        "stage": stage.id, "version": version, "families": row.families, "unmet": row.unmet, "hires": plan.hires.total,
        "method": plan.proof.method, "change": change, "based_on": based_on.row.version if based_on else None,
    }  # fmt: skip
    audit.record(actor=actor, verb="planned", subject=f"plan/{row.id}", facts=facts, at=at, branch=branch.id)
    return KeptPlan(row, inputs, plan, numbers, roster, read.venues)


def _summed(unmet: Iterable[UnmetPart]) -> dict[tuple[int, Channel], int]:
    summed: dict[tuple[int, Channel], int] = defaultdict(int)
    for part in unmet:
        summed[part.village, part.channel] += part.families
    return summed


def _visits(plan: PlanOf) -> Iterable[tuple[Channel, Sequence[Session | Round | Counter]]]:
    yield Channel.SESSION, plan.sessions
    yield Channel.DOOR, plan.rounds
    yield Channel.OFFICE, plan.counters


def _same(visit: Session | Round | Counter) -> tuple[Any, ...]:
    """What makes a visit the same one in the next plan, whoever of its families came early."""
    if isinstance(visit, Session):
        return visit.day, visit.host, visit.span, visit.heads
    if isinstance(visit, Round):
        return visit.day, visit.halves, visit.kecamatan
    return (visit.day,)


def _numbered(plan: PlanOf, based_on: KeptPlan | None) -> dict[Channel, list[int]]:
    """Numbers of the visits: one that is kept from the plan before has its old one, new ones go on counting."""
    numbers: dict[Channel, list[int]] = {}
    for channel, visits in _visits(plan):
        old: dict[tuple[Any, ...], list[int]] = defaultdict(list)
        highest = 0
        if based_on is not None:
            before = dict(_visits(based_on.plan))[channel]
            for number, visit in zip(based_on.numbers[channel], before, strict=True):
                old[_same(visit)].append(number)
                highest = max(highest, number)
        numbers[channel] = []
        for visit in visits:
            known = old.get(_same(visit))
            if known:
                numbers[channel].append(known.pop(0))
            else:
                highest += 1
                numbers[channel].append(highest)
    return numbers


def _roster(inputs: Inputs, plan: PlanOf, numbers: Numbers, based_on: KeptPlan | None) -> Roster:
    """Who works when. What people worked before counts for their load and rest; nobody is moved out of a kept visit who can still come."""
    past: list[Duty] = []
    if based_on is not None and inputs.kept.from_day:
        past = [duty for duty in based_on.roster.duties if duty.day < inputs.kept.from_day]
    roster = name_people(inputs, plan, kept=past)
    return replace(roster, duties=tuple(duty for duty in roster.duties if duty.day >= inputs.kept.from_day))


def _write_visits(row: Plan, inputs: Inputs, plan: PlanOf, numbers: Numbers, venues: Mapping[int, str]) -> None:
    visits: list[tuple[str, int, date, int | None, int | None, int, str]] = []
    served: list[tuple[str, int, int, int]] = []
    for channel, parts in _visits(plan):
        for number, visit in zip(numbers[channel], parts, strict=True):
            day = inputs.window.date(visit.day)
            if isinstance(visit, Session):
                visits.append(
                    (str(channel), number, day, int(visit.span), visit.host, visit.heads, venues.get(visit.host, ""))
                )
            else:
                visits.append(
                    (str(channel), number, day, None, None, visit.halves if isinstance(visit, Round) else 0, "")
                )
            together: dict[int, int] = defaultdict(int)
            for part in visit.served:
                together[part.village] += part.families
            served += [(str(channel), number, village, families) for village, families in together.items()]
    names = ("channels", "numbers", "days", "spans", "hosts", "sizes", "venues")
    queries.write_visits(plan=row.id, **_columns(names, visits))
    queries.write_served(plan=row.id, **_columns(("channels", "numbers", "villages", "families"), served))


def _columns(names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> dict[str, list[Any]]:
    return {name: [row[place] for row in rows] for place, name in enumerate(names)}


def _write_duties(row: Plan, inputs: Inputs, plan: PlanOf, numbers: Numbers, roster: Roster) -> None:
    """Every seat of every visit, the leader's first; a vacant one without a person."""
    seated: dict[tuple[Channel, int], list[tuple[bool, Span, int | None]]] = defaultdict(list)
    for duty in roster.duties:
        seated[duty.channel, duty.number].append((duty.leads, duty.span, duty.person))
    for empty in roster.vacancies:
        seated[empty.channel, empty.number].append((empty.leads, empty.span, None))
    tasks = dict(_visits(plan))
    rows = []
    for (channel, position), seats in seated.items():
        day = inputs.window.date(tasks[channel][position].day)
        for seat, (leads, span, person) in enumerate(
            sorted(seats, key=lambda s: (not s[0], s[1], s[2] is None, s[2] or 0)), start=1
        ):
            rows.append((str(channel), numbers[channel][position], seat, day, int(span), person, leads))
    names = ("channels", "numbers", "seats", "days", "spans", "persons", "leads")
    queries.write_duties(plan=row.id, **_columns(names, rows))


def a_day(text: str) -> date:
    """A day as forms and jobs write it, 2022-03-01."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Problem(f"“{text[:20]}” is no day: write it as 2022-03-01.") from None


def plan_by_id(plan: UUID) -> Plan:
    found = Plan.objects.select_related("stage__programme", "branch").filter(id=plan).first()
    if found is None:
        raise NothingThere(f"There is no plan {plan}: `salur planning plans` lists them.")
    return found


def plan_by_word(word: str, *, stage: int | None = None) -> Plan:
    """A plan by its id, or as ``KC-BDW/3``: the branch's version (of the newest stage, unless one is named)."""
    try:
        return plan_by_id(UUID(word))
    except ValueError:
        pass
    code, _, version = word.rpartition("/")
    rows = Plan.objects.select_related("stage__programme", "branch").filter(branch__code=code)
    if stage is not None:
        rows = rows.filter(stage=stage)
    row = rows.filter(version=int(version)).order_by("-stage_id").first() if version.isdecimal() else None
    if row is None:
        raise NothingThere(f"There is no plan {word}: `salur planning plans` lists them, as KC-BDW/3.")
    return row


def load(row: Plan) -> KeptPlan:
    """A plan as it was when it was kept."""
    inputs = inputs_from_json(row.inputs)
    first = row.first_day
    sessions: list[Session] = []
    rounds: list[Round] = []
    counters: list[Counter] = []
    numbers: dict[Channel, list[int]] = {channel: [] for channel in Channel}
    places: dict[tuple[str, int], int] = {}
    venues: dict[int, str] = {}
    for visit in queries.visits(plan=row.id):
        channel = Channel(visit.channel)
        day = (visit.day - first).days
        served = tuple(
            Served(village, families) for village, families in zip(visit.villages, visit.families, strict=True)
        )
        places[visit.channel, visit.number] = len(numbers[channel])
        numbers[channel].append(visit.number)
        if channel is Channel.SESSION:
            sessions.append(Session(day, visit.host, served, Span(visit.span), visit.size))
            if visit.venue:
                venues[visit.host] = visit.venue
        elif channel is Channel.DOOR:
            rounds.append(Round(day, served, visit.size))
        else:
            counters.append(Counter(day, served))
    needs = [
        Officer(n.number, f"Tenaga {-n.number}", n.kecamatan, n.may_lead)
        for n in Need.objects.filter(plan=row).order_by("-number")
    ]
    duties, vacancies = [], []
    for duty in queries.duties(plan=row.id):
        day, span, channel = (duty.day - first).days, Span(duty.span), Channel(duty.channel)
        place = places[duty.channel, duty.number]
        if duty.person is None:
            vacancies.append(Vacancy(day, span, channel, place, duty.leads))
        else:
            duties.append(Duty(day, span, duty.person, channel, place, duty.leads))
    hire_from = (row.hire_from - first).days if row.hire_from else 0
    plan = PlanOf(
        sessions=tuple(sessions),
        rounds=tuple(rounds),
        counters=tuple(counters),
        hires=Hires(row.hire_leaders, row.hire_others, hire_from),
        rest=Rest(*(tuple(group) for group in row.rest)),
        unmet=tuple(UnmetPart(u.village, Channel(u.channel), u.families) for u in Unmet.objects.filter(plan=row)),
        shortfalls=tuple(Shortfall(Lack(s.lack), s.amount, s.area) for s in ShortfallRow.objects.filter(plan=row)),
        proof=Proof(**row.proof),
    )
    return KeptPlan(row, inputs, plan, numbers, Roster(tuple(duties), tuple(needs), tuple(vacancies)), venues)


def state_of(row: Plan) -> PlanState:
    known = set(State.objects.filter(plan=row).values_list("state", flat=True))
    return next((s for s in (PlanState.SUPERSEDED, PlanState.PUBLISHED) if s in known), PlanState.DRAFT)


def violations(kept: KeptPlan) -> list[Violation]:
    """What the independent checker finds in a kept plan and its roster."""
    return [*check_plan(kept.inputs, kept.plan), *check_roster(kept.inputs, kept.plan, kept.roster)]


def by_day(kept: KeptPlan) -> list[DayLine]:
    """Each day that has something: families, people on duty, rupiah, venues."""
    online = {village.code: village.online for village in kept.inputs.villages}
    families: dict[int, int] = defaultdict(int)
    reachable: dict[int, int] = defaultdict(int)
    venues: dict[int, int] = defaultdict(int)
    people: dict[int, set[int]] = defaultdict(set)
    for day, _, part in kept.plan.visits():
        families[day] += part.families
        reachable[day] += part.families if online[part.village] else 0
    for session in kept.plan.sessions:
        venues[session.day] += 1
    for duty in kept.roster.duties:
        people[duty.day].add(duty.person)
    cash = {line.day: line.amount_rp for line in kept.cash.days}
    return [
        DayLine(kept.inputs.window.date(day), families[day], len(people[day]), cash.get(day, 0), venues[day], reachable[day])
        for day in sorted(families)
    ]  # fmt: skip


def team(row: Plan) -> list[Any]:
    """Every seat of a plan with its place and whoever fills it (queries.sql: team)."""
    return queries.team(plan=row.id)


def plans(*, stage: int, branches: Sequence[int] | None) -> list[Any]:
    return queries.plans(stage=stage, branches=None if branches is None else list(branches))


# -- publishing ----------------------------------------------------------------------------------------------------


class Published(NamedTuple):
    """``slots`` were written, ``changed`` of them for families that had another place or time before; ``existed``: published before."""

    plan: Plan
    slots: int
    changed: int
    superseded: int | None
    existed: bool = False


@transaction.atomic
def publish(*, plan: UUID, actor: str, at: datetime) -> Published:
    """Make a draft the plan that counts, and give each family it reaches its place and time; the plan before is superseded.

    A second person does it (``SamePerson``), the checker must find nothing (``BrokenRules``), and no later plan may count already. The same plan
    again changes nothing.
    """
    row = plan_by_id(plan)
    queries.take_branch(stage=str(row.stage_id), branch=str(row.branch_id))
    state = state_of(row)
    if state is PlanState.PUBLISHED:
        return Published(row, 0, 0, None, existed=True)
    before = published(stage=row.stage_id, branch=row.branch_id)
    if state is PlanState.SUPERSEDED or (before is not None and before.version > row.version):
        raise Conflict(f"A later plan of {row.branch.code} counts already: publish a version after it.")
    if actor == row.made_by:
        raise SamePerson(f"{actor} made this plan, so somebody else must publish it.")
    kept = load(row)
    found = violations(kept)
    if found:
        words = ", ".join(sorted({str(violation.rule) for violation in found}))
        raise BrokenRules(f"This plan breaks {len(found)} rules ({words}): change it, or plan again.", violations=found)
    changed, slots = _write_slots(kept, at)
    if before is not None:
        State.objects.create(id=uuid7(at), plan=before, state=PlanState.SUPERSEDED, actor=actor, at=at)
    State.objects.create(id=uuid7(at), plan=row, state=PlanState.PUBLISHED, actor=actor, at=at)
    facts = {
        "stage": row.stage_id, "version": row.version, "made_by": row.made_by, "slots": slots, "changed": changed,
        "superseded": before.version if before else None,
    }  # fmt: skip
    audit.record(actor=actor, verb="published", subject=f"plan/{row.id}", facts=facts, at=at, branch=row.branch_id)
    return Published(row, slots, changed, before.version if before else None)


def _write_slots(kept: KeptPlan, at: datetime) -> tuple[int, int]:
    """Write the slots that are new or other than before; answers (changed, written)."""
    row = kept.row
    said = said_of(stage=row.stage_id, branch=row.branch_id)
    hours = Hours.of(said.of("morning"), said.of("afternoon"), said.of("slot_minutes"))
    families = [Family(*line) for line in queries.unpaid_families(stage=row.stage_id, branch=row.branch_id)]
    counting = queries.slots_that_count(stage=row.stage_id, branch=row.branch_id)
    village_of = {slot.entitlement: slot.village for slot in counting}
    old = {
        slot.entitlement: Slot(
            Channel(slot.channel), slot.number, slot.seat, slot.position, (slot.day - row.first_day).days, slot.starts_at, slot.ends_at
        )
        for slot in counting
        if slot.day is not None
    }  # fmt: skip
    there = {
        (channel, number): visit
        for channel, visits in _visits(kept.plan)
        for number, visit in zip(kept.numbers[channel], visits, strict=True)
    }

    serves = {(key, part.village) for key, visit in there.items() for part in visit.served}

    def stays(slot: Slot, village: int) -> bool:
        """The visit is still there, on its day, for the village, with the seat; families keep what they were told."""
        visit = there.get((slot.channel, slot.number))
        if visit is None or visit.day != slot.day or visit.day < kept.inputs.kept.from_day:
            return False
        if ((slot.channel, slot.number), village) not in serves:
            return False
        return slot.seat is None or slot.seat <= (
            visit.heads if isinstance(visit, Session) else getattr(visit, "halves", 0)
        )

    stay = {entitlement: slot for entitlement, slot in old.items() if stays(slot, village_of[entitlement])}
    zone = row.branch.timezone
    new = assign(
        inputs=kept.inputs, plan=kept.plan, numbers=kept.numbers, families=families, hours=hours, zone=zone, kept=stay
    )
    unpaid = {family.entitlement for family in families}
    lines = [(entitlement, slot) for entitlement, slot in new.items() if old.get(entitlement) != slot]
    gone = [entitlement for entitlement in old if entitlement in unpaid and entitlement not in new]
    first = kept.inputs.window
    written: list[tuple[UUID, str | None, int | None, int, int, date | None, datetime | None, datetime | None]] = [
        (entitlement, str(slot.channel), slot.number, slot.seat or 0, slot.position, first.date(slot.day), slot.starts_at, slot.ends_at)
        for entitlement, slot in lines
    ]  # fmt: skip
    written += [(entitlement, None, None, 0, 0, None, None, None) for entitlement in gone]
    for start in range(0, len(written), 20_000):
        part = written[start : start + 20_000]
        columns = _columns(("ids", "channels", "numbers", "seats", "positions", "days", "starts", "ends"), part)
        queries.write_slots(
            stage=row.stage_id, branch=row.branch_id, version=row.version, entitlements=arrays.uuids(columns.pop("ids")), **columns
        )  # fmt: skip
    return sum(entitlement in old for entitlement, *_ in written), len(written)


def published(*, stage: int, branch: int) -> Plan | None:
    """The plan that counts: published, and not superseded by a later one."""
    found = Plan.objects.select_related("stage__programme", "branch").filter(
        stage=stage, branch=branch, states__state=PlanState.PUBLISHED
    )
    return found.exclude(states__state=PlanState.SUPERSEDED).order_by("-version").first()


def family_slots(
    *, stage: int, branch: int, village: int | None = None, day: date | None = None, version: int | None = None
) -> list[Any]:
    """Each family's place, time and officer (see the folder's front door for the columns), by village, day, visit and place in the queue.

    With ``version`` only those whose place or time that plan gave or changed: whose letters are new.
    """
    plan = published(stage=stage, branch=branch)
    if plan is None:
        return []
    return queries.family_slots(stage=stage, branch=branch, village=village, day=day, version=version, plan=plan.id)


def recount(*, stage: int) -> Iterable[Recount]:
    """Every published plan passes the checker; every slot is of a visit of the plan that counts, and no visit has more than it planned for."""
    checked = 0
    broken: list[str] = []
    for row in Plan.objects.select_related("stage__programme", "branch").filter(
        stage=stage, states__state=PlanState.PUBLISHED
    ):
        checked += 1
        found = violations(load(row))
        broken += [f"{row.branch.code}/{row.version}: {violation.rule}" for violation in found[:3]]
    yield Recount("published plans pass the checker", checked, len(broken), broken[:10])
    rows = queries.recount_slots(stage=stage)
    wrong = [row for row in rows if row.broken]
    examples = [
        f"{row.branch}/{row.version} {row.channel} {row.number}: {row.slots} slots, {row.families} planned"
        for row in wrong[:10]
    ]
    yield Recount("families' slots are those of the plan that counts", len(rows), len(wrong), examples)
