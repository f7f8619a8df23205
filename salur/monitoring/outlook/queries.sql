-- name: branches
-- Branches with families in a stage: how many, in how many villages, and the window of the published plan where there is one.
SELECT t.branch, o.code, o.name, o.timezone, t.families, t.villages, p.first_day, p.days
FROM (
    SELECT t.branch, sum(t.families)::bigint AS families, count(*) AS villages
    FROM (SELECT branch, village, sum(lines) AS families FROM danom_tally WHERE stage = %(stage)s GROUP BY branch, village) AS t
    WHERE t.families > 0 AND (t.branch = ANY (%(branches)s::integer[]) OR %(branches)s::integer[] IS NULL)
    GROUP BY t.branch
) AS t
JOIN offices_office AS o ON o.id = t.branch
LEFT JOIN LATERAL (
    SELECT p.first_day, p.days FROM planning_plan AS p
    WHERE p.branch_id = t.branch AND p.stage_id = %(stage)s
        AND EXISTS (SELECT FROM planning_state AS s WHERE s.plan_id = p.id AND s.state = 'published')
        AND NOT EXISTS (SELECT FROM planning_state AS s WHERE s.plan_id = p.id AND s.state = 'superseded')
    ORDER BY p.version DESC LIMIT 1
) AS p ON true
ORDER BY o.code

-- name: parts
-- Part of ``held`` and ``planned``: families of each village by the day on which the published plan first calls them, and how many were called before.
SELECT branch, village, day, families, sum(families) OVER (PARTITION BY branch, village ORDER BY day) - families AS before
FROM (
    SELECT p.branch_id AS branch, s.village, v.day, sum(s.families) AS families
    FROM planning_plan AS p
    JOIN planning_visit AS v ON v.plan_id = p.id
    JOIN planning_served AS s ON (s.plan_id, s.channel, s.number) = (v.plan_id, v.channel, v.number)
    WHERE p.stage_id = %(stage)s AND (p.branch_id = ANY (%(branches)s::integer[]) OR %(branches)s::integer[] IS NULL)
        AND EXISTS (SELECT FROM planning_state AS s WHERE s.plan_id = p.id AND s.state = 'published')
        AND NOT EXISTS (SELECT FROM planning_state AS s WHERE s.plan_id = p.id AND s.state = 'superseded')
    GROUP BY p.branch_id, s.village, v.day
) AS called

-- name: planned
-- Families by branch and the day of their first call.
WITH part AS (
-- include: monitoring/outlook.parts
)
SELECT branch, day, sum(families)::bigint AS families FROM part GROUP BY branch, day

-- name: held
-- Families by branch and the day on which what was planned for them was really held: the first evening on which a quarter of them had been paid or
-- had been visited in vain, beside three quarters of those of the village who were called before.
-- Without a published plan a village counts as one call.
WITH done AS (
    SELECT branch, village, day, sum(paid + failed) AS seen FROM payments_tally
    WHERE stage = %(stage)s AND recorded_day <= %(today)s AND (branch = ANY (%(branches)s::integer[]) OR %(branches)s::integer[] IS NULL)
    GROUP BY branch, village, day
),
running AS (
    SELECT branch, village, day, sum(seen) OVER (PARTITION BY branch, village ORDER BY day) AS seen FROM done
),
part AS (
    SELECT branch, village, day, families, before FROM (
-- include: monitoring/outlook.parts
    ) AS planned
    UNION ALL
    SELECT t.branch, t.village, NULL, sum(t.lines), 0 FROM danom_tally AS t
    WHERE t.stage = %(stage)s AND t.branch = ANY (%(unplanned)s::integer[]) GROUP BY t.branch, t.village
)
SELECT branch, held AS day, sum(families)::bigint AS families
FROM (
    SELECT p.branch, p.families, min(r.day) AS held
    FROM part AS p JOIN running AS r ON r.branch = p.branch AND r.village = p.village
    WHERE r.seen >= 0.75 * p.before + 0.25 * p.families
    GROUP BY p.branch, p.village, p.day, p.families
) AS first_day
GROUP BY branch, held

-- name: paid
-- Families paid by branch and day, as far as it was recorded by an evening.
SELECT branch, day, sum(paid)::bigint AS families FROM payments_tally
WHERE stage = %(stage)s AND recorded_day <= %(today)s AND (branch = ANY (%(branches)s::integer[]) OR %(branches)s::integer[] IS NULL)
GROUP BY branch, day

-- name: silent
-- Families on work lists whose phone has not been heard since the list's day began, by branch and day; and what phones said they have still to send.
SELECT l.branch_id AS branch, l.day, sum(l.families)::bigint AS families
FROM field_lease AS l
JOIN field_device AS d ON d.id = l.device_id
JOIN offices_office AS o ON o.id = l.branch_id
WHERE l.stage_id = %(stage)s AND l.day <= %(today)s AND (l.branch_id = ANY (%(branches)s::integer[]) OR %(branches)s::integer[] IS NULL)
    AND (d.last_seen_at IS NULL OR d.last_seen_at < l.day::timestamp AT TIME ZONE o.timezone)
GROUP BY l.branch_id, l.day

-- name: unsent
-- What the phones of each branch said they still have to send when they were last heard.
SELECT branch_id AS branch, sum(unsent)::bigint AS events FROM field_device WHERE revoked_at IS NULL AND unsent > 0 GROUP BY branch_id
