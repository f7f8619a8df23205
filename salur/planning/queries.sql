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
JOIN planning_plan AS p ON p.id = %(plan)s -- numbers of visits and seats stay from plan to plan, so who sits there now is asked of the one that counts
JOIN planning_visit AS v ON (v.plan_id, v.channel, v.number) = (p.id, s.channel, s.number)
LEFT JOIN planning_duty AS d ON (d.plan_id, d.channel, d.number, d.seat) = (p.id, s.channel, s.number, s.seat)
LEFT JOIN planning_offer AS f ON f.branch_id = s.branch AND f.stage_id = s.stage AND f.plan_id = coalesce(p.root_id, p.id) AND f.need = d.person
    AND EXISTS (SELECT FROM planning_contract AS k WHERE k.offer_id = f.id)
LEFT JOIN planning_contract AS c ON c.offer_id = f.id
LEFT JOIN offices_officer AS o ON o.id = CASE WHEN d.person > 0 THEN d.person ELSE c.officer_id END
WHERE s.day IS NOT NULL AND (s.day = %(day)s OR %(day)s::date IS NULL) AND (s.version = %(version)s OR %(version)s::integer IS NULL)
ORDER BY s.village, s.day, s.channel, s.number, s.position

-- name: said
-- The last word of a branch on each of its inputs.
SELECT DISTINCT ON (area, officer, name) area, officer, name, value::text AS value, set_by, set_at
FROM planning_input WHERE stage_id = %(stage)s AND branch_id = %(branch)s
ORDER BY area, officer, name, id DESC

-- name: write_inputs
-- New words on inputs, of one person at one moment.
INSERT INTO planning_input (id, stage_id, branch_id, area, officer, name, value, set_by, set_at)
SELECT i.id, %(stage)s, %(branch)s, i.area, i.officer, i.name, i.value::jsonb, %(actor)s, %(at)s
FROM unnest(%(ids)s::uuid[], %(areas)s::bigint[], %(officers)s::text[], %(names)s::text[], %(values)s::text[]) AS i(id, area, officer, name, value)

-- name: villages
-- The villages of a branch's list with families, money, signal and place. Villages that the branch serves and nobody is listed in have none.
SELECT coalesce(t.village, c.village) AS code, coalesce(a.name, '') AS name, coalesce(t.lines, 0)::integer AS families,
    coalesce(t.amount_rp, 0)::bigint AS amount_rp, a.online, a.lat, a.lng AS lon
FROM (
    SELECT village, sum(lines) AS lines, sum(amount_rp) AS amount_rp FROM danom_tally
    WHERE stage = %(stage)s AND branch = %(branch)s GROUP BY village HAVING sum(lines) > 0
) AS t
FULL JOIN (SELECT village FROM offices_coverage WHERE branch_id = %(branch)s AND %(empty)s::boolean) AS c USING (village)
LEFT JOIN areas_area AS a ON a.code = coalesce(t.village, c.village)
ORDER BY 1

-- name: paid_by_village
-- Families of a branch that were paid, and how much, by village.
SELECT village, sum(paid)::integer AS paid, sum(paid_rp)::bigint AS paid_rp, sum(failed)::integer AS failed
FROM payments_tally WHERE stage = %(stage)s AND branch = %(branch)s GROUP BY village

-- name: paid_by_day
-- Families of a branch that were paid, and how much, by day.
SELECT day, sum(paid)::integer AS paid, sum(paid_rp)::bigint AS paid_rp
FROM payments_tally WHERE stage = %(stage)s AND branch = %(branch)s GROUP BY day HAVING sum(paid) <> 0 ORDER BY day

-- name: seats
-- The middles of the kecamatan around a branch's villages.
SELECT code, lat, lng AS lon FROM areas_area WHERE level = 3 AND code = ANY (%(kecamatan)s::bigint[]) AND lat IS NOT NULL

-- name: officers
-- The officers of a branch with their contract's first day in this stage, if they have one.
SELECT o.id, o.code, o.name, o.kind = 'employee' AS employee, o.home_area, c.first_day AS contract_from, o.contract_ends
FROM offices_officer AS o
LEFT JOIN planning_contract AS c ON c.officer_id = o.id AND c.stage_id = %(stage)s AND c.branch_id = %(branch)s
WHERE o.branch_id = %(branch)s
ORDER BY o.id

-- name: steps
-- What was done with the bodies of a branch, in the order in which it was recorded.
SELECT body, area, kind, day, ready_on, document, note, recorded_by, recorded_at
FROM planning_step WHERE stage_id = %(stage)s AND branch_id = %(branch)s ORDER BY id

