"""Pure decisions about a phone's events: does it belong to the chain, when did it happen, what is odd about it, what to answer."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum

from salur.field.wire import Answer, Event, ForFamily
from salur.payments.rules import Channel, Outcome, Reason

CHANNEL = {"KTR": Channel.OFFICE, "KOM": Channel.COMMUNITY, "D2D": Channel.DOOR}
REASON = {
    "TIDAK_HADIR": Reason.NOT_HOME,
    "SAKIT": Reason.ILL,
    "BEPERGIAN": Reason.AWAY,
    "BELUM_DIAMBIL": Reason.NOT_COLLECTED,
    "DATA_BEDA": Reason.DATA_DIFFERS,
    "MENINGGAL": Reason.DEAD,
    "PINDAH": Reason.MOVED,
    "TIDAK_DIKENAL": Reason.UNKNOWN,
    "GANDA": Reason.DUPLICATE,
    "TIDAK_BERHAK": Reason.NOT_ENTITLED,
    "MENOLAK": Reason.REFUSED,
}

# What the phone is told of what came of its payment. Outcomes that do not stand put the amount on the officer's suspense account.
ANSWER = {
    Outcome.CREATED: Answer.ACCEPTED,
    Outcome.EXISTS: Answer.ACCEPTED,
    Outcome.EXISTS_WITH_DIFFERENT_FACTS: Answer.REJECT_ID_REUSED,
    Outcome.UNKNOWN_ENTITLEMENT: Answer.SUSPENSE_NOT_IN_LEASE,
    Outcome.PAID_IN_FUTURE: Answer.ACCEPTED_FLAGGED,  # cannot come: the moment is bounded by the server's before posting
    Outcome.HELD: Answer.SUSPENSE_KPM_BLOCKED,
    Outcome.AFTER_FREEZE: Answer.SUSPENSE_AFTER_FREEZE,
    Outcome.AMOUNT_MISMATCH: Answer.SUSPENSE_AMOUNT_MISMATCH,
    Outcome.ALREADY_PAID: Answer.SUSPENSE_ALREADY_PAID,
}


class Flag(StrEnum):
    """Why an accepted event should be looked at; never a reason not to post."""

    CLOCK_SKEW = "clock_skew"
    TIME_UNCERTAIN = "time_uncertain"
    INACCURATE = "inaccurate"
    NO_PLACE = "no_place"
    NO_PHOTO = "no_photo"
    TYPED_INVITATION = "typed_invitation"
    PROXY = "proxy"
    NOT_PERSISTED = "not_persisted"


MAX_SKEW = timedelta(minutes=10)
SKEW_KEEPS = timedelta(hours=24)
WIDE = timedelta(days=1)
MAX_ACCURACY_DM = 1_000


def happened_at(event: Event, *, not_before: datetime, received_at: datetime) -> tuple[datetime, set[Flag]]:
    """The moment an event counts for, and what is odd about its clock.

    The phone's clock plus its last measured skew, when that measurement is at most a day old; else the claim. Either way bounded by what
    the server knows: not before the device's event before it (``not_before``), and not after ``received_at``. A claim outside the
    bounds, or an unmeasured one with more than a day between them, is flagged.
    """
    measured = event.skew_age_s is not None and event.skew_age_s <= SKEW_KEEPS.total_seconds()
    flags = set()
    try:
        claim = datetime.fromtimestamp((event.cap_ms + (event.skew_ms if measured else 0)) / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        claim = received_at
        flags.add(Flag.TIME_UNCERTAIN)
    if abs(timedelta(milliseconds=event.skew_ms)) > MAX_SKEW:
        flags.add(Flag.CLOCK_SKEW)
    bounded = max(min(claim, received_at), not_before) if not_before <= received_at else received_at
    if bounded != claim and abs(bounded - claim) > MAX_SKEW:
        flags.add(Flag.CLOCK_SKEW)
    if not measured and received_at - not_before > WIDE:
        flags.add(Flag.TIME_UNCERTAIN)
    return bounded, flags


def oddities(event: ForFamily) -> set[Flag]:
    """What is odd about an event's evidence."""
    flags = set()
    if event.geo is None:
        flags.add(Flag.NO_PLACE)
    elif event.geo.acc_dm > MAX_ACCURACY_DM:
        flags.add(Flag.INACCURATE)
    if not event.ph:
        flags.add(Flag.NO_PHOTO)
    checked = getattr(event, "ver", None)
    if checked is not None and checked.inv != "QR":
        flags.add(Flag.TYPED_INVITATION)
    paid_to = getattr(event, "pay_to", None)
    if paid_to is not None and paid_to.who == "WAKIL":
        flags.add(Flag.PROXY)
    return flags
