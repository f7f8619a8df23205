-- name: keys
-- The entitlements of a branch in a range of villages, village by village, by the families' names.
SELECT e.stage, e.branch, e.id
FROM danom_entitlement AS e
LEFT JOIN LATERAL (SELECT f.name FROM registry_family AS f WHERE f.stage = e.stage AND f.id = e.family AND f.branch = e.branch OFFSET 0) AS f ON true
WHERE e.stage = %(stage)s AND e.branch = %(branch)s AND e.village BETWEEN %(first_village)s AND %(last_village)s
ORDER BY e.village, f.name, e.id

-- name: count_keys
-- How many they are.
SELECT count(*) AS families FROM danom_entitlement AS e
WHERE e.stage = %(stage)s AND e.branch = %(branch)s AND e.village BETWEEN %(first_village)s AND %(last_village)s

-- name: branches_below
-- The branches below an office, itself among them.
WITH RECURSIVE below AS (
    SELECT id, kind FROM offices_office WHERE id = %(office)s
    UNION ALL SELECT o.id, o.kind FROM offices_office AS o JOIN below ON o.parent_id = below.id
)
SELECT id FROM below WHERE kind IN ('KC', 'KCU') ORDER BY id
