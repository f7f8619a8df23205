"""A file is kept under its hash, once, whole and durable, in a folder and in a bucket alike.

The bucket is moto's server: an S3 API over HTTP in this process, not Amazon's. It shows the requests, the conditions and the errors;
that the bytes are durable is the service's promise.
"""

import errno
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from salur.lib import storage
from salur.lib.problem import NotFound, Problem
from salur.lib.storage import BucketStore, Damaged, FolderStore, HashDiffers, Put, Store, StoreUnavailable, TooLarge

PHOTO = b"a family's house " * 5000
SHA = hashlib.sha256(PHOTO).digest()


def pieces(data: bytes = PHOTO, size: int = 10_000) -> Iterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


@pytest.fixture(scope="module")
def s3_server() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
        server.stop()


@pytest.fixture
def bucket(s3_server: str) -> str:
    """The address of an empty bucket."""
    import boto3

    name = f"photos-{time.monotonic_ns()}"
    boto3.client("s3", endpoint_url=s3_server, region_name="us-east-1").create_bucket(Bucket=name)
    return f"s3://{name}/2022?endpoint={s3_server}&region=us-east-1"


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return storage.open_store(
        str(tmp_path / "photos") if request.param == "folder" else request.getfixturevalue("bucket")
    )


def files_in(store: Store) -> list[str]:
    if isinstance(store, FolderStore):
        return sorted(str(path.relative_to(store.folder)) for path in store.folder.rglob("*") if path.is_file())
    assert isinstance(store, BucketStore)
    return sorted(item["path"] for page in store._store.list() for item in page)


def spoil(store: Store, sha256: bytes, data: bytes) -> None:
    if isinstance(store, FolderStore):
        (store.folder / storage.place_of(sha256)).write_bytes(data)
    else:
        assert isinstance(store, BucketStore)
        store._store.put(storage.place_of(sha256), data)


def test_what_was_put_is_there_and_comes_back(store: Store):
    assert not store.exists(sha256=SHA)
    assert store.put(sha256=SHA, content=pieces()) is Put.CREATED
    assert store.exists(sha256=SHA)
    assert store.get(sha256=SHA) == PHOTO
    assert files_in(store) == [f"{SHA.hex()[:2]}/{SHA.hex()[2:4]}/{SHA.hex()}"]


def test_the_same_again_exists_and_changes_nothing(store: Store):
    store.put(sha256=SHA, content=pieces())
    assert store.put(sha256=SHA, content=pieces(size=777)) is Put.EXISTS
    assert store.get(sha256=SHA) == PHOTO
    assert len(files_in(store)) == 1


def test_an_empty_file_and_a_file_at_the_limit_are_kept(store: Store):
    for data in (b"", b"x" * 1000):
        assert store.put(sha256=hashlib.sha256(data).digest(), content=[data], max_bytes=1000) is Put.CREATED
        assert store.get(sha256=hashlib.sha256(data).digest()) == data


def test_other_bytes_than_the_name_says_are_refused_and_nothing_is_kept(store: Store):
    with pytest.raises(HashDiffers, match=hashlib.sha256(PHOTO[:-1]).hexdigest()):
        store.put(sha256=SHA, content=pieces(PHOTO[:-1]))
    assert files_in(store) == []


def test_more_bytes_than_allowed_are_refused_before_the_rest_is_read(store: Store):
    read = []

    def endless() -> Iterator[bytes]:
        while True:
            read.append(1)
            yield bytes(1000)

    with pytest.raises(TooLarge):
        store.put(sha256=SHA, content=endless(), max_bytes=10_000)
    assert len(read) == 11
    assert files_in(store) == []


def test_a_sender_who_breaks_off_leaves_nothing(store: Store):
    def broken() -> Iterator[bytes]:
        yield PHOTO[:5000]
        raise ConnectionResetError(errno.ECONNRESET, "the phone lost its signal")

    with pytest.raises(ConnectionResetError):
        store.put(sha256=SHA, content=broken())
    assert files_in(store) == []


