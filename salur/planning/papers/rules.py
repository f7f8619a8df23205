"""What stands on the papers of a plan; pure: no database, no clock.

A **Heading** is what all papers of a village share, a **Family** one line of the list with its **Slot** once a plan is published. The functions give
the data of one template each (``letter.typ``, ``sheet.typ``, ``attendance.typ``, ``team.typ``, ``authority.typ``). The papers are for families,
villages and authorities, so their words are Indonesian whatever language the screens speak.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from babel.dates import format_date

from salur.lib.clock import WIB
from salur.lib.indonesian import ZONE_NAMES, day, terbilang
from salur.lib.letter_code import letter_code, letter_payload
from salur.lib.qr import drawings

Data = dict[str, Any]

LETTERS_A_FILE = 250  # a village with more has several files: 400 letters in one took 412 MB

LONGEST_ADDRESS = 160  # a letter is one page, whatever somebody typed

BRING = ("Surat undangan ini", "KTP-el asli", "Kartu Keluarga (KK) asli")
PROXY = {
    "none": "Bantuan program ini tidak dapat diwakilkan. Yang sakit atau lanjut usia dikunjungi di rumah: kabari RT/RW.",
    "same_family": "Bila berhalangan, dapat diwakili orang dewasa dalam satu KK dengan membawa KTP-el keduanya. Yang sakit atau lanjut usia "
    "dikunjungi di rumah: kabari RT/RW.",
    "approved": "Bila berhalangan, dapat diwakili orang dewasa dalam satu KK, atau orang lain dengan persetujuan koordinator, dengan membawa "
    "KTP-el keduanya.",
}
RIGHTS = (
    "Uang diterima utuh. Tidak ada potongan atau biaya apa pun.",
    "Hitung uang di depan petugas sebelum pulang.",
    "Mintalah nomor resi. Surat lain dengan jumlah lain tidak berlaku.",
    "Surat ini tidak dijual dan tidak dititipkan kepada siapa pun.",
)
USE = "Untuk kebutuhan pokok keluarga, terutama pangan bergizi. Bukan untuk rokok, minuman keras, atau obat terlarang."
CHECKLIST = (
    "Surat tugas dan tanda pengenal",
    "Ponsel terisi penuh, daftar tugas sudah diambil",
    "Danom kertas dan daftar hadir",
    "Uang dihitung berdua, kantong disegel",
    "Alat tulis dan bantalan stempel",
    "Kontak desa dan pengawal sudah dihubungi",
)
CHANNELS = {"session": "Komunitas", "door": "Kunjungan rumah", "office": "Loket kantor pos"}

NO_SLOT = "Akan diberitahukan"


@dataclass(frozen=True, slots=True)
class Heading:
    """What stands on every paper of a village. ``complaints`` are lines; ``proxy`` is the programme's rule."""

    branch: str
    programme: str
    period: str
    danom_version: int
    village: str
    kecamatan: str
    kabupaten: str
    proxy: str
    zone: str = WIB
    complaints: tuple[str, ...] = ()

    def data(self) -> Data:
        return {
            "office": {"name": f"Kantor Cabang {self.branch}"},
            "programme": self.programme,
            "period": self.period,
            "version": self.danom_version,
            "village": self.village,
            "kecamatan": self.kecamatan,
            "kabupaten": self.kabupaten,
        }


@dataclass(frozen=True, slots=True)
class Slot:
    """When and where one family is paid. ``place`` is empty for a visit at home; ``visit`` groups the families of one visit."""

    channel: str
    day: date
    starts_at: datetime
    ends_at: datetime
    place: str
    officer: str = ""
    position: int = 0
    visit: int = 0


@dataclass(frozen=True, slots=True)
class Family:
    """One line of the list; ``nik`` is masked already."""

    entitlement: UUID
    number: str
    name: str
    nik: str
    address: str
    rt: str
    rw: str
    amount_rp: int
    slot: Slot | None = None

    @property
    def where(self) -> str:
        """Address with RT and RW, as far as they are known."""
        parts = [self.address.strip()]
        if self.rt.strip():
            parts.append(f"RT {self.rt.strip()}")
        if self.rw.strip():
            parts.append(f"RW {self.rw.strip()}")
        shown = ", ".join(part for part in parts if part) or "–"
        return shown if len(shown) <= LONGEST_ADDRESS else f"{shown[: LONGEST_ADDRESS - 1]}…"