-- name: contacts
-- The last contact of each body and area.
SELECT DISTINCT ON (body, area) body, area, name, position, phone FROM planning_contact WHERE branch_id = %(branch)s ORDER BY body, area, id DESC

-- name: take_branch
-- One plan of a branch is made, published or changed at a time.
SELECT pg_advisory_xact_lock(hashtext('planning'), hashtext(%(stage)s || '/' || %(branch)s))::text AS taken

-- name: next_version
-- The version of a branch's next plan.
SELECT coalesce(max(version), 0) + 1 AS version FROM planning_plan WHERE stage_id = %(stage)s AND branch_id = %(branch)s

-- name: write_visits
-- What a plan does on its days.
INSERT INTO planning_visit (plan_id, channel, number, day, span, host, size, venue)
SELECT %(plan)s, * FROM unnest(%(channels)s::text[], %(numbers)s::integer[], %(days)s::date[], %(spans)s::smallint[], %(hosts)s::bigint[],
    %(sizes)s::smallint[], %(venues)s::text[])

-- name: write_served
-- Whom its visits serve.
INSERT INTO planning_served (plan_id, channel, number, village, families)
SELECT %(plan)s, * FROM unnest(%(channels)s::text[], %(numbers)s::integer[], %(villages)s::bigint[], %(families)s::integer[])

-- name: write_duties
-- Who sits where.
INSERT INTO planning_duty (plan_id, channel, number, seat, day, span, person, leads)
SELECT %(plan)s, * FROM unnest(%(channels)s::text[], %(numbers)s::integer[], %(seats)s::smallint[], %(days)s::date[], %(spans)s::smallint[],
    %(persons)s::integer[], %(leads)s::boolean[])

-- name: visits
-- The visits of a plan with whom they serve, in the order of their numbers.
SELECT v.channel, v.number, v.day, v.span, v.host, v.size, v.venue, array_agg(s.village ORDER BY s.village) AS villages,
    array_agg(s.families ORDER BY s.village) AS families
FROM planning_visit AS v JOIN planning_served AS s ON (s.plan_id, s.channel, s.number) = (v.plan_id, v.channel, v.number)
WHERE v.plan_id = %(plan)s
GROUP BY v.plan_id, v.channel, v.number
ORDER BY v.channel, v.number

-- name: duties
-- The seats of a plan with who fills them: an officer, somebody contracted for a need, or nobody yet.
SELECT d.channel, d.number, d.seat, d.day, d.span, d.person, d.leads, o.id AS officer, o.code AS officer_code, o.name AS officer_name,
    n.kecamatan AS look_in
FROM planning_duty AS d
JOIN planning_plan AS p ON p.id = d.plan_id
LEFT JOIN planning_need AS n ON n.plan_id = d.plan_id AND n.number = d.person
LEFT JOIN planning_offer AS f ON f.branch_id = p.branch_id AND f.stage_id = p.stage_id AND f.plan_id = coalesce(p.root_id, p.id)
    AND f.need = d.person AND EXISTS (SELECT FROM planning_contract AS k WHERE k.offer_id = f.id)
LEFT JOIN planning_contract AS c ON c.offer_id = f.id
LEFT JOIN offices_officer AS o ON o.id = CASE WHEN d.person > 0 THEN d.person ELSE c.officer_id END
WHERE d.plan_id = %(plan)s
ORDER BY d.channel, d.number, d.seat

-- name: unpaid_families
-- The families of a branch that are still to be paid, in the order in which they live and stand on the list.
SELECT e.id AS entitlement, e.village, (f.birth_date - date '1900-01-01')::integer AS born
FROM danom_entitlement AS e
JOIN registry_family AS f ON f.stage = e.stage AND f.id = e.family AND f.branch = e.branch
WHERE e.stage = %(stage)s AND e.branch = %(branch)s
    AND NOT EXISTS (
        SELECT FROM payments_payment AS p LEFT JOIN payments_void AS v USING (stage, branch, entitlement, round)
        WHERE (p.stage, p.branch, p.entitlement) = (e.stage, e.branch, e.id) AND v.id IS NULL
    )
ORDER BY e.village, f.rw, f.rt, e.version, e.line

-- name: slots_that_count
-- The last slot of each family of a branch.
SELECT DISTINCT ON (entitlement) entitlement, village, channel, number, seat, position, day, starts_at, ends_at
FROM planning_slot WHERE stage = %(stage)s AND branch = %(branch)s ORDER BY entitlement, version DESC

