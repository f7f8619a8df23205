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

-- name: prepare_closing
-- For the transaction: a branch's facts are read by their keys and joined whole, also where there are no statistics yet.
SELECT set_config('enable_seqscan', 'off', true) AS seqscan, set_config('enable_nestloop', 'off', true) AS nestloop,
    set_config('work_mem', '128MB', true) AS work_mem, set_config('plan_cache_mode', 'force_custom_plan', true) AS plan,
    set_config('jit', 'off', true) AS jit

-- name: disputed
-- Entitlements that somebody says he paid, in an open case about that money: those the case names, and of a phone's case all that its
-- payments name that could not be posted.
WITH open_case AS MATERIALIZED (
    SELECT c.kind, c.facts FROM cases_case AS c
    CROSS JOIN LATERAL (
        SELECT act FROM cases_event AS e WHERE e.case_id = c.id AND e.act <> 'noted' ORDER BY number DESC LIMIT 1
    ) AS last
    WHERE last.act <> 'decided' AND (c.stage = %(stage)s OR c.stage IS NULL)
        AND c.kind IN ('unknown_entitlement', 'amount_mismatch', 'held_payment', 'late_payment', 'revoked_device', 'forked_device')
)
SELECT DISTINCT (facts ->> 'entitlement')::uuid AS entitlement FROM open_case WHERE facts ->> 'entitlement' IS NOT NULL
UNION
SELECT (convert_from(e.body, 'UTF8')::json ->> 'asg')::uuid
FROM open_case AS c
JOIN field_event AS e ON e.device = (c.facts ->> 'device')::uuid AND e.stage = %(stage)s AND e.kind = 'PAY'
WHERE c.kind IN ('revoked_device', 'forked_device') AND (starts_with(e.answer, 'SUSPENSE') OR e.answer = 'REJECT_ID_REUSED')

-- name: first_end
-- The latest moment at which a village of a branch in a place closes; of a stage that is history, its deadline.
SELECT max(coalesce(
        programmes_closes_at(%(stage)s, %(branch)s, t.village, %(zone)s), (s.deadline + 1)::timestamp AT TIME ZONE %(zone)s
    )) AS ends_at,
    -- Whether somebody could still be paid there after now: a freeze is to be decided.
    bool_or(coalesce(programmes_closes_at(%(stage)s, %(branch)s, t.village, %(zone)s) > %(at)s, true)) AS open
FROM (SELECT DISTINCT village FROM danom_tally WHERE stage = %(stage)s AND branch = %(branch)s AND village BETWEEN %(first)s AND %(last)s) AS t
CROSS JOIN programmes_stage AS s
WHERE s.id = %(stage)s

