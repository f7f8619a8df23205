"""Words of oversight: what a family answers, what a complaint is about and when it must be answered, what a control visit looks at; pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID


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


class Kind(StrEnum):
    """What is odd about an officer's work; ``signals.py`` measures it."""

    IDENTICAL_PLACE = "identical_place"  # houses of several families at one place, to the centimetre
    CROWDED_PLACE = "crowded_place"  # many houses within eleven metres
    SAME_PHOTO = "same_photo"  # one picture for the houses of several families
    SPEED = "speed"  # from one place to the next faster than anybody travels
    PACE = "pace"  # one family a few seconds after the other
    HOURS = "hours"  # payments at night
    FAR = "far"  # far from the village, beside all others seen there
    PROXY = "proxy"  # one person collected for many families
    NO_PLACE = "no_place"  # the phone told no place
    FAILURES = "failures"  # visits that did not pay
    CASH = "cash"  # cash counted short
    VOICE = "voice"  # families who were asked, or complained, say otherwise


class Drawn(NamedTuple):
    """What came of drawing a sample; ``existed`` when the same id was drawn before."""

    id: UUID
    population: int
    size: int
    existed: bool


# From this score on an officer's signals are a case: somebody must look.
REVIEW_FROM = 20.0


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
