"""The verbs of the list: import a batch, approve or cancel it, look at the allocation, recount."""

import hashlib
import io
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from django.db import connection, transaction

from salur.areas.actions import current_areas
from salur.audit import actions as audit
from salur.danom import checks
from salur.danom.models import Batch, Quarantine, State, Warned
from salur.danom.reading import UnreadableList, read_list
from salur.danom.rules import COLUMNS, Reason
from salur.lib.problem import Conflict, NotFound, Problem
from salur.lib.sql import Queries, Recount, server_cursor
from salur.programmes.actions import stage_by_code
from salur.programmes.models import Stage
from salur.programmes.rules import needs_second_person
from salur.registry.actions import KEY_VERSION, index_key, sealer
from salur.registry.rules import KK, NIK, keys_of

queries = Queries(__file__)

Progress = Callable[[int], None]


class AlreadyDecided(Conflict):
    code = "already_decided"


class SamePerson(Problem):
    code = "same_person"
    status = 403


class NotInOrder(Conflict):
    code = "not_in_order"


@dataclass
class Imported:
    """What became of a file. ``batch`` stands; ``again`` tells that the very file had been imported before."""

    batch: Batch
    again: bool
    quarantine: list[tuple[int, str, dict[str, str]]] = field(default_factory=list)


def lines_table(batch: Batch) -> str:
    return f"danom_line_{batch.id:d}"


def import_batch(
    *,
    path: Path,
    stage_code: str,
    actor: str,
    at: datetime,
    name: str | None = None,
    encoding: str = "utf-8",
    progress: Progress = lambda lines: None,
) -> Imported:
    """Check a file line by line and stage what is right, invisible to payments until `approve_batch`.

    All or nothing: cut off at any moment it leaves no trace, and the same command again does it whole. The same file again changes
    nothing. Refuses (``UnreadableList``, ``NotFound``, ``Conflict``) what is no list.
    """
    stage = stage_by_code(stage_code)
    if not path.is_file():
        raise UnreadableList(f"{path} is not a file: check the name.")
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    with transaction.atomic():
        queries.lock_stage(stage=stage.id)
        before = Batch.objects.filter(stage=stage, file_sha256=digest).exclude(state=State.CANCELLED).first()
        if before is not None:
            return Imported(before, again=True)
        if name is not None and Batch.objects.filter(stage=stage, name=name).exclude(state=State.CANCELLED).exists():
            raise Conflict(f"The stage {stage.code} has a batch called {name} already: choose another name.")
        version = queries.one("next_version", stage=stage.id).version
        batch = Batch.objects.create(
            stage=stage, version=version, name=name or f"{stage.code}-v{version}", file_name=path.name, file_sha256=digest,
            state=State.IMPORTED, lines=0, accepted=0, warned=0, quarantined=0, duplicates=0, amount_rp=0, reasons={},
            imported_by=actor, imported_at=at,
        )  # fmt: skip
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE UNLOGGED TABLE {lines_table(batch)} (LIKE danom_line INCLUDING CONSTRAINTS)")
        loading = _Loading(batch, stage, at)
        for frame in read_list(path, encoding=encoding):
            loading.load(frame)
            progress(loading.lines)
        loading.finish()
        audit.record(
            actor=actor, verb="imported", subject=f"batch/{batch.id}", at=at,
            facts={"stage": stage.code, "version": version, "file_sha256": digest, "lines": batch.lines, "accepted": batch.accepted},
        )  # fmt: skip
    return Imported(batch, again=False, quarantine=loading.quarantine)


