"""Keep what `make bench` printed, and draw docs/figures.md from it.

``python -m bench --only danom | python tools/figures.py`` takes the figures in (docs/figures.jsonl, the newest of each name counts) and draws
the page anew; without input it only draws. Kept with each figure: the day, the commit and the machine it was measured on.
"""

import json
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

DOCS = Path(__file__).resolve().parent.parent / "docs"
KEPT, PAGE = DOCS / "figures.jsonl", DOCS / "figures.md"


def machine() -> str:
    model = next(
        (line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")),
        platform.processor(),
    ) if Path("/proc/cpuinfo").exists() else platform.processor()  # fmt: skip
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores ({model or platform.machine()}), {memory:.0f} GiB"


def commit() -> str:
    return subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()


def take_in(lines: list[str]) -> None:
    around = {"at": datetime.now(UTC).date().isoformat(), "commit": commit(), "machine": machine()}
    with KEPT.open("a", encoding="utf-8") as kept:
        for line in lines:
            figure = json.loads(line)
            runs = figure.get("runs") or []
            if len(runs) > 30:  # hundreds of batches' times: the shortest, the middle one, the longest
                figure["runs"] = [min(runs), sorted(runs)[len(runs) // 2], max(runs)]
            kept.write(
                json.dumps(figure | {key: figure.get(key, value) for key, value in around.items()}, ensure_ascii=False)
                + "\n"
            )


def number(value: object) -> str:
    if not isinstance(value, int | float):
        return "–"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def page() -> str:
    newest: dict[str, dict[str, object]] = {}
    for line in KEPT.read_text(encoding="utf-8").splitlines():
        figure = json.loads(line)
        newest[figure["name"]] = figure
    rows = [
        f"| `{name}` | {number(f['value'])} {f['unit']} | {number(f.get('baseline'))} | {number(f.get('ratio'))} |"
        f" {f.get('note') or ''} | {f['at']} `{f['commit']}` |"
        for name, f in sorted(newest.items())
    ]
    machines = sorted({str(f["machine"]) for f in newest.values()})
    return "\n".join(
        [
            "# Figures",
            "",
            "What `make bench` printed, drawn by `tools/figures.py`. Each is measured against a baseline of the same run on the same machine: "
            "the ratio can be compared between machines, the figure cannot. Where a bar was asked for, the note says it, also where it is missed.",
            "",
            *(f"Machine: {each}" for each in machines),
            "",
            "| Figure | Value | Baseline | Ratio | Note | Measured |",
            "|---|---:|---:|---:|---|---|",
            *rows,
            "",
        ]
    )


if __name__ == "__main__":
    given = [] if sys.stdin.isatty() else [line for line in sys.stdin.read().splitlines() if line.startswith("{")]
    if given:
        take_in(given)
    PAGE.write_text(page(), encoding="utf-8")
