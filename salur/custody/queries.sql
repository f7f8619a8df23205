-- name: write_movements
-- Write movements that are not known by their id or their paper; answers which were written. In the order of the papers' key, so that two
-- batches never wait for each other in a ring.
INSERT INTO custody_movement (id, stage_id, branch_id, officer_id, kind, amount_rp, visit, reference, given_by, offered_at, recorded_at)
SELECT id, stage, branch, officer, kind, amount_rp, visit, reference, given_by, offered_at, %(at)s
FROM unnest(
    %(ids)s::uuid[], %(stages)s::integer[], %(branches)s::integer[], %(officers)s::integer[], %(kinds)s::text[], %(amounts_rp)s::bigint[],
    %(visits)s::uuid[], %(references)s::text[], %(givers)s::text[], %(offered_at)s::timestamptz[]
) AS p(id, stage, branch, officer, kind, amount_rp, visit, reference, given_by, offered_at)
ORDER BY branch, stage, kind, reference
ON CONFLICT DO NOTHING
RETURNING id

-- name: movements_by_id
-- Movements that are known, with their answer.
SELECT m.id, m.stage_id AS stage, m.branch_id AS branch, m.officer_id AS officer, m.kind, m.amount_rp, m.reference, m.given_by, m.offered_at,
    r.answer, r.actor AS answered_by, r.reason
FROM custody_movement AS m
LEFT JOIN custody_reply AS r ON r.movement_id = m.id
WHERE m.id = ANY(%(ids)s::uuid[])

-- name: hold_movement
-- Take a movement until this transaction ends: its answer is this transaction's. Not FOR UPDATE, because nobody may update a fact.
SELECT pg_advisory_xact_lock(hashtextextended('movement ' || %(movement)s::uuid, 0))::text AS held

-- name: write_replies
-- The answers to movements.
INSERT INTO custody_reply (movement_id, answer, actor, reason, answered_at, recorded_at)
SELECT id, %(answer)s, actor, %(reason)s, answered_at, %(at)s
FROM unnest(%(ids)s::uuid[], %(actors)s::text[], %(answered_at)s::timestamptz[]) AS m(id, actor, answered_at)

-- name: carried_out
-- How much has been moved to carry out a case.
SELECT coalesce(sum(m.amount_rp), 0)::bigint AS amount_rp
FROM custody_movement AS m
LEFT JOIN custody_reply AS r ON r.movement_id = m.id
WHERE m.branch_id = %(branch)s AND m.reference = %(reference)s AND m.kind = ANY(%(kinds)s::text[])
    AND coalesce(r.answer, 'accepted') = 'accepted'

-- name: movements
-- A branch's movements (all branches' when none is named), the latest first; what is not asked for matches all.
SELECT m.id, s.code AS stage, o.code AS branch, p.code AS officer, m.kind, m.amount_rp, m.visit, m.reference, m.given_by, m.offered_at,
    coalesce(r.answer, 'offered') AS state, r.actor AS answered_by, r.reason, r.answered_at
FROM custody_movement AS m
JOIN programmes_stage AS s ON s.id = m.stage_id
JOIN offices_office AS o ON o.id = m.branch_id
LEFT JOIN offices_officer AS p ON p.id = m.officer_id
LEFT JOIN custody_reply AS r ON r.movement_id = m.id
WHERE (m.branch_id = %(branch)s OR %(branch)s::integer IS NULL)
    AND (coalesce(r.answer, 'offered') = %(state)s OR %(state)s::text IS NULL)
ORDER BY m.recorded_at DESC, m.id DESC
LIMIT %(limit)s

-- name: cash_at
-- What the books know now of the cash that an account of a branch held at a moment, all stages together.
SELECT coalesce(sum(CASE WHEN debit = %(account)s THEN amount_rp ELSE -amount_rp END), 0)::bigint AS balance_rp
FROM ledger_transfer
WHERE branch = %(branch)s AND (debit = %(account)s OR credit = %(account)s) AND occurred_at <= %(moment)s