class _Loading:
    """One import on its way: frames go in, staged lines and counts come out."""

    def __init__(self, batch: Batch, stage: Stage, at: datetime) -> None:
        self.batch, self.stage, self.at = batch, stage, at
        self.villages = _villages()
        self.seen = np.empty(0, dtype=np.int64)
        self.cards = np.empty(0, dtype=np.int64)
        self.approved = queries.one("anything_approved", stage=stage.id)
        self.reasons: Counter[str] = Counter()
        self.quarantine: list[tuple[int, str, dict[str, str]]] = []
        self.warned: list[tuple[int, str]] = []
        self.lines = self.accepted = self.amount_rp = 0

    def load(self, raw: pl.DataFrame) -> None:
        self.lines += raw.height
        frame = checks.check(
            checks.mend(raw), villages=self.villages, ceiling_rp=self.stage.programme.amount_ceiling_rp
        )
        frame = self._mark_repeated(frame)
        sound = frame.filter(pl.col("errors") == "")
        keys = keys_of(sound["nik"].to_list(), index_key())
        sound = sound.with_columns(pl.Series("family", keys, dtype=pl.String))
        frame, sound = self._mark_known(frame, sound)
        self._count(raw, frame)
        self._stage_lines(sound)

    def _mark_repeated(self, frame: pl.DataFrame) -> pl.DataFrame:
        """A NIK that came before in the file is an error of the later line, a card that came before a warning."""
        sound = pl.col("errors") == ""
        number = pl.when(sound).then(pl.col("nik").cast(pl.Int64, strict=False))
        card = pl.when(sound).then(pl.col("no_kk").cast(pl.Int64, strict=False))
        frame = frame.with_columns(number.alias("number"), card.alias("card"))
        twice, self.seen = _repeated(frame["number"], self.seen)
        frame = frame.with_columns(
            pl.when(twice).then(pl.lit(str(Reason.NIK_TWICE_IN_FILE))).otherwise(pl.col("errors")).alias("errors"),
            pl.when(twice).then(None).otherwise(pl.col("card")).alias("card"),
        )
        again, self.cards = _repeated(frame["card"], self.cards)
        return frame.with_columns(_with_reason("warnings", again, Reason.KK_REPEATED))

    def _mark_known(self, frame: pl.DataFrame, sound: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Families on the stage's list already (error), or paid by another programme in the same window (information)."""
        if self.approved.here:
            here = _uuid_texts(queries.families_in_stage(stage=self.stage.id, families=sound["family"].to_list()))
            lines = set(sound.filter(pl.col("family").is_in(here))["line"].to_list())
            known = frame["line"].is_in(list(lines))
            frame = frame.with_columns(
                pl.when(known).then(pl.lit(str(Reason.NIK_IN_STAGE))).otherwise(pl.col("errors")).alias("errors")
            )
            sound = sound.filter(~pl.col("line").is_in(list(lines)))
        if self.approved.elsewhere:
            other = _uuid_texts(
                queries.families_in_other_programmes(stage=self.stage.id, families=sound["family"].to_list())
            )
            lines = set(sound.filter(pl.col("family").is_in(other))["line"].to_list())
            paid_too = frame["line"].is_in(list(lines))
            frame = frame.with_columns(_with_reason("warnings", paid_too, Reason.NIK_IN_OTHER_PROGRAMME))
        return frame, sound

    def _count(self, raw: pl.DataFrame, frame: pl.DataFrame) -> None:
        wrong = frame["errors"] != ""
        for texts in (frame.filter(wrong)["errors"], frame.filter(~wrong & (frame["warnings"] != ""))["warnings"]):
            for text in texts:
                self.reasons.update(text.split())
        if wrong.any():
            contents = raw.filter(wrong).select(COLUMNS).to_dicts()
            for line, errors, content in zip(
                frame.filter(wrong)["line"], frame.filter(wrong)["errors"], contents, strict=True
            ):
                self.quarantine.append((line, errors, content))
        warned = frame.filter(~wrong & (frame["warnings"] != ""))
        self.warned.extend(zip(warned["line"], warned["warnings"], strict=True))

    def _stage_lines(self, sound: pl.DataFrame) -> None:
        if sound.is_empty():
            return
        self.accepted += sound.height
        self.amount_rp += int(sound["amount_rp"].sum())
        sealed = sealer(NIK).seal_all(sound["nik"].to_list())
        cards = sound["no_kk"].to_list()
        staged = sound.select(
            "line",
            "branch",
            _ids(sound["line"], self.at).alias("id"),
            "family",
            "village",
            "amount_rp",
            pl.col("no_undangan").replace("", None),
            pl.Series("nik_sealed", sealed),
            pl.Series("kk_sealed", sealer(KK).seal_all(cards)).replace("", None),
            pl.Series("kk_key", keys_of(cards, index_key(), KK)).replace("", None),
            "nama",
            "birth_date",
            "sex",
            "alamat",
            "rt",
            "rw",
        )
        text = io.BytesIO()
        staged.write_csv(text, include_header=False, null_value="\\N", quote_style="non_numeric")
        copying = f"COPY {lines_table(self.batch)} FROM STDIN (FORMAT csv, NULL '\\N', FORCE_NULL (number, kk_sealed, kk_key, birth_date, sex))"
        with server_cursor() as cursor, cursor.copy(copying) as copy:
            copy.write(text.getbuffer())

    def finish(self) -> None:
        """Look for people who may be one, write down what was found, and let the batch wait for approval."""
        probable = {row.line for row in queries.run("probable_duplicates", table=lines_table(self.batch))}
        warned = {line: reasons.split() for line, reasons in self.warned}
        for line in probable:
            warned.setdefault(line, []).append(Reason.PROBABLE_DUPLICATE)
            self.reasons[Reason.PROBABLE_DUPLICATE] += 1
        seal = sealer(b"nik").seal
        Quarantine.objects.bulk_create(
            [
                Quarantine(batch=self.batch, line=line, reasons=reasons, content_sealed=seal(_as_text(content)))
                for line, reasons, content in self.quarantine
            ],
            batch_size=5_000,
        )
        Warned.objects.bulk_create(
            [
                Warned(batch=self.batch, line=line, reasons=" ".join(reasons))
                for line, reasons in sorted(warned.items())
            ],
            batch_size=5_000,
        )
        batch = self.batch
        batch.lines, batch.accepted, batch.amount_rp = self.lines, self.accepted, self.amount_rp
        batch.quarantined, batch.warned = len(self.quarantine), len(warned)
        batch.duplicates = self.reasons[Reason.NIK_TWICE_IN_FILE] + self.reasons[Reason.NIK_IN_STAGE]
        batch.reasons = dict(sorted(self.reasons.items()))
        batch.save()
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE {lines_table(batch)}")


def _villages() -> pl.DataFrame:
    """Village codes as a list may write them → the code that counts today and its branch; retired ones by their one successor."""
    rows = queries.villages()
    branch = {row.village: row.branch for row in rows}
    today = current_areas()
    current = [today.get(row.village, row.village) for row in rows]
    return pl.DataFrame(
        {
            "code": [row.code for row in rows],
            "village": current,
            "branch": [branch.get(village, row.branch) for village, row in zip(current, rows, strict=True)],
        },
        schema={"code": pl.String, "village": pl.Int64, "branch": pl.Int32},
    )


def _repeated(
    numbers: pl.Series, seen: np.ndarray[Any, np.dtype[np.int64]]
) -> tuple[pl.Series, np.ndarray[Any, np.dtype[np.int64]]]:
    """Which of the numbers came before, here or in ``seen`` (sorted); and ``seen`` with these added."""
    given = numbers.is_not_null()
    earlier = given & ~numbers.is_first_distinct()
    values = numbers.fill_null(-1).to_numpy()
    if len(seen):
        places = np.searchsorted(seen, values).clip(max=len(seen) - 1)
        earlier = earlier | (given & pl.Series(seen[places] == values))
    fresh = np.unique(values[given.to_numpy()])
    return earlier, np.union1d(seen, fresh) if len(seen) else fresh


def _with_reason(column: str, applies: pl.Series, reason: Reason) -> pl.Expr:
    added = pl.concat_str(pl.col(column), pl.lit(" "), pl.lit(str(reason))).str.strip_chars_start()
    return pl.when(applies).then(added).otherwise(pl.col(column)).alias(column)


def _uuid_texts(rows: Sequence[Any]) -> list[str]:
    return [row.family.hex for row in rows]


def _ids(lines: pl.Series, at: datetime) -> pl.Series:
    """UUIDv7 of entitlements: the import's millisecond, then the line, then random bits; so they follow the file's order."""
    milliseconds = int(at.timestamp() * 1000).to_bytes(6, "big").hex()
    numbers = lines.to_numpy().astype(np.uint64)
    noise = np.frombuffer(os.urandom(6 * len(lines)), dtype=np.uint8).reshape(-1, 6)
    high = (numbers >> np.uint64(20)) & np.uint64(0xFFF)
    middle = (numbers >> np.uint64(6)) & np.uint64(0x3FFF)
    low = numbers & np.uint64(0x3F)
    texts = [
        f"{milliseconds}7{h:03x}{0x8000 | m:04x}{lo << 2:02x}{bytes(n[1:]).hex()}"
        for h, m, lo, n in zip(high.tolist(), middle.tolist(), low.tolist(), noise, strict=True)
    ]
    return pl.Series("id", texts)


def _as_text(content: dict[str, str]) -> str:
    return "\t".join(content[column] for column in COLUMNS)


def quarantined(*, batch: Batch) -> list[tuple[int, str, dict[str, str]]]:
    """The lines that could not be accepted: number, reasons, and what the file said (opened; for the ministry's eyes)."""
    opened = sealer(b"nik").open
    return [
        (row.line, row.reasons, dict(zip(COLUMNS, opened(bytes(row.content_sealed)).split("\t"), strict=True)))
        for row in Quarantine.objects.filter(batch=batch).order_by("line")
    ]


def batch_named(word: str) -> Batch:
    """A batch by its number or its name; raises ``NotFound``."""
    found = Batch.objects.filter(name=word).first() or (
        Batch.objects.filter(id=int(word)).first() if word.isdecimal() else None
    )
    if found is None:
        raise NotFound(f"There is no batch {word}: `salur danom batches` lists them.")
    return found


@transaction.atomic
def approve_batch(*, word: str, actor: str, at: datetime) -> Batch:
    """The staged lines become entitlements; all of them, or none. The same approval again changes nothing.

    Refuses (``SamePerson``) the importer where the stage asks for a second person, (``NotInOrder``) a version before its turn.
    """
    batch = batch_named(word)
    stage = batch.stage
    queries.lock_stage(stage=stage.id)
    batch.refresh_from_db()
    if batch.state == State.APPROVED:
        return batch
    if batch.state == State.CANCELLED:
        raise AlreadyDecided(f"{batch.name} was cancelled: import the list again.")
    alone = actor == batch.imported_by
    if alone and needs_second_person(
        second_person=stage.second_person, above_lines=stage.second_person_above_lines, above_rp=stage.second_person_above_rp,
        lines=batch.accepted, amount_rp=batch.amount_rp,
    ):  # fmt: skip
        raise SamePerson(f"{batch.name} was imported by {actor}: another person must approve it (--as NAME).")
    waiting = Batch.objects.filter(stage=stage, version__lt=batch.version, state=State.IMPORTED).first()
    if waiting is not None:
        raise NotInOrder(f"{waiting.name} came before {batch.name} and waits: approve or cancel it first.")
    table = lines_table(batch)
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [table])
        there = cursor.fetchone()[0]
    counted = queries.run("count_lines", table=table)[0] if there else None
    if counted is None or (counted.lines, counted.amount_rp) != (batch.accepted, batch.amount_rp):
        raise Conflict(
            f"The staged lines of {batch.name} were lost when the database stopped: cancel it and import the file again."
        )
    known = queries.run("known_families", table=table, stage=stage.id)[0].known
    if known:
        raise Conflict(
            f"{known} families of {batch.name} came onto the list in the meantime: cancel it and import the file again."
        )
    queries.run("register_families", table=table, key_version=KEY_VERSION)
    queries.run("entitle", table=table, stage=stage.id, version=batch.version)
    queries.run("tally", table=table, stage=stage.id, version=batch.version)
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE {table}")
        cursor.execute(f"ANALYZE danom_entitlement_s{stage.id:d}, danom_tally_s{stage.id:d}")
    batch.state, batch.approved_by, batch.approved_at = State.APPROVED, actor, at
    batch.save()
    audit.record(
        actor=actor, verb="approved", subject=f"batch/{batch.id}", at=at,
        facts={"stage": stage.code, "version": batch.version, "accepted": batch.accepted, "amount_rp": batch.amount_rp},
    )  # fmt: skip
    return batch


