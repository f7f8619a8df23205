"""What an area code is, and what a register, a crosswalk or a list of figures may say.

A code has 2, 4, 6 or 10 digits: province, kabupaten/kota, kecamatan, desa/kelurahan. Source: Permendagri 58/2021, annex.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple, TypeVar

from salur.lib.csv_file import CsvFile

T = TypeVar("T")

LEVEL_NAMES = {1: "province", 2: "kabupaten/kota", 3: "kecamatan", 4: "desa/kelurahan"}
_CODE = re.compile(r"(?!0)\d\d(?:\.\d\d(?:\.\d\d(?:\.\d{4})?)?)?|(?!0)\d\d(?:\d\d(?:\d\d(?:\d{4})?)?)?", re.ASCII)
_LEVEL_OF_DIGITS = {2: 1, 4: 2, 6: 3, 10: 4}
_VINTAGE = re.compile(r"\d{4}-(0[1-9]|1[0-2])", re.ASCII)
_POSTAL_CODE = re.compile(r"\d{5}", re.ASCII)

# The archipelago with its seas, in degrees; a centroid outside it has its columns swapped or its sign lost.
SOUTH, NORTH, WEST, EAST = -11.5, 6.5, 94.5, 141.5


def area_code(text: str) -> int:
    """``35.11.01.2001`` or ``3511012001`` → 3511012001; raises ``ValueError`` for anything else."""
    if not _CODE.fullmatch(text):
        raise ValueError(
            f"“{text[:40]}” is not an area code: write 2, 4, 6 or 10 digits, as 35.11.01.2001 or 3511012001."
        )
    return int(text.replace(".", ""))


def dotted(code: int) -> str:
    """3511012001 → ``35.11.01.2001``, as documents write it."""
    digits = str(code)
    return ".".join(part for part in (digits[:2], digits[2:4], digits[4:6], digits[6:]) if part)


def level_of(code: int) -> int:
    """1 province, 2 kabupaten/kota, 3 kecamatan, 4 desa/kelurahan."""
    return _LEVEL_OF_DIGITS[len(str(code))]


def parent_of(code: int) -> int | None:
    """The area above; ``None`` above a province."""
    level = level_of(code)
    return None if level == 1 else code // (10_000 if level == 4 else 100)


def is_vintage(text: str) -> bool:
    """``2022-02``: the month a register came into force."""
    return _VINTAGE.fullmatch(text) is not None


class Register(NamedTuple):
    """Columns of equal length, in the order of the file."""

    codes: list[int]
    names: list[str]
    levels: list[int]


def read_register(file: CsvFile, known: Collection[int]) -> Register:
    """The register a file holds; ``known`` are the codes this vintage has already.

    Refuses a code given twice, a level that its digits deny, a missing name, and an area whose parent nobody names.
    """
    register = Register([], [], [])
    line_of: dict[int, int] = {}
    for line, (text, name, level_text) in file.rows:
        code = _code(file, line, "kode", text)
        level = level_of(code)
        if level_text != str(level):
            sentence = (
                f"level is “{level_text[:20]}”, but {dotted(code)} is a {LEVEL_NAMES[level]}, which is level {level}."
            )
            raise file.refusal(line, sentence)
        if not name:
            raise file.refusal(line, f"nama of {dotted(code)} is empty.")
        _once(file, line_of, line, code)
        register.codes.append(code)
        register.names.append(name)
        register.levels.append(level)
    for code in register.codes:
        parent = parent_of(code)
        if parent is not None and parent not in line_of and parent not in known:
            sentence = (
                f"{dotted(code)} lies in {dotted(parent)}, which neither this file nor this vintage has: add its line."
            )
            raise file.refusal(line_of[code], sentence)
    return register


def too_many_retire(current: int, missing: int) -> bool:
    """Whether a newer vintage drops so many areas that it must be a part of a register (2022 → 2025 dropped 7.0 %)."""
    return missing * 10 > current


class Link(NamedTuple):
    line: int
    old: int
    new: int


def read_crosswalk(file: CsvFile) -> list[Link]:
    """Links between areas of one level; the same link twice is one link."""
    links: dict[tuple[int, int], Link] = {}
    for line, (old_text, new_text) in file.rows:
        old, new = _code(file, line, "old", old_text), _code(file, line, "new", new_text)
        if old == new:
            raise file.refusal(line, f"{dotted(old)} cannot succeed itself.")
        if level_of(old) != level_of(new):
            names = LEVEL_NAMES[level_of(old)], LEVEL_NAMES[level_of(new)]
            raise file.refusal(
                line, f"{dotted(old)} is a {names[0]} and {dotted(new)} a {names[1]}: link areas of one level."
            )
        links.setdefault((old, new), Link(line, old, new))
    return list(links.values())


class Centroids(NamedTuple):
    codes: list[int]
    lats: list[float]
    lngs: list[float]


def read_centroids(file: CsvFile) -> Centroids:
    """Degrees north and east (WGS 84)."""
    found = Centroids([], [], [])
    line_of: dict[int, int] = {}
    for line, (text, lat_text, lng_text) in file.rows:
        code = _code(file, line, "kode", text)
        _once(file, line_of, line, code)
        try:
            lat, lng = float(lat_text), float(lng_text)
        except ValueError:
            sentence = (
                f"lat “{lat_text[:20]}” and lng “{lng_text[:20]}” must be degrees with a point, as -7.913 and 113.821."
            )
            raise file.refusal(line, sentence) from None
        if not (SOUTH <= lat <= NORTH and WEST <= lng <= EAST):
            raise file.refusal(
                line, f"lat {lat} and lng {lng} of {dotted(code)} lie outside Indonesia: are the columns swapped?"
            )
        found.codes.append(code)
        found.lats.append(lat)
        found.lngs.append(lng)
    return found


def read_signal(file: CsvFile) -> tuple[list[int], list[bool]]:
    """Codes and whether a phone has signal there."""
    return _read_figures(file, "online", lambda text: {"1": True, "0": False}.get(text), "1 (signal) or 0 (none)")


def read_postal_codes(file: CsvFile) -> tuple[list[int], list[str]]:
    """Codes and their five digits."""
    return _read_figures(file, "kodepos", lambda text: text if _POSTAL_CODE.fullmatch(text) else None, "five digits")


def _read_figures(file: CsvFile, column: str, parse: Callable[[str], T | None], form: str) -> tuple[list[int], list[T]]:
    codes: list[int] = []
    values: list[T] = []
    line_of: dict[int, int] = {}
    for line, (text, value_text) in file.rows:
        code = _code(file, line, "kode", text)
        _once(file, line_of, line, code)
        value = parse(value_text)
        if value is None:
            raise file.refusal(line, f"{column} is “{value_text[:20]}”; it must be {form}.")
        codes.append(code)
        values.append(value)
    return codes, values


def _code(file: CsvFile, line: int, column: str, text: str) -> int:
    try:
        return area_code(text)
    except ValueError as error:
        raise file.refusal(line, f"{column}: {error}") from None


def _once(file: CsvFile, line_of: dict[int, int], line: int, code: int) -> None:
    first = line_of.setdefault(code, line)
    if first != line:
        raise file.refusal(line, f"{dotted(code)} stands on line {first} already.")


class Proposal(NamedTuple):
    old: int
    new: int
    basis: str


SAME_KECAMATAN = "same name in the same kecamatan"
SAME_KABUPATEN = "same name in the same kabupaten/kota"
SAME_NAME = "same name"
SIMILAR_NAME = "same number and similar name in the same kecamatan"
_KABUPATEN = re.compile(r"^kab(\.|upaten)\s+", re.IGNORECASE)
_NOT_A_LETTER = re.compile(r"[\W_]+")


def propose(
    *,
    retired: Sequence[int],
    names: Mapping[int, str],
    lived: Mapping[int, tuple[str, str]],
    current: Collection[int],
    links: Mapping[int, int],
) -> list[Proposal]:
    """The likely successor of each retired area, at most one, from kabupaten down to village.

    ``lived`` gives an area's first and last vintage. Only an area that appeared after the old one ceased can be meant, and only one
    that nobody else of the same level and name could be: a kabupaten by its name alone, a kecamatan within its kabupaten, a village
    within its kecamatan, else within its kabupaten, else by its number when the name is nearly the same.
    """
    candidates: dict[tuple[int | None, int, str], list[int]] = defaultdict(list)  # (below, level, name) → codes
    for code in current:
        for above in _above(code):
            candidates[above, level_of(code), _plain(names[code])].append(code)
    found: dict[int, int] = dict(links)
    proposals: list[Proposal] = []

    def appeared(codes: Sequence[int], old: int) -> list[int]:
        return [code for code in codes if lived[code][0] > lived[old][1]]

    for old in sorted(retired, key=lambda code: (level_of(code), code)):
        level, name = level_of(old), _plain(names[old])
        for above in _above(old):
            if above is None and level > 2:
                continue  # Sidomulyo is the name of 98 villages
            place = None if above is None else found.get(above, above)
            same = appeared(candidates.get((place, level, name), ()), old)
            if len(same) == 1:
                basis = SAME_NAME if place is None else SAME_KECAMATAN if level_of(place) == 3 else SAME_KABUPATEN
                proposals.append(Proposal(old, same[0], basis))
                break
        else:
            parent = parent_of(old)
            number = 10_000 if level == 4 else 100
            new = found.get(parent or 0, parent or 0) * number + old % number
            if level == 4 and new in current and appeared([new], old) and _similar(name, _plain(names[new])):
                proposals.append(Proposal(old, new, SIMILAR_NAME))
            else:
                continue
        found[old] = proposals[-1].new
    return proposals


def _above(code: int) -> list[int | None]:
    """Where a namesake is looked for, the nearest first: the parent, its parents below the province, and the country."""
    above: list[int | None] = []
    parent = parent_of(code)
    while parent is not None and level_of(parent) > 1:
        above.append(parent)
        parent = parent_of(parent)
    return [*above, None]


def _plain(name: str) -> str:
    """``KAB. FAK FAK`` and ``Kabupaten Fak-Fak`` are one name, Kabupaten Sorong and Kota Sorong are two."""
    return _NOT_A_LETTER.sub("", _KABUPATEN.sub("kabupaten", name)).lower()


def _similar(one: str, other: str) -> bool:
    return SequenceMatcher(None, one, other, autojunk=False).ratio() >= 0.75
