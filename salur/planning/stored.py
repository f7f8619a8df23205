"""A plan and its inputs as they are kept in the database, and back again; pure.

``Inputs`` go into one JSON document, exactly: what a plan was made from can be judged again years later. The plan itself is rows, because boards,
papers and phones ask it by day, village and person.
"""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from enum import Enum, StrEnum
from typing import Any

from salur.planning.rules import (
    Branch,
    Counter,
    Inputs,
    Kept,
    Officer,
    Order,
    Policy,
    Rates,
    Round,
    Served,
    Session,
    Span,
    Terrain,
    Village,
    Window,
)


class PlanState(StrEnum):
    """draft → published → superseded; a draft may stay one for ever."""

    DRAFT = "draft"
    PUBLISHED = "published"
    SUPERSEDED = "superseded"


def to_json(value: Any) -> Any:
    """Dataclasses become objects, sets sorted lists, enums and dates words."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_json(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, frozenset | set):
        return sorted(value)
    if isinstance(value, Mapping):
        return {str(to_json(key)): to_json(part) for key, part in value.items()}
    if isinstance(value, tuple | list):
        return [to_json(part) for part in value]
    return value


def inputs_from_json(data: Mapping[str, Any]) -> Inputs:
    """What ``to_json(inputs)`` gave, as it was."""
    window, branch, rates, kept = data["window"], data["branch"], data["rates"], data["kept"]
    return Inputs(
        window=Window(
            date.fromisoformat(window["first_day"]),
            window["days"],
            frozenset(window["closed"]),
            frozenset(window["half_days"]),
        ),
        branch=Branch(
            **{
                **branch,
                "officers": tuple(Officer(**{**person, "absent": frozenset(person["absent"])}) for person in branch["officers"]),
                "escorts_of": {int(code): number for code, number in branch["escorts_of"].items()},
            }
        ),
        villages=tuple(
            Village(**{**village, "terrain": Terrain(village["terrain"]), "blocked": frozenset(village["blocked"])})
            for village in data["villages"]
        ),
        rates=Rates(
            **{**rates, "door_per_day": {Terrain(word): rate for word, rate in rates["door_per_day"].items()}}
        ),
        policy=Policy(**{**data["policy"], "order": Order(data["policy"]["order"])}),
        kept=Kept(
            kept["from_day"],
            tuple(
                Session(part["day"], part["host"], _served(part), Span(part["span"]), part["heads"])
                for part in kept["sessions"]
            ),
            tuple(Round(part["day"], _served(part), part["halves"]) for part in kept["rounds"]),
            tuple(Counter(part["day"], _served(part)) for part in kept["counters"]),
        ),
    )  # fmt: skip


def _served(part: Mapping[str, Any]) -> tuple[Served, ...]:
    return tuple(Served(village, families) for village, families in part["served"])
