"""What the templates print, from what the statements found; pure. The papers are Indonesian, as the law wants them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import groupby
from typing import Any

from salur.custody.rules import Answer
from salur.custody.rules import Kind as MovementKind
from salur.lib.indonesian import percent as shown_percent
from salur.lib.indonesian import terbilang
from salur.lib.percent import percent
from salur.payments.rules import Channel, Reason
from salur.planning.papers.rules import clock, hours, weekday
from salur.reconciliation.rules import NOT_VISITED, Cash, Ending, Line, Missing, Witness

Data = dict[str, Any]


class Kind(StrEnum):
    """A kind of paper: the name of its template."""

    REPORT = "report"
    HANDINGS = "handings"
    RECORDS = "records"
    CLOSING = "closing"
    RETURNS = "returns"


OF_A_DAY = (Kind.REPORT, Kind.HANDINGS, Kind.RECORDS)
OF_THE_END = (Kind.CLOSING, Kind.RETURNS)
TITLES = {
    Kind.REPORT: "Laporan harian penyaluran",
    Kind.HANDINGS: "Berita acara serah terima uang",
    Kind.RECORDS: "Berita acara pembayaran",
    Kind.CLOSING: "Berita acara serah terima (BAST)",
    Kind.RETURNS: "Berita acara pengembalian dana",
}
FILES = {
    Kind.REPORT: "laporan-harian",
    Kind.HANDINGS: "serah-terima-uang",
    Kind.RECORDS: "berita-acara-pembayaran",
    Kind.CLOSING: "bast",
    Kind.RETURNS: "pengembalian-dana",
}

REASONS: Mapping[str, str] = {
    NOT_VISITED: "Belum dikunjungi",
    Reason.NOT_HOME: "Tidak di rumah",
    Reason.ILL: "Sakit",
    Reason.AWAY: "Bepergian",
    Reason.NOT_COLLECTED: "Tidak datang mengambil",
    Reason.DATA_DIFFERS: "Data berbeda",
    Reason.DEAD: "Meninggal",
    Reason.MOVED: "Pindah",
    Reason.UNKNOWN: "Tidak dikenal",
    Reason.DUPLICATE: "Data ganda",
    Reason.NOT_ENTITLED: "Tidak berhak lagi",
    Reason.REFUSED: "Menolak",
}
ENDINGS: Mapping[str, str] = {
    Ending.PAID: "Dibayar",
    Ending.RETURNED: "Dikembalikan",
    Ending.HELD: "Ditahan Kementerian",
    Ending.DISPUTED: "Dalam sengketa",
}
CHANNELS: Mapping[int, str] = {
    Channel.OFFICE: "Kantor pos",
    Channel.COMMUNITY: "Komunitas",
    Channel.DOOR: "Kunjungan rumah",
}
WITNESSES: Mapping[str, str] = {Witness.TKSK: "TKSK", Witness.VILLAGE: "desa", Witness.COMPANION: "pendamping"}
MOVEMENTS: Mapping[str, str] = {
    MovementKind.FUND: "Penerimaan dana dari Kementerian",
    MovementKind.REFUND: "Pengembalian dana ke kas negara",
    MovementKind.SUPPLY: "Pengiriman uang dari kantor pusat ke brankas cabang",
    MovementKind.RETURN: "Pengembalian uang dari brankas cabang ke kantor pusat",
    MovementKind.HAND_OVER: "Penyerahan panjar dari brankas kepada juru bayar",
    MovementKind.HAND_BACK: "Penyetoran sisa panjar dari juru bayar ke brankas",
    MovementKind.REPAY: "Penyetoran pengganti pembayaran yang tidak dapat dibukukan",
    MovementKind.WRITE_OFF: "Penghapusan kekurangan uang",
    MovementKind.WRITE_OFF_SUSPENSE: "Penghapusan pembayaran yang tidak dapat dibukukan",
    MovementKind.SURPLUS: "Pembukuan kelebihan uang",
}
STATES: Mapping[str, str] = {
    "offered": "Menunggu tanda terima",
    Answer.ACCEPTED: "Diterima",
    Answer.DECLINED: "Ditolak",
    Answer.WITHDRAWN: "Dibatalkan",
}


@dataclass(frozen=True, slots=True)
class Heading:
    """What stands at the head of each paper of a branch and a stage."""

    office: str
    code: str
    programme: str
    period: str
    stage: str
    zone: str

    def data(self) -> Data:
        return {
            "office": f"Kantor Cabang {self.office}", "name": self.office, "code": self.code, "programme": self.programme, "period": self.period,
            "stage": self.stage,
        }  # fmt: skip


def rupiah_words(amount_rp: int) -> str:
    """``enam ratus ribu rupiah``; what is owed back begins with ``minus``."""
    return f"{'minus ' if amount_rp < 0 else ''}{terbilang(abs(amount_rp))} rupiah"


def reasons(found: Mapping[str, int]) -> list[Data]:
    """Reasons with how many families each, the most frequent first."""
    return [
        {"reason": REASONS[reason], "families": families}
        for reason, families in sorted(found.items(), key=lambda one: (-one[1], REASONS[one[0]]))
    ]


def share(part: int, whole: int) -> str:
    return shown_percent(percent(part, whole))


def report(heading: Heading, day: date, *, lines: Sequence[Any], cash: Sequence[Any], cases: Any, chain: Mapping[str, object]) -> Data:  # fmt: skip
    """The daily report: ``lines`` as of queries.sql: day_lines, ``cash`` of day_cash, ``chain`` the head of the audit trail."""
    names = ("allocated", "allocated_rp", "paid_today", "paid_today_rp", "paid", "paid_rp", "failed", "geotagged")
    total = {name: sum(getattr(line, name) for line in lines) for name in names}
    return {
        "common": heading.data() | {"day": weekday(day)},
        "total": total | {"percent": share(total["paid"], total["allocated"]), "located": share(total["geotagged"], total["allocated"]),
                          "words": rupiah_words(total["paid_today_rp"])},
        "lines": [{"name": line.name, "percent": share(line.paid, line.allocated)} | {name: getattr(line, name) for name in names} for line in lines],
        "cash": [row._asdict() | {"holder": f"{row.name} ({row.code})" if row.code else "Brankas"} for row in cash],
        "cases": cases._asdict(),
        "chain": dict(chain),
    }  # fmt: skip


def records(heading: Heading, day: date, rows: Sequence[Any], invited: Mapping[tuple[int, str], int]) -> Data:
    """A page for each venue of a day; ``rows`` as of queries.sql: records, ``invited`` families by (village, venue)."""
    venues = []
    for (channel, village, venue), group in groupby(rows, key=lambda row: (row.channel, row.village, row.venue)):
        people = list(group)
        first = people[0]
        paid_rp = sum(person.paid_rp for person in people)
        place = {
            Channel.OFFICE: f"Kantor Pos {heading.office}",
            Channel.COMMUNITY: venue or "………………………………",
            Channel.DOOR: "Rumah penerima",
        }
        venues.append({
            "channel": CHANNELS[channel], "place": place[channel], "village": first.village_name or "–", "kecamatan": first.kecamatan or "–",
            "kabupaten": first.kabupaten or "–", "invited": invited.get((village, venue)) if channel == Channel.COMMUNITY else None,
            "hours": hours(min(person.first_at for person in people), max(person.last_at for person in people), heading.zone),
            "people": [{name: getattr(person, name) for name in ("code", "name", "paid", "paid_rp", "failed")} for person in people],
            "paid": sum(person.paid for person in people), "paid_rp": paid_rp, "failed": sum(person.failed for person in people),
            "words": rupiah_words(paid_rp), "reasons": reasons(Counter(reason for person in people for reason in person.reasons)),
        })  # fmt: skip
    return {"common": heading.data() | {"day": weekday(day)}, "venues": venues}


def handings(heading: Heading, day: date, rows: Sequence[Any]) -> Data:
    """A sheet for each visit at which cash changed hands; ``rows`` as of queries.sql: handings."""
    visits = []
    for _, group in groupby(rows, key=lambda row: row.visit):
        portions = list(group)
        first = portions[0]
        amount_rp = sum(portion.amount_rp for portion in portions)
        visits.append({
            "what": MOVEMENTS[first.kind], "at": clock(first.offered_at, heading.zone), "given_by": first.given_by, "taken_by": first.taken_by or "",
            "officer": f"{first.officer} ({first.officer_code})" if first.officer_code else "", "state": STATES[first.state],
            "reason": first.reason, "amount_rp": amount_rp, "words": rupiah_words(amount_rp),
            "portions": [
                {"programme": portion.programme, "stage": portion.stage, "reference": portion.reference, "amount_rp": portion.amount_rp}
                for portion in portions
            ],
        })  # fmt: skip
    return {"common": heading.data() | {"day": weekday(day)}, "visits": visits}


def closing(
    heading: Heading, *, total: Line, lines: Sequence[Line], cash: Cash, missing: Sequence[Missing], not_paid: Sequence[Any], returned: Sequence[Any]
) -> Data:  # fmt: skip
    """The BAST: list and cash side by side, what was not paid and why, what was sent back."""
    unpaid = Counter((row.ending, row.reason) for row in not_paid)
    amounts = Counter[tuple[str, str]]()
    for row in not_paid:
        amounts[row.ending, row.reason] += row.amount_rp
    return {
        "common": heading.data() | {"closed_at": total.closed_at},
        "total": _line(total) | {"words": rupiah_words(total.paid_rp), "returned_words": rupiah_words(total.returned_rp)},
        "lines": [_line(line) for line in lines],
        "cash": cash._asdict() | {"difference_rp": cash.difference_rp},
        "missing": [one._asdict() for one in missing],
        "not_paid": [
            {"ending": ENDINGS[ending], "reason": REASONS[reason], "families": families, "amount_rp": amounts[ending, reason]}
            for (ending, reason), families in sorted(unpaid.items(), key=lambda one: (one[0][0], -one[1]))
        ],
        "returned": [_sent(row, heading.zone) for row in returned],
    }  # fmt: skip


def statement(
    *, name: str, programme: str, period: str, stage: str, total: Line, lines: Sequence[Line], cash: Sequence[Cash], missing: Sequence[Missing],
    difference_rp: int,
) -> Data:  # fmt: skip
    """The statement of an office or area: its lines, its cash, who still has some."""
    return {
        "common": {"name": name, "programme": programme, "period": period, "stage": stage},
        "total": _line(total),
        "lines": [_line(line) for line in lines],
        "cash": [row._asdict() | {"difference_rp": row.difference_rp} for row in cash],
        "missing": [one._asdict() for one in missing],
        "difference_rp": difference_rp,
    }


def returns(heading: Heading, *, cash: Cash, returned: Sequence[Any], not_paid: Sequence[Any]) -> Data:
    """The statement of return: each sending with its receipt, and everybody who was not paid by village."""
    standing = [row for row in returned if row.state == "accepted"]
    amount_rp = sum(row.amount_rp for row in standing)
    villages = [
        {"name": name, "kecamatan": kecamatan, "rows": [
            {"name": row.name or "–", "reason": REASONS[row.reason], "ending": ENDINGS[row.ending], "amount_rp": row.amount_rp, "proof": _proof(row)}
            for row in rows
        ]}
        for (_, name, kecamatan), rows in groupby(not_paid, key=lambda row: (row.village, row.village_name, row.kecamatan))
    ]  # fmt: skip
    return {
        "common": heading.data(),
        "sent": [_sent(row, heading.zone) for row in returned],
        "amount_rp": amount_rp,
        "words": rupiah_words(amount_rp),
        "cash": cash._asdict(),
        "families": len(not_paid),
        "families_rp": sum(row.amount_rp for row in not_paid),
        "villages": villages,
    }


def _line(line: Line) -> Data:
    return line._asdict() | {"percent": share(line.paid, line.allocated), "difference_rp": line.difference_rp}


def _sent(row: Any, zone: str) -> Data:
    return {
        "reference": row.reference, "at": row.offered_at, "amount_rp": row.amount_rp, "given_by": row.given_by, "taken_by": row.taken_by or "",
        "state": STATES[row.state], "receipt": row.receipt or "",
    }  # fmt: skip


def _proof(row: Any) -> str:
    if not row.said_by:
        return ""
    return f"{row.said_by} ({WITNESSES[row.office]}){', dokumen' if row.document else ''}"
