"""What goes wrong with a nominative list on its way, put in on purpose and counted by the reason codes of the import.

A damaged line has exactly one fault, and no fault causes or hides another, so the import's counts must equal these. Where two lines make
the fault (one NIK twice, a card twice, two people who may be one) the later line is the damaged one, and the earlier is sound.

*Cosmetic* damage is what the import mends without a word: an apostrophe before a number, a number as a spreadsheet shows it, spaces, dots
in the code of a village. It is counted apart.

``area_differs`` cannot be put in: the import does not compare an area that cannot exist, and these NIKs have no other.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np
import polars as pl

from salur.areas.rules import dotted
from salur.danom.rules import Reason
from salur.lib.problem import Problem
from salur.simulate.families import BORN_FIRST, COLUMNS, IMPOSSIBLE_PROVINCE, nik_date
from salur.simulate.numbers import Ints, share_out


class BadDamage(Problem):
    code = "bad_damage"


class Line(NamedTuple):
    """A line of the file, the columns of ``families.COLUMNS`` in their order."""

    nik: str
    no_kk: str
    nama: str
    tanggal_lahir: str
    jenis_kelamin: str
    alamat: str
    rt: str
    rw: str
    kode_desa: str
    nominal: str
    no_undangan: str

    @property
    def woman(self) -> bool:
        return self.jenis_kelamin == "P"


@dataclass(frozen=True)
class Outside:
    """What a file alone cannot know; the kinds of damage that need it are possible only when it is given.

    ``earlier`` and ``other_programme``: sound lines of files imported before, of the same stage and of another programme's;
    ``retired``: village codes that another one took over; ``uncovered``: villages no office serves. ``ceiling_rp`` is the programme's.
    """

    earlier: Sequence[Line] = ()
    other_programme: Sequence[Line] = ()
    retired: Sequence[int] = ()
    uncovered: Sequence[int] = ()
    ceiling_rp: int = 4_000_000


# A kind makes the n-th damaged line of its kind of a sound one; a kind of a pair also looks at the earlier line.
Single = Callable[[Line, int], Line]
Pair = Callable[[Line, int, Line], Line]


def _nik_length(line: Line, n: int) -> Line:
    return line._replace(nik=(line.nik[1:], f"{line.nik}0")[n % 2])


def _nik_letters(line: Line, n: int) -> Line:
    return line._replace(nik=(f"g{line.nik[1:]}", f"{line.nik[0]}q{line.nik[2:]}")[n % 2])


def _nik_date(line: Line, n: int) -> Line:
    """No such day: the 30th of February, a thirteenth month, day 0. Women's days keep their 40."""
    day, month = ((30, "02"), (int(line.nik[6:8]) % 40, "13"), (0, line.nik[8:10]))[n % 3]
    return line._replace(nik=f"{line.nik[:6]}{day + 40 * line.woman:02d}{month}{line.nik[10:]}")


