-- name: families
-- A village's families who are to be paid (none that is on hold), with what stands on their papers; the NIK still sealed.
SELECT e.id, coalesce(e.number, '') AS number, f.name, f.nik_sealed, f.key_version, f.address, f.rt, f.rw, e.amount_rp
FROM danom_entitlement AS e
JOIN registry_family AS f ON f.stage = e.stage AND f.id = e.family AND f.branch = e.branch
WHERE e.stage = %(stage)s AND e.branch = %(branch)s AND e.village = %(village)s AND NOT e.held
ORDER BY e.id

-- name: villages
-- The villages in which a branch has families in a stage, with their names and their parents'; how many families, how many of them on hold.
SELECT t.village, v.name, k.name AS kecamatan, b.name AS kabupaten, t.families, t.held
FROM (
    SELECT e.village, count(*) AS families, count(*) FILTER (WHERE e.held) AS held
    FROM danom_entitlement AS e WHERE e.stage = %(stage)s AND e.branch = %(branch)s GROUP BY e.village
) AS t
JOIN areas_area AS v ON v.code = t.village
JOIN areas_area AS k ON k.code = t.village / 10000
JOIN areas_area AS b ON b.code = t.village / 1000000
ORDER BY t.village

-- name: danom_version
-- The newest approved version of a stage's list.
SELECT coalesce(max(version), 0) AS version FROM danom_batch WHERE stage = %(stage)s AND state = 'approved'

-- name: contacts
-- Whom the branch talks to: of each body and area the last one written down.
SELECT DISTINCT ON (body, area) body, area, name, position, phone FROM planning_contact
WHERE branch_id = %(branch)s ORDER BY body, area, id DESC

-- name: teams
-- The seats of a plan's visits, the leader first; a seat that nobody fills yet has no name.
SELECT d.channel, d.number, d.leads, coalesce(o.name, '') AS name
FROM planning_duty AS d
JOIN planning_plan AS p ON p.id = d.plan_id
LEFT JOIN planning_offer AS f ON f.branch_id = p.branch_id AND f.stage_id = p.stage_id AND f.plan_id = coalesce(p.root_id, p.id)
    AND f.need = d.person AND EXISTS (SELECT FROM planning_contract AS k WHERE k.offer_id = f.id)
LEFT JOIN planning_contract AS c ON c.offer_id = f.id
LEFT JOIN offices_officer AS o ON o.id = CASE WHEN d.person > 0 THEN d.person ELSE c.officer_id END
WHERE p.stage_id = %(stage)s AND p.branch_id = %(branch)s AND p.version = %(version)s
ORDER BY d.channel, d.number, d.leads DESC, d.seat

-- name: branches
-- The branches that have families in a stage, with the version of their published plan.
SELECT o.code, o.name, t.families, (
        SELECT max(p.version) FROM planning_plan AS p
        WHERE p.branch_id = o.id AND p.stage_id = %(stage)s
            AND EXISTS (SELECT FROM planning_state AS s WHERE s.plan_id = p.id AND s.state = 'published')
            AND NOT EXISTS (SELECT FROM planning_state AS s WHERE s.plan_id = p.id AND s.state = 'superseded')
    ) AS plan
FROM (SELECT branch, sum(lines)::bigint AS families FROM danom_tally WHERE stage = %(stage)s GROUP BY branch HAVING sum(lines) > 0) AS t
JOIN offices_office AS o ON o.id = t.branch
WHERE t.branch = ANY (%(branches)s::integer[]) OR %(branches)s::integer[] IS NULL
ORDER BY o.code
