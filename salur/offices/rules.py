"""The tree of offices: who may stand under whom, who serves what, whose clock counts. No database here."""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from salur.areas.rules import area_code, dotted
from salur.lib.clock import WIB, WIT, WITA, zone_of_province
from salur.lib.csv_file import CsvFile


class Kind(StrEnum):
    """From the top of the tree to the counter: kantor pusat, regional, kantor cabang utama, kantor cabang, cabang pembantu."""

    HQ = "HQ"
    REGION = "REGION"
    KCU = "KCU"
    KC = "KC"
    KCP = "KCP"


BRANCHES = frozenset({Kind.KCU, Kind.KC})
SERVING = BRANCHES | {Kind.KCP}
# Under whom an office may stand. Only a sub-branch must have a parent: its books are its branch's.
MAY_STAND_UNDER = {
    Kind.HQ: frozenset[Kind](),
    Kind.REGION: frozenset({Kind.HQ}),
    Kind.KCU: frozenset({Kind.HQ, Kind.REGION}),
    Kind.KC: frozenset({Kind.HQ, Kind.REGION, Kind.KCU}),
    Kind.KCP: frozenset({Kind.KCU, Kind.KC, Kind.KCP}),
}
_KINDS = {kind.value: kind for kind in Kind}
_FROM_WEST = {WIB: 0, WITA: 1, WIT: 2}
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,39}", re.ASCII)


@dataclass(frozen=True)
class Office:
    """An office with the areas it claims; ``line`` is where a file says so, 0 for an office known before."""

    line: int
    code: str
    name: str
    kind: Kind
    parent: str | None
    areas: tuple[int, ...]


def read_offices(file: CsvFile, known: Mapping[str, Office], unknown_areas: Collection[int] = ()) -> dict[str, Office]:
    """The offices of a file by code, checked against each other and against those ``known`` that the file does not name.

    ``unknown_areas`` are the codes of the file that no register has (see ``claimed_areas``).
    """
    offices: dict[str, Office] = {}
    for line, (code, name, kind_text, parent, areas_text) in file.rows:
        _code(file, line, code)
        if code in offices:
            raise file.refusal(line, f"office {code} stands on line {offices[code].line} already.")
        if not name:
            raise file.refusal(line, f"name of {code} is empty.")
        kind = _KINDS.get(kind_text.upper())
        if kind is None:
            raise file.refusal(line, f"kind of {code} is “{kind_text[:20]}”; it must be {_or(Kind)}.")
        areas = tuple(dict.fromkeys(_areas(file, line, areas_text)))
        offices[code] = Office(line, code, name, kind, parent or None, areas)
    tree = {**known, **offices}
    for office in offices.values():
        _check_place(file, office, tree)
        _check_history(file, office, known.get(office.code))
        _check_areas(file, office, unknown_areas)
    for child in known.values():
        if child.code not in offices and child.parent in offices:
            _check_child(file, child, offices[child.parent])
    _check_claims(file, tree)
    return offices


def claimed_areas(file: CsvFile) -> set[int]:
    """Every area code that an offices file names, so that the register can be asked for all of them at once."""
    return {area for line, cells in file.rows for area in _areas(file, line, cells[4])}


def _check_place(file: CsvFile, office: Office, tree: Mapping[str, Office]) -> None:
    """Its parents exist, may have it, and end at the top."""
    allowed = MAY_STAND_UNDER[office.kind]
    if office.parent is None:
        if office.kind is Kind.KCP:
            raise file.refusal(
                office.line, f"{office.code} is a KCP without parent: name the KCU or KC whose sub-branch it is."
            )
        return
    above = [office.code]
    parent: str | None = office.parent
    while parent is not None:
        if parent not in tree:
            child = above[-1]
            raise file.refusal(
                office.line, f"parent of {child} is {parent}, an office that neither this file nor salur knows."
            )
        if parent in above:
            raise file.refusal(
                office.line, f"the offices {' → '.join([*above, parent])} stand under each other in a circle."
            )
        above.append(parent)
        parent = tree[parent].parent
    kind = tree[office.parent].kind
    if kind not in allowed:
        may = f"it may stand under {_or(allowed)}" if allowed else "it stands at the top, so leave parent empty"
        raise file.refusal(
            office.line, f"{office.code} is a {office.kind} and cannot stand under {office.parent}, a {kind}: {may}."
        )


def _check_child(file: CsvFile, child: Office, parent: Office) -> None:
    """An office of the file may have become another kind above an office that the file does not name."""
    if parent.kind not in MAY_STAND_UNDER[child.kind]:
        sentence = f"{parent.code} cannot be a {parent.kind}, because {child.code}, a {child.kind}, stands under it: move that one first."
        raise file.refusal(parent.line, sentence)


def _check_history(file: CsvFile, office: Office, before: Office | None) -> None:
    if before is not None and before.kind in BRANCHES and office.kind not in BRANCHES:
        sentence = f"{office.code} keeps books as a {before.kind} and cannot become a {office.kind}: give that office a new code."
        raise file.refusal(office.line, sentence)


def _check_areas(file: CsvFile, office: Office, unknown_areas: Collection[int]) -> None:
    if office.areas and office.kind not in SERVING:
        raise file.refusal(
            office.line,
            f"{office.code} is a {office.kind} and serves no areas itself: give them to its KCU, KC or KCP.",
        )
    for area in office.areas:
        if area in unknown_areas:
            raise file.refusal(
                office.line, f"area {dotted(area)} of {office.code} is in no register imported: check the code."
            )