def weekday(value: date) -> str:
    """``Sabtu, 12 Maret 2022``."""
    return f"{format_date(value, 'EEEE', locale='id_ID')}, {day(value)}"


def clock(value: datetime, zone: str) -> str:
    """``08.00``."""
    return value.astimezone(ZoneInfo(zone)).strftime("%H.%M")


def hours(starts_at: datetime, ends_at: datetime, zone: str) -> str:
    """``08.00–09.00 WIB``."""
    return f"{clock(starts_at, zone)}–{clock(ends_at, zone)} {ZONE_NAMES.get(zone, '')}".rstrip()


def shown_code(entitlement: UUID) -> str:
    """``7K2M-9QXA``, in two halves to be read aloud."""
    code = letter_code(entitlement)
    return f"{code[:4]}-{code[4:]}"


def letters(heading: Heading, families: Sequence[Family], key: bytes) -> list[Data]:
    """The data of ``letter.typ``, one for each file of at most ``LETTERS_A_FILE`` letters."""
    common = heading.data() | {
        "bring": list(BRING),
        "proxy": PROXY[heading.proxy],
        "rights": list(RIGHTS),
        "use": USE,
        "complaints": list(heading.complaints) or [f"Kantor Cabang {heading.branch}"],
    }
    return [
        {"common": common, "letters": _letters(families[start : start + LETTERS_A_FILE], heading.zone, key)}
        for start in range(0, len(families), LETTERS_A_FILE)
    ]


def _letters(families: Sequence[Family], zone: str, key: bytes) -> list[Data]:
    words: dict[int, str] = {}
    made = []
    for family, code in zip(families, _codes(families, key), strict=True):
        if family.amount_rp not in words:
            words[family.amount_rp] = f"{terbilang(family.amount_rp)} rupiah"
        one: Data = {
            "number": family.number or shown_code(family.entitlement),
            "name": family.name,
            "nik": family.nik,
            "address": family.where,
            "amount_rp": family.amount_rp,
            "words": words[family.amount_rp],
            "qr": code,
            "code": shown_code(family.entitlement),
        }
        if family.slot is not None:
            slot = family.slot
            one["day"] = weekday(slot.day)
            one["slot"] = hours(slot.starts_at, slot.ends_at, zone)
            one["place"] = (
                slot.place if slot.channel != "door" else "Di rumah Anda. Petugas datang; siapkan KTP-el dan KK."
            )
            one["officer"] = slot.officer or "Juru bayar kantor pos dengan tanda pengenal"
        made.append(one)
    return made


def _codes(families: Sequence[Family], key: bytes) -> list[Any]:
    return list(drawings([letter_payload(family.entitlement, family.amount_rp, key) for family in families]))


def sheet(heading: Heading, families: Sequence[Family], key: bytes) -> Data:
    """The data of ``sheet.typ``: all families of a village, with count and sum."""
    slots = [family.slot for family in families if family.slot is not None]
    sum_rp = sum(family.amount_rp for family in families)
    rows = [
        {
            "name": family.name,
            "address": family.where,
            "nik": family.nik,
            "code": shown_code(family.entitlement),
            "number": family.number,
            "amount_rp": family.amount_rp,
            "note": _note(family.slot, heading.zone),
            "qr": code,
        }
        for family, code in zip(families, _codes(families, key), strict=True)
    ]
    return {
        "common": heading.data()
        | {
            "days": "; ".join(day(value) for value in sorted({slot.day for slot in slots})) or NO_SLOT,
            "places": "; ".join(sorted({slot.place or "kunjungan rumah" for slot in slots})) or NO_SLOT,
        },
        "rows": rows,
        "sum": sum_rp,
        "words": f"{terbilang(sum_rp)} rupiah",
    }


def _note(slot: Slot | None, zone: str) -> str:
    if slot is None:
        return ""
    when = f"{format_date(slot.day, 'd MMM', locale='id_ID')} {clock(slot.starts_at, zone)}"
    return when if slot.channel == "session" else f"{when}\n{CHANNELS[slot.channel].lower()}"


