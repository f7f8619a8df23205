"""The auditors' dossier: one ZIP for a branch and a stage, sealed so that not a byte changes unseen, with what verifies it (`checker.py`).

All files are of one moment (one snapshot of the database). NIKs are masked: an auditor who needs one asks for it, and leaves a trace.
"""

import contextlib
import csv
import hashlib
import io
import json
import os
import zipfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import IO, Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.db import connection, transaction
from psycopg import sql

from salur.audit import actions as audit
from salur.audit.rules import Entry, written
from salur.lib.problem import NotFound, Problem
from salur.lib.secrets import derived_key
from salur.lib.sheet import harmless
from salur.programmes.actions import stage_by_code
from salur.reconciliation import actions, checker
from salur.registry.actions import masked_niks

PAGE = 5_000
EPOCH = (1980, 1, 1, 0, 0, 0)
READ_ME = """Berkas audit {stage}, {name} ({code}), dibuat {at} UTC.

Periksa: python3 periksa.py BERKAS.zip --kunci KUNCI
KUNCI adalah kunci tanda tangan pada kertas serah terima: {key}
Tidak perlu jaringan, tidak perlu sistem salur; cukup Python 3.8 atau lebih baru.

daftar.csv        setiap hak dan akhirnya: paid, returned, held, disputed, open
pembayaran.csv    setiap pembayaran; yang dibatalkan dengan alasan dan dua nama
gagal-bayar.csv   setiap kunjungan tanpa pembayaran
kas.csv           rantai kas: siapa memberi, siapa menerima, kapan, dengan kertas mana, tanda terima
hitung-kas.csv    hitungan kas oleh dua orang
mutasi.csv        buku kas cabang
kejadian.csv      apa yang dikirim gawai juru bayar, ditandatangani dan berantai; gawai.csv kunci publiknya
foto.csv          sidik jari SHA-256 setiap foto
geotag.csv        letak rumah
konfirmasi.csv    keterangan TKSK atau desa tentang kegagalan akhir
kasus.csv         yang harus diperiksa orang, dan putusannya
penutupan.csv     baris penutupan per desa
jejak-audit.jsonl jejak audit cabang, berantai
manifest.json     sidik jari setiap berkas, pernyataan, kepala jejak audit
"""


class Made(NamedTuple):
    path: Path
    bytes: int
    files: int
    families: int
    sha256: str
    key: str


def _key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(derived_key("dossier signature"))


def public_key() -> str:
    """What stands on the paper that goes with a dossier; the same for every dossier of this installation."""
    return _key().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()


def make_dossier(*, stage_code: str, branch: str, out: Path, actor: str, at: datetime, branches: Any = None) -> Made:
    """Write the dossier of a branch (a code) to ``out``, whole or not at all; who took it is kept. Raises ``NotFound``, ``Problem``."""
    stage = stage_by_code(stage_code)
    where = actions.scope(place=branch, branches=branches)
    if where.branches is None or len(where.branches) != 1 or where.area:
        raise NotFound(f"{branch} is no branch: a dossier is made for one branch (KC, KCU).")
    office = where.branches[0]
    part = out.with_name(f"{out.name}.part")
    try:
        with _snapshot():
            found = actions.statement(stage_code=stage_code, place=branch, at=at)
            writer = _Writer(part, stage.id, office)
            writer.write_all()
            manifest = writer.manifest(found, at)
            read_me = READ_ME.format(
                stage=stage.code, name=where.name, code=where.code, at=f"{at:%Y-%m-%d %H:%M}", key=public_key()
            )
            writer.finish(manifest, read_me)
        size, digest = _seal(part)
        os.replace(part, out)
    except OSError as error:
        raise Problem(f"{out} cannot be written ({error.strerror}): choose another place.") from error
    finally:
        part.unlink(missing_ok=True)
    with transaction.atomic():
        facts = {"stage": stage.code, "sha256": digest, "families": found.total.allocated}
        audit.record(
            actor=actor, verb="took a dossier", subject=f"dossier/{where.code}", facts=facts, at=at, branch=office
        )
    return Made(out, size, len(manifest["files"]) + 1, found.total.allocated, digest, public_key())


@contextlib.contextmanager
def _snapshot() -> Iterator[None]:
    """One moment for all files; inside another transaction (a test) that one's."""
    outermost = not connection.in_atomic_block
    with transaction.atomic():
        if outermost:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield


