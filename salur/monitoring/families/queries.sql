-- name: by_family
-- The entitlements of a family (its id is the keyed hash of the NIK), the newest stage first.
SELECT e.stage, e.branch, e.id
FROM programmes_stage AS s
CROSS JOIN LATERAL (
    SELECT e.stage, e.branch, e.id FROM danom_entitlement AS e WHERE e.stage = s.id AND e.family = %(family)s OFFSET 0
) AS e
WHERE e.branch = ANY (%(branches)s::integer[]) OR %(branches)s::integer[] IS NULL
ORDER BY s.opens DESC, s.id DESC

-- name: by_code
-- The entitlements whose letters may carry a code: the code says the first 35 bits of the hash, so of billions one is another's.
SELECT e.stage, e.branch, e.id FROM danom_entitlement AS e
WHERE substr(sha256(uuid_send(e.id)), 1, 5) BETWEEN %(first)s AND %(last)s
    AND (%(id)s::uuid IS NULL OR e.id = %(id)s)
    AND (e.branch = ANY (%(branches)s::integer[]) OR %(branches)s::integer[] IS NULL)
ORDER BY e.stage DESC
LIMIT 20

-- name: by_number
-- The entitlements with a number of the ministry's list.
SELECT e.stage, e.branch, e.id FROM danom_entitlement AS e
WHERE e.number = %(number)s AND octet_length(e.number) < 200
    AND (e.branch = ANY (%(branches)s::integer[]) OR %(branches)s::integer[] IS NULL)
ORDER BY e.stage DESC
LIMIT 20

-- name: by_name
-- The families of a branch whose name holds each of some words, each with its newest entitlement there. The names are read from the index.
SELECT e.stage, e.branch, e.id
FROM (
    SELECT DISTINCT name, id FROM registry_family
    WHERE branch = %(branch)s AND octet_length(name) < 1000 AND name ILIKE ALL (%(patterns)s::text[])
    ORDER BY name, id LIMIT %(limit)s
) AS f
CROSS JOIN LATERAL (
    SELECT e.stage, e.branch, e.id
    FROM programmes_stage AS s
    CROSS JOIN LATERAL (
        SELECT * FROM danom_entitlement AS e WHERE e.stage = s.id AND e.family = f.id AND e.branch = %(branch)s OFFSET 0
    ) AS e
    ORDER BY s.opens DESC, s.id DESC LIMIT 1
) AS e
ORDER BY f.name, e.id

-- name: branches
-- The branches a viewer may choose one of.
SELECT id, code, name FROM offices_office
WHERE kind IN ('KC', 'KCU') AND (id = ANY (%(branches)s::integer[]) OR %(branches)s::integer[] IS NULL)
ORDER BY name, code

-- name: cards
-- Some entitlements as a list shows them, in the order given.
SELECT s.code AS stage, e.branch, o.name AS branch_name, o.code AS branch_code, o.timezone AS zone, e.id, e.village,
    coalesce(v.name, '') AS village_name, coalesce(k.name, '') AS kecamatan_name,
    coalesce(f.name, '') AS name, f.nik_sealed, f.key_version, f.rt, f.rw, e.amount_rp, e.held, p.paid_at,
    EXISTS (SELECT FROM payments_failure AS x WHERE (x.stage, x.branch, x.entitlement) = (e.stage, e.branch, e.id)) AS failed,
    EXISTS (SELECT FROM evidence_geotag AS g WHERE (g.stage, g.branch, g.entitlement) = (e.stage, e.branch, e.id)) AS geotagged
FROM unnest(%(stages)s::integer[], %(branches)s::integer[], %(ids)s::uuid[]) WITH ORDINALITY AS wanted(stage, branch, id, position)
CROSS JOIN LATERAL (
    SELECT * FROM danom_entitlement AS e WHERE e.stage = wanted.stage AND e.branch = wanted.branch AND e.id = wanted.id OFFSET 0
) AS e
JOIN programmes_stage AS s ON s.id = e.stage
JOIN offices_office AS o ON o.id = e.branch
LEFT JOIN areas_area AS v ON v.code = e.village
LEFT JOIN areas_area AS k ON k.code = e.village / 10000
LEFT JOIN LATERAL (SELECT * FROM registry_family AS f WHERE f.stage = e.stage AND f.id = e.family AND f.branch = e.branch OFFSET 0) AS f ON true
LEFT JOIN LATERAL (
    SELECT p.paid_at FROM payments_payment AS p
    WHERE p.stage = e.stage AND p.branch = e.branch AND p.entitlement = e.id AND NOT EXISTS (
        SELECT FROM payments_void AS x
        WHERE x.stage = p.stage AND x.branch = p.branch AND x.entitlement = p.entitlement AND x.round = p.round
    )
    LIMIT 1
) AS p ON true
ORDER BY wanted.position