def _nik_serial(line: Line, n: int) -> Line:
    """Serial 0000. Without the serial, area and date must keep the numbers apart; the line leaves its birth date empty, lest it differ."""
    born = BORN_FIRST + timedelta(days=n // 10_000)
    nik = f"{IMPOSSIBLE_PROVINCE}{n % 10_000:04d}{nik_date(born, woman=line.woman)}0000"
    return line._replace(nik=nik, tanggal_lahir="")


def _kk_form(line: Line, n: int) -> Line:
    return line._replace(no_kk=(line.no_kk[:-1], f"{line.no_kk[:-1]}O", "TIDAK ADA")[n % 3])


def _amount_form(line: Line, n: int) -> Line:
    return line._replace(nominal=("enam ratus ribu", f"{line.nominal}.5", f"{line.nominal[:-1]}O")[n % 3])


def _amount_not_positive(line: Line, n: int) -> Line:
    return line._replace(nominal=("0", f"-{line.nominal}")[n % 2])


def _village_unknown(line: Line, n: int) -> Line:
    """9999 numbers no village of any kecamatan in the vintages of 2022 and 2025."""
    return _elsewhere(line, int(f"{line.kode_desa[:6]}9999"))


def _elsewhere(line: Line, village: int) -> Line:
    """The line leaves its birth date empty: there, another family may have the same."""
    return line._replace(kode_desa=str(village), tanggal_lahir="")


def _sex_differs(line: Line, n: int) -> Line:
    return line._replace(jenis_kelamin="L" if line.woman else "P")


def _birth_date_differs(line: Line, n: int) -> Line:
    """The number changes, not the birth date: that stays the only one of its village."""
    other = date.fromisoformat(line.tanggal_lahir) + timedelta(days=n % 300 + 1)
    return line._replace(nik=f"{line.nik[:6]}{nik_date(other, woman=line.woman)}{line.nik[12:]}")


def _name_damaged(line: Line, n: int) -> Line:
    """A digit read for a letter, UTF-8 read as Windows-1252, or a character that was lost."""
    place = next(place for place, letter in enumerate(line.nama) if letter in _LOOKS_LIKE)
    wrong = (_LOOKS_LIKE[line.nama[place]], "Ã‰", "\N{REPLACEMENT CHARACTER}")[n % 3]
    return line._replace(nama=f"{line.nama[:place]}{wrong}{line.nama[place + 1 :]}")


_LOOKS_LIKE = {"A": "4", "E": "3", "I": "1", "O": "0", "U": "0"}


def _nik_twice(line: Line, n: int, other: Line) -> Line:
    return _same_person(line, other)._replace(nik=other.nik)


def _probable_duplicate(line: Line, n: int, other: Line) -> Line:
    born = nik_date(date.fromisoformat(other.tanggal_lahir), woman=other.woman)
    return _same_person(line, other)._replace(nik=f"{line.nik[:6]}{born}{line.nik[12:]}")


def _kk_repeated(line: Line, n: int, other: Line) -> Line:
    return line._replace(no_kk=other.no_kk)


def _same_person(line: Line, other: Line) -> Line:
    return line._replace(
        nama=other.nama, tanggal_lahir=other.tanggal_lahir, jenis_kelamin=other.jenis_kelamin, kode_desa=other.kode_desa
    )


SINGLE: dict[str, Single] = {
    Reason.NIK_MISSING: lambda line, n: line._replace(nik=""),
    Reason.NIK_LENGTH: _nik_length,
    Reason.NIK_LETTERS: _nik_letters,
    Reason.NIK_DATE: _nik_date,
    Reason.NIK_SERIAL: _nik_serial,
    Reason.KK_FORM: _kk_form,
    Reason.NAME_MISSING: lambda line, n: line._replace(nama=""),
    Reason.AMOUNT_FORM: _amount_form,
    Reason.AMOUNT_NOT_POSITIVE: _amount_not_positive,
    Reason.VILLAGE_UNKNOWN: _village_unknown,
    Reason.SEX_DIFFERS: _sex_differs,
    Reason.BIRTH_DATE_DIFFERS: _birth_date_differs,
    Reason.NAME_DAMAGED: _name_damaged,
}
PAIR: dict[str, Pair] = {
    Reason.NIK_TWICE_IN_FILE: _nik_twice,
    Reason.KK_REPEATED: _kk_repeated,
    Reason.PROBABLE_DUPLICATE: _probable_duplicate,
}


def kinds_needing(outside: Outside) -> dict[str, Single]:
    """The kinds that need to know something outside the file and can."""
    kinds: dict[str, Single] = {
        # A zero too many, as long as that is above the ceiling.
        Reason.AMOUNT_CEILING: lambda line, n: line._replace(
            nominal=str(max(int(line.nominal) * 10, outside.ceiling_rp + 50_000))
        )
    }
    if outside.earlier:
        kinds[Reason.NIK_IN_STAGE] = lambda line, n: _nik_twice(line, n, outside.earlier[n])
    if outside.other_programme:
        kinds[Reason.NIK_IN_OTHER_PROGRAMME] = lambda line, n: _nik_twice(line, n, outside.other_programme[n])
    if outside.retired:
        kinds[Reason.VILLAGE_MAPPED] = lambda line, n: _elsewhere(line, outside.retired[n % len(outside.retired)])
    if outside.uncovered:
        kinds[Reason.VILLAGE_WITHOUT_OFFICE] = lambda line, n: _elsewhere(
            line, outside.uncovered[n % len(outside.uncovered)]
        )
    return kinds


# A spreadsheet keeps numbers above 2⁵³ only if they are even, and these begin with 99: only even ones could have come through one.
COSMETIC: dict[str, Callable[[Line], Line]] = {
    "nik_apostrophe": lambda line: line._replace(nik=f"'{line.nik}"),
    "spaces": lambda line: line._replace(nik=f"{line.nik} ", nama=f"  {line.nama} ", kode_desa=f" {line.kode_desa}"),
    "village_dots": lambda line: line._replace(kode_desa=dotted(int(line.kode_desa))),
}
COSMETIC_EVEN: dict[str, Callable[[Line], Line]] = {
    **COSMETIC,
    "nik_float": lambda line: line._replace(nik=f"{line.nik}.0"),
    "nik_scientific": lambda line: line._replace(nik=f"{line.nik[0]}.{line.nik[1:]}E+15"),
}

# What else may happen to a line than a kind of damage: it is the earlier one of a pair, or it is damaged cosmetically.
LENDS, COSMETICALLY = "lends", "cosmetically"


def evenly(share: float, outside: Outside) -> dict[str, float]:
    """``share`` of the lines damaged, every kind that is possible alike."""
    kinds = [*SINGLE, *PAIR, *kinds_needing(outside)]
    return dict.fromkeys(kinds, share / len(kinds))


class Damage:
    """The damage of one file: which lines, drawn with ``seed``, and what. Feed it the file's frames in order, once.

    ``reasons`` and ``cosmetic`` count what has been put in; after the last frame they are the file's.
    """

    def __init__(
        self,
        *,
        lines: int,
        shares: Mapping[str, float],
        seed: int,
        outside: Outside | None = None,
        cosmetic_share: float = 0.0,
    ) -> None:
        """``shares``: the share of the file's lines for each kind; ``cosmetic_share``: that of all cosmetic kinds together.

        Raises ``BadDamage`` for a kind that is not possible here and for more damage than the lines can hold.
        """
        outside = outside or Outside()
        self.lines = lines
        self.reasons: Counter[str] = Counter()
        self.cosmetic: Counter[str] = Counter()
        self._single = {**SINGLE, **kinds_needing(outside)}
        counts = self._counts(shares, outside)
        pairs = sum(count for kind, count in counts.items() if kind in PAIR)
        cosmetics, faults = round(cosmetic_share * lines), sum(counts.values())
        if faults + pairs + cosmetics > lines:
            raise BadDamage(
                f"{lines:,} lines cannot hold {faults:,} faults, {pairs:,} sound partners and {cosmetics:,} cosmetic ones; damage less."
            )
        drawn = np.random.default_rng([seed, lines]).choice(lines, faults + pairs + cosmetics, replace=False)
        self._touched: Ints = np.sort(drawn)
        # By line: what happens to it; for the earlier line of a pair, which line borrows from it; and what is lent until that comes.
        self._happens: dict[int, str] = {}
        self._borrower: dict[int, int] = {}
        self._lent: dict[int, Line] = {}
        left = iter(drawn.tolist())
        for kind, count in counts.items():
            for _ in range(count):
                at = next(left)
                if kind in PAIR:
                    earlier, at = sorted((at, next(left)))
                    self._happens[earlier] = LENDS
                    self._borrower[earlier] = at
                self._happens[at] = kind
        self._happens.update(dict.fromkeys(left, COSMETICALLY))

    def _counts(self, shares: Mapping[str, float], outside: Outside) -> dict[str, int]:
        possible = {*self._single, *PAIR}
        for kind, share in shares.items():
            if kind not in possible:
                raise BadDamage(f"“{kind}” cannot be put in here; possible are {', '.join(sorted(possible))}.")
            if not 0 <= share <= 1:
                raise BadDamage(f"The share of {kind} is {share}; it must be between 0 and 1.")
        total = round(sum(shares.values()) * self.lines)
        counts = dict(zip(shares, share_out(total, list(shares.values())).tolist(), strict=True)) if total else {}
        for kind, given in (
            (Reason.NIK_IN_STAGE, outside.earlier),
            (Reason.NIK_IN_OTHER_PROGRAMME, outside.other_programme),
        ):
            if counts.get(kind, 0) > len(given):
                raise BadDamage(f"{kind} needs {counts[kind]:,} lines of the other file; {len(given):,} are given.")
        return counts

    def put_in(self, frames: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        """The same frames with the damage in them."""
        start = 0
        for frame in frames:
            bounds = np.searchsorted(self._touched, (start, start + len(frame)))
            touched = self._touched[bounds[0] : bounds[1]]
            yield self._changed(frame, touched, touched - start) if len(touched) else frame
            start += len(frame)
        assert start == self.lines, f"damage was drawn for {self.lines} lines, the file has {start}"

    def _changed(self, frame: pl.DataFrame, touched: Ints, rows: Ints) -> pl.DataFrame:
        """``touched``: the lines' places in the file; ``rows``: in the frame."""
        lines = [
            self._line(at, Line(*values)) for at, values in zip(touched.tolist(), frame[rows].iter_rows(), strict=True)
        ]
        # An empty cell is nothing, not an empty text.
        new = {
            column: pl.Series([value or None for value in values], dtype=pl.String)
            for column, values in zip(COLUMNS, zip(*lines, strict=True), strict=True)
        }
        return frame.with_columns(frame[column].scatter(rows, values) for column, values in new.items())

    def _line(self, at: int, line: Line) -> Line:
        kind = self._happens[at]
        if kind == LENDS:
            self._lent[self._borrower[at]] = line
            return line
        if kind == COSMETICALLY:
            possible = COSMETIC if int(line.nik) % 2 else COSMETIC_EVEN
            kind = list(possible)[self.cosmetic.total() % len(possible)]
            self.cosmetic[kind] += 1
            return possible[kind](line)
        n = self.reasons[kind]
        self.reasons[kind] += 1
        return PAIR[kind](line, n, self._lent.pop(at)) if kind in PAIR else self._single[kind](line, n)
