"""Branches that do not exist, for tests and figures: real or imagined villages, families dealt out by a seed.

The size of a village is lognormal (sigma 0.5) around the branch's mean; travel is the distance to the nearest office, 1.35 times the
straight line at 25 km an hour. Both are assumptions; a real branch imports its own figures.
"""

import csv
import gzip
import math
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple

import numpy as np

from salur.planning.rules import Branch, Inputs, Officer, Policy, Rates, Terrain, Village, Window

PAYMENT_RP = 600_000


class Place(NamedTuple):
    code: int
    name: str
    lat: float
    lon: float


def read_places(centroids: Path, kabupaten: str) -> list[Place]:
    """Villages of a kabupaten (``35.28``) from a CSV.gz ``kode,nama,level,lat,lng``."""
    with gzip.open(centroids, "rt", newline="") as file:
        return [
            Place(int(row["kode"].replace(".", "")), row["nama"], float(row["lat"]), float(row["lng"]))
            for row in csv.DictReader(file)
            if row["level"] == "4" and row["kode"].startswith(kabupaten + ".") and row["lat"]
        ]


def imagined_places(villages: int, *, kecamatan: int = 13, seed: int = 1, kabupaten: int = 9901) -> list[Place]:
    """Villages scattered around the seats of imagined kecamatan, on some 45 × 45 km. The province 99 does not exist."""
    random = np.random.default_rng(seed)
    seats = random.uniform(-0.2, 0.2, (kecamatan, 2)) + (-7.1, 113.5)
    places = []
    for number in range(villages):
        seat = number % kecamatan
        lat, lon = seats[seat] + random.normal(0, 0.025, 2)
        code = (kabupaten * 100 + seat + 1) * 10_000 + 2001 + number // kecamatan
        places.append(Place(code, f"Desa {number + 1}", float(lat), float(lon)))
    return places


def imagined_branch(
    places: Sequence[Place],
    families: int,
    *,
    officers: int = 20,
    rates: Rates | None = None,
    policy: Policy | None = None,
    days: int = 14,
    seed: int = 7,
    home_percent: float = 7.0,
    offline_percent: float = 15.0,
    ready_within: int = 1,
) -> Inputs:
    """A branch with ``families`` in ``places``. ``offline_percent`` of the villages, the far ones more likely, have no
    signal (15 % of Indonesian villages had no 4G in 2020–2021); readiness is spread over the first ``ready_within`` days.
    """
    random = np.random.default_rng(seed)
    weight = random.lognormal(0, 0.5, len(places))
    sizes = np.floor(weight / weight.sum() * families).astype(int)
    sizes[: families - int(sizes.sum())] += 1
    offices = sorted({place.code // 10_000 for place in places})[::2]  # every second kecamatan has a post office
    seats = {
        kecamatan: np.mean([(p.lat, p.lon) for p in places if p.code // 10_000 == kecamatan], axis=0)
        for kecamatan in offices
    }
    travel = [round(min(_minutes(place, seat) for seat in seats.values())) for place in places]
    far = np.argsort(np.argsort(travel)) / max(1, len(places) - 1)
    offline_score = far + random.normal(0, 0.3, len(places))
    offline = set(np.argsort(-offline_score)[: round(len(places) * offline_percent / 100)].tolist())
    ready = random.integers(0, ready_within, len(places))
    villages = tuple(
        Village(
            code=place.code,
            name=place.name,
            families=int(size),
            amount_rp=int(size) * PAYMENT_RP,
            home_visits=round(int(size) * home_percent / 100),
            online=index not in offline,
            terrain=_terrain(travel[index]),
            travel_minutes=min(150, int(travel[index])),
            ready_day=int(ready[index]),
            lat=place.lat,
            lon=place.lon,
        )
        for index, (place, size) in enumerate(zip(places, sizes, strict=True))
    )
    kecamatan = sorted({village.kecamatan for village in villages})
    staff = tuple(
        Officer(id=number, name=f"Juru bayar {number}", kecamatan=kecamatan[number % len(kecamatan)])
        for number in range(1, officers + 1)
    )
    return Inputs(
        window=Window(first_day=date(2022, 3, 1), days=days),
        branch=Branch(code="KC-TEST", officers=staff),
        villages=villages,
        rates=rates or Rates(),
        policy=policy or Policy(rest_every=None),
    )


def _terrain(travel_minutes: int) -> Terrain:
    """An assumption: a town around the office, hills beyond three quarters of an hour."""
    if travel_minutes <= 10:
        return Terrain.TOWN
    return Terrain.PLAIN if travel_minutes <= 45 else Terrain.HILLS


def _minutes(place: Place, seat: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> float:
    north, east = (place.lat - seat[0]) * 111.2, (place.lon - seat[1]) * 111.2 * math.cos(math.radians(place.lat))
    return math.hypot(north, east) * 1.35 / 25 * 60
