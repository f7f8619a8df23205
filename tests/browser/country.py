"""The founding article's four branches as rows of the tallies: what a board looks at, without paying half a million families first."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from django.contrib.auth.hashers import make_password
from django.db import connection

from salur.areas.actions import import_areas, import_boundaries
from salur.areas.models import Area, Boundary
from salur.monitoring.actions import Quotation, load_quotations
from salur.offices.actions import import_offices
from salur.offices.models import Coverage, Office
from salur.programmes.actions import import_programmes
from salur.programmes.models import Stage
from salur.simulate import article
from salur.web.actions import give_role
from salur.web.models import Role

hashed = cache(make_password)  # slow on purpose, and the same for everybody here
PASSWORD = "a password of the tests only"  # noqa: S105
AMOUNT_RP = 600_000


@dataclass
class Country:
    """``users``: user name → role; everybody's password is ``PASSWORD``."""

    stage: Stage
    users: dict[str, Role]


def make_country() -> Country:
    at = datetime(2022, 2, 15, tzinfo=UTC)
    import_areas(path=article.AREAS, vintage="2022-02", at=at)
    import_offices(path=article.OFFICES)
    import_programmes(path=article.PROGRAMMES)
    stage = Stage.objects.get(code=article.STAGE)
    approve(stage, 1, at)
    for branch in article.BRANCHES:
        office = Office.objects.get(code=branch.code)
        villages = sorted(Coverage.objects.filter(branch=office).values_list("village", flat=True))
        tally_branch(stage, office, villages, branch)
    load_quotations(
        stage_code=stage.code,
        quotations=[
            Quotation(branch.code, branch.published_percent, "Founding article", article.AS_OF)
            for branch in article.BRANCHES
        ],
    )
    people = {
        "kemensos": (Role.MINISTRY, None),
        "pusat": (Role.HEADQUARTERS, None),
        "regional": (Role.REGION, "REG-5"),
        "cabang": (Role.BRANCH, "KC-BDW"),
        "selong": (Role.BRANCH, "KC-SEL"),
        "koordinator": (Role.COORDINATOR, "KC-BDW"),
        "jurubayar": (Role.OFFICER, "KC-BDW"),
        "auditor": (Role.AUDITOR, None),
    }
    for username, (role, office_code) in people.items():
        user = give_role(actor="tests", username=username, role=role, office_code=office_code, at=at)
        user.password = hashed(PASSWORD)
        user.save()
    return Country(stage, {username: role for username, (role, _) in people.items()})


def approve(stage: Stage, version: int, at: datetime) -> None:
    """An approved batch, as `danom approve` leaves it; its lines are tallied by ``allocate``."""
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO danom_batch (stage, version, name, file_name, file_sha256, state, lines, accepted, warned, quarantined,
                duplicates, amount_rp, reasons, imported_by, imported_at, approved_by, approved_at)
            VALUES (%s, %s, %s, 'list.csv', %s, 'approved', 0, 0, 0, 0, 0, 0, '{}', 'siti', %s, 'budi', %s)""",
            [stage.id, version, f"list {version}", f"{version:064d}", at, at],
        )


def shares(total: int, parts: int, salt: int) -> list[int]:
    """Uneven whole parts that add up to ``total``, the same in every run."""
    weights = [60 + (n * 37 + salt * 11) % 83 for n in range(parts)]
    whole = sum(weights)
    cut = [total * sum(weights[: n + 1]) // whole for n in range(parts)]
    return [later - earlier for earlier, later in zip([0, *cut], cut, strict=False)]


def tally_branch(stage: Stage, office: Office, villages: list[int], branch: article.Branch) -> None:
    allocated = shares(branch.allocated, len(villages), branch.allocated)
    unpaid = shares(branch.allocated - branch.paid, len(villages), branch.paid)
    failed = [part * 6 // 10 for part in unpaid]
    ungeotagged = shares(branch.allocated - branch.geotagged, len(villages), 7)
    danom, payments, evidence = [], [], []
    zone = ZoneInfo(office.timezone)
    recorded = datetime.combine(branch.first_day, time(20), zone)
    for number, village in enumerate(villages):
        danom.append((stage.id, office.id, village, 1, allocated[number], allocated[number] * AMOUNT_RP))
        paid = shares(max(allocated[number] - unpaid[number], 0), len(branch.days), number)
        tagged = shares(max(allocated[number] - ungeotagged[number], 0), len(branch.days), number + 3)
        for place, day in enumerate(branch.days):
            day_recorded = (recorded + timedelta(days=place)).date()
            misses = failed[number] if place == len(branch.days) - 1 else 0
            payments.append(
                (stage.id, office.id, village, 1, day, day_recorded, paid[place], paid[place] * AMOUNT_RP, misses)
            )
            evidence.append((stage.id, office.id, village, 1, day, day_recorded, tagged[place]))
    copy("danom_tally (stage, branch, village, version, lines, amount_rp)", danom)
    copy("payments_tally (stage, branch, village, version, day, recorded_day, paid, paid_rp, failed)", payments)
    copy("evidence_tally (stage, branch, village, version, day, recorded_day, geotagged)", evidence)


def copy(into: str, rows: list[tuple[object, ...]]) -> None:
    with connection.cursor() as cursor, cursor.cursor.copy(f"COPY {into} FROM STDIN") as lines:
        for row in rows:
            lines.write_row(row)


def allocate(stage: Stage, office: Office, village: int, lines: int, *, version: int = 1) -> None:
    copy(
        "danom_tally (stage, branch, village, version, lines, amount_rp)",
        [(stage.id, office.id, village, version, lines, lines * AMOUNT_RP)],
    )


def pay(stage: Stage, office: Office, village: int, paid: int, at: datetime) -> None:
    day = at.astimezone(ZoneInfo(office.timezone)).date()
    copy(
        "payments_tally (stage, branch, village, version, day, recorded_day, paid, paid_rp, failed)",
        [(stage.id, office.id, village, 1, day, day, paid, paid * AMOUNT_RP, 0)],
    )


def add_area(code: int, name: str) -> None:
    level = {2: 1, 4: 2, 6: 3, 10: 4}[len(str(code))]
    Area.objects.create(code=code, name=name, level=level, first_vintage="2022-02", last_vintage="2022-02")


GEO = Path(__file__).resolve().parents[3] / "shared" / "data" / "geo"


def load_boundaries() -> None:
    """Shapes for the maps: the country's own where ../shared/data has them, else a square for each area, in rows."""
    files = sorted(GEO.glob("kab_*.json")) + sorted(GEO.glob("kec_*.json")) + sorted(GEO.glob("desa_*.json"))
    for file in files:
        import_boundaries(path=file)
    if files:
        return
    for code in Area.objects.filter(level__gte=2).values_list("code", flat=True):
        digits = str(code)
        west, south = 11_000_000 + int(digits[:4]) % 100 * 60_000, -900_000
        size = 60_000
        for below, across in ((digits[4:6], 6), (digits[6:], 20)):
            if below:
                size //= across
                west, south = west + int(below) % across * size, south + int(below) // across % across * size
        east, north = west + size, south + size
        ring = [west, south, east, south, east, north, west, north, west, south]
        Boundary.objects.create(area_id=code, polygons=[[ring]], west=west, south=south, east=east, north=north)
