-- name: records
-- A day, venue by venue and officer by officer: families paid (by money that stands) and visited in vain. Where the money was handed over says
-- the payment; whom the published plan had at a venue that day was there, whoever it had not is under his own village.
WITH planned AS (
    SELECT DISTINCT ON (l.entitlement) l.entitlement, l.channel, l.number, l.day FROM planning_slot AS l
    WHERE l.stage = %(stage)s AND l.branch = %(branch)s
    ORDER BY l.entitlement, l.version DESC
),
today AS MATERIALIZED (
    SELECT s.entitlement, s.channel, v.host, v.venue FROM planned AS s
    JOIN planning_visit AS v ON (v.plan_id, v.channel, v.number) = (%(plan)s::uuid, s.channel, s.number)
    WHERE s.day = %(day)s
),
paid AS MATERIALIZED (
    SELECT p.entitlement, p.officer, p.channel, p.amount_rp, p.paid_at FROM payments_payment AS p
    LEFT JOIN payments_void AS v ON (v.stage, v.branch, v.entitlement, v.round) = (p.stage, p.branch, p.entitlement, p.round)
    WHERE p.stage = %(stage)s AND p.branch = %(branch)s AND p.paid_at >= %(begins)s AND p.paid_at < %(ends)s AND v.id IS NULL
),
failed AS (
    SELECT DISTINCT ON (f.entitlement) f.entitlement, f.officer, f.visited_at, f.reason FROM payments_failure AS f
    WHERE f.stage = %(stage)s AND f.branch = %(branch)s AND f.visited_at >= %(begins)s AND f.visited_at < %(ends)s
        AND NOT EXISTS (SELECT FROM paid AS p WHERE p.entitlement = f.entitlement)
    ORDER BY f.entitlement, f.visited_at DESC, f.id DESC
),
happened AS (
    SELECT entitlement, officer, channel, amount_rp, paid_at AS at, NULL AS reason FROM paid
    UNION ALL
    SELECT f.entitlement, f.officer, CASE t.channel WHEN 'session' THEN 2 WHEN 'office' THEN 1 ELSE 3 END, NULL, f.visited_at, f.reason
    FROM failed AS f LEFT JOIN today AS t USING (entitlement)
),
placed AS (
    SELECT h.*, CASE WHEN h.channel = 1 THEN 0 WHEN h.channel = 2 AND t.channel = 'session' THEN t.host ELSE e.village END AS village,
        CASE WHEN h.channel = 2 AND t.channel = 'session' THEN t.venue ELSE '' END AS venue
    FROM happened AS h
    JOIN danom_entitlement AS e ON (e.stage, e.branch, e.id) = (%(stage)s, %(branch)s, h.entitlement)
    LEFT JOIN today AS t ON t.entitlement = h.entitlement
)
SELECT p.channel, p.village, p.venue, a.name AS village_name, k.name AS kecamatan, b.name AS kabupaten, o.code, o.name,
    count(p.amount_rp) AS paid, coalesce(sum(p.amount_rp), 0)::bigint AS paid_rp, count(p.reason) AS failed,
    array_remove(array_agg(p.reason ORDER BY p.reason), NULL) AS reasons, min(p.at) AS first_at, max(p.at) AS last_at
FROM placed AS p
JOIN offices_officer AS o ON o.id = p.officer
LEFT JOIN areas_area AS a ON a.code = p.village
LEFT JOIN areas_area AS k ON k.code = p.village / 10000
LEFT JOIN areas_area AS b ON b.code = p.village / 1000000
GROUP BY p.channel, p.village, p.venue, a.name, k.name, b.name, o.code, o.name
ORDER BY p.channel, p.village, p.venue, o.code

