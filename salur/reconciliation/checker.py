#!/usr/bin/env python3
"""Periksa berkas audit salur: `python3 periksa.py BERKAS.zip [--kunci HEX]`. Needs Python 3.8 and nothing else.

This file lies in every dossier and works without the system that made it. It looks at

1. the seal: the comment at the end of the ZIP holds a SHA-256 of all bytes before it, the first eight bytes of one of each block of them, and an
   Ed25519 signature (RFC 8032) of these; so not one byte can change without being found, and the block and the files in it are named;
2. the manifest: every file is there, of the size and hash that it names, and none is there that it does not;
3. the audit entries: each follows from the one before by hash, up to the head that was signed;
4. the phones' events: each is the bytes that its hash names and follows the one before it (their signatures, ES256, are in
   `kejadian.csv` with the keys in `gawai.csv`; Python alone cannot check them);
5. the sums: every family of the list ended in exactly one way, and list, payments and cash agree with the statement.

Compare the key that is printed here with the one on the signed paper: whoever makes another dossier has another key.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import sys
import zipfile
from typing import Any, Iterator, List, Optional, Tuple

_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, _P - 2, _P) % _P
Point = Tuple[int, int, int, int]
_ROOT = pow(2, (_P - 1) // 4, _P)


def _x_of(y: int, sign: int) -> Optional[int]:
    if y >= _P:
        return None
    square = (y * y - 1) * pow(_D * y * y + 1, _P - 2, _P) % _P
    if square == 0:
        return None if sign else 0
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * _ROOT % _P
    if (x * x - square) % _P:
        return None
    return _P - x if x & 1 != sign else x


def _add(one: Point, other: Point) -> Point:
    a = (one[1] - one[0]) * (other[1] - other[0]) % _P
    b = (one[1] + one[0]) * (other[1] + other[0]) % _P
    c = 2 * one[3] * other[3] * _D % _P
    d = 2 * one[2] * other[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % _P, g * h % _P, f * g % _P, e * h % _P)


def _times(number: int, point: Point) -> Point:
    total = (0, 1, 1, 0)
    while number:
        if number & 1:
            total = _add(total, point)
        point = _add(point, point)
        number >>= 1
    return total


def _point(packed: bytes) -> Optional[Point]:
    number = int.from_bytes(packed, "little")
    y = number & ((1 << 255) - 1)
    x = _x_of(y, number >> 255)
    return None if x is None else (x, y, 1, x * y % _P)


_BASE_Y = 4 * pow(5, _P - 2, _P) % _P
_BASE_X = _x_of(_BASE_Y, 0) or 0
_BASE: Point = (_BASE_X, _BASE_Y, 1, _BASE_X * _BASE_Y % _P)


def signed(key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether ``signature`` (64 bytes) is the Ed25519 signature of ``message`` under ``key`` (32 bytes)."""
    if len(key) != 32 or len(signature) != 64:
        return False
    point, other = _point(key), _point(signature[:32])
    scalar = int.from_bytes(signature[32:], "little")
    if point is None or other is None or scalar >= _L:
        return False
    challenge = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % _L
    left, right = _times(scalar, _BASE), _add(other, _times(challenge, point))
    return (left[0] * right[2] - right[0] * left[2]) % _P == 0 and (left[1] * right[2] - right[1] * left[2]) % _P == 0


