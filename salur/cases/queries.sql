-- name: open_cases
-- Open what is not open yet, with its first event; what was found before is left as it is. In the order of the unique key, so that two
-- who find the same things never wait for each other in a ring.
WITH found AS (
    SELECT * FROM unnest(
        %(ids)s::uuid[], %(kinds)s::text[], %(subjects)s::text[], %(branches)s::integer[], %(stages)s::integer[], %(amounts_rp)s::bigint[],
        %(makers)s::text[], %(facts)s::text[]::jsonb[], %(roles)s::text[]
    ) WITH ORDINALITY AS f(id, kind, subject, branch, stage, amount_rp, maker, facts, role, position)
),
opened AS (
    INSERT INTO cases_case (id, kind, subject, branch, stage, amount_rp, maker, facts, opened_by, opened_at)
    SELECT id, kind, subject, branch, stage, amount_rp, maker, facts, %(actor)s, %(at)s FROM found ORDER BY kind, subject, position
    ON CONFLICT ON CONSTRAINT cases_case_opened_once DO NOTHING
    RETURNING id
),
events AS (
    INSERT INTO cases_event (case_id, number, act, role, office, decision, reason, actor, at)
    SELECT id, 1, 'opened', role, branch, '', '', %(actor)s, %(at)s FROM opened JOIN found USING (id)
)
SELECT id FROM opened

-- name: known_cases
-- The cases of given kinds and subjects.
SELECT c.id, c.kind, c.subject
FROM unnest(%(kinds)s::text[], %(subjects)s::text[]) AS f(kind, subject)
JOIN cases_case AS c USING (kind, subject)

-- name: hold_case
-- Take a case until this transaction ends: its next event is this transaction's. Not FOR UPDATE, because nobody may update a fact.
SELECT pg_advisory_xact_lock(hashtextextended('case ' || %(case)s::uuid, 0))::text AS held

-- name: case
-- One case, as it was found.
SELECT c.id, c.kind, c.subject, c.branch, c.stage, c.amount_rp, c.maker, c.opened_by FROM cases_case AS c WHERE c.id = %(case)s

-- name: events
-- Everything that happened to a case, in order.
SELECT number, act, role, office, decision, reason, actor, at FROM cases_event WHERE case_id = %(case)s ORDER BY number

-- name: write_event
-- One more thing that happened to a case.
INSERT INTO cases_event (case_id, number, act, role, office, decision, reason, actor, at)
VALUES (%(case)s, %(number)s, %(act)s, %(role)s, %(office)s, %(decision)s, %(reason)s, %(actor)s, %(at)s)

-- name: cases
-- Cases with their state and with whom they lie, the oldest first; what is not asked for matches all.
SELECT c.id, c.kind, c.subject, c.branch, c.stage, c.amount_rp, c.maker, c.facts, c.opened_by, c.opened_at,
    CASE WHEN last.act = 'decided' THEN 'decided' ELSE 'open' END AS state, lies.role, lies.office, lies.at AS assigned_at,
    CASE WHEN last.act = 'decided' THEN last.decision END AS decision,
    CASE WHEN last.act = 'decided' THEN last.reason END AS reason,
    CASE WHEN last.act = 'decided' THEN last.actor END AS decided_by,
    CASE WHEN last.act = 'decided' THEN last.at END AS decided_at
FROM cases_case AS c
CROSS JOIN LATERAL (
    SELECT act, decision, reason, actor, at FROM cases_event AS e
    WHERE e.case_id = c.id AND e.act <> 'noted' ORDER BY number DESC LIMIT 1
) AS last
CROSS JOIN LATERAL (
    SELECT role, office, at FROM cases_event AS e
    WHERE e.case_id = c.id AND e.act IN ('opened', 'assigned') ORDER BY number DESC LIMIT 1
) AS lies
WHERE (c.id = %(case)s OR %(case)s::uuid IS NULL)
    AND (c.branch = ANY(%(branches)s::integer[]) OR %(branches)s::integer[] IS NULL)
    AND (c.kind = %(kind)s OR %(kind)s::text IS NULL)
    AND (c.stage = %(stage)s OR %(stage)s::integer IS NULL)
    AND (lies.role = %(role)s OR %(role)s::text IS NULL)
    AND (lies.office = %(office)s OR %(office)s::integer IS NULL)
    AND ((last.act = 'decided') = %(decided)s OR %(decided)s::boolean IS NULL)
ORDER BY c.opened_at, c.id
LIMIT %(limit)s

-- name: count_cases
-- How many cases there are, in each kind and state.
SELECT c.kind, last.act = 'decided' AS decided, count(*) AS cases, coalesce(sum(c.amount_rp), 0)::bigint AS amount_rp
FROM cases_case AS c
CROSS JOIN LATERAL (
    SELECT act FROM cases_event AS e WHERE e.case_id = c.id AND e.act <> 'noted' ORDER BY number DESC LIMIT 1
) AS last
WHERE c.branch = ANY(%(branches)s::integer[]) OR %(branches)s::integer[] IS NULL
GROUP BY c.kind, decided
ORDER BY c.kind, decided

-- name: recount_events
-- Cases whose events do not count from 1 without a gap, or whose events do not follow from one another.
WITH numbered AS (
    SELECT case_id, number, act, row_number() OVER (PARTITION BY case_id ORDER BY number) AS place,
        lag(act) OVER (PARTITION BY case_id, act = 'noted' ORDER BY number) AS before
    FROM cases_event
)
SELECT c.id,
    coalesce(bool_or(n.number <> n.place), true) AS gaps,
    coalesce(bool_or(CASE n.act
        WHEN 'opened' THEN n.number <> 1
        WHEN 'reopened' THEN n.before IS DISTINCT FROM 'decided'
        WHEN 'noted' THEN false
        ELSE n.before IS NULL OR n.before = 'decided'
    END), true) AS out_of_turn
FROM cases_case AS c
LEFT JOIN numbered AS n ON n.case_id = c.id
GROUP BY c.id
ORDER BY c.id

-- name: recount_decisions
-- Cases about money, decided by who opened them or whose act they look into.
SELECT c.id, c.kind, e.number, e.actor, e.actor IN (c.opened_by, c.maker) AS alone
FROM cases_event AS e
JOIN cases_case AS c ON c.id = e.case_id
WHERE e.act = 'decided' AND c.kind = ANY(%(money_kinds)s::text[])
ORDER BY c.id, e.number