def test_missing_names_what_is_not_there_once_and_in_order(store: Store):
    store.put(sha256=SHA, content=pieces())
    others = [hashlib.sha256(str(n).encode()).digest() for n in range(30)]
    assert store.missing(sha256s=[others[3], SHA, *others, SHA]) == [others[3], *others[:3], *others[4:]]
    assert store.missing(sha256s=[]) == []


def test_what_is_not_there_is_not_found(store: Store):
    with pytest.raises(NotFound):
        store.get(sha256=SHA)


def test_a_changed_file_is_not_given_out(store: Store):
    store.put(sha256=SHA, content=pieces())
    spoil(store, SHA, PHOTO[:-1] + b"!")
    with pytest.raises(Damaged):
        store.get(sha256=SHA)


def test_a_file_cut_short_is_whole_again_when_it_is_sent_again(store: Store):
    store.put(sha256=SHA, content=pieces())
    spoil(store, SHA, PHOTO[:100])
    assert store.put(sha256=SHA, content=pieces()) is Put.EXISTS
    assert store.get(sha256=SHA) == PHOTO
    assert len(files_in(store)) == 1


def test_of_eight_who_send_the_same_one_creates_it(store: Store):
    outcomes: Counter[Put] = Counter()
    threads = [
        threading.Thread(target=lambda: outcomes.update([store.put(sha256=SHA, content=pieces(size=100))]))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sum(outcomes.values()) == 8
    assert outcomes[Put.CREATED] == 1
    assert store.get(sha256=SHA) == PHOTO


def test_a_folder_acknowledges_after_the_file_and_its_name_are_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """In this order: the bytes, the new folders, the name, the folder that holds the name."""
    order: list[str] = []
    fsync, link = os.fsync, os.link

    def spy_fsync(handle: int) -> None:
        order.append("sync " + os.path.relpath(os.readlink(f"/proc/self/fd/{handle}"), tmp_path).split("-")[0])
        fsync(handle)

    def spy_link(source: str, target: Path) -> None:
        order.append("name")
        link(source, target)

    store = FolderStore(tmp_path)
    monkeypatch.setattr(os, "fsync", spy_fsync)
    monkeypatch.setattr(os, "link", spy_link)
    name, a, ab = SHA.hex()[:16], SHA.hex()[:2], f"{SHA.hex()[:2]}/{SHA.hex()[2:4]}"
    store.put(sha256=SHA, content=pieces())
    assert order == [f"sync incoming/{name}", "sync .", f"sync {a}", "name", f"sync {ab}"]
    order.clear()
    store.put(sha256=SHA, content=pieces())  # who made the name may have been killed before the last step
    assert order[-1] == f"sync {ab}"


def test_a_process_killed_at_any_moment_leaves_a_whole_file_or_none(tmp_path: Path):
    script = (
        "import sys, itertools, hashlib\nfrom pathlib import Path\nfrom salur.lib.storage import FolderStore\n"
        f"store = FolderStore(Path({str(tmp_path)!r}))\n"
        "for n in itertools.count():\n"
        "    data = str(n).encode() * 20000\n"
        "    store.put(sha256=hashlib.sha256(data).digest(), content=[data[:5000], data[5000:]])\n"
        "    print(n, flush=True)\n"
    )
    acknowledged = 0
    for delay_s in (0.05, 0.11, 0.17, 0.23):
        process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(delay_s)
        process.kill()
        lines = process.stdout.read().split("\n")
        process.wait()
        acknowledged = max([acknowledged, *(int(line) for line in lines[:-1] if line)])
    store = FolderStore(tmp_path)
    names = [path for path in tmp_path.rglob("*") if path.is_file() and path.parent.name != "incoming"]
    assert all(store.get(sha256=bytes.fromhex(path.name)) for path in names)
    assert (
        store.missing(sha256s=[hashlib.sha256(str(n).encode() * 20000).digest() for n in range(acknowledged + 1)]) == []
    )


def test_what_a_killed_process_left_is_removed_after_a_day_and_not_before(tmp_path: Path):
    folder = FolderStore(tmp_path).incoming
    for name, age_h in (("old", 25), ("young", 23)):
        (folder / name).write_bytes(b"x")
        os.utime(folder / name, (time.time() - age_h * 3600,) * 2)
    FolderStore(tmp_path)
    assert [path.name for path in folder.iterdir()] == ["young"]


@pytest.fixture
def tiny_disk() -> Iterator[Path]:
    """A real file system of one megabyte."""
    folder = Path(tempfile.mkdtemp())
    if (
        os.geteuid() != 0
        or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True).returncode
    ):
        folder.rmdir()
        pytest.skip("needs to be root and allowed to mount a small disk")
    yield folder
    subprocess.run(["umount", folder], check=True)
    shutil.rmtree(folder)


