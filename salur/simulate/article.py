"""The founding article's scenario: four branches of Regional V pay the Kartu Sembako of January to March 2022.

What the article says is in ``BRANCHES``: families allocated and paid, and its percentages as quotations. What it does not say is assumed,
and named so: the share of houses geotagged (but for Selong), the days, the number of officers, the size of each village.

``data/article_areas.csv`` holds the codes and names of the branches' provinces, kabupaten and kota, kecamatan, desa and kelurahan in the
vintage of the campaign (Permendagri 58/2021 as revised by Kepmendagri 050-145/2022); ``data/article_centroids.csv`` the middle of each.
Names of public law units are facts.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

import numpy as np
import polars as pl

from salur.simulate.families import DATA, MOST_FAMILIES, families
from salur.simulate.numbers import lognormal, share_out

AREAS = DATA / "article_areas.csv"
CENTROIDS = DATA / "article_centroids.csv"
OFFICES = DATA / "article_offices.csv"
PROGRAMMES = DATA / "article_programmes.toml"

STAGE = "SEMBAKO-2022-1"
REGION = "REG-5"
AMOUNT_RP = 600_000
AS_OF = date(2022, 3, 26)
PUBLISHED_SOURCE = (
    "The founding article's percentages, quoted as printed: Selong's is rounded, Kediri's cut off after two decimals."
)
SEED = 2022

# What the article says helped, by the branch it says it of: (branch, tag, note). In the words of screens, because branches write them.
HELPED = (
    ("KC-BDW", "recruitment", "Merekrut 40–50 tenaga tambahan agar penyaluran selesai dalam 14 hari."),
    ("KC-BDW", "coordination", "Koordinasi dengan pemda, kepolisian, TNI, dan perangkat desa sebelum pembayaran."),
    ("KC-PMK", "coordination", "Koordinasi dengan pemda, kepolisian, TNI, dan perangkat desa; pembayaran selesai dalam 14 hari."),
    ("KC-SEL", "online_first", "Wilayah bersinyal didahulukan, lalu wilayah tanpa sinyal."),
    ("KC-SEL", "geotagging", "Geotagging dilakukan bersamaan dengan pembayaran."),
    ("KC-KDR", "field_control", "Kontrol lapangan terhadap pembayaran dan geotagging."),
)  # fmt: skip

# The spread of village sizes within a branch; an assumption.
VILLAGE_SIGMA = 0.5
# Far from where a simulated list begins, so that both can be imported into one database.
FIRST_FAMILY = MOST_FAMILIES - 1_000_000


@dataclass(frozen=True)
class Branch:
    """A branch's figures: ``allocated``, ``paid`` and ``published_percent`` are the article's, the rest is assumed.

    ``geotag_assumed`` is false where the article tells ``geotag_percent`` too. ``hired`` of each team of ``officers`` come from outside: the
    article says 40–50 of Bondowoso; ``hired_assumed`` is false there.
    """

    code: str
    name: str
    kabupaten: tuple[int, ...]
    allocated: int
    paid: int
    published_percent: str
    geotag_percent: Decimal
    geotag_assumed: bool
    first_day: date
    officers: int
    hired: int
    hired_assumed: bool

    @property
    def geotagged(self) -> int:
        """Houses geotagged: the percentage is of the families allocated."""
        return int((self.allocated * self.geotag_percent / 100).quantize(Decimal(1), ROUND_HALF_UP))

    @property
    def days(self) -> tuple[date, ...]:
        """The fourteen days of paying."""
        return tuple(self.first_day + timedelta(days=day) for day in range(14))


# Bondowoso's 99.6 % is all the article gives; 101,506 is the middle of the counts that print as 99.6. Likewise Pamekasan's 111,396 of 99.38.
# Selong's and Kediri's figures are "per 26 March", so their fourteen days end then.
BRANCHES = (
    Branch(
        "KC-BDW", "Bondowoso", (3511,), 101_913, 101_506, "99.6", Decimal(72), True, date(2022, 3, 9), 68, 45, False
    ),
    Branch(
        "KC-PMK", "Pamekasan", (3528,), 112_091, 111_396, "99.38", Decimal(68), True, date(2022, 3, 9), 74, 48, True
    ),
    Branch("KC-SEL", "Selong", (5203,), 106_395, 92_421, "86.87", Decimal(85), False, date(2022, 3, 13), 70, 46, True),
    Branch(
        "KC-KDR", "Kediri", (3506, 3571), 151_699, 147_627, "97.31", Decimal(81), True, date(2022, 3, 13), 92, 60, True
    ),
)


def article_villages(*, seed: int = SEED) -> pl.DataFrame:
    """The villages of the four branches: ``code``, ``families``, ``branch`` (its code), by village code.

    A branch's families are split over its villages by lognormal weights; they sum to its allocation exactly.
    """
    codes = _villages()
    parts = []
    for order, branch in enumerate(BRANCHES):
        own = codes.filter((codes // 1_000_000).is_in(branch.kabupaten))
        weights = lognormal(np.random.default_rng([seed, order]), len(own), sigma=VILLAGE_SIGMA)
        parts.append(
            pl.DataFrame(
                {"code": own, "families": share_out(branch.allocated, weights), "branch": [branch.code] * len(own)}
            )
        )
    return pl.concat(parts).sort("code")


def article_families(*, seed: int = SEED) -> Iterator[pl.DataFrame]:
    """The article's nominative list, 472,098 lines; see ``families``."""
    return families(villages=article_villages(seed=seed), seed=seed, first=FIRST_FAMILY, amount_rp=AMOUNT_RP)


def article_places() -> pl.DataFrame:
    """The middle of each village: ``code``, ``lat``, ``lng`` in degrees (WGS 84, four decimals, about 11 m)."""
    table = pl.read_csv(CENTROIDS, schema_overrides={"kode": pl.String})
    return table.filter(pl.col("level") == 4).select(
        pl.col("kode").str.replace_all(".", "", literal=True).cast(pl.Int64).alias("code"), "lat", "lng"
    )


def _villages() -> pl.Series:
    table = pl.read_csv(AREAS, schema_overrides={"kode": pl.String})
    return table.filter(pl.col("level") == 4)["kode"].str.replace_all(".", "", literal=True).cast(pl.Int64).sort()
