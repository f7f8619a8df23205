"""The words of the list: its columns, and what can be wrong with a line; pure."""

from enum import StrEnum

REQUIRED = ("nik", "nama", "kode_desa", "nominal")
OPTIONAL = (
    "no_kk", "tanggal_lahir", "jenis_kelamin", "alamat", "rt", "rw", "no_undangan", "id_dtks", "kode_pos", "keterangan",
)  # fmt: skip
COLUMNS = (*REQUIRED, *OPTIONAL)

# Other names that the ministry's layouts use for the same column, in lower case without blanks and underscores.
ALIASES = {
    "nik": "nik", "noktp": "nik", "nomorktp": "nik", "nikpengurus": "nik", "nikktp": "nik",
    "nama": "nama", "namapenerima": "nama", "namapengurus": "nama", "namakpm": "nama", "namalengkap": "nama",
    "kodedesa": "kode_desa", "kodekelurahan": "kode_desa", "kodedesakelurahan": "kode_desa", "kodewilayah": "kode_desa",
    "kddesa": "kode_desa", "kdkel": "kode_desa",
    "nominal": "nominal", "jumlah": "nominal", "jumlahbantuan": "nominal", "nilai": "nominal", "nilaibantuan": "nominal",
    "nokk": "no_kk", "nomorkk": "no_kk", "kk": "no_kk",
    "tanggallahir": "tanggal_lahir", "tgllahir": "tanggal_lahir",
    "jeniskelamin": "jenis_kelamin", "jk": "jenis_kelamin", "lp": "jenis_kelamin",
    "alamat": "alamat", "rt": "rt", "rw": "rw",
    "noundangan": "no_undangan", "nomorundangan": "no_undangan", "nosp": "no_undangan",
    "iddtks": "id_dtks", "idbdt": "id_dtks", "kodepos": "kode_pos", "keterangan": "keterangan", "ket": "keterangan",
}  # fmt: skip


class Reason(StrEnum):
    """What is wrong with a line. Errors put it in quarantine; warnings let it through, named."""

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


ERRORS = frozenset(list(Reason)[: list(Reason).index(Reason.NIK_IN_STAGE) + 1])


def canonical(header: str) -> str | None:
    """The column that a header means, or ``None``: ``No. KK`` → ``no_kk``."""
    plain = "".join(letter for letter in header.casefold() if letter.isalnum())
    return ALIASES.get(plain)
