-- name: villages
-- The villages of today's register, by code, and whether an office serves them.
SELECT a.code, c.village IS NOT NULL AS served
FROM areas_area AS a LEFT JOIN offices_coverage AS c ON c.village = a.code
WHERE a.level = 4 AND a.last_vintage = (SELECT max(code) FROM areas_vintage)
ORDER BY a.code;

-- name: entitlements
-- A branch's list in the order of the ministry's file: what a campaign is played over.
SELECT id, village, amount_rp FROM danom_entitlement WHERE stage = %(stage)s AND branch = %(branch)s ORDER BY version, line

-- name: branch
-- A branch by its code.
SELECT id, name, timezone FROM offices_office WHERE code = %(code)s AND kind IN ('KC', 'KCU')

-- name: branches_of_list
-- The branches of a stage's approved list: how many families each has, what they are owed, in which kabupaten, and whether some were paid.
SELECT o.code, o.name, sum(t.lines)::integer AS families, array_agg(DISTINCT (t.village / 1000000)::integer) AS kabupaten,
    EXISTS (SELECT FROM payments_payment AS p WHERE p.stage = %(stage)s AND p.branch = t.branch) AS begun
FROM danom_tally AS t JOIN offices_office AS o ON o.id = t.branch
WHERE t.stage = %(stage)s AND t.lines > 0
GROUP BY t.branch, o.code, o.name
ORDER BY o.code

-- name: amount_of_list
-- What a stage's approved list owes.
SELECT coalesce(sum(amount_rp), 0)::bigint AS amount_rp FROM danom_tally WHERE stage = %(stage)s

-- name: village_places
-- The middle of villages, by code; where it is not known, that of the sea south of Java.
SELECT code, coalesce(lat, -8.9) AS lat, coalesce(lng, 113.0) AS lng FROM areas_area WHERE code = ANY(%(villages)s::bigint[]) ORDER BY code

-- name: vault_of_branch
-- What a branch's vault holds by the books, all stages together.
SELECT coalesce(sum(debits_rp - credits_rp), 0)::bigint AS balance_rp FROM ledger_account WHERE branch = %(branch)s AND code = 'vault'

-- name: vault_of_stage
-- The same of one stage.
SELECT coalesce(sum(debits_rp - credits_rp), 0)::bigint AS balance_rp
FROM ledger_account WHERE branch = %(branch)s AND stage = %(stage)s AND code = 'vault'

-- name: transfers_after
-- The next transfers of a stage by office and id, as text without anything that another home or another delivery would make different.
WITH named AS (
    SELECT o.code AS office, t.id, t.branch, t.occurred_at, t.amount_rp, t.debit, t.credit
    FROM ledger_transfer AS t JOIN offices_office AS o ON o.id = t.branch
    WHERE t.stage = %(stage)s AND (o.code, t.id) > (%(office)s, %(id)s)
    ORDER BY o.code, t.id LIMIT 20000
)
SELECT office, n.id, concat_ws('|', office, CASE WHEN v.id IS NULL THEN n.id::text ELSE 'void' END, extract(epoch FROM occurred_at), amount_rp,
    split_part(debit, '/', 1), d.code, split_part(credit, '/', 1), c.code) AS line
FROM named AS n
LEFT JOIN payments_void AS v ON v.stage = %(stage)s AND v.branch = n.branch AND v.id = n.id
LEFT JOIN offices_officer AS d ON d.id = CASE WHEN debit ~ '^(float|suspense)/' THEN split_part(debit, '/', 2)::integer END
LEFT JOIN offices_officer AS c ON c.id = CASE WHEN credit ~ '^(float|suspense)/' THEN split_part(credit, '/', 2)::integer END
ORDER BY office, n.id