def attendance(heading: Heading, families: Sequence[Family]) -> Data:
    """The data of ``attendance.typ``: for each day and place of the village its families in the order of their time."""
    visits: dict[tuple[date, str, int], list[tuple[Slot, Family]]] = defaultdict(list)
    for family in families:
        if family.slot is not None and family.slot.channel != "door":
            visits[family.slot.day, family.slot.channel, family.slot.visit].append((family.slot, family))
    sessions = []
    for (on, _, _), invited in sorted(visits.items(), key=lambda item: item[0]):
        invited.sort(key=lambda pair: (pair[0].starts_at, pair[0].position, pair[1].name))
        first = invited[0][0]
        sessions.append(
            {
                "day": weekday(on),
                "hours": hours(first.starts_at, max(slot.ends_at for slot, _ in invited), heading.zone),
                "place": first.place,
                "rows": [
                    {
                        "slot": clock(slot.starts_at, heading.zone),
                        "name": family.name,
                        "address": family.where,
                        "code": shown_code(family.entitlement),
                    }
                    for slot, family in invited
                ],
            }
        )
    return {"common": heading.data(), "sessions": sessions}


@dataclass(frozen=True, slots=True)
class Member:
    """One seat of a team; a seat that nobody fills yet has no name."""

    name: str
    leads: bool


@dataclass(frozen=True, slots=True)
class Visit:
    """What a plan does on one day at one place. ``villages`` are (name, families); ``kecamatan`` and ``kabupaten`` those of the place."""

    channel: str
    number: int
    day: date
    starts_at: datetime
    ends_at: datetime
    place: str
    area: int
    villages: tuple[tuple[str, int], ...]
    families: int
    amount_rp: int
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class Contact:
    """Somebody of a body outside the post, and for which area they speak."""

    body: str
    area: int
    name: str
    position: str
    phone: str


BODIES = {
    "pemda": "Pemerintah Daerah",
    "dinsos": "Dinas Sosial",
    "polres": "Polres",
    "kodim": "Kodim",
    "camat": "Camat",
    "polsek": "Polsek",
    "koramil": "Koramil",
    "tksk": "TKSK",
    "village_head": "Kepala Desa/Lurah",
    "operator": "Operator desa",
    "rt_rw": "RT/RW",
}
# How each body is addressed; {area} is the kabupaten, kecamatan or village.
ADDRESSED = {
    "pemda": "Bupati/Wali Kota {area}",
    "dinsos": "Kepala Dinas Sosial {area}",
    "polres": "Kapolres {area}",
    "kodim": "Komandan Kodim {area}",
    "camat": "Camat {area}",
    "polsek": "Kapolsek {area}",
    "koramil": "Danramil {area}",
    "tksk": "TKSK Kecamatan {area}",
    "village_head": "Kepala Desa/Lurah {area}",
    "operator": "Operator {area}",
    "rt_rw": "Ketua RT/RW {area}",
}
_SECURITY = (
    "Permohonan pengamanan penyaluran bantuan",
    "Kami mohon bantuan pengamanan di setiap tempat pada jadwal di atas, sejak petugas datang sampai selesai dan uang kembali ke kantor pos. "
    "Jumlah uang yang dibawa tidak kami cantumkan dalam surat ini.",
)
ASKED = {
    "polres": _SECURITY,
    "polsek": _SECURITY,
    "kodim": _SECURITY,
    "koramil": _SECURITY,
    "pemda": (
        "Permohonan dukungan penyaluran bantuan",
        "Kami mohon dukungan Bapak/Ibu agar camat, kepala desa dan lurah menyediakan tempat, menyampaikan undangan kepada warga, dan membantu "
        "ketertiban selama pembayaran.",
    ),
    "dinsos": (
        "Permohonan pendampingan penyaluran bantuan",
        "Kami mohon pendampingan petugas Dinas Sosial, TKSK dan pendamping sosial pada jadwal di atas, terutama untuk memastikan penerima yang "
        "meninggal, pindah, atau harus dikunjungi di rumah.",
    ),
    "camat": (
        "Permohonan dukungan penyaluran bantuan",
        "Kami mohon bantuan Bapak/Ibu agar desa dan kelurahan menyediakan tempat, menyampaikan undangan kepada warga, dan menjaga ketertiban.",
    ),
    "village_head": (
        "Permohonan tempat dan penyampaian undangan",
        "Kami mohon disediakan tempat yang teduh dengan meja, kursi dan jalur antre, undangan disampaikan kepada warga melalui RT/RW paling lambat "
        "satu hari sebelumnya, dan kami diberi tahu warga yang sakit, lanjut usia, pindah atau meninggal.",
    ),
}
_HELP = (
    "Permohonan bantuan penyaluran",
    "Kami mohon bantuan Bapak/Ibu mendampingi petugas dan membantu warga menemukan tempat dan waktunya.",
)


