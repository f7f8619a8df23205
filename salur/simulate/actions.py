"""The verbs of simulation: make a nominative list, which only writes a file; play a stage's campaign, which drives the verbs and the API."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import NamedTuple

import polars as pl

from salur.areas.actions import current_areas
from salur.areas.rules import area_code
from salur.field.wire import MAX_EVENTS
from salur.lib.csv_file import read_csv
from salur.lib.sql import Queries
from salur.programmes.actions import stage_by_code
from salur.simulate import own_stage
from salur.simulate.article import article_villages
from salur.simulate.damage import Damage, Line, Outside, evenly
from salur.simulate.families import COLUMNS, families, village_counts
from salur.simulate.files import scan_lines, write_lines
from salur.simulate.handset import Traffic
from salur.simulate.server import OwnServer
from salur.simulate.whole_stage import Disturb, Play, Played, Say, Scenario

queries = Queries(__file__)


class Villages(NamedTuple):
    """Where families live: ``codes``; ``uncovered`` ones that no office serves, ``retired`` codes that one of ``codes`` took over.

    ``from_register`` is false when the database has no register yet and these are the founding article's.
    """

    codes: list[int]
    uncovered: list[int]
    retired: list[int]
    from_register: bool


@dataclass(frozen=True)
class Simulated:
    """``reasons`` and ``cosmetic`` count the damaged lines by kind, of which each line has one at most."""

    lines: int
    villages: Villages
    reasons: Mapping[str, int]
    cosmetic: Mapping[str, int]


def simulate_danom(
    *,
    lines: int,
    seed: int,
    out: Path,
    damage: float = 0.0,
    kinds: Mapping[str, float] | None = None,
    cosmetic: float = 0.0,
    population: Path | None = None,
    amount_rp: int = 600_000,
    ceiling_rp: int = 4_000_000,
    earlier: Path | None = None,
    other_programme: Path | None = None,
    everywhere: bool = False,
    progress: Callable[[int], object] = lambda lines: None,
) -> Simulated:
    """Write a danom file of ``lines`` families that do not exist; the same arguments and register give the same bytes.

    ``damage`` is the share of lines damaged in every possible way alike, ``kinds`` the share of single kinds; ``cosmetic`` of those that the
    import mends. ``population`` (CSV: kode, total) spreads the families as people live. ``earlier`` and ``other_programme`` are sound files
    made before with the same seed: the new families go on where those end, and damage may repeat theirs. Families live in villages that an
    office serves, or in all of them when none is served or ``everywhere``. ``progress`` is told of lines as they are made.
    """
    villages = _villages(everywhere=everywhere)
    counts = village_counts(villages.codes, lines=lines, population=None if population is None else _people(population))
    before = [path for path in (earlier, other_programme) if path is not None]
    first = 0
    if before:
        made = pl.concat([scan_lines(path) for path in before]).group_by("kode_desa").len("made").collect()
        first = int(made["made"].sum())
        made = made.select(pl.col("kode_desa").cast(pl.Int64, strict=False).alias("code"), "made")
        counts = counts.join(made, on="code", how="left", maintain_order="left").with_columns(
            pl.col("made").fill_null(0)
        )
    kinds = kinds or {}
    # As many as there could be, if all damage were of this one kind.
    borrowed = ceil((damage + sum(kinds.values())) * lines)
    outside = Outside(
        earlier=_first_lines(earlier, borrowed),
        other_programme=_first_lines(other_programme, borrowed),
        retired=villages.retired,
        uncovered=villages.uncovered,
        ceiling_rp=ceiling_rp,
    )
    shares = {**(evenly(damage, outside) if damage else {}), **kinds}
    faults = Damage(lines=lines, shares=shares, seed=seed, outside=outside, cosmetic_share=cosmetic)
    frames = families(villages=counts, seed=seed, first=first, amount_rp=amount_rp)
    written = write_lines(_told(faults.put_in(frames), progress), out)
    return Simulated(written, villages, dict(sorted(faults.reasons.items())), dict(sorted(faults.cosmetic.items())))


SMALL = 1_000  # families of a stage that a test or a first look plays


def simulate_campaign(
    *,
    stage_code: str | None,
    seed: int,
    count: int,
    folder: Path,
    faults: float = 0.0,
    unpaid: float = 0.03,
    photos: float = 0.02,
    lost: int = 1,
    thieves: int = 1,
    scale: float | None = None,
    patience_s: float = 120.0,
    batch: int = MAX_EVENTS,
    say: Say = lambda what: None,
    server: OwnServer | None = None,
    disturb: Disturb = nullcontext,
    watch: Callable[[Traffic], object] = lambda traffic: None,
) -> tuple[str, Played]:
    """Play a stage from its list to closed books; the stage's code and what came of it.

    Without ``stage_code`` a stage of its own is made, ``SIM-`` and the seed, of ``count`` families. The server that phones speak to is
    started here, with the scenario's clock, unless ``server`` is one. ``disturb`` surrounds what phones say over the network, and ``watch`` is
    given what goes over it: tests kill there what answers. Raises ``Conflict`` for a stage that has begun.
    """
    if stage_code is None:
        code = f"SIM-{seed}"
        stage, branches = own_stage.make_stage(code=code, count=count, seed=seed, unpaid=unpaid, folder=folder, say=say)
    else:
        stage = stage_by_code(stage_code)
        branches = own_stage.branches_of(stage, unpaid=unpaid, first_day=stage.opens)
    scenario = Scenario(stage, seed, branches, faults, photos, lost, thieves, scale, patience_s, batch)
    with nullcontext(server) if server is not None else OwnServer() as serving:
        play = Play(scenario, port=serving.port, say=say, disturb=disturb)
        watch(play.traffic)
        return stage.code, play.run()


def _villages(*, everywhere: bool) -> Villages:
    rows = queries.villages()
    if not rows:
        return Villages(article_villages()["code"].to_list(), [], [], from_register=False)
    served = [row.code for row in rows if row.served]
    if not served or everywhere:
        codes, uncovered = [row.code for row in rows], []
    else:
        codes, uncovered = served, [row.code for row in rows if not row.served]
    known = set(codes)
    return Villages(codes, uncovered, [old for old, new in current_areas().items() if new in known], from_register=True)


def _people(path: Path) -> dict[int, int]:
    """People of each kabupaten or kota; lines of other levels are passed over."""
    people = {}
    file = read_csv(path, ("kode", "total"))
    for line, (code, total) in file.rows:
        try:
            area, count = area_code(code), int(total)
        except ValueError:
            raise file.refusal(line, f"kode “{code}” with total “{total}” is not an area and a whole number.") from None
        if 1000 <= area <= 9999:
            people[area] = count
    return people


def _first_lines(path: Path | None, count: int) -> list[Line]:
    if path is None:
        return []
    return [Line(*values) for values in scan_lines(path).select(COLUMNS).head(count).collect().iter_rows()]


def _told(frames: Iterable[pl.DataFrame], progress: Callable[[int], object]) -> Iterator[pl.DataFrame]:
    for frame in frames:
        yield frame
        progress(len(frame))