def _check_claims(file: CsvFile, tree: Mapping[str, Office]) -> None:
    claims: dict[int, Office] = {}
    for office in sorted(tree.values(), key=lambda office: office.line):
        for area in office.areas:
            other = claims.setdefault(area, office)
            if other is not office:
                where = f"on line {other.line}" if other.line else "from an earlier import"
                sentence = f"area {dotted(area)} of {office.code} is claimed by {other.code} {where}: one office serves an area."
                raise file.refusal(office.line, sentence)


def branch_of(code: str, tree: Mapping[str, Office]) -> str | None:
    """The office itself when it is a KCU or KC, else the nearest one above; ``None`` for a region."""
    office: Office | None = tree[code]
    while office is not None and office.kind not in BRANCHES:
        office = tree[office.parent] if office.parent else None
    return office.code if office else None


def depths(tree: Mapping[str, Office]) -> list[list[Office]]:
    """The offices from the top down, one list for each storey, so that a parent is written before its children."""
    below: dict[str | None, list[Office]] = defaultdict(list)
    for office in tree.values():
        below[office.parent].append(office)
    storeys, storey = [], below[None]
    while storey:
        storeys.append(storey)
        storey = [child for office in storey for child in below[office.code]]
    return storeys


def timezones(tree: Mapping[str, Office]) -> dict[str, str]:
    """The zone each office keeps: that of most of its own areas, else of most areas below it, else its parent's.

    Headquarters keep western time. Where two zones have as many areas, the western one counts.
    """
    storeys = depths(tree)
    own: dict[str, Counter[str]] = {}
    for storey in reversed(storeys):
        for office in storey:
            own.setdefault(office.code, Counter())
            if office.areas:
                own[office.code] = Counter(zone_of_province(int(str(area)[:2])) for area in office.areas)
            if office.parent is not None:
                own.setdefault(office.parent, Counter()).update(own[office.code])
    zones: dict[str, str] = {}
    for storey in storeys:
        for office in storey:
            counted = own[office.code]
            if office.kind is Kind.HQ:
                zones[office.code] = WIB
            elif counted:
                zones[office.code] = min(counted, key=lambda zone: (-counted[zone], _FROM_WEST[zone]))
            else:
                zones[office.code] = zones[office.parent] if office.parent else WIB
    return zones


class OfficerKind(StrEnum):
    EMPLOYEE = "employee"
    EXTERNAL = "external"


_OFFICER_KINDS = {kind.value: kind for kind in OfficerKind}


@dataclass(frozen=True)
class Officer:
    """A juru bayar; ``branch`` is the code of the KCU or KC that keeps the person's cash book."""

    line: int
    branch: str
    code: str
    name: str
    kind: OfficerKind
    home_area: int | None
    contract_ends: date | None


def read_officers(file: CsvFile, tree: Mapping[str, Office]) -> list[Officer]:
    officers: dict[tuple[str, str], Officer] = {}
    for line, (code, name, office, kind_text, home_text, ends_text) in file.rows:
        _code(file, line, code)
        if not name:
            raise file.refusal(line, f"name of {code} is empty.")
        if office not in tree:
            raise file.refusal(
                line, f"there is no office {office or '(empty)'}: check it, or import the offices first."
            )
        branch = branch_of(office, tree)
        if branch is None:
            raise file.refusal(line, f"{office} is a {tree[office].kind}; an officer belongs to a KCU, KC or KCP.")
        kind = _OFFICER_KINDS.get(kind_text.lower())
        if kind is None:
            raise file.refusal(line, f"kind of {code} is “{kind_text[:20]}”; it must be {_or(OfficerKind)}.")
        homes = list(_areas(file, line, home_text, "home_area"))
        if len(homes) > 1:
            raise file.refusal(line, f"home_area of {code} must be one area code.")
        officer = Officer(
            line,
            branch,
            code,
            name,
            kind,
            homes[0] if homes else None,
            _date(file, line, ends_text),
        )
        other = officers.setdefault((branch, code), officer)
        if other is not officer:
            raise file.refusal(line, f"officer {code} of {branch} stands on line {other.line} already.")
    return list(officers.values())


def _areas(file: CsvFile, line: int, text: str, column: str = "areas") -> Iterator[int]:
    for word in text.split():
        try:
            yield area_code(word)
        except ValueError as error:
            raise file.refusal(line, f"{column}: {error}") from None


def _date(file: CsvFile, line: int, text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise file.refusal(line, f"contract_ends is “{text[:20]}”; write year-month-day, as 2022-06-05.") from None


def _code(file: CsvFile, line: int, code: str) -> None:
    if not _CODE.fullmatch(code):
        sentence = f"code “{code[:40]}” must be letters, digits and . _ / - without spaces, 40 at most, as KC-BDW."
        raise file.refusal(line, sentence)


def _or(words: Iterable[StrEnum]) -> str:
    """The words in the order their enum lists them: ``KCU, KC or KCP``."""
    *others, last = sorted(words, key=[*Kind, *OfficerKind].index)
    return f"{', '.join(others)} or {last}" if others else last
