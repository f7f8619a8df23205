"""The channel rule: which families come to a venue, to the post office, or are visited at home; pure.

Decided before any day is chosen. A village with fewer than 50 families for a venue gets no session of its own (Tangsel's rule of 2023; without it
a sparse branch cannot be staffed): a few go door to door, the others join a neighbour's session, go to the office, or are visited too.
"""

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from salur.planning.rules import (
    Channel,
    Inputs,
    Lack,
    Served,
    Shortfall,
    Unmet,
    Village,
    door_capacity,
    session_capacity,
)

EARTH_KM = 6371.0


@dataclass(frozen=True, slots=True)
class Gathering:
    """A session to be given a day: whose families, at which venue, how many one officer pays in a full and in a half day."""

    host: Village
    served: tuple[Served, ...]
    cash_rp: int
    ready_day: int
    blocked: frozenset[int]
    full_capacity: int
    half_capacity: int

    @property
    def families(self) -> int:
        return sum(part.families for part in self.served)


@dataclass(frozen=True, slots=True)
class Need:
    """Families of one village that are served outside of sessions, on any day that the village allows."""

    village: Village
    families: int


@dataclass(frozen=True, slots=True)
class Split:
    """All that has to be given a day, and what can get none whatever the branch has (``unmet`` for the reasons in ``lacks``)."""

    gatherings: tuple[Gathering, ...]
    doors: tuple[Need, ...]
    offices: tuple[Need, ...]
    unmet: tuple[Unmet, ...]
    lacks: tuple[Shortfall, ...]


def distance_km(a: Village, b: Village) -> float:
    """Great-circle distance (haversine); infinite where a place is unknown."""
    if a.lat is None or a.lon is None or b.lat is None or b.lon is None:
        return math.inf
    phi_a, phi_b = math.radians(a.lat), math.radians(b.lat)
    h = (
        math.sin((phi_b - phi_a) / 2) ** 2
        + math.cos(phi_a) * math.cos(phi_b) * math.sin(math.radians(b.lon - a.lon) / 2) ** 2
    )
    return 2 * EARTH_KM * math.asin(math.sqrt(h))


def split(inputs: Inputs) -> Split:
    """Give every family that is not in a kept session, round or counter day its channel."""
    served: dict[tuple[int, Channel], int] = defaultdict(int)
    for channel, parts in (
        (Channel.SESSION, (part for session in inputs.kept.sessions for part in session.served)),
        (Channel.DOOR, (part for round_ in inputs.kept.rounds for part in round_.served)),
        (Channel.OFFICE, (part for counter in inputs.kept.counters for part in counter.served)),
    ):
        for part in parts:
            served[part.village, channel] += part.families

    at_venue: dict[int, int] = {}
    at_door: dict[int, int] = {}
    at_office: dict[int, int] = {}
    reachable: list[Village] = []
    unmet: list[Unmet] = []
    lacks: list[Shortfall] = []
    float_rp = inputs.branch.float_rp  # what the largest payment that is too large for it would need
    for village in inputs.villages:
        if not village.families:
            lacks.append(Shortfall(Lack.FAMILIES, 0, village.code))
            continue
        venue, door, office = _by_channel(inputs, village, served)
        if venue + door + office == 0:
            continue
        reason = _unreachable(inputs, village)
        if reason is not None:
            unmet += _left(village, venue, door, office)
            if reason is Lack.FLOAT:
                float_rp = max(float_rp, village.payment_rp)
            elif reason is not Lack.DAYS:
                lacks.append(Shortfall(reason, venue + door + office, village.code))
            continue
        reachable.append(village)
        at_venue[village.code], at_door[village.code], at_office[village.code] = venue, door, office

    if float_rp > inputs.branch.float_rp:
        lacks.append(Shortfall(Lack.FLOAT, float_rp - inputs.branch.float_rp))

    gatherings = _gather(inputs, reachable, at_venue, at_door, at_office)
    doors = []
    for village in reachable:
        if door := at_door[village.code]:
            if door_capacity(inputs, village):
                doors.append(Need(village, door))
            else:
                unmet.append(Unmet(village.code, Channel.DOOR, door))
                lacks.append(Shortfall(Lack.RATE, door, village.code))
    offices = [Need(village, at_office[village.code]) for village in reachable if at_office[village.code]]
    return Split(tuple(gatherings), tuple(doors), tuple(offices), tuple(unmet), tuple(lacks))