-- name: close_branch
-- Give each entitlement of a branch in a place its ending, in the order of rules.Ending, and write what is new: endings of those not paid (and
-- of those paid after they had another), and the line of each village. The books are entered alone, so nothing moves meanwhile.
WITH owed AS MATERIALIZED (
    SELECT e.id, e.village, e.amount_rp, e.held FROM danom_entitlement AS e
    WHERE e.stage = %(stage)s AND e.branch = %(branch)s AND e.village BETWEEN %(first)s AND %(last)s
),
standing AS (
    SELECT p.entitlement FROM payments_payment AS p
    LEFT JOIN payments_void AS v ON (v.stage, v.branch, v.entitlement, v.round) = (p.stage, p.branch, p.entitlement, p.round)
    WHERE p.stage = %(stage)s AND p.branch = %(branch)s AND v.id IS NULL
),
disputed AS (SELECT id FROM unnest(%(disputed)s::uuid[]) AS d(id)),
visited AS (
    SELECT DISTINCT ON (f.entitlement) f.entitlement, f.reason FROM payments_failure AS f
    WHERE f.stage = %(stage)s AND f.branch = %(branch)s
    ORDER BY f.entitlement, f.visited_at DESC, f.id DESC
),
confirmed AS (
    SELECT DISTINCT ON (c.entitlement) c.entitlement, c.reason FROM reconciliation_confirmation AS c
    WHERE c.stage = %(stage)s AND c.branch = %(branch)s
    ORDER BY c.entitlement, c.number DESC
),
before AS (
    SELECT DISTINCT ON (b.entitlement) b.entitlement, b.number, b.ending, b.reason FROM reconciliation_ending AS b
    WHERE b.stage = %(stage)s AND b.branch = %(branch)s
    ORDER BY b.entitlement, b.number DESC
),
ended AS MATERIALIZED (
    SELECT o.id, o.village, o.amount_rp, b.number, b.ending AS ending_before, b.reason AS reason_before,
        CASE
            WHEN s.entitlement IS NOT NULL THEN 'paid'
            WHEN d.id IS NOT NULL THEN 'disputed'
            WHEN o.held THEN 'held'
            ELSE 'returned'
        END AS ending,
        CASE
            WHEN c.reason <> 'lives_here' THEN c.reason
            WHEN c.reason = 'lives_here' AND f.reason = ANY(%(final)s::text[]) THEN 'not_visited'  -- the visit was at a wrong door
            ELSE coalesce(f.reason, 'not_visited')
        END AS reason
    FROM owed AS o
    LEFT JOIN standing AS s ON s.entitlement = o.id
    LEFT JOIN disputed AS d ON d.id = o.id
    LEFT JOIN visited AS f ON f.entitlement = o.id
    LEFT JOIN confirmed AS c ON c.entitlement = o.id
    LEFT JOIN before AS b ON b.entitlement = o.id
),
written AS (
    INSERT INTO reconciliation_ending (stage, branch, entitlement, number, ending, reason, amount_rp, closing)
    SELECT %(stage)s, %(branch)s, id, coalesce(number, 0) + 1, ending, CASE WHEN ending = 'paid' THEN '' ELSE reason END, amount_rp, %(closing)s
    FROM ended
    WHERE ending = 'paid' AND ending_before <> 'paid' OR ending <> 'paid' AND (ending, reason) IS DISTINCT FROM (ending_before, reason_before)
    ORDER BY id
    RETURNING entitlement
),
line AS (
    SELECT village, count(*)::integer AS allocated, sum(amount_rp)::bigint AS allocated_rp,
        count(*) FILTER (WHERE ending = 'paid')::integer AS paid, coalesce(sum(amount_rp) FILTER (WHERE ending = 'paid'), 0)::bigint AS paid_rp,
        count(*) FILTER (WHERE ending = 'returned' AND reason = ANY(%(final)s::text[]))::integer AS final_failed,
        count(*) FILTER (WHERE ending = 'returned')::integer AS returned,
        coalesce(sum(amount_rp) FILTER (WHERE ending = 'returned'), 0)::bigint AS returned_rp,
        count(*) FILTER (WHERE ending = 'held')::integer AS held, coalesce(sum(amount_rp) FILTER (WHERE ending = 'held'), 0)::bigint AS held_rp,
        count(*) FILTER (WHERE ending = 'disputed')::integer AS disputed,
        coalesce(sum(amount_rp) FILTER (WHERE ending = 'disputed'), 0)::bigint AS disputed_rp
    FROM ended GROUP BY village
),
line_before AS (
    SELECT DISTINCT ON (village) * FROM reconciliation_line
    WHERE stage = %(stage)s AND branch = %(branch)s AND village BETWEEN %(first)s AND %(last)s
    ORDER BY village, number DESC
),
lines AS (
    INSERT INTO reconciliation_line (stage, branch, village, number, closing, allocated, allocated_rp, paid, paid_rp, final_failed, returned,
        returned_rp, held, held_rp, disputed, disputed_rp)
    SELECT %(stage)s, %(branch)s, l.village, coalesce(b.number, 0) + 1, %(closing)s, l.allocated, l.allocated_rp, l.paid, l.paid_rp,
        l.final_failed, l.returned, l.returned_rp, l.held, l.held_rp, l.disputed, l.disputed_rp
    FROM line AS l LEFT JOIN line_before AS b USING (village)
    WHERE (l.allocated, l.allocated_rp, l.paid, l.paid_rp, l.final_failed, l.returned, l.returned_rp, l.held, l.held_rp, l.disputed, l.disputed_rp)
        IS DISTINCT FROM (b.allocated, b.allocated_rp, b.paid, b.paid_rp, b.final_failed, b.returned, b.returned_rp, b.held, b.held_rp,
            b.disputed, b.disputed_rp)
    RETURNING village
)
SELECT (SELECT count(*) FROM written) AS changed, (SELECT count(*) FROM lines) AS lines, (SELECT count(*) FROM owed) AS families

