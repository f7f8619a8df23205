"""A statement as a file: a spreadsheet to reckon with, or a paper to file. Both say what `statement --format json` says."""

from io import BytesIO
from pathlib import Path

import xlsxwriter

from salur.lib import pdf
from salur.lib.indonesian import months
from salur.reconciliation.actions import Statement
from salur.reconciliation.papers.rules import statement as on_paper

TEMPLATE = Path(__file__).with_name("statement.typ")
LINES = {
    "Kode": "code", "Tempat": "name", "Desa": "villages", "Desa ditutup": "closed", "Alokasi": "allocated", "Rp alokasi": "allocated_rp",
    "Dibayar": "paid", "Rp dibayar": "paid_rp", "Gagal akhir": "final_failed", "Kembali": "returned", "Rp kembali": "returned_rp",
    "Ditahan": "held", "Rp ditahan": "held_rp", "Sengketa": "disputed", "Rp sengketa": "disputed_rp", "Belum ditutup": "open",
    "Rp belum ditutup": "open_rp", "Selisih": "difference_rp",
}  # fmt: skip
CASH = {
    "Kode": "code", "Kantor": "name", "Dari pusat": "supplied_rp", "Dibayarkan": "paid_rp", "Dikirim kembali": "sent_back_rp",
    "Di brankas": "vault_rp", "Pada juru bayar": "floats_rp", "Tidak dapat dibukukan": "suspense_rp", "Dihapusbukukan": "written_off_rp",
    "Kelebihan": "surplus_rp", "Harus dijelaskan": "difference_rp",
}  # fmt: skip


def spreadsheet(found: Statement) -> bytes:
    """Two sheets, list and cash, whole rupiah; the last row of each is their sum."""
    file = BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}) as book:
        book.set_properties({"created": found.at.replace(tzinfo=None)})
        head, whole = book.add_format({"bold": True, "bottom": 1}), book.add_format({"num_format": "#,##0"})
        for name, columns, rows in (("Daftar", LINES, [*found.lines, found.total]), ("Kas", CASH, list(found.cash))):
            sheet = book.add_worksheet(name)
            sheet.freeze_panes(1, 2)
            sheet.write_row(0, 0, list(columns), head)
            for at, row in enumerate(rows, start=1):
                sheet.write_row(at, 0, [getattr(row, field) for field in columns.values()], whole)
            if columns is CASH and rows:
                sums = [sum(getattr(row, field) for row in rows) for field in list(columns.values())[2:]]
                sheet.write_row(len(rows) + 1, 0, ["", "Jumlah", *sums], whole)
            sheet.autofit()
    return file.getvalue()


def paper(found: Statement) -> pdf.Paper:
    """A draft as long as something is not closed or not explained."""
    stage = found.stage
    data = on_paper(
        name=found.scope.name, programme=stage.programme.name, period=months(stage.period_from, stage.period_to), stage=stage.code,
        total=found.total, lines=found.lines, cash=found.cash, missing=found.missing, difference_rp=found.difference_rp,
    )  # fmt: skip
    draft = found.total.closed < found.total.villages or found.difference_rp != 0
    return pdf.render(
        TEMPLATE, data, title=f"Rekonsiliasi {found.scope.code} {stage.code}", as_of=found.at, zone="Asia/Jakarta", draft=draft
    )  # fmt: skip
