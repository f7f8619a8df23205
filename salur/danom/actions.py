"""The verbs of the list: import a batch, approve or cancel it, hold and release, judge pairs, look at the allocation, recount."""

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import polars as pl
from django.db import IntegrityError, OperationalError, connection, transaction
from psycopg.errors import LockNotAvailable

from salur.areas.actions import current_areas
from salur.audit import actions as audit
from salur.danom.models import Batch, Quarantine, State
from salur.danom.reading import Notes, UnreadableList, read_list
from salur.danom.rules import ADJUSTABLE, COLUMNS, REQUIRED, Kind, Reason, Weight, weighed
from salur.danom.staging import Reader, Writer, ahead, create_tables, drop_tables, families_table, lines_table
from salur.lib.ids import uuid7
from salur.lib.problem import Conflict, NotFound, Problem
from salur.lib.sql import Queries, Recount
from salur.programmes.actions import stage_by_code
from salur.programmes.models import Programme, Stage
from salur.programmes.rules import needs_second_person
from salur.registry.actions import attach_staged, build_keys, family_of_nik, key_version, register_staged, sealer
from salur.registry.rules import LINE, NIK, masked

queries = Queries(__file__)

Progress = Callable[[int], None]

# How long an approval keeps trying to attach a list while somebody writes payments without end.
ATTACH_PATIENCE_S = 60


class AlreadyDecided(Conflict):
    code = "already_decided"


class SamePerson(Problem):
    code = "same_person"
    status = 403


class NotInOrder(Conflict):
    code = "not_in_order"


class NotAdjustable(Problem):
    code = "not_adjustable"


@dataclass
class Imported:
    """What became of a file. ``batch`` stands; ``again`` tells that the very file had been imported before."""

    batch: Batch
    again: bool
    notes: list[str] = field(default_factory=list)


class QuarantinedLine(NamedTuple):
    """``part`` is the sheet, where there are several; ``line`` its number in the file or sheet, ``number`` that in the batch."""

    number: int
    part: str
    line: int
    reasons: str
    earlier_line: int | None
    content: dict[str, str]


def import_batch(
    *,
    path: Path,
    stage_code: str,
    actor: str,
    at: datetime,
    name: str | None = None,
    kind: Kind | None = None,
    encoding: str | None = None,
    mapping: Path | None = None,
    progress: Progress = lambda lines: None,
) -> Imported:
    """Check a file line by line and stage what is right, invisible to payments until `approve_batch`.

    ``kind`` is a list for the first batch of a stage and a supplement after, when nothing is said. All or nothing: cut off at any moment it
    leaves no trace, and the same command again does it whole. The same file again changes nothing. Refuses (``UnreadableList``,
    ``NotFound``, ``Conflict``) what is no list.
    """
    stage = stage_by_code(stage_code)
    if not path.is_file():
        raise UnreadableList(f"{path} is not a file: check the name.")
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    notes = Notes()
    with transaction.atomic():
        queries.lock_stage(stage=stage.id)
        before = Batch.objects.filter(stage=stage, file_sha256=digest).exclude(state=State.CANCELLED).first()
        if before is not None:
            return Imported(before, again=True)
        if name is not None and Batch.objects.filter(stage=stage, name=name).exists():
            raise Conflict(f"The stage {stage.code} has a batch called {name} already: choose another name.")
        version = queries.one("next_version", stage=stage.id).version
        first = not Batch.objects.filter(stage=stage).exclude(state=State.CANCELLED).exists()
        kind = kind or (Kind.LIST if first else Kind.SUPPLEMENT)
        batch = Batch.objects.create(
            stage=stage, version=version, name=name or f"{stage.code}-v{version}", kind=kind, file_name=path.name, file_sha256=digest,
            state=State.IMPORTED, lines=0, accepted=0, warned=0, quarantined=0, duplicates=0, amount_rp=0, reasons={},
            imported_by=actor, imported_at=at,
        )  # fmt: skip
        create_tables(batch)
        errors = weighed(policy(programme=stage.programme))
        reader = Reader(
            kind=kind, villages=_villages(), ceiling_rp=stage.programme.amount_ceiling_rp, errors=errors, version=key_version()
        )  # fmt: skip
        writer = Writer(batch=batch, kind=kind, errors=errors, at=at)
        required = ("nik",) if kind == Kind.WITHDRAWAL else REQUIRED
        frames = read_list(path, encoding=encoding, mapping=mapping, required=required, notes=notes)
        for judged in ahead(reader.judge(frame, path.name) for frame in frames):
            writer.write(judged)
            progress(writer.lines)
        writer.finish()
        _note_counts(batch, writer, notes)
        audit.record(
            actor=actor, verb="imported", subject=f"batch/{batch.id}", at=at,
            facts={
                "stage": stage.code, "version": version, "kind": kind.value, "file_sha256": digest, "lines": batch.lines,
                "accepted": batch.accepted,
            },
        )  # fmt: skip
    return Imported(batch, again=False, notes=notes.said)


