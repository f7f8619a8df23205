"""A file's lines on their way into the tables where they wait for approval.

Two hands work at once. The *reader* (a thread; its time is spent in polars and in ciphers, which let others run) takes a stretch of lines,
judges them, hashes and seals their numbers. The *writer* asks the database what only it knows, lays the rows out and copies them. Beside
them the server writes. At most two stretches wait between the hands, so memory is that of a few stretches, whatever the file.

A batch waits in two tables of its own: ``danom_line_<batch>`` in the shape of ``danom_entitlement``, ``danom_family_<batch>`` in the shape
of ``registry_family``. Nobody else reads them; approval makes partitions of them where the list is the stage's first, and else moves
their rows.
"""

import hashlib
import os
import queue
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl
from django.db import connection

from salur.danom import checks
from salur.danom.models import Batch
from salur.danom.reading import UnreadableList
from salur.danom.repeats import Seen
from salur.danom.rules import COLUMNS, Kind, Reason, bits, named
from salur.lib import arrays, copying
from salur.lib.sql import Queries, server_cursor
from salur.registry.actions import create_staged, index_key, key_version, sealer
from salur.registry.rules import KK, LINE, NIK
from salur.registry.sealing import block_of, keys_of

queries = Queries(__file__)

T = TypeVar("T")
Bytes = npt.NDArray[np.uint8]

FAMILY_COLUMNS = "stage, branch, id, nik_sealed, key_version, kk_sealed, kk_key, name, birth_date, sex, address, rt, rw"
LINE_COLUMNS = "stage, branch, id, family, village, amount_rp, version, line, held, likeness, number"


def lines_table(batch: Batch) -> str:
    return f"danom_line_{batch.id:d}"


def families_table(batch: Batch) -> str:
    return f"danom_family_{batch.id:d}"


def create_tables(batch: Batch) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            # The check lets the table be attached as the stage's partition without being read.
            f"""CREATE TABLE {lines_table(batch)} (LIKE danom_entitlement INCLUDING CONSTRAINTS INCLUDING DEFAULTS,
            CONSTRAINT danom_line_stage CHECK (stage = {batch.stage_id:d}))"""
        )
    create_staged(staged=families_table(batch), stage=batch.stage_id)


def drop_tables(batch: Batch) -> None:
    """What the batch no longer waits in."""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {lines_table(batch)}, {families_table(batch)}")


@dataclass
class Judged:
    """A stretch of lines as the reader hands it on: every line, and of the ``sound`` ones what they need to be written."""

    lines: pl.DataFrame  # raw texts, with `found` and `earlier`
    sound: pl.DataFrame
    families: Bytes
    niks_sealed: Bytes
    cards_given: npt.NDArray[np.bool_]
    cards_sealed: Bytes
    cards: Bytes
    likeness: npt.NDArray[np.int64]
    alike: npt.NDArray[np.int32]  # the line before that may be the same person, or 0


