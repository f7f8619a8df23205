-- name: lock_offices
-- One import at a time: a second one waits, and then sees what the first one wrote.
LOCK TABLE offices_service_area IN SHARE ROW EXCLUSIVE MODE;

-- name: offices
-- Every office with its parent's code and the areas it claims.
SELECT o.code, o.name, o.kind, parent.code AS parent,
    ARRAY(SELECT s.area FROM offices_service_area AS s WHERE s.office_id = o.id ORDER BY s.area) AS areas
FROM offices_office AS o LEFT JOIN offices_office AS parent ON parent.id = o.parent_id;

-- name: write_offices
-- Write offices of one storey of the tree, whose parents are written already; answers how many are new and how many changed.
WITH written AS (
    INSERT INTO offices_office AS o (code, name, kind, parent_id, timezone)
    SELECT i.code, i.name, i.kind, parent.id, i.timezone
    FROM unnest(%(codes)s::text[], %(names)s::text[], %(kinds)s::text[], %(parents)s::text[], %(timezones)s::text[])
        AS i (code, name, kind, parent, timezone)
    LEFT JOIN offices_office AS parent ON parent.code = i.parent
    ON CONFLICT (code) DO UPDATE SET
        name = excluded.name, kind = excluded.kind, parent_id = excluded.parent_id, timezone = excluded.timezone
    WHERE (o.name, o.kind, o.parent_id, o.timezone)
        IS DISTINCT FROM (excluded.name, excluded.kind, excluded.parent_id, excluded.timezone)
    RETURNING o.xmax = 0 AS created
)
SELECT count(*) FILTER (WHERE created) AS created, count(*) FILTER (WHERE NOT created) AS changed FROM written;

-- name: write_service_areas
-- Give the named offices exactly these areas; an area that moves between two of them changes hands. Answers how many rows changed.
WITH incoming AS (
    SELECT o.id AS office_id, i.area
    FROM unnest(%(codes)s::text[], %(areas)s::bigint[]) AS i (code, area) JOIN offices_office AS o ON o.code = i.code
),
given_up AS (
    DELETE FROM offices_service_area AS s USING offices_office AS o
    WHERE o.id = s.office_id AND o.code = ANY (%(offices)s::text[]) AND NOT EXISTS (SELECT FROM incoming AS i WHERE i.area = s.area)
    RETURNING s.area
),
taken AS (
    INSERT INTO offices_service_area AS s (office_id, area) SELECT office_id, area FROM incoming
    ON CONFLICT (area) DO UPDATE SET office_id = excluded.office_id WHERE s.office_id <> excluded.office_id
    RETURNING s.area
)
SELECT (SELECT count(*) FROM given_up) + (SELECT count(*) FROM taken) AS changed;

-- name: cover_villages
-- Renew who serves each village (migrations/0002_coverage.sql); answers how many villages got another office.
SELECT offices_cover_villages() AS changed;

-- name: count_coverage
-- The villages of today's register, and those that an office serves.
SELECT count(*) AS villages, count(c.village) AS covered
FROM areas_area AS a LEFT JOIN offices_coverage AS c ON c.village = a.code
WHERE a.level = 4 AND a.last_vintage = (SELECT max(code) FROM areas_vintage);

-- name: uncovered
-- The largest areas in which no office serves a single village: a province rather than its thousand villages.
WITH village AS (
    SELECT a.code, c.village IS NOT NULL AS covered
    FROM areas_area AS a LEFT JOIN offices_coverage AS c ON c.village = a.code
    WHERE a.level = 4 AND a.last_vintage = (SELECT max(code) FROM areas_vintage)
),
within AS (
    SELECT v.code / above.unit AS code, min(above.next) AS next, count(*) AS villages, bool_or(v.covered) AS covered
    FROM village AS v
    CROSS JOIN (VALUES (100000000, 1), (1000000, 100), (10000, 100), (1, 10000)) AS above (unit, next)
    GROUP BY v.code / above.unit
)
SELECT w.code, a.name, a.level, w.villages
FROM within AS w
JOIN areas_area AS a ON a.code = w.code
LEFT JOIN within AS parent ON w.next > 1 AND parent.code = w.code / w.next
WHERE NOT w.covered AND (parent.code IS NULL OR parent.covered)
ORDER BY w.code::text COLLATE "C"; -- a parent before its children, as a register is written