def _note_counts(batch: Batch, writer: Writer, notes: Notes) -> None:
    batch.lines, batch.accepted, batch.amount_rp = writer.lines, writer.accepted, writer.amount_rp
    batch.quarantined, batch.warned = writer.quarantined, writer.warned
    batch.duplicates = writer.reasons[Reason.NIK_TWICE_IN_FILE] + writer.reasons[Reason.NIK_IN_STAGE]
    batch.reasons = {reason.value: writer.reasons[reason] for reason in sorted(writer.reasons)}
    batch.parts = [[part, first] for part, first in notes.parts]
    batch.save()


def _villages() -> pl.DataFrame:
    """Village codes as a list may write them → the code that counts today and its branch; retired ones by their one successor.

    A retired village that was split, or that nobody has linked, has no code of today: its lines are for the ministry to settle.
    """
    rows = queries.villages()
    branch = {row.code: row.branch for row in rows}
    today = current_areas()
    current = [row.code if row.current else today.get(row.code) for row in rows]
    return pl.DataFrame(
        {
            "code": [str(row.code) for row in rows],
            "village": current,
            "branch": [branch.get(village) for village in current],
        },
        schema={"code": pl.String, "village": pl.Int64, "branch": pl.Int32},
    )


def batch_named(word: str) -> Batch:
    """A batch by its number or its name; raises ``NotFound``, and ``Conflict`` for a name that several stages have."""
    found = list(Batch.objects.select_related("stage__programme").filter(name=word)[:2])
    if not found and word.isdecimal() and len(word) < 10:
        found = list(Batch.objects.select_related("stage__programme").filter(id=int(word)))
    if len(found) > 1:
        raise Conflict(f"Several stages have a batch {word}: name it by its number, which `salur danom batches` lists.")
    if not found:
        raise NotFound(f"There is no batch {word}: `salur danom batches` lists them.")
    return found[0]


def approve_batch(*, word: str, actor: str, at: datetime, progress: Progress = lambda lines: None) -> Batch:
    """The staged lines become entitlements; all of them, or none. The same approval again changes nothing.

    A stage's first list gets its keys where it waits, and is then attached whole with its families. Later ones first add their families to
    the registry, a stretch in each transaction, so that nobody waits for them; what is cut off there is done to its end by the same command
    again. Either way the list counts from the end of one transaction.
    Refuses (``SamePerson``) the importer where the stage asks for a second person, (``NotInOrder``) a version before its turn.
    """
    batch = batch_named(word)
    with _alone_with(batch.stage):
        batch.refresh_from_db()
        if batch.state == State.APPROVED:
            return batch
        _may_approve(batch, actor)
        table = lines_table(batch)
        counted = queries.run("count_lines", table=table)[0]
        if counted.lines != batch.accepted:
            raise Conflict(f"The staged lines of {batch.name} are incomplete: cancel it and import the file again.")
        if batch.kind == Kind.WITHDRAWAL:
            return _approve(batch, actor, at, _hold)
        if batch.kind == Kind.CORRECTION:
            _refuse_gone(batch)
            register_staged(staged=families_table(batch), progress=progress)
            return _approve(batch, actor, at, _correct)
        known = (
            queries.run("known_families", table=table, stage=batch.stage_id)[0].known if _has_list(batch.stage) else 0
        )
        if known:
            raise Conflict(
                f"{known:,} families of {batch.name} came onto the list in the meantime: cancel it and import the file again."
            )
        if _has_partition(batch.stage):
            register_staged(staged=families_table(batch), progress=progress)
        else:
            _build_keys(batch)
            build_keys(staged=families_table(batch), stage=batch.stage_id)
            progress(batch.accepted)
        return _approve(batch, actor, at, _entitle)


