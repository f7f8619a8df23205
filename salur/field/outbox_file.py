"""The emergency file of a phone: its sealed outbox, carried by hand to the branch when nothing else works.

The phone writes it when its screen is broken, its PIN forgotten, its list wiped, or its SIM dead (``static/lapangan/device.js``). Nobody but
this server can read it: each outbox key is sealed to the server (``sealing.py``). Taking it in is an ordinary ``ingest`` of what lay in the
outbox, so it may be repeated, and it may meet the same events coming by air.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.db import transaction

from salur.audit import actions as audit
from salur.field import photos, sealing, wire
from salur.field.actions import ingest
from salur.field.models import Device
from salur.lib.problem import NotFound, Problem
from salur.lib.storage import Put

MAX_BYTES = 200_000_000


class NoOutboxFile(Problem):
    code = "no_outbox_file"
    status = 422


class _Key(msgspec.Struct):
    kid: str
    dev: UUID
    sealed: str


class _Event(msgspec.Struct):
    dev: UUID
    seq: int
    kid: str
    iv: str
    ct: str


class _Photo(msgspec.Struct):
    dev: UUID
    sha: wire.Sha256Hex
    kid: str
    iv: str
    ct: str


class _File(msgspec.Struct):
    salur: str
    keys: list[_Key]
    events: list[_Event]
    photos: list[_Photo] = []


@dataclass
class Imported:
    """What was in the file and what came of it.

    ``answers`` as a phone is told, ``told`` of which event; ``photos`` new, ``photos_known`` here before, ``stored`` both by their hash.
    """

    devices: list[UUID] = field(default_factory=list)
    events: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    told: list[tuple[UUID, int, str]] = field(default_factory=list)
    stored: list[str] = field(default_factory=list)
    photos: int = 0
    photos_known: int = 0
    unreadable: list[str] = field(default_factory=list)

    @property
    def needs_person(self) -> bool:
        return bool(self.unreadable) or any(
            answer.startswith(("SUSPENSE", "REJECT", "HELD")) for answer in self.answers
        )


def import_outbox(*, content: bytes, actor: str, at: datetime, branches: tuple[int, ...] | None = None) -> Imported:
    """Take in an emergency file. ``branches`` bounds whose phones may be in it; None is everywhere.

    Raises ``NoOutboxFile`` for anything else than such a file and ``NotFound`` for a phone outside ``branches``; then nothing is taken in.
    What cannot be opened (another server's key, changed bytes) is named in ``unreadable`` and the rest proceeds.
    """
    try:
        file = msgspec.json.decode(content, type=_File)
    except wire.UNREADABLE as error:
        raise NoOutboxFile(f"This is no emergency file of a phone: {error}.") from error
    if file.salur != "outbox-v1":
        raise NoOutboxFile(f"This file is of the kind {file.salur[:40]!r}; an emergency file says outbox-v1.")
    named = {one.dev for one in file.keys} | {one.dev for one in file.events} | {one.dev for one in file.photos}
    homes = dict(Device.objects.filter(id__in=named).values_list("id", "branch_id"))
    for device in named:
        if device not in homes or (branches is not None and homes[device] not in branches):
            raise NotFound(f"There is no phone {device} here: bring the file to the branch that enrolled it.")
    imported = Imported(devices=sorted(named))
    keys = _opened_keys(file, imported)
    envelopes: dict[UUID, list[tuple[int, wire.Envelope]]] = defaultdict(list)
    for one in sorted(file.events, key=lambda event: (event.dev, event.seq)):
        plain = _open(keys, one, f"event {one.dev} {one.seq}", imported)
        if plain is not None:
            envelopes[one.dev].append((one.seq, msgspec.json.decode(plain, type=wire.Envelope)))
    for device, waiting in envelopes.items():
        for start in range(0, len(waiting), wire.MAX_EVENTS):
            batch = waiting[start : start + wire.MAX_EVENTS]
            told = ingest(
                device=device,
                envelopes=[envelope for _, envelope in batch],
                unsent=len(waiting) - start - len(batch),
                at=at,
            )
            imported.answers.update(str(out.r) for out in told.out)
            imported.told += [(device, seq, str(out.r)) for (seq, _), out in zip(batch, told.out, strict=True)]
            imported.events += len(batch)
    for photo in file.photos:
        plain = _open(keys, photo, f"photo {photo.sha}", imported)
        if plain is None:
            continue
        try:
            put = photos.take_in(device=photo.dev, sha256=bytes.fromhex(photo.sha), content=[plain], at=at)
        except Problem as problem:
            imported.unreadable.append(f"photo {photo.sha[:12]}: {problem.message}")
            continue
        imported.stored.append(photo.sha)
        imported.photos += put is Put.CREATED
        imported.photos_known += put is not Put.CREATED
    for device in imported.devices:
        facts = {
            "events": imported.events,
            "answers": dict(imported.answers),
            "photos": imported.photos,
            "unreadable": len(imported.unreadable),
        }
        # Each batch and each photo above was taken in by itself, and repeating the file changes nothing: only the trace is left to write.
        with transaction.atomic():
            audit.record(
                actor=actor,
                verb="imported",
                subject=f"outbox/device {device}",
                facts=facts,
                at=at,
                branch=homes[device],
            )
    return imported


def _opened_keys(file: _File, imported: Imported) -> dict[tuple[UUID, str], AESGCM]:
    keys = {}
    for one in file.keys:
        try:
            raw = sealing.open_sealed(wire.from_base64url(one.sealed), device=one.dev)
            keys[one.dev, one.kid] = AESGCM(raw)
        except (Problem, ValueError):
            imported.unreadable.append(f"key {one.kid[:12]}: it was not sealed to this server.")
    return keys


def _open(keys: dict[tuple[UUID, str], AESGCM], one: _Event | _Photo, about: str, imported: Imported) -> bytes | None:
    key = keys.get((one.dev, one.kid))
    try:
        if key is None:
            raise ValueError("its key is not in the file")
        return key.decrypt(wire.from_base64url(one.iv), wire.from_base64url(one.ct), about.encode())
    except (InvalidTag, ValueError):
        imported.unreadable.append(f"{about[:60]}: it does not open with the file's keys.")
        return None