def _plain(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


class Dossier:
    def __init__(self, path: str) -> None:
        self.path = path
        self.wrong: List[str] = []
        self.key = ""

    def say(self, sentence: str) -> None:
        if len(self.wrong) < 50:
            self.wrong.append(sentence)

    def check(self, key: Optional[str] = None) -> List[str]:
        """The sentences about what is wrong; none when the dossier is whole."""
        if self._seal(key):
            try:
                self._inside()
            except Exception as error:  # noqa: BLE001 - a broken file may break the reader anywhere: zlib, struct, a flag that means encrypted
                self.say(f"isi berkas tidak dapat dibaca: {error}")
        return self.wrong

    def _seal(self, key: Optional[str]) -> bool:
        with open(self.path, "rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - 65536 - 22))
            tail = file.read()
        # The end record's comment reaches exactly to the end of the file.
        at = next(
            (n for n in range(len(tail) - 22, -1, -1)
             if tail[n : n + 4] == b"PK\x05\x06" and n + 22 + int.from_bytes(tail[n + 20 : n + 22], "little") == len(tail)), None
        )  # fmt: skip
        if at is None:
            self.say(f"akhir berkas (byte {max(0, size - 22)} dan seterusnya): catatan penutup ZIP rusak atau hilang")
            return False
        start = size - len(tail) + at + 22
        try:
            sealed = json.loads(tail[at + 22 :].decode("utf-8"))
            body, signature = sealed["body"], bytes.fromhex(sealed["signature"])
            self.key, blocks, digest, step = body["key"], body["blocks"], body["sha256"], body["block"]
            known = bytes.fromhex(self.key)
            if not isinstance(step, int) or step < 1:
                raise ValueError(step)
        except (ValueError, KeyError, TypeError, AttributeError):
            self.say(f"meterai (byte {start} sampai {size}) rusak: bukan catatan yang ditulis salur")
            return False
        if _plain(sealed) != tail[at + 22 :]:
            self.say(f"meterai (byte {start} sampai {size}) ditulis dengan cara lain")
            return False
        if not signed(known, _plain(body), signature):
            self.say(f"meterai (byte {start} sampai {size}): tanda tangan tidak cocok dengan isinya")
            return False
        if key and key.lower() != self.key:
            self.say(f"berkas ditandatangani dengan kunci lain: {self.key}")
        whole, where = hashlib.sha256(), 0
        broken: List[int] = []
        with open(self.path, "rb") as file:
            while where < start:
                block = file.read(min(step, start - where))
                whole.update(block)
                number = where // step
                if number >= len(blocks) or hashlib.sha256(block).hexdigest()[:16] != blocks[number]:
                    broken.append(where)
                where += len(block)
        if -(-start // step) != len(blocks):
            self.say(f"berkas mempunyai {start} byte, sedangkan meterai menyebut {len(blocks)} blok")
        for begin in broken:
            end = min(begin + step, start)
            self.say(f"byte {begin} sampai {end} diubah: {self._what_is_at(begin, end)}")
        if not broken and whole.hexdigest() != digest:
            self.say("isi berkas bukan yang dimeteraikan")
        return True

    def _what_is_at(self, begin: int, end: int) -> str:
        """The files that lie in a stretch of bytes, as far as the directory can still be read."""
        try:
            with zipfile.ZipFile(self.path) as archive:
                places = sorted((one.header_offset, one.filename) for one in archive.infolist())
                places.append((archive.start_dir, "daftar isi ZIP"))
        except Exception:  # noqa: BLE001 - the same
            return "daftar isi ZIP tidak terbaca"
        places.append((10**18, ""))
        inside = [name for (at, name), (after, _) in zip(places, places[1:]) if at < end and after > begin]  # noqa: B905 - Python 3.8
        return ", ".join(inside) or "catatan penutup ZIP"

    def _inside(self) -> None:
        with zipfile.ZipFile(self.path) as archive:
            manifest = json.loads(archive.read("manifest.json"))
            there = {one.filename for one in archive.infolist()} - {"manifest.json"}
            named = manifest["files"]
            for name in sorted(there ^ set(named)):
                self.say(f"{name}: {'tidak disebut manifes' if name in there else 'hilang'}")
            for name in sorted(there & set(named)):
                size, digest = 0, hashlib.sha256()
                try:
                    with archive.open(name) as file:
                        while True:
                            piece = file.read(1 << 20)
                            if not piece:
                                break
                            size += len(piece)
                            digest.update(piece)
                except Exception as error:  # noqa: BLE001 - the same
                    self.say(f"{name}: tidak dapat dibaca ({error})")
                    continue
                if (size, digest.hexdigest()) != (named[name]["bytes"], named[name]["sha256"]):
                    self.say(f"{name}: isinya bukan yang disebut manifes")
            if not self.wrong:
                self._trail(archive, manifest)
                self._events(archive)
                self._sums(archive, manifest)

    def _rows(self, archive: zipfile.ZipFile, name: str) -> Iterator[Any]:
        usual = csv.field_size_limit(1 << 24)  # of the whole process: put back below
        try:
            with archive.open(name) as file:
                yield from csv.DictReader(io.TextIOWrapper(file, "utf-8", newline=""))
        finally:
            csv.field_size_limit(usual)

    def _trail(self, archive: zipfile.ZipFile, manifest: Any) -> None:
        previous, number = bytes(32), 0
        with archive.open("jejak-audit.jsonl") as file:
            for line in file:
                entry, digest = json.loads(line)
                number += 1
                text = json.dumps(entry, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
                expected = hashlib.sha256(previous + text.encode()).hexdigest()
                if entry[1] != number or expected != digest:
                    self.say(f"jejak-audit.jsonl, catatan {number}: tidak mengikuti catatan sebelumnya")
                    return
                previous = bytes.fromhex(digest)
        if [number, previous.hex()] != manifest["audit_head"]:
            self.say(
                f"jejak-audit.jsonl berakhir pada catatan {number}, yang ditandatangani lain: {manifest['audit_head']}"
            )

    def _events(self, archive: zipfile.ZipFile) -> None:
        last: Any = {}
        for row in self._rows(archive, "kejadian.csv"):
            body = row["isi"].encode()
            if hashlib.sha256(body).hexdigest() != row["sha256"]:
                self.say(f"kejadian.csv: kejadian {row['nomor']} gawai {row['gawai']} bukan isi yang ditandatangani")
            device, number = row["gawai"], int(row["nomor"])
            before = last.get(device)
            if before and before[0] + 1 == number and json.loads(body)["prev"] != before[1]:
                self.say(f"kejadian.csv: kejadian {number} gawai {device} tidak mengikuti kejadian sebelumnya")
            last[device] = (number, row["sha256"])

    def _sums(self, archive: zipfile.ZipFile, manifest: Any) -> None:
        said = manifest["statement"]
        ended: Any = {}
        rupiah: Any = {}
        owed: Any = {}
        for row in self._rows(archive, "daftar.csv"):
            if row["hak"] in owed:
                self.say(f"daftar.csv: hak {row['hak']} ada dua kali")
            owed[row["hak"]] = (int(row["nominal_rp"]), row["akhir"])
            ended[row["akhir"]] = ended.get(row["akhir"], 0) + 1
            rupiah[row["akhir"]] = rupiah.get(row["akhir"], 0) + int(row["nominal_rp"])
        standing: Any = set()
        for row in self._rows(archive, "pembayaran.csv"):
            if row["dibatalkan"]:
                continue
            if row["hak"] in standing:
                self.say(f"pembayaran.csv: hak {row['hak']} dibayar dua kali")
            standing.add(row["hak"])
            if owed.get(row["hak"]) != (int(row["nominal_rp"]), "paid"):
                self.say(f"pembayaran.csv: pembayaran {row['id']} bukan untuk hak yang berakhir dibayar")
        if len(standing) != ended.get("paid", 0):
            self.say(f"{ended.get('paid', 0)} hak berakhir dibayar, tetapi {len(standing)} pembayaran berlaku")
        for ending in ("paid", "returned", "held", "disputed", "open"):
            if (ended.get(ending, 0), rupiah.get(ending, 0)) != (said[ending], said[ending + "_rp"]):
                self.say(f"pernyataan menyebut {said[ending]} hak {ending}, daftar {ended.get(ending, 0)}")
        balances: Any = {}
        for row in self._rows(archive, "mutasi.csv"):
            balances[row["debit"]] = balances.get(row["debit"], 0) + int(row["nominal_rp"])
            balances[row["kredit"]] = balances.get(row["kredit"], 0) - int(row["nominal_rp"])
        if balances.get("paid", 0) != rupiah.get("paid", 0):
            self.say(f"buku kas membayar Rp{balances.get('paid', 0)}, pembayaran berjumlah Rp{rupiah.get('paid', 0)}")
        if balances.get("vault", 0) != said["vault_rp"]:
            self.say(f"kas menurut mutasi Rp{balances.get('vault', 0)}, menurut pernyataan Rp{said['vault_rp']}")


def main() -> int:
    words = sys.argv[1:]
    key = words.pop(words.index("--kunci") + 1) if "--kunci" in words else None
    words = [word for word in words if word != "--kunci"]
    if len(words) != 1:
        print("Pakai: python3 periksa.py BERKAS.zip [--kunci HEX]", file=sys.stderr)  # noqa: T201
        return 2
    dossier = Dossier(words[0])
    try:
        wrong = dossier.check(key)
    except OSError as error:
        print(f"Berkas tidak dapat dibuka: {error}", file=sys.stderr)  # noqa: T201
        return 2
    for sentence in wrong:
        print(f"SALAH: {sentence}")  # noqa: T201
    print(f"kunci: {dossier.key or '-'}")  # noqa: T201
    print("Berkas utuh." if not wrong else "Berkas TIDAK utuh.")  # noqa: T201
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
