"""`salur simulate …`: a country on a laptop."""

import sys
from pathlib import Path
from time import monotonic

import click

from salur.lib.command import Answer, answers, table
from salur.lib.database import salur_home
from salur.lib.problem import Problem
from salur.simulate import actions

FILE = click.Path(path_type=Path, dir_okay=False)
SHARE = click.FloatRange(0, 1)
SHOWN = ("branch", "allocated", "paid", "returned", "sent_back_rp", "difference_rp")


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


@simulate.command("campaign")
@click.option(
    "--stage",
    "stage_code",
    metavar="CODE",
    help="A stage with an approved list of which nobody is paid yet; its own when left out.",
)
@click.option(
    "--seed", default=1, show_default=True, type=click.IntRange(min=0), help="The same seed moves the same money."
)
@click.option("--small", is_flag=True, help=f"A stage of its own of {actions.SMALL:,} families.")
@click.option(
    "--families",
    type=click.IntRange(min=100, max=500_000),
    help="A stage of its own of so many families of one region.",
)
@click.option(
    "--faults", type=SHARE, default=0.0, metavar="SHARE", help="Share of the phones' requests that the network spoils."
)
@click.option(
    "--unpaid",
    type=SHARE,
    default=0.03,
    show_default=True,
    metavar="SHARE",
    help="Share of families that are not paid.",
)
@click.option(
    "--photos",
    type=SHARE,
    default=0.02,
    show_default=True,
    metavar="SHARE",
    help="Share of visits that are photographed.",
)
@click.option(
    "--lost",
    type=click.IntRange(0, 20),
    default=1,
    show_default=True,
    help="Phones lost and found again, for each branch.",
)
@click.option(
    "--thieves",
    type=click.IntRange(0, 20),
    default=1,
    show_default=True,
    help="Officers who pocket cash, for each branch.",
)
@click.option(
    "--speed", default="max", show_default=True, metavar="max|N", help="How many seconds of the scenario pass in one."
)
@answers
def campaign(
    stage_code: str | None,
    seed: int,
    small: bool,
    families: int | None,
    faults: float,
    unpaid: float,
    photos: float,
    lost: int,
    thieves: int,
    speed: str,
) -> Answer:
    """Play a stage from its list to closed books, with phones that speak to the public API over a network that fails."""
    if stage_code and (small or families):
        raise BadSpeed("A stage that is named has its own list: leave out --small and --families.")
    try:
        scale = None if speed == "max" else float(speed)
    except ValueError:
        raise BadSpeed(f"--speed {speed}: write max, or how many seconds of the scenario pass in one.") from None
    began = monotonic()

    def say(what: str) -> None:
        click.echo(f"{monotonic() - began:7.1f} s  {what}", err=True)

    code, played = actions.simulate_campaign(
        stage_code=stage_code, seed=seed, count=families or actions.SMALL, folder=salur_home() / "simulate", faults=faults, unpaid=unpaid,
        photos=photos, lost=lost, thieves=thieves, scale=scale, say=say,
    )  # fmt: skip
    say("every invariant is recounted by: salur verify")
    seconds, traffic = monotonic() - began, played.traffic
    data = {
        "stage": code, "seed": seed, "seconds": round(seconds, 1), "phones": played.phones, "events": sum(played.made.values()),
        "by_kind": dict(sorted(played.made.items())), "answers": dict(sorted(traffic.answers.items())), "requests": traffic.requests,
        "faults": dict(sorted(traffic.faults.items())), "refused": {str(status): n for status, n in sorted(traffic.refused.items())},
        "photos": traffic.photos, "paid_by_two_phones": played.doubles, "cases": played.cases, "closed": played.closed,
        "evaluation": played.meeting, "ledger_sha256": played.ledger_sha256,
    }  # fmt: skip
    closed = played.closed
    text = "\n".join(
        [
            f"{code}: {data['events']:,} events of {played.phones} phones in {traffic.requests:,} requests,"
            f" {sum(traffic.faults.values()):,} of them spoilt",
            *(f"  {answer:<28} {count:>10,}" for answer, count in sorted(traffic.answers.items())),
            "",
            table(
                SHOWN,
                [[f"{line[c]:,}" if c != "branch" else line[c] for c in SHOWN] for line in [*closed["branches"], {**closed, "branch": "all"}]],
                right=range(1, 6),
            ),
            f"cases: {', '.join(f'{kind} {count}' for kind, count in played.cases.items()) or 'none'}",
            f"in {seconds:.0f} s; the ledger is {played.ledger_sha256[:16]}…",
        ]
    )  # fmt: skip
    return Answer(data, text, needs_person=closed["difference_rp"] != 0)


class BadSpeed(Problem):
    code = "bad_speed"


class BadShare(Problem):
    code = "bad_share"


def _share(text: str) -> tuple[str, float]:
    reason, _, share = text.partition("=")
    try:
        return reason, float(share)
    except ValueError:
        raise BadShare(f"--kind {text}: write a reason code and a share, as nik_length=0.01.") from None
