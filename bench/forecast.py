"""The forecast: how long all branches of a nation take, and how good it is on seeded campaigns.

``forecast_nation``: 514 branches of some 160 villages, ten days into published plans, from the database to the answer; the limit is 3 s. The baseline
reads the same tallies and draws a line through them. ``forecast_brier_day_6`` is the squared distance of "at least 95 % in time" from what happened,
against the linear forecast's; ``forecast_cover_day_6`` how often the truth lies within the 80 % interval (should be 70–90 %). Both on 400
campaigns whose seed the calibration did not see.
"""

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from django.db import connection

from bench import Figure, compare
from salur.lib.stage_tables import open_stage_partitions
from salur.monitoring.outlook import actions
from salur.planning.campaigns import imagined_campaigns
from salur.planning.forecast import brier, cover, forecast, linear_forecast
from salur.programmes.models import Programme, Stage

BRANCHES, VILLAGES, FIRST_DAY, TODAY = 514, 160, date(2022, 3, 1), 9
NATION = """
INSERT INTO offices_office (code, name, kind, timezone)
SELECT 'FC-' || n, 'Cabang ' || n, 'KC', 'Asia/Jakarta' FROM generate_series(1, %(branches)s) AS n;
CREATE TEMP TABLE bench_village AS
SELECT o.id AS branch, 1000000000 + o.id::bigint * 1000 + v AS village, 100 + abs(hashint4(o.id * 1000 + v) %% 300) AS families,
    v %% 10 AS day, v AS number
FROM offices_office AS o CROSS JOIN generate_series(1, %(villages)s) AS v WHERE o.code LIKE 'FC-%%';
INSERT INTO danom_tally (stage, branch, village, version, lines, amount_rp) SELECT %(stage)s, branch, village, 1, families, families * 600000::bigint
FROM bench_village;
INSERT INTO planning_plan (id, stage_id, branch_id, version, change, "order", first_day, days, families, unmet, hire_leaders, hire_others, rest,
    proof, inputs, assumed, made_by, made_at)
SELECT gen_random_uuid(), %(stage)s, id, 1, '', 'online_first', %(first)s, 14, 1, 0, 0, 0, '[]', '{}', '{}', '{}', 'bench', now()
FROM offices_office WHERE code LIKE 'FC-%%';
INSERT INTO planning_state (id, plan_id, state, actor, at) SELECT gen_random_uuid(), id, 'published', 'bench', now() FROM planning_plan
WHERE stage_id = %(stage)s;
INSERT INTO planning_visit (plan_id, channel, number, day, span, host, size, venue)
SELECT p.id, 'session', v.number, %(first)s::date + v.day, 0, v.village, 2, ''
FROM bench_village AS v JOIN planning_plan AS p ON p.branch_id = v.branch WHERE p.stage_id = %(stage)s;
INSERT INTO planning_served (plan_id, channel, number, village, families) SELECT p.id, 'session', v.number, v.village, v.families
FROM bench_village AS v JOIN planning_plan AS p ON p.branch_id = v.branch WHERE p.stage_id = %(stage)s;
INSERT INTO payments_tally (stage, branch, village, version, day, recorded_day, paid, paid_rp, failed)
SELECT %(stage)s, branch, village, 1, %(first)s::date + d, %(first)s::date + d,
    CASE WHEN d = day THEN families * 93 / 100 ELSE greatest(1, families / 100) END, 1, CASE WHEN d = day THEN families / 50 ELSE 0 END
FROM bench_village CROSS JOIN generate_series(0, %(today)s) AS d WHERE d >= day AND d < day + 4;
ANALYZE danom_tally; ANALYZE payments_tally; ANALYZE planning_visit; ANALYZE planning_served; ANALYZE planning_plan; ANALYZE planning_state;
"""


def nation() -> Stage:
    programme = Programme.objects.create(code="FORECAST", name="Bench", proxy="none", amount_ceiling_rp=4_000_000)
    stage = Stage.objects.create(
        programme=programme, code="FORECAST-1", period_from=date(2022, 1, 1), period_to=date(2022, 3, 1), opens=FIRST_DAY, target_days=14,
        deadline=date(2022, 6, 5), order="online_first", geotag_counter="follow_up", geotag_community="follow_up", geotag_door="at_payment",
        second_person=False,
    )  # fmt: skip
    open_stage_partitions(stage=stage.id, loaded_beside=True)
    with connection.cursor() as cursor:
        facts = {"branches": BRANCHES, "villages": VILLAGES, "stage": stage.id, "first": FIRST_DAY, "today": TODAY}
        for statement in NATION.split(";\n"):
            if statement.strip():
                cursor.execute(statement, facts)
    return stage


def ours(stage: Stage) -> float:
    started = time.perf_counter()
    found = actions.outlook(stage_code=stage.code, now=datetime.now(UTC), today=FIRST_DAY + timedelta(days=TODAY))
    assert len(found.rows) == BRANCHES
    assert all(row.planned and row.paid for row in found.rows)
    return time.perf_counter() - started


def line(stage: Stage) -> float:
    started = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT branch, sum(paid) / count(DISTINCT day) FROM payments_tally WHERE stage = %s GROUP BY branch",
            [stage.id],
        )
        assert len(cursor.fetchall()) == BRANCHES
    return time.perf_counter() - started


def figures() -> Iterator[Figure]:
    stage = nation()
    yield compare(
        "forecast_nation",
        "s",
        lambda: ours(stage),
        lambda: line(stage),
        note=f"{BRANCHES} branches of {VILLAGES} villages; limit 3 s",
    )
    campaigns = imagined_campaigns(400, seed=7)
    progress, truth = campaigns.on(6), campaigns.share
    found, straight, reached = forecast(progress), linear_forecast(progress), campaigns.share >= 0.95
    mine, theirs = brier(found.reaches, reached), brier(straight.reaches, reached)
    yield Figure(
        "forecast_brier_day_6",
        round(mine, 4),
        "squared",
        round(theirs, 4),
        round(mine / theirs, 3),
        [],
        "lower is better",
    )
    covered = cover(found.share[:, 0], found.share[:, 2], truth)
    yield Figure(
        "forecast_cover_day_6",
        round(covered, 3),
        "share",
        0.8,
        round(covered / 0.8, 3),
        [],
        "0.70 to 0.90 is asked for",
    )