class Reader:
    """Judges stretches of lines; knows what came before in the file, and nothing of the database."""

    def __init__(
        self, *, kind: Kind, villages: pl.DataFrame, ceiling_rp: int, errors: frozenset[Reason], version: int
    ) -> None:
        self.kind, self.villages, self.ceiling_rp, self.errors = kind, villages, ceiling_rp, bits(errors)
        self.niks, self.cards, self.people = Seen(), Seen(), Seen()
        self.seal_nik, self.seal_card = sealer(NIK, version), sealer(KK, version)
        self.index_key = index_key()
        self.precise = False

    def judge(self, raw: pl.DataFrame, name: str) -> Judged:
        only_nik = self.kind == Kind.WITHDRAWAL
        frame = checks.checked(
            checks.mended(raw), villages=self.villages, ceiling_rp=self.ceiling_rp, only_nik=only_nik
        )
        self._refuse_rounded(frame, name)
        frame = self._repeated(frame)
        sound = frame.filter((pl.col("found") & self.errors) == 0)
        nik_block = block_of(sound["nik"])
        given = sound["card"].is_not_null().to_numpy()
        card_block = block_of(sound.filter(pl.Series(given))["no_kk"])
        likeness, alike = self._likeness(sound)
        return Judged(
            raw.with_columns(frame["found"], frame["earlier"]),
            sound,
            keys_of(nik_block, self.index_key),
            self.seal_nik.seal_block(nik_block),
            given,
            _spread(self.seal_card.seal_block(card_block), given),
            _spread(keys_of(card_block, self.index_key, KK), given),
            likeness,
            alike,
        )

    def _refuse_rounded(self, frame: pl.DataFrame, name: str) -> None:
        """A spreadsheet keeps fifteen digits of a number: NIKs typed into one all end in 0, and belong to nobody."""
        if self.precise:
            return
        whole = frame["number"].drop_nulls()
        self.precise = len(whole) >= 20
        if self.precise and (whole % 10 == 0).all():
            raise UnreadableList(
                f"{name}: every NIK ends in 0, so a spreadsheet has rounded them: make the column text and enter them again."
            )

    def _repeated(self, frame: pl.DataFrame) -> pl.DataFrame:
        """A NIK that came before in the file is an error of the later line, a family card that came before a warning."""
        lines, found = frame["line"].to_numpy(), frame["found"].to_numpy().copy()
        earlier = np.zeros(len(frame), np.int32)
        sound = np.flatnonzero((found & self.errors) == 0)
        twice = self.niks.earlier(frame["number"].fill_null(-1).to_numpy()[sound], lines[sound])
        earlier[sound] = twice
        found[sound[twice > 0]] |= Reason.NIK_TWICE_IN_FILE.bit
        if self.kind != Kind.WITHDRAWAL:
            cards = frame["card"].fill_null(-1).to_numpy()
            with_card = sound[(twice == 0) & (cards[sound] >= 0)]
            again = self.cards.earlier(cards[with_card], lines[with_card])
            found[with_card[again > 0]] |= Reason.KK_REPEATED.bit
        return frame.with_columns(pl.Series("found", found), pl.Series("earlier", earlier))

    def _likeness(self, sound: pl.DataFrame) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
        """A number shared by who may be one person (0 where a birth date is missing), and the line before that shares it.

        Eight bytes of a hash: among 18.8 million lines two different people share one by chance once in a hundred thousand lists.
        """
        alike = np.zeros(len(sound), np.int32)
        likeness = np.zeros(len(sound), np.int64)
        if self.kind == Kind.WITHDRAWAL:
            return likeness, alike
        texts = checks.likeness_texts(sound)
        given = texts.is_not_null().to_numpy()
        hashed = hashlib.blake2b
        digests = b"".join([hashed(text.encode(), digest_size=8).digest() for text in texts.drop_nulls().to_list()])
        likeness[given] = np.frombuffer(digests, ">i8")
        alike[given] = self.people.earlier(likeness[given], sound["line"].to_numpy()[given])
        return likeness, alike


def _spread(blocks: Bytes, given: npt.NDArray[np.bool_]) -> Bytes:
    """Blocks of the rows that are given, and zeros for the others."""
    if given.all():
        return blocks
    out = np.zeros((len(given), blocks.shape[1]), np.uint8)
    out[given] = blocks
    return out