@transaction.atomic
def cancel_batch(*, word: str, actor: str, at: datetime) -> Batch:
    """Give up a batch that waits; its file may be imported again. Refuses (``AlreadyDecided``) an approved one."""
    batch = batch_named(word)
    queries.lock_stage(stage=batch.stage_id)
    batch.refresh_from_db()
    if batch.state == State.APPROVED:
        raise AlreadyDecided(f"{batch.name} is approved: correct it with another batch.")
    if batch.state == State.CANCELLED:
        return batch
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {lines_table(batch)}")
    batch.state = State.CANCELLED
    batch.name = f"{batch.name} (cancelled {batch.id})"
    batch.save()
    audit.record(actor=actor, verb="cancelled", subject=f"batch/{batch.id}", at=at, facts={"version": batch.version})
    return batch


def allocation(*, stage_code: str, by: str, version: int | None = None) -> tuple[int, list[Any]]:
    """(version, rows ``code, name, allocated, amount_rp``) as of a version, the newest approved when none is named."""
    stage = stage_by_code(stage_code)
    if version is None:
        newest = Batch.objects.filter(stage=stage, state=State.APPROVED).order_by("-version").first()
        version = newest.version if newest else 0
    return version, queries.allocation(stage=stage.id, by=by, version=version)


def recount(*, stage: int) -> list[Recount]:
    """The invariants of the list, recounted from the entitlements."""
    tally = queries.recount_tally(stage=stage)
    broken = [row for row in tally if row.broken]
    batches = queries.recount_batches(stage=stage)
    twice = queries.recount_families(stage=stage)
    return [
        Recount(
            "list tallies equal a recount of the entitlements",
            len(tally),
            len(broken),
            [
                f"branch {row.branch} village {row.village} version {row.version}: tally says {row.lines} lines Rp{row.amount_rp},"
                f" the entitlements say {row.recounted_lines} lines Rp{row.recounted_amount_rp}"
                for row in broken[:5]
            ],
        ),
        Recount(
            "approved batches are entitlements, line by line",
            len(tally),
            len(batches),
            [f"version {row.version}: {row.accepted} lines accepted, {row.lines} entitled" for row in batches[:5]],
        ),
        Recount(
            "a family is on a stage's list once",
            sum(row.recounted_lines for row in tally),
            len(twice),
            [f"family {row.family} {row.times} times" for row in twice[:5]],
        ),
    ]