-- name: split
-- Areas that one branch serves inside an area of another branch, with how many of today's villages it takes over there.
WITH claim AS (SELECT s.area, s.office_id FROM offices_service_area AS s),
outer_claim AS (
    SELECT inside.area, inside.office_id AS inner_office, around.area AS outer_area, around.office_id AS outer_office,
        row_number() OVER (PARTITION BY inside.area ORDER BY around.area DESC) AS nearest
    FROM claim AS inside JOIN claim AS around
        ON around.area IN (inside.area / 100, inside.area / 10000, inside.area / 1000000, inside.area / 100000000)
        AND around.area >= 10
),
branch AS (SELECT office_id, branch_id FROM offices_coverage GROUP BY office_id, branch_id)
SELECT o.area, a.name, inner_branch.code AS branch, o.outer_area, outer_branch.code AS instead_of, count(v.code) AS villages
FROM outer_claim AS o
JOIN areas_area AS a ON a.code = o.area
JOIN branch AS inner_b ON inner_b.office_id = o.inner_office
JOIN branch AS outer_b ON outer_b.office_id = o.outer_office
JOIN offices_office AS inner_branch ON inner_branch.id = inner_b.branch_id
JOIN offices_office AS outer_branch ON outer_branch.id = outer_b.branch_id
LEFT JOIN (
    SELECT village.code, c.office_id FROM areas_area AS village JOIN offices_coverage AS c ON c.village = village.code
    WHERE village.level = 4 AND village.last_vintage = (SELECT max(code) FROM areas_vintage)
) AS v ON v.office_id = o.inner_office AND o.area IN (v.code, v.code / 10000, v.code / 1000000)
WHERE o.nearest = 1 AND inner_b.branch_id <> outer_b.branch_id
GROUP BY o.area, a.name, inner_branch.code, o.outer_area, outer_branch.code
ORDER BY o.area::text COLLATE "C";

-- name: branches_by_code
-- The branch of every office that serves people: of a KCU or KC itself, of a KCP the nearest one above it.
WITH RECURSIVE branch_of AS (
    SELECT id AS office_id, code, id AS branch_id FROM offices_office WHERE kind IN ('KCU', 'KC')
    UNION ALL
    SELECT below.id, below.code, above.branch_id
    FROM branch_of AS above JOIN offices_office AS below ON below.parent_id = above.office_id AND below.kind = 'KCP'
)
SELECT code, branch_id FROM branch_of;

-- name: register_officers
-- Make the officers that are not known yet, named by their code until somebody tells their name; answers all those asked for.
WITH asked AS (
    SELECT DISTINCT branch_id, code FROM unnest(%(branches)s::int[], %(codes)s::text[]) AS a (branch_id, code)
),
made AS (
    INSERT INTO offices_officer (branch_id, code, name, kind)
    SELECT branch_id, code, code, 'external' FROM asked ORDER BY branch_id, code
    ON CONFLICT (branch_id, code) DO NOTHING
    RETURNING id, branch_id, code
)
SELECT id, branch_id, code FROM made
UNION ALL
SELECT o.id, o.branch_id, o.code FROM offices_officer AS o JOIN asked USING (branch_id, code);

-- name: write_officers
-- Write officers of a file; answers how many are new and how many changed.
WITH written AS (
    INSERT INTO offices_officer AS o (branch_id, code, name, kind, home_area, contract_ends)
    SELECT branch.id, i.code, i.name, i.kind, i.home_area, i.contract_ends
    FROM unnest(
        %(branches)s::text[], %(codes)s::text[], %(names)s::text[], %(kinds)s::text[], %(home_areas)s::bigint[], %(ends)s::date[]
    ) AS i (branch, code, name, kind, home_area, contract_ends)
    JOIN offices_office AS branch ON branch.code = i.branch
    ORDER BY branch.id, i.code -- in the order of register_officers, so that the two never wait for each other
    ON CONFLICT (branch_id, code) DO UPDATE SET
        name = excluded.name, kind = excluded.kind, home_area = excluded.home_area, contract_ends = excluded.contract_ends
    WHERE (o.name, o.kind, o.home_area, o.contract_ends)
        IS DISTINCT FROM (excluded.name, excluded.kind, excluded.home_area, excluded.contract_ends)
    RETURNING o.xmax = 0 AS created
)
SELECT count(*) FILTER (WHERE created) AS created, count(*) FILTER (WHERE NOT created) AS changed FROM written;
