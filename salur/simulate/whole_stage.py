"""A whole stage, from the ministry's list to closed books: offices by their verbs, phones by the public API, the clock of a scenario.

Each day: the branch hands out work lists and cash; phones fetch their lists, work without a server, and tell in the evening or the next
morning; what is left of the cash is counted and handed back. On the way happens what happens: clocks go wrong, a payment is taken back and
made again, a phone is lost and found days later while another one pays some of its families again, an officer pockets cash. At the end the
window is frozen, cases are decided by a second person, the books are closed, and the money that is left goes back to the ministry.

The ids of all events and movements follow from the seed, and each request says when in the scenario it was made, whatever became of the
one before: so the same seed over the same list moves the same money.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from time import monotonic, sleep
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from salur.cases import actions as cases
from salur.cases.rules import Decision
from salur.cases.rules import Kind as CaseKind
from salur.custody import actions as custody
from salur.custody.rules import Handing, Kind, Portion
from salur.evaluation import actions as evaluation
from salur.field import lease
from salur.field.wire import MAX_EVENTS
from salur.lib.ids import uuid7_of
from salur.lib.problem import Problem
from salur.lib.sql import Queries
from salur.offices.actions import register_officers
from salur.payments.rules import Channel
from salur.programmes.models import Stage
from salur.reconciliation import actions as reconciliation
from salur.simulate.article import Branch
from salur.simulate.campaign import Campaign, campaign
from salur.simulate.handset import Clock, Handset, Link, Traffic

queries = Queries(__file__)

Say = Callable[[str], None]
Disturb = Callable[[], AbstractContextManager[object]]

CLIENTS = 8
CHANNELS = {Channel.OFFICE: "KTR", Channel.COMMUNITY: "KOM", Channel.DOOR: "D2D"}
REASONS = {
    "not_home": "TIDAK_HADIR", "ill": "SAKIT", "away": "BEPERGIAN", "not_collected": "BELUM_DIAMBIL", "data_differs": "DATA_BEDA",
    "dead": "MENINGGAL", "moved": "PINDAH", "unknown": "TIDAK_DIKENAL", "duplicate": "GANDA", "not_entitled": "TIDAK_BERHAK",
    "refused": "MENOLAK",
}  # fmt: skip

# Shares that the scenario draws with.
TELLS_NEXT_MORNING = 0.08  # of the phones' days
CLOCK_WRONG = 0.3  # of the phones
CLOCK_UNMEASURED = 0.1
TAKEN_BACK = 0.01  # of the payments: taken back before sending and made again
PAID_TWICE = 0.15  # of a lost phone's payments
POCKETED_RP = 300_000  # what a thief keeps of each day's cash
LOST_ON, FOUND_AFTER = (
    2,
    3,
)  # the day (from 0) that a phone is lost on the way home, and how many days later it turns up


@dataclass(frozen=True)
class Scenario:
    """``faults`` is the share of requests that the network spoils, ``photos`` of visits that are photographed; ``lost`` phones and ``thieves``
    are for each branch. ``scale`` is how many seconds of the scenario pass in a second; None is as fast as it goes."""

    stage: Stage
    seed: int
    branches: Sequence[Branch]
    faults: float = 0.0
    photos: float = 0.02
    lost: int = 1
    thieves: int = 1
    scale: float | None = None
    patience_s: float = 120.0
    batch: int = MAX_EVENTS  # events in one request, at most


class Work(NamedTuple):
    """One thing an officer does on a day. ``detail`` is the channel, the reason, or (lat, lng, accuracy)."""

    at: datetime
    what: str
    entitlement: UUID
    detail: Any


@dataclass
class Officer:
    id: int
    code: str
    phone: Handset
    pays: bool
    thief: bool = False
    work: dict[date, list[Work]] = field(default_factory=dict)
    silent_until: datetime | None = None
    lists: list[UUID] = field(default_factory=list)
    bag_rp: int = 0  # what is in the hand


@dataclass
class Lost:
    officer: Officer
    phone: Handset
    paid: list[UUID]
    found: date


class Played(NamedTuple):
    traffic: Traffic
    phones: int
    made: Counter[str]  # events by kind
    doubles: int  # families that two phones paid
    closed: dict[str, Any]
    cases: dict[str, int]
    ledger_sha256: str
    meeting: dict[str, Any]
    handsets: Sequence[Handset]


class Play:
    """``disturb`` surrounds whatever phones say over the network; tests kill there what answers."""

    def __init__(self, scenario: Scenario, *, port: int, say: Say, disturb: Disturb = nullcontext) -> None:
        self.scenario, self.say, self.disturb, self.port = scenario, say, disturb, port
        self.traffic, self.made, self.doubles = Traffic(), Counter[str](), 0
        self.handsets: list[Handset] = []
        self.days: list[date] = []
        self.books: list[_Branch] = []
        self._pool = ThreadPoolExecutor(CLIENTS)

    def run(self) -> Played:
        with self._pool:
            self.fund()
            for branch in self.scenario.branches:
                self.books.append(_Branch(self, branch))
            self.days = sorted({day for book in self.books for officer in book.officers for day in officer.work})
            last = self.days[-1] + timedelta(days=FOUND_AFTER + 1)
            day = self.days[0]
            while day <= last:
                self.play(day)
                day += timedelta(days=1)
            return self.close(last)

    def fund(self) -> None:
        stage, at = self.scenario.stage, self.local(self.scenario.branches[0].first_day - timedelta(days=2), 10)
        owed_rp = queries.one("amount_of_list", stage=stage.id).amount_rp
        portion = Portion(self.id("fund", at), stage.id, owed_rp)
        custody.move(
            kind=Kind.FUND,
            portions=[portion],
            reference=f"SP2D {stage.code}",
            given_by="kemensos",
            taken_by="pusat",
            at=at,
        )

    def play(self, day: date) -> None:
        """One day of all branches."""
        began = monotonic()
        before = sum(self.made.values())
        self.tell_all([one for book in self.books for one in book.awake(day)])
        for book in self.books:
            book.morning(day)
        busy = [(book, officer) for book in self.books for officer in book.officers if officer.lists]
        with self.disturb():
            for book, officer in busy:
                moment = book.local(day, 7)
                lists = officer.phone.lists(moment=moment, patience_s=self.scenario.patience_s)
                assert {UUID(one["id"]) for one in lists} >= set(officer.lists), (
                    "the list that was handed out is not there"
                )
        for book, officer in busy:
            book.work(officer, day)
        self.tell_all([one for book in self.books for one in book.home(day)])
        for book in self.books:
            book.evening(day)
        if events := sum(self.made.values()) - before:
            self.say(f"{day}: {events:,} events, {events / (monotonic() - began):,.0f} a second")
        if self.scenario.scale:
            sleep(max(0.0, 86_400 / self.scenario.scale - (monotonic() - began)))

    def tell_all(self, phones: Sequence[tuple[Handset, datetime]]) -> None:
        """These phones have a network now, at these moments."""
        phones = [(phone, at) for phone, at in phones if phone.outbox or phone.photos]
        if not phones:
            return
        with self.disturb():
            telling = [
                self._pool.submit(phone.sync, moment=at, patience_s=self.scenario.patience_s) for phone, at in phones
            ]
            for one in telling:
                one.result()

    def handset(self, name: str, clock: Clock) -> Handset:
        link = Link(
            port=self.port, faults=self.scenario.faults, traffic=self.traffic, seed=f"{self.scenario.seed} {name}"
        )
        handset = Handset(
            link=link,
            name=f"{self.scenario.stage.code} {name}",
            seed=self.scenario.seed,
            clock=clock,
            batch=self.scenario.batch,
        )
        self.handsets.append(handset)
        return handset

    def id(self, what: str, at: datetime) -> UUID:
        """The id of something that an office does once."""
        text = f"{self.scenario.seed} {self.scenario.stage.code} {what} {at.isoformat()}"
        return uuid7_of(int(at.timestamp() * 1000), sha256(text.encode()).digest())

    @staticmethod
    def local(day: date, hour: int, zone: str = "Asia/Jakarta") -> datetime:
        return datetime.combine(day, time(hour), ZoneInfo(zone)).astimezone(UTC)

    def close(self, day: date) -> Played:
        """Freeze, decide, close, count, send back, account."""
        scenario, stage = self.scenario, self.scenario.stage
        at = self.local(day, 22)
        codes = [branch.code for branch in scenario.branches]
        self.say("the books are closed")
        for code in codes:
            reconciliation.close(
                stage_code=stage.code, place=code, actor="kepala", at=at, document=f"BA-TUTUP/{stage.code}/{code}"
            )
        opened = self.decide(at + timedelta(hours=1))
        lines: list[dict[str, Any]] = []
        for book in self.books:
            reconciliation.close(
                stage_code=stage.code, place=book.branch.code, actor="kepala", at=at + timedelta(hours=2)
            )
            book.count_vault(at + timedelta(hours=3))
            reconciliation.send_back(
                stage_code=stage.code,
                place=book.branch.code,
                actor="kasir",
                taken_by="pusat",
                at=at + timedelta(hours=4),
            )
            found = reconciliation.statement(stage_code=stage.code, place=book.branch.code, at=at)
            total, cash = found.total, found.cash[0]
            lines.append(
                {
                    "branch": book.branch.code, "allocated": total.allocated, "paid": total.paid, "final_failed": total.final_failed,
                    "returned": total.returned, "held": total.held, "disputed": total.disputed, "sent_back_rp": cash.sent_back_rp,
                    "suspense_rp": cash.suspense_rp, "floats_rp": cash.floats_rp, "vault_rp": cash.vault_rp,
                    "difference_rp": found.difference_rp,
                }
            )  # fmt: skip
        whole = {name: sum(line[name] for line in lines) for name in lines[0] if name != "branch"}
        reconciliation.refund(
            stage_code=stage.code,
            actor="pusat",
            taken_by="kppn",
            reference=f"SSBP {stage.code}",
            at=at + timedelta(hours=5),
        )
        return Played(
            self.traffic, len(self.handsets), self.made, self.doubles, {**whole, "branches": lines}, opened,
            ledger_digest(stage.id), self.meet(at + timedelta(days=1)), self.handsets,
        )  # fmt: skip

    def decide(self, at: datetime) -> dict[str, int]:
        """Each case of the stage's branches is ended by somebody who had no hand in it; what is owed for double payments is brought back."""
        counted: Counter[str] = Counter()
        for book in self.books:
            for row in cases.cases(branches=[book.id], limit=1_000_000):
                kind = CaseKind(row.kind)
                counted[kind] += 1
                officer = next((o for o in book.officers if row.maker == f"officer {o.id}"), None)
                if kind is CaseKind.DOUBLE_PAYMENT and officer is not None:
                    cases.decide(
                        case=row.id,
                        decision=Decision.OWED,
                        reason="Dua telepon membayar keluarga yang sama",
                        actor="wakil",
                        at=at,
                    )
                    book.repay(officer, row, at)
                elif kind is CaseKind.UNSETTLED_FLOAT:
                    cases.decide(
                        case=row.id, decision=Decision.REFERRED, reason="Panjar tidak disetor", actor="wakil", at=at
                    )
                else:
                    cases.decide(
                        case=row.id,
                        decision=Decision.EXPLAINED,
                        reason="Diperiksa bersama kepala cabang",
                        actor="wakil",
                        at=at,
                    )
        return dict(sorted(counted.items()))

    def meet(self, at: datetime) -> dict[str, Any]:
        """The region's evaluation, where the branches have one region."""
        region = evaluation.region_above(self.books[0].id)
        if region is None:
            return {}
        found = evaluation.report(stage_code=self.scenario.stage.code, region_code=region, now=at)
        return {
            "region": region,
            "ranking": [
                {"rank": one.rank, "branch": one.code, "paid": one.paid, "allocated": one.allocated}
                for one in found.branches
            ],
        }