-- name: counts
-- Counts of a branch (of all when none is named), the latest first.
SELECT c.id, o.code AS branch, p.code AS officer, c.day, c.counted_rp, c.expected_rp, c.counted_rp - c.expected_rp AS difference_rp,
    c.explanation, c.counted_by, c.witnessed_by, c.counted_at, k.id AS case_id
FROM custody_count AS c
JOIN offices_office AS o ON o.id = c.branch_id
LEFT JOIN offices_officer AS p ON p.id = c.officer_id
LEFT JOIN cases_case AS k ON k.kind = 'count_difference' AND k.subject = 'count/' || c.id
WHERE (c.branch_id = %(branch)s OR %(branch)s::integer IS NULL) AND (c.day = %(day)s OR %(day)s::date IS NULL)
ORDER BY c.counted_at DESC, c.id
LIMIT %(limit)s

-- name: explained_counts
-- Explained counts that are the last of their holder's day and have no case, with what the books know by now for their moment.
SELECT c.id, c.branch_id AS branch, c.officer_id AS officer, c.day, c.counted_rp, c.counted_by, c.explanation,
    (
        SELECT coalesce(sum(CASE WHEN t.debit = a.account THEN t.amount_rp ELSE -t.amount_rp END), 0)::bigint
        FROM ledger_transfer AS t
        WHERE t.branch = c.branch_id AND (t.debit = a.account OR t.credit = a.account) AND t.occurred_at <= c.counted_at
    ) AS expected_rp
FROM custody_count AS c
CROSS JOIN LATERAL (SELECT coalesce('float/' || c.officer_id, 'vault') AS account) AS a
WHERE c.explanation <> '' AND c.counted_rp <> c.expected_rp AND c.recorded_at < %(before)s
    AND NOT EXISTS (SELECT FROM cases_case AS k WHERE k.kind = 'count_difference' AND k.subject = 'count/' || c.id)
    AND NOT EXISTS (
        SELECT FROM custody_count AS later
        WHERE later.branch_id = c.branch_id AND later.officer_id IS NOT DISTINCT FROM c.officer_id AND later.day = c.day
            AND (later.counted_at, later.id) > (c.counted_at, c.id)
    )
ORDER BY c.counted_at, c.id

-- name: negative_cash
-- Vaults and floats that the books have below zero, each stage for itself.
SELECT a.stage, a.branch, a.code, a.debits_rp - a.credits_rp AS balance_rp, o.timezone
FROM ledger_account AS a
JOIN offices_office AS o ON o.id = a.branch
WHERE a.debits_rp < a.credits_rp AND (a.code = 'vault' OR a.code LIKE 'float/%%')
ORDER BY a.branch, a.stage, a.code

-- name: recount_mirror
-- Transfers between headquarters and a branch, in both books: the same id, amount and moment, the other way round. `branch` is null where
-- the branch's book has none, `hq_rp` where headquarters' has none.
WITH hq AS (
    SELECT t.stage, t.id, split_part(CASE WHEN t.debit LIKE 'branch/%%' THEN t.debit ELSE t.credit END, '/', 2)::integer AS branch,
        CASE WHEN t.debit LIKE 'branch/%%' THEN t.amount_rp ELSE -t.amount_rp END AS out_rp, t.occurred_at
    FROM ledger_transfer AS t
    WHERE t.branch = (SELECT min(id) FROM offices_office WHERE kind = 'HQ') AND (t.stage = %(stage)s OR %(stage)s::integer IS NULL) AND (t.debit LIKE 'branch/%%' OR t.credit LIKE 'branch/%%')
),
own AS (
    SELECT t.stage, t.id, t.branch, CASE WHEN t.credit = 'headquarters' THEN t.amount_rp ELSE -t.amount_rp END AS in_rp, t.occurred_at
    FROM ledger_transfer AS t
    WHERE (t.stage = %(stage)s OR %(stage)s::integer IS NULL) AND (t.debit = 'headquarters' OR t.credit = 'headquarters')
)
SELECT coalesce(hq.stage, own.stage) AS stage, coalesce(hq.id, own.id) AS id, hq.branch AS named, own.branch AS branch, hq.out_rp, own.in_rp,
    (hq.branch, hq.out_rp, hq.occurred_at) IS DISTINCT FROM (own.branch, own.in_rp, own.occurred_at) AS broken