-- name: write_slots
-- Places and times that a published plan gives or changes.
INSERT INTO planning_slot (stage, branch, version, entitlement, village, channel, number, seat, position, day, starts_at, ends_at)
SELECT %(stage)s, %(branch)s, %(version)s, s.entitlement, e.village, s.channel, s.number, nullif(s.seat, 0), nullif(s.position, 0), s.day,
    s.starts_at, s.ends_at
FROM unnest(%(entitlements)s::uuid[], %(channels)s::text[], %(numbers)s::integer[], %(seats)s::smallint[], %(positions)s::integer[], %(days)s::date[],
    %(starts)s::timestamptz[], %(ends)s::timestamptz[]) AS s(entitlement, channel, number, seat, position, day, starts_at, ends_at)
JOIN danom_entitlement AS e ON e.stage = %(stage)s AND e.branch = %(branch)s AND e.id = s.entitlement

-- name: plans
-- The plans of a stage that a viewer may see, newest first, with their state.
SELECT p.id, o.code AS branch, o.name AS branch_name, p.version, p."order", p.first_day, p.days, p.families, p.unmet,
    p.hire_leaders + p.hire_others AS hires, p.change, p.made_by, p.made_at, s.state, s.actor AS published_by
FROM planning_plan AS p
JOIN offices_office AS o ON o.id = p.branch_id
LEFT JOIN LATERAL (SELECT x.state, x.actor FROM planning_state AS x WHERE x.plan_id = p.id ORDER BY x.state DESC LIMIT 1) AS s ON true
WHERE p.stage_id = %(stage)s AND (p.branch_id = ANY (%(branches)s::integer[]) OR %(branches)s::integer[] IS NULL)
ORDER BY o.code, p.version DESC

-- name: offers
-- Offers for the needs of a plan (its root), with what came of them.
SELECT f.id, f.need, f.code, f.name, f.home_area, f.first_day, f.last_day, f.daily_rp, f.offered_by, f.offered_at, a.answer, a.actor AS answered_by,
    a.reason, c.officer_id AS officer, c.number AS contract, c.last_day AS contract_ends
FROM planning_offer AS f
LEFT JOIN planning_offer_answer AS a ON a.offer_id = f.id
LEFT JOIN planning_contract AS c ON c.offer_id = f.id
WHERE f.stage_id = %(stage)s AND f.branch_id = %(branch)s AND f.plan_id = %(plan)s
ORDER BY f.need DESC, f.id

-- name: recount_slots
-- The slots that count of each branch with a published plan, visit by visit: broken where the plan that counts has no such visit on that day, and
-- where a family who is on the list has a slot of no visit at all.
WITH counting AS (
    SELECT p.* FROM planning_plan AS p
    WHERE p.stage_id = %(stage)s AND EXISTS (SELECT FROM planning_state AS s WHERE s.plan_id = p.id AND s.state = 'published')
        AND NOT EXISTS (SELECT FROM planning_state AS s WHERE s.plan_id = p.id AND s.state = 'superseded')
),
last AS (
    SELECT DISTINCT ON (s.branch, s.entitlement) s.branch, s.entitlement, s.channel, s.number, s.seat, s.day
    FROM planning_slot AS s WHERE s.stage = %(stage)s ORDER BY s.branch, s.entitlement, s.version DESC
),
counted AS (
    SELECT l.branch, l.channel, l.number, l.day, count(*) AS slots, max(l.seat) AS seat
    FROM last AS l
    JOIN counting AS c ON c.branch_id = l.branch
    WHERE l.day IS NOT NULL
        AND NOT EXISTS (
            SELECT FROM payments_payment AS p LEFT JOIN payments_void AS v USING (stage, branch, entitlement, round)
            WHERE (p.stage, p.branch, p.entitlement) = (%(stage)s, l.branch, l.entitlement) AND v.id IS NULL
        )
        AND EXISTS (SELECT FROM danom_entitlement AS e WHERE (e.stage, e.branch, e.id) = (%(stage)s, l.branch, l.entitlement))
    GROUP BY l.branch, l.channel, l.number, l.day
)
SELECT o.code AS branch, c.version, k.channel, k.number, k.slots::integer, coalesce(f.families, 0)::integer AS families,
    v.plan_id IS NULL OR v.day <> k.day OR coalesce(k.seat, 0) > v.size AS broken
FROM counted AS k
JOIN counting AS c ON c.branch_id = k.branch
JOIN offices_office AS o ON o.id = k.branch
LEFT JOIN planning_visit AS v ON (v.plan_id, v.channel, v.number) = (c.id, k.channel, k.number)
LEFT JOIN (SELECT plan_id, channel, number, sum(families) AS families FROM planning_served GROUP BY plan_id, channel, number) AS f
    ON (f.plan_id, f.channel, f.number) = (v.plan_id, v.channel, v.number)