@contextmanager
def _alone_with(stage: Stage) -> Iterator[None]:
    """The stage's list is changed by one at a time, also over several transactions."""
    queries.take_stage(stage=stage.id)
    try:
        yield
    finally:
        if not connection.needs_rollback:
            queries.leave_stage(stage=stage.id)


def _may_approve(batch: Batch, actor: str) -> None:
    stage = batch.stage
    if batch.state == State.CANCELLED:
        raise AlreadyDecided(f"{batch.name} was cancelled: import the list again.")
    if actor == batch.imported_by and needs_second_person(
        second_person=stage.second_person, above_lines=stage.second_person_above_lines, above_rp=stage.second_person_above_rp,
        lines=batch.accepted, amount_rp=batch.amount_rp,
    ):  # fmt: skip
        raise SamePerson(f"{batch.name} was imported by {actor}: another person must approve it (--as NAME).")
    waiting = Batch.objects.filter(stage=stage, version__lt=batch.version, state=State.IMPORTED).first()
    if waiting is not None:
        raise NotInOrder(f"{waiting.name} came before {batch.name} and waits: approve or cancel it first.")


@transaction.atomic
def _approve(batch: Batch, actor: str, at: datetime, apply: Callable[[Batch, str, datetime], None]) -> Batch:
    first = batch.kind in (Kind.LIST, Kind.SUPPLEMENT) and not _has_partition(batch.stage)
    apply(batch, actor, at)
    queries.settle_mending(batch=batch.id)
    batch.state, batch.approved_by, batch.approved_at = State.APPROVED, actor, at
    batch.save()
    audit.record(
        actor=actor, verb="approved", subject=f"batch/{batch.id}", at=at,
        facts={"stage": batch.stage.code, "version": batch.version, "accepted": batch.accepted, "amount_rp": batch.amount_rp},
    )  # fmt: skip
    if first:
        attach_staged(staged=families_table(batch), stage=batch.stage_id)
        _attach(batch)
    else:
        drop_tables(batch)
    return batch


def _entitle(batch: Batch, actor: str, at: datetime) -> None:
    table, stage = lines_table(batch), batch.stage_id
    queries.run("tally", table=table, stage=stage, version=batch.version)
    if not _has_partition(batch.stage):
        return  # attached last, see _approve
    queries.run("entitle", table=table)
    with connection.cursor() as cursor:
        partition = _partition_name(batch.stage)
        cursor.execute("SELECT reltuples FROM pg_class WHERE oid = %s::regclass", [partition])
        if cursor.fetchone()[0] < 10 * batch.accepted:
            cursor.execute(f"ANALYZE {partition}")


@transaction.atomic
def _build_keys(batch: Batch) -> None:
    """A stage's first list gets its keys where nobody waits for them; cut off and done again they are built once."""
    table, partition = lines_table(batch), _partition_name(batch.stage)
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_index WHERE indrelid = %s::regclass)", [table])
        if cursor.fetchone()[0]:
            return
        if queries.run("scattered", table=table)[0].scattered:
            _gather(table)
        cursor.execute("SET LOCAL maintenance_work_mem = '512MB'")
        for key in (
            f"ALTER TABLE {table} ADD CONSTRAINT {partition}_pkey PRIMARY KEY (stage, branch, id)",
            f"ALTER TABLE {table} ADD CONSTRAINT {partition}_family_once UNIQUE (stage, family, branch)",
            f"CREATE INDEX {partition}_village ON {table} (branch, village)",
            f"CREATE INDEX {partition}_likeness ON {table} (likeness)",
            f"CREATE INDEX {partition}_code ON {table} (substr(sha256(uuid_send(id)), 1, 5))",
            f"CREATE INDEX {partition}_number ON {table} (number) WHERE octet_length(number) < 200",
        ):
            cursor.execute(key)


