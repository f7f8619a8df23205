-- name: post
-- A part of a statement, not one by itself: given moves(id, debit, credit, amount_rp, occurred_at), write the transfers and the balances.
-- Accounts are made when first used, and touched in the order of their codes, so that two batches never wait for each other in a ring.
posted AS (
    INSERT INTO ledger_transfer (stage, branch, id, debit, credit, amount_rp, occurred_at, recorded_at)
    SELECT %(stage)s, %(branch)s, id, debit, credit, amount_rp, occurred_at, %(at)s
    FROM moves
),
balanced AS (
    INSERT INTO ledger_account (stage, branch, code, debits_rp, credits_rp)
    SELECT %(stage)s, %(branch)s, code, sum(debit_rp), sum(credit_rp)
    FROM (SELECT debit, credit, sum(amount_rp) AS amount_rp FROM moves GROUP BY debit, credit) AS ways
    CROSS JOIN LATERAL (VALUES (debit, amount_rp, 0), (credit, 0, amount_rp)) AS sides(code, debit_rp, credit_rp)
    GROUP BY code
    ORDER BY code
    ON CONFLICT (stage, branch, code) DO UPDATE
    SET debits_rp = ledger_account.debits_rp + excluded.debits_rp,
        credits_rp = ledger_account.credits_rp + excluded.credits_rp
)

-- name: post_moves
-- Move money between accounts of one book; a move whose id is known is not made again.
WITH batch AS (
    SELECT * FROM unnest(%(ids)s::uuid[], %(debits)s::text[], %(credits)s::text[], %(amounts_rp)s::bigint[], %(occurred_at)s::timestamptz[])
        WITH ORDINALITY AS b(id, debit, credit, amount_rp, occurred_at, position)
),
judged AS (
    SELECT b.*, CASE
            WHEN (t.debit, t.credit, t.amount_rp, t.occurred_at) = (b.debit, b.credit, b.amount_rp, b.occurred_at) THEN 'exists'
            WHEN t.id IS NOT NULL THEN 'exists_with_different_facts'
            ELSE 'created'
        END AS outcome
    FROM batch AS b
    LEFT JOIN ledger_transfer AS t ON t.stage = %(stage)s AND t.branch = %(branch)s AND t.id = b.id
),
moves AS (SELECT * FROM judged WHERE outcome = 'created'),
-- include: ledger.post
SELECT outcome FROM judged ORDER BY position

-- name: balances
-- The balance of every account of a stage's books; all books together when no stage is named.
SELECT a.stage, a.branch, a.code, a.debits_rp, a.credits_rp, a.debits_rp - a.credits_rp AS balance_rp
FROM ledger_account AS a
WHERE a.stage = %(stage)s OR %(stage)s::integer IS NULL
ORDER BY a.stage, a.branch, a.code

-- name: balances_as_of
-- The same as the books stood at a past moment, counted from the transfers recorded by then.
SELECT stage, branch, code, sum(debit_rp)::bigint AS debits_rp, sum(credit_rp)::bigint AS credits_rp,
    sum(debit_rp - credit_rp)::bigint AS balance_rp
FROM (
    SELECT stage, branch, debit AS code, amount_rp AS debit_rp, 0::bigint AS credit_rp
    FROM ledger_transfer
    WHERE (stage = %(stage)s OR %(stage)s::integer IS NULL) AND recorded_at <= %(as_of)s AND occurred_at <= %(as_of)s
    UNION ALL
    SELECT stage, branch, credit, 0, amount_rp
    FROM ledger_transfer
    WHERE (stage = %(stage)s OR %(stage)s::integer IS NULL) AND recorded_at <= %(as_of)s AND occurred_at <= %(as_of)s
) AS sides
GROUP BY stage, branch, code
ORDER BY stage, branch, code

-- name: recount_balances
-- Accounts whose kept balance differs from the sum of their transfers; the first row counts what was looked at.
WITH recounted AS (
    SELECT stage, branch, code, sum(debit_rp) AS debits_rp, sum(credit_rp) AS credits_rp
    FROM (
        SELECT stage, branch, debit AS code, amount_rp AS debit_rp, 0::bigint AS credit_rp FROM ledger_transfer
        WHERE stage = %(stage)s OR %(stage)s::integer IS NULL
        UNION ALL
        SELECT stage, branch, credit, 0, amount_rp FROM ledger_transfer
        WHERE stage = %(stage)s OR %(stage)s::integer IS NULL
    ) AS sides
    GROUP BY stage, branch, code
),
kept AS (SELECT * FROM ledger_account WHERE stage = %(stage)s OR %(stage)s::integer IS NULL)
SELECT coalesce(k.stage, r.stage) AS stage, coalesce(k.branch, r.branch) AS branch, coalesce(k.code, r.code) AS code,
    coalesce(k.debits_rp, 0)::bigint AS debits_rp, coalesce(k.credits_rp, 0)::bigint AS credits_rp,
    coalesce(r.debits_rp, 0)::bigint AS recounted_debits_rp, coalesce(r.credits_rp, 0)::bigint AS recounted_credits_rp,
    (coalesce(k.debits_rp, 0), coalesce(k.credits_rp, 0)) IS DISTINCT FROM (coalesce(r.debits_rp, 0), coalesce(r.credits_rp, 0)) AS broken
FROM kept AS k
FULL JOIN recounted AS r ON (r.stage, r.branch, r.code) = (k.stage, k.branch, k.code)
ORDER BY 1, 2, 3
