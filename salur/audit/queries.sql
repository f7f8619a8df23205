-- name: take_chain
-- The end of a branch's chain, taken by this transaction; a branch's first entry makes it. Who comes second waits and sees the first's end.
INSERT INTO audit_chain (branch, number, day, digest, seal) VALUES (%(branch)s, 0, NULL, %(beginning)s, '')
ON CONFLICT (branch) DO UPDATE SET branch = excluded.branch
RETURNING number, day, digest

-- name: append
-- Write entries and move the chain's end, in one statement.
WITH entries AS (
    INSERT INTO audit_entry (branch, number, day, at, actor, verb, subject, facts, digest)
    SELECT %(branch)s, number, %(day)s, at, actor, verb, subject, facts, digest
    FROM unnest(
        %(numbers)s::bigint[], %(moments)s::timestamptz[], %(actors)s::text[], %(verbs)s::text[], %(subjects)s::text[],
        %(facts)s::text[]::jsonb[], %(digests)s::bytea[]
    ) AS e(number, at, actor, verb, subject, facts, digest)
)
UPDATE audit_chain SET number = %(number)s, day = %(day)s, digest = %(digest)s, seal = %(seal)s WHERE branch = %(branch)s

-- name: chains
-- The branches that have a chain or, when somebody took the chain's end away, entries.
SELECT branch FROM audit_chain WHERE branch = %(branch)s OR %(branch)s::integer IS NULL
UNION
SELECT DISTINCT branch FROM audit_entry WHERE branch = %(branch)s OR %(branch)s::integer IS NULL
ORDER BY branch

-- name: hold_chain
-- The end of a chain, held so that nobody adds an entry while the last ones are looked at.
SELECT number, day, digest, seal FROM audit_chain WHERE branch = %(branch)s FOR SHARE

-- name: entries_after
-- A page of a branch's entries in the order of the chain.
SELECT branch, number, day, at, actor, verb, subject, facts, digest
FROM audit_entry
WHERE branch = %(branch)s AND number > %(number)s
ORDER BY number
LIMIT %(limit)s

-- name: heads
-- The last entry of each chain on or before the end of a day: what the day's report prints.
SELECT DISTINCT ON (branch) branch, number, day, digest
FROM audit_entry
WHERE day <= %(day)s
ORDER BY branch, number DESC

-- name: entries
-- The latest entries that match; what is not asked for matches all.
SELECT branch, number, day, at, actor, verb, subject, facts
FROM audit_entry
WHERE (branch = %(branch)s OR %(branch)s::integer IS NULL)
    AND (day = %(day)s OR %(day)s::date IS NULL)
    AND (actor = %(actor)s OR %(actor)s::text IS NULL)
    AND (verb = %(verb)s OR %(verb)s::text IS NULL)
    AND (subject = %(subject)s OR %(subject)s::text IS NULL)
ORDER BY at DESC, branch, number DESC
LIMIT %(limit)s
