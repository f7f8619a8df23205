"""The embedded server's settings and who may connect.

They are written anew at every start, so that an upgrade of salur improves an old home; ``local.conf`` beside them is
the operator's own and wins. Sizes are in MiB; memory is the machine's or, in a container, its limit.
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import psutil

MIB = 1024 * 1024

# The role the application is: owner of its database but no superuser, so that a statement smuggled in runs no programs.
ROLE = "salur"
DATABASE = "salur"
SUPERUSER = "postgres"
FIRST_STATEMENTS = f"""\
CREATE ROLE {ROLE} LOGIN CREATEDB CREATEROLE
GRANT pg_monitor, pg_checkpoint TO {ROLE}
CREATE DATABASE {DATABASE} OWNER {ROLE}
"""

POSTGRESQL_CONF = """\
# salur writes ../salur.conf anew at every start; put your own settings into ../local.conf, which wins.
include '../salur.conf'
include_if_exists '../local.conf'
"""


@dataclass(frozen=True)
class Machine:
    """What the settings depend on; ``shared_memory_mib`` is the size of /dev/shm, ``None`` where there is none."""

    memory_mib: int
    cores: int
    disk_free_mib: int
    shared_memory_mib: int | None


def this_machine(data: Path) -> Machine:
    shared_memory = Path("/dev/shm")  # noqa: S108  only its size is read
    return Machine(
        memory_mib=min(psutil.virtual_memory().total, _container_limit_bytes()) // MIB,
        cores=os.cpu_count() or 1,
        disk_free_mib=shutil.disk_usage(data).free // MIB,
        shared_memory_mib=shutil.disk_usage(shared_memory).total // MIB if shared_memory.is_dir() else None,
    )


def _container_limit_bytes() -> int:
    """The memory limit of the control group we run in, version 2 or 1; very large when there is none."""
    for file in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            return int(Path(file).read_text())
        except (OSError, ValueError):  # no such file, or "max"
            continue
    return 1 << 62


def between(low: int, value: int, high: int) -> int:
    return max(low, min(value, high))


def settings(machine: Machine, *, base: Path, sockets: Path) -> dict[str, str]:
    """Every setting that differs from PostgreSQL's own, by name."""
    memory = machine.memory_mib
    # Room for the log of a whole list between two checkpoints, but never more than a tenth of the free disk.
    max_wal = between(1024, machine.disk_free_mib // 10, 8192)
    # Docker gives 64 MiB of /dev/shm, on which parallel joins fail; files under the data folder serve there.
    tight = machine.shared_memory_mib is not None and machine.shared_memory_mib < 512
    return {
        # Who may come in: this machine's socket only.
        "listen_addresses": "",
        "port": "5432",
        "unix_socket_directories": str(sockets),
        "unix_socket_permissions": "0700",
        "hba_file": str(base / "pg_hba.conf"),
        "ident_file": str(base / "pg_ident.conf"),
        "max_connections": "100",
        # Memory.
        "shared_buffers": f"{between(128, memory // 4, 4096)}MB",
        "effective_cache_size": f"{max(256, memory // 2)}MB",
        "work_mem": f"{between(8, memory // 400, 64)}MB",
        "maintenance_work_mem": f"{between(64, memory // 16, 1024)}MB",
        "autovacuum_work_mem": f"{between(64, memory // 64, 256)}MB",
        "huge_pages": "try",
        "dynamic_shared_memory_type": "mmap" if tight else "posix",
        # What is committed stays: these are PostgreSQL's defaults, said aloud.
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        # The write-ahead log.
        "max_wal_size": f"{max_wal}MB",
        "min_wal_size": f"{max_wal // 8}MB",
        "checkpoint_timeout": "15min",
        # Keys are random and do not shrink: pglz made the log 10 % smaller and the writing 2 to 4 times slower, lz4 15 %
        # smaller and up to a quarter slower.
        "wal_compression": "off",
        # Plans: short statements by key on a solid-state disk, reports over many rows on few cores.
        "jit": "off",
        "random_page_cost": "1.1",
        "max_parallel_workers": str(between(2, machine.cores, 8)),
        "max_parallel_workers_per_gather": str(between(1, machine.cores // 2, 4)),
        "max_parallel_maintenance_workers": str(between(1, machine.cores // 2, 4)),
        # Hot tables only grow, and a new partition has no statistics: look often, analyse after 1 % of new rows.
        "autovacuum_naptime": "10s",
        "autovacuum_vacuum_scale_factor": "0.05",
        "autovacuum_vacuum_insert_scale_factor": "0.1",
        "autovacuum_analyze_scale_factor": "0.01",
        "autovacuum_analyze_threshold": "500",
        "autovacuum_vacuum_cost_limit": "1000",
        # Same answers on every machine.
        "timezone": "UTC",
        "datestyle": "iso, ymd",
        "lc_messages": "C",
        "lc_monetary": "C",
        "lc_numeric": "C",
        "lc_time": "C",
        "default_text_search_config": "pg_catalog.simple",
        # A week of logs, without personal data: neither the statement nor the row of an error.
        "logging_collector": "on",
        "log_directory": str(base / "log"),
        "log_filename": "postgresql-%a.log",
        "log_truncate_on_rotation": "on",
        "log_rotation_age": "1d",
        "log_rotation_size": "0",
        "log_timezone": "UTC",
        "log_line_prefix": "%m [%p] %q%a@%d ",
        "log_min_error_statement": "panic",
        "log_error_verbosity": "terse",
        "log_lock_waits": "on",
    }


def salur_conf(values: dict[str, str]) -> str:
    lines = [f"{name} = '{quoted(value)}'" for name, value in values.items()]
    head = "# Written by salur at every start: changes here are lost. Your own settings go into local.conf beside it."
    return "\n".join([head, *lines, f"include_if_exists '{ARCHIVE_CONF}'", ""])


def quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "''")


# Where the log is handed over to, when `salur db archive` was told a folder (backup.py).
ARCHIVE_CONF = "archive.conf"

PG_HBA_CONF = """\
# Written by salur at every start. The kernel tells who is at the other end, pg_ident.conf who may be whom.
local all all peer map=salur
local replication all peer map=salur
"""


def pg_ident_conf(people: set[str]) -> str:
    """The operating system accounts that may be the application's role or, for maintenance, the superuser."""
    quoted = (person.replace('"', '""') for person in sorted(people))
    return "# Written by salur at every start.\n" + "".join(
        f'salur "{person}" {role}\n' for person in quoted for role in (ROLE, SUPERUSER)
    )