def _attach(batch: Batch) -> None:
    """A stage's first list becomes its partition; the last statement of its transaction.

    Nothing is read (the table's own check says which stage it holds), but while a foreign key to the list learns of the partition, nobody
    pays: that takes milliseconds once it begins. It never stands in line for them: whoever would wait behind it for a long writer's end
    goes first, and it tries again.
    """
    table, partition = lines_table(batch), _partition_name(batch.stage)
    give_up = time.monotonic() + ATTACH_PATIENCE_S
    while True:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '40ms'")
                cursor.execute(
                    f"ALTER TABLE danom_entitlement ATTACH PARTITION {table} FOR VALUES IN ({batch.stage_id:d})"
                )
                cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT danom_line_stage")
                cursor.execute(f"ALTER TABLE {table} RENAME TO {partition}")
                cursor.execute("SET LOCAL lock_timeout = DEFAULT")
        except OperationalError as error:
            if not isinstance(error.__cause__, LockNotAvailable):
                raise
            if time.monotonic() > give_up:
                raise Conflict(
                    f"{batch.name} could not be attached: somebody has been writing payments for a minute; approve it again."
                ) from error
            time.sleep(0.2)
        else:
            return


def _gather(table: str) -> None:
    """Lines of one village lie together, as they are paid, also where the ministry's file scatters them."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL work_mem = '512MB'")
        cursor.execute(f"CREATE TABLE {table}_g (LIKE {table} INCLUDING CONSTRAINTS INCLUDING DEFAULTS)")
        cursor.execute(f"INSERT INTO {table}_g SELECT * FROM {table} ORDER BY branch, village, line")  # noqa: S608  our own names
        cursor.execute(f"DROP TABLE {table}")
        cursor.execute(f"ALTER TABLE {table}_g RENAME TO {table}")
        cursor.execute(f"ANALYZE {table}")


def _partition_name(stage: Stage) -> str:
    return f"danom_entitlement_s{stage.id:d}"


def _has_partition(stage: Stage) -> bool:
    """Whether the stage's list is there to be added to; false before its first."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [_partition_name(stage)])
        return bool(cursor.fetchone()[0])


def _has_list(stage: Stage) -> bool:
    return bool(queries.one("anything_approved", stage=stage.id).here)


def _refuse_gone(batch: Batch) -> None:
    gone = queries.run("families_gone", table=lines_table(batch), stage=batch.stage_id)[0].gone
    if gone:
        raise Conflict(
            f"{gone:,} families of {batch.name} are not on the list any more: cancel it and import the file again."
        )


def _hold(batch: Batch, actor: str, at: datetime) -> None:
    _refuse_gone(batch)
    queries.run(
        "hold_batch", table=lines_table(batch), stage=batch.stage_id, batch=batch.id, actor=actor, at=at,
        reason=f"withdrawn by {batch.name}",
    )  # fmt: skip


def _correct(batch: Batch, actor: str, at: datetime) -> None:
    """Entitlements are taken off the list and put back changed. Where somebody has been (a payment, a failed visit, a geotag, a work
    list), the foreign keys hold the entitlement: such a line goes to quarantine, for what has happened is not changed by a file."""
    table, stage = lines_table(batch), batch.stage_id
    changes = queries.run("change_entitlements", table=table, stage=stage)
    taken = {row.id: row for row in _take_away(stage, changes)}
    done = [change for change in changes if change.id in taken]
    _quarantine_visited(batch, [change.line for change in changes if change.id not in taken])
    if not done:
        return
    rows = [taken[change.id] for change in done]
    queries.run(
        "put_back", table=table, stage=stage, version=batch.version, ids=[row.id for row in rows], families=[row.family for row in rows],
        numbers=[row.number for row in rows], held=[row.held for row in rows],
    )  # fmt: skip
    ids, branches = [change.id for change in done], [change.branch for change in done]
    new_branches = [change.new_branch for change in done]
    queries.move_holds(stage=stage, ids=ids, branches=branches, new_branches=new_branches)
    queries.note_changes(
        stage=stage, version=batch.version, lines=[change.line for change in done], ids=ids, branches=branches, new_branches=new_branches,
        villages=[change.village for change in done], new_villages=[change.new_village for change in done],
        amounts=[change.amount_rp for change in done], new_amounts=[change.new_amount_rp for change in done],
    )  # fmt: skip


