"""What is wrong with a line: every check as one expression over a frame; pure.

``mended`` brings surface damage back into form without a word (spaces, an apostrophe, dots, a number as a spreadsheet shows it);
``checked`` adds what is wrong as one number a line (``rules.Reason.bit``) and the typed values that an accepted line needs.
"""

import polars as pl

from salur.danom.rules import Reason

# Provinces are 11 to 97; a NIK of another area belongs to nobody and is not compared with one.
_IMPOSSIBLE = (0, 99)
# A NIK in the place of names: a digit read for a letter, UTF-8 read as Windows-1252, a character that was lost.
_DAMAGED = r"[0-9\u{FFFD}]|Ã.|â€|Â"
_SEXES = {
    "LAKI-LAKI": "L", "LAKI LAKI": "L", "PRIA": "L", "1": "L", "M": "L",
    "PEREMPUAN": "P", "WANITA": "P", "2": "P", "F": "P",
}  # fmt: skip


def _digits(column: str) -> pl.Expr:
    return (pl.col(column).str.len_bytes() == 16) & (pl.col(column).cast(pl.Int64, strict=False) >= 0)


def _sixteen(column: str) -> pl.Expr:
    """A long number as text: without apostrophe, blanks, dashes and ``="…"``; 3.5E+15 and 35…01.0 as a spreadsheet writes them."""
    bare = pl.col(column).str.replace_all(r"[\s'’`\"=\-]", "").str.replace(r"\.0+$", "")
    mantissa = bare.str.extract(r"^(\d\.?\d*)[eE]\+?15$").str.replace(".", "", literal=True)
    return pl.when(mantissa.is_not_null()).then(mantissa.str.pad_end(16, "0")).otherwise(bare).alias(column)


def mended(frame: pl.DataFrame) -> pl.DataFrame:
    """The same lines in form. Only the few that need it are touched: most lines are in form already."""
    amount = pl.col("nominal").str.replace_all(r"(?i)rp\.?|\s|'", "").str.replace(r"[.,]0{1,2}$", "")
    needs = [
        (~_digits("nik"), _sixteen("nik")),
        ((pl.col("no_kk") != "") & ~_digits("no_kk"), _sixteen("no_kk")),
        (
            pl.col("kode_desa").str.len_bytes() != 10,
            pl.col("kode_desa").str.replace(r"\.0$", "").str.replace_all(r"[\s.'’\"=]", "").alias("kode_desa"),
        ),
        (
            pl.col("nominal").cast(pl.Int64, strict=False).is_null(),
            pl.when(amount.str.contains(r"^-?\d{1,3}([.,]\d{3})+$"))
            .then(amount.str.replace_all(r"[.,]", ""))
            .otherwise(amount)
            .alias("nominal"),
        ),
        (pl.col("nama").str.contains("  ", literal=True), pl.col("nama").str.replace_all(r"\s+", " ")),
        (
            (pl.col("jenis_kelamin") != "") & ~pl.col("jenis_kelamin").is_in(["L", "P"]),
            pl.col("jenis_kelamin").str.to_uppercase().replace(_SEXES),
        ),
    ]
    needing = frame.select(needed.alias(str(place)) for place, (needed, _) in enumerate(needs))
    for place, (_, mending) in enumerate(needs):
        rows = needing[str(place)].arg_true()
        if len(rows):
            column = mending.meta.output_name()
            frame = frame.with_columns(frame[column].scatter(rows, frame[rows].select(mending).to_series()))
    return frame


def _birth_dates(texts: pl.Series) -> pl.Series:
    """ISO, or day before month as Indonesia writes it; null for what is no date."""
    found = texts.str.to_date("%Y-%m-%d", strict=False)
    rest = (found.is_null() & (texts != "")).arg_true()
    if len(rest):
        text = pl.Series(texts[rest]).str.replace(r"[ T]00:00(:00(\.0+)?)?$", "").str.replace_all(r"[/.]", "-")
        others = text.str.to_date("%Y-%m-%d", strict=False).fill_null(text.str.to_date("%d-%m-%Y", strict=False))
        found = found.scatter(rest, others)
    # A year of 0202 was typed by a person, not lived by one.
    return pl.select(pl.when(found.dt.year().is_between(1880, 2100)).then(found)).to_series()