class Writer:
    """Writes judged stretches into the batch's tables, and counts."""

    def __init__(self, *, batch: Batch, kind: Kind, errors: frozenset[Reason], at: datetime) -> None:
        self.batch, self.kind, self.errors, self.at = batch, kind, bits(errors), at
        self.key_version = key_version()
        self.seal_line = sealer(LINE, self.key_version)
        self.reasons: Counter[Reason] = Counter()
        self.pairs: list[tuple[int, int]] = []
        self.lines = self.accepted = self.quarantined = self.warned = self.amount_rp = 0
        self.stage_has_list = queries.one("anything_approved", stage=batch.stage_id).here
        self.others = [row.stage for row in queries.stages_of_other_programmes(stage=batch.stage_id)]

    def write(self, judged: Judged) -> None:
        self.lines += len(judged.lines)
        keep, lines = self._known(judged)
        wrong = (lines["found"] & self.errors) != 0
        self._quarantine(lines.filter(wrong))
        self._warn(lines.filter(~wrong & (pl.col("found") != 0)))
        self._mending(lines.filter(~wrong & (pl.col("batch") != "")))
        alike = np.flatnonzero(keep & (judged.alike > 0))
        self.pairs += zip(judged.sound["line"].gather(alike).to_list(), judged.alike[alike].tolist(), strict=True)
        self._stage(judged, keep)

    def _known(self, judged: Judged) -> tuple[npt.NDArray[np.bool_], pl.DataFrame]:
        """What only the database knows: who is on the stage's list already, who is not, and who is paid by another programme too."""
        keep = np.ones(len(judged.sound), bool)
        found = np.zeros(len(judged.sound), np.uint32)
        if not len(keep):
            return keep, judged.lines
        families = arrays.uuid_blocks(judged.families.tobytes())
        changing = self.kind in (Kind.CORRECTION, Kind.WITHDRAWAL)
        if self.stage_has_list or changing:
            here = self._among(self.batch.stage_id, families, len(keep))
            keep = here if changing else ~here
            found[~keep] |= (Reason.NIK_NOT_IN_STAGE if changing else Reason.NIK_IN_STAGE).bit
        if not changing:
            for stage in self.others:
                found[self._among(stage, families, len(keep))] |= Reason.NIK_IN_OTHER_PROGRAMME.bit
        if not found.any():
            return keep, judged.lines
        lines = judged.lines
        all_found = lines["found"].to_numpy().copy()
        all_found[np.searchsorted(lines["line"].to_numpy(), judged.sound["line"].to_numpy())] |= found
        return keep, lines.with_columns(pl.Series("found", all_found))

    def _among(self, stage: int, families: arrays.Column, size: int) -> npt.NDArray[np.bool_]:
        places = [row.place for row in queries.families_in_stage(stage=stage, families=families)]
        among = np.zeros(size, bool)
        among[np.array(places, np.int64) - 1] = True
        return among

    def _count(self, found: pl.Series, of: int) -> None:
        for row in found.value_counts().iter_rows():
            for reason in named(row[0] & of):
                self.reasons[reason] += row[1]

    def _quarantine(self, wrong: pl.DataFrame) -> None:
        if wrong.is_empty():
            return
        self.quarantined += len(wrong)
        self._count(wrong["found"], self.errors)
        seal, encode = self.seal_line.seal, msgspec.json.encode
        contents = [seal(encode(cells)) for cells in wrong.select(COLUMNS).iter_rows()]
        rows = len(wrong)
        earlier = wrong["earlier"].to_numpy()
        self._copy(
            "danom_quarantine (batch_id, line, key_version, reasons, content_sealed, earlier_line)",
            [
                copying.constant(self.batch.id, rows, size=4), copying.integers(wrong["line"].to_numpy()),
                copying.constant(self.key_version, rows, size=2), copying.texts(_words(wrong["found"], self.errors)),
                copying.blobs(contents), copying.where(copying.integers(earlier), earlier > 0),
            ],
            rows,
        )  # fmt: skip

    def _warn(self, lines: pl.DataFrame) -> None:
        if lines.is_empty():
            return
        self.warned += len(lines)
        self._count(lines["found"], ~self.errors)
        words = _words(lines["found"], ~self.errors)
        columns = [copying.constant(self.batch.id, len(lines), size=4), copying.integers(lines["line"].to_numpy()), copying.texts(words)]  # fmt: skip
        self._copy("danom_warning (batch_id, line, reasons)", columns, len(lines))

    def _mending(self, lines: pl.DataFrame) -> None:
        """Which quarantined lines these mend; what the file says of it counts only where there is such a line, waiting."""
        if lines.is_empty():
            return
        queries.note_mending(
            batch=self.batch.id, stage=self.batch.stage_id, lines=lines["line"].to_list(), of_batches=lines["batch"].to_list(),
            of_lines=lines["baris"].cast(pl.Int32, strict=False).fill_null(0).to_list(),
        )  # fmt: skip

    def _stage(self, judged: Judged, keep: npt.NDArray[np.bool_]) -> None:
        every = bool(keep.all())
        sound = judged.sound if every else judged.sound.filter(pl.Series(keep))
        rows = len(sound)
        if not rows:
            return

        def of(blocks: Any) -> Any:
            return blocks if every else blocks[keep]

        self.accepted += rows
        numbers, families, likeness = sound["line"].to_numpy(), of(judged.families), of(judged.likeness)
        withdrawal = self.kind == Kind.WITHDRAWAL
        zeros = np.zeros(rows, np.int64)
        branch = copying.integers(zeros if withdrawal else sound["branch"].to_numpy())
        amounts = zeros + 1 if withdrawal else sound["amount_rp"].to_numpy()
        if not withdrawal:
            self.amount_rp += int(amounts.sum())
        self._copy(
            f"{lines_table(self.batch)} ({LINE_COLUMNS})",
            [
                copying.constant(self.batch.stage_id, rows, size=4),
                branch,
                copying.uuids(_ids(numbers, self.at)),
                copying.uuids(families),
                copying.bigints(zeros if withdrawal else sound["village"].to_numpy()),
                copying.bigints(amounts),
                copying.constant(self.batch.version, rows, size=4),
                copying.integers(numbers),
                copying.constant(0, rows, size=1),
                copying.where(copying.bigints(likeness), likeness != 0),
                copying.texts(sound["keterangan" if withdrawal else "no_undangan"].replace("", None)),
            ],
            rows,
        )
        if withdrawal:
            return
        given = of(judged.cards_given)
        self._copy(
            f"{families_table(self.batch)} ({FAMILY_COLUMNS})",
            [
                copying.constant(self.batch.stage_id, rows, size=4),
                branch,
                copying.uuids(families),
                copying.Fixed(of(judged.niks_sealed)),
                copying.constant(self.key_version, rows, size=2),
                copying.where(copying.Fixed(of(judged.cards_sealed)), given),
                copying.where(copying.uuids(of(judged.cards)), given),
                copying.texts(sound["nama"]),
                copying.dates(sound["birth_date"]),
                copying.texts(sound["sex"]),
                copying.texts(sound["alamat"]),
                copying.texts(sound["rt"]),
                copying.texts(sound["rw"]),
            ],
            rows,
        )

    def _copy(self, table: str, columns: Sequence[copying.Column], rows: int) -> None:
        with server_cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN (FORMAT binary)") as copy:
            copy.write(copying.packed(columns, rows))

    def finish(self) -> None:
        """Look for people who may be one, against the file and the stage's list; people judged before are not asked about again."""
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE {lines_table(self.batch)}")
        if self.kind == Kind.WITHDRAWAL:
            return
        table = lines_table(self.batch)
        later, earlier = zip(*self.pairs, strict=True) if self.pairs else ((), ())
        if self.pairs:
            queries.run("pair_within", table=table, batch=self.batch.id, later=list(later), earlier=list(earlier))
        if self.stage_has_list:
            queries.run("pair_with_list", table=table, batch=self.batch.id, stage=self.batch.stage_id)
        paired = queries.one("warn_of_pairs", batch=self.batch.id, reason=Reason.PROBABLE_DUPLICATE.value)
        if paired.lines:
            self.reasons[Reason.PROBABLE_DUPLICATE] = paired.lines
            self.warned += paired.first_warnings


