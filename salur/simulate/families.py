"""Families that do not exist, as lines of a ministry's file.

The same villages and seed give the same lines, byte for byte. What must never happen by accident is impossible by construction:

- **A NIK of a real person**: numbers begin with 99, and provinces are 11 to 97.
- **The same NIK twice**: a family's running number is spread over the rest of the area code (10,000 values) and the serial (0001 to 9999).
- **Two people who might be one**: no two families of a village share a birth date, so none looks like a duplicate of another.

The day and month of a NIK agree with the line's birth date; for women 40 is added to the day. A family card carries its date of issue.
"""

import math
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from salur.lib.problem import Problem
from salur.simulate.numbers import Ints, share_out

COLUMNS = (
    "nik",
    "no_kk",
    "nama",
    "tanggal_lahir",
    "jenis_kelamin",
    "alamat",
    "rt",
    "rw",
    "kode_desa",
    "nominal",
    "no_undangan",
)
DATA = Path(__file__).with_name("data")

IMPOSSIBLE_PROVINCE = "99"
SERIALS = 9_999
MOST_FAMILIES = 10_000 * SERIALS

# Part of the recipe: another size would give other lines for the same seed.
CHUNK_LINES = 200_000

WOMEN_SHARE = 0.72  # pengurus of the family aid are mostly the mothers
BORN_FIRST, BORN_LAST, BORN_MOST, BORN_SPREAD_YEARS = date(1930, 1, 1), date(2004, 12, 31), date(1974, 1, 1), 15
ISSUED_FIRST, ISSUED_LAST = date(2005, 1, 1), date(2021, 12, 31)
BIRTH_DATES = (BORN_LAST - BORN_FIRST).days + 1


class TooManyFamilies(Problem):
    code = "too_many_families"


def families(*, villages: pl.DataFrame, seed: int, first: int = 0, amount_rp: int = 600_000) -> Iterator[pl.DataFrame]:
    """Lines of a danom file, in frames of at most ``CHUNK_LINES`` with the text columns ``COLUMNS``.

    ``villages`` has ``code`` (bigint) and ``families`` (how many lines) and gives the order of the lines. A supplement to a file of the
    same seed begins where that ended, so that NIKs and birth dates go on differing: ``first`` is the running number of its first family,
    and a column ``made`` of ``villages`` tells how many families each had. Raises ``TooManyFamilies`` when the numbers or a village's
    birth dates do not suffice.
    """
    codes, counts = villages["code"].to_numpy(), villages["families"].to_numpy().astype(np.int64)
    made = villages["made"].to_numpy().astype(np.int64) if "made" in villages.columns else np.zeros_like(counts)
    lines, dates = int(counts.sum()), made + counts
    if first + lines > MOST_FAMILIES:
        raise TooManyFamilies(
            f"Families are numbered up to {MOST_FAMILIES:,}; {first:,} + {lines:,} is beyond; make fewer lines."
        )
    if lines and dates.max() > BIRTH_DATES:
        raise TooManyFamilies(
            f"Village {codes[dates.argmax()]} would have {dates.max():,} families, but only {BIRTH_DATES:,} birth dates exist; name more villages."
        )
    return _chunks(codes, counts, made, seed, first, amount_rp)


def _chunks(codes: Ints, counts: Ints, made: Ints, seed: int, first: int, amount_rp: int) -> Iterator[pl.DataFrame]:
    code_texts = pl.Series([f"{code:010d}" for code in codes], dtype=pl.String)
    ends = np.cumsum(counts)
    birth_orders = _birth_orders(seed)
    for chunk, start in enumerate(range(0, int(counts.sum()), CHUNK_LINES)):
        line = np.arange(start, min(start + CHUNK_LINES, int(ends[-1])), dtype=np.int64)
        village = np.searchsorted(ends, line, side="right")
        place_in_village = line - (ends - counts - made)[village]
        # The chunk's number in the seed: a chunk's lines do not depend on how those before it were drawn.
        rng = np.random.default_rng([seed, first, chunk])
        yield _lines(
            rng,
            first + line,
            birth_orders[codes[village] % len(birth_orders), place_in_village],
            code_texts.gather(village),
            amount_rp,
        )


