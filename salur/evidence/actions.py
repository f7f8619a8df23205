"""The verbs of evidence: record geotags, recount."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from salur.evidence.rules import Geotag, Outcome
from salur.lib.sql import Queries, Recount

queries = Queries(__file__)


@transaction.atomic
def record_geotags(*, stage: int, branch: int, geotags: Sequence[Geotag], at: datetime) -> list[Outcome]:
    """Judge and write geotags of one branch; outcomes in the order of ``geotags``.

    A second geotag of a family is kept as its next revision. ``at`` is the moment of recording.
    """
    queries.prepare_posting()
    outcomes: list[Outcome | None] = [None] * len(geotags)
    # A second look settles the second geotag of a family within the batch, or one that another writer was faster with.
    while open_positions := [position for position, outcome in enumerate(outcomes) if outcome is None]:
        columns = zip(*(geotags[position] for position in open_positions), strict=True)
        names = ("ids", "entitlements", "officers", "lats_e7", "lons_e7", "accuracies_dm", "taken_at", "photos_sha256")
        rows = queries.record_geotags(
            stage=stage,
            branch=branch,
            at=at,
            **{name: list(column) for name, column in zip(names, columns, strict=True)},
        )
        for position, row in zip(open_positions, rows, strict=True):
            outcomes[position] = None if row.outcome == "again" else Outcome(row.outcome)
    return [outcome for outcome in outcomes if outcome is not None]


def recount(*, stage: int) -> list[Recount]:
    """The invariant of geotags: the tally is what the first geotags say."""
    rows = queries.recount_tally(stage=stage)
    broken = [row for row in rows if row.geotagged != row.recounted_geotagged]
    return [
        Recount(
            "geotag tallies equal a recount of the geotags",
            len(rows),
            len(broken),
            [
                f"branch {row.branch} village {row.village} version {row.version} day {row.day} (recorded {row.recorded_day}):"
                f" tally says {row.geotagged}, the geotags say {row.recounted_geotagged}"
                for row in broken[:5]
            ],
        )
    ]
