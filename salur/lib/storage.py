"""Photos and other files, named by their SHA-256: in a folder, or in a bucket of an S3 service.

A file is written once and never changed: its name says what is in it, so whoever reads it can check it, and ``get`` does. What ``put``
has acknowledged is durable: a folder's file and its name are on the disk (fsync), a bucket's object has been confirmed by the service,
which checked the same hash. "Already there" is acknowledged only when it is as durable, and whole.

``SALUR_OBJECT_STORE`` names the place: a folder (``/data/photos`` or ``file:///data/photos``; by default ``photos`` in the home), or
``s3://bucket/prefix?endpoint=https://s3.example.id&region=id-1``, with the keys in ``AWS_ACCESS_KEY_ID`` and
``AWS_SECRET_ACCESS_KEY``. Both lay files out in the same way (``ab/cd/abcd…``), so any tool copies one to the other.
"""

import hashlib
import os
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import S3Store

from salur.lib.database import salur_home
from salur.lib.problem import NotFound, Problem

MAX_BYTES = 10 * 2**20
# What an interrupted upload left in a folder is removed after this time.
UNFINISHED_S = 24 * 3600


class TooLarge(Problem):
    code = "too_large"
    status = 413


class HashDiffers(Problem):
    code = "hash_differs"
    status = 422


class Damaged(Problem):
    """A stored file is not what its name says: the disk or somebody changed it."""

    code = "damaged"
    status = 500


class StoreUnavailable(Problem):
    """Full, unreachable, or not allowed: try again later; nothing was acknowledged."""

    code = "store_unavailable"
    status = 503


class Put(StrEnum):
    EXISTS = "exists"
    CREATED = "created"


class Store(Protocol):
    """Where files are kept. ``sha256`` is always 32 bytes. Everything may raise ``StoreUnavailable``."""

    def put(self, *, sha256: bytes, content: Iterable[bytes], max_bytes: int = MAX_BYTES) -> Put:
        """Keep a file that arrives in pieces; durable when this returns. Raises ``HashDiffers``, ``TooLarge``; then nothing is kept."""

    def get(self, *, sha256: bytes) -> bytes:
        """A file, checked against its name. Raises ``NotFound``, ``Damaged``."""

    def exists(self, *, sha256: bytes) -> bool:
        """Whether a file of this name is here (its content is checked when it is read)."""

    def missing(self, *, sha256s: Sequence[bytes]) -> list[bytes]:
        """Which of these are not here, in their order, each once."""


@lru_cache(maxsize=4)
def _opened(address: str, _process: int) -> Store:
    return open_store(address)


def object_store() -> Store:
    """The store of this installation; one for each process, because its connections do not survive a fork."""
    return _opened(os.environ.get("SALUR_OBJECT_STORE") or str(salur_home() / "photos"), os.getpid())


def open_store(address: str) -> Store:
    """The store an address names; see the module's docstring. Raises ``Problem`` for an address that names none."""
    parts = urlsplit(address)
    if parts.scheme == "s3":
        options = dict(parse_qsl(parts.query))
        unknown = options.keys() - {"endpoint", "region"}
        if unknown or not parts.netloc:
            wrong = f"has unknown options ({', '.join(sorted(unknown))})" if unknown else "names no bucket"
            raise Problem(
                f"SALUR_OBJECT_STORE {address} {wrong}: write s3://bucket/prefix?endpoint=https://…&region=…."
            )
        return BucketStore(parts.netloc, prefix=unquote(parts.path.strip("/")), **options)
    if parts.scheme == "file":
        return FolderStore(Path(unquote(parts.path)))
    if parts.scheme:
        raise Problem(f"SALUR_OBJECT_STORE {address} is neither a folder nor s3://…: photos can be kept in these two.")
    return FolderStore(Path(address).expanduser())


def place_of(sha256: bytes) -> str:
    """Two levels of 256 folders: the photos of a national stage (60 million) are about a thousand in each."""
    assert len(sha256) == 32, "a file is named by its SHA-256"
    name = sha256.hex()
    return f"{name[:2]}/{name[2:4]}/{name}"


def _checked(sha256: bytes, content: Iterable[bytes], max_bytes: int) -> Iterator[bytes]:
    """The pieces as they come, then the verdict: a wrong hash is known only behind the last piece, so keep nothing before the end."""
    seen, size = hashlib.sha256(), 0
    for piece in content:
        size += len(piece)
        if size > max_bytes:
            raise TooLarge(f"The file {sha256.hex()} has more than {max_bytes:,} bytes: send a smaller photo.")
        seen.update(piece)
        yield piece
    if seen.digest() != sha256:
        raise HashDiffers(f"What arrived as {sha256.hex()} is {seen.hexdigest()}: send it again.")


def _verified(sha256: bytes, data: bytes) -> bytes:
    if hashlib.sha256(data).digest() != sha256:
        raise Damaged(f"The stored file {sha256.hex()} was changed after it was written: restore it from a copy.")
    return data


def _each_once(sha256s: Sequence[bytes]) -> list[bytes]:
    return list(dict.fromkeys(sha256s))


