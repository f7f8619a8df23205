"""Keep what `make bench` printed, and draw docs/figures.md from it.

``python -m bench --only danom | python tools/figures.py`` takes the figures in (docs/figures.jsonl, the newest of each name counts) and draws
the page anew; without input it only draws. Kept with each figure: the day, the commit and the machine it was measured on. The bars that were
asked for are in docs/bars.toml; each stands on the page, met, missed or never measured.
"""

import json
import os
import platform
import subprocess
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path

DOCS = Path(__file__).resolve().parent.parent / "docs"
KEPT, BARS, PAGE = DOCS / "figures.jsonl", DOCS / "bars.toml", DOCS / "figures.md"


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


def judged(bar: dict[str, object], newest: dict[str, dict[str, object]]) -> tuple[str, str]:
    """What was measured for a bar, and whether it holds."""
    figure = newest.get(str(bar.get("figure", "")))
    if figure is None:
        return "–", "not measured"
    of = str(bar.get("of", "value"))
    value = figure[of]
    assert isinstance(value, int | float), f"{bar['figure']} has no {of}"
    met = value <= bar.get("at_most", value) and value >= bar.get("at_least", value)  # type: ignore[operator]
    shown = f"{number(value)} {figure['unit']}" if of == "value" else f"{of} {number(value)}"
    return shown, "met" if met else "**missed**"


def page() -> str:
    newest: dict[str, dict[str, object]] = {}
    for line in KEPT.read_text(encoding="utf-8").splitlines():
        figure = json.loads(line)
        newest[figure["name"]] = figure
    parts = tomllib.loads(BARS.read_text(encoding="utf-8"))["part"]
    verdicts = [judged(bar, newest)[1] for part in parts for bar in part["bars"]]
    bars = [
        line
        for part in parts
        for line in (
            f"## {part['name']}",
            "",
            "| Asked for | Measured | |",
            "|---|---:|---|",
            *(f"| {bar['what']} | {' | '.join(judged(bar, newest))} |" for bar in part["bars"]),
            "",
        )
    ]
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
            "What `make bench` and the long fault runs printed, drawn by `tools/figures.py`. Each is measured against a baseline of the same run on "
            "the same machine: the ratio can be compared between machines, the figure cannot.",
            "",
            *(f"Machine: {each}" for each in machines),
            "",
            f"Of {len(verdicts)} bars {verdicts.count('met')} are met, {verdicts.count('**missed**')} missed, "
            f"{verdicts.count('not measured')} not measured.",
            "",
            *bars,
            "## All figures",
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
