-- name: villages
-- Every village code an old or new list may name, the code that counts today, and the branch that serves it.
SELECT a.code::text AS code, a.code AS village, c.branch_id AS branch
FROM areas_area AS a
LEFT JOIN offices_coverage AS c ON c.village = a.code
WHERE a.level = 4

-- name: lock_stage
-- One import or approval of a stage at a time, so that versions follow each other and no family comes onto the list twice.
SELECT pg_advisory_xact_lock(hashtext('danom'), %(stage)s)::text AS locked

-- name: next_version
-- The version a new batch of the stage gets.
SELECT coalesce(max(version), 0) + 1 AS version FROM danom_batch WHERE stage = %(stage)s

-- name: families_in_stage
-- Which of the given families are on the stage's list already, approved.
SELECT e.family
FROM unnest(%(families)s::uuid[]) AS b(family)
JOIN danom_entitlement AS e ON e.stage = %(stage)s AND e.family = b.family

-- name: families_in_other_programmes
-- Which of the given families another programme pays in a stage whose window meets this one's.
SELECT DISTINCT e.family
FROM programmes_stage AS own
JOIN programmes_stage AS other
    ON other.programme_id <> own.programme_id AND other.opens <= own.deadline AND own.opens <= other.deadline
JOIN danom_entitlement AS e ON e.stage = other.id
JOIN unnest(%(families)s::uuid[]) AS b(family) ON e.family = b.family
WHERE own.id = %(stage)s

-- name: anything_approved
-- Whether the stage, or another programme's in the same window, has a list: an empty one need not be asked line by line.
SELECT EXISTS (SELECT FROM danom_entitlement WHERE stage = %(stage)s) AS here,
    EXISTS (SELECT FROM danom_entitlement WHERE stage <> %(stage)s) AS elsewhere

-- name: probable_duplicates
-- Lines of a batch with name, birth date and village of an earlier line of it, under another NIK.
SELECT line FROM (
    SELECT line, row_number() OVER (PARTITION BY village, birth_date, lower(name) ORDER BY line) AS place
    FROM {lines} WHERE birth_date IS NOT NULL
) AS placed
WHERE place > 1

-- name: register_families
-- The batch's families come into the registry; one that is there keeps its numbers and gets the list's name and address.
INSERT INTO registry_family (branch, id, nik_sealed, kk_sealed, kk_key, key_version, name, birth_date, sex, address, rt, rw)
SELECT branch, family, nik_sealed, kk_sealed, kk_key, %(key_version)s, name, birth_date, sex, address, rt, rw
FROM {lines} ORDER BY family
ON CONFLICT (id, branch) DO UPDATE
SET name = excluded.name, birth_date = excluded.birth_date, sex = excluded.sex, address = excluded.address, rt = excluded.rt, rw = excluded.rw,
    kk_sealed = coalesce(excluded.kk_sealed, registry_family.kk_sealed), kk_key = coalesce(excluded.kk_key, registry_family.kk_key)
WHERE (registry_family.name, registry_family.birth_date, registry_family.sex, registry_family.address, registry_family.rt, registry_family.rw, registry_family.kk_key)
    IS DISTINCT FROM (excluded.name, excluded.birth_date, excluded.sex, excluded.address, excluded.rt, excluded.rw, coalesce(excluded.kk_key, registry_family.kk_key))

-- name: entitle
-- The batch's lines become entitlements; lines of one village lie together, as they are paid.
INSERT INTO danom_entitlement (stage, branch, id, family, village, amount_rp, version, line, number)
SELECT %(stage)s, branch, id, family, village, amount_rp, %(version)s, line, number
FROM {lines} ORDER BY branch, village, line

-- name: tally
-- The allocation that the batch brings.
INSERT INTO danom_tally (stage, branch, village, version, lines, amount_rp)
SELECT %(stage)s, branch, village, %(version)s, count(*), sum(amount_rp) FROM {lines} GROUP BY branch, village

-- name: count_lines
-- What waits for approval: it must be what the import counted.
SELECT count(*) AS lines, coalesce(sum(amount_rp), 0)::bigint AS amount_rp FROM {lines}

