-- name: prepare_posting
-- Enter a branch's books: many may pay at once; a void, a failed visit or a close waits for them and they for it.
-- On a stage just opened there are no statistics and the planner would rather scan, and keep that plan: here it may not.
-- One plan for all: with several stages open, the foreign key's check would otherwise be planned anew for every row (20 µs of 24).
SELECT pg_advisory_xact_lock_shared(%(stage)s, %(branch)s)::text AS entered, set_config('enable_seqscan', 'off', true) AS seqscan,
    set_config('enable_bitmapscan', 'off', true) AS bitmapscan, set_config('plan_cache_mode', 'force_generic_plan', true) AS plan

-- name: prepare_correcting
-- Enter a branch's books alone: what is judged from both payments and failures must see all of them.
SELECT pg_advisory_xact_lock(%(stage)s, %(branch)s)

-- name: record_payments
-- Judge and write a batch of one branch's payments, in the order of rules.Outcome; the money moves in the same statement.
-- The batch names no id and no entitlement twice. Whoever is paid by another writer at this moment breaks the key: look again then.
-- OFFSET 0 keeps each look-up a look-up: one step down the key for each payment, never a join that reads a table whole.
WITH local AS (SELECT timezone AS zone FROM offices_office WHERE id = %(branch)s),
-- include: programmes.first_close
, batch AS (
    SELECT * FROM unnest(
        %(ids)s::uuid[], %(entitlements)s::uuid[], %(officers)s::integer[], %(amounts_rp)s::bigint[], %(channels)s::smallint[], %(paid_at)s::timestamptz[]
    ) WITH ORDINALITY AS b(id, entitlement, officer, amount_rp, channel, paid_at, position)
),
judged AS MATERIALIZED (
    SELECT b.*, e.village, e.version, coalesce(p.round + 1, 0)::smallint AS round, failed.failed,
        CASE
            WHEN same.id IS NOT NULL
                THEN CASE WHEN (same.officer, same.amount_rp, same.channel, same.paid_at) = (b.officer, b.amount_rp, b.channel, b.paid_at)
                    THEN 'exists' ELSE 'exists_with_different_facts' END
            WHEN known.id IS NOT NULL THEN 'exists_with_different_facts'
            WHEN e.id IS NULL THEN 'unknown_entitlement'
            WHEN b.paid_at > %(at)s THEN 'paid_in_future'
            WHEN e.held THEN 'held'
            WHEN b.paid_at >= (SELECT moment FROM first_close)
                AND b.paid_at >= programmes_closes_at(%(stage)s, %(branch)s, e.village, (SELECT zone FROM local)) THEN 'after_freeze'
            WHEN b.amount_rp <> e.amount_rp THEN 'amount_mismatch'
            WHEN p.id IS NOT NULL AND NOT p.voided THEN 'already_paid'
            ELSE 'created'
        END AS outcome
    FROM batch AS b
    LEFT JOIN LATERAL (
        SELECT e.id, e.village, e.version, e.amount_rp, e.held FROM danom_entitlement AS e
        WHERE e.stage = %(stage)s AND e.branch = %(branch)s AND e.id = b.entitlement OFFSET 0
    ) AS e ON true
    LEFT JOIN LATERAL (
        SELECT p.id, p.round, EXISTS (
            SELECT FROM payments_void AS v
            WHERE v.stage = %(stage)s AND v.branch = %(branch)s AND v.entitlement = b.entitlement AND v.round = p.round
        ) AS voided
        FROM payments_payment AS p
        WHERE p.stage = %(stage)s AND p.branch = %(branch)s AND p.entitlement = b.entitlement
        ORDER BY p.round DESC LIMIT 1
    ) AS p ON true
    -- Money never moves twice under one id: the transfer tells whether the id is known, the payment of that id whether it says the same.
    LEFT JOIN LATERAL (
        SELECT t.id FROM ledger_transfer AS t WHERE t.stage = %(stage)s AND t.branch = %(branch)s AND t.id = b.id OFFSET 0
    ) AS known ON true
    LEFT JOIN LATERAL (
        SELECT s.* FROM payments_payment AS s
        WHERE s.stage = %(stage)s AND s.branch = %(branch)s AND s.entitlement = b.entitlement AND s.id = b.id AND known.id IS NOT NULL OFFSET 0
    ) AS same ON true
    LEFT JOIN LATERAL (
        SELECT true AS failed FROM payments_failure AS f
        WHERE f.stage = %(stage)s AND f.branch = %(branch)s AND f.entitlement = b.entitlement LIMIT 1
    ) AS failed ON true
),
-- In the order of the key, so that two batches that meet wait for each other in one direction only.
payable AS MATERIALIZED (SELECT * FROM judged WHERE outcome = 'created' ORDER BY entitlement),
created AS (
    INSERT INTO payments_payment (stage, branch, entitlement, round, id, officer, channel, amount_rp, paid_at, recorded_at)
    SELECT %(stage)s, %(branch)s, entitlement, round, id, officer, channel, amount_rp, paid_at, %(at)s FROM payable
),
tallied AS (
    INSERT INTO payments_tally (stage, branch, village, version, day, recorded_day, paid, paid_rp, failed)
    SELECT %(stage)s, %(branch)s, village, version, (paid_at AT TIME ZONE local.zone)::date AS day, (%(at)s AT TIME ZONE local.zone)::date,
        count(*), sum(amount_rp), -count(failed)
    FROM payable, local
    GROUP BY village, version, day, zone
    ORDER BY village, version, day
    ON CONFLICT (stage, branch, village, version, day, recorded_day) DO UPDATE
    SET paid = payments_tally.paid + excluded.paid,
        paid_rp = payments_tally.paid_rp + excluded.paid_rp,
        failed = payments_tally.failed + excluded.failed
),
moves AS (
    SELECT id, 'paid' AS debit, 'float/' || officer AS credit, amount_rp, paid_at AS occurred_at FROM payable
),
-- include: ledger.post
SELECT outcome FROM judged ORDER BY position