-- A plan made again in the middle of a stage holds only what is to come: a place that passed is broken only where the plan has it.
WHERE k.day >= (c.first_day + (c.inputs->'kept'->>'from_day')::integer)
ORDER BY 1, 3, 4

-- name: team
-- The seats of a plan by day, with the place of their visit and who fills them.
SELECT d.channel, d.number, d.seat, d.day, d.span, d.person, d.leads, o.id AS officer, o.code AS officer_code, o.name AS officer_name,
    coalesce(a.name, '') AS place, v.host, v.venue, served.families, served.villages
FROM planning_duty AS d
JOIN planning_plan AS p ON p.id = d.plan_id
JOIN planning_visit AS v ON (v.plan_id, v.channel, v.number) = (d.plan_id, d.channel, d.number)
CROSS JOIN LATERAL (
    SELECT sum(s.families)::integer AS families, count(*)::integer AS villages, min(s.village) AS village FROM planning_served AS s
    WHERE (s.plan_id, s.channel, s.number) = (v.plan_id, v.channel, v.number)
) AS served
LEFT JOIN areas_area AS a ON a.code = coalesce(v.host, served.village / 10000)
LEFT JOIN planning_offer AS f ON f.branch_id = p.branch_id AND f.stage_id = p.stage_id AND f.plan_id = coalesce(p.root_id, p.id)
    AND f.need = d.person AND EXISTS (SELECT FROM planning_contract AS k WHERE k.offer_id = f.id)
LEFT JOIN planning_contract AS c ON c.offer_id = f.id
LEFT JOIN offices_officer AS o ON o.id = CASE WHEN d.person > 0 THEN d.person ELSE c.officer_id END
WHERE d.plan_id = %(plan)s
ORDER BY d.day, d.channel, d.number, d.seat

-- name: overview
-- Every branch that has families in a stage, with the plan that counts, or else its newest draft.
SELECT o.id, o.code, o.name, r.name AS region, t.families, t.amount_rp, p.id AS plan, p.version, p.families AS planned, p.unmet,
    p.hire_leaders + p.hire_others AS hires, p.days, p.first_day, (p.proof->>'gap')::double precision AS gap, p.proof->>'method' AS method,
    (p.proof->>'hires_bound')::integer AS hires_bound, p.published, p.made_at,
    (SELECT count(*) FROM planning_offer AS f JOIN planning_contract AS c ON c.offer_id = f.id
        WHERE f.branch_id = o.id AND f.stage_id = %(stage)s AND f.plan_id = coalesce(p.root_id, p.id))::integer AS contracts
FROM (
    SELECT branch, sum(lines)::integer AS families, sum(amount_rp)::bigint AS amount_rp FROM danom_tally
    WHERE stage = %(stage)s AND (branch = ANY (%(branches)s::integer[]) OR %(branches)s::integer[] IS NULL)
    GROUP BY branch HAVING sum(lines) > 0
) AS t
JOIN offices_office AS o ON o.id = t.branch
LEFT JOIN offices_office AS r ON r.id = o.parent_id
LEFT JOIN LATERAL (
    SELECT x.*, s.state = 'published' IS TRUE AS published FROM planning_plan AS x
    LEFT JOIN LATERAL (SELECT y.state FROM planning_state AS y WHERE y.plan_id = x.id ORDER BY y.state DESC LIMIT 1) AS s ON true
    WHERE x.branch_id = t.branch AND x.stage_id = %(stage)s AND s.state IS DISTINCT FROM 'superseded'
    ORDER BY (s.state = 'published') IS TRUE DESC, x.version DESC LIMIT 1
) AS p ON true
ORDER BY o.code

-- name: cash_by_day
-- What the plans of a nation or of some branches take out of the vaults each day, by the average payment of each village.
SELECT v.day, sum(f.families)::integer AS families, sum(f.families * t.payment_rp)::bigint AS cash_rp, count(DISTINCT p.branch_id)::integer AS branches
FROM planning_plan AS p
JOIN planning_visit AS v ON v.plan_id = p.id
JOIN planning_served AS f ON (f.plan_id, f.channel, f.number) = (v.plan_id, v.channel, v.number)
JOIN (
    SELECT branch, village, sum(amount_rp) / sum(lines) AS payment_rp FROM danom_tally WHERE stage = %(stage)s GROUP BY branch, village
    HAVING sum(lines) > 0
) AS t ON (t.branch, t.village) = (p.branch_id, f.village)
WHERE p.id = ANY (%(plans)s::uuid[])
GROUP BY v.day ORDER BY v.day