def _take_away(stage: int, changes: Sequence[Any]) -> list[Any]:
    """Entitlements taken off the list; those that a foreign key holds stay. Halves, to find them: few are held."""
    if not changes:
        return []
    try:
        with transaction.atomic():
            return queries.take_away(
                stage=stage, branches=[row.branch for row in changes], ids=[row.id for row in changes]
            )
    except IntegrityError:
        if len(changes) == 1:
            return []
    half = len(changes) // 2
    return _take_away(stage, changes[:half]) + _take_away(stage, changes[half:])


def _quarantine_visited(batch: Batch, lines: list[int]) -> None:
    if not lines:
        return
    version = key_version()
    empty = sealer(LINE, version).seal(msgspec.json.encode(["" for _ in COLUMNS]))
    Quarantine.objects.bulk_create(
        [
            Quarantine(batch=batch, line=line, reasons=Reason.VISITED_ALREADY.value, content_sealed=empty, key_version=version)
            for line in lines
        ]
    )  # fmt: skip
    batch.accepted -= len(lines)
    batch.quarantined += len(lines)
    batch.reasons = {**batch.reasons, Reason.VISITED_ALREADY.value: len(lines)}


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
    drop_tables(batch)
    queries.forget_batch(batch=batch.id)
    batch.state = State.CANCELLED
    batch.name = f"{batch.name} (cancelled {batch.id})"
    batch.save()
    audit.record(actor=actor, verb="cancelled", subject=f"batch/{batch.id}", at=at, facts={"version": batch.version})
    return batch


def quarantined(*, batch: Batch, all_lines: bool = False) -> Iterator[QuarantinedLine]:
    """The lines that could not be accepted and have not come again mended (or all): opened, for the ministry's eyes."""
    found = Quarantine.objects.filter(batch=batch).order_by("line")
    if not all_lines:
        found = found.filter(mended_by=None)
    openers: dict[int, Any] = {}
    parts = list(reversed(batch.parts))
    for row in found.iterator():
        opener = openers.get(row.key_version) or openers.setdefault(row.key_version, sealer(LINE, row.key_version).open)
        cells = msgspec.json.decode(opener(bytes(row.content_sealed)), type=list[str])
        part, first = next(((part, first) for part, first in parts if first <= row.line), ("", 0))
        line = row.line - first + 1 if first else row.line
        yield QuarantinedLine(
            row.line, part, line, row.reasons, row.earlier_line, dict(zip(COLUMNS, cells, strict=True))
        )


@transaction.atomic
def note_export(*, batch: Batch, lines: int, actor: str, at: datetime) -> None:
    """Quarantined lines left the house with their numbers in clear: who took them is kept."""
    audit.record(actor=actor, verb="exported", subject=f"quarantine/{batch.id}", facts={"lines": lines}, at=at)


def still_quarantined() -> dict[int, int]:
    """Batch → lines that wait to be mended."""
    return {row.batch: row.lines for row in queries.still_quarantined()}


def entitlement_of(*, stage: Stage, word: str) -> Any:
    """A row of the list by its id or by the NIK; raises ``NotFound``."""
    family = family_of_nik(word)
    try:
        wanted = family or UUID(word)
    except ValueError:
        raise NotFound("That is neither a NIK nor the id of an entitlement: check it.") from None
    found = queries.entitlement(stage=stage.id, word=wanted)
    if not found:
        raise NotFound(f"Nobody on the list of {stage.code} is that: check the number.")
    return found[0]


@transaction.atomic
def hold(*, stage_code: str, word: str, reason: str, actor: str, at: datetime) -> tuple[Any, bool]:
    """Nobody pays this entitlement until it is released; it stays allocated. Answers (entitlement, whether it was free before)."""
    stage = stage_by_code(stage_code)
    row = entitlement_of(stage=stage, word=word)
    changed = bool(
        queries.hold(id=uuid7(at), stage=stage.id, branch=row.branch, entitlement=row.id, reason=reason, actor=actor, at=at)
    )  # fmt: skip
    if changed:
        facts = {"stage": stage.code, "reason": reason}
        audit.record(actor=actor, verb="held", subject=f"entitlement/{row.id}", facts=facts, at=at, branch=row.branch)
    return row, changed