-- name: emit_durable_mark
-- Make this transaction write to the log, so that "already there" is answered only when it is as durable as the first answer was.
SELECT pg_logical_emit_message(true, 'salur', 'exists')

-- name: record_failures
-- Judge and write a batch of one branch's visits that did not pay, in the order of rules.FailureOutcome.
WITH local AS (SELECT timezone AS zone FROM offices_office WHERE id = %(branch)s),
batch AS (
    SELECT * FROM unnest(%(ids)s::uuid[], %(entitlements)s::uuid[], %(officers)s::integer[], %(reasons)s::text[], %(visited_at)s::timestamptz[])
        WITH ORDINALITY AS b(id, entitlement, officer, reason, visited_at, position)
),
judged AS MATERIALIZED (
    SELECT b.*, e.village, e.version, paid.standing, f.any_before,
        CASE
            WHEN (f.officer, f.reason, f.visited_at) = (b.officer, b.reason, b.visited_at) THEN 'exists'
            WHEN f.officer IS NOT NULL THEN 'exists_with_different_facts'
            WHEN e.id IS NULL THEN 'unknown_entitlement'
            WHEN b.visited_at > %(at)s THEN 'visited_in_future'
            ELSE 'created'
        END AS outcome
    FROM batch AS b
    LEFT JOIN LATERAL (
        SELECT e.id, e.village, e.version FROM danom_entitlement AS e
        WHERE e.stage = %(stage)s AND e.branch = %(branch)s AND e.id = b.entitlement OFFSET 0
    ) AS e ON true
    LEFT JOIN LATERAL (
        SELECT max(officer) FILTER (WHERE x.id = b.id) AS officer, max(reason) FILTER (WHERE x.id = b.id) AS reason,
            max(visited_at) FILTER (WHERE x.id = b.id) AS visited_at, count(*) > 0 AS any_before
        FROM payments_failure AS x
        WHERE x.stage = %(stage)s AND x.branch = %(branch)s AND x.entitlement = b.entitlement
    ) AS f ON true
    LEFT JOIN LATERAL (
        SELECT true AS standing FROM payments_payment AS p
        LEFT JOIN payments_void AS v USING (stage, branch, entitlement, round)
        WHERE p.stage = %(stage)s AND p.branch = %(branch)s AND p.entitlement = b.entitlement AND v.id IS NULL LIMIT 1
    ) AS paid ON true
),
written AS (
    INSERT INTO payments_failure (stage, branch, entitlement, id, officer, reason, visited_at, recorded_at)
    SELECT %(stage)s, %(branch)s, entitlement, id, officer, reason, visited_at, %(at)s FROM judged WHERE outcome = 'created'
),
tallied AS (
    INSERT INTO payments_tally (stage, branch, village, version, day, recorded_day, failed)
    SELECT %(stage)s, %(branch)s, village, version, day, (%(at)s AT TIME ZONE local.zone)::date, count(*)
    FROM (
        SELECT DISTINCT ON (entitlement) village, version, (visited_at AT TIME ZONE local.zone)::date AS day
        FROM judged, local WHERE outcome = 'created' AND NOT any_before AND standing IS NULL ORDER BY entitlement, position
    ) AS newly_failed, local
    GROUP BY village, version, day, zone
    ON CONFLICT (stage, branch, village, version, day, recorded_day) DO UPDATE SET failed = payments_tally.failed + excluded.failed
)
SELECT outcome FROM judged ORDER BY position