-- name: lines
-- What a stage's list came to in a place, by branch, kecamatan or village: from the tallies what is owed and paid now, from the closings the rest.
WITH RECURSIVE region AS (
    SELECT id, id AS branch, parent_id, kind, code, name FROM offices_office WHERE kind IN ('KC', 'KCU')
    UNION ALL
    SELECT o.id, r.branch, o.parent_id, o.kind, o.code, o.name FROM region AS r JOIN offices_office AS o ON o.id = r.parent_id
),
owed AS (
    SELECT branch, village, sum(lines) AS allocated, sum(amount_rp) AS allocated_rp FROM danom_tally
    WHERE stage = %(stage)s AND village BETWEEN %(first)s AND %(last)s AND (branch = ANY(%(branches)s::integer[]) OR %(branches)s::integer[] IS NULL)
    GROUP BY branch, village
),
paid AS (
    SELECT branch, village, sum(paid) AS paid, sum(paid_rp) AS paid_rp FROM payments_tally
    WHERE stage = %(stage)s AND village BETWEEN %(first)s AND %(last)s AND (branch = ANY(%(branches)s::integer[]) OR %(branches)s::integer[] IS NULL)
    GROUP BY branch, village
),
line AS (
    SELECT DISTINCT ON (l.branch, l.village) l.*, c.closed_at FROM reconciliation_line AS l
    JOIN reconciliation_closing AS c ON c.id = l.closing
    WHERE l.stage = %(stage)s AND l.village BETWEEN %(first)s AND %(last)s AND (l.branch = ANY(%(branches)s::integer[]) OR %(branches)s::integer[] IS NULL)
    ORDER BY l.branch, l.village, l.number DESC
),
grouped AS (
    SELECT CASE %(by)s::text
            WHEN 'nation' THEN 0
            WHEN 'region' THEN (SELECT r.id FROM region AS r WHERE r.branch = o.branch AND r.kind = 'REGION' LIMIT 1)
            WHEN 'branch' THEN o.branch
            WHEN 'kecamatan' THEN o.village / 10000
            ELSE o.village
        END AS key,
        count(*) AS villages, count(l.closing) AS closed, max(l.closed_at) AS closed_at,
        sum(o.allocated)::bigint AS allocated, sum(o.allocated_rp)::bigint AS allocated_rp,
        coalesce(sum(p.paid), 0)::bigint AS paid, coalesce(sum(p.paid_rp), 0)::bigint AS paid_rp,
        coalesce(sum(l.final_failed), 0)::bigint AS final_failed,
        coalesce(sum(l.returned), 0)::bigint AS returned, coalesce(sum(l.returned_rp), 0)::bigint AS returned_rp,
        coalesce(sum(l.held), 0)::bigint AS held, coalesce(sum(l.held_rp), 0)::bigint AS held_rp,
        coalesce(sum(l.disputed), 0)::bigint AS disputed, coalesce(sum(l.disputed_rp), 0)::bigint AS disputed_rp,
        coalesce(sum(o.allocated - coalesce(p.paid, 0)) FILTER (WHERE l.closing IS NULL), 0)::bigint AS open,
        coalesce(sum(o.allocated_rp - coalesce(p.paid_rp, 0)) FILTER (WHERE l.closing IS NULL), 0)::bigint AS open_rp
    FROM owed AS o
    LEFT JOIN paid AS p USING (branch, village)
    LEFT JOIN line AS l USING (branch, village)
    WHERE o.allocated <> 0 OR l.closing IS NOT NULL
    GROUP BY 1
)
SELECT coalesce(g.key, 0)::bigint AS branch, coalesce(o.code, a.code::text, '') AS code, coalesce(o.name, a.name, '') AS name,
    g.villages, g.closed, g.closed_at, g.allocated, g.allocated_rp, g.paid, g.paid_rp, g.final_failed, g.returned, g.returned_rp, g.held, g.held_rp,
    g.disputed, g.disputed_rp, g.open, g.open_rp
FROM grouped AS g
LEFT JOIN offices_office AS o ON %(by)s::text IN ('region', 'branch') AND o.id = g.key
LEFT JOIN areas_area AS a ON %(by)s::text IN ('kecamatan', 'village') AND a.code = g.key
ORDER BY code