def _lines(
    rng: np.random.Generator, number: Ints, birth: npt.NDArray[np.uint16], village: pl.Series, amount_rp: int
) -> pl.DataFrame:
    size = len(number)
    woman = rng.random(size) < WOMEN_SHARE
    born, issued = _days(BORN_FIRST, BORN_LAST), _days(ISSUED_FIRST, ISSUED_LAST)
    area, serial = _digits(4).gather(number // SERIALS), _digits(4).gather(number % SERIALS + 1)
    # The table holds the men of each day, then the women.
    birth_part = _nik_dates(born).gather(birth.astype(np.int64) + woman * len(born))
    issue_part = _nik_dates(issued).gather(rng.integers(0, len(issued), size))
    street, house = rng.integers(0, len(_words("streets")), size), rng.integers(1, 151, size)
    # A dusun has no house numbers.
    house[_has_no_numbers()[street]] = 0
    rw = rng.integers(1, 9, size)
    columns = {
        "nik": (IMPOSSIBLE_PROVINCE, area, birth_part, serial),
        "no_kk": (IMPOSSIBLE_PROVINCE, area, issue_part, serial),
        "nama": _names(rng, woman),
        "tanggal_lahir": (_texts(tuple(day.isoformat() for day in born)).gather(birth.astype(np.int64)),),
        "jenis_kelamin": (_texts(("L", "P")).gather(woman.astype(np.int64)),),
        "alamat": (_texts(_words("streets")).gather(street), _house_numbers().gather(house)),
        "rt": (_digits(3).gather(rng.integers(1, 13, size)),),
        "rw": (_digits(3).gather(rw),),
        "kode_desa": (village,),
        "nominal": (str(amount_rp),),
        "no_undangan": ("SP", _digits(4).gather(number // 10_000), _digits(4).gather(number % 10_000)),
    }
    return pl.select([pl.concat_str([pl.lit(part) for part in columns[name]]).alias(name) for name in COLUMNS])


def _names(rng: np.random.Generator, woman: npt.NDArray[np.bool_]) -> tuple[pl.Series, pl.Series]:
    """Given and second name; a quarter of the people go by one word alone, whose second name is empty."""
    size = len(woman)
    given_f, given_m = _words("given_female"), _words("given_male")
    second_f, second_m = _words("second_female"), _words("second_male")
    given = np.where(woman, _draw(rng, len(given_f), size), len(given_f) + _draw(rng, len(given_m), size))
    second = np.where(woman, _draw(rng, len(second_f), size), len(second_f) + _draw(rng, len(second_m), size))
    # Row 0 of the second names is none; nobody is called twice the same.
    second = np.where((rng.random(size) < 0.25) | (second == _same_word()[given]), 0, second + 1)
    return _texts(given_f + given_m).gather(given), _texts(("", *(f" {name}" for name in second_f + second_m))).gather(
        second
    )


def people(count: int, *, seed: int) -> list[str]:
    """Names of ``count`` people, half of them women, as officers write theirs: ``Siti Aminah``."""
    rng = np.random.default_rng(seed)
    given, second = _names(rng, rng.random(count) < 0.5)
    return [name.title() for name in (given + second)]


@cache
def _same_word() -> Ints:
    """For each given name the position of the same word among the second names of that sex, or -1."""
    second_f, second_m = _words("second_female"), _words("second_male")
    women = [second_f.index(name) if name in second_f else -1 for name in _words("given_female")]
    men = [len(second_f) + second_m.index(name) if name in second_m else -1 for name in _words("given_male")]
    return np.array(women + men)


def _draw(rng: np.random.Generator, words: int, size: int) -> Ints:
    """``size`` positions in a list of words whose first ones are the common ones: the n-th in proportion to 1 / (n + 10)."""
    cumulative = np.cumsum(1 / (np.arange(words) + 10))
    positions: Ints = np.searchsorted(cumulative, rng.random(size) * cumulative[-1], side="right").clip(max=words - 1)
    return positions


@cache
def _birth_orders(seed: int, orders: int = 64) -> npt.NDArray[np.uint16]:
    """Orders in which a village's families take their birth dates, shape (``orders``, ``BIRTH_DATES``).

    Each is a draw without replacement with weights that peak in 1974, so any number of families has distinct dates and a believable age.
    Method: Efraimidis and Spirakis, Weighted random sampling with a reservoir (2006): sort by exponential(1) / weight.
    """
    rng = np.random.default_rng([seed, MOST_FAMILIES])
    years_off = (np.arange(BIRTH_DATES) - (BORN_MOST - BORN_FIRST).days) / 365.25
    weight = np.exp(-0.5 * (years_off / BORN_SPREAD_YEARS) ** 2)
    keys = rng.standard_exponential((orders, BIRTH_DATES)) / weight
    return np.argsort(keys, axis=1, kind="stable").astype(np.uint16)


@cache
def _words(name: str) -> tuple[str, ...]:
    """A word list of ``data/``, the common words first; place names and given names, of nobody in particular."""
    return tuple((DATA / f"{name}.txt").read_text(encoding="utf-8").splitlines())


@cache
def _texts(texts: tuple[str, ...]) -> pl.Series:
    return pl.Series(texts, dtype=pl.String)


@cache
def _digits(width: int) -> pl.Series:
    return pl.Series([f"{number:0{width}d}" for number in range(10**width)], dtype=pl.String)


@cache
def _days(first: date, last: date) -> tuple[date, ...]:
    return tuple(first + timedelta(days=day) for day in range((last - first).days + 1))


@cache
def _nik_dates(days: tuple[date, ...]) -> pl.Series:
    """DDMMYY of ``days`` as men's numbers carry it, then as women's do, with 40 added to the day."""
    return pl.Series([nik_date(day, woman=woman) for woman in (False, True) for day in days], dtype=pl.String)


def nik_date(day: date, *, woman: bool) -> str:
    """The six digits of a NIK that tell birth date and sex. Source: PP 37/2007, article 37."""
    return f"{day.day + 40 * woman:02d}{day:%m%y}"


@cache
def _house_numbers() -> pl.Series:
    return pl.Series(["", *(f" NO. {number}" for number in range(1, 151))], dtype=pl.String)


@cache
def _has_no_numbers() -> npt.NDArray[np.bool_]:
    return np.array([street.startswith("DUSUN") for street in _words("streets")])


def village_counts(codes: Sequence[int], *, lines: int, population: dict[int, int] | None = None) -> pl.DataFrame:
    """How many families each village gets, summing to ``lines``: columns ``code``, ``families``; the form ``families`` takes.

    ``population`` tells the people of each kabupaten or kota by its four-digit code; a kabupaten's people are spread evenly over its villages,
    and one that the table does not know gets the mean village's. Without it every village is alike.
    """
    village = np.array(codes, dtype=np.int64)
    weights = np.ones(len(village))
    if population:
        kabupaten, back, villages_in = np.unique(village // 1_000_000, return_inverse=True, return_counts=True)
        people = np.array([population.get(int(code), math.nan) for code in kabupaten])
        known = ~np.isnan(people)
        if known.any():
            mean = people[known].sum() / villages_in[known].sum()
            weights = np.where(known, people / villages_in, mean)[back]
    return pl.DataFrame({"code": village, "families": share_out(lines, weights)})
