-- name: lock_device
-- One phone's messages are taken in one after the other: whoever holds this row holds the head of its chain.
SELECT d.id, d.branch_id AS branch, d.officer_id AS officer, d.public_key, d.last_seq, d.last_digest, d.last_stage_id AS last_stage,
    d.revoked_at, d.enrolled_at, d.persisted, d.last_happened_at, o.timezone
FROM field_device AS d JOIN offices_office AS o ON o.id = d.branch_id
WHERE d.id = %(device)s
FOR NO KEY UPDATE OF d

-- name: known_events
-- Events of a device that are here already, with the answer that counts for each.
SELECT e.seq, e.digest, e.id, coalesce(
        (
            SELECT a.answer FROM field_answer AS a
            WHERE (a.stage, a.branch, a.device, a.seq) = (e.stage, e.branch, e.device, e.seq) ORDER BY a.number DESC LIMIT 1
        ), e.answer) AS answer
FROM field_event AS e
WHERE e.branch = %(branch)s AND e.device = %(device)s AND e.seq BETWEEN %(first)s AND %(last)s

-- name: held_events
-- Events that came before the ones they follow, and wait; oldest first.
SELECT e.stage, e.seq, e.body, e.signature, e.digest, e.received_at
FROM field_event AS e
WHERE e.branch = %(branch)s AND e.device = %(device)s AND e.seq > %(after)s AND e.answer = 'HELD_GAP'
    AND NOT EXISTS (SELECT FROM field_answer AS a WHERE (a.stage, a.branch, a.device, a.seq) = (e.stage, e.branch, e.device, e.seq))
ORDER BY e.seq

-- name: leases
-- The work lists that a batch of events names, as far as they are this device's.
SELECT id, stage_id AS stage, branch_id AS branch, officer_id AS officer, expires_at, ended_at
FROM field_lease
WHERE device_id = %(device)s AND id = ANY (%(leases)s::uuid[])

-- name: assigned
-- Which of the named families are on which of the named work lists.
SELECT a.lease, a.entitlement
FROM unnest(%(leases)s::uuid[], %(entitlements)s::uuid[]) AS b(lease, entitlement)
JOIN field_assignment AS a
    ON a.stage = %(stage)s AND a.branch = %(branch)s AND a.entitlement = b.entitlement AND a.lease = b.lease

-- name: write_events
-- Write down what a phone said, with the answer it gets.
INSERT INTO field_event (stage, branch, device, seq, id, kind, body, signature, digest, received_at, happened_at, answer, flags)
SELECT stage, %(branch)s, %(device)s, seq, id, kind, body, signature, digest, %(at)s, happened_at, answer, string_to_array(flags, ',')
FROM unnest(
    %(stages)s::integer[], %(seqs)s::bigint[], %(ids)s::uuid[], %(kinds)s::text[], %(bodies)s::bytea[], %(signatures)s::bytea[],
    %(digests)s::bytea[], %(happened_at)s::timestamptz[], %(answers)s::text[], %(flags)s::text[]
) AS b(stage, seq, id, kind, body, signature, digest, happened_at, answer, flags)

-- name: write_later_answers
-- What became of events that had to wait.
INSERT INTO field_answer (stage, branch, device, seq, number, answer, answered_at)
SELECT b.stage, %(branch)s, %(device)s, b.seq, coalesce((
        SELECT max(a.number) FROM field_answer AS a
        WHERE (a.stage, a.branch, a.device, a.seq) = (b.stage, %(branch)s, %(device)s, b.seq)
    ), 0) + 1, b.answer, %(at)s
FROM unnest(%(stages)s::integer[], %(seqs)s::bigint[], %(answers)s::text[]) AS b(stage, seq, answer)

-- name: move_head
-- The chain goes on from here.
UPDATE field_device
SET last_seq = %(last_seq)s, last_digest = %(last_digest)s, last_stage_id = %(last_stage)s, last_seen_at = %(at)s,
    last_happened_at = %(happened_at)s, last_skew_ms = coalesce(%(skew_ms)s, last_skew_ms), unsent = %(unsent)s, app = coalesce(nullif(%(app)s, ''), app)
WHERE id = %(device)s

-- name: assign
-- Put families on a work list, in the order given; a family on another live list breaks the key.
INSERT INTO field_assignment (stage, branch, entitlement, lease, position)
SELECT %(stage)s, %(branch)s, b.entitlement, %(lease)s, b.position
FROM unnest(%(entitlements)s::uuid[]) WITH ORDINALITY AS b(entitlement, position)

-- name: sum_of_families
-- How many of the given entitlements are there and unpaid, and what they are owed.
SELECT count(*) AS families, coalesce(sum(e.amount_rp), 0)::bigint AS amount_rp
FROM danom_entitlement AS e
WHERE e.stage = %(stage)s AND e.branch = %(branch)s AND e.id = ANY (%(entitlements)s::uuid[])

-- name: free_families
-- End a work list: its families may go on another one.
UPDATE field_assignment SET live = false WHERE stage = %(stage)s AND branch = %(branch)s AND lease = %(lease)s AND live

-- name: work_list
-- The families of a lease, in its order, with all the phone may know: no full NIK, no family card number.
SELECT a.position, e.id AS asg, e.number, f.name, f.birth_date, f.sex, f.address, f.rt, f.rw, e.village, e.amount_rp, e.held,
    f.id AS family, f.branch AS family_branch, p.id IS NOT NULL AS paid
FROM field_assignment AS a
JOIN danom_entitlement AS e ON (e.stage, e.branch, e.id) = (a.stage, a.branch, a.entitlement)
JOIN registry_family AS f ON f.id = e.family AND f.branch = e.branch
LEFT JOIN LATERAL (
    SELECT p.id FROM payments_payment AS p
    LEFT JOIN payments_void AS v USING (stage, branch, entitlement, round)
    WHERE (p.stage, p.branch, p.entitlement) = (e.stage, e.branch, e.id) AND v.id IS NULL LIMIT 1
) AS p ON true
WHERE a.stage = %(stage)s AND a.branch = %(branch)s AND a.lease = %(lease)s
ORDER BY a.position

-- name: recount_chains
-- Devices whose chain has a hole or whose head differs from its last event; held events beyond the head are not counted.
SELECT d.id AS device, d.branch_id AS branch, d.last_seq, count(e.seq) AS events, max(e.seq) AS highest,
    bool_and(e.digest = d.last_digest) FILTER (WHERE e.seq = d.last_seq) AS head_matches
FROM field_device AS d
LEFT JOIN field_event AS e ON e.branch = d.branch_id AND e.device = d.id AND e.seq <= d.last_seq
GROUP BY d.id, d.branch_id, d.last_seq
HAVING count(e.seq) <> d.last_seq OR (d.last_seq > 0 AND NOT coalesce(bool_and(e.digest = d.last_digest) FILTER (WHERE e.seq = d.last_seq), false))
