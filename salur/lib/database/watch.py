"""Look after the embedded server while salur serves: one that died is started again, one that was stopped is left alone.

PostgreSQL mends itself when a process of its own is killed. When its first process is killed, or the log could not be written because the
disk was full and recovery found no room either, it is gone, and no request would start it.
"""

import sys
import time

from salur.lib.database import own_server_url, salur_home
from salur.lib.database.server import EmbeddedServer
from salur.lib.problem import Problem

EVERY_S = 0.5
AGAIN_S = 5.0  # after a start that did not succeed


def command() -> list[list[str]]:
    """What the keeper keeps (``salur/lib/serving.py``): nothing, when the database is a server of your own."""
    return [] if own_server_url() else [[sys.executable, "-m", "salur.lib.database.watch"]]


def watch(server: EmbeddedServer) -> None:
    """Until told to stop."""
    said = ""
    while True:
        time.sleep(EVERY_S)
        try:
            if server.has_died():
                sys.stderr.write("The database had died: it is started again.\n")
                server.ensure_running()
                said = ""
        except Problem as problem:
            if problem.message != said:
                sys.stderr.write(problem.message + "\n")
            said = problem.message
            time.sleep(AGAIN_S)


if __name__ == "__main__":
    watch(EmbeddedServer(salur_home()))
