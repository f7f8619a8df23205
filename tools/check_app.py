"""Check the officer's app without building anything: types (tsc), lint (eslint), and that vendored files are what their README says.

The two programs are pinned in ``tools/app/package-lock.json`` and installed by npm into ``tools/app/node_modules`` (not in the repository) when
they are missing. Where there is no npm, or no registry, they are skipped with one sentence; the hashes are checked in any case.
"""

import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
APP = ROOT / "salur" / "field" / "static" / "lapangan"
TOOLS = ROOT / "tools" / "app"
LINE = re.compile(r"^\| (?P<file>[\w.-]+) \|.*\| (?P<sha256>[0-9a-f]{64}) \|$", re.MULTILINE)


def vendored() -> list[str]:
    """What is wrong with the vendored files: changed, unnamed, or without a licence beside them."""
    wrong = []
    for folder in (APP / "vendored", ROOT / "tests" / "browser" / "vendored"):
        text = (folder / "README.md").read_text(encoding="utf-8")
        named = dict(LINE.findall(text))
        for file in sorted(folder.iterdir()):
            if file.suffix in (".md", ".txt"):
                continue
            digest = hashlib.sha256(file.read_bytes()).hexdigest()
            if named.get(file.name) != digest:
                wrong.append(f"{file.relative_to(ROOT)} is not what its README.md says: sha256 {digest}.")
        if not any("LICENSE" in file.name for file in folder.iterdir()):
            wrong.append(f"{folder.relative_to(ROOT)} holds no licence.")
    return wrong


def installed() -> bool:
    """Whether the pinned programs are there, installing them when npm can."""
    done = TOOLS / "node_modules" / ".package-lock.json"
    lock = TOOLS / "package-lock.json"
    if done.exists() and done.stat().st_mtime >= lock.stat().st_mtime:
        return True
    if not shutil.which("npm"):
        print("No npm here: types and lint of the officer's app are not checked.", file=sys.stderr)
        return False
    command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--silent"]
    if subprocess.run(command, cwd=TOOLS, stdout=subprocess.DEVNULL).returncode:
        print("npm could not fetch its packages: types and lint of the officer's app are not checked.", file=sys.stderr)
        return False
    done.touch()
    return True


def main() -> int:
    wrong = vendored()
    for sentence in wrong:
        print(sentence, file=sys.stderr)
    failed = bool(wrong)
    if installed():
        programs = TOOLS / "node_modules" / ".bin"
        eslint = [programs / "eslint", "--config", TOOLS / "eslint.config.js", *sorted(APP.glob("*.js"))]
        for command in (
            [programs / "tsc", "--noEmit", "-p", ROOT / "tsconfig.json"],
            [programs / "tsc", "--noEmit", "-p", ROOT / "tsconfig.worker.json"],
            eslint,
        ):
            failed |= subprocess.run([str(part) for part in command], cwd=ROOT).returncode != 0
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
