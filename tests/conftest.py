"""A salur of its own, met as other programs meet it: by its command line. For what is killed, measured, or looked into as a whole."""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import psycopg
import pytest

import salur
from salur.lib.database.server import EmbeddedServer

ROOT = Path(salur.__file__).resolve().parents[1]
MOST_MEMORY = 8 << 30  # what eats more than this is a bug that shall not take the machine along

AREAS = "kode,nama,level\n35,Jawa Timur,1\n35.11,Bondowoso,2\n35.11.01,Maesan,3\n" + "".join(
    f"35.11.01.{2001 + n},Desa {n},4\n" for n in range(20)
)
OFFICES = "code,name,kind,parent,areas\nHQ,Pusat,HQ,,\nREG-5,Regional V,REGION,HQ,\nKC-BDW,Bondowoso,KC,REG-5,35.11\n"
PROGRAMME = '[[programme]]\ncode = "SEMBAKO"\nname = "Kartu Sembako"\namount_ceiling_rp = 4_000_000\n' + "".join(
    f'[[programme.stage]]\ncode = "{code}"\nperiod = "2022-01/2022-03"\nopens = 2022-02-20\ndeadline = 2022-06-05\n'
    for code in ("S1", "S2")
)


class Done(NamedTuple):
    """How a verb ended: exit code, its JSON object, what it said on the side, seconds, and the most memory it held."""

    code: int
    data: dict[str, Any]
    said: str
    seconds: float
    peak_mb: float


class Home:
    """An empty house with twenty villages, one branch and the stages S1 and S2."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.spoken: list[str] = []
        # Even where the suite runs on another server: these look at all that one house holds.
        self.environment = {name: value for name, value in os.environ.items() if name != "SALUR_DATABASE_URL"} | {
            "SALUR_HOME": str(folder / "home")
        }

    def start(self, *words: object, out: Any = subprocess.PIPE, err: Any = subprocess.PIPE) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "salur", *map(str, words), "--json"], cwd=ROOT, env=self.environment, text=True,
            stdout=out, stderr=err, start_new_session=True,
        )  # fmt: skip

    def measured(self, *words: object) -> Done:
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
            began = time.monotonic()
            running = self.start(*words, out=out, err=err)
            resource.prlimit(running.pid, resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
            peak_mb = 0.0
            while running.poll() is None:
                peak_mb = max(peak_mb, held_mb(running.pid))
                time.sleep(0.02)
            seconds = time.monotonic() - began
            texts = []
            for file in (out, err):
                file.seek(0)
                texts.append(file.read())
        self.spoken += texts
        data = json.loads(texts[0]) if texts[0].strip() else {}
        return Done(running.returncode, data, texts[1], seconds, peak_mb)

    def __call__(self, *words: object) -> dict[str, Any]:
        """Type a verb that must succeed."""
        done = self.measured(*words)
        assert done.code in (0, 1), done.said
        return done.data

    def database(self) -> "psycopg.Connection[Any]":
        return psycopg.connect(EmbeddedServer(self.folder / "home").url, autocommit=True)

    def counts(self) -> dict[str, int]:
        """How many rows each table has: what a refused file must leave as it was."""
        with self.database() as connection:
            names = [row[0] for row in connection.execute(TABLES)]
            return {name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names}  # type: ignore[index]


def held_mb(pid: int) -> float:
    """The most that a process ever held, and what the processes it started hold now. Not ``ru_maxrss``: that counts the parent's, too."""
    try:
        process = psutil.Process(pid)
        status = Path(f"/proc/{pid}/status").read_text()
        most = next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")), 0) / 1024
        return most + sum(child.memory_info().rss for child in process.children(recursive=True)) / 2**20
    except (psutil.Error, OSError):  # it ended while we looked
        return 0.0


TABLES = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    folder = tmp_path_factory.mktemp("house")
    home = Home(folder)
    EmbeddedServer(folder / "home").ensure_running()
    for name, text in (("areas.csv", AREAS), ("offices.csv", OFFICES), ("programmes.toml", PROGRAMME)):
        (folder / name).write_text(text)
    home("areas", "import", folder / "areas.csv", "--vintage", "2022-02")
    home("offices", "import", folder / "offices.csv")
    home("programmes", "import", folder / "programmes.toml")
    yield home
    EmbeddedServer(folder / "home").erase()  # as root its data may lie outside the folder
