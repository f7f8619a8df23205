"""`salur payments import`: events of another channel."""

import csv
import time
from pathlib import Path

import click

from salur.lib.clock import now
from salur.lib.command import Answer, answers
from salur.payments.import_file import import_payments
from salur.payments.rules import STANDING


@click.group("payments")
def payments() -> None:
    """Cash handed to families."""


@payments.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--stage", "stage_code", required=True, metavar="CODE")
@click.option(
    "--refused",
    type=click.Path(path_type=Path),
    metavar="OUT.csv",
    help="Write the lines that did not become a payment.",
)
@answers
def import_(file: Path, stage_code: str, refused: Path | None) -> Answer:
    """Record the payments of a CSV or Parquet file; safe to repeat."""
    started = time.monotonic()
    imported = import_payments(path=file, stage_code=stage_code, at=now())
    seconds = time.monotonic() - started
    if refused is not None:
        with refused.open("w", newline="", encoding="utf-8") as sheet:
            writer = csv.writer(sheet)
            writer.writerow(["line", "outcome", "what_to_do"])
            writer.writerows(imported.refused)
    data = {
        "events": imported.events,
        "outcomes": dict(imported.outcomes),
        "geotags": dict(imported.geotags),
        "seconds": round(seconds, 3),
        "per_s": round(imported.events / seconds) if seconds else 0,
    }
    warnings = [f"{file.name}, line {number}: {what} ({outcome})" for number, outcome, what in imported.refused[:20]]
    if len(imported.refused) > len(warnings):
        warnings.append(f"… and {len(imported.refused) - len(warnings):,} more; --refused OUT.csv writes them all.")
    standing = sum(imported.outcomes[outcome] for outcome in STANDING)
    text = f"{imported.events:,} lines, {standing:,} payments stand:\n" + "\n".join(
        f"  {count:>12,}  {outcome}" for outcome, count in sorted(imported.outcomes.items())
    )
    return Answer(data, text, needs_person=bool(imported.refused), warnings=warnings)