-- name: of_village
-- The entitlements of a village at a branch, by the families' names.
SELECT e.stage, e.branch, e.id
FROM danom_entitlement AS e
LEFT JOIN LATERAL (SELECT f.name FROM registry_family AS f WHERE f.stage = e.stage AND f.id = e.family AND f.branch = e.branch OFFSET 0) AS f ON true
WHERE e.stage = %(stage)s AND e.branch = %(branch)s AND e.village = %(village)s
ORDER BY f.name, e.id

-- name: entitlement
-- One entitlement with its family, its place, its list.
SELECT s.id AS stage, s.code AS stage_code, g.name AS programme, s.period_from, s.period_to, e.branch, o.code AS branch_code,
    o.name AS branch_name, o.timezone AS zone, e.id, e.family, e.village, coalesce(v.name, '') AS village_name,
    coalesce(k.name, '') AS kecamatan_name, coalesce(b.name, '') AS kabupaten_name, e.amount_rp, e.number, e.held, e.version, e.line,
    l.name AS batch, l.approved_by, l.approved_at,
    coalesce(f.name, '') AS name, f.birth_date, f.sex, f.nik_sealed, f.kk_sealed, f.key_version, coalesce(f.address, '') AS address,
    coalesce(f.rt, '') AS rt, coalesce(f.rw, '') AS rw
FROM danom_entitlement AS e
JOIN programmes_stage AS s ON s.id = e.stage
JOIN programmes_programme AS g ON g.id = s.programme_id
JOIN offices_office AS o ON o.id = e.branch
LEFT JOIN danom_batch AS l ON l.stage = e.stage AND l.version = e.version
LEFT JOIN areas_area AS v ON v.code = e.village
LEFT JOIN areas_area AS k ON k.code = e.village / 10000
LEFT JOIN areas_area AS b ON b.code = e.village / 1000000
LEFT JOIN LATERAL (SELECT * FROM registry_family AS f WHERE f.stage = e.stage AND f.id = e.family AND f.branch = e.branch OFFSET 0) AS f ON true
WHERE substr(sha256(uuid_send(e.id)), 1, 5) = substr(sha256(uuid_send(%(id)s::uuid)), 1, 5) AND e.id = %(id)s
    AND (e.branch = ANY (%(branches)s::integer[]) OR %(branches)s::integer[] IS NULL)
ORDER BY e.stage DESC
LIMIT 1

-- name: happened
-- All that happened to an entitlement, the latest first: kind, moment, who, and what else there is to say.
-- A phone's events are found through the phones that had the family on a list or whose officer dealt with it.
WITH dealt AS (
    SELECT DISTINCT officer FROM (
        SELECT officer FROM payments_payment WHERE stage = %(stage)s AND branch = %(branch)s AND entitlement = %(id)s
        UNION ALL SELECT officer FROM payments_failure WHERE stage = %(stage)s AND branch = %(branch)s AND entitlement = %(id)s
        UNION ALL SELECT officer FROM evidence_geotag WHERE stage = %(stage)s AND branch = %(branch)s AND entitlement = %(id)s
    ) AS d
),
phone AS (
    SELECT d.id, d.officer_id FROM field_device AS d JOIN dealt ON dealt.officer = d.officer_id
    UNION
    SELECT d.id, d.officer_id FROM field_assignment AS a
    JOIN field_lease AS l ON l.id = a.lease JOIN field_device AS d ON d.id = l.device_id
    WHERE a.stage = %(stage)s AND a.branch = %(branch)s AND a.entitlement = %(id)s
),
happened AS (
    SELECT 'paid' AS kind, p.paid_at AS at, p.officer, '' AS who, p.amount_rp, p.channel::text AS word, p.recorded_at AS known_at,
        EXISTS (SELECT FROM payments_void AS v WHERE (v.stage, v.branch, v.entitlement, v.round) = (p.stage, p.branch, p.entitlement, p.round)) AS undone
    FROM payments_payment AS p WHERE p.stage = %(stage)s AND p.branch = %(branch)s AND p.entitlement = %(id)s
    UNION ALL
    SELECT 'voided', v.voided_at, NULL, v.voided_by || ', ' || v.approved_by, NULL, v.reason, v.recorded_at, false
    FROM payments_void AS v WHERE v.stage = %(stage)s AND v.branch = %(branch)s AND v.entitlement = %(id)s
    UNION ALL
    SELECT 'failed', f.visited_at, f.officer, '', NULL, f.reason, f.recorded_at, false
    FROM payments_failure AS f WHERE f.stage = %(stage)s AND f.branch = %(branch)s AND f.entitlement = %(id)s
    UNION ALL
    SELECT 'geotagged', g.taken_at, g.officer, '', NULL, CASE WHEN %(exact)s THEN
            round(g.lat_e7 / 1e7::numeric, 6) || ', ' || round(g.lon_e7 / 1e7::numeric, 6) ELSE '' END, g.recorded_at, false
    FROM evidence_geotag AS g WHERE g.stage = %(stage)s AND g.branch = %(branch)s AND g.entitlement = %(id)s
    UNION ALL
    SELECT 'held', h.held_at, NULL, h.held_by, NULL, h.reason, h.held_at, h.released_at IS NOT NULL
    FROM danom_hold AS h WHERE h.stage = %(stage)s AND h.branch = %(branch)s AND h.entitlement = %(id)s
    UNION ALL
    SELECT 'released', h.released_at, NULL, h.released_by, NULL, h.release_reason, h.released_at, false
    FROM danom_hold AS h WHERE h.stage = %(stage)s AND h.branch = %(branch)s AND h.entitlement = %(id)s AND h.released_at IS NOT NULL
    UNION ALL
    SELECT 'listed', l.issued_at, l.officer_id, l.issued_by, NULL, l.day::text, l.issued_at, l.ended_at IS NOT NULL
    FROM field_assignment AS a JOIN field_lease AS l ON l.id = a.lease
    WHERE a.stage = %(stage)s AND a.branch = %(branch)s AND a.entitlement = %(id)s
    UNION ALL
    SELECT 'event', e.happened_at, phone.officer_id, '', NULL, e.kind || ' ' || e.answer, e.received_at, false
    FROM phone JOIN field_event AS e ON e.device = phone.id AND e.stage = %(stage)s AND e.branch = %(branch)s
        AND position(convert_to(%(id)s::uuid::text, 'UTF8') IN e.body) > 0
)
SELECT h.kind, h.at, h.known_at, coalesce(o.name, h.who) AS who, h.amount_rp, h.word, h.undone
FROM happened AS h LEFT JOIN offices_officer AS o ON o.id = h.officer
ORDER BY h.at DESC, h.known_at DESC

