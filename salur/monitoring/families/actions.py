"""The verbs: find families, list a village's, look at one, show its NIK, fetch a photo of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from salur.areas.models import Area
from salur.cases.rules import NATURE, STATE_AFTER, Act, Kind
from salur.cases.rules import State as CaseState
from salur.lib import desks
from salur.lib.letter_code import hash_range, letter_code
from salur.lib.photo import for_display, thumbnail
from salur.lib.problem import NotFound, Problem
from salur.lib.sql import Queries
from salur.lib.storage import object_store
from salur.lib.viewer import Viewer
from salur.monitoring.families.rules import By, State, Wanted, patterns, state_of, wanted
from salur.offices.models import Office
from salur.programmes.actions import stage_by_code
from salur.programmes.models import Stage
from salur.registry import actions as registry

queries = Queries(__file__)

# Desks look at families; a paying officer has the list of the day on the phone, and no other.
MOST_FOUND = 50


class BranchNeeded(Problem):
    code = "branch_needed"


class ReasonNeeded(Problem):
    code = "reason_needed"


@dataclass(frozen=True)
class Card:
    """A family's entitlement as a list shows it; the NIK masked."""

    stage: str
    branch_code: str
    branch_name: str
    zone: str
    id: UUID
    village: int
    village_name: str
    kecamatan_name: str
    name: str
    nik: str
    rt: str
    rw: str
    amount_rp: int
    state: State
    geotagged: bool
    paid_at: datetime | None

    @property
    def code(self) -> str:
        return letter_code(self.id)


class Search(NamedTuple):
    """``more``: there were more than are shown."""

    by: By
    cards: Sequence[Card]
    more: bool


def find(*, typed: str, viewer: Viewer, branch: int | None = None) -> Search:
    """The families that what a person typed may mean, within the viewer's branches.

    A name is looked for within one branch: ``branch``, or the viewer's only one; raises ``BranchNeeded`` where it is not said which.
    """
    _may_look(viewer)
    meant = wanted(typed)
    scope = None if viewer.branches is None else list(viewer.branches)
    keys = _keys(meant, scope, branch)
    return Search(meant.by, cards_of(keys[:MOST_FOUND]), len(keys) > MOST_FOUND)


def _keys(meant: Wanted, scope: list[int] | None, branch: int | None) -> list[Any]:
    if not meant.word:
        return []
    if meant.by is By.NIK:
        return queries.by_family(family=registry.family_of_nik(meant.word), branches=scope)
    if meant.by is By.LETTER:
        assert meant.letter is not None
        return _of_id(meant.letter, scope)
    if meant.by is By.CODE:
        first, last = hash_range(meant.word)
        # A name of eight letters may look like a code: who finds no letter of it looks for the name.
        found = queries.by_code(first=first, last=last, id=None, branches=scope)
        return found or _by_name(meant.word, scope, branch)
    if meant.by is By.NUMBER:
        return queries.by_number(number=meant.word, branches=scope)
    return _by_name(meant.word, scope, branch)


def _of_id(entitlement: UUID, scope: list[int] | None) -> list[Any]:
    first, last = hash_range(letter_code(entitlement))
    return queries.by_code(first=first, last=last, id=entitlement, branches=scope)


def _by_name(name: str, scope: list[int] | None, branch: int | None) -> list[Any]:
    if branch is None:
        if scope is None or len(scope) != 1:
            raise BranchNeeded("A name is looked for within one branch: choose it.")
        branch = scope[0]
    elif scope is not None and branch not in scope:
        raise NotFound("There is no such branch.")
    return queries.by_name(branch=branch, patterns=patterns(name), limit=MOST_FOUND + 1)


def cards_of(keys: Sequence[Any], *, clear: bool = False) -> list[Card]:
    """Entitlements as lists show them, in their order; ``clear``: the NIKs not masked (exports, with a reason that is kept)."""
    if not keys:
        return []
    rows = queries.cards(
        stages=[key.stage for key in keys], branches=[key.branch for key in keys], ids=[key.id for key in keys]
    )
    known = [row for row in rows if row.nik_sealed is not None]
    opened = registry.clear_niks if clear else registry.masked_niks
    niks = dict(
        zip(
            [row.id for row in known],
            opened([(bytes(row.nik_sealed), row.key_version) for row in known]),
            strict=True,
        )
    )
    return [
        Card(
            stage=row.stage, branch_code=row.branch_code, branch_name=row.branch_name, zone=row.zone, id=row.id, village=row.village,
            village_name=row.village_name, kecamatan_name=row.kecamatan_name, name=row.name, nik=niks.get(row.id, ""), rt=row.rt or "",
            rw=row.rw or "", amount_rp=row.amount_rp, geotagged=row.geotagged, paid_at=row.paid_at,
            state=state_of(paid=row.paid_at is not None, held=row.held, failed=row.failed),
        )
        for row in rows
    ]  # fmt: skip


def branches_of(*, viewer: Viewer) -> list[Any]:
    """The branches that a name can be looked for in."""
    return queries.branches(branches=None if viewer.branches is None else list(viewer.branches))


class Village(NamedTuple):
    """A village at a branch with its families."""

    stage: Stage
    branch: Office
    code: int
    name: str
    kecamatan: int
    kecamatan_name: str
    cards: Sequence[Card]