# file → the statement whose rows it holds; {stage} and {branch} are numbers. The words on top are the auditors'.
TABLES = {
    "pembayaran.csv": """
        SELECT p.id, p.entitlement AS hak, p.round AS putaran, o.code AS juru_bayar, o.name AS nama_juru_bayar, p.channel AS kanal,
            p.amount_rp AS nominal_rp, p.paid_at AS dibayar, p.recorded_at AS tercatat, v.voided_at AS dibatalkan, v.reason AS alasan_batal,
            v.voided_by AS dibatalkan_oleh, v.approved_by AS disetujui_oleh
        FROM payments_payment AS p
        LEFT JOIN offices_officer AS o ON o.id = p.officer
        LEFT JOIN payments_void AS v ON (v.stage, v.branch, v.entitlement, v.round) = (p.stage, p.branch, p.entitlement, p.round)
        WHERE p.stage = {stage} AND p.branch = {branch} ORDER BY p.entitlement, p.round""",
    "gagal-bayar.csv": """
        SELECT f.id, f.entitlement AS hak, o.code AS juru_bayar, f.reason AS alasan, f.visited_at AS dikunjungi, f.recorded_at AS tercatat
        FROM payments_failure AS f LEFT JOIN offices_officer AS o ON o.id = f.officer
        WHERE f.stage = {stage} AND f.branch = {branch} ORDER BY f.entitlement, f.visited_at, f.id""",
    "kas.csv": """
        SELECT m.id, m.kind AS jenis, o.code AS juru_bayar, m.amount_rp AS nominal_rp, m.reference AS kertas, m.given_by AS pemberi,
            m.offered_at AS diberikan,
            r.answer AS jawaban, r.actor AS penerima, r.answered_at AS diterima, r.reason AS alasan, k.number AS tanda_terima
        FROM custody_movement AS m
        LEFT JOIN offices_officer AS o ON o.id = m.officer_id
        LEFT JOIN custody_reply AS r ON r.movement_id = m.id
        LEFT JOIN reconciliation_receipt AS k ON k.movement_id = m.id
        WHERE m.stage_id = {stage} AND m.branch_id = {branch} ORDER BY m.offered_at, m.id""",
    "hitung-kas.csv": """
        SELECT c.id, o.code AS juru_bayar, c.day AS hari, c.counted_rp AS dihitung_rp, c.expected_rp AS menurut_buku_rp, c.explanation AS penjelasan,
            c.counted_by AS penghitung, c.witnessed_by AS saksi, c.counted_at AS waktu
        FROM custody_count AS c LEFT JOIN offices_officer AS o ON o.id = c.officer_id WHERE c.branch_id = {branch} ORDER BY c.counted_at, c.id""",
    "mutasi.csv": """
        SELECT id, debit, credit AS kredit, amount_rp AS nominal_rp, occurred_at AS terjadi, recorded_at AS tercatat
        FROM ledger_transfer WHERE stage = {stage} AND branch = {branch} ORDER BY recorded_at, id""",
    "kejadian.csv": """
        SELECT e.device AS gawai, e.seq AS nomor, e.id, e.kind AS jenis, e.happened_at AS terjadi, e.received_at AS diterima, e.answer AS jawaban,
            encode(e.digest, 'hex') AS sha256, encode(e.signature, 'hex') AS tanda_tangan, convert_from(e.body, 'UTF8') AS isi
        FROM field_event AS e JOIN field_device AS d ON d.id = e.device AND d.branch_id = {branch}
        WHERE e.stage = {stage} AND e.branch = {branch} ORDER BY e.device, e.seq""",
    "gawai.csv": """
        SELECT d.id AS gawai, o.code AS juru_bayar, encode(d.public_key, 'hex') AS kunci_publik, d.enrolled_at AS didaftarkan, d.enrolled_by AS oleh,
            d.revoked_at AS dicabut, d.revoke_reason AS alasan_cabut
        FROM field_device AS d JOIN offices_officer AS o ON o.id = d.officer_id WHERE d.branch_id = {branch} ORDER BY d.id""",
    "foto.csv": """
        SELECT encode(p.sha256, 'hex') AS sha256, p.kind AS jenis, p.bytes, p.device AS gawai, p.seq AS nomor, b.stored_at AS tersimpan
        FROM field_photo AS p JOIN field_device AS d ON d.id = p.device AND d.branch_id = {branch} LEFT JOIN field_blob AS b ON b.sha256 = p.sha256
        WHERE p.stage = {stage} AND p.branch = {branch} ORDER BY p.device, p.seq, p.sha256""",
    "geotag.csv": """
        SELECT g.id, g.entitlement AS hak, g.revision AS revisi, g.lat_e7, g.lon_e7, g.accuracy_dm AS ketelitian_dm, g.taken_at AS diambil,
            encode(g.photo_sha256, 'hex') AS foto_sha256
        FROM evidence_geotag AS g WHERE g.stage = {stage} AND g.branch = {branch} ORDER BY g.entitlement, g.revision""",
    "konfirmasi.csv": """
        SELECT entitlement AS hak, number AS nomor, reason AS alasan, said_by AS menurut, office AS sebagai,
            encode(document_sha256, 'hex') AS dokumen_sha256, noted_by AS dicatat_oleh, noted_at AS dicatat
        FROM reconciliation_confirmation WHERE stage = {stage} AND branch = {branch} ORDER BY entitlement, number""",
    "kasus.csv": """
        SELECT c.id, c.kind AS jenis, c.subject AS tentang, c.amount_rp AS nominal_rp, c.maker AS pelaku, c.opened_by AS dibuka_oleh,
            c.opened_at AS dibuka, e.number AS nomor, e.act AS tindakan, e.decision AS putusan, e.reason AS alasan, e.actor AS oleh, e.at AS waktu
        FROM cases_case AS c JOIN cases_event AS e ON e.case_id = c.id
        WHERE c.branch = {branch} AND (c.stage = {stage} OR c.stage IS NULL) ORDER BY c.opened_at, c.id, e.number""",
    "penutupan.csv": """
        SELECT l.village AS desa, l.number AS nomor, c.closed_by AS ditutup_oleh, c.closed_at AS ditutup, l.allocated AS hak, l.paid AS dibayar,
            l.final_failed AS gagal_akhir, l.returned AS dikembalikan, l.held AS ditahan, l.disputed AS sengketa, l.returned_rp AS dikembalikan_rp
        FROM reconciliation_line AS l JOIN reconciliation_closing AS c ON c.id = l.closing
        WHERE l.stage = {stage} AND l.branch = {branch} ORDER BY l.village, l.number""",
}  # fmt: skip