-- name: photos
-- The photos that events of an entitlement speak of, and of its geotags, with whether each is here.
WITH spoken AS (
    SELECT f.sha256, f.kind, e.happened_at AS at
    FROM field_lease AS l
    JOIN field_assignment AS a ON a.lease = l.id AND a.stage = %(stage)s AND a.branch = %(branch)s AND a.entitlement = %(id)s
    JOIN field_event AS e ON e.device = l.device_id AND e.stage = %(stage)s AND e.branch = %(branch)s
        AND position(convert_to(%(id)s::uuid::text, 'UTF8') IN e.body) > 0
    JOIN field_photo AS f ON f.device = e.device AND f.seq = e.seq AND f.stage = e.stage AND f.branch = e.branch
    UNION ALL
    SELECT g.photo_sha256, 'HOUSE', g.taken_at FROM evidence_geotag AS g
    WHERE g.stage = %(stage)s AND g.branch = %(branch)s AND g.entitlement = %(id)s AND g.photo_sha256 IS NOT NULL
)
SELECT DISTINCT ON (s.sha256) s.sha256, s.kind, s.at, b.sha256 IS NOT NULL AS here
FROM spoken AS s LEFT JOIN field_blob AS b ON b.sha256 = s.sha256
ORDER BY s.sha256, s.kind

-- name: planned
-- When and where the published plan pays a family; the highest version counts.
SELECT day, starts_at, ends_at, channel FROM planning_slot
WHERE stage = %(stage)s AND branch = %(branch)s AND entitlement = %(id)s
ORDER BY version DESC LIMIT 1

-- name: cases
-- The cases about an entitlement, with the latest act of each.
SELECT c.id, c.kind, c.amount_rp, c.opened_at, e.act, e.decision, e.reason
FROM cases_case AS c
CROSS JOIN LATERAL (SELECT * FROM cases_event AS e WHERE e.case_id = c.id AND e.act <> 'noted' ORDER BY e.number DESC LIMIT 1) AS e
WHERE c.branch = %(branch)s AND (c.facts ->> 'entitlement' = %(id)s::uuid::text OR c.subject = 'entitlement/' || %(id)s::uuid)
ORDER BY c.opened_at DESC

-- name: trail
-- Who did what about an entitlement, its family and its cases.
SELECT at, actor, verb, subject, facts FROM audit_entry
WHERE subject = ANY (%(subjects)s::text[])
ORDER BY at DESC LIMIT 100

-- name: other_stages
-- What the same family was owed in other stages, within the viewer's branches.
SELECT e.id, s.code AS stage, s.period_from, s.period_to, e.amount_rp
FROM programmes_stage AS s
CROSS JOIN LATERAL (SELECT * FROM danom_entitlement AS e WHERE e.stage = s.id AND e.family = %(family)s OFFSET 0) AS e
WHERE e.id <> %(id)s AND (e.branch = ANY (%(branches)s::integer[]) OR %(branches)s::integer[] IS NULL)
ORDER BY s.opens DESC