-- name: day_lines
-- What a day and the days until then came to, by kecamatan: of the list as it is known now.
WITH owed AS (
    SELECT village / 10000 AS kecamatan, sum(lines) AS allocated, sum(amount_rp) AS allocated_rp FROM danom_tally
    WHERE stage = %(stage)s AND branch = %(branch)s GROUP BY 1
),
paid AS (
    SELECT village / 10000 AS kecamatan, sum(paid) AS paid, sum(paid_rp) AS paid_rp, sum(failed) AS failed,
        sum(paid) FILTER (WHERE day = %(day)s) AS paid_today, sum(paid_rp) FILTER (WHERE day = %(day)s) AS paid_today_rp
    FROM payments_tally WHERE stage = %(stage)s AND branch = %(branch)s AND day <= %(day)s GROUP BY 1
),
located AS (
    SELECT village / 10000 AS kecamatan, sum(geotagged) AS geotagged FROM evidence_tally
    WHERE stage = %(stage)s AND branch = %(branch)s AND day <= %(day)s GROUP BY 1
)
SELECT o.kecamatan AS code, a.name, o.allocated::bigint, o.allocated_rp::bigint, coalesce(p.paid_today, 0)::bigint AS paid_today,
    coalesce(p.paid_today_rp, 0)::bigint AS paid_today_rp, coalesce(p.paid, 0)::bigint AS paid, coalesce(p.paid_rp, 0)::bigint AS paid_rp,
    coalesce(p.failed, 0)::bigint AS failed, coalesce(l.geotagged, 0)::bigint AS geotagged
FROM owed AS o
JOIN areas_area AS a ON a.code = o.kecamatan
LEFT JOIN paid AS p USING (kecamatan)
LEFT JOIN located AS l USING (kecamatan)
WHERE o.allocated <> 0 OR p.paid <> 0
ORDER BY o.kecamatan

-- name: day_cash
-- The cash of a branch on a day, holder by holder, all stages together, because a bag has no programmes: what it held before, what came in, what
-- was paid out of it, what else went, and what two counted in the evening. The vault has no officer.
WITH moved AS (
    SELECT h.account, sum(h.amount_rp) FILTER (WHERE t.occurred_at < %(begins)s) AS before_rp,
        sum(h.amount_rp) FILTER (WHERE t.occurred_at >= %(begins)s AND NOT h.payment AND h.amount_rp > 0) AS in_rp,
        -sum(h.amount_rp) FILTER (WHERE t.occurred_at >= %(begins)s AND h.payment) AS paid_rp,
        -sum(h.amount_rp) FILTER (WHERE t.occurred_at >= %(begins)s AND NOT h.payment AND h.amount_rp < 0) AS out_rp,
        sum(h.amount_rp) AS evening_rp
    FROM ledger_transfer AS t
    CROSS JOIN LATERAL (VALUES
        (t.debit, t.amount_rp, t.credit = 'paid' OR t.credit LIKE 'suspense/%%'), (t.credit, -t.amount_rp, t.debit = 'paid' OR t.debit LIKE 'suspense/%%')
    ) AS h(account, amount_rp, payment)
    WHERE t.branch = %(branch)s AND t.occurred_at < %(ends)s AND (h.account = 'vault' OR h.account LIKE 'float/%%')
    GROUP BY h.account
),
counted AS (
    SELECT DISTINCT ON (c.officer_id) coalesce('float/' || c.officer_id, 'vault') AS account, c.counted_rp, c.expected_rp, c.explanation
    FROM custody_count AS c WHERE c.branch_id = %(branch)s AND c.day = %(day)s
    ORDER BY c.officer_id, c.counted_at DESC, c.id DESC
)
SELECT o.code, o.name, coalesce(m.before_rp, 0)::bigint AS before_rp, coalesce(m.in_rp, 0)::bigint AS in_rp,
    coalesce(m.paid_rp, 0)::bigint AS paid_rp, coalesce(m.out_rp, 0)::bigint AS out_rp, coalesce(m.evening_rp, 0)::bigint AS evening_rp,
    c.counted_rp, c.counted_rp - c.expected_rp AS difference_rp, coalesce(c.explanation, '') AS explanation
