"""The verbs of photos: which of those a phone's events speak of are missing, and take one in.

An event names its photos by hash; until the bytes are here they are **owed**. A photo is taken only from the phone whose event owes it, and
it is written once. ``stored`` is said only of what is durable in the store and known to the database, so the phone may forget its copy.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction

from salur.field.actions import queries
from salur.lib.problem import NotFound
from salur.lib.storage import MAX_BYTES, Put, object_store


class NotOwed(NotFound):
    code = "not_owed"


def missing(*, device: UUID, sha256s: Sequence[bytes]) -> list[bytes]:
    """Which of these photos are not stored, each once. A phone forgets what is not named here, so what no event speaks of yet is named."""
    owed = {bytes(row.sha256): row.stored for row in queries.owed_photos(device=device, sha256s=list(sha256s))}
    return [sha256 for sha256 in dict.fromkeys(sha256s) if not owed.get(sha256, False)]


def take_in(*, device: UUID, sha256: bytes, content: Iterable[bytes], at: datetime) -> Put:
    """Keep a photo that arrives in pieces; durable when this returns, and the same answer when it comes again.

    Raises ``NotOwed``, and the store's ``HashDiffers``, ``TooLarge``, ``StoreUnavailable``; then nothing is kept.
    """
    rows = queries.owed_photos(device=device, sha256s=[sha256])
    if not rows:
        raise NotOwed("No event of this phone speaks of this photo: send the event first.")
    size = 0

    def counted() -> Iterable[bytes]:
        nonlocal size
        for piece in content:
            size += len(piece)
            yield piece

    # Also when the row says it is stored: the store checks the bytes, and a file that was lost is whole again.
    put = object_store().put(sha256=sha256, content=counted(), max_bytes=MAX_BYTES)
    with transaction.atomic():
        queries.store_photo(sha256=sha256, bytes=size, device=device, at=at)
    return put