FROM hq
FULL JOIN own USING (stage, id)
ORDER BY 1, 2

-- name: recount_movements
-- Every side that the books must have of an accepted movement, against the transfer that is there; and transfers of cash without one.
WITH sides AS (
    SELECT m.stage_id AS stage, CASE WHEN k.at_hq THEN hq.id ELSE m.branch_id END AS branch, m.id,
        replace(replace(replace(k.debit, 'HOLDER', coalesce('float/' || m.officer_id, 'vault')), 'OFFICER', coalesce(m.officer_id, 0)::text),
            'BRANCH', m.branch_id::text) AS debit,
        replace(replace(replace(k.credit, 'HOLDER', coalesce('float/' || m.officer_id, 'vault')), 'OFFICER', coalesce(m.officer_id, 0)::text),
            'BRANCH', m.branch_id::text) AS credit,
        m.amount_rp, r.answered_at AS occurred_at, r.recorded_at
    FROM custody_movement AS m
    JOIN custody_reply AS r ON r.movement_id = m.id AND r.answer = 'accepted'
    JOIN (VALUES
        ('fund', true, 'bank', 'ministry'),
        ('refund', true, 'ministry', 'bank'),
        ('supply', true, 'branch/BRANCH', 'bank'),
        ('supply', false, 'vault', 'headquarters'),
        ('return', true, 'bank', 'branch/BRANCH'),
        ('return', false, 'headquarters', 'vault'),
        ('hand_over', false, 'float/OFFICER', 'vault'),
        ('hand_back', false, 'vault', 'float/OFFICER'),
        ('repay', false, 'vault', 'suspense/OFFICER'),
        ('write_off', false, 'written-off', 'HOLDER'),
        ('write_off_suspense', false, 'written-off', 'suspense/OFFICER'),
        ('surplus', false, 'HOLDER', 'surplus')
    ) AS k(kind, at_hq, debit, credit) ON k.kind = m.kind
    CROSS JOIN (SELECT min(id) AS id FROM offices_office WHERE kind = 'HQ') AS hq
    WHERE m.stage_id = %(stage)s OR %(stage)s::integer IS NULL
),
booked AS (
    SELECT stage, branch, id, debit, credit, amount_rp, occurred_at, recorded_at FROM ledger_transfer
    WHERE (stage = %(stage)s OR %(stage)s::integer IS NULL)
        AND NOT (debit = 'paid' OR credit = 'paid' OR debit LIKE 'suspense/%%' AND credit LIKE 'float/%%')
)
SELECT coalesce(s.stage, b.stage) AS stage, coalesce(s.branch, b.branch) AS branch, coalesce(s.id, b.id) AS id,
    s.id IS NULL AS unsigned, b.id IS NULL AS unbooked,
    (s.debit, s.credit, s.amount_rp, s.occurred_at, s.recorded_at)
        IS DISTINCT FROM (b.debit, b.credit, b.amount_rp, b.occurred_at, b.recorded_at) AS broken
FROM sides AS s
FULL JOIN booked AS b USING (stage, branch, id)
ORDER BY 1, 2, 3

-- name: recount_signatures
-- Movements that were accepted by the one who gave, or withdrawn by another.
SELECT m.id, m.given_by, r.actor, r.answer,
    CASE r.answer WHEN 'withdrawn' THEN r.actor <> m.given_by ELSE r.actor = m.given_by END AS broken
FROM custody_movement AS m
JOIN custody_reply AS r ON r.movement_id = m.id
WHERE m.stage_id = %(stage)s OR %(stage)s::integer IS NULL
ORDER BY m.id

-- name: recount_counts
-- Counts that differ from the books, with their explanation or their case.
SELECT c.id, c.branch_id AS branch, c.counted_rp - c.expected_rp AS difference_rp, c.explanation = '' AND k.id IS NULL AS broken
FROM custody_count AS c
LEFT JOIN cases_case AS k ON k.kind = 'count_difference' AND k.subject = 'count/' || c.id
WHERE c.counted_rp <> c.expected_rp
ORDER BY c.id
