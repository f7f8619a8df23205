"""Print the programs' folder of Debian's own PostgreSQL, for the suite's second run; install it when we may (root on Debian).

Prints nothing, and says so once, where there is none: the suite then runs on the embedded server alone.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path


def folder() -> Path | None:
    """The oldest one that is supported: what works there works on newer ones."""
    found = sorted(Path("/usr/lib/postgresql").glob("[0-9]*/bin/postgres"), key=lambda path: int(path.parts[4]))
    return next((path.parent for path in found if int(path.parts[4]) >= 15), None)


def main() -> int:
    if folder() is None and shutil.which("apt-get") and os.geteuid() == 0:
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (
            ["apt-get", "update", "-qq"],
            ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "postgresql"],
        ):
            subprocess.run(command, env=quiet, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    programs = folder()
    if programs is None:
        print("No Debian PostgreSQL here: the suite runs on the embedded server alone.", file=sys.stderr)
    else:
        print(programs)
    return 0


if __name__ == "__main__":
    sys.exit(main())
