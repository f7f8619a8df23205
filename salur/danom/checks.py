"""What is wrong with a line: every check as one expression over a frame; pure.

``mend`` brings surface damage back into form without a word (spaces, an apostrophe, dots, a number as a spreadsheet shows it); ``check``
adds the columns ``errors`` and ``warnings`` (lists of reasons) and the typed values that an accepted line needs.
"""

import polars as pl

from salur.danom.rules import Reason

# Provinces are 11 to 97; a NIK of another area belongs to nobody and is not compared with one.
_IMPOSSIBLE = ("00", "99")
_DAYS = dict.fromkeys((1, 3, 5, 7, 8, 10, 12), 31) | dict.fromkeys((4, 6, 9, 11), 30) | {2: 29}


def _number(column: str) -> pl.Expr:
    """A long number as text: without apostrophe, blanks and dashes; 3.5E+15 and 35…01.0 as a spreadsheet writes them."""
    bare = pl.col(column).str.replace_all(r"[\s'’`\"\-]", "").str.replace(r"\.0+$", "")
    mantissa = bare.str.extract(r"^(\d\.?\d*)[eE]\+?15$").str.replace(".", "", literal=True)
    return pl.when(mantissa.is_not_null()).then(mantissa.str.pad_end(16, "0")).otherwise(bare).alias(column)


def mend(frame: pl.DataFrame) -> pl.DataFrame:
    amount = pl.col("nominal").str.replace_all(r"(?i)rp|\s|'", "").str.replace(r"[.,]0{1,2}$", "")
    return frame.with_columns(
        _number("nik"),
        _number("no_kk"),
        pl.col("kode_desa").str.replace_all(r"[\s.'’]", "").str.replace(r"^(\d{10})0$", "$1"),
        pl.when(amount.str.contains(r"^-?\d{1,3}([.,]\d{3})+$"))
        .then(amount.str.replace_all(r"[.,]", ""))
        .otherwise(amount)
        .alias("nominal"),
        pl.col("nama").str.replace_all(r"\s+", " "),
        pl.col("jenis_kelamin")
        .str.to_uppercase()
        .replace({"LAKI-LAKI": "L", "PEREMPUAN": "P", "1": "L", "2": "P", "F": "P", "M": "L"}),
    )


def _birth_date(column: str) -> pl.Expr:
    text = pl.col(column)
    return pl.coalesce(
        text.str.to_date("%Y-%m-%d", strict=False),
        text.str.to_date("%d/%m/%Y", strict=False),
        text.str.to_date("%d-%m-%Y", strict=False),
    )


def check(frame: pl.DataFrame, *, villages: pl.DataFrame, ceiling_rp: int) -> pl.DataFrame:
    """``villages``: ``code`` (as text), ``village`` (the code that counts today), ``branch`` (null where no office serves it).

    Adds ``village``, ``branch``, ``amount_rp``, ``birth_date``, ``sex``, ``errors``, ``warnings``.
    """
    frame = frame.join(villages, left_on="kode_desa", right_on="code", how="left", maintain_order="left")
    nik, name = pl.col("nik"), pl.col("nama")
    sound_nik = nik.str.contains(r"^\d{16}$")
    day_woman = nik.str.slice(6, 2).cast(pl.Int32, strict=False)
    day = pl.when(day_woman > 40).then(day_woman - 40).otherwise(day_woman)
    month = nik.str.slice(8, 2).cast(pl.Int32, strict=False)
    year = nik.str.slice(10, 2).cast(pl.Int32, strict=False)
    last = month.replace_strict(_DAYS, default=0)
    leap = (month == 2) & (day == 29) & (year % 4 != 0)
    sound_date = (day >= 1) & (day <= last) & ~leap
    sound_serial = nik.str.slice(12, 4) != "0000"
    sound = sound_nik & sound_date & sound_serial
    whole = pl.col("nominal").str.contains(r"^-?\d{1,15}$")
    amount = pl.col("nominal").cast(pl.Int64, strict=False)
    born = _birth_date("tanggal_lahir")
    sex = pl.when(pl.col("jenis_kelamin").is_in(["L", "P"])).then(pl.col("jenis_kelamin"))
    area = nik.str.slice(0, 4)

    errors = [
        (Reason.NIK_MISSING, nik == ""),
        (Reason.NIK_LETTERS, (nik != "") & ~nik.str.contains(r"^\d+$")),
        (Reason.NIK_LENGTH, nik.str.contains(r"^\d+$") & (nik.str.len_chars() != 16)),
        (Reason.NIK_DATE, sound_nik & ~sound_date),
        (Reason.NIK_SERIAL, sound_nik & sound_date & ~sound_serial),
        (Reason.KK_FORM, (pl.col("no_kk") != "") & ~pl.col("no_kk").str.contains(r"^\d{16}$")),
        (Reason.NAME_MISSING, name == ""),
        (Reason.AMOUNT_FORM, ~whole),
        (Reason.AMOUNT_NOT_POSITIVE, whole & (amount <= 0)),
        (Reason.AMOUNT_CEILING, whole & (amount > ceiling_rp)),
        (Reason.VILLAGE_UNKNOWN, pl.col("village").is_null()),
        (Reason.VILLAGE_WITHOUT_OFFICE, pl.col("village").is_not_null() & pl.col("branch").is_null()),
    ]
    warnings = [
        (Reason.SEX_DIFFERS, sound & sex.is_not_null() & ((day_woman > 40) != (sex == "P"))),
        (
            Reason.BIRTH_DATE_DIFFERS,
            sound
            & born.is_not_null()
            & ((born.dt.day() != day) | (born.dt.month() != month) | (born.dt.year() % 100 != year)),
        ),
        (
            Reason.AREA_DIFFERS,
            sound & ~area.str.slice(0, 2).is_in(_IMPOSSIBLE) & (area != pl.col("kode_desa").str.slice(0, 4)),
        ),
        (
            Reason.VILLAGE_MAPPED,
            pl.col("village").is_not_null() & (pl.col("village").cast(pl.String) != pl.col("kode_desa")),
        ),
        (Reason.NAME_DAMAGED, name.str.contains(r"[0-9\u{FFFD}]|Ã.|â€|Â")),
    ]
    return frame.with_columns(
        amount.alias("amount_rp"),
        born.alias("birth_date"),
        sex.alias("sex"),
        _listed(errors).alias("errors"),
        _listed(warnings).alias("warnings"),
    )


def _listed(reasons: list[tuple[Reason, pl.Expr]]) -> pl.Expr:
    """The reasons that apply, as one text with spaces between; empty for most lines, which costs nothing."""
    parts = [
        pl.when(applies.fill_null(False)).then(pl.lit(f"{reason} ")).otherwise(pl.lit(""))
        for reason, applies in reasons
    ]
    return pl.concat_str(parts).str.strip_chars_end()