def checked(frame: pl.DataFrame, *, villages: pl.DataFrame, ceiling_rp: int, only_nik: bool = False) -> pl.DataFrame:
    """``villages``: ``code`` (as text), ``village`` (the code that counts today), ``branch`` (null where no office serves it).

    Adds ``village``, ``branch``, ``amount_rp``, ``birth_date``, ``sex``, ``number`` (the NIK, null unless it is sixteen digits),
    ``card`` (of the family card) and ``found`` (the reasons' bits). ``only_nik`` looks at the NIK alone, as a withdrawal is judged.
    """
    frame = frame.join(villages, left_on="kode_desa", right_on="code", how="left", maintain_order="left").with_columns(
        pl.when(_digits("nik") & ~pl.col("nik").str.starts_with("+")).then(pl.col("nik").cast(pl.Int64, strict=False)).alias("number"),
        pl.when(_digits("no_kk") & ~pl.col("no_kk").str.starts_with("+")).then(pl.col("no_kk").cast(pl.Int64, strict=False)).alias("card"),
        pl.col("nominal").cast(pl.Int64, strict=False).alias("amount_rp"),
        _birth_dates(frame["tanggal_lahir"]).alias("birth_date"),
        pl.when(pl.col("jenis_kelamin").is_in(["L", "P"])).then(pl.col("jenis_kelamin")).alias("sex"),
    )  # fmt: skip
    nik, name, number = pl.col("nik"), pl.col("nama"), pl.col("number")
    whole_nik = number.is_not_null()
    only_digits = nik.str.contains(r"^[0-9]+$")
    day_written, month, year = number // 10**8 % 100, number // 10**6 % 100, number // 10**4 % 100
    woman = day_written > 40
    day = pl.when(woman).then(day_written - 40).otherwise(day_written)
    # Days of a month: 31 in odd months up to July and in even ones from August on; 29 February only in leap years.
    last = pl.when(month == 2).then(29).otherwise(30 + (month + month // 8) % 2)
    sound_date = (day >= 1) & (day <= last) & month.is_between(1, 12) & ~((month == 2) & (day == 29) & (year % 4 != 0))
    sound_serial = number % 10**4 != 0
    sound = whole_nik & sound_date & sound_serial
    amount, born, sex, village = pl.col("amount_rp"), pl.col("birth_date"), pl.col("sex"), pl.col("village")
    area = number // 10**12
    # The kabupaten of first registration agrees with the village's today, or with what it was called then.
    elsewhere = (area != village // 10**6) & (area != pl.col("kode_desa").str.slice(0, 4).cast(pl.Int64, strict=False))

    found: list[tuple[Reason, pl.Expr]] = [
        (Reason.NIK_MISSING, nik == ""),
        (Reason.NIK_LETTERS, ~whole_nik & (nik != "") & ~only_digits),
        (Reason.NIK_LENGTH, ~whole_nik & only_digits),
        (Reason.NIK_DATE, whole_nik & ~sound_date),
        (Reason.NIK_SERIAL, whole_nik & sound_date & ~sound_serial),
    ]
    if not only_nik:
        found += [
            (Reason.KK_FORM, (pl.col("no_kk") != "") & pl.col("card").is_null()),
            (Reason.NAME_MISSING, name == ""),
            (Reason.AMOUNT_FORM, amount.is_null()),
            (Reason.AMOUNT_NOT_POSITIVE, amount <= 0),
            (Reason.AMOUNT_CEILING, amount > ceiling_rp),
            (Reason.VILLAGE_UNKNOWN, village.is_null()),
            (Reason.VILLAGE_WITHOUT_OFFICE, village.is_not_null() & pl.col("branch").is_null()),
            (Reason.SEX_DIFFERS, sound & (woman != (sex == "P"))),
            (
                Reason.BIRTH_DATE_DIFFERS,
                (born.is_null() & (pl.col("tanggal_lahir") != ""))
                | (sound & ((born.dt.day() != day) | (born.dt.month() != month) | (born.dt.year() % 100 != year))),
            ),
            (Reason.AREA_DIFFERS, sound & ~(number // 10**14).is_in(_IMPOSSIBLE) & elsewhere),
            (
                Reason.VILLAGE_MAPPED,
                village.is_not_null() & (village != pl.col("kode_desa").cast(pl.Int64, strict=False)),
            ),
            (Reason.NAME_DAMAGED, name.str.contains(_DAMAGED)),
        ]
    applies = [applies.fill_null(False).cast(pl.UInt32) * reason.bit for reason, applies in found]
    return frame.with_columns(pl.sum_horizontal(applies).cast(pl.UInt32).alias("found"))


def likeness_texts(frame: pl.DataFrame) -> pl.Series:
    """Village, birth date and the letters of the name: who shares them may be one person. Null without a birth date."""
    name = pl.col("nama").str.to_lowercase().str.replace_all(r"[^\p{L}]", "")
    return frame.select(
        pl.when(pl.col("birth_date").is_not_null() & (name != "")).then(
            pl.concat_str(pl.col("village"), pl.col("birth_date").to_physical(), name, separator="|")
        )
    ).to_series()
