"""What a branch can say about itself, a kecamatan, a village or an officer: names, how each is written, and what is assumed until it is said; pure.

A default is an assumption, and every plan lists those it rests on (``Read.assumed``): nobody shall take an assumed vault for a known one.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, time
from enum import StrEnum
from typing import Any, NamedTuple

from salur.areas.rules import area_code, dotted
from salur.lib.problem import Problem
from salur.planning.channels import distance_km
from salur.planning.coordination import Body, Standing, ready_dates
from salur.planning.rules import (
    Branch,
    Inputs,
    Kept,
    Officer,
    Order,
    Policy,
    Rates,
    Terrain,
    Village,
    Window,
    readiness_day,
)

ROAD_FACTOR = 1.35  # the way on roads by the straight line
ROAD_KM_H = 25
UNKNOWN_TRAVEL_MINUTES = 30
TRAVEL_MOST_MINUTES = 150


class BadInput(Problem):
    code = "bad_input"
    status = 422


class Level(StrEnum):
    BRANCH = "branch"
    KECAMATAN = "kecamatan"
    VILLAGE = "village"
    OFFICER = "officer"


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str) or int(value) < 0:
        raise ValueError("a whole number, not below zero")
    return int(value)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not 0 <= float(value) < math.inf:
        raise ValueError("a number, not below zero")
    return float(value)


def _percent(value: Any) -> float:
    if not 0 <= _number(value) <= 100:
        raise ValueError("a percentage between 0 and 100")
    return float(value)


def _yes_no(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word not in {"0", "1", "true", "false", "ya", "tidak"}:
        raise ValueError("true or false")
    return word in {"1", "true", "ya"}


def _days(value: Any) -> list[str]:
    parts = value.replace(",", " ").split() if isinstance(value, str) else value
    if not isinstance(parts, list | tuple):
        raise ValueError("days as year-month-day, separated by spaces")
    return sorted({date.fromisoformat(str(part)).isoformat() for part in parts})


def _day(value: Any) -> str:
    return date.fromisoformat(str(value)).isoformat()


def _text(value: Any) -> str:
    return str(value).strip()[:200]


def _hours(value: Any) -> str:
    start, _, end = str(value).partition("-")
    if not time.fromisoformat(start.strip()) < time.fromisoformat(end.strip()):
        raise ValueError("hours as 08:00-12:00")
    return f"{start.strip()}-{end.strip()}"


def _word(words: type[StrEnum]) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if str(value) not in list(words):
            raise ValueError(f"one of {', '.join(words)}")
        return str(value)

    return read


def _bodies(value: Any) -> list[str]:
    parts = value.replace(",", " ").split() if isinstance(value, str) else list(value)
    return [_word(Body)(part) for part in dict.fromkeys(parts)]


def _areas(value: Any) -> list[int]:
    parts = value.replace(",", " ").split() if isinstance(value, str) else list(value)
    return [area_code(str(part)) for part in parts]


def _range(value: Any) -> str:
    parts = [int(part) for part in str(value).replace("–", "-").split("-")]
    if not 0 < len(parts) <= 2 or sorted(parts) != parts or parts[0] < 0:
        raise ValueError("a number, or two as 40-50")
    return "–".join(map(str, parts))


class Setting(NamedTuple):
    """``default`` is what counts until somebody says it; ``least`` what the value may not fall below."""

    level: Level
    read: Callable[[Any], Any]
    default: Any
    what: str
    optional: bool = False  # may be taken back to "unknown" with an empty value
    least: int = 0


_BRANCH, _RATES, _POLICY = Branch(""), Rates(), Policy()
SETTINGS: Mapping[str, Setting] = {
    # -- the window
    "first_day": Setting(Level.BRANCH, _day, None, "the first day of paying; until it is said, the day the stage opens"),
    "days": Setting(Level.BRANCH, _whole, None, "days to pay in; until it is said, the stage's target"),
    "closed_days": Setting(Level.BRANCH, _days, [], "holidays without work"),
    "half_days": Setting(Level.BRANCH, _days, [], "days with a morning only (Friday, fasting month)"),
    "morning": Setting(Level.BRANCH, _hours, "08:00-12:00", "hours of a morning at a venue"),
    "afternoon": Setting(Level.BRANCH, _hours, "13:00-16:00", "hours of an afternoon at a venue"),
    "slot_minutes": Setting(Level.BRANCH, _whole, 30, "length of a family's time slot", least=5),
    # -- people
    "officers_assumed": Setting(Level.BRANCH, _whole, None, "own officers to plan with instead of those registered", optional=True),
    "hire_ceiling": Setting(Level.BRANCH, _whole, _BRANCH.hire_ceiling, "the most people who can be hired"),
    "onboarding_days": Setting(Level.BRANCH, _whole, _BRANCH.onboarding_days, "days until a hired person works"),
    "hires_may_lead": Setting(Level.BRANCH, _yes_no, _BRANCH.hires_may_lead, "whether a hired person may lead a session"),
    "quoted_hires": Setting(Level.BRANCH, _range, "", "people hired, as published elsewhere (40-50): a quotation beside the plan's own number"),
    "team_least": Setting(Level.BRANCH, _whole, _POLICY.team_least, "officers at a venue at least", least=1),
    "team_most": Setting(Level.BRANCH, _whole, _POLICY.team_most, "officers at a venue at most", least=1),
    "rest_every": Setting(Level.BRANCH, _whole, _POLICY.rest_every, "one rest day in so many; empty for none", optional=True, least=2),
    # -- money and escorts
    "vault_rp": Setting(Level.BRANCH, _whole, _BRANCH.vault_rp, "rupiah that the vault can give out in a day"),
    "float_rp": Setting(Level.BRANCH, _whole, _BRANCH.float_rp, "rupiah that an officer may sign for in a day"),
    "escorts": Setting(Level.BRANCH, _whole, _BRANCH.escorts, "venues that can be guarded in a day"),
    "escorts_per_kecamatan": Setting(Level.BRANCH, _whole, _BRANCH.escorts_per_kecamatan, "the same for each kecamatan (Polsek, Koramil)"),
    "kecamatan_escorts": Setting(Level.KECAMATAN, _whole, None, "the same for this kecamatan", optional=True),
    # -- counters
    "counters": Setting(Level.BRANCH, _whole, _BRANCH.counters, "staffed counters of post offices, apart from the officers"),
    "counter_per_day": Setting(Level.BRANCH, _whole, _BRANCH.counter_per_day, "families a counter pays in a day"),
    "post_offices": Setting(Level.BRANCH, _areas, None, "kecamatan that have a post office; until it is said, every one has", optional=True),
    "office_within_minutes": Setting(Level.BRANCH, _whole, _POLICY.office_within_minutes, "how near is near to a counter"),
    # -- rates
    "session_per_day": Setting(Level.BRANCH, _whole, None, "families an officer pays in a day at a venue (Bandung: 150)", optional=True, least=1),
    "session_minutes": Setting(Level.BRANCH, _number, _RATES.session_minutes, "minutes for a family at a venue, where no flat rate is said"),
    "shift_minutes": Setting(Level.BRANCH, _whole, _RATES.shift_minutes, "minutes of a working day", least=60),
    "prepare_minutes": Setting(Level.BRANCH, _whole, _RATES.prepare_minutes, "minutes to count and set up"),
    **{
        f"door_per_day_{terrain}": Setting(Level.BRANCH, _whole, rate, f"houses an officer visits in a day: {terrain}")
        for terrain, rate in _RATES.door_per_day.items()
    },
    # -- who comes where
    "order": Setting(Level.BRANCH, _word(Order), None, "who is paid first; until it is said, the stage's order"),
    "own_session_least": Setting(Level.BRANCH, _whole, _POLICY.own_session_least, "families that are worth a session"),
    "door_below": Setting(Level.BRANCH, _whole, _POLICY.door_below, "fewer families than this are visited at home"),
    "joint_within_km": Setting(Level.BRANCH, _number, _POLICY.joint_within_km, "how far a small village goes to a neighbour's venue"),
    "no_show_percent": Setting(Level.BRANCH, _percent, _POLICY.no_show_percent, "of those invited, how many do not come"),
    "door_after_days": Setting(Level.BRANCH, _whole, _POLICY.door_after_days, "days after the session that door-to-door begins"),
    "home_percent": Setting(Level.BRANCH, _percent, 7.0, "families with an elderly, disabled or ill recipient"),
    "readiness_bodies": Setting(Level.BRANCH, _bodies, [], "whose confirmation a village needs before it is paid"),
    # -- villages
    "home_visits": Setting(Level.VILLAGE, _whole, None, "families to be visited at home", optional=True),
    "office": Setting(Level.VILLAGE, _whole, 0, "families who prefer the post office's counter"),
    "online": Setting(Level.VILLAGE, _yes_no, None, "whether there is signal", optional=True),
    "terrain": Setting(Level.VILLAGE, _word(Terrain), None, "town, plain, hills, island or mountain", optional=True),
    "travel_minutes": Setting(Level.VILLAGE, _whole, None, "minutes from the nearest post office, one way", optional=True),
    "blocked_days": Setting(Level.VILLAGE, _days, [], "market days and local events"),
    "venue": Setting(Level.VILLAGE, _text, "", "where the session is held"),
    # -- officers
    "absent_days": Setting(Level.OFFICER, _days, [], "days off that are known"),
    "leads": Setting(Level.OFFICER, _yes_no, None, "whether the officer may lead a session; until it is said, employees may", optional=True),
}  # fmt: skip
_LEVEL_OF_DIGITS = {10: Level.VILLAGE, 6: Level.KECAMATAN}


def read_value(name: str, value: Any, *, area: int = 0, officer: str = "") -> Any:
    """The value as it is kept; None where an optional one is taken back. Raises ``BadInput``."""
    setting = SETTINGS.get(name)
    if setting is None:
        raise BadInput(f"There is no planning input {name}: `salur planning inputs show` lists them.")
    level = Level.OFFICER if officer else _LEVEL_OF_DIGITS.get(len(str(area)), Level.BRANCH if not area else None)
    if level is not setting.level:
        where = f"officer {officer}" if officer else dotted(area) if area else "the branch"
        raise BadInput(f"{name} is said of a {setting.level}, not of {where}.")
    if value is None or value == "":
        if setting.optional:
            return None
        if setting.default == "":
            return ""
        raise BadInput(f"{name} needs a value: {setting.what}.")
    try:
        read = setting.read(value)
    except (ValueError, TypeError) as error:
        said = "" if "isoformat" in str(error) or "literal" in str(error) else f" ({error})"
        raise BadInput(f"{name} cannot be “{str(value)[:40]}”{said}: {setting.what}.") from None
    if setting.least and read < setting.least:
        raise BadInput(f"{name} must be at least {setting.least}: {setting.what}.")
    return read


@dataclass(frozen=True, slots=True)
class KnownVillage:
    """What the list and the register of areas say of a village; coordinates in degrees."""

    code: int
    name: str
    families: int
    amount_rp: int
    online: bool | None
    lat: float | None
    lon: float | None


@dataclass(frozen=True, slots=True)
class KnownOfficer:
    id: int
    code: str
    name: str
    employee: bool
    home_area: int | None
    contract_from: date | None
    contract_ends: date | None


@dataclass(frozen=True, slots=True)
class Said:
    """The last word on everything: (area, name) → value, and (officer's code, name) → value."""

    areas: Mapping[tuple[int, str], Any]
    officers: Mapping[tuple[str, str], Any]

    def of(self, name: str, area: int = 0) -> Any:
        value = self.areas.get((area, name))
        return SETTINGS[name].default if value is None else value

    def known(self, name: str, area: int = 0) -> bool:
        return (area, name) in self.areas


@dataclass(frozen=True, slots=True)
class Read:
    """The inputs of a plan, the venues' names, and the assumptions they rest on as (setting, value) in the order of ``SETTINGS``."""

    inputs: Inputs
    venues: Mapping[int, str]
    assumed: Mapping[str, Any]


def build(
    *,
    branch: str,
    said: Said,
    villages: Sequence[KnownVillage],
    seats: Mapping[int, tuple[float, float]],
    officers: Sequence[KnownOfficer],
    standings: Mapping[tuple[Body, int], Standing],
    opens: date,
    target_days: int,
    order: str,
    kept: Kept | None = None,
) -> Read:
    """Everything that is known about a branch, as the planner's ``Inputs``. ``seats`` are the middles of kecamatan."""
    window = _window(said, opens, target_days)
    staff, staff_assumed = _staff(said, officers, villages, window)
    offices = said.of("post_offices")
    places = {code: at for code, at in seats.items() if offices is None or code in offices}
    bodies = [Body(word) for word in said.of("readiness_bodies")]
    built = tuple(_village(said, village, places, bodies, standings, window) for village in villages)
    kecamatan = {village.kecamatan for village in built}
    inputs = Inputs(
        window=window,
        branch=Branch(
            code=branch,
            officers=staff,
            escorts_of={
                code: said.of("kecamatan_escorts", code) for code in sorted(kecamatan) if said.of("kecamatan_escorts", code) is not None
            },
            **{
                field.name: said.of(field.name)
                for field in fields(Branch)
                if field.name not in {"code", "officers", "escorts_of"}
            },
        ),
        villages=built,
        rates=Rates(
            said.of("session_per_day"), said.of("session_minutes"), said.of("shift_minutes"), said.of("prepare_minutes"),
            {terrain: said.of(f"door_per_day_{terrain}") for terrain in Terrain},
        ),
        policy=replace(
            Policy(),
            order=Order(said.of("order") or order),
            rest_every=said.areas.get((0, "rest_every"), SETTINGS["rest_every"].default),
            **{
                field.name: said.of(field.name) for field in fields(Policy) if field.name not in {"order", "rest_every"}
            },
        ),
        kept=kept or Kept(),
    )  # fmt: skip
    assumed = {
        name: setting.default
        for name, setting in SETTINGS.items()
        if setting.level is Level.BRANCH and setting.default is not None and not said.known(name)
    }
    assumed |= staff_assumed | _assumed_of_villages(said, villages, places)
    if not said.known("first_day"):
        assumed["first_day"] = opens.isoformat()
    if not said.known("days"):
        assumed["days"] = target_days
    venues = {village.code: said.of("venue", village.code) for village in villages if said.of("venue", village.code)}
    return Read(inputs, venues, assumed)


def _window(said: Said, opens: date, target_days: int) -> Window:
    first = date.fromisoformat(said.of("first_day")) if said.of("first_day") else opens
    days = said.of("days")
    days = target_days if days is None else days
    return Window(first, days, _positions(first, said.of("closed_days")), _positions(first, said.of("half_days")))


def _positions(first: date, days: Sequence[str]) -> frozenset[int]:
    return frozenset((date.fromisoformat(day) - first).days for day in days)


def _staff(
    said: Said, officers: Sequence[KnownOfficer], villages: Sequence[KnownVillage], window: Window
) -> tuple[tuple[Officer, ...], dict[str, Any]]:
    """Own officers, and what is assumed about them. A supposed number of officers is spread over the kecamatan."""
    supposed = said.of("officers_assumed")
    if supposed is not None:
        kecamatan: list[int | None] = [*sorted({village.code // 10_000 for village in villages})] or [None]
        people = tuple(
            Officer(number, f"Juru bayar {number}", kecamatan[number % len(kecamatan)]) for number in range(1, supposed + 1)
        )  # fmt: skip
        return people, {}
    staff = []
    for person in officers:
        absent = set(_positions(window.first_day, said.officers.get((person.code, "absent_days"), [])))
        for day in range(window.days):
            today = window.date(day)
            outside = (person.contract_from and today < person.contract_from) or (
                person.contract_ends and today > person.contract_ends
            )
            if outside:
                absent.add(day)
        if len(absent & set(range(window.days))) == window.days and window.days:
            continue
        leads = said.officers.get((person.code, "leads"))
        home = person.home_area
        staff.append(
            Officer(
                person.id,
                person.name,
                home // 10 ** (len(str(home)) - 6) if home and home >= 100_000 else None,
                person.employee if leads is None else leads,
                frozenset(absent),
            )
        )
    return tuple(staff), {} if staff else {"officers": 0}


def _village(
    said: Said,
    village: KnownVillage,
    seats: Mapping[int, tuple[float, float]],
    bodies: Sequence[Body],
    standings: Mapping[tuple[Body, int], Standing],
    window: Window,
) -> Village:
    code = village.code
    travel = said.of("travel_minutes", code)
    travel = travel_minutes(village, seats) if travel is None else travel
    home = said.of("home_visits", code)
    if home is None:
        home = round(village.families * said.of("home_percent") / 100)
    online, terrain = said.of("online", code), said.of("terrain", code)
    if online is None:
        online = village.online is not False
    return Village(
        code=code,
        families=village.families,
        amount_rp=village.amount_rp,
        name=village.name,
        home_visits=min(home, village.families),
        office=said.of("office", code),
        online=online,
        terrain=Terrain(terrain) if terrain else terrain_of(travel),
        travel_minutes=travel,
        ready_day=readiness_day(window, ready_dates(code, bodies, standings)),
        blocked=_positions(window.first_day, said.of("blocked_days", code)),
        lat=village.lat,
        lon=village.lon,
    )


def travel_minutes(village: KnownVillage, seats: Mapping[int, tuple[float, float]]) -> int:
    """From the nearest kecamatan's middle that has a post office: the straight line × 1.35 at 25 km an hour; 30 where a place is unknown."""
    here = Village(village.code, 0, 0, lat=village.lat, lon=village.lon)
    if village.lat is None or not seats:
        return UNKNOWN_TRAVEL_MINUTES
    own = seats.get(village.code // 10_000)
    near = [own] if own else list(seats.values())
    km = min(distance_km(here, Village(0, 0, 0, lat=lat, lon=lon)) for lat, lon in near)
    return min(TRAVEL_MOST_MINUTES, round(km * ROAD_FACTOR / ROAD_KM_H * 60))


def terrain_of(travel_minutes: int) -> Terrain:
    """Assumed where nobody said it: a town around the office, hills beyond three quarters of an hour."""
    if travel_minutes <= 10:
        return Terrain.TOWN
    return Terrain.PLAIN if travel_minutes <= 45 else Terrain.HILLS


def _assumed_of_villages(
    said: Said, villages: Sequence[KnownVillage], seats: Mapping[int, tuple[float, float]]
) -> dict[str, Any]:
    """How many villages rest on an assumption, by what."""
    counted = {
        "villages_signal": sum(v.online is None and not said.known("online", v.code) for v in villages),
        "villages_place": sum((v.lat is None or not seats) and not said.known("travel_minutes", v.code) for v in villages),
        "villages_travel": sum(v.lat is not None and not said.known("travel_minutes", v.code) for v in villages),
        "villages_home_visits": sum(not said.known("home_visits", v.code) for v in villages),
    }  # fmt: skip
    return {name: number for name, number in counted.items() if number}