def test_a_full_disk_acknowledges_nothing_and_recovers_when_there_is_room(tiny_disk: Path):
    ballast = tiny_disk / "ballast"
    store = FolderStore(tiny_disk / "photos")
    ballast.write_bytes(bytes(1_000_000))
    with pytest.raises(StoreUnavailable, match="No space left") as refused:
        store.put(sha256=SHA, content=pieces(PHOTO))
    assert refused.value.status == 503
    assert files_in(store) == []
    ballast.unlink()
    assert store.put(sha256=SHA, content=pieces()) is Put.CREATED


def test_a_disk_that_is_not_mounted_is_unavailable_not_empty(tmp_path: Path):
    store = FolderStore(tmp_path / "photos")
    (tmp_path / "photos").rename(tmp_path / "elsewhere")
    (tmp_path / "photos").mkdir()  # the bare mount point
    for use in (
        lambda: store.put(sha256=SHA, content=pieces()),
        lambda: store.get(sha256=SHA),
        lambda: store.exists(sha256=SHA),
        lambda: store.missing(sha256s=[SHA]),
    ):
        with pytest.raises(StoreUnavailable):
            use()


def test_a_service_that_is_not_there_is_unavailable_not_empty(s3_server: str):
    gone = storage.open_store("s3://photos?endpoint=http://127.0.0.1:9")
    for use in (
        lambda: gone.put(sha256=SHA, content=pieces()),
        lambda: gone.get(sha256=SHA),
        lambda: gone.exists(sha256=SHA),
        lambda: gone.missing(sha256s=[SHA]),
    ):
        with pytest.raises(StoreUnavailable):
            use()


def test_a_bucket_that_is_not_there_takes_nothing(s3_server: str):
    with pytest.raises(StoreUnavailable, match="There is no bucket"):
        storage.open_store(f"s3://no-such-bucket?endpoint={s3_server}").put(sha256=SHA, content=pieces())


@pytest.mark.parametrize(
    "address", ["s3:///photos", "s3://photos?endpont=http://x", "ftp://photos", "gs://photos", "s3:photos"]
)
def test_an_address_that_names_no_store_is_refused(address: str):
    with pytest.raises(Problem, match="SALUR_OBJECT_STORE"):
        storage.open_store(address)


def test_the_store_is_the_one_the_environment_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SALUR_OBJECT_STORE", f"file://{tmp_path}/a%20folder")
    storage.object_store().put(sha256=SHA, content=pieces())
    assert (tmp_path / "a folder" / storage.place_of(SHA)).read_bytes() == PHOTO
    monkeypatch.delenv("SALUR_OBJECT_STORE")
    monkeypatch.setenv("SALUR_HOME", str(tmp_path / "home"))
    assert storage.object_store().missing(sha256s=[SHA]) == [SHA]
    assert (tmp_path / "home" / "photos").is_dir()