class _Branch:
    """One branch of the play: its officers, its vault, its days."""

    def __init__(self, play: Play, branch: Branch) -> None:
        scenario = play.scenario
        self.branch, self._play, self.stage = branch, play, scenario.stage
        row = queries.one("branch", code=branch.code)
        self.id: int = row.id
        self.zone: str = row.timezone
        rows = queries.entitlements(stage=self.stage.id, branch=self.id)
        self.amounts = {each.id: each.amount_rp for each in rows}
        self.rng = random.Random(f"{scenario.seed} {branch.code}")
        villages = np.array([each.village for each in rows])
        places = pl.DataFrame(
            queries.village_places(villages=sorted(set(villages.tolist()))), schema=["code", "lat", "lng"], orient="row"
        )
        until = branch.days[-1] + timedelta(days=3)
        played = campaign(branch=branch, villages=villages, seed=scenario.seed, until=until, places=places)
        self.vault_rp = 0
        self.lost: list[Lost] = []
        self.officers = self._hire(played, [each.id for each in rows])
        for position in range(scenario.lost):
            self._to_lose(position)

    def local(self, day: date, hour: int) -> datetime:
        return self._play.local(day, hour, self.zone)

    def _hire(self, played: Campaign, ids: Sequence[UUID]) -> list[Officer]:
        codes = [f"{officer.code}-{self._play.scenario.seed}" for officer in played.officers]
        known = register_officers(codes={(self.id, code) for code in codes})
        at = self.local(self.branch.first_day, 5)
        officers = []
        for position, code in enumerate(codes):
            clock = self._clock()
            pays = position < self.branch.officers
            thief = 1 <= position <= self._play.scenario.thieves
            handset = self._enrol(known[self.id, code], code, clock, at)
            officers.append(Officer(known[self.id, code], code, handset, pays, thief))
        table: dict[tuple[int, date], list[Work]] = defaultdict(list)
        zone = ZoneInfo(self.zone)

        def add(officer: int, at: datetime, what: str, entitlement: int, detail: Any) -> None:
            at = at.astimezone(UTC)
            table[officer, at.astimezone(zone).date()].append(Work(at, what, ids[entitlement], detail))

        houses = {e: (lat, lng, accuracy, at) for e, _, lat, lng, accuracy, at in played.geotags.iter_rows()}
        final = set(played.failures["entitlement"].to_list()) - set(played.payments["entitlement"].to_list())
        for e, o, channel, at in played.payments.iter_rows():
            at_door = channel == Channel.DOOR and e in houses and houses[e][3] == at
            add(o, at, "PAY", e, (CHANNELS[Channel(channel)], houses[e][:3] if at_door else None))
        for e, o, reason, at in played.failures.iter_rows():
            pretended = officers[o].thief and e in final and reason == "not_home"
            add(o, at, "PAY", e, ("D2D", None)) if pretended else add(o, at, "UNPAID", e, REASONS[reason])
        for e, o, lat, lng, accuracy, at in played.geotags.iter_rows():
            if o >= self.branch.officers:  # at the door it is part of the payment
                add(o, at, "EVID", e, (lat, lng, accuracy))
        for (position, day), work in sorted(table.items()):
            officers[position].work[day] = sorted(work, key=lambda one: (one.at, one.entitlement))
        return officers

    def _clock(self) -> Clock:
        drawn = self.rng.random()
        if drawn < CLOCK_UNMEASURED:
            return Clock(self.rng.randint(-300_000, 300_000), measured=False)
        if drawn < CLOCK_WRONG:
            return Clock(self.rng.randint(-172_800_000, 172_800_000))
        return Clock(self.rng.randint(-5_000, 5_000))

    def _enrol(self, officer: int, name: str, clock: Clock, at: datetime) -> Handset:
        handset = self._play.handset(name, clock)
        handset.enrol(lease.offer_enrolment(officer=officer, actor="kepala", at=at), moment=at)
        return handset

    def _to_lose(self, position: int) -> None:
        """Of those who pay on the day in question and whose clock is known, one will lose the phone."""
        day = self.branch.first_day + timedelta(days=LOST_ON)
        able = [o for o in self.officers if o.pays and not o.thief and o.phone.clock.measured and o.work.get(day)]
        able = [o for o in able if o.id not in {lost.officer.id for lost in self.lost}]
        if able:
            chosen = self.rng.choice(able)
            self.lost.append(Lost(chosen, chosen.phone, [], day + timedelta(days=FOUND_AFTER)))

    # The day

    def awake(self, day: date) -> list[tuple[Handset, datetime]]:
        """Phones that told nothing in the evening and are at the office now; and those that were lost and turn up."""
        at = self.local(day, 6)
        found = [(lost.phone, at) for lost in self.lost if lost.found == day]
        for officer in self.officers:
            if officer.silent_until is not None and officer.silent_until <= at:
                officer.silent_until = None
                found.append((officer.phone, at))
        return found

    def home(self, day: date) -> list[tuple[Handset, datetime]]:
        """Phones that tell their day in the evening."""
        return [(officer.phone, self.local(day, 20)) for officer in self.officers if officer.silent_until is None]

    def morning(self, day: date) -> None:
        """Lists that are over are ended; new ones and their cash are handed out, each to a phone that is here."""
        at = self.local(day, 6) + timedelta(minutes=30)
        for one in self.lost:
            if one.found - timedelta(days=FOUND_AFTER - 1) == day:
                self._replace(one, at)
        for officer in self.officers:
            self._end_lists(officer, at)
        out = []
        for officer in self.officers:
            visits = officer.work.get(day, [])
            families = list(dict.fromkeys(one.entitlement for one in visits))
            if not families:
                continue
            for start in range(0, len(families), lease.MAX_FAMILIES):
                listed = lease.issue_lease(
                    device=officer.phone.device, stage=self.stage.id, entitlements=families[start : start + lease.MAX_FAMILIES],
                    day=day, expires_at=self.local(day, 0) + lease.LIST_KEEPS, actor="kepala", at=at,
                )  # fmt: skip
                officer.lists.append(listed.id)
            needed_rp = sum(self.amounts[one] for one in {w.entitlement for w in visits if w.what in ("PAY", "UNPAID")})
            if officer.pays and needed_rp:
                officer.bag_rp += needed_rp
                out.append(self._handing(Kind.HAND_OVER, needed_rp, at, officer))
        needed_rp = sum(handing.portions[0].amount_rp for handing in out)
        if out:
            supply_rp = max(0, needed_rp - self.vault_rp)
            supply = [self._handing(Kind.SUPPLY, supply_rp, at)] if supply_rp else []
            custody.move_all(handings=[*supply, *out], at=at)
            self.vault_rp += supply_rp - needed_rp

    def _end_lists(self, officer: Officer, at: datetime) -> None:
        for one in officer.lists:
            lease.end_lease(lease=one, at=at, actor="kepala")
        officer.lists = []

    def _replace(self, lost: Lost, at: datetime) -> None:
        """The lost phone is locked out, its officer gets another one, and somebody else calls on some of its families again."""
        officer = lost.officer
        lease.revoke_device(device=lost.phone.device, reason="hilang di jalan", actor="kepala", at=at)
        self._end_lists(officer, at)
        officer.silent_until = None
        officer.phone = self._enrol(officer.id, f"{officer.code}-2", Clock(), at)
        day = at.astimezone(ZoneInfo(self.zone)).date()
        others = [o for o in self.officers if o.pays and o is not officer and not o.thief]
        listed = {visit.entitlement for o in self.officers for visit in o.work.get(day, [])}
        free = [one for one in lost.paid if one not in listed]
        if not others or not free:
            return
        helper = self.rng.choice(others)
        again = self.rng.sample(free, max(1, round(len(free) * PAID_TWICE)))
        for number, entitlement in enumerate(again):
            visit = Work(self.local(day, 17) + timedelta(minutes=number), "PAY", entitlement, ("KTR", None))
            helper.work.setdefault(day, []).append(visit)
        self._play.doubles += len(again)

    def work(self, officer: Officer, day: date) -> None:
        """A day without a server: everything goes into the outbox."""
        visits = officer.work[day]
        say, shift = self._say, officer.phone.new_id(visits[0].at)
        begins = visits[0].at - timedelta(minutes=20)
        say(officer, "OPEN", begins, id=shift, float_rp=officer.bag_rp)
        (lists, paid, paid_rp) = ({}, 0, 0)
        for start, wl in enumerate(officer.lists):
            families = list(dict.fromkeys(one.entitlement for one in visits))
            lists.update(dict.fromkeys(families[start * lease.MAX_FAMILIES : (start + 1) * lease.MAX_FAMILIES], wl))
        last = visits[-1].at
        for visit in visits:
            about = {"wl": lists[visit.entitlement], "asg": visit.entitlement, "shift": shift}
            if visit.what == "UNPAID":
                say(officer, "UNPAID", visit.at, reason=visit.detail, geo=self._fix(visit.at, self._office()), **about)
            elif visit.what == "EVID":
                photo = self._photos("RUMAH", officer, visit)
                say(officer, "EVID", visit.at, what="RUMAH", geo=self._fix(visit.at, visit.detail), ph=photo, **about)
            else:
                amount_rp = self.amounts[visit.entitlement]
                self._pay(officer, visit, amount_rp, about)
                paid, paid_rp = paid + 1, paid_rp + amount_rp
        officer.bag_rp -= paid_rp
        if officer.pays and self.rng.random() < 0.1:
            say(officer, "CASH", last + timedelta(minutes=1), amt=0, note="Dihitung di tengah hari", shift=shift)
        say(
            officer,
            "CLOSE",
            last + timedelta(minutes=5),
            paid=paid,
            paid_rp=paid_rp,
            left_rp=officer.bag_rp,
            shift=shift,
        )
        lost = next((one for one in self.lost if one.phone is officer.phone), None)
        if lost is not None and day == lost.found - timedelta(days=FOUND_AFTER):
            lost.paid = [visit.entitlement for visit in visits if visit.what == "PAY"]
            officer.silent_until = self.local(lost.found, 6)
        elif self.rng.random() < TELLS_NEXT_MORNING:
            officer.silent_until = self.local(day + timedelta(days=1), 6)

    def _pay(self, officer: Officer, visit: Work, amount_rp: int, about: Mapping[str, Any]) -> None:
        channel, house = visit.detail
        place = (-7.9, 113.8, 5.0) if officer.thief else house or self._office()
        facts = {
            "amt": amount_rp, "ch": channel, "geo": self._fix(visit.at, place), "ver": {"inv": "QR", "ktp": "SEEN", "kk": "SEEN", "sig": "PAPER"},
            "ph": self._photos("RUMAH" if house else "KPM", officer, visit), **about,
        }  # fmt: skip
        paid = self._say(officer, "PAY", visit.at, **facts)
        if self.rng.random() < TAKEN_BACK:
            self._say(
                officer,
                "VOID",
                visit.at + timedelta(seconds=20),
                pay=paid,
                reason="Salah keluarga, uang kembali",
                cosigner="koordinator",
                **about,
            )
            self._say(officer, "PAY", visit.at + timedelta(seconds=40), **facts)

    def _say(self, officer: Officer, typ: str, at: datetime, **facts: Any) -> UUID:
        self._play.made[typ] += 1
        return officer.phone.say(typ, at, **facts)

    def _photos(self, kind: str, officer: Officer, visit: Work) -> list[dict[str, Any]]:
        if self.rng.random() >= self._play.scenario.photos:
            return []
        motif = f"{officer.code}" if officer.thief else f"{self._play.scenario.seed} {visit.entitlement}"
        return [officer.phone.photograph(kind, visit.at, motif)]

    def _office(self) -> tuple[float, float, float]:
        return (-7.9 + self.rng.gauss(0, 0.01), 113.8 + self.rng.gauss(0, 0.01), self.rng.uniform(3, 40))

    def _fix(self, at: datetime, place: tuple[float, float, float]) -> dict[str, int]:
        lat, lng, accuracy_m = place
        return {
            "lat_e7": round(lat * 1e7), "lon_e7": round(lng * 1e7), "acc_dm": round(accuracy_m * 10), "fix_ms": int(at.timestamp() * 1000), "n": 3,
        }  # fmt: skip

    def evening(self, day: date) -> None:
        """What is left of the cash comes back; a thief keeps some of it."""
        at, back = self.local(day, 20) + timedelta(minutes=30), []
        for officer in self.officers:
            if officer.bag_rp <= 0:
                continue
            kept_rp = min(POCKETED_RP, officer.bag_rp) if officer.thief else 0
            if officer.bag_rp - kept_rp > 0:
                back.append(self._handing(Kind.HAND_BACK, officer.bag_rp - kept_rp, at, officer))
                self.vault_rp += officer.bag_rp - kept_rp
            officer.bag_rp = 0
        if back:
            custody.move_all(handings=back, at=at)

    def repay(self, officer: Officer, case: Any, at: datetime) -> None:
        """Who paid a family a second time brings the amount."""
        handing = self._handing(
            Kind.REPAY, case.amount_rp, at, officer, what=case.subject, reference=f"Kasus {case.id}"
        )
        custody.move_all(handings=[handing], at=at)
        self.vault_rp += case.amount_rp

    def count_vault(self, at: datetime) -> None:
        custody.count(
            id=self._play.id(f"count {self.branch.code}", at), branch=self.id, officer=None,
            counted_rp=queries.one("vault_of_branch", branch=self.id).balance_rp - self._elsewhere_rp() + self.vault_rp,
            counted_by="kasir", witnessed_by="kepala", at=at,
        )  # fmt: skip

    def _elsewhere_rp(self) -> int:
        """What the vault holds of this stage by the books; what it holds of other stages is not this play's."""
        return int(queries.one("vault_of_stage", branch=self.id, stage=self.stage.id).balance_rp)

    def _handing(
        self,
        kind: Kind,
        amount_rp: int,
        at: datetime,
        officer: Officer | None = None,
        *,
        what: str = "",
        reference: str = "",
    ) -> Handing:
        """Cash as its paper says; the cashier signs on the vault's side."""
        who = "" if officer is None else officer.code
        portion = Portion(self._play.id(f"{kind} {self.branch.code} {who} {what}", at), self.stage.id, amount_rp)
        other = "pusat" if officer is None else f"officer {officer.id}"
        giver, taker = ("kasir", other) if kind is Kind.HAND_OVER else (other, "kasir")
        paper = reference or f"{kind}/{self.stage.code}/{self.branch.code}/{who}/{at:%d%m}"
        return Handing(kind, [portion], paper, giver, taker, self.id, None if officer is None else officer.id)


def ledger_digest(stage: int) -> str:
    """One number for all transfers of a stage, in any order: the sum of their SHA-256, as hex.

    Officers are named by their codes, and a void, whose id the server makes, by what it moved: so two homes can be compared.
    """
    total, after = 0, ("", UUID(int=0))
    while rows := queries.transfers_after(stage=stage, office=after[0], id=after[1]):
        total += sum(int.from_bytes(sha256(row.line.encode()).digest(), "big") for row in rows)
        after = rows[-1].office, rows[-1].id
    return f"{total % 2**256:064x}"


class NothingToPlay(Problem):
    code = "nothing_to_play"
