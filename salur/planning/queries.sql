-- name: family_slots
-- Where, when and by whom each family of a branch is to be paid: of one village or day, of those that changed with a version, or all.
-- A seat that is still to be hired has no officer. Families without a place have no row, or one without a day.
SELECT s.entitlement, e.family, s.village, e.amount_rp, e.number AS invitation, s.version, s.channel, s.number, s.position, s.day,
    s.starts_at, s.ends_at, v.host, v.venue, s.seat, d.leads, o.id AS officer, o.code AS officer_code, o.name AS officer_name
FROM (
    SELECT DISTINCT ON (l.entitlement) l.* FROM planning_slot AS l
    WHERE l.stage = %(stage)s AND l.branch = %(branch)s AND (l.village = %(village)s OR %(village)s::bigint IS NULL)
    ORDER BY l.entitlement, l.version DESC
) AS s
JOIN danom_entitlement AS e ON (e.stage, e.branch, e.id) = (s.stage, s.branch, s.entitlement)
JOIN planning_plan AS p ON (p.branch_id, p.stage_id, p.version) = (s.branch, s.stage, s.version)
JOIN planning_visit AS v ON (v.plan_id, v.channel, v.number) = (p.id, s.channel, s.number)
LEFT JOIN planning_duty AS d ON (d.plan_id, d.channel, d.number, d.seat) = (p.id, s.channel, s.number, s.seat)
LEFT JOIN planning_offer AS f ON f.branch_id = s.branch AND f.stage_id = s.stage AND f.plan_id = coalesce(p.root_id, p.id) AND f.need = d.person
    AND EXISTS (SELECT FROM planning_contract AS k WHERE k.offer_id = f.id)
LEFT JOIN planning_contract AS c ON c.offer_id = f.id
LEFT JOIN offices_officer AS o ON o.id = CASE WHEN d.person > 0 THEN d.person ELSE c.officer_id END
WHERE s.day IS NOT NULL AND (s.day = %(day)s OR %(day)s::date IS NULL) AND (s.version = %(version)s OR %(version)s::integer IS NULL)
ORDER BY s.village, s.day, s.channel, s.number, s.position