def _by_channel(inputs: Inputs, village: Village, served: dict[tuple[int, Channel], int]) -> tuple[int, int, int]:
    """(venue, door, office) families still to serve, before the rule for small villages."""
    policy = inputs.policy
    office = min(village.office, village.families) if inputs.branch.counters else 0
    home = min(village.home_visits, village.families - office)
    invited = village.families - office - home
    no_shows = -(-invited * policy.no_show_percent // 100)
    paid_at_venue = served[village.code, Channel.SESSION]
    left = max(
        0, village.families - paid_at_venue - served[village.code, Channel.DOOR] - served[village.code, Channel.OFFICE]
    )
    venue = min(left, max(0, invited - no_shows - paid_at_venue))
    if paid_at_venue and venue < policy.own_session_least:
        venue = 0  # a second session for a few is not worth a team: they are visited
    office = min(office, left - venue)
    if paid_at_venue:
        office = min(office, max(0, office - served[village.code, Channel.OFFICE]))
    return venue, left - venue - office, office


def _unreachable(inputs: Inputs, village: Village) -> Lack | None:
    """Why no plan can reach this village, whatever people and money there are; the first that applies."""
    if not inputs.open_days:
        return Lack.DAYS
    if village.payment_rp > inputs.branch.float_rp:
        return Lack.FLOAT
    days = [] if village.ready_day is None else [day for day in inputs.open_days if day >= village.ready_day]
    if not days:
        return Lack.READINESS
    if all(day in village.blocked for day in days):
        return Lack.OPEN_DAY
    return None


def _left(village: Village, venue: int, door: int, office: int) -> Iterable[Unmet]:
    for channel, families in ((Channel.SESSION, venue), (Channel.DOOR, door), (Channel.OFFICE, office)):
        if families:
            yield Unmet(village.code, channel, families)


def _gather(
    inputs: Inputs, villages: list[Village], venue: dict[int, int], door: dict[int, int], office: dict[int, int]
) -> list[Gathering]:
    """Sessions of their own for large villages, joint ones for neighbours; moves everyone else to ``door`` or ``office``."""
    policy = inputs.policy
    hosts: dict[int, list[Village]] = {}  # code of the host → all villages of the session, the host first
    small: list[Village] = []
    for village in villages:
        # Where the way or the float leaves the largest team less than a session's worth, a venue makes no sense.
        if _full_capacity(inputs, [village]) * policy.team_most < policy.own_session_least:
            _send_home(inputs, village, venue, door, office)
        elif venue[village.code] >= policy.own_session_least:
            hosts[village.code] = [village]
        elif venue[village.code] >= policy.door_below:
            small.append(village)
        else:
            _send_home(inputs, village, venue, door, office)

    own = [group[0] for group in hosts.values()]
    waiting = sorted(small, key=lambda v: (-venue[v.code], v.code))
    while waiting:
        village = waiting.pop(0)
        near = _nearest(inputs, village, own)
        if near is not None:
            hosts[near.code].append(village)
            continue
        group = _cluster(inputs, village, waiting, venue)
        if group:
            hosts[village.code] = group
            waiting = [other for other in waiting if other not in group]
        else:
            _send_home(inputs, village, venue, door, office)
    return [gathering for group in hosts.values() for gathering in _parts(inputs, group, venue)]


def _cluster(inputs: Inputs, host: Village, others: list[Village], venue: dict[int, int]) -> list[Village]:
    """Small neighbours who together are worth a team, the nearest first; empty when they are not."""
    group, families = [host], venue[host.code]
    guests = [other for other in others if _joins(inputs, other, host)]
    for guest in sorted(guests, key=lambda v: (distance_km(v, host), v.code)):
        if families >= inputs.policy.own_session_least:
            break
        group.append(guest)
        families += venue[guest.code]
    return group if families >= inputs.policy.own_session_least else []


def _joins(inputs: Inputs, guest: Village, host: Village) -> bool:
    """A guest walks to a near venue of its own kecamatan and takes no day away from its host, so joining costs nothing."""
    return (
        guest.kecamatan == host.kecamatan
        and (guest.ready_day or 0) <= (host.ready_day or 0)
        and guest.blocked <= host.blocked
        and distance_km(guest, host) <= inputs.policy.joint_within_km
        and _full_capacity(inputs, [host, guest]) * inputs.policy.team_most >= inputs.policy.own_session_least
    )


def _nearest(inputs: Inputs, guest: Village, hosts: list[Village]) -> Village | None:
    near = [host for host in hosts if _joins(inputs, guest, host)]
    return min(near, key=lambda host: (distance_km(guest, host), host.code), default=None)


def _send_home(
    inputs: Inputs, village: Village, venue: dict[int, int], door: dict[int, int], office: dict[int, int]
) -> None:
    """No session for this village: its families go to the counter when that is near, otherwise they are visited."""
    near = inputs.branch.counters and village.travel_minutes <= inputs.policy.office_within_minutes
    if near and venue[village.code] >= inputs.policy.door_below:
        office[village.code] += venue[village.code]
    else:
        door[village.code] += venue[village.code]
    venue[village.code] = 0


def _full_capacity(inputs: Inputs, group: list[Village]) -> int:
    """Families one officer pays in a full day at the first village's venue, were everyone owed what the best-paid village is owed."""
    payment_rp = max(village.payment_rp for village in group)
    return session_capacity(inputs, group[0], payment_rp, 2)


def _parts(inputs: Inputs, group: list[Village], venue: dict[int, int]) -> Iterable[Gathering]:
    """One session, or as many equal ones as teams of the largest size need."""
    host = group[0]
    payment_rp = max(village.payment_rp for village in group)
    full, half = _full_capacity(inputs, group), session_capacity(inputs, host, payment_rp, 1)
    families = sum(venue[village.code] for village in group)
    parts = -(-families // (inputs.policy.team_most * full))
    for part in range(parts):
        served = tuple(
            Served(village.code, venue[village.code] * (part + 1) // parts - venue[village.code] * part // parts)
            for village in group
        )
        served = tuple(share for share in served if share.families)
        by_code = {village.code: village for village in group}
        yield Gathering(
            host=host,
            served=served,
            cash_rp=sum(by_code[share.village].cash_rp(share.families) for share in served),
            ready_day=max(village.ready_day or 0 for village in group),
            blocked=frozenset().union(*(village.blocked for village in group)),
            full_capacity=full,
            half_capacity=half,
        )
