"""A branch of honest officers, and what thieves do, by a seed: so that signals can be measured against the truth."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from salur.oversight.rules import Kind
from salur.oversight.signals import COUNTED, GEOTAGS, PAYMENTS, VILLAGES, Facts

# What a thief who marks families as paid and keeps the cash does in one go.
THEFT = (Kind.IDENTICAL_PLACE, Kind.SAME_PHOTO, Kind.PACE)
MORNING = 1_646_870_400  # 10 March 2022, 07.00 WIB, in seconds


@dataclass
class Branch:
    """``officers`` work ``days``; each day in another village, ``families`` a day, of which a third is geotagged at once."""

    seed: int
    officers: int = 80
    days: int = 6
    families: int = 90
    thieves: dict[int, Sequence[Kind]] = field(default_factory=dict)
    share: float = 0.25  # of a thief's families

    def facts(self) -> Facts:
        random = np.random.default_rng(self.seed)
        count = self.officers * self.days * self.families
        officer = np.repeat(np.arange(1, self.officers + 1), self.days * self.families)
        day = np.tile(np.repeat(np.arange(self.days), self.families), self.officers)
        village = 3511012001 + (officer * 7 + day) % 200
        centre_lat, centre_lng = -7.9 + (village % 200) % 20 * 0.02, 113.7 + (village % 200) // 20 * 0.02
        pace = np.tile(np.arange(self.families), self.officers * self.days) * (8 * 3600 // self.families)
        second = MORNING + 86_400 * day + pace + random.integers(0, 200, count)
        lat = centre_lat + random.normal(0, 0.0035, count)
        lng = centre_lng + random.normal(0, 0.0035, count)
        # Honest life: a bad fix, a payment in the evening, a neighbour who collects for two.
        wild = random.random(count) < 0.001
        lat[wild] += random.normal(0, 0.1, wild.sum())
        late = random.random(count) < 0.001
        second[late] += 12 * 3600
        family = np.arange(count).astype(str).astype(object)
        proxy = np.full(count, None, dtype=object)
        helped = random.random(count) < 0.01
        proxy[helped] = [f"neighbour {n // 2}" for n in range(helped.sum())]
        placeless = random.random(count) < 0.03
        heard = np.ones(count, dtype=bool)
        photo = np.array([f"photo {n}".encode() for n in range(count)], dtype=object)
        bits = random.integers(0, 2**63, (count, 4), dtype=np.uint64)
        tagged = random.random(count) < 0.35

        for thief, kinds in self.thieves.items():
            own = np.flatnonzero(officer == thief)
            taken = np.sort(random.choice(own, int(self.share * len(own)), replace=False))
            if Kind.IDENTICAL_PLACE in kinds:  # at home, the phone on the table
                lat[taken], lng[taken], tagged[taken] = centre_lat[taken[0]], centre_lng[taken[0]], True
            if Kind.CROWDED_PLACE in kinds:  # the same, with a little noise added
                lat[taken] = centre_lat[taken[0]] + random.uniform(0, 3e-5, len(taken))
                lng[taken] = centre_lng[taken[0]] + random.uniform(0, 3e-5, len(taken))
                tagged[taken] = True
            if Kind.SAME_PHOTO in kinds:  # one picture, sent again a little lighter each time
                tagged[taken] = True
                bits[taken] = bits[taken[0]] ^ (
                    np.uint64(1) << random.integers(0, 64, (len(taken), 4), dtype=np.uint64)
                )
            if Kind.SPEED in kinds:  # two villages at once
                lat[taken] += np.where(np.arange(len(taken)) % 2, 0.2, 0)
            if Kind.PACE in kinds:  # the list ticked off in the evening
                second[taken] = second[taken[0]] + 3 * np.arange(len(taken))
            if Kind.HOURS in kinds:
                night = MORNING + 86_400 * (day[taken[0]] if Kind.PACE in kinds else day[taken]) + 15 * 3600
                second[taken] = night + (3 if Kind.PACE in kinds else 60) * np.arange(len(taken)) % 7200
            if Kind.FAR in kinds:
                lat[taken] += 0.15
            if Kind.PROXY in kinds:
                proxy[taken] = "the village head"
            if Kind.NO_PLACE in kinds:
                placeless[taken] = True
        local = (second + 7 * 3600) % 86_400
        lat_e7, lng_e7 = np.round(lat * 1e7).astype(np.int64), np.round(lng * 1e7).astype(np.int64)
        payments = pl.DataFrame(
            {"officer": officer, "family": family.tolist(), "village": village, "second": second, "local": local, "lat_e7": lat_e7, "lon_e7": lng_e7,
             "heard": heard, "proxy": proxy.tolist()},
            schema=PAYMENTS,
        ).with_columns(
            lat_e7=pl.when(pl.Series(placeless)).then(None).otherwise("lat_e7"), lon_e7=pl.when(pl.Series(placeless)).then(None).otherwise("lon_e7"),
        )  # fmt: skip
        geotags = pl.DataFrame(
            {"officer": officer[tagged], "family": family[tagged].tolist(), "village": village[tagged], "second": second[tagged] + 60,
             "lat_e7": lat_e7[tagged], "lon_e7": lng_e7[tagged], "photo": photo[tagged].tolist()},
            schema=GEOTAGS,
        )  # fmt: skip
        looks = pl.DataFrame(
            {
                "photo": photo[tagged].tolist(),
                "bits": [row.tobytes() for row in bits[tagged]],
                "detail": np.full(tagged.sum(), 80),
            },
            schema={"photo": pl.Binary, "bits": pl.Binary, "detail": pl.Int64},
        )
        codes = np.arange(200) + 3511012001
        villages = pl.DataFrame(
            {"village": codes, "lat": -7.9 + (codes % 200) % 20 * 0.02, "lng": 113.7 + (codes % 200) // 20 * 0.02},
            schema=VILLAGES,
        )
        return Facts(
            payments, geotags, villages, looks,
            failures=self._counts(random, Kind.FAILURES, 900, 0.08), cash=self._counts(random, Kind.CASH, 10, 0.02),
            voices=self._counts(random, Kind.VOICE, 12, 0.01),
        )  # fmt: skip

    def _counts(self, random: np.random.Generator, kind: Kind, of: int, rate: float) -> pl.DataFrame:
        count = random.binomial(of, rate, self.officers)
        for thief, kinds in self.thieves.items():
            if kind in kinds:
                count[thief - 1] = random.binomial(of, 0.6)
        return pl.DataFrame(
            {"officer": np.arange(1, self.officers + 1), "count": count, "of": np.full(self.officers, of)},
            schema=COUNTED,
        )