@transaction.atomic
def release(*, stage_code: str, word: str, reason: str, actor: str, at: datetime) -> tuple[Any, bool]:
    """End a hold. Answers (entitlement, whether it was held before)."""
    stage = stage_by_code(stage_code)
    row = entitlement_of(stage=stage, word=word)
    changed = bool(
        queries.release(stage=stage.id, branch=row.branch, entitlement=row.id, reason=reason, actor=actor, at=at)
    )
    if changed:
        facts = {"stage": stage.code, "reason": reason}
        audit.record(
            actor=actor, verb="released", subject=f"entitlement/{row.id}", facts=facts, at=at, branch=row.branch
        )
    return row, changed


def holds(*, stage_code: str, released: bool = False) -> list[Any]:
    return queries.holds(stage=stage_by_code(stage_code).id, released=released)


def open_pairs(*, stage_code: str | None = None) -> list[dict[str, object]]:
    """Pairs of families on approved lists that may be one person, for a person to judge; numbers masked."""
    stage = stage_by_code(stage_code).id if stage_code else None
    pairs = []
    for row in queries.open_pairs(stage=stage):
        pairs.append({
            "batch": row.batch, "line": row.line, "name": row.name, "birth_date": row.birth_date,
            "family": row.family, "nik": _masked(row.nik_sealed, row.key_version), "address": row.address,
            "other": row.other, "other_nik": _masked(row.other_nik_sealed, row.other_key_version), "other_address": row.other_address,
        })  # fmt: skip
    return pairs


def _masked(sealed: bytes, version: int) -> str:
    return masked(sealer(NIK, version).open(bytes(sealed)).decode())


@transaction.atomic
def judge_pair(*, family: UUID, other: UUID, same: bool, reason: str, actor: str, at: datetime) -> None:
    """Say once and for all whether two families are one person; later lists do not ask again about two that are not.

    Raises ``AlreadyDecided``. Two that are one: hold one of the entitlements, with that reason.
    """
    if not queries.judge(family=family, other=other, same=same, reason=reason, actor=actor, at=at):
        raise AlreadyDecided("Somebody has judged this pair before.")
    facts = {"other": other, "same": same, "reason": reason}
    audit.record(actor=actor, verb="judged", subject=f"family/{family}", facts=facts, at=at)


def policy(*, programme: Programme) -> dict[Reason, Weight]:
    """Where a programme weighs reasons otherwise than the house."""
    return {Reason(row.reason): Weight(row.weight) for row in queries.policy(programme=programme.id)}


@transaction.atomic
def set_policy(*, programme_code: str, weights: dict[Reason, Weight], actor: str, at: datetime) -> dict[Reason, Weight]:
    """Let reasons weigh otherwise in a programme, from the next import on. Raises ``NotAdjustable``, ``NotFound``."""
    programme = Programme.objects.filter(code=programme_code).first()
    if programme is None:
        raise NotFound(f"There is no programme {programme_code}: `salur programmes list` shows those there are.")
    fixed = [reason.value for reason in weights if reason not in ADJUSTABLE]
    if fixed:
        raise NotAdjustable(f"{', '.join(fixed)} cannot weigh otherwise; {', '.join(sorted(ADJUSTABLE))} can.")
    before = policy(programme=programme)
    changed = {reason: weight for reason, weight in weights.items() if before.get(reason) != weight}
    for reason, weight in changed.items():
        queries.set_policy(programme=programme.id, reason=reason.value, weight=weight.value)
    if changed:
        facts = {reason.value: weight.value for reason, weight in changed.items()}
        audit.record(actor=actor, verb="changed", subject=f"policy/{programme.code}", facts=facts, at=at)
    return policy(programme=programme)


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
    held = queries.recount_holds(stage=stage)
    return [
        Recount(
            "list tallies equal a recount of the entitlements",
            len(tally),
            len(broken),
            [
                f"branch {row.branch} village {row.village}: tally says {row.lines} lines Rp{row.amount_rp},"
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
        Recount(
            "what is held has a reason, and what has one is held",
            sum(row.recounted_lines for row in tally),
            len(held),
            [f"entitlement {row.entitlement} {'should be' if row.should_be else 'is'} held" for row in held[:5]],
        ),
    ]
