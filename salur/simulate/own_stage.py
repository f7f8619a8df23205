"""A stage of the simulation's own: areas and offices where there are none, a programme, a list of families that do not exist, its approval."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import polars as pl

from salur.areas.actions import import_areas, import_centroids
from salur.danom.actions import approve_batch, import_batch
from salur.lib.problem import Conflict
from salur.lib.sql import Queries
from salur.offices.actions import import_offices
from salur.programmes.actions import import_programmes, stage_by_code
from salur.programmes.models import Stage
from salur.simulate import article
from salur.simulate.families import DATA, families
from salur.simulate.files import write_lines
from salur.simulate.numbers import lognormal, share_out
from salur.simulate.whole_stage import NothingToPlay, Play, Say

queries = Queries(__file__)

PROGRAMME = DATA / "own_programme.toml"
FIRST_DAY = date(2022, 3, 9)
VINTAGE = "2022-02"
GEOTAG_PERCENT = Decimal(70)
FAMILIES_A_DAY = 110  # of one officer; the days are twelve, the last ones thinner
AMOUNT_RP = 600_000
FAMILIES_OF_A_BRANCH = 250  # at least; a smaller stage has fewer branches


def make_stage(
    *, code: str, count: int, seed: int, unpaid: float, folder: Path, say: Say
) -> tuple[Stage, Sequence[article.Branch]]:
    """Families of Regional V's branches, in proportion to the founding article's, listed and approved; and who pays them.

    Raises ``Conflict`` when the stage is there already.
    """
    folder.mkdir(parents=True, exist_ok=True)
    at = Play.local(FIRST_DAY.replace(day=1), 9)
    say("areas, offices, programme")
    if not queries.villages():
        import_areas(path=article.AREAS, vintage=VINTAGE, at=at)
        import_centroids(path=article.CENTROIDS)
    if not queries.branch(code=article.BRANCHES[0].code):
        import_offices(path=article.OFFICES)
    programme = folder / f"{code}.toml"
    programme.write_text(PROGRAMME.read_text(encoding="utf-8").format(code=code), encoding="utf-8")
    import_programmes(path=programme)
    stage = stage_by_code(code)
    if queries.branches_of_list(stage=stage.id):
        raise Conflict(f"The stage {code} is here already: another --seed makes another one.")
    say(f"the ministry's list: {count:,} families")
    listed = folder / f"{code}.csv"
    first = seed * 1_000_000 % (article.FIRST_FAMILY - count)
    write_lines(families(villages=_spread(count, seed), seed=seed, first=first, amount_rp=AMOUNT_RP), listed)
    imported = import_batch(path=listed, stage_code=code, actor="kemensos", at=at)
    approve_batch(word=imported.batch.name, actor="pusat", at=at)
    return stage, branches_of(stage, unpaid=unpaid, first_day=FIRST_DAY)


def branches_of(stage: Stage, *, unpaid: float, first_day: date) -> list[article.Branch]:
    """The branches of a stage's approved list, with officers enough for fourteen days. Raises ``NothingToPlay``, ``Conflict``."""
    rows = queries.branches_of_list(stage=stage.id)
    if not rows:
        raise NothingToPlay(f"The stage {stage.code} has no approved list: import and approve one first.")
    if begun := [row.code for row in rows if row.begun]:
        raise Conflict(
            f"{', '.join(begun)} of {stage.code} has paid already: a campaign plays a stage from its beginning."
        )
    return [
        replace(
            article.BRANCHES[0], code=row.code, name=row.name, kabupaten=tuple(row.kabupaten), allocated=row.families,
            paid=max(1, round(row.families * (1 - unpaid))), geotag_percent=GEOTAG_PERCENT, geotag_assumed=True, first_day=first_day,
            officers=max(3, row.families // (12 * FAMILIES_A_DAY)),
        )
        for row in rows
    ]  # fmt: skip


def _spread(count: int, seed: int) -> pl.DataFrame:
    """Villages of the branches by code, with how many families each has; all in villages enough for their birth dates."""
    own = [branch.code for branch in article.BRANCHES[: max(1, count // FAMILIES_OF_A_BRANCH)]]
    villages = article.article_villages(seed=article.SEED).filter(pl.col("branch").is_in(own))
    weights = villages["families"].to_numpy() * lognormal(np.random.default_rng([seed, 4]), len(villages), sigma=0.1)
    return pl.DataFrame({"code": villages["code"], "families": share_out(count, weights)})
