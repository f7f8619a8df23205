-- name: found
-- The newest entitlements with a letter's code, or of a family (the keyed hash of its NIK) that was born on a day.
-- Where the list names no birth date the one inside the NIK counts (fits).
SELECT key.stage, key.branch, key.id
FROM (
    SELECT e.stage, e.branch, e.id FROM danom_entitlement AS e
    WHERE substr(sha256(uuid_send(e.id)), 1, 5) BETWEEN %(first)s AND %(last)s
    UNION ALL
    SELECT e.stage, e.branch, e.id
    FROM programmes_stage AS s
    CROSS JOIN LATERAL (
        SELECT e.stage, e.branch, e.id, e.family FROM danom_entitlement AS e WHERE e.stage = s.id AND e.family = %(family)s OFFSET 0
    ) AS e
    LEFT JOIN LATERAL (
        SELECT f.birth_date FROM registry_family AS f WHERE f.stage = e.stage AND f.id = e.family AND f.branch = e.branch OFFSET 0
    ) AS f ON true
    WHERE coalesce(f.birth_date = %(born)s::date, %(fits)s)
) AS key
JOIN programmes_stage AS s ON s.id = key.stage
ORDER BY s.opens DESC, s.id DESC
LIMIT %(most)s

-- name: owed
-- What a family may know of its entitlements: programme, amount, whether it was paid, when and where it is to be paid.
SELECT g.name AS programme, s.period_from, s.period_to, s.deadline, o.name AS branch_name, o.timezone AS zone, e.amount_rp, e.held,
    EXISTS (SELECT FROM payments_failure AS x WHERE (x.stage, x.branch, x.entitlement) = (e.stage, e.branch, e.id)) AS failed,
    p.paid_at, coalesce(p.channel::text, '') AS channel, l.day AS planned_day, l.starts_at, l.ends_at,
    coalesce(l.channel, '') AS planned_channel, coalesce(l.venue, '') AS venue, coalesce(h.name, '') AS host
FROM unnest(%(stages)s::integer[], %(branches)s::integer[], %(ids)s::uuid[]) WITH ORDINALITY AS wanted(stage, branch, id, position)
CROSS JOIN LATERAL (
    SELECT * FROM danom_entitlement AS e WHERE e.stage = wanted.stage AND e.branch = wanted.branch AND e.id = wanted.id OFFSET 0
) AS e
JOIN programmes_stage AS s ON s.id = e.stage
JOIN programmes_programme AS g ON g.id = s.programme_id
JOIN offices_office AS o ON o.id = e.branch
LEFT JOIN LATERAL (
    SELECT p.paid_at, p.channel FROM payments_payment AS p
    WHERE p.stage = e.stage AND p.branch = e.branch AND p.entitlement = e.id AND NOT EXISTS (
        SELECT FROM payments_void AS x
        WHERE x.stage = p.stage AND x.branch = p.branch AND x.entitlement = p.entitlement AND x.round = p.round
    )
    LIMIT 1
) AS p ON true
LEFT JOIN LATERAL (
    SELECT slot.day, slot.starts_at, slot.ends_at, slot.channel, v.venue, v.host
    FROM (
        SELECT * FROM planning_slot AS l WHERE l.stage = e.stage AND l.branch = e.branch AND l.entitlement = e.id ORDER BY l.version DESC LIMIT 1
    ) AS slot
    LEFT JOIN planning_plan AS n ON (n.branch_id, n.stage_id, n.version) = (slot.branch, slot.stage, slot.version)
    LEFT JOIN planning_visit AS v ON (v.plan_id, v.channel, v.number) = (n.id, slot.channel, slot.number)
) AS l ON true
LEFT JOIN areas_area AS h ON h.code = l.host
ORDER BY wanted.position
