-- name: clock
-- This moment, not the transaction's beginning.
SELECT clock_timestamp() AS moment

-- name: office
-- An office with the branches below it (or that it is), and the way to it from the top of the tree.
WITH RECURSIVE up AS (
    SELECT id, parent_id, ARRAY[id] AS way FROM offices_office WHERE code = %(code)s
    UNION ALL
    SELECT o.id, o.parent_id, o.id || up.way FROM up JOIN offices_office AS o ON o.id = up.parent_id
),
down AS (
    SELECT id, kind FROM offices_office WHERE code = %(code)s
    UNION ALL
    SELECT o.id, o.kind FROM down JOIN offices_office AS o ON o.parent_id = down.id
)
SELECT o.id, o.code, o.name, o.kind, o.timezone, (SELECT way FROM up WHERE parent_id IS NULL) AS way,
    coalesce((SELECT array_agg(id ORDER BY id) FROM down WHERE kind IN ('KC', 'KCU')), '{}') AS branches
FROM offices_office AS o WHERE o.code = %(code)s

-- name: branches_on_list
-- The branches that have families of a stage in a place, with their zone.
SELECT t.branch, o.code, o.name, o.timezone
FROM (
    SELECT branch FROM danom_tally
    WHERE stage = %(stage)s AND village BETWEEN %(first)s AND %(last)s AND (branch = ANY(%(branches)s::integer[]) OR %(branches)s::integer[] IS NULL)
    GROUP BY branch HAVING sum(lines) > 0
) AS t
JOIN offices_office AS o ON o.id = t.branch
ORDER BY o.code

-- name: windows
-- When the villages of a place close: branch by branch, how many villages at which moment.
SELECT o.code AS branch, o.name, o.timezone, v.closes_at, count(*) AS villages, sum(v.lines)::bigint AS families
FROM (
    SELECT t.branch, t.village, sum(t.lines) AS lines, programmes_closes_at(%(stage)s, t.branch, t.village, b.timezone) AS closes_at
    FROM danom_tally AS t JOIN offices_office AS b ON b.id = t.branch
    WHERE t.stage = %(stage)s AND t.village BETWEEN %(first)s AND %(last)s AND (t.branch = ANY(%(branches)s::integer[]) OR %(branches)s::integer[] IS NULL)
    GROUP BY t.branch, t.village, b.timezone
) AS v
JOIN offices_office AS o ON o.id = v.branch
GROUP BY o.code, o.name, o.timezone, v.closes_at
ORDER BY o.code, v.closes_at