FROM moved AS m
FULL JOIN counted AS c USING (account)
LEFT JOIN offices_officer AS o ON o.id = nullif(split_part(account, '/', 2), '')::integer
WHERE account = 'vault' OR m.before_rp <> 0 OR m.in_rp <> 0 OR m.paid_rp <> 0 OR m.out_rp <> 0 OR c.counted_rp IS NOT NULL
ORDER BY o.code NULLS FIRST

-- name: day_cases
-- Cases of a branch: opened on a day, and how many were open at its end.
SELECT count(*) FILTER (WHERE c.opened_at >= %(begins)s) AS opened,
    count(*) FILTER (WHERE NOT EXISTS (
        SELECT FROM (
            SELECT e.act FROM cases_event AS e WHERE e.case_id = c.id AND e.at < %(ends)s AND e.act <> 'noted' ORDER BY e.number DESC LIMIT 1
        ) AS last WHERE last.act = 'decided'
    )) AS open
FROM cases_case AS c WHERE c.branch = %(branch)s AND c.opened_at < %(ends)s

-- name: handings
-- The cash that changed hands in a branch on a day, portion by portion; portions of one visit were signed together.
SELECT m.visit, s.code AS stage, p.name AS programme, m.kind, m.amount_rp, m.reference, m.given_by, m.offered_at, o.code AS officer_code,
    o.name AS officer, coalesce(r.answer, 'offered') AS state, r.actor AS taken_by, r.answered_at, coalesce(r.reason, '') AS reason
FROM custody_movement AS m
JOIN programmes_stage AS s ON s.id = m.stage_id
JOIN programmes_programme AS p ON p.id = s.programme_id
LEFT JOIN offices_officer AS o ON o.id = m.officer_id
LEFT JOIN custody_reply AS r ON r.movement_id = m.id
WHERE m.branch_id = %(branch)s AND m.offered_at >= %(begins)s AND m.offered_at < %(ends)s
ORDER BY min(m.offered_at) OVER (PARTITION BY m.visit), m.visit, s.code, m.id

-- name: not_paid
-- Who of a closed branch is not paid, and why: by kecamatan and village, with who confirmed it and whether there is a document.
SELECT e.village, v.name AS village_name, k.name AS kecamatan, coalesce(f.name, '') AS name, e.amount_rp, n.ending, n.reason,
    coalesce(c.said_by, '') AS said_by, coalesce(c.office, '') AS office, c.document_sha256 IS NOT NULL AS document
FROM (
    SELECT DISTINCT ON (b.entitlement) b.entitlement, b.ending, b.reason FROM reconciliation_ending AS b
    WHERE b.stage = %(stage)s AND b.branch = %(branch)s
    ORDER BY b.entitlement, b.number DESC
) AS n
JOIN danom_entitlement AS e ON (e.stage, e.branch, e.id) = (%(stage)s, %(branch)s, n.entitlement)
JOIN areas_area AS v ON v.code = e.village
JOIN areas_area AS k ON k.code = e.village / 10000
LEFT JOIN registry_family AS f ON f.stage = e.stage AND f.id = e.family AND f.branch = e.branch
LEFT JOIN LATERAL (
    SELECT said_by, office, document_sha256 FROM reconciliation_confirmation AS c
    WHERE c.stage = %(stage)s AND c.branch = %(branch)s AND c.entitlement = n.entitlement ORDER BY c.number DESC LIMIT 1
) AS c ON true
WHERE n.ending <> 'paid'
ORDER BY e.village, n.ending, n.reason, f.name, e.id

-- name: invited
-- How many families the published plan had at each venue of a day.
SELECT v.host, v.venue, count(*) AS invited
FROM (
    SELECT DISTINCT ON (l.entitlement) l.entitlement, l.channel, l.number, l.day FROM planning_slot AS l
    WHERE l.stage = %(stage)s AND l.branch = %(branch)s
    ORDER BY l.entitlement, l.version DESC
) AS s
JOIN planning_visit AS v ON (v.plan_id, v.channel, v.number) = (%(plan)s::uuid, s.channel, s.number)
WHERE s.day = %(day)s AND s.channel = 'session'
GROUP BY v.host, v.venue
