"""Words of oversight: what a family answers, what a complaint is about and when it must be answered, what a control visit looks at; pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from salur.oversight.sampling import Estimate, estimate
from salur.oversight.signals import Kind, Signal


class Method(StrEnum):
    """How a sample is asked."""

    CALL = "call"
    VISIT = "visit"


class Said(StrEnum):
    """What a family answered, or why it could not."""

    AS_BOOKED = "as_booked"
    NOT_PAID = "not_paid"
    LESS = "less"
    CUT_TAKEN = "cut_taken"  # the whole amount, and then somebody wanted a part of it
    SOMEBODY_ELSE = "somebody_else"  # somebody unknown to the family took the money
    WRONG_PHOTO = "wrong_photo"
    UNREACHABLE = "unreachable"
    DECLINED = "declined"


PROBLEMS = frozenset({Said.NOT_PAID, Said.LESS, Said.CUT_TAKEN, Said.SOMEBODY_ELSE, Said.WRONG_PHOTO})
SILENT = frozenset({Said.UNREACHABLE, Said.DECLINED})

CONFIDENCES = (Decimal("0.90"), Decimal("0.95"), Decimal("0.99"))


class Drawn(NamedTuple):
    """What came of drawing a sample; ``existed`` when the same id was drawn before."""

    id: UUID
    population: int
    size: int
    existed: bool


class Result(NamedTuple):
    """What the answers of a sample say. ``worst`` counts everybody who was asked and gave no answer as a problem."""

    size: int
    answered: int
    silent: int
    by_answer: Mapping[str, int]
    likely: Estimate
    worst: Estimate


def result(*, population: int, size: int, by_answer: Mapping[str, int], confidence: Decimal) -> Result:
    problems = sum(count for said, count in by_answer.items() if Said(said) in PROBLEMS)
    silent = sum(count for said, count in by_answer.items() if Said(said) in SILENT)
    answered = sum(by_answer.values()) - silent
    return Result(
        size,
        answered,
        silent,
        by_answer,
        estimate(population=population, asked=answered, problems=problems, confidence=confidence),
        estimate(population=population, asked=answered + silent, problems=problems + silent, confidence=confidence),
    )


# From this score on an officer's signals are a case: somebody must look.
REVIEW_FROM = 20.0


def sentence(signal: Signal, name: str) -> str:
    """What was counted, and what others count; never what it means."""
    said = {
        Kind.IDENTICAL_PLACE: "{count} of {of} houses are at a place shared to the centimetre by three families or more",
        Kind.CROWDED_PLACE: "{count} of {of} houses lie with five others within eleven metres",
        Kind.SAME_PHOTO: "{count} of {of} photos of houses look like another family's",
        Kind.SPEED: "{count} of {of} ways between two places were faster than 80 km/h",
        Kind.PACE: "{count} of {of} payments came less than ten seconds after the one before",
        Kind.HOURS: "{count} of {of} payments were before 06.00 or after 20.00",
        Kind.FAR: "{count} of {of} places are farther from the village than others are seen there",
        Kind.PROXY: "{count} of {of} payments went to somebody who collected for three families or more",
        Kind.NO_PLACE: "{count} of {of} payments came without a place",
        Kind.FAILURES: "{count} of {of} visits did not pay",
        Kind.CASH: "{count} of {of} counts of cash were short",
        Kind.VOICE: "{count} of {of} families who were asked or complained say otherwise than the books",
    }[signal.kind]
    peers = f"; among the others at the branch {signal.peers_percent:.2f} %"
    return f"{name}: {said.format(count=signal.count, of=signal.of)}{peers}."


class About(StrEnum):
    """What a complaint is about; ``PATIENCE`` says how soon it must be answered."""

    NOT_PAID = "not_paid"
    LESS = "less"
    CUT_TAKEN = "cut_taken"
    SOMEBODY_ELSE = "somebody_else"
    NOT_ON_LIST = "not_on_list"
    STAFF = "staff"
    PLACE = "place"
    OTHER = "other"


PATIENCE: Mapping[About, timedelta] = {
    About.NOT_PAID: timedelta(days=3),
    About.LESS: timedelta(days=3),
    About.CUT_TAKEN: timedelta(days=3),
    About.SOMEBODY_ELSE: timedelta(days=3),
    About.STAFF: timedelta(days=7),
    About.NOT_ON_LIST: timedelta(days=14),
    About.PLACE: timedelta(days=7),
    About.OTHER: timedelta(days=14),
}
# Complaints of this kind say otherwise than the books; they speak in an officer's signals when they name one.
CONTRADICTS = frozenset({About.NOT_PAID, About.LESS, About.CUT_TAKEN, About.SOMEBODY_ELSE})


class Way(StrEnum):
    """How a complaint came."""

    WEB = "web"
    PHONE = "phone"
    PAPER = "paper"
    VISIT = "visit"


class Step(StrEnum):
    RECEIVED = "received"
    TAKEN = "taken"  # somebody is responsible
    ANSWERED = "answered"
    REOPENED = "reopened"


class State(StrEnum):
    NEW = "new"
    IN_WORK = "in_work"
    ANSWERED = "answered"


STATE_AFTER: Mapping[Step, State] = {
    Step.RECEIVED: State.NEW,
    Step.TAKEN: State.IN_WORK,
    Step.ANSWERED: State.ANSWERED,
    Step.REOPENED: State.NEW,
}
MAY_COME_IN: Mapping[Step, frozenset[State]] = {
    Step.TAKEN: frozenset({State.NEW, State.IN_WORK}),
    Step.ANSWERED: frozenset({State.NEW, State.IN_WORK}),
    Step.REOPENED: frozenset({State.ANSWERED}),
}


def due_at(about: About, received_at: datetime) -> datetime:
    return received_at + PATIENCE[about]


class Check(StrEnum):
    """What a control visit looks at."""

    LIST_POSTED = "list_posted"
    IDENTITY_CHECKED = "identity_checked"
    FULL_AMOUNT = "full_amount"
    NO_CUTS = "no_cuts"
    PHOTOS_TAKEN = "photos_taken"
    GEOTAG_AT_HOUSE = "geotag_at_house"
    CASH_GUARDED = "cash_guarded"
    QUEUE_ORDERLY = "queue_orderly"
    COMPLAINTS_ANNOUNCED = "complaints_announced"


class Found(StrEnum):
    YES = "yes"
    NO = "no"
    NOT_SEEN = "not_seen"


# A "no" here is a case: somebody must look.
GRAVE = frozenset({Check.FULL_AMOUNT, Check.NO_CUTS, Check.IDENTITY_CHECKED})
