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