-- name: cash
-- Where the money of branches is, by their books. A float that was not settled is explained by a case about it that nobody has ended, or
-- that ended in a debt.
WITH accounts AS (
    SELECT a.branch, a.code, a.debits_rp, a.credits_rp, a.debits_rp - a.credits_rp AS balance_rp
    FROM ledger_account AS a
    JOIN offices_office AS o ON o.id = a.branch AND o.kind IN ('KC', 'KCU')
    WHERE a.stage = %(stage)s AND (a.branch = ANY(%(branches)s::integer[]) OR %(branches)s::integer[] IS NULL)
),
unexplained AS (
    SELECT a.branch, sum(abs(a.balance_rp)) AS amount_rp FROM accounts AS a
    WHERE a.code LIKE 'float/%%' AND a.balance_rp <> 0 AND NOT EXISTS (
        SELECT FROM cases_case AS c
        CROSS JOIN LATERAL (
            SELECT act, decision FROM cases_event AS e WHERE e.case_id = c.id AND e.act <> 'noted' ORDER BY number DESC LIMIT 1
        ) AS last
        WHERE c.kind = 'unsettled_float' AND c.subject = 'float/' || %(stage)s::integer || '/' || a.branch || '/' || split_part(a.code, '/', 2)
            AND (last.act <> 'decided' OR last.decision IN ('owed', 'referred'))
    )
    GROUP BY a.branch
)
SELECT a.branch, o.code, o.name,
    coalesce(sum(a.credits_rp) FILTER (WHERE a.code = 'headquarters'), 0)::bigint AS supplied_rp,
    coalesce(sum(a.balance_rp) FILTER (WHERE a.code = 'paid'), 0)::bigint AS paid_rp,
    coalesce(sum(a.debits_rp) FILTER (WHERE a.code = 'headquarters'), 0)::bigint AS sent_back_rp,
    coalesce(sum(a.balance_rp) FILTER (WHERE a.code = 'vault'), 0)::bigint AS vault_rp,
    coalesce(sum(a.balance_rp) FILTER (WHERE a.code LIKE 'float/%%'), 0)::bigint AS floats_rp,
    coalesce(sum(a.balance_rp) FILTER (WHERE a.code LIKE 'suspense/%%'), 0)::bigint AS suspense_rp,
    coalesce(sum(a.balance_rp) FILTER (WHERE a.code = 'written-off'), 0)::bigint AS written_off_rp,
    coalesce(-sum(a.balance_rp) FILTER (WHERE a.code = 'surplus'), 0)::bigint AS surplus_rp,
    coalesce(max(u.amount_rp), 0)::bigint AS unexplained_rp
FROM accounts AS a
JOIN offices_office AS o ON o.id = a.branch
LEFT JOIN unexplained AS u ON u.branch = a.branch
GROUP BY a.branch, o.code, o.name
ORDER BY o.code

-- name: national_cash
-- What headquarters' books say of a stage: what the ministry gave and got back, what is in the bank, what is out with the branches.
SELECT coalesce(sum(credits_rp) FILTER (WHERE code = 'ministry'), 0)::bigint AS funded_rp,
    coalesce(sum(debits_rp) FILTER (WHERE code = 'ministry'), 0)::bigint AS refunded_rp,
    coalesce(sum(debits_rp - credits_rp) FILTER (WHERE code = 'bank'), 0)::bigint AS bank_rp,
    coalesce(sum(debits_rp - credits_rp) FILTER (WHERE code LIKE 'branch/%%'), 0)::bigint AS with_branches_rp
FROM ledger_account
WHERE stage = %(stage)s AND branch = (SELECT min(id) FROM offices_office WHERE kind = 'HQ')

-- name: missing
-- Who has not brought back what he got: floats and payments that could not be posted, person by person, with the cases about them.
SELECT o.code AS branch, o.name AS branch_name, p.id AS officer, p.code, p.name,
    coalesce(sum(a.debits_rp - a.credits_rp) FILTER (WHERE a.code LIKE 'float/%%'), 0)::bigint AS float_rp,
    coalesce(sum(a.debits_rp - a.credits_rp) FILTER (WHERE a.code LIKE 'suspense/%%'), 0)::bigint AS suspense_rp,
    (
        SELECT count(*) FROM cases_case AS c
        CROSS JOIN LATERAL (
            SELECT act FROM cases_event AS e WHERE e.case_id = c.id AND e.act <> 'noted' ORDER BY number DESC LIMIT 1
        ) AS last
        WHERE c.branch = a.branch AND c.maker = 'officer ' || p.id AND last.act <> 'decided'
    ) AS cases,
    (
        SELECT coalesce(sum(c.amount_rp), 0)::bigint FROM cases_case AS c
        CROSS JOIN LATERAL (
            SELECT decision FROM cases_event AS e WHERE e.case_id = c.id AND e.act <> 'noted' ORDER BY number DESC LIMIT 1
        ) AS last
        WHERE c.branch = a.branch AND c.maker = 'officer ' || p.id AND last.decision = 'owed' AND c.kind = 'unsettled_float'
    ) AS owed_rp