LIST_HEADER = ("hak", "baris", "versi", "desa", "nama", "nik", "nominal_rp", "ditahan", "akhir", "alasan")


class _Writer:
    def __init__(self, path: Path, stage: int, branch: int) -> None:
        self.stage, self.branch = stage, branch
        self.archive = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=6)
        self.files: dict[str, dict[str, Any]] = {}
        self.head: list[Any] = [0, bytes(32).hex()]

    @contextlib.contextmanager
    def _file(self, name: str) -> Iterator["_Hashed"]:
        entry = zipfile.ZipInfo(name, EPOCH)
        entry.compress_type = zipfile.ZIP_DEFLATED
        entry.external_attr = 0o644 << 16
        with self.archive.open(entry, "w", force_zip64=True) as file:
            hashed = _Hashed(file)
            yield hashed
        self.files[name] = {"bytes": hashed.size, "sha256": hashed.digest.hexdigest()}

    def write_all(self) -> None:
        self._list()
        for name, statement in TABLES.items():
            self._copy(name, statement)
        self._trail()

    def _copy(self, name: str, statement: str) -> None:
        """PostgreSQL writes the CSV; we only pass it on."""
        query = sql.SQL("COPY ({}) TO STDOUT (FORMAT csv, HEADER)").format(
            sql.SQL(statement).format(stage=sql.Literal(self.stage), branch=sql.Literal(self.branch))
        )
        connection.ensure_connection()
        with self._file(name) as file, connection.connection.cursor() as cursor, cursor.copy(query) as rows:
            for block in rows:
                file.write(bytes(block))

    def _list(self) -> None:
        after = 0
        with self._file("daftar.csv") as file:
            file.write((",".join(LIST_HEADER) + "\n").encode())
            while True:
                page = actions.queries.dossier_list(stage=self.stage, branch=self.branch, after=after, limit=PAGE)
                if not page:
                    break
                niks = masked_niks([(bytes(row.nik_sealed), row.key_version) for row in page])
                text = io.StringIO()
                writer = csv.writer(text, lineterminator="\n")
                for row, nik in zip(page, niks, strict=True):
                    name = harmless(row.name)
                    writer.writerow(
                        (
                            row.id,
                            row.line,
                            row.version,
                            row.village,
                            name,
                            nik,
                            row.amount_rp,
                            int(row.held),
                            row.ending,
                            row.reason,
                        )
                    )
                file.write(text.getvalue().encode())
                after = page[-1].place
                if len(page) < PAGE:
                    break

    def _trail(self) -> None:
        number = 0
        with self._file("jejak-audit.jsonl") as file:
            while True:
                page = audit.queries.entries_after(branch=self.branch, number=number, limit=PAGE)
                for row in page:
                    number = row.number
                    self.head = [number, bytes(row.digest).hex()]
                    file.write(
                        (
                            json.dumps([written(Entry(*row[:8])), self.head[1]], ensure_ascii=False, sort_keys=True)
                            + "\n"
                        ).encode()
                    )
                if len(page) < PAGE:
                    return

    def manifest(self, found: actions.Statement, at: datetime) -> dict[str, Any]:
        total = found.total
        names = ("allocated", "allocated_rp", "paid", "paid_rp", "final_failed", "returned", "returned_rp", "held", "held_rp", "disputed",
                 "disputed_rp", "open", "open_rp")  # fmt: skip
        cash = found.cash[0] if found.cash else None
        return {
            "what": "salur dossier 1", "stage": found.stage.code, "branch": found.scope.code, "name": found.scope.name, "made_at": at.isoformat(),
            "statement": {name: getattr(total, name) for name in names} | {
                "difference_rp": found.difference_rp, "vault_rp": cash.vault_rp if cash else 0,
                "supplied_rp": cash.supplied_rp if cash else 0, "sent_back_rp": cash.sent_back_rp if cash else 0,
            },
            "audit_head": self.head, "files": self.files,
        }  # fmt: skip

    def finish(self, manifest: dict[str, Any], read_me: str) -> None:
        for name, text in (
            ("BACA-SAYA.txt", read_me),
            ("periksa.py", Path(checker.__file__).read_text(encoding="utf-8")),
        ):
            with self._file(name) as file:
                file.write(text.encode())
        text = json.dumps(manifest, ensure_ascii=False, sort_keys=True, indent=1)
        entry = zipfile.ZipInfo("manifest.json", EPOCH)
        entry.external_attr = 0o644 << 16
        self.archive.writestr(entry, text, zipfile.ZIP_DEFLATED)
        self.archive.close()


