"""Put the pinned installer (uv) into a local folder, with nothing but python3 at hand.

Three ways, the first that works: pip of this python; pip of a fresh virtual environment; the wheel itself, fetched from the
package index with the standard library (Debian's python3 has neither pip nor ensurepip until python3-venv is installed).
"""

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import urllib.request
import venv
import zipfile
from pathlib import Path

VERSION = "0.13.9"


def binary_of_wheel(wheel: Path, target: Path) -> None:
    """Unpack the uv binary of a wheel into ``target/bin/uv``."""
    with zipfile.ZipFile(wheel) as archive:
        name = next(n for n in archive.namelist() if n.endswith("/scripts/uv"))
        target.joinpath("bin").mkdir(parents=True, exist_ok=True)
        part = target / "bin" / "uv.part"
        with archive.open(name) as source, part.open("wb") as sink:
            shutil.copyfileobj(source, sink)
    part.chmod(0o755)
    part.replace(target / "bin" / "uv")


def by_pip(target: Path, python: str) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        command = [
            python,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--only-binary=:all:",
            "-d",
            folder,
            f"uv=={VERSION}",
        ]
        if subprocess.run(command, capture_output=True).returncode:
            return False
        binary_of_wheel(next(Path(folder).glob("uv-*.whl")), target)
    return True


def by_virtual_environment(target: Path) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        try:
            venv.create(folder, with_pip=True)
        except (subprocess.CalledProcessError, SystemExit, OSError):
            return False
        return by_pip(target, str(Path(folder, "bin", "python")))


def by_index(target: Path) -> bool:
    machine = {"arm64": "aarch64", "AMD64": "x86_64"}.get(platform.machine(), platform.machine())
    system = "macosx" if sys.platform == "darwin" else "manylinux"
    index = os.environ.get("PIP_INDEX_URL", "https://pypi.org/simple").rstrip("/")
    request = urllib.request.Request(f"{index}/uv/", headers={"Accept": "application/vnd.pypi.simple.v1+json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        files = json.load(answer)["files"]
    name = next(
        f
        for f in files
        if f["filename"].startswith(f"uv-{VERSION}-") and system in f["filename"] and machine in f["filename"]
    )
    with tempfile.TemporaryDirectory() as folder:
        wheel = Path(folder, name["filename"])
        with urllib.request.urlopen(name["url"], timeout=300) as answer, wheel.open("wb") as sink:
            shutil.copyfileobj(answer, sink)
        binary_of_wheel(wheel, target)
    return True


def main() -> int:
    target = Path(sys.argv[1])
    for way in (
        lambda: by_pip(target, sys.executable),
        lambda: by_virtual_environment(target),
        lambda: by_index(target),
    ):
        if way():
            return 0
    print(f"uv {VERSION} could not be fetched: check the connection to the Python package index.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