-- name: void_payment
-- Take back the standing payment of an entitlement: the void, the tally and the way of the money back to the officer's float.
WITH local AS (SELECT timezone AS zone FROM offices_office WHERE id = %(branch)s),
standing AS (
    SELECT p.*, e.village, e.version,
        EXISTS (SELECT FROM payments_failure AS f WHERE (f.stage, f.branch, f.entitlement) = (p.stage, p.branch, p.entitlement)) AS failed
    FROM payments_payment AS p
    JOIN danom_entitlement AS e ON (e.stage, e.branch, e.id) = (p.stage, p.branch, p.entitlement)
    WHERE p.stage = %(stage)s AND p.branch = %(branch)s AND p.entitlement = %(entitlement)s AND p.id = %(payment)s
),
voided AS (
    INSERT INTO payments_void (stage, branch, entitlement, round, id, reason, voided_by, approved_by, voided_at, recorded_at)
    SELECT stage, branch, entitlement, round, %(id)s, %(reason)s, %(voided_by)s, %(approved_by)s, %(at)s, %(at)s FROM standing
    RETURNING round
),
tallied AS (
    INSERT INTO payments_tally (stage, branch, village, version, day, recorded_day, paid, paid_rp, failed)
    SELECT stage, branch, village, version, (%(at)s AT TIME ZONE local.zone)::date, (%(at)s AT TIME ZONE local.zone)::date,
        -1, -amount_rp, failed::integer
    FROM standing JOIN voided USING (round) CROSS JOIN local
    ON CONFLICT (stage, branch, village, version, day, recorded_day) DO UPDATE
    SET paid = payments_tally.paid + excluded.paid,
        paid_rp = payments_tally.paid_rp + excluded.paid_rp,
        failed = payments_tally.failed + excluded.failed
),
moves AS (
    SELECT %(id)s::uuid AS id, 'float/' || officer AS debit, 'paid' AS credit, amount_rp, %(at)s::timestamptz AS occurred_at
    FROM standing JOIN voided USING (round)
),
-- include: ledger.post
SELECT count(*) AS voided FROM voided

-- name: make_import_lines
-- Where the lines of another channel's file wait for their entitlements, until the transaction ends.
CREATE TEMPORARY TABLE payments_import_line (line integer, branch integer, entitlement uuid, family uuid) ON COMMIT DROP

-- name: drop_import_lines
-- The next file begins with a table of its own, also within one transaction.
DROP TABLE payments_import_line

-- name: analyze_import_lines
-- How many there are decides how they are matched.
ANALYZE payments_import_line

-- name: match_import
-- The entitlement of each line at the line's branch: by its id where it is given, else by the family.
SELECT l.line, e.id AS entitlement
FROM payments_import_line AS l
JOIN danom_entitlement AS e ON e.stage = %(stage)s AND e.branch = l.branch AND e.id = l.entitlement
UNION ALL
SELECT l.line, e.id
FROM payments_import_line AS l
JOIN danom_entitlement AS e ON e.stage = %(stage)s AND e.branch = l.branch AND e.family = l.family
WHERE l.entitlement IS NULL