class _Hashed:
    def __init__(self, file: IO[bytes]) -> None:
        self.file, self.size, self.digest = file, 0, hashlib.sha256()

    def write(self, data: bytes) -> None:
        self.file.write(data)
        self.size += len(data)
        self.digest.update(data)


def _seal(path: Path) -> tuple[int, str]:
    """Write the seal as the ZIP's comment (see checker.py); the size and hash of the finished file.

    The comment's length stands before it and is sealed with the rest, so the seal has a fixed length: it is written with a signature of
    zeros first.
    """
    size, step = path.stat().st_size, 1024
    while -(-size // step) * len('"0123456789abcdef",') > 64_000:  # a comment has 65,535 bytes at most
        step *= 2
    blocks = -(-size // step)
    key = _key()
    body: dict[str, Any] = {"key": public_key(), "block": step, "blocks": ["0" * 16] * blocks, "sha256": "0" * 64}
    zeros = _canonical({"body": body, "signature": "0" * 128})
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = zeros
    start = path.stat().st_size - len(zeros)
    whole, found = hashlib.sha256(), []
    with path.open("r+b") as file:
        where = 0
        while where < start:
            block = file.read(min(step, start - where))
            whole.update(block)
            found.append(hashlib.sha256(block).hexdigest()[:16])
            where += len(block)
        assert len(found) == blocks, (len(found), blocks)
        body |= {"blocks": found, "sha256": whole.hexdigest()}
        sealed = _canonical({"body": body, "signature": key.sign(_canonical(body)).hex()})
        assert len(sealed) == len(zeros)
        file.seek(start)
        file.write(sealed)
        file.flush()
        os.fsync(file.fileno())
    whole.update(sealed)
    return start + len(sealed), whole.hexdigest()


def _canonical(value: dict[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