def _words(found: pl.Series, of: int) -> pl.Series:
    """The reasons' words with spaces between; there are few combinations, so each is spelt once."""
    combinations = found.unique()
    words = {number: " ".join(named(number & of)) for number in combinations.to_list()}
    return found.replace_strict(words, return_dtype=pl.String)


def _ids(lines: npt.NDArray[np.int32], at: datetime) -> Bytes:
    """UUIDv7 of entitlements: the import's millisecond, then the line, then random bits; so they follow the file's order."""
    rows = len(lines)
    out = np.empty((rows, 16), np.uint8)
    out[:, :6] = np.frombuffer(int(at.timestamp() * 1000).to_bytes(6, "big"), np.uint8)
    line = lines.astype(np.uint64)
    # 12 bits of the line, the variant's 2, the line's lower 20, then 42 random ones.
    high = (np.uint64(0x7000) | line >> np.uint64(20)).astype(">u2").view(np.uint8).reshape(rows, 2)
    noise = np.frombuffer(os.urandom(8 * rows), np.uint64) & np.uint64((1 << 42) - 1)
    low = np.uint64(1) << np.uint64(63) | (line & np.uint64(0xFFFFF)) << np.uint64(42) | noise
    out[:, 6:8] = high
    out[:, 8:] = low.astype(">u8").view(np.uint8).reshape(rows, 8)
    return out


def ahead(items: Iterable[T], *, depth: int = 2) -> Iterator[T]:
    """The same items, made by a thread that runs at most ``depth`` ahead; its exceptions arrive here."""
    made: queue.Queue[tuple[str, Any]] = queue.Queue(depth)
    stopped = threading.Event()

    def put(kind: str, value: object) -> bool:
        while not stopped.is_set():
            try:
                made.put((kind, value), timeout=0.2)
            except queue.Full:
                continue
            return True
        return False

    def work() -> None:
        try:
            for item in items:
                if not put("item", item):
                    return
            put("end", None)
        except BaseException as error:  # noqa: BLE001  raised again by the one who waits
            put("error", error)

    thread = threading.Thread(target=work, name="danom reader", daemon=True)
    thread.start()
    try:
        while True:
            kind, value = made.get()
            if kind == "end":
                return
            if kind == "error":
                raise value
            yield value
    finally:
        stopped.set()
        thread.join()
