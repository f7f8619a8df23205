"""The founding article's operation, played through the verbs that the phones' API and the pages use.

The clock is the scenario's: a list is approved in February 2022, payments are recorded on the evening of their day. So the boards' as-of
figures are what they would have been, and nothing in the tables is written by hand.
"""

import csv
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
from django.db import transaction

from salur.areas.actions import import_areas, import_centroids
from salur.custody.actions import count, move, move_all
from salur.custody.rules import MINISTRY, Handing, Kind, Portion
from salur.danom.actions import approve_batch, import_batch
from salur.evaluation.actions import note
from salur.evaluation.rules import Side, Tag
from salur.evidence.actions import record_geotags
from salur.evidence.rules import Geotag, degrees_e7
from salur.evidence.rules import Outcome as GeotagOutcome
from salur.lib.clock import WIB, zone_of_province
from salur.lib.ids import uuid7_of
from salur.lib.sql import Queries
from salur.monitoring.actions import Quotation, load_quotations
from salur.offices.actions import branches_by_code, import_officers, import_offices, register_officers
from salur.offices.rules import OfficerKind
from salur.payments.actions import record_failures, record_payments
from salur.payments.rules import Channel, Failure, FailureOutcome, Outcome, Payment, Reason
from salur.programmes.actions import import_programmes, stage_by_code
from salur.simulate import article
from salur.simulate.campaign import Campaign, campaign
from salur.simulate.files import write_lines

queries = Queries(__file__)

Say = Callable[[str], None]

VINTAGE = "2022-02"
BATCH = 500
# A bundle of a hundred notes of Rp100.000: floats are handed out in whole bundles.
BUNDLE_RP = 10_000_000


class Played(NamedTuple):
    stage: str
    payments: int
    failures: int
    geotags: int


def play(*, folder: Path, say: Say, branches: Sequence[article.Branch] = article.BRANCHES) -> Played:
    """From an empty database to the evening of 26 March 2022: the list, its approval, fourteen days of each branch.

    ``folder`` takes the files that a ministry and its offices would bring. A bug, not an outcome, is anything that does not post.
    """
    folder.mkdir(parents=True, exist_ok=True)
    say("areas, offices, programme")
    import_areas(path=article.AREAS, vintage=VINTAGE, at=_local(date(2022, 2, 14), 9))
    import_centroids(path=article.CENTROIDS)
    import_offices(path=article.OFFICES)
    import_programmes(path=article.PROGRAMMES)
    stage = stage_by_code(article.STAGE)

    say("the ministry's list: 472,098 families")
    listed = folder / "danom.csv"
    write_lines(article.article_families(), listed)
    say("the list is checked line by line")
    imported = import_batch(path=listed, stage_code=stage.code, actor="kemensos", at=_local(date(2022, 2, 18), 9))
    say("the list is approved")
    approve_batch(word=imported.batch.name, actor="pusat", at=_local(date(2022, 2, 19), 9))
    funded_at = _local(date(2022, 2, 19), 10)
    whole = Portion(uuid7_of(int(funded_at.timestamp() * 1000), bytes(10)), stage.id, imported.batch.amount_rp)
    move(kind=Kind.FUND, portions=[whole], reference="SP2D-1", given_by=MINISTRY, taken_by="pusat", at=funded_at)

    ids = branches_by_code()
    counted = [0, 0, 0]
    for branch in branches:
        say(f"{branch.name}: fourteen days")
        rows = queries.entitlements(stage=stage.id, branch=ids[branch.code])
        played = campaign(branch=branch, villages=np.array([row.village for row in rows]), seed=article.SEED)
        book = _Book(stage.id, ids[branch.code], branch, played, [row.id for row in rows], folder)
        for day in sorted({*book.days()}):
            for position, number in enumerate(book.play(day)):
                counted[position] += number
    load_quotations(stage_code=stage.code, quotations=published())
    say("what the branches bring to the meeting")
    for code, tag, text in article.HELPED:
        if code in {branch.code for branch in branches}:
            evening = _local(article.AS_OF, 20)
            note(
                stage_code=stage.code,
                branch=ids[code],
                side=Side.HELPED,
                tag=Tag(tag),
                text=text,
                actor="cabang",
                at=evening,
            )
    return Played(stage.code, *counted)


