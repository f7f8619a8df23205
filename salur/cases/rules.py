"""The kinds of cases, whom they go to, how they are decided; pure."""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from salur.lib import desks

# The name under which salur itself finds and opens cases; it never decides one.
SYSTEM = "salur"


class Role(StrEnum):
    """With whom a case lies, at an office: a part of the roles of who signs in."""

    COORDINATOR = desks.Role.COORDINATOR.value
    BRANCH = desks.Role.BRANCH.value
    REGION = desks.Role.REGION.value
    HEADQUARTERS = desks.Role.HEADQUARTERS.value


class Kind(StrEnum):
    DOUBLE_PAYMENT = "double_payment"
    UNKNOWN_ENTITLEMENT = "unknown_entitlement"
    AMOUNT_MISMATCH = "amount_mismatch"
    HELD_PAYMENT = "held_payment"
    LATE_PAYMENT = "late_payment"
    UNMATCHED_BANK_LINE = "unmatched_bank_line"
    NEGATIVE_FLOAT = "negative_float"
    COUNT_DIFFERENCE = "count_difference"
    DISPUTED_CASH = "disputed_cash"
    UNSETTLED_FLOAT = "unsettled_float"
    REVOKED_DEVICE = "revoked_device"
    FORKED_DEVICE = "forked_device"
    MISSING_PHOTO = "missing_photo"
    OFFICER_SIGNALS = "officer_signals"
    VERIFICATION_FINDING = "verification_finding"
    CONTROL_FINDING = "control_finding"
    LATE_COMPLAINT = "late_complaint"


class Nature(NamedTuple):
    """``title`` is what people read; ``role`` is with whom it lies first; ``money`` says that a decision moves money."""

    title: str
    role: Role
    money: bool


NATURE: Mapping[Kind, Nature] = {
    Kind.DOUBLE_PAYMENT: Nature("Keluarga dibayar dua kali", Role.BRANCH, True),
    Kind.UNKNOWN_ENTITLEMENT: Nature("Pembayaran tanpa hak di danom", Role.BRANCH, True),
    Kind.AMOUNT_MISMATCH: Nature("Nominal berbeda dari danom", Role.BRANCH, True),
    Kind.HELD_PAYMENT: Nature("Dibayar padahal ditahan Kemensos", Role.BRANCH, True),
    Kind.LATE_PAYMENT: Nature("Dibayar setelah batas waktu", Role.BRANCH, True),
    Kind.UNMATCHED_BANK_LINE: Nature("Mutasi rekening tanpa pasangan di buku", Role.HEADQUARTERS, True),
    Kind.NEGATIVE_FLOAT: Nature("Saldo kas di bawah nol", Role.BRANCH, True),
    Kind.COUNT_DIFFERENCE: Nature("Selisih hitung kas", Role.BRANCH, True),
    Kind.DISPUTED_CASH: Nature("Serah terima kas ditolak", Role.BRANCH, True),
    Kind.UNSETTLED_FLOAT: Nature("Panjar belum disetor setelah penutupan", Role.BRANCH, True),
    Kind.REVOKED_DEVICE: Nature("Data dari gawai yang dicabut", Role.HEADQUARTERS, False),
    Kind.FORKED_DEVICE: Nature("Gawai bercabang: dua riwayat berbeda", Role.HEADQUARTERS, False),
    Kind.MISSING_PHOTO: Nature("Foto belum diterima", Role.COORDINATOR, False),
    Kind.OFFICER_SIGNALS: Nature("Isyarat pada pekerjaan juru bayar", Role.BRANCH, False),
    Kind.VERIFICATION_FINDING: Nature("Keterangan KPM berbeda dari pembukuan", Role.BRANCH, True),
    Kind.CONTROL_FINDING: Nature("Temuan kontrol lapangan", Role.BRANCH, False),
    Kind.LATE_COMPLAINT: Nature("Pengaduan belum dijawab pada waktunya", Role.BRANCH, False),
}


class Decision(StrEnum):
    """How a case ends."""

    EXPLAINED = "explained"  # nothing is wrong; the reason says why
    CORRECTED = "corrected"  # it was wrong and has been set right by other rows
    OWED = "owed"  # somebody owes the amount and will bring it
    WRITTEN_OFF = "written_off"  # the amount is lost and nobody owes it
    REFERRED = "referred"  # handed to the police, the ministry or the inspectorate


# Decisions that only a case with an amount can have.
ABOUT_MONEY = frozenset({Decision.OWED, Decision.WRITTEN_OFF})


class Act(StrEnum):
    """What happens to a case; every event is one of these."""

    OPENED = "opened"
    ASSIGNED = "assigned"
    NOTED = "noted"
    DECIDED = "decided"
    REOPENED = "reopened"


class State(StrEnum):
    OPEN = "open"
    DECIDED = "decided"


# The state after the latest event; a note changes none.
STATE_AFTER: Mapping[Act, State] = {
    Act.OPENED: State.OPEN,
    Act.ASSIGNED: State.OPEN,
    Act.DECIDED: State.DECIDED,
    Act.REOPENED: State.OPEN,
}
# In which state an event may come.
MAY_COME_IN: Mapping[Act, frozenset[State]] = {
    Act.ASSIGNED: frozenset({State.OPEN}),
    Act.NOTED: frozenset({State.OPEN, State.DECIDED}),
    Act.DECIDED: frozenset({State.OPEN}),
    Act.REOPENED: frozenset({State.DECIDED}),
}


class NewCase(NamedTuple):
    """Something found. ``subject`` is ``noun/id``, the same each time it is found; ``branch`` 0 is the nation.

    ``maker`` is the person whose act is looked into, when it is known; ``amount_rp`` the money in question, when there is any.
    """

    kind: Kind
    subject: str
    branch: int
    stage: int | None = None
    amount_rp: int | None = None
    maker: str = ""
    facts: Mapping[str, object] = {}


class Outcome(StrEnum):
    EXISTS = "exists"
    CREATED = "created"


class Opened(NamedTuple):
    id: UUID
    outcome: Outcome
