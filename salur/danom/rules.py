"""The words of the list: its columns, its kinds of batches, what can be wrong with a line and how much it weighs; pure."""

from collections.abc import Iterable
from enum import StrEnum

REQUIRED = ("nik", "nama", "kode_desa", "nominal")
OPTIONAL = (
    "no_kk", "tanggal_lahir", "jenis_kelamin", "alamat", "rt", "rw", "no_undangan", "id_dtks", "kode_pos", "keterangan",
)  # fmt: skip
COLUMNS = (*REQUIRED, *OPTIONAL)

# Columns that only a quarantine file has: which batch and line a mended line was.
MENDED = ("batch", "baris")

# Other names that the ministry's layouts use for the same column, in lower case, letters and digits only.
ALIASES = {
    "nik": "nik", "noktp": "nik", "nomorktp": "nik", "nikpengurus": "nik", "nikktp": "nik", "nikkpm": "nik",
    "nomorindukkependudukan": "nik",
    "nama": "nama", "namapenerima": "nama", "namapengurus": "nama", "namakpm": "nama", "namalengkap": "nama",
    "namapenerimamanfaat": "nama", "namaktp": "nama",
    "kodedesa": "kode_desa", "kodekelurahan": "kode_desa", "kodedesakelurahan": "kode_desa", "kodewilayah": "kode_desa",
    "kddesa": "kode_desa", "kdkel": "kode_desa", "kodekel": "kode_desa", "kodekemendagri": "kode_desa",
    "nominal": "nominal", "jumlah": "nominal", "jumlahbantuan": "nominal", "nilai": "nominal", "nilaibantuan": "nominal",
    "besarbantuan": "nominal", "nominalbantuan": "nominal",
    "nokk": "no_kk", "nomorkk": "no_kk", "kk": "no_kk", "nokartukeluarga": "no_kk", "nomorkartukeluarga": "no_kk",
    "tanggallahir": "tanggal_lahir", "tgllahir": "tanggal_lahir",
    "jeniskelamin": "jenis_kelamin", "jk": "jenis_kelamin", "lp": "jenis_kelamin", "sex": "jenis_kelamin",
    "alamat": "alamat", "alamatktp": "alamat", "rt": "rt", "rw": "rw",
    "noundangan": "no_undangan", "nomorundangan": "no_undangan", "nosp": "no_undangan",
    "iddtks": "id_dtks", "idbdt": "id_dtks", "idsemesta": "id_dtks", "kodepos": "kode_pos", "keterangan": "keterangan", "ket": "keterangan",
}  # fmt: skip


class Kind(StrEnum):
    """What a batch does to the stage's list."""

    LIST = "list"  # the first families of a stage
    SUPPLEMENT = "supplement"  # more families
    CORRECTION = "correction"  # other amounts, villages or names for families on the list
    WITHDRAWAL = "withdrawal"  # families the ministry holds back: they stay on the list and are not paid until released


class Reason(StrEnum):
    """What is wrong with a line. Errors put it in quarantine; warnings let it through, named. See ``ERRORS`` and ``weighed``."""

    NIK_MISSING = "nik_missing"
    NIK_LENGTH = "nik_length"
    NIK_LETTERS = "nik_letters"
    NIK_DATE = "nik_date"
    NIK_SERIAL = "nik_serial"
    KK_FORM = "kk_form"
    NAME_MISSING = "name_missing"
    AMOUNT_FORM = "amount_form"
    AMOUNT_NOT_POSITIVE = "amount_not_positive"
    AMOUNT_CEILING = "amount_ceiling"
    VILLAGE_UNKNOWN = "village_unknown"
    VILLAGE_WITHOUT_OFFICE = "village_without_office"
    NIK_TWICE_IN_FILE = "nik_twice_in_file"
    NIK_IN_STAGE = "nik_in_stage"

    SEX_DIFFERS = "sex_differs"
    BIRTH_DATE_DIFFERS = "birth_date_differs"
    AREA_DIFFERS = "area_differs"
    VILLAGE_MAPPED = "village_mapped"
    KK_REPEATED = "kk_repeated"
    NAME_DAMAGED = "name_damaged"
    PROBABLE_DUPLICATE = "probable_duplicate"
    NIK_IN_OTHER_PROGRAMME = "nik_in_other_programme"

    # Only in a correction or a withdrawal.
    NIK_NOT_IN_STAGE = "nik_not_in_stage"
    VISITED_ALREADY = "visited_already"

    @property
    def bit(self) -> int:
        """A line's reasons are one number: this reason's place in it."""
        return 1 << _PLACES[self]


_PLACES = {reason: place for place, reason in enumerate(Reason)}

ERRORS = frozenset({*list(Reason)[: _PLACES[Reason.NIK_IN_STAGE] + 1], Reason.NIK_NOT_IN_STAGE, Reason.VISITED_ALREADY})

# A programme may weigh these otherwise. All others are fixed: without NIK, name, amount and village nobody can be paid; a family is on a
# list once; and who may be one person, or is paid by another programme too, is for people to judge.
ADJUSTABLE = frozenset({
    Reason.NIK_DATE, Reason.NIK_SERIAL, Reason.KK_FORM, Reason.AMOUNT_CEILING,
    Reason.SEX_DIFFERS, Reason.BIRTH_DATE_DIFFERS, Reason.AREA_DIFFERS, Reason.VILLAGE_MAPPED, Reason.KK_REPEATED, Reason.NAME_DAMAGED,
})  # fmt: skip


class Weight(StrEnum):
    ERROR = "error"
    WARNING = "warning"


def weighed(changes: dict[Reason, Weight]) -> frozenset[Reason]:
    """The reasons that are errors under a programme's policy."""
    assert changes.keys() <= ADJUSTABLE
    raised = {reason for reason, weight in changes.items() if weight == Weight.ERROR}
    return (ERRORS | raised) - (changes.keys() - raised)


def bits(reasons: Iterable[Reason]) -> int:
    return sum(reason.bit for reason in reasons)


def named(found: int) -> list[Reason]:
    """The reasons in a number, in their order."""
    return [reason for reason in Reason if found & reason.bit]


def canonical(header: str) -> str | None:
    """The column that a header means, or ``None``: ``No. KK`` → ``no_kk``."""
    plain = "".join(letter for letter in header.casefold() if letter.isalnum())
    return ALIASES.get(plain)