FROM ledger_account AS a
JOIN offices_office AS o ON o.id = a.branch
JOIN offices_officer AS p ON p.id = split_part(a.code, '/', 2)::integer
WHERE a.stage = %(stage)s AND (a.branch = ANY(%(branches)s::integer[]) OR %(branches)s::integer[] IS NULL)
    AND (a.code LIKE 'float/%%' OR a.code LIKE 'suspense/%%') AND a.debits_rp <> a.credits_rp
GROUP BY o.code, o.name, a.branch, p.id, p.code, p.name
ORDER BY o.code, p.code

-- name: vault
-- A branch's vault for one stage, and whether it was counted by two since the last cash went in or out: right, or with a difference that
-- is explained or a case.
SELECT coalesce((
        SELECT debits_rp - credits_rp FROM ledger_account WHERE stage = %(stage)s AND branch = %(branch)s AND code = 'vault'
    ), 0)::bigint AS vault_rp,
    EXISTS (
        SELECT FROM custody_count AS c
        WHERE c.branch_id = %(branch)s AND c.officer_id IS NULL AND c.counted_at >= coalesce((
            SELECT max(t.occurred_at) FROM ledger_transfer AS t
            WHERE t.stage = %(stage)s AND t.branch = %(branch)s AND (t.debit = 'vault' OR t.credit = 'vault')
        ), '-infinity')
    ) AS counted

-- name: offered_back
-- What is on its way: sent back and not signed for yet.
SELECT coalesce(sum(m.amount_rp), 0)::bigint AS amount_rp, count(*) AS movements
FROM custody_movement AS m
LEFT JOIN custody_reply AS r ON r.movement_id = m.id
WHERE m.stage_id = %(stage)s AND m.branch_id = %(branch)s AND m.kind = %(kind)s AND r.movement_id IS NULL

-- name: sent_before
-- How often money of a stage was sent back from an office: the next paper's number.
SELECT count(*) AS movements FROM custody_movement WHERE stage_id = %(stage)s AND branch_id = %(branch)s AND kind = %(kind)s

-- name: floats
-- Floats of a branch and a stage that are not settled.
SELECT split_part(code, '/', 2)::integer AS officer, debits_rp - credits_rp AS balance_rp
FROM ledger_account WHERE stage = %(stage)s AND branch = %(branch)s AND code LIKE 'float/%%' AND debits_rp <> credits_rp
ORDER BY code

-- name: returns
-- Money sent back, with its receipt: from branches to headquarters, and from headquarters to the treasury.
SELECT m.id, o.code AS branch, o.name, m.kind, m.amount_rp, m.reference, m.given_by, m.offered_at, coalesce(r.answer, 'offered') AS state,
    r.actor AS taken_by, r.answered_at, k.number AS receipt, k.document_sha256, b.line_id AS bank_line
FROM custody_movement AS m
JOIN offices_office AS o ON o.id = m.branch_id
LEFT JOIN custody_reply AS r ON r.movement_id = m.id
LEFT JOIN reconciliation_receipt AS k ON k.movement_id = m.id
LEFT JOIN reconciliation_bankmatch AS b ON b.movement_id = m.id
WHERE m.stage_id = %(stage)s AND m.kind IN ('return', 'refund') AND (m.branch_id = ANY(%(branches)s::integer[]) OR %(branches)s::integer[] IS NULL)
ORDER BY m.offered_at, m.id

-- name: year
-- Each stage whose window opened in a year: what was given, handed out, paid, sent back and given back, and what is still somewhere.
SELECT s.code AS stage, p.name AS programme, s.deadline,
    coalesce(sum(a.credits_rp) FILTER (WHERE a.code = 'ministry'), 0)::bigint AS funded_rp,
    coalesce(sum(a.debits_rp - a.credits_rp) FILTER (WHERE a.code = 'paid'), 0)::bigint AS paid_rp,
    coalesce(sum(a.debits_rp) FILTER (WHERE a.code = 'headquarters'), 0)::bigint AS sent_back_rp,
    coalesce(sum(a.debits_rp) FILTER (WHERE a.code = 'ministry'), 0)::bigint AS refunded_rp,
    coalesce(sum(a.debits_rp - a.credits_rp) FILTER (WHERE a.code = 'bank'), 0)::bigint AS bank_rp,
    coalesce(sum(a.debits_rp - a.credits_rp) FILTER (WHERE a.code = 'vault'), 0)::bigint AS vaults_rp,
    coalesce(sum(a.debits_rp - a.credits_rp) FILTER (WHERE a.code LIKE 'float/%%'), 0)::bigint AS floats_rp,
    coalesce(sum(a.debits_rp - a.credits_rp) FILTER (WHERE a.code LIKE 'suspense/%%'), 0)::bigint AS suspense_rp,
    coalesce(sum(a.debits_rp - a.credits_rp) FILTER (WHERE a.code = 'written-off'), 0)::bigint AS written_off_rp,
    coalesce(-sum(a.debits_rp - a.credits_rp) FILTER (WHERE a.code = 'surplus'), 0)::bigint AS surplus_rp
