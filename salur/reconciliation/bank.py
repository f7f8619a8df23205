"""What the bank says: statements of the giro account as CSV or MT940, matched with the movements of our books; the rest becomes cases."""

import csv
import hashlib
import io
from collections import Counter, defaultdict
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, NamedTuple

import mt940
from django.db import transaction

from salur.audit import actions as audit
from salur.cases import actions as cases
from salur.cases.rules import SYSTEM, NewCase
from salur.cases.rules import Kind as CaseKind
from salur.lib.ids import uuid7
from salur.lib.problem import Problem
from salur.reconciliation.actions import queries
from salur.reconciliation.models import BankFile, BankLine, BankMatch

# A transfer is booked on its day or the next working days.
DAYS = 3


class Booked(NamedTuple):
    """A line of a statement; ``amount_rp`` above zero came in."""

    day: date
    amount_rp: int
    reference: str
    text: str


class Read(NamedTuple):
    account: str
    opening_rp: int | None
    closing_rp: int | None
    lines: list[Booked]


class Imported(NamedTuple):
    """``unmatched`` lines of this account have no movement; each is a case. ``missing`` movements have no line."""

    file: str
    account: str
    lines: int
    new: int
    matched: int
    unmatched: int
    missing: int


def _rupiah(text: str, where: str) -> int:
    """``1.250.000,00``, ``1250000.00`` or ``1250000`` as whole rupiah; the bank's sen must be zero."""
    plain = text.strip().replace(" ", "").removeprefix("Rp")
    if "," in plain and "." in plain:
        thousands, point = (".", ",") if plain.rindex(",") > plain.rindex(".") else (",", ".")
        plain = plain.replace(thousands, "").replace(point, ".")
    elif plain.count(",") == 1 and len(plain.rpartition(",")[2]) != 3:
        plain = plain.replace(",", ".")
    elif plain.count(".") > 1 or (plain.count(".") == 1 and len(plain.rpartition(".")[2]) == 3):
        plain = plain.replace(".", "")
    else:
        plain = plain.replace(",", "")
    try:
        value = Decimal(plain or "0")
    except InvalidOperation:
        raise Problem(f"{where}: {text.strip()} is no amount.") from None
    return _whole(value, where)


def _whole(value: Decimal, where: str) -> int:
    if not value.is_finite() or value != value.to_integral_value() or abs(value) > 10**17:
        raise Problem(f"{where}: {value} is not a whole number of rupiah.")
    return int(value)


COLUMNS = {
    "day": ("tanggal", "date", "tgl"),
    "reference": ("referensi", "reference", "ref", "no_ref"),
    "text": ("keterangan", "description", "uraian", "text"),
    "amount": ("jumlah", "amount", "nominal"),
    "debit": ("debit", "debet", "keluar"),
    "credit": ("kredit", "credit", "masuk"),
    "account": ("rekening", "account"),
}


def _day(text: str, where: str) -> date:
    for form in ("%Y-%m-%d", "%d/%m/%Y", "%d-%m-%Y"):
        try:
            return datetime.strptime(text.strip(), form).date()  # noqa: DTZ007 - a bank's day has no zone
        except ValueError:
            continue
    raise Problem(f"{where}: {text.strip()} is no date: write 2022-03-12 or 12/03/2022.")


def read_csv(text: str, name: str) -> Read:
    """Header with day, reference, text, and one signed amount or debit and credit; comma or semicolon."""
    first = text.partition("\n")[0]
    reader = csv.DictReader(io.StringIO(text), delimiter=";" if first.count(";") > first.count(",") else ",")
    header = {(word or "").strip().lower(): word for word in reader.fieldnames or []}
    named = {key: next((header[word] for word in words if word in header), None) for key, words in COLUMNS.items()}
    if not named["day"] or not (named["amount"] or (named["debit"] and named["credit"])):
        raise Problem(f"{name}: the header needs tanggal and jumlah, or tanggal, debit and kredit.")
    lines, accounts = [], set()
    for number, row in enumerate(reader, start=2):
        where = f"{name}, line {number}"

        def cell(key: str, row: dict[str, str] = row) -> str:
            column = named[key]
            return (row.get(column) or "").strip() if column else ""

        if not any((value or "").strip() for value in row.values() if isinstance(value, str)):
            continue
        amount_rp = _rupiah(cell("amount"), where)
        if not named["amount"]:
            amount_rp = abs(_rupiah(cell("credit"), where)) - abs(_rupiah(cell("debit"), where))
        if amount_rp == 0:
            raise Problem(f"{where}: a line without an amount.")
        lines.append(Booked(_day(cell("day"), where), amount_rp, cell("reference"), cell("text")))
        accounts.add(cell("account"))
    if len(accounts) > 1:
        raise Problem(f"{name} holds lines of {len(accounts)} accounts: import each by itself.")
    return Read(next(iter(accounts), ""), None, None, lines)