-- name: recount_tally
-- Villages whose kept tally differs from a recount of payments, voids and failures.
WITH facts AS (
    SELECT stage, branch, entitlement, (paid_at AT TIME ZONE o.timezone)::date AS day, (recorded_at AT TIME ZONE o.timezone)::date AS recorded_day,
        1 AS paid, p.amount_rp AS paid_rp
    FROM payments_payment AS p JOIN offices_office AS o ON o.id = p.branch
    WHERE stage = %(stage)s
    UNION ALL
    SELECT v.stage, v.branch, v.entitlement, (v.voided_at AT TIME ZONE o.timezone)::date, (v.recorded_at AT TIME ZONE o.timezone)::date,
        -1, -p.amount_rp
    FROM payments_void AS v
    JOIN payments_payment AS p USING (stage, branch, entitlement, round)
    JOIN offices_office AS o ON o.id = v.branch
    WHERE v.stage = %(stage)s
),
recounted AS (
    SELECT e.branch, e.village, e.version, f.day, f.recorded_day, sum(f.paid) AS paid, sum(f.paid_rp) AS paid_rp
    FROM facts AS f JOIN danom_entitlement AS e ON (e.stage, e.branch, e.id) = (f.stage, f.branch, f.entitlement)
    GROUP BY e.branch, e.village, e.version, f.day, f.recorded_day
),
kept AS (
    SELECT branch, village, version, day, recorded_day, paid, paid_rp FROM payments_tally WHERE stage = %(stage)s
)
SELECT coalesce(k.branch, r.branch) AS branch, coalesce(k.village, r.village) AS village, coalesce(k.version, r.version) AS version,
    coalesce(k.day, r.day) AS day, coalesce(k.recorded_day, r.recorded_day) AS recorded_day,
    coalesce(k.paid, 0) AS paid, coalesce(k.paid_rp, 0)::bigint AS paid_rp,
    coalesce(r.paid, 0)::integer AS recounted_paid, coalesce(r.paid_rp, 0)::bigint AS recounted_paid_rp,
    (coalesce(k.paid, 0), coalesce(k.paid_rp, 0)) IS DISTINCT FROM (coalesce(r.paid, 0), coalesce(r.paid_rp, 0)) AS broken
FROM kept AS k
FULL JOIN recounted AS r USING (branch, village, version, day, recorded_day)

-- name: recount_failed
-- Villages whose kept number of failed families differs from a recount: visited without success and not paid to this day.
WITH recounted AS (
    SELECT e.branch, e.village, e.version, count(*) AS failed
    FROM danom_entitlement AS e
    WHERE e.stage = %(stage)s
        AND EXISTS (SELECT FROM payments_failure AS f WHERE (f.stage, f.branch, f.entitlement) = (e.stage, e.branch, e.id))
        AND NOT EXISTS (
            SELECT FROM payments_payment AS p
            WHERE (p.stage, p.branch, p.entitlement) = (e.stage, e.branch, e.id)
                AND NOT EXISTS (
                    SELECT FROM payments_void AS v
                    WHERE (v.stage, v.branch, v.entitlement, v.round) = (p.stage, p.branch, p.entitlement, p.round)
                )
        )
    GROUP BY e.branch, e.village, e.version
),
kept AS (
    SELECT branch, village, version, sum(failed) AS failed FROM payments_tally WHERE stage = %(stage)s GROUP BY branch, village, version
)
SELECT coalesce(k.branch, r.branch) AS branch, coalesce(k.village, r.village) AS village, coalesce(k.version, r.version) AS version,
    coalesce(k.failed, 0)::integer AS failed, coalesce(r.failed, 0)::integer AS recounted_failed
FROM kept AS k
FULL JOIN recounted AS r USING (branch, village, version)
WHERE coalesce(k.failed, 0) <> coalesce(r.failed, 0)

-- name: recount_money
-- Payments without their transfer, transfers to `paid` without their payment, or amounts that differ.
WITH transfers AS (
    SELECT stage, branch, id, amount_rp FROM ledger_transfer WHERE stage = %(stage)s AND debit = 'paid'
)
SELECT coalesce(p.branch, t.branch) AS branch, coalesce(p.id, t.id) AS id, p.amount_rp AS paid_rp, t.amount_rp AS moved_rp
FROM (SELECT stage, branch, id, amount_rp FROM payments_payment WHERE stage = %(stage)s) AS p
FULL JOIN transfers AS t USING (stage, branch, id)
WHERE p.amount_rp IS DISTINCT FROM t.amount_rp

-- name: recount_double
-- Entitlements with more than one standing payment, and payments of another amount than the entitlement's.
SELECT p.branch, p.entitlement, count(*) AS standing, max(p.amount_rp) AS paid_rp, max(e.amount_rp) AS owed_rp
FROM payments_payment AS p
LEFT JOIN payments_void AS v USING (stage, branch, entitlement, round)
LEFT JOIN danom_entitlement AS e ON (e.stage, e.branch, e.id) = (p.stage, p.branch, p.entitlement)
WHERE p.stage = %(stage)s AND v.id IS NULL
GROUP BY p.branch, p.entitlement
HAVING count(*) > 1 OR max(p.amount_rp) IS DISTINCT FROM max(e.amount_rp)

-- name: count_payments
-- How many payments of a stage the recounts looked at.
SELECT count(*) AS payments FROM payments_payment WHERE stage = %(stage)s