FROM programmes_stage AS s
JOIN programmes_programme AS p ON p.id = s.programme_id
LEFT JOIN ledger_account AS a ON a.stage = s.id
WHERE extract(year FROM s.opens) = %(year)s
GROUP BY s.code, p.name, s.deadline, s.opens
ORDER BY s.opens, s.code

-- name: recount_lines
-- Closed villages whose line differs from a recount of entitlements, payments and endings as they stood at that closing, or where an
-- entitlement had ended in none or in two ways.
WITH line AS (
    SELECT DISTINCT ON (l.branch, l.village) l.*, c.closed_at FROM reconciliation_line AS l
    JOIN reconciliation_closing AS c ON c.id = l.closing
    WHERE l.stage = %(stage)s
    ORDER BY l.branch, l.village, l.number DESC
),
standing AS (
    SELECT p.branch, p.entitlement, p.recorded_at, v.recorded_at AS voided_at FROM payments_payment AS p
    LEFT JOIN payments_void AS v ON (v.stage, v.branch, v.entitlement, v.round) = (p.stage, p.branch, p.entitlement, p.round)
    WHERE p.stage = %(stage)s
),
-- The endings that stood at the village's last closing: those of later closings of other places speak of other families.
ending AS (
    SELECT DISTINCT ON (e.branch, e.entitlement) e.branch, e.entitlement, e.ending FROM reconciliation_ending AS e
    WHERE e.stage = %(stage)s
    ORDER BY e.branch, e.entitlement, e.number DESC
),
each AS (
    SELECT l.branch, l.village, e.amount_rp, s.entitlement IS NOT NULL AS paid, n.ending,
        (s.entitlement IS NOT NULL)::integer + (coalesce(n.ending, 'paid') <> 'paid')::integer AS ways
    FROM line AS l
    JOIN danom_entitlement AS e ON e.stage = %(stage)s AND e.branch = l.branch AND e.village = l.village
    LEFT JOIN danom_batch AS b ON b.stage = %(stage)s AND b.version = e.version
    LEFT JOIN standing AS s ON s.branch = l.branch AND s.entitlement = e.id AND s.recorded_at <= l.closed_at
        AND (s.voided_at IS NULL OR s.voided_at > l.closed_at)
    LEFT JOIN ending AS n ON n.branch = l.branch AND n.entitlement = e.id
    WHERE b.approved_at IS NULL OR b.approved_at <= l.closed_at
),
recounted AS (
    SELECT branch, village, count(*) AS allocated, sum(amount_rp) AS allocated_rp, count(*) FILTER (WHERE paid) AS paid,
        count(*) FILTER (WHERE ways <> 1) AS astray,
        count(*) FILTER (WHERE ending = 'returned') AS returned, count(*) FILTER (WHERE ending = 'held') AS held,
        count(*) FILTER (WHERE ending = 'disputed') AS disputed
    FROM each GROUP BY branch, village
)
SELECT l.branch, l.village, l.allocated, l.paid, l.returned, l.held, l.disputed, r.astray,
    r.allocated AS recounted, r.paid AS recounted_paid, r.returned AS recounted_returned,
    r.astray IS DISTINCT FROM 0 OR (l.allocated, l.allocated_rp, l.paid, l.returned, l.held, l.disputed)
        IS DISTINCT FROM (r.allocated, r.allocated_rp, r.paid, r.returned, r.held, r.disputed) AS broken
FROM line AS l LEFT JOIN recounted AS r USING (branch, village)
ORDER BY l.branch, l.village

-- name: dossier_list
-- A page of a branch's list with how each entitlement ended, line by line of the list.
WITH page AS (
    SELECT e.*, e.version::bigint * 1000000000 + e.line AS place FROM danom_entitlement AS e
    WHERE e.stage = %(stage)s AND e.branch = %(branch)s AND e.version::bigint * 1000000000 + e.line > %(after)s
    ORDER BY e.version, e.line
    LIMIT %(limit)s
)
SELECT p.place, p.id, p.line, p.version, p.village, p.amount_rp, p.held, f.name, f.nik_sealed, f.key_version,
    CASE WHEN paid.yes THEN 'paid' ELSE coalesce(nullif(n.ending, 'paid'), 'open') END AS ending,
    CASE WHEN paid.yes THEN '' ELSE coalesce(n.reason, '') END AS reason