class _Book:
    """One branch's days."""

    def __init__(
        self,
        stage: int,
        branch: int,
        scenario: article.Branch,
        played: Campaign,
        entitlements: Sequence[UUID],
        folder: Path,
    ) -> None:
        self.stage, self.branch, self.entitlements = stage, branch, entitlements
        self.zone = zone_of_province(scenario.kabupaten[0] // 100)
        self.officers = self._hire(scenario, played, folder)
        self.payments = self._by_day(played.payments, "paid_at")
        self.failures = self._by_day(played.failures, "visited_at")
        self.geotags = self._by_day(played.geotags, "taken_at")
        self.made = 0
        self.vault_rp = 0

    def _hire(self, scenario: article.Branch, played: Campaign, folder: Path) -> list[int]:
        """The officers' ids, in the order of the campaign."""
        sheet = folder / f"officers-{scenario.code}.csv"
        with sheet.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["code", "name", "office", "kind"])
            hired = range(scenario.officers - scenario.hired, scenario.officers)  # the last of the first team
            writer.writerows(
                (
                    officer.code,
                    officer.name,
                    scenario.code,
                    OfficerKind.EXTERNAL if place in hired else OfficerKind.EMPLOYEE,
                )
                for place, officer in enumerate(played.officers)
            )
        import_officers(path=sheet)
        ids = register_officers(codes={(self.branch, officer.code) for officer in played.officers})
        return [ids[self.branch, officer.code] for officer in played.officers]

    def _by_day(self, table: pl.DataFrame, moment: str) -> dict[date, pl.DataFrame]:
        local = pl.col(moment).dt.convert_time_zone(self.zone).dt.date()
        return {
            day: frame.drop("day")
            for (day,), frame in table.with_columns(local.alias("day")).partition_by("day", as_dict=True).items()
        }

    def days(self) -> Iterator[date]:
        yield from self.payments
        yield from self.failures
        yield from self.geotags

    def play(self, day: date) -> tuple[int, int, int]:
        """A morning's cash, a day's visits, recorded in the evening, and the cash handed back."""
        evening = datetime.combine(day, time(20), ZoneInfo(self.zone)).astimezone(UTC)
        payments, failures, geotags = (table.get(day) for table in (self.payments, self.failures, self.geotags))
        if payments is not None:
            self._hand_out(payments, evening)
        counts = (
            self._record(failures, self._fail, evening),
            self._record(payments, self._pay, evening),
            self._record(geotags, self._geotag, evening),
        )
        self._count_vault(evening)
        return counts[1], counts[0], counts[2]

    def _id(self, moment: datetime) -> UUID:
        self.made += 1
        return uuid7_of(int(moment.timestamp() * 1000), (self.branch << 40 | self.made).to_bytes(10, "big"))

    def _hand_out(self, payments: pl.DataFrame, evening: datetime) -> None:
        """Headquarters to the vault, the vault to each officer's float in whole bundles, and in the evening what is left goes back."""
        morning = evening - timedelta(hours=13)
        out, back, total_rp = [], [], 0
        for officer, visits in payments.group_by("officer").len().sort("officer").iter_rows():
            needed_rp = visits * article.AMOUNT_RP
            bundles_rp = -(-needed_rp // BUNDLE_RP) * BUNDLE_RP
            total_rp += bundles_rp
            out.append(self._handing(Kind.HAND_OVER, bundles_rp, morning, officer))
            if bundles_rp > needed_rp:
                self.vault_rp += bundles_rp - needed_rp
                back.append(self._handing(Kind.HAND_BACK, bundles_rp - needed_rp, evening, officer))
        supply = self._handing(Kind.SUPPLY, total_rp, morning)
        move_all(handings=[supply, *out], at=morning)
        if back:
            move_all(handings=back, at=evening)

    def _count_vault(self, evening: datetime) -> None:
        """What was brought back in the evenings lies in the vault: nothing is lost in this story."""
        counted = count(
            id=self._id(evening), branch=self.branch, officer=None, counted_rp=self.vault_rp, counted_by="kasir", witnessed_by="kepala",
            at=evening,
        )  # fmt: skip
        assert counted.difference_rp == 0, counted

    def _handing(self, kind: Kind, amount_rp: int, moment: datetime, officer: int | None = None) -> Handing:
        """Cash as its paper says; the cashier signs on the vault's side."""
        portion = Portion(self._id(moment), self.stage, amount_rp)
        other = "pusat" if officer is None else f"officer {self.officers[officer]}"
        giver, taker = ("kasir", other) if kind is Kind.HAND_OVER else (other, "kasir")
        person = None if officer is None else self.officers[officer]
        return Handing(kind, [portion], f"{kind}-{self.made}", giver, taker, self.branch, person)

    def _record(
        self, table: pl.DataFrame | None, record: Callable[[Sequence[tuple[Any, ...]], datetime], None], at: datetime
    ) -> int:
        if table is None:
            return 0
        rows = table.rows()
        for start in range(0, len(rows), BATCH):
            with transaction.atomic():
                record(rows[start : start + BATCH], at)
        return len(rows)

    def _pay(self, rows: Sequence[tuple[Any, ...]], at: datetime) -> None:
        batch = [
            Payment(
                self._id(paid_at), self.entitlements[e], self.officers[o], article.AMOUNT_RP, Channel(channel), paid_at
            )
            for e, o, channel, paid_at in rows
        ]
        outcomes = record_payments(stage=self.stage, branch=self.branch, payments=batch, at=at)
        assert set(outcomes) == {Outcome.CREATED}, set(outcomes)

    def _fail(self, rows: Sequence[tuple[Any, ...]], at: datetime) -> None:
        batch = [
            Failure(self._id(visited_at), self.entitlements[e], self.officers[o], Reason(reason), visited_at)
            for e, o, reason, visited_at in rows
        ]
        outcomes = record_failures(stage=self.stage, branch=self.branch, failures=batch, at=at)
        assert set(outcomes) == {FailureOutcome.CREATED}, set(outcomes)

    def _geotag(self, rows: Sequence[tuple[Any, ...]], at: datetime) -> None:
        batch = [
            Geotag(
                self._id(taken_at), self.entitlements[e], self.officers[o], degrees_e7(lat), degrees_e7(lon), round(accuracy_m * 10),
                taken_at, None,
            )
            for e, o, lat, lon, accuracy_m, taken_at in rows
        ]  # fmt: skip
        outcomes = record_geotags(stage=self.stage, branch=self.branch, geotags=batch, at=at)
        assert set(outcomes) == {GeotagOutcome.CREATED}, set(outcomes)


def published() -> list[Quotation]:
    """What was printed about the four branches, for the boards to show beside the counted figures."""
    return [
        Quotation(branch.code, branch.published_percent, article.PUBLISHED_SOURCE, article.AS_OF)
        for branch in article.BRANCHES
    ]


def _local(day: date, hour: int) -> datetime:
    return datetime.combine(day, time(hour), ZoneInfo(WIB)).astimezone(UTC)