class FolderStore:
    """Files in a folder. Several processes and machines may share it; the first who writes a name has written it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.incoming = folder / "incoming"
        with _disk(folder):
            self.incoming.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._remove_unfinished()

    def put(self, *, sha256: bytes, content: Iterable[bytes], max_bytes: int = MAX_BYTES) -> Put:
        place = self.folder / place_of(sha256)
        with _disk(self.folder), tempfile.NamedTemporaryFile(dir=self.incoming, prefix=f"{sha256.hex()[:16]}-") as part:
            for piece in _checked(sha256, content, max_bytes):
                part.write(piece)
            part.flush()
            os.fsync(part.fileno())
            self._make_folders(place.parent)
            try:
                os.link(part.name, place)
                outcome = Put.CREATED
            except FileExistsError:
                outcome = Put.EXISTS
                if not _is_whole(place, sha256):
                    # The disk lost it, and here is a whole copy: the name stands for the same bytes as ever.
                    healed = Path(f"{part.name}-healed")
                    os.link(part.name, healed)
                    healed.replace(place)
            # Also when it existed: the one who made the name may not have come to this line.
            _sync_folder(place.parent)
        return outcome

    def get(self, *, sha256: bytes) -> bytes:
        if not self.exists(sha256=sha256):
            raise NotFound(f"There is no file {sha256.hex()}.")
        with _disk(self.folder):
            return _verified(sha256, (self.folder / place_of(sha256)).read_bytes())

    def exists(self, *, sha256: bytes) -> bool:
        with _disk(self.folder):
            if (self.folder / place_of(sha256)).is_file():
                return True
            self.incoming.stat()  # a disk that is not mounted is no empty store
            return False

    def missing(self, *, sha256s: Sequence[bytes]) -> list[bytes]:
        return [sha256 for sha256 in _each_once(sha256s) if not self.exists(sha256=sha256)]

    def _make_folders(self, folder: Path) -> None:
        """Two levels; a name is durable only when the folder above it has it, so each level's parent is synced once made."""
        for made in (folder.parent, folder):
            if not made.is_dir():
                made.mkdir(mode=0o700, exist_ok=True)
                _sync_folder(made.parent)

    def _remove_unfinished(self) -> None:
        """What a killed process left behind; nothing here was ever acknowledged."""
        for part in self.incoming.iterdir():
            try:
                if time.time() - part.stat().st_mtime > UNFINISHED_S:
                    part.unlink()
            except FileNotFoundError:
                continue  # another process removed it, or finished


def _is_whole(place: Path, sha256: bytes) -> bool:
    with place.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest() == sha256


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _disk(folder: Path) -> Iterator[None]:
    """A full or broken disk is not the sender's fault: one sentence, and try again later."""
    try:
        yield
    except ConnectionError:
        raise  # the sender broke off
    except OSError as error:
        raise StoreUnavailable(f"Files cannot be kept in {folder} at the moment ({error.strerror}).") from error


class BucketStore:
    """Objects in a bucket. The service compares the SHA-256 on arrival and refuses to write over a name (``If-None-Match: *``)."""

    def __init__(
        self, bucket: str, *, prefix: str = "", endpoint: str | None = None, region: str = "us-east-1"
    ) -> None:
        self.address = f"s3://{bucket}/{prefix}"
        self._store = S3Store(
            bucket,
            prefix=prefix or None,
            config={"region": region, "checksum_algorithm": "SHA256", **({"endpoint": endpoint} if endpoint else {})},
            client_options={"timeout": "20s", "connect_timeout": "5s", "allow_http": bool(endpoint and endpoint.startswith("http:"))},
            retry_config={"max_retries": 2},
        )  # fmt: skip

    def put(self, *, sha256: bytes, content: Iterable[bytes], max_bytes: int = MAX_BYTES) -> Put:
        data = b"".join(_checked(sha256, content, max_bytes))
        with self._service():
            try:
                obstore.put(self._store, place_of(sha256), data, mode="create", use_multipart=False)
                return Put.CREATED
            except AlreadyExistsError:
                if obstore.head(self._store, place_of(sha256))["size"] != len(data):
                    obstore.put(self._store, place_of(sha256), data, mode="overwrite", use_multipart=False)
                return Put.EXISTS
            except FileNotFoundError as error:
                raise StoreUnavailable(
                    f"There is no bucket {self.address}: make it, or correct SALUR_OBJECT_STORE."
                ) from error

    def get(self, *, sha256: bytes) -> bytes:
        with self._service():
            try:
                return _verified(sha256, bytes(obstore.get(self._store, place_of(sha256)).bytes()))
            except FileNotFoundError:
                raise NotFound(f"There is no file {sha256.hex()}.") from None

    def exists(self, *, sha256: bytes) -> bool:
        with self._service():
            try:
                obstore.head(self._store, place_of(sha256))
            except FileNotFoundError:
                return False
            return True

    def missing(self, *, sha256s: Sequence[bytes]) -> list[bytes]:
        asked = _each_once(sha256s)
        with ThreadPoolExecutor(max_workers=8) as pool:
            present = list(pool.map(lambda sha256: self.exists(sha256=sha256), asked))
        return [sha256 for sha256, here in zip(asked, present, strict=True) if not here]

    @contextmanager
    def _service(self) -> Iterator[None]:
        try:
            yield
        except BaseError as error:
            reason = str(error).split("\n", 1)[0][:200]
            raise StoreUnavailable(f"The photo store {self.address} does not answer as it should: {reason}") from error