-- name: allocation
-- Allocated families and rupiah of a stage, as of a version, by nation, region, branch, kecamatan or village.
WITH RECURSIVE above AS (
    SELECT id AS office, id AS ancestor, parent_id, kind FROM offices_office
    UNION ALL
    SELECT above.office, o.id, o.parent_id, o.kind FROM above JOIN offices_office AS o ON o.id = above.parent_id
),
grouped AS (
    SELECT CASE %(by)s::text
            WHEN 'nation' THEN 0
            WHEN 'region' THEN (SELECT ancestor FROM above WHERE above.office = t.branch AND above.kind = 'REGION' LIMIT 1)
            WHEN 'branch' THEN t.branch
            WHEN 'kecamatan' THEN t.village / 10000
            WHEN 'village' THEN t.village
        END AS key, sum(t.lines) AS allocated, sum(t.amount_rp) AS amount_rp
    FROM danom_tally AS t
    WHERE t.stage = %(stage)s AND t.version <= %(version)s
    GROUP BY 1
)
SELECT coalesce(o.code, a.code::text, '') AS code, coalesce(o.name, a.name, '') AS name, g.allocated::bigint, g.amount_rp::bigint
FROM grouped AS g
LEFT JOIN offices_office AS o ON %(by)s::text IN ('region', 'branch') AND o.id = g.key
LEFT JOIN areas_area AS a ON %(by)s::text IN ('kecamatan', 'village') AND a.code = g.key
ORDER BY code

-- name: difference
-- What changed in the allocation between two versions, village by village.
SELECT o.code AS branch, t.village, sum(t.lines)::integer AS lines, sum(t.amount_rp)::bigint AS amount_rp
FROM danom_tally AS t JOIN offices_office AS o ON o.id = t.branch
WHERE t.stage = %(stage)s AND t.version > %(older)s AND t.version <= %(newer)s
GROUP BY o.code, t.village
HAVING sum(t.lines) <> 0 OR sum(t.amount_rp) <> 0
ORDER BY o.code, t.village

-- name: recount_tally
-- Villages whose tally differs from a recount of entitlements.
WITH recounted AS (
    SELECT branch, village, version, count(*) AS lines, sum(amount_rp) AS amount_rp
    FROM danom_entitlement WHERE stage = %(stage)s GROUP BY branch, village, version
),
kept AS (SELECT branch, village, version, lines, amount_rp FROM danom_tally WHERE stage = %(stage)s)
SELECT coalesce(k.branch, r.branch) AS branch, coalesce(k.village, r.village) AS village, coalesce(k.version, r.version) AS version,
    coalesce(k.lines, 0)::integer AS lines, coalesce(k.amount_rp, 0)::bigint AS amount_rp,
    coalesce(r.lines, 0)::integer AS recounted_lines, coalesce(r.amount_rp, 0)::bigint AS recounted_amount_rp,
    (coalesce(k.lines, 0), coalesce(k.amount_rp, 0)) IS DISTINCT FROM (coalesce(r.lines, 0), coalesce(r.amount_rp, 0)) AS broken
FROM kept AS k
FULL JOIN recounted AS r USING (branch, village, version)

-- name: recount_batches
-- Approved batches whose entitlements differ from what the batch says, and families on a stage's list at two branches.
SELECT b.version, b.accepted, b.amount_rp, coalesce(t.lines, 0)::integer AS lines, coalesce(t.amount_rp, 0)::bigint AS entitled_rp
FROM danom_batch AS b
LEFT JOIN (
    SELECT version, sum(lines) AS lines, sum(amount_rp) AS amount_rp FROM danom_tally WHERE stage = %(stage)s GROUP BY version
) AS t USING (version)
WHERE b.stage = %(stage)s AND b.state = 'approved'
    AND (b.accepted, b.amount_rp) IS DISTINCT FROM (coalesce(t.lines, 0), coalesce(t.amount_rp, 0))

-- name: recount_families
-- Families that are on a stage's list more than once.
SELECT family, count(*) AS times FROM danom_entitlement WHERE stage = %(stage)s GROUP BY family HAVING count(*) > 1

-- name: known_families
-- How many families of the batch came onto the stage's list after it was imported.
SELECT count(*) AS known
FROM {lines} AS l
WHERE EXISTS (SELECT FROM danom_entitlement AS e WHERE e.stage = %(stage)s AND e.family = l.family)
