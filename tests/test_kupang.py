"""Kota Kupang published 97.17 % (13,609 of 14,005) on 26 September 2022 and 96.92 % (16,495 of 17,019) four days later.

A percentage falls while more people are paid, because a supplement came in between. Both come out, and the earlier one again later.
"""

import csv
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from salur.lib.ids import uuid7_of
from salur.simulate.families import families

PROGRAMME = """
[[programme]]
code = "BLT-BBM"
name = "BLT BBM"
proxy = "same_family"
amount_ceiling_rp = 1_000_000

[[programme.stage]]
code = "BLT-BBM-2022-1"
period = "2022-09/2022-12"
opens = 2022-09-07
target_days = 14
deadline = 2022-12-20
order = "online_first"
geotag = { counter = "follow_up", community = "follow_up", door = "at_payment" }
approval = { second_person = true }
"""
AREAS = "kode,nama,level\n53,NUSA TENGGARA TIMUR,1\n53.71,KOTA KUPANG,2\n53.71.01,Alak,3\n53.71.01.1001,Penkase Oeleta,4\n53.71.01.1002,Alak,4\n"
OFFICES = (
    "code,name,kind,parent,areas\nHQ,Kantor Pusat,HQ,,\nREG-6,Regional VI,REGION,HQ,\nKC-KPG,Kupang,KC,REG-6,53.71\n"
)
STAGE = "BLT-BBM-2022-1"


@pytest.fixture
def kupang(db, typed, tmp_path):
    from salur.areas.commands import areas
    from salur.danom.commands import danom
    from salur.monitoring.commands import monitoring
    from salur.offices.commands import offices
    from salur.payments.commands import payments
    from salur.programmes.commands import programmes

    for name, text in (("areas.csv", AREAS), ("offices.csv", OFFICES), ("programmes.toml", PROGRAMME)):
        (tmp_path / name).write_text(text)
    typed(areas, "import", tmp_path / "areas.csv", "--vintage", "2022-02")
    typed(offices, "import", tmp_path / "offices.csv")
    typed(programmes, "import", tmp_path / "programmes.toml")
    villages = pl.DataFrame({"code": [5371011001, 5371011002], "families": [9_000, 8_019]})
    people = pl.concat(list(families(villages=villages, seed=26, amount_rp=300_000)))
    assert people.height == 17_019

    class Kupang:
        def list(self, name: str, first: int, last: int) -> None:
            file = tmp_path / f"{name}.csv"
            people[first:last].write_csv(file)
            assert (
                typed(danom, "import", file, "--stage", STAGE, "--batch", name, "--as", "kemensos").data["accepted"]
                == last - first
            )
            assert typed(danom, "approve", name, "--as", "pusat").code == 0

        def pay(self, name: str, first: int, last: int, at: datetime) -> None:
            file = tmp_path / f"{name}-paid.csv"
            with file.open("w", newline="") as sheet:
                writer = csv.writer(sheet)
                writer.writerow(
                    ["event_id", "nik", "office", "officer", "amount_rp", "paid_at", "channel", "lat", "lon"]
                )
                for n, nik in enumerate(people["nik"][first:last], first):
                    event = uuid7_of(1_664_000_000_000 + n, n.to_bytes(10, "big"))
                    paid_at = (at - timedelta(seconds=n % 20_000)).isoformat()
                    writer.writerow([event, nik, "KC-KPG", "JB-KPG-1", 300_000, paid_at, "kantor", "-10.2", "123.5"])
            for expected in ("created", "exists"):
                answer = typed(payments, "import", file, "--stage", STAGE)
                assert answer.data["outcomes"] == {expected: last - first}

        def look(self, *words: str) -> tuple:
            answer = typed(monitoring, "realisation", "--stage", STAGE, "--by", "branch", *words).data
            (row,) = answer["rows"]
            return answer["danom_version"], row["paid"], row["allocated"], row["paid_percent"]

    return Kupang()


@pytest.mark.slow
def test_both_published_figures_come_out_and_the_earlier_one_again(kupang):
    first, later = datetime(2022, 9, 26, 9, tzinfo=UTC), datetime(2022, 9, 30, 9, tzinfo=UTC)
    kupang.list("list", 0, 14_005)
    kupang.pay("first", 0, 13_609, first)
    assert kupang.look() == (1, 13_609, 14_005, 97.17)
    between = datetime.now(UTC)
    kupang.list("supplement", 14_005, 17_019)
    kupang.pay("later", 14_005, 14_005 + 16_495 - 13_609, later)
    assert kupang.look() == (2, 16_495, 17_019, 96.92)
    # As the system knew it then, and as it happened: both ways of asking for the earlier figure give it.
    assert kupang.look("--as-of", between.isoformat()) == (1, 13_609, 14_005, 97.17)
    assert kupang.look("--as-of", "2022-09-26") == (1, 13_609, 14_005, 97.17)
    assert kupang.look("--as-of", "2022-09-30") == (2, 16_495, 17_019, 96.92)
