-- name: lock_programmes
-- One import at a time: a second one waits, and then sees what the first one wrote.
LOCK TABLE programmes_programme IN SHARE ROW EXCLUSIVE MODE;

-- name: deadlines
-- The last day on which each village of a stage may be paid: its own extension, else that of the area around it, else the stage's.
SELECT v.village, COALESCE(e.deadline, s.deadline) AS deadline
FROM unnest(%(villages)s::bigint[]) AS v (village)
JOIN programmes_stage AS s ON s.id = %(stage)s::int
LEFT JOIN LATERAL (
    SELECT x.deadline FROM programmes_extension AS x
    WHERE x.stage_id = s.id AND x.area IN (v.village, v.village / 10000, v.village / 1000000, v.village / 100000000)
    ORDER BY x.area DESC LIMIT 1 -- a deeper code is a larger number
) AS e ON true;

-- name: first_close
-- A part of a statement, not one by itself: the moment before which no window of the stage can have ended. Until then nobody need ask which
-- village closes when (`programmes_closes_at`); the day ends first in the east.
first_close AS MATERIALIZED (
    SELECT least(
        (
            SELECT min(m.moment) FROM programmes_stage AS s
            CROSS JOIN LATERAL (
                SELECT (s.deadline + 1)::timestamp AT TIME ZONE 'Asia/Jayapura'
                UNION ALL
                SELECT (x.deadline + 1)::timestamp AT TIME ZONE 'Asia/Jayapura' FROM programmes_extension AS x WHERE x.stage_id = s.id
            ) AS m(moment)
            WHERE s.id = %(stage)s AND s.entered_at < m.moment + interval '2 hours'
        ),
        (SELECT min(d.closes_at) FROM programmes_decision AS d WHERE d.stage_id = %(stage)s)
    ) AS moment
)

-- name: take_windows
-- Decisions about a stage's windows are numbered one after the other.
SELECT pg_advisory_xact_lock(hashtext('windows'), %(stage)s)::text AS taken

-- name: next_decision
-- The number of the stage's next decision.
SELECT coalesce(max(number), 0) + 1 AS number FROM programmes_decision WHERE stage_id = %(stage)s

-- name: decisions
-- What was decided about a stage's windows, the latest first.
SELECT number, change, area, branch, closes_at, reason, document, document_sha256, decided_by, decided_at
FROM programmes_decision WHERE stage_id = %(stage)s ORDER BY number DESC

-- name: closings
-- When each village of a branch closes; `zone` is where its day ends.
SELECT v.village, programmes_closes_at(%(stage)s, v.branch, v.village, v.zone) AS closes_at
FROM unnest(%(branches)s::integer[], %(villages)s::bigint[], %(zones)s::text[]) AS v(branch, village, zone)