def read_mt940(text: str, name: str) -> Read:
    try:
        found: Any = mt940.parse(text)
        rows = [one.data for one in found]
    except Exception as error:
        raise Problem(f"{name} is no MT940 statement: {error}") from error
    lines = []
    for number, row in enumerate(rows, start=1):
        if row.get("amount") is None:
            continue
        where = f"{name}, entry {number}"
        if row["amount"].currency != "IDR":
            raise Problem(f"{where}: {row['amount'].currency} is not rupiah.")
        reference = row.get("customer_reference") or ""
        reference = (row.get("bank_reference") or "") if reference in ("", "NONREF") else reference
        text_of = " ".join((row.get("transaction_details") or "").split())
        day = row["date"]
        lines.append(
            Booked(date(day.year, day.month, day.day), _whole(row["amount"].amount, where), reference.strip(), text_of)
        )
    if not lines and not found.data:
        raise Problem(f"{name} is no MT940 statement.")

    def balance(word: str) -> int | None:
        value = found.data.get(word)
        return None if value is None else _whole(value.amount.amount, name)

    opening, closing = balance("final_opening_balance"), balance("final_closing_balance")
    if opening is not None and closing is not None and opening + sum(line.amount_rp for line in lines) != closing:
        raise Problem(
            f"{name}: the opening balance and the entries do not come to the closing balance: is a part missing?"
        )
    return Read(str(found.data.get("account_identification") or ""), opening, closing, lines)


def read(path: Path) -> tuple[Read, str]:
    """A statement by what stands in it; its SHA-256."""
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    mt = text.lstrip().startswith((":20:", "{1:")) or "\n:60F:" in text
    return (read_mt940 if mt else read_csv)(text, path.name), hashlib.sha256(content).hexdigest()


@transaction.atomic
def import_statement(*, path: Path, actor: str, at: datetime, account: str = "") -> Imported:
    """Keep a statement's lines, each once however often and overlapping it is imported, and match them with what our books say.

    A line is a movement when the paper's number is the same, or when exactly one movement of that amount lies within three days and only
    this line could be it. What is left on the bank's side becomes a case. Raises ``Problem``; then nothing is kept.
    """
    try:
        found, sha256 = read(path)
    except OSError as error:
        raise Problem(f"{path} cannot be read ({error.strerror}).") from error
    account = account.strip() or found.account
    if not account:
        raise Problem(f"{path.name} names no account: give it (--account).")
    queries.hold_family(key="bank statements")
    new = 0
    if not BankFile.objects.filter(sha256=sha256).exists():
        file = BankFile.objects.create(
            id=uuid7(at), name=path.name, sha256=sha256, account=account, opening_rp=found.opening_rp, closing_rp=found.closing_rp,
            imported_by=actor, imported_at=at,
        )  # fmt: skip
        seen: Counter[tuple[object, ...]] = Counter()
        for number, line in enumerate(found.lines, start=1):
            key = (account, line.day, line.amount_rp, line.reference)
            seen[key] += 1
            _, made = BankLine.objects.get_or_create(
                account=account, booked=line.day, amount_rp=line.amount_rp, reference=line.reference, occurrence=seen[key],
                defaults={"id": uuid7(at), "file": file, "number": number, "text": line.text},
            )  # fmt: skip
            new += made
        facts = {"sha256": sha256, "account": account, "lines": len(found.lines), "new": new}
        audit.record(actor=actor, verb="imported", subject=f"bank/{file.id}", facts=facts, at=at, branch=0)
    matched = _match(account, actor, at)
    left = queries.bank_lines(account=account)
    cases.open_cases(
        cases=[
            NewCase(
                CaseKind.UNMATCHED_BANK_LINE, f"bank-line/{row.id}", 0, None, abs(row.amount_rp), "",
                {"line": row.id, "account": account, "day": row.booked.isoformat(), "amount_rp": row.amount_rp, "reference": row.reference},
            )
            for row in left
        ],
        actor=SYSTEM,
        at=at,
    )  # fmt: skip
    missing = len(queries.bank_movements())
    return Imported(path.name, account, len(found.lines), new, matched, len(left), missing)


def _match(account: str, actor: str, at: datetime) -> int:
    lines, movements = queries.bank_lines(account=account), queries.bank_movements()
    pairs: list[tuple[Any, Any, str]] = []
    papers = defaultdict(list)
    for movement in movements:
        papers[movement.reference.strip().upper(), movement.amount_rp].append(movement)
    used: set[Any] = set()
    for line in lines:
        fits = [one for one in papers[line.reference.strip().upper(), line.amount_rp] if one.id not in used]
        if line.reference.strip() and len(fits) == 1:
            pairs.append((line, fits[0], "reference"))
            used |= {line.id, fits[0].id}
    near = {
        line.id: [one for one in movements if one.id not in used and one.amount_rp == line.amount_rp and abs((one.day - line.booked).days) <= DAYS]
        for line in lines
        if line.id not in used
    }  # fmt: skip
    wanted = Counter(one.id for fits in near.values() for one in fits)
    for line in lines:
        fits = near.get(line.id, [])
        if len(fits) == 1 and wanted[fits[0].id] == 1:
            pairs.append((line, fits[0], "amount and day"))
    BankMatch.objects.bulk_create(
        BankMatch(line_id=line.id, movement_id=movement.id, how=how, matched_by=actor, matched_at=at) for line, movement, how in pairs
    )  # fmt: skip
    return len(pairs)


def lines_left(*, account: str | None = None) -> list[Any]:
    """Lines of the bank without a movement of ours."""
    return queries.bank_lines(account=account)


def movements_left() -> list[Any]:
    """Movements over the bank that no statement has shown yet."""
    return queries.bank_movements()