@dataclass(frozen=True, slots=True)
class Authority:
    """One body for one area, with the visits that concern it; ``contact`` is who speaks for it, where somebody wrote that down."""

    body: str
    area: int
    area_name: str
    visits: tuple[Visit, ...]
    contact: Contact | None = None

    @property
    def title(self) -> str:
        return ADDRESSED[self.body].format(area=self.area_name)


def authority_letter(heading: Heading, authority: Authority, *, answer_by: date, copies: Sequence[str]) -> Data:
    """The data of ``authority.typ``. Number and date are left to be written in: the office's register gives them when the letter is signed."""
    subject, request = ASKED.get(authority.body, _HELP)
    families = sum(visit.families for visit in authority.visits)
    opening = (
        f"Sehubungan dengan penyaluran {heading.programme} periode {heading.period} kepada keluarga penerima manfaat (KPM), Kantor Cabang "
        f"{heading.branch} akan membayarkan bantuan secara tunai di {authority.area_name} sesuai jadwal berikut."
    )
    contact = authority.contact
    to = [authority.title] + ([f"u.p. {contact.name}"] if contact is not None else [])
    return {
        "common": heading.data() | {"head": "", "place": heading.branch},
        "letter": {
            "annex": "–",
            "subject": subject,
            "to": to,
            "opening": [opening],
            "rows": [
                [
                    at,
                    weekday(visit.day),
                    f"{clock(visit.starts_at, heading.zone)}–{clock(visit.ends_at, heading.zone)}",
                    ", ".join(name for name, _ in visit.villages),
                    visit.place or CHANNELS[visit.channel],
                    visit.families,
                    len(visit.members),
                ]
                for at, visit in enumerate(authority.visits, start=1)
            ],
            "families": families,
            "closing": [request, "Atas perhatian dan kerja sama Bapak/Ibu kami ucapkan terima kasih."],
            "copies": list(copies),
            "answer-by": day(answer_by),
        },
    }


def team_sheets(heading: Heading, visits: Iterable[Visit], contacts: Sequence[Contact]) -> Data:
    """The data of ``team.typ``: a page for each visit, its cash divided over the team as ``cash.py`` divides it."""
    teams = []
    for visit in visits:
        seats = max(1, len(visit.members))
        teams.append(
            {
                "day": weekday(visit.day),
                "hours": hours(visit.starts_at, visit.ends_at, heading.zone),
                "channel": CHANNELS[visit.channel],
                "place": visit.place or "Rumah KPM",
                "villages": ", ".join(name for name, _ in visit.villages),
                "families": visit.families,
                "cash_rp": visit.amount_rp,
                "escort": "Sesuai konfirmasi Polsek/Koramil" if visit.channel == "session" else "–",
                "members": [
                    {
                        "name": member.name or "(belum ada orangnya)",
                        "task": "Ketua, juru bayar" if member.leads else "Juru bayar",
                        "float_rp": visit.amount_rp * (at + 1) // seats - visit.amount_rp * at // seats,
                    }
                    for at, member in enumerate(visit.members)
                ],
                "contacts": [
                    [
                        BODIES[contact.body] + (f" · {contact.position}" if contact.position else ""),
                        contact.name,
                        contact.phone or "–",
                    ]
                    for contact in contacts
                    if str(visit.area).startswith(str(contact.area)) or contact.area == 0
                ],
            }
        )
    return {"common": heading.data() | {"checklist": list(CHECKLIST)}, "teams": teams}


def file_name(words: Iterable[object]) -> str:
    """Words as a file name: small letters, digits and hyphens."""
    return "-".join(re.sub(r"[^a-z0-9]+", "-", str(word).lower()).strip("-") for word in words)


def by_place(families: Iterable[Family]) -> list[Family]:
    """In the order in which RT and RW hand the letters out."""
    return sorted(families, key=lambda one: (one.rw, one.rt, one.name, one.entitlement))


def bodies_of(contacts: Iterable[Contact]) -> Mapping[tuple[str, int], Contact]:
    """The contact of each body and area; of several the last one written down."""
    return {(contact.body, contact.area): contact for contact in contacts}
