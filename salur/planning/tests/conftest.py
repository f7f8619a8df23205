"""A branch with villages enough to be planned: the kernel's tests imagine theirs, these are in the database."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date
from typing import Any

import numpy as np
import pytest
from django.db import connection

from conftest import PostOffice
from salur.areas.models import Area
from salur.offices.models import Coverage, Officer
from salur.planning.commands import planning
from salur.planning.examples import Place, imagined_branch
from salur.planning.inputs import Item, set_inputs

FIRST_DAY = date(2022, 3, 1)


@dataclass
class Branch:
    """The post office's branch with ``villages`` of ``sizes`` families each, beside its ten; officers ``JB-1`` … ; what a person types."""

    office: PostOffice
    villages: list[int]
    sizes: list[int]
    typed: Callable[..., Any]

    @property
    def families(self) -> int:
        return sum(self.sizes)

    def __call__(self, *words: object) -> Any:
        return self.typed(planning, *words)

    def solve(self, *words: object, actor: str = "siti") -> Any:
        first = () if "--from" in words else ("--from", FIRST_DAY)
        return self("solve", "--branch", "KC-BDW", "--stage", self.office.stage_code, *first, "--as", actor, *words)

    def pay(self, entitlements: list[Any], day: date, officer: int | None = None) -> None:
        """As the posting path leaves it."""
        from datetime import datetime

        from salur.payments.actions import record_payments
        from salur.payments.rules import Channel, Payment

        noon = datetime(day.year, day.month, day.day, 5, tzinfo=UTC)
        person = officer or self.office.officers[0]
        payments = [
            Payment(self.office.id(), e, person, self.office.amount_rp, Channel.COMMUNITY, noon) for e in entitlements
        ]
        record_payments(stage=self.office.stage, branch=self.office.branch, payments=payments, at=noon)

    def entitlements(self, village: int) -> list[Any]:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT id FROM danom_entitlement WHERE stage = %s AND branch = %s AND village = %s ORDER BY line",
                [self.office.stage, self.office.branch, village],
            )
            return [row[0] for row in cursor.fetchall()]


@pytest.fixture
def branch(office: PostOffice, typed: Callable[..., Any]) -> Branch:
    return make_branch(office, typed)


def make_branch(
    office: PostOffice, typed: Callable[..., Any], villages: int = 10, mean: int = 180, officers: int = 8, seed: int = 3
) -> Branch:
    random = np.random.default_rng(seed)
    codes, sizes = [], []
    with connection.cursor() as cursor:
        # The fixture's own ten families live nowhere near: here every family belongs to a village that can be planned.
        cursor.execute("DELETE FROM danom_entitlement WHERE branch = %s", [office.branch])
        cursor.execute("DELETE FROM danom_tally WHERE branch = %s", [office.branch])
        line = 100
        for kecamatan in (351103, 351104):
            Area.objects.create(
                code=kecamatan,
                name=f"Kecamatan {kecamatan}",
                level=3,
                first_vintage="2022-02",
                last_vintage="2022-02",
                lat=-7.9,
                lng=113.8 + kecamatan % 10 / 100,
            )
        for number in range(villages):
            code = (351103 + number % 2) * 10_000 + 2001 + number // 2
            Area.objects.create(
                code=code, name=f"Desa {number + 1}", level=4, first_vintage="2022-02", last_vintage="2022-02", online=number % 3 > 0,
                lat=-7.9 + float(random.normal(0, 0.03)), lng=113.83 + float(random.normal(0, 0.03)),
            )  # fmt: skip
            Coverage.objects.create(village=code, branch_id=office.branch, office_id=office.branch)
            size = int(mean * random.lognormal(0, 0.3))
            codes.append(code)
            sizes.append(size)
            cursor.execute(
                """WITH lines AS (
                    INSERT INTO danom_entitlement (stage, branch, id, family, village, amount_rp, version, line)
                    SELECT %(stage)s, %(branch)s, md5('e' || n)::uuid, md5('f' || n)::uuid, %(village)s, 600000, 1, n
                    FROM generate_series(%(first)s, %(last)s) AS n RETURNING family, line
                )
                INSERT INTO registry_family (stage, id, branch, nik_sealed, key_version, name, birth_date, address, rt, rw)
                SELECT %(stage)s, family, %(branch)s, '\\x00', 1, 'Keluarga ' || line, date '1930-01-01' + (line * 37 %% 25000), '', to_char(line %% 5, 'FM000'), '001' FROM lines""",
                {"stage": office.stage, "branch": office.branch, "village": code, "first": line, "last": line + size - 1},
            )  # fmt: skip
            cursor.execute(
                "INSERT INTO danom_tally (stage, branch, village, version, lines, amount_rp) VALUES (%s, %s, %s, 1, %s, %s)",
                [office.stage, office.branch, code, size, size * 600_000],
            )
            line += size
    office.officers += [
        Officer.objects.create(branch_id=office.branch, code=f"JB-{n}", name=f"Juru bayar {n}", kind="employee").id
        for n in range(3, officers + 1)
    ]
    return Branch(office, codes, sizes, typed)


def give_villages(branch: Branch, places: Sequence[Place], families: int, seed: int = 7) -> None:
    """Villages in full size, with families as the list's tally has them (a plan asks no more), their ways and terrain."""
    inputs = imagined_branch(places, families, seed=seed)
    kecamatan = sorted({place.code // 10_000 for place in places})
    known = set(Area.objects.filter(code__in=kecamatan).values_list("code", flat=True))
    areas = [
        Area(code=code, name=f"Kecamatan {code}", level=3, first_vintage="2022-02", last_vintage="2022-02")
        for code in kecamatan
        if code not in known
    ]
    areas += [
        Area(code=v.code, name=place.name, level=4, first_vintage="2022-02", last_vintage="2022-02", online=v.online, lat=v.lat, lng=v.lon)
        for v, place in zip(inputs.villages, places, strict=True)
    ]  # fmt: skip
    Area.objects.bulk_create(areas)
    office = branch.office
    Coverage.objects.bulk_create(
        Coverage(village=v.code, branch_id=office.branch, office_id=office.branch) for v in inputs.villages
    )
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO danom_tally (stage, branch, village, version, lines, amount_rp) VALUES (%s, %s, %s, 1, %s, %s)",
            [(office.stage, office.branch, v.code, v.families, v.amount_rp) for v in inputs.villages],
        )
    said = [
        item
        for v in inputs.villages
        for item in (Item("travel_minutes", v.travel_minutes, v.code), Item("terrain", str(v.terrain), v.code), Item("home_visits", v.home_visits, v.code))
    ]  # fmt: skip
    set_inputs(stage=office.stage, branch=office.branch, items=said, actor="siti", at=office.noon)
