"""Who must agree before a village is paid, and from when it is ready; pure.

A *body* is somebody outside the post: its *step* is a letter to it, its confirmation (with a date and a paper), the confirmation's withdrawal, or a
visit. Bodies act for an area: the kabupaten, the kecamatan or the village. A village is ready when every body that binds has confirmed for it.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import NamedTuple


class Body(StrEnum):
    PEMDA = "pemda"
    DINSOS = "dinsos"
    POLRES = "polres"
    KODIM = "kodim"
    CAMAT = "camat"
    POLSEK = "polsek"
    KORAMIL = "koramil"
    TKSK = "tksk"
    VILLAGE_HEAD = "village_head"  # kades or lurah
    OPERATOR = "operator"  # operator desa (SIKS-NG)
    RT_RW = "rt_rw"


# How many digits of the area's code a body acts for: kabupaten 4, kecamatan 6, village 10.
DIGITS: Mapping[Body, int] = {
    Body.PEMDA: 4,
    Body.DINSOS: 4,
    Body.POLRES: 4,
    Body.KODIM: 4,
    Body.CAMAT: 6,
    Body.POLSEK: 6,
    Body.KORAMIL: 6,
    Body.TKSK: 6,
    Body.VILLAGE_HEAD: 10,
    Body.OPERATOR: 10,
    Body.RT_RW: 10,
}
# Whom a branch writes to by custom; which of them bind is an input of the branch (``readiness_bodies``).
CUSTOMARY = (Body.DINSOS, Body.POLSEK, Body.KORAMIL, Body.CAMAT, Body.VILLAGE_HEAD)


class StepKind(StrEnum):
    LETTER = "letter"
    CONFIRMED = "confirmed"
    WITHDRAWN = "withdrawn"
    VISIT = "visit"


class Step(NamedTuple):
    """One thing that was done with a body, in the order in which it was recorded."""

    body: Body
    area: int
    kind: StepKind
    day: date
    ready_on: date | None = None
    document: str = ""
    note: str = ""


class Light(StrEnum):
    """What the board shows for one body and area."""

    NOTHING = "nothing"
    LETTER = "letter"
    CONFIRMED = "confirmed"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a body stands: the last letter, the last word, from when it agrees."""

    light: Light = Light.NOTHING
    ready_on: date | None = None
    letter_on: date | None = None
    document: str = ""


def area_for(body: Body, village: int) -> int:
    """The area that ``body`` acts for, of a village (ten digits)."""
    return int(str(village)[: DIGITS[body]])


def standings(steps: Iterable[Step]) -> dict[tuple[Body, int], Standing]:
    """(body, area) → where it stands after all its steps; a withdrawal takes the confirmation before it away."""
    found: dict[tuple[Body, int], Standing] = {}
    for step in steps:
        before = found.get((step.body, step.area), Standing())
        match step.kind:
            case StepKind.LETTER:
                light = Light.LETTER if before.light is Light.NOTHING else before.light
                after = Standing(light, before.ready_on, step.day, before.document or step.document)
            case StepKind.CONFIRMED:
                after = Standing(Light.CONFIRMED, step.ready_on, before.letter_on, step.document)
            case StepKind.WITHDRAWN:
                after = Standing(Light.WITHDRAWN, None, before.letter_on, before.document)
            case StepKind.VISIT:
                after = before
        found[step.body, step.area] = after
    return found


def ready_dates(
    village: int, bodies: Collection[Body], found: Mapping[tuple[Body, int], Standing]
) -> list[date | None]:
    """For each binding body the day from which it agrees to payments in the village; None where it has not confirmed."""
    return [found.get((body, area_for(body, village)), Standing()).ready_on for body in bodies]