FROM page AS p
JOIN registry_family AS f ON f.stage = p.stage AND f.id = p.family AND f.branch = p.branch
LEFT JOIN LATERAL (
    SELECT true AS yes FROM payments_payment AS y
    LEFT JOIN payments_void AS v ON (v.stage, v.branch, v.entitlement, v.round) = (y.stage, y.branch, y.entitlement, y.round)
    WHERE (y.stage, y.branch, y.entitlement) = (p.stage, p.branch, p.id) AND v.id IS NULL LIMIT 1
) AS paid ON true
LEFT JOIN LATERAL (
    SELECT e.ending, e.reason FROM reconciliation_ending AS e
    WHERE (e.stage, e.branch, e.entitlement) = (p.stage, p.branch, p.id) ORDER BY e.number DESC LIMIT 1
) AS n ON true
ORDER BY p.version, p.line

-- name: hold_family
-- One at a time for whatever the key names, until the end of the transaction; locks no row.
SELECT pg_advisory_xact_lock(hashtextextended(%(key)s, 8)) IS NULL AS held

-- name: is_paid
-- Whether a payment of an entitlement stands.
SELECT EXISTS (
    SELECT FROM payments_payment AS p
    LEFT JOIN payments_void AS v ON (v.stage, v.branch, v.entitlement, v.round) = (p.stage, p.branch, p.entitlement, p.round)
    WHERE (p.stage, p.branch, p.entitlement) = (%(stage)s, %(branch)s, %(entitlement)s) AND v.id IS NULL
) AS paid

-- name: unpaid_family
-- A part of other statements: each family of a place that is not paid, with its last reason, what was confirmed, and its last task.
owed AS MATERIALIZED (
    SELECT e.stage, e.branch, e.id, e.family, e.village, e.amount_rp, e.held, e.version, e.line FROM danom_entitlement AS e
    WHERE e.stage = %(stage)s AND e.village BETWEEN %(first)s AND %(last)s
        AND (e.branch = ANY(%(branches)s::integer[]) OR %(branches)s::integer[] IS NULL)
        AND NOT EXISTS (
            SELECT FROM payments_payment AS p
            LEFT JOIN payments_void AS v ON (v.stage, v.branch, v.entitlement, v.round) = (p.stage, p.branch, p.entitlement, p.round)
            WHERE (p.stage, p.branch, p.entitlement) = (e.stage, e.branch, e.id) AND v.id IS NULL
        )
),
unpaid AS MATERIALIZED (
    SELECT o.*, f.visits, t.chance, t.officer, t.due, t.number AS task, c.said_by, c.office, c.document_sha256,
        CASE
            WHEN c.reason <> 'lives_here' THEN c.reason
            WHEN c.reason = 'lives_here' AND f.reason = ANY(%(final)s::text[]) THEN 'not_visited'  -- the visit was at a wrong door
            ELSE coalesce(f.reason, 'not_visited')
        END AS reason
    FROM owed AS o
    LEFT JOIN LATERAL (
        SELECT count(*) AS visits, (array_agg(y.reason ORDER BY y.visited_at DESC, y.id DESC))[1] AS reason FROM payments_failure AS y
        WHERE (y.stage, y.branch, y.entitlement) = (o.stage, o.branch, o.id)
    ) AS f ON true
    LEFT JOIN LATERAL (
        SELECT reason, said_by, office, document_sha256 FROM reconciliation_confirmation AS y
        WHERE (y.stage, y.branch, y.entitlement) = (o.stage, o.branch, o.id) ORDER BY number DESC LIMIT 1
    ) AS c ON true
    LEFT JOIN LATERAL (
        SELECT number, chance, officer, due FROM reconciliation_task AS y
        WHERE (y.stage, y.branch, y.entitlement) = (o.stage, o.branch, o.id) ORDER BY number DESC LIMIT 1
    ) AS t ON true
)

-- name: unpaid
-- Families that are not paid, by branch, village and reason.
WITH
-- include: reconciliation.unpaid_family
SELECT o.code AS branch, u.village, coalesce(a.name, '') AS name, u.reason, u.reason = ANY(%(final)s::text[]) AS final,
    count(*) AS families, sum(u.amount_rp)::bigint AS amount_rp, count(*) FILTER (WHERE u.held) AS held, count(u.task) AS tasks,
    count(*) FILTER (WHERE u.due < current_date) AS overdue, count(u.said_by) AS confirmed
