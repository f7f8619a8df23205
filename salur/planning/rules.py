"""What a plan is made of and what its parts can do; pure: no Django, no clock, no solver.

Days are positions in the window (0 is the first day), work is counted in *halves* (half officer-days: a morning or an afternoon), money
in whole rupiah, travel in minutes one way. The planner reads ``Inputs`` and answers with a ``Plan``; ``check.py`` judges a plan by
these nouns alone.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import IntEnum, StrEnum
from typing import NamedTuple


class Order(StrEnum):
    """Who is paid first: areas with signal (Selong 2022), hard areas (headquarters' policy later that year), or least travel."""

    ONLINE_FIRST = "online_first"
    HARD_FIRST = "hard_first"
    TRAVEL = "travel"


class Terrain(StrEnum):
    TOWN = "town"
    PLAIN = "plain"
    HILLS = "hills"
    ISLAND = "island"
    MOUNTAIN = "mountain"


class Span(IntEnum):
    """The part of a day that a session takes."""

    DAY = 0
    MORNING = 1
    AFTERNOON = 2

    @property
    def halves(self) -> int:
        return 2 if self is Span.DAY else 1


@dataclass(frozen=True, slots=True)
class Village:
    """One desa or kelurahan as the planner sees it. ``amount_rp`` is what all its families together are owed."""

    code: int
    families: int
    amount_rp: int
    name: str = ""
    home_visits: int = 0  # families with an elderly, disabled or ill recipient: visited at home
    office: int = 0  # families who prefer the counter of the post office
    online: bool = True
    terrain: Terrain = Terrain.PLAIN
    travel_minutes: int = 30
    ready_day: int | None = 0  # from this day on all authorities have confirmed; None: somebody has not
    blocked: frozenset[int] = frozenset()  # market days and local events
    lat: float | None = None
    lon: float | None = None

    @property
    def kecamatan(self) -> int:
        return self.code // 10_000

    @property
    def payment_rp(self) -> int:
        """The average payment, rounded up; amounts differ per family."""
        return -(-self.amount_rp // self.families) if self.families else 0

    def cash_rp(self, families: int) -> int:
        """Rupiah to carry for ``families`` of this village at the average payment, rounded up."""
        return -(-families * self.amount_rp // self.families) if families else 0


@dataclass(frozen=True, slots=True)
class Officer:
    """A person who pays. ``absent`` are days off that are known beforehand (leave, illness, before or after the contract)."""

    id: int
    name: str = ""
    kecamatan: int | None = None
    may_lead: bool = True  # an employee; a session is led by one
    absent: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Rates:
    """How many families one officer pays.

    At a venue either a flat rule ``session_per_day`` (travel and preparation included), as branches state it: 150 (Bandung, 2023: two
    officers and a facilitator per 300 families) or 400 (Banda Aceh, 2023); or, with ``session_per_day=None``, from ``session_minutes``
    per family, after preparation and the way there and back. 1.4 minutes give the 267–298 a day seen at counters (Purwakarta,
    2025: 250–300).

    ``door_per_day`` are houses per officer and day, travel included. Sources: public reports 2021–2023: towns 30–100, islands 45–60,
    mountains 5; hills and plain are set between them.
    """

    session_per_day: int | None = None
    session_minutes: float = 1.4
    shift_minutes: int = 480
    prepare_minutes: int = 60
    door_per_day: Mapping[Terrain, int] = field(
        default_factory=lambda: {
            Terrain.TOWN: 60,
            Terrain.PLAIN: 45,
            Terrain.HILLS: 30,
            Terrain.ISLAND: 45,
            Terrain.MOUNTAIN: 5,
        }
    )

    def at_venue(self, travel_minutes: int, halves: int) -> int:
        """Families that one officer pays at a venue in one or two halves: floor((shift - preparation - 2 × travel) / minutes)."""
        if self.session_per_day is not None:
            return self.session_per_day * halves // 2
        minutes = (self.shift_minutes - self.prepare_minutes) * halves / 2 - 2 * travel_minutes
        return max(0, math.floor(minutes / self.session_minutes))


@dataclass(frozen=True, slots=True)
class Branch:
    """What a branch has. Limits of money and escort are per day."""

    code: str
    officers: tuple[Officer, ...] = ()
    hire_ceiling: int = 200
    onboarding_days: int = 2  # days from the making of the plan until a new person works
    hires_may_lead: bool = True
    vault_rp: int = 8_000_000_000  # cash the vault can give out in one day
    float_rp: int = 300_000_000  # cash one officer may sign for in one day
    escorts: int = 30  # venues that the police and army can guard in one day
    escorts_per_kecamatan: int = 4
    escorts_of: Mapping[int, int] = field(default_factory=dict)  # kecamatan whose Polsek or Koramil can do more or less
    counters: int = 0  # staffed counters of post offices, apart from the officers above
    counter_per_day: int = 250

    def escorts_in(self, kecamatan: int) -> int:
        return self.escorts_of.get(kecamatan, self.escorts_per_kecamatan)


@dataclass(frozen=True, slots=True)
class Policy:
    """What people decide, not nature. The channel thresholds are Tangsel's (2023): 50–100 families to a venue, below 10 door to door."""

    order: Order = Order.ONLINE_FIRST
    own_session_least: int = 50
    door_below: int = 10
    joint_within_km: float = 5.0
    office_within_minutes: int = 20
    no_show_percent: int = 6  # of those invited to a venue; visited at home afterwards
    door_after_days: int = 1  # door-to-door follows the session by so many days, when the absent are known
    team_least: int = 2  # cash is counted by two people
    team_most: int = 6
    rest_every: int | None = 7  # nobody works more than rest_every - 1 of so many days in a row


@dataclass(frozen=True, slots=True)
class Window:
    """The days in which the branch pays. ``closed`` days have no work, ``half_days`` only a morning (Friday, fasting month)."""

    first_day: date
    days: int = 14
    closed: frozenset[int] = frozenset()
    half_days: frozenset[int] = frozenset()

    def halves(self, day: int) -> int:
        """0, 1 or 2 halves in which one person can work that day."""
        if day in self.closed or not 0 <= day < self.days:
            return 0
        return 1 if day in self.half_days else 2

    def spans(self, day: int) -> tuple[Span, ...]:
        """What a session may take of that day."""
        return ((), (Span.MORNING,), (Span.DAY, Span.MORNING, Span.AFTERNOON))[self.halves(day)]

    def date(self, day: int) -> date:
        return self.first_day + timedelta(days=day)


class Served(NamedTuple):
    """So many families of a village, in one session, round or counter day."""

    village: int
    families: int


@dataclass(frozen=True, slots=True)
class Session:
    """A team at one venue for a day or half of it. ``host`` is the village of the venue; a joint session serves others too."""

    day: int
    host: int
    served: tuple[Served, ...]
    span: Span
    heads: int

    @property
    def families(self) -> int:
        return sum(part.families for part in self.served)

    @property
    def kecamatan(self) -> int:
        return self.host // 10_000


@dataclass(frozen=True, slots=True)
class Round:
    """Door-to-door in one kecamatan (or neighbouring ones, where a half day is left over) by ``halves`` half officer-days."""

    day: int
    served: tuple[Served, ...]
    halves: int

    @property
    def kecamatan(self) -> int:
        """Where most of its families live."""
        families: dict[int, int] = {}
        for part in self.served:
            families[part.village // 10_000] = families.get(part.village // 10_000, 0) + part.families
        return max(families, key=lambda code: (families[code], -code))


@dataclass(frozen=True, slots=True)
class Counter:
    """Families who are invited to the post office on one day."""

    day: int
    served: tuple[Served, ...]


@dataclass(frozen=True, slots=True)
class Kept:
    """What stays as it is when planning again: what was paid, and what families were already told."""

    from_day: int = 0  # the first day that may still be planned
    sessions: tuple[Session, ...] = ()
    rounds: tuple[Round, ...] = ()
    counters: tuple[Counter, ...] = ()


@dataclass(frozen=True, slots=True)
class Inputs:
    """All that the plan of one branch depends on."""

    window: Window
    branch: Branch
    villages: tuple[Village, ...]
    rates: Rates = field(default_factory=Rates)
    policy: Policy = field(default_factory=Policy)
    kept: Kept = field(default_factory=Kept)

    def __post_init__(self) -> None:
        codes = {village.code for village in self.villages}
        if len(codes) != len(self.villages):
            raise ValueError("A village stands twice in the inputs of a plan.")

    @property
    def hires_from_day(self) -> int:
        """The first day on which somebody hired by this plan works."""
        return self.kept.from_day + self.branch.onboarding_days

    @property
    def open_days(self) -> tuple[int, ...]:
        """Days that can still be planned."""
        return tuple(day for day in range(self.kept.from_day, self.window.days) if self.window.halves(day))

    def on_duty(self, day: int, *, leaders: bool) -> int:
        """Own officers present that day, those who lead or those who do not, before the rest groups of ``Rest``."""
        return sum(
            officer.may_lead is leaders and day in working_days(self, officer) for officer in self.branch.officers
        )


class Channel(StrEnum):
    SESSION = "session"
    DOOR = "door"
    OFFICE = "office"


class Lack(StrEnum):
    """What can be missing: first what can be bought or lent, then what needs a decision or a signature."""

    OFFICERS = "officers"
    LEADERS = "leaders"
    VAULT = "vault"
    ESCORTS = "escorts"
    COUNTERS = "counters"
    DAYS = "days"
    READINESS = "readiness"  # a village that nobody has confirmed in time
    OPEN_DAY = "open_day"  # a village that is blocked on every day
    FLOAT = "float"  # an officer may not even carry one payment
    RATE = "rate"  # the way there and back takes the whole shift
    FAMILIES = "families"  # a village without families, or nobody to pay at all


@dataclass(frozen=True, slots=True)
class Shortfall:
    """What is missing and how much of it. ``area`` is a village or kecamatan code, or 0 for the whole branch.

    Units: people (officers, leaders), rupiah a day (vault), rupiah of the largest payment beyond it (float), venues a day (escorts), counters,
    days; families for the rest. What is missing of people, money, escorts and counters is missing together: with at least all of it everyone
    is reached. ``days`` is the other way: so many more days reach everyone with what there is.
    """

    lack: Lack
    amount: int
    area: int = 0


@dataclass(frozen=True, slots=True)
class Unmet:
    """Families that the plan does not reach."""

    village: int
    channel: Channel
    families: int


class Hires(NamedTuple):
    """People to hire, all of them working from ``from_day``."""

    leaders: int = 0
    others: int = 0
    from_day: int = 0

    @property
    def total(self) -> int:
        return self.leaders + self.others


class Rest(NamedTuple):
    """How many of each kind rest on the days d with d mod ``len(...)`` = position; empty when the window needs no rest day.

    Own officers with days off are not in a group: see ``working_days``.
    """

    leaders: tuple[int, ...] = ()
    others: tuple[int, ...] = ()
    hired_leaders: tuple[int, ...] = ()
    hired_others: tuple[int, ...] = ()

    def resting(self, kind: tuple[int, ...], day: int) -> int:
        return kind[day % len(kind)] if kind else 0


@dataclass(frozen=True, slots=True)
class Proof:
    """How good the plan is known to be. A bound is the least (hires, unmet) or the least objective that any plan could reach.

    ``hires_bound`` is None where not everyone can be reached: the fewest hires are then not proven, only the fewest unmet.
    ``gap`` is (objective - bound) / objective of the schedule by policy; None where no bound was computed (greedy).
    """

    method: str  # "milp" or "greedy"
    unmet_bound: int | None = None
    hires_bound: int | None = None
    objective: float | None = None
    gap: float | None = None
    hires_seconds: float = 0.0  # until the least hires were known
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Plan:
    """Where, when and how each family is paid, with whom, and what is missing."""

    sessions: tuple[Session, ...] = ()
    rounds: tuple[Round, ...] = ()
    counters: tuple[Counter, ...] = ()
    hires: Hires = Hires()
    rest: Rest = Rest()
    unmet: tuple[Unmet, ...] = ()
    shortfalls: tuple[Shortfall, ...] = ()
    proof: Proof = Proof("none")

    @property
    def unmet_families(self) -> int:
        return sum(part.families for part in self.unmet)

    def visits(self) -> Iterable[tuple[int, Channel, Served]]:
        """(day, channel, families of one village) of everything in the plan."""
        for session in self.sessions:
            for part in session.served:
                yield session.day, Channel.SESSION, part
        for round_ in self.rounds:
            for part in round_.served:
                yield round_.day, Channel.DOOR, part
        for counter in self.counters:
            for part in counter.served:
                yield counter.day, Channel.OFFICE, part


def session_capacity(inputs: Inputs, host: Village, payment_rp: int, halves: int) -> int:
    """Families that one officer can pay at the venue of ``host``: the rate, or what the float allows, whichever is less.

    ``payment_rp`` is the average payment. The float is signed for once a day, so a half day may use half of it.
    """
    carried = inputs.branch.float_rp * halves // 2 // max(1, payment_rp)
    return min(inputs.rates.at_venue(host.travel_minutes, halves), carried)


def door_capacity(inputs: Inputs, village: Village) -> int:
    """Houses of this village that one officer can visit in a full day: the terrain's rate, or what the float allows."""
    if not village.families:
        return 0
    carried = inputs.branch.float_rp // max(1, village.payment_rp)
    return min(inputs.rates.door_per_day[village.terrain], carried)


def readiness_day(window: Window, confirmed: Iterable[date | None]) -> int | None:
    """The day of the window from which a village may be paid: when the last of its authorities (pemda or Dinsos, Polres or Polsek,
    Kodim or Koramil, camat, village) has confirmed; None while one of them has not.
    """
    latest = 0
    for day in confirmed:
        if day is None:
            return None
        latest = max(latest, (day - window.first_day).days)
    return latest


def present(inputs: Inputs, hires: Hires, rest: Rest, day: int) -> tuple[int, int]:
    """(people, leaders among them) who can work that day: own officers present and hires on board, less those who rest."""
    leaders = inputs.on_duty(day, leaders=True) - rest.resting(rest.leaders, day)
    others = inputs.on_duty(day, leaders=False) - rest.resting(rest.others, day)
    if day >= hires.from_day:
        leaders += hires.leaders - rest.resting(rest.hired_leaders, day)
        others += hires.others - rest.resting(rest.hired_others, day)
    return max(0, leaders) + max(0, others), max(0, leaders)


def rest_period(inputs: Inputs) -> int:
    """Days of the rest rule, or 0 when the window is too short for it to matter."""
    every = inputs.policy.rest_every
    return every if every and inputs.window.days >= every else 0


def working_days(inputs: Inputs, officer: Officer) -> frozenset[int]:
    """Days on which this officer can work, before the rest group of someone without days off.

    Whoever has days off rests on these, and otherwise as soon as the rest rule asks for it.
    """
    days = [day for day in range(inputs.window.days) if inputs.window.halves(day) and day not in officer.absent]
    every = rest_period(inputs)
    if not every or not has_days_off(inputs, officer):
        return frozenset(days)
    works: set[int] = set()
    run = officer.id % (every - 1)  # staggers the first rest day
    for day in range(inputs.window.days):
        if day in days and run < every - 1:
            works.add(day)
            run += 1
        else:
            run = 0
    return frozenset(works)


def has_days_off(inputs: Inputs, officer: Officer) -> bool:
    """Whether some of the officer's days off fall on days on which the branch works."""
    return any(inputs.window.halves(day) for day in officer.absent)


def mean_day(inputs: Inputs, plan: Plan, *, online: bool) -> float | None:
    """The day on which a family of the villages with (or without) signal is paid on average, day 0 being the first; None for no family."""
    has_signal = {village.code: village.online for village in inputs.villages}
    visits = [(day, part.families) for day, _, part in plan.visits() if has_signal[part.village] is online]
    families = sum(number for _, number in visits)
    return sum(day * number for day, number in visits) / families if families else None