def of_village(*, stage_code: str, office_code: str, village: int, viewer: Viewer) -> Village:
    """The families that a branch pays in a village. What lies outside the viewer's scope is ``NotFound``."""
    _may_look(viewer)
    stage = stage_by_code(stage_code)
    branch = Office.objects.filter(code=office_code, kind__in=["KC", "KCU"]).first()
    if branch is None or (viewer.branches is not None and branch.id not in viewer.branches):
        raise NotFound(f"There is no branch {office_code}.")
    keys = queries.of_village(stage=stage.id, branch=branch.id, village=village)
    if not keys:
        raise NotFound(f"Nobody of stage {stage.code} lives in {village}.")
    names = dict(Area.objects.filter(code__in=[village, village // 10_000]).values_list("code", "name"))
    kecamatan = village // 10_000
    return Village(stage, branch, village, names.get(village, ""), kecamatan, names.get(kecamatan, ""), cards_of(keys))


@dataclass(frozen=True)
class Happening:
    """One thing that happened to an entitlement. ``word``: reason, channel, day or answer, by kind; ``undone``: taken back since."""

    kind: str
    at: datetime
    known_at: datetime
    who: str
    amount_rp: int | None
    word: str
    undone: bool


@dataclass(frozen=True)
class Photo:
    sha256: str
    kind: str
    at: datetime
    here: bool


@dataclass(frozen=True)
class CaseLine:
    id: UUID
    title: str
    open: bool
    opened_at: datetime
    amount_rp: int | None
    reason: str


@dataclass(frozen=True)
class Look:
    """All that a family's page shows. ``line`` is the row of ``queries.sql: entitlement``; numbers in it stay sealed."""

    line: Any
    state: State
    nik: str
    no_kk: str
    code: str
    happened: Sequence[Happening]
    photos: Sequence[Photo]
    planned: Any
    cases: Sequence[CaseLine]
    trail: Sequence[Any]
    others: Sequence[Any]


def look(*, entitlement: UUID, viewer: Viewer) -> Look:
    """One family's entitlement with everything known of it; outside the viewer's scope it is ``NotFound``."""
    line = _line(entitlement, viewer)
    here = {"stage": line.stage, "branch": line.branch, "id": line.id}
    happened = [Happening(**row._asdict()) for row in queries.happened(exact=viewer.role in desks.FIELD, **here)]
    kinds = {(one.kind, one.undone) for one in happened}
    nik, no_kk = registry.masked_of(line) if line.nik_sealed is not None else ("", "")
    cases = [_case(row) for row in queries.cases(branch=line.branch, id=line.id)]
    subjects = [f"entitlement/{line.id}", f"family/{line.family}", *(f"case/{case.id}" for case in cases)]
    planned = queries.planned(**here)
    return Look(
        line=line,
        state=state_of(
            paid=("paid", False) in kinds, held=line.held, failed=any(kind == "failed" for kind, _ in kinds)
        ),
        nik=nik,
        no_kk=no_kk,
        code=letter_code(line.id),
        happened=happened,
        photos=[Photo(bytes(row.sha256).hex(), row.kind, row.at, row.here) for row in queries.photos(**here)],
        planned=planned[0] if planned and planned[0].day else None,
        cases=cases,
        trail=queries.trail(subjects=subjects),
        others=queries.other_stages(
            family=line.family, id=line.id, branches=None if viewer.branches is None else list(viewer.branches)
        ),
    )


def _case(row: Any) -> CaseLine:
    return CaseLine(
        id=row.id,
        title=NATURE[Kind(row.kind)].title,
        open=STATE_AFTER[Act(row.act)] is CaseState.OPEN,
        opened_at=row.opened_at,
        amount_rp=row.amount_rp,
        reason=row.reason,
    )


def reveal(*, entitlement: UUID, reason: str, viewer: Viewer, at: datetime) -> tuple[str, str]:
    """NIK and family card number in clear, for who may and says why; it is written into the branch's trail."""
    line = _line(entitlement, viewer)
    if viewer.role not in desks.REVEALERS:
        raise NotFound("This role sees no NIK in clear.")
    if len(reason.strip()) < 8:
        raise ReasonNeeded("Say in a few words why the number must be seen; it is kept.")
    return registry.reveal(family=line.family, reason=reason.strip()[:500], actor=viewer.name, at=at)


def photo(*, entitlement: UUID, sha256: bytes, small: bool, viewer: Viewer) -> bytes:
    """A photo of the family's visits, without what the original carries along; one that is not of this family is ``NotFound``."""
    line = _line(entitlement, viewer)
    owned = queries.photos(stage=line.stage, branch=line.branch, id=line.id)
    if not any(bytes(row.sha256) == sha256 and row.here for row in owned):
        raise NotFound("There is no such photo here.")
    original = object_store().get(sha256=sha256)
    return thumbnail(original) if small else for_display(original)


def _line(entitlement: UUID, viewer: Viewer) -> Any:
    _may_look(viewer)
    rows = queries.entitlement(id=entitlement, branches=None if viewer.branches is None else list(viewer.branches))
    if not rows:
        raise NotFound("There is no such family here.")
    return rows[0]


def _may_look(viewer: Viewer) -> None:
    if viewer.role not in desks.OFFICES:
        raise NotFound("This role looks at no families here.")
