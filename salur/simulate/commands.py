"""`salur simulate …`: a country on a laptop."""

import sys
from pathlib import Path
from time import monotonic

import click

from salur.lib.command import Answer, answers
from salur.lib.problem import Problem
from salur.simulate import actions

FILE = click.Path(path_type=Path, dir_okay=False)
SHARE = click.FloatRange(0, 1)


@click.group("simulate")
def simulate() -> None:
    """Families, lists and campaigns of nobody, to try things out and to measure."""


@simulate.command("danom")
@click.option("--lines", required=True, type=click.IntRange(min=1), help="How many families.")
@click.option("--seed", required=True, type=click.IntRange(min=0), help="The same seed gives the same file.")
@click.option("--out", required=True, type=FILE, help="Where to; .csv, .csv.gz, .parquet or .xlsx.")
@click.option(
    "--damage", type=SHARE, default=0.0, metavar="SHARE", help="Share of damaged lines, every kind alike, as 0.02."
)
@click.option("--kind", "kinds", multiple=True, metavar="REASON=SHARE", help="Share of one kind of damage; repeatable.")
@click.option(
    "--cosmetic", type=SHARE, default=0.0, metavar="SHARE", help="Share of lines with damage that the import mends."
)
@click.option("--population", type=FILE, help="CSV kode,total: spread the families as people live, by kabupaten.")
@click.option("--amount", type=click.IntRange(min=1), default=600_000, show_default=True, help="Rupiah of each line.")
@click.option(
    "--ceiling",
    type=click.IntRange(min=1),
    default=4_000_000,
    show_default=True,
    help="The programme's, for amount_ceiling.",
)
@click.option(
    "--earlier",
    type=FILE,
    help="A sound file of this stage, same seed: go on after it, and repeat some of its NIKs as damage.",
)
@click.option("--other-programme", type=FILE, help="A sound file of another programme, same seed: likewise.")
@click.option("--everywhere", is_flag=True, help="Also in villages that no office serves.")
@answers
def danom(
    lines: int,
    seed: int,
    out: Path,
    damage: float,
    kinds: tuple[str, ...],
    cosmetic: float,
    population: Path | None,
    amount: int,
    ceiling: int,
    earlier: Path | None,
    other_programme: Path | None,
    everywhere: bool,
) -> Answer:
    """Make a ministry's file of families that do not exist, with known damage."""
    began = monotonic()
    with click.progressbar(length=lines, label="families", file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:
        made = actions.simulate_danom(
            lines=lines,
            seed=seed,
            out=out,
            damage=damage,
            kinds=dict(_share(text) for text in kinds),
            cosmetic=cosmetic,
            population=population,
            amount_rp=amount,
            ceiling_rp=ceiling,
            earlier=earlier,
            other_programme=other_programme,
            everywhere=everywhere,
            progress=bar.update,
        )
    seconds = monotonic() - began
    data = {
        "lines": made.lines,
        "reasons": made.reasons,
        "cosmetic": made.cosmetic,
        "damaged": sum(made.reasons.values()),
        "villages": len(made.villages.codes),
        "file": str(out),
        "seconds": round(seconds, 1),
        "lines_per_s": round(made.lines / seconds),
    }
    text = [f"{made.lines:,} families in {len(made.villages.codes):,} villages: {out}"]
    text += [
        f"  {reason:<24} {count:>12,}" for counted in (made.reasons, made.cosmetic) for reason, count in counted.items()
    ]
    warnings = []
    if not made.villages.from_register:
        warnings.append(
            "The register of areas is empty, so the families live in the villages of the founding article's branches;"
            " import one first for others: salur areas import FILE --vintage YYYY-MM."
        )
    elif made.villages.uncovered:
        warnings.append(
            f"{len(made.villages.uncovered):,} villages without an office were left out; --everywhere takes them too."
        )
    return Answer(data, "\n".join(text), warnings=warnings)


class BadShare(Problem):
    code = "bad_share"


def _share(text: str) -> tuple[str, float]:
    reason, _, share = text.partition("=")
    try:
        return reason, float(share)
    except ValueError:
        raise BadShare(f"--kind {text}: write a reason code and a share, as nik_length=0.01.") from None