FROM unpaid AS u
JOIN offices_office AS o ON o.id = u.branch
LEFT JOIN areas_area AS a ON a.code = u.village
GROUP BY o.code, u.village, a.name, u.reason
ORDER BY o.code, u.village, u.reason

-- name: give_tasks
-- Give unpaid families that can have this chance a task, unless their last one is the same.
WITH
-- include: reconciliation.unpaid_family
, meant AS (
    SELECT * FROM unpaid
    WHERE NOT held AND CASE
        WHEN %(reasons)s::text[] IS NOT NULL THEN reason = ANY(%(reasons)s::text[])
        ELSE (reason = ANY(%(final)s::text[])) = %(confirm)s AND NOT (%(confirm)s AND said_by IS NOT NULL)
    END
),
given AS (
    INSERT INTO reconciliation_task (stage, branch, entitlement, number, chance, officer, due, given_by, given_at)
    SELECT stage, branch, id, coalesce(task, 0) + 1, %(chance)s, %(officer)s, %(due)s, %(actor)s, %(at)s FROM meant
    WHERE (chance, officer, due) IS DISTINCT FROM (%(chance)s::text, %(officer)s::integer, %(due)s::date)
    RETURNING branch
)
SELECT (SELECT count(*) FROM given) AS given, (SELECT count(*) FROM meant) - (SELECT count(*) FROM given) AS kept,
    (SELECT coalesce(array_agg(DISTINCT branch ORDER BY branch), '{}') FROM given) AS branches

-- name: tasks
-- The tasks of families that are still not paid.
WITH
-- include: reconciliation.unpaid_family
SELECT o.code AS branch, u.village, coalesce(a.name, '') AS village_name, u.id AS entitlement, coalesce(f.name, '') AS name,
    coalesce(f.address, '') AS address, u.reason, u.visits, u.chance, coalesce(w.code, '') AS officer, u.due
FROM unpaid AS u
JOIN offices_office AS o ON o.id = u.branch
LEFT JOIN offices_officer AS w ON w.id = u.officer
LEFT JOIN areas_area AS a ON a.code = u.village
LEFT JOIN registry_family AS f ON f.stage = u.stage AND f.id = u.family AND f.branch = u.branch
WHERE u.task IS NOT NULL AND (w.code = %(officer)s OR %(officer)s::text IS NULL)
ORDER BY u.due, o.code, u.village, u.id

-- name: gone
-- Families with a final reason, for the ministry's next list.
WITH
-- include: reconciliation.unpaid_family
SELECT o.code AS branch, u.village, u.version, u.line, u.id AS entitlement, f.name, f.nik_sealed, f.key_version, u.reason, u.visits,
    u.said_by, u.office, encode(u.document_sha256, 'hex') AS document
FROM unpaid AS u
JOIN offices_office AS o ON o.id = u.branch
LEFT JOIN registry_family AS f ON f.stage = u.stage AND f.id = u.family AND f.branch = u.branch
WHERE u.reason = ANY(%(final)s::text[])
ORDER BY o.code, u.village, u.version, u.line

-- name: bank_lines
-- Lines of the bank without a movement of ours, of one account or all.
SELECT l.id, l.account, l.booked, l.amount_rp, l.reference, l.text FROM reconciliation_bankline AS l
WHERE (l.account = %(account)s OR %(account)s::text IS NULL)
    AND NOT EXISTS (SELECT FROM reconciliation_bankmatch AS m WHERE m.line_id = l.id)
ORDER BY l.booked, l.id

-- name: bank_movements
-- Movements over headquarters' bank that no line of the bank shows yet; above zero came in. The day is Jakarta's.
SELECT m.id, m.kind, m.reference, (m.offered_at AT TIME ZONE 'Asia/Jakarta')::date AS day,
    CASE WHEN m.kind IN ('fund', 'return') THEN m.amount_rp ELSE -m.amount_rp END AS amount_rp
FROM custody_movement AS m
JOIN custody_reply AS r ON r.movement_id = m.id AND r.answer = 'accepted'
WHERE m.kind IN ('fund', 'refund', 'supply', 'return')
    AND NOT EXISTS (SELECT FROM reconciliation_bankmatch AS b WHERE b.movement_id = m.id)
ORDER BY m.offered_at, m.id
