-- name: key_of_device
-- The public key that a phone was enrolled with.
SELECT public_key FROM field_device WHERE id = %(device)s

-- name: lock_device
-- One phone's messages are taken in one after the other: whoever holds this row holds the head of its chain.
-- A phone that never had a work list speaks of the newest stage that its branch has a list of.
SELECT d.id, d.branch_id AS branch, d.officer_id AS officer, d.last_seq, d.last_digest, d.highest_seq,
    coalesce(d.last_stage_id, (SELECT max(t.stage) FROM danom_tally AS t WHERE t.branch = d.branch_id)) AS last_stage,
    d.revoked_at, d.enrolled_at, d.persisted, d.last_happened_at
FROM field_device AS d
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

-- name: places
-- The work lists of this device that a batch names, and the positions in the batch whose family is on the list it names.
SELECT l.id, l.stage_id AS stage, least(l.expires_at, l.ended_at) AS ends,
    coalesce(array_agg(b.position::integer) FILTER (WHERE a.listed), '{}') AS listed
FROM unnest(%(leases)s::uuid[], %(entitlements)s::uuid[]) WITH ORDINALITY AS b(lease, entitlement, position)
JOIN field_lease AS l ON l.id = b.lease AND l.device_id = %(device)s
LEFT JOIN LATERAL (
    SELECT true AS listed FROM field_assignment AS a
    WHERE a.stage = l.stage_id AND a.branch = l.branch_id AND a.entitlement = b.entitlement AND a.lease = b.lease OFFSET 0
) AS a ON true
GROUP BY l.id

-- name: write_events
-- Write down what a phone said, with the answer it gets, and which photos it owes from now on.
WITH owed AS (
    INSERT INTO field_photo (stage, branch, device, seq, sha256, kind, bytes)
    SELECT stage, %(branch)s, %(device)s, seq, sha256, kind, bytes
    FROM unnest(
        %(photo_stages)s::integer[], %(photo_seqs)s::bigint[], %(photo_sha256s)s::bytea[], %(photo_kinds)s::text[], %(photo_sizes)s::integer[]
    ) AS p(stage, seq, sha256, kind, bytes)
    ON CONFLICT DO NOTHING
)
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
SET last_seq = %(last_seq)s, last_digest = %(last_digest)s, highest_seq = %(highest_seq)s,
    last_stage_id = coalesce(%(last_stage)s, last_stage_id), last_seen_at = %(at)s,
    last_happened_at = coalesce(%(happened_at)s, last_happened_at), last_skew_ms = coalesce(%(skew_ms)s, last_skew_ms),
    unsent = %(unsent)s, app = coalesce(nullif(%(app)s, ''), app)
WHERE id = %(device)s

-- name: owed_photos
-- Which of the named photos an event of this device speaks of, and whether each is stored.
SELECT DISTINCT p.sha256, b.sha256 IS NOT NULL AS stored
FROM unnest(%(sha256s)s::bytea[]) AS asked(sha256)
JOIN field_photo AS p ON p.device = %(device)s AND p.sha256 = asked.sha256
LEFT JOIN field_blob AS b ON b.sha256 = p.sha256

-- name: store_photo
-- A photo is durable in the store.
INSERT INTO field_blob (sha256, bytes, device, stored_at) VALUES (%(sha256)s, %(bytes)s, %(device)s, %(at)s)
ON CONFLICT (sha256) DO NOTHING

-- name: changes
-- What became known since a moment about the families of a device's live lists: paid, taken back, held.
SELECT a.entitlement AS asg, a.lease AS wl, e.amount_rp, e.held, p.id IS NOT NULL AND v.id IS NULL AS paid
FROM field_lease AS l
JOIN field_assignment AS a ON a.stage = l.stage_id AND a.branch = l.branch_id AND a.lease = l.id AND a.live
JOIN danom_entitlement AS e ON (e.stage, e.branch, e.id) = (a.stage, a.branch, a.entitlement)
LEFT JOIN LATERAL (
    SELECT p.id, p.round, p.recorded_at FROM payments_payment AS p
    WHERE (p.stage, p.branch, p.entitlement) = (e.stage, e.branch, e.id) ORDER BY p.round DESC LIMIT 1
) AS p ON true
LEFT JOIN payments_void AS v ON (v.stage, v.branch, v.entitlement, v.round) = (e.stage, e.branch, e.id, p.round)
WHERE l.device_id = %(device)s AND l.ended_at IS NULL AND l.expires_at > %(at)s
    AND (e.held OR greatest(p.recorded_at, v.recorded_at) > %(since)s)
ORDER BY l.issued_at, a.position

-- name: count_devices
-- How many chains the recount looked at.
SELECT count(*) AS devices FROM field_device

-- name: recount_cash
-- By officer: what phones told of as paid (events of their unbroken chains) and what of it moved, as paid or into suspense.
WITH told AS (
    SELECT e.stage, e.branch, d.officer_id AS officer, e.id, e.digest, (convert_from(e.body, 'UTF8')::json ->> 'amt')::bigint AS amount_rp
    FROM field_event AS e JOIN field_device AS d ON d.id = e.device
    WHERE e.kind = 'PAY' AND e.seq <= d.last_seq
),
moved AS (
    SELECT t.branch, t.id, t.amount_rp FROM ledger_transfer AS t WHERE t.debit = 'paid' OR starts_with(t.debit, 'suspense/')
)
SELECT told.stage, told.branch, told.officer, count(*) AS told, sum(told.amount_rp)::bigint AS told_rp,
    coalesce(sum(coalesce(other.amount_rp, moved.amount_rp)), 0)::bigint AS moved_rp
FROM told
LEFT JOIN moved USING (branch, id)
-- Where an id had moved other money before, the transfer has an id made of the event's hash.
LEFT JOIN moved AS other ON other.branch = told.branch AND other.id = encode(substr(told.digest, 1, 16), 'hex')::uuid
GROUP BY told.stage, told.branch, told.officer

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
JOIN registry_family AS f ON f.stage = e.stage AND f.id = e.family AND f.branch = e.branch
LEFT JOIN LATERAL (
    SELECT p.id FROM payments_payment AS p
    LEFT JOIN payments_void AS v USING (stage, branch, entitlement, round)
    WHERE (p.stage, p.branch, p.entitlement) = (e.stage, e.branch, e.id) AND v.id IS NULL LIMIT 1
) AS p ON true
WHERE a.stage = %(stage)s AND a.branch = %(branch)s AND a.lease = %(lease)s
ORDER BY a.position

-- name: villages_of_list
-- Where the families of a lease live.
SELECT DISTINCT e.village
FROM field_assignment AS a
JOIN danom_entitlement AS e ON (e.stage, e.branch, e.id) = (a.stage, a.branch, a.entitlement)
WHERE a.stage = %(stage)s AND a.branch = %(branch)s AND a.lease = %(lease)s
ORDER BY e.village

-- name: recount_chains
-- Devices whose chain has a hole or whose head differs from its last event; held events beyond the head are not counted.
SELECT d.id AS device, d.branch_id AS branch, d.last_seq, count(e.seq) AS events, max(e.seq) AS highest,
    bool_and(e.digest = d.last_digest) FILTER (WHERE e.seq = d.last_seq) AS head_matches
FROM field_device AS d
LEFT JOIN field_event AS e ON e.branch = d.branch_id AND e.device = d.id AND e.seq <= d.last_seq
GROUP BY d.id, d.branch_id, d.last_seq
HAVING count(e.seq) <> d.last_seq OR (d.last_seq > 0 AND NOT coalesce(bool_and(e.digest = d.last_digest) FILTER (WHERE e.seq = d.last_seq), false))

-- name: next_families
-- Families of a branch that are unpaid, not held and on no live list, in the order of their addresses; an empty list of villages is all.
SELECT e.id
FROM danom_entitlement AS e
LEFT JOIN registry_family AS f ON f.stage = e.stage AND f.id = e.family AND f.branch = e.branch
WHERE e.stage = %(stage)s AND e.branch = %(branch)s AND NOT e.held
    AND (cardinality(%(villages)s::bigint[]) = 0 OR e.village = ANY (%(villages)s::bigint[]))
    AND NOT EXISTS (
        SELECT FROM field_assignment AS a
        WHERE a.stage = e.stage AND a.branch = e.branch AND a.entitlement = e.id AND a.live
    )
    AND NOT EXISTS (
        SELECT FROM payments_payment AS p
        WHERE (p.stage, p.branch, p.entitlement) = (e.stage, e.branch, e.id) AND NOT EXISTS (
            SELECT FROM payments_void AS v WHERE (v.stage, v.branch, v.entitlement, v.round) = (p.stage, p.branch, p.entitlement, p.round)
        )
    )
ORDER BY e.village, f.rw, f.rt, f.address, f.name, e.line
LIMIT %(most)s

-- name: state_of_families
-- Of each of these families: what it is owed, whether it is held, on a live list, or paid.
SELECT e.id, e.amount_rp, e.held,
    EXISTS (
        SELECT FROM field_assignment AS a
        WHERE a.stage = e.stage AND a.branch = e.branch AND a.entitlement = e.id AND a.live
    ) AS listed,
    EXISTS (
        SELECT FROM payments_payment AS p
        WHERE (p.stage, p.branch, p.entitlement) = (e.stage, e.branch, e.id) AND NOT EXISTS (
            SELECT FROM payments_void AS v WHERE (v.stage, v.branch, v.entitlement, v.round) = (p.stage, p.branch, p.entitlement, p.round)
        )
    ) AS paid
FROM danom_entitlement AS e
WHERE e.stage = %(stage)s AND e.branch = %(branch)s AND e.id = ANY (%(entitlements)s::uuid[])

-- name: left_to_hand_out
-- By stage and village: families of a branch that are unpaid, not held and on no live list.
SELECT s.id AS stage, s.code AS stage_code, e.village, v.name AS village_name, count(*) AS families, sum(e.amount_rp)::bigint AS amount_rp
FROM programmes_stage AS s
JOIN danom_entitlement AS e ON e.stage = s.id AND e.branch = %(branch)s AND NOT e.held
LEFT JOIN areas_area AS v ON v.code = e.village
WHERE NOT EXISTS (
        SELECT FROM field_assignment AS a
        WHERE a.stage = e.stage AND a.branch = e.branch AND a.entitlement = e.id AND a.live
    )
    AND NOT EXISTS (
        SELECT FROM payments_payment AS p
        WHERE (p.stage, p.branch, p.entitlement) = (e.stage, e.branch, e.id) AND NOT EXISTS (
            SELECT FROM payments_void AS w WHERE (w.stage, w.branch, w.entitlement, w.round) = (p.stage, p.branch, p.entitlement, p.round)
        )
    )
GROUP BY s.id, s.code, s.opens, e.village, v.name
ORDER BY s.opens DESC, e.village

-- name: devices
-- Phones within a scope (no branches is everywhere), living ones first: last contact, and the families of their live lists, paid and not.
SELECT d.id, d.branch_id AS branch, b.code AS branch_code, b.name AS branch_name, b.timezone, d.officer_id AS officer,
    o.code AS officer_code, o.name AS officer_name, d.enrolled_at, d.enrolled_by, d.persisted, d.app, d.self_test, d.last_seq,
    d.highest_seq > d.last_seq AS waiting, d.last_seen_at, d.last_skew_ms, d.unsent, d.revoked_at, d.revoked_by, d.revoke_reason,
    coalesce(l.families, 0) AS families, coalesce(l.paid, 0) AS paid
FROM field_device AS d
JOIN offices_office AS b ON b.id = d.branch_id
JOIN offices_officer AS o ON o.id = d.officer_id
LEFT JOIN LATERAL (
    SELECT sum(of_lease.families)::integer AS families, sum(of_lease.paid)::integer AS paid
    FROM field_lease AS l
    CROSS JOIN LATERAL (
        SELECT count(*) AS families, count(*) FILTER (WHERE EXISTS (
                SELECT FROM payments_payment AS p
                LEFT JOIN payments_void AS v USING (stage, branch, entitlement, round)
                WHERE (p.stage, p.branch, p.entitlement) = (a.stage, a.branch, a.entitlement) AND v.id IS NULL
            )) AS paid
        FROM field_assignment AS a WHERE a.stage = l.stage_id AND a.branch = l.branch_id AND a.lease = l.id
    ) AS of_lease
    WHERE l.device_id = d.id AND l.ended_at IS NULL AND l.expires_at > %(at)s
) AS l ON true
WHERE (%(branches)s::integer[] IS NULL OR d.branch_id = ANY (%(branches)s::integer[]))
    AND (%(device)s::uuid IS NULL OR d.id = %(device)s::uuid)
ORDER BY d.revoked_at IS NOT NULL, b.code, o.code, d.enrolled_at DESC
LIMIT 500

-- name: officers
-- Officers of some branches with how many phones each has that are not locked out.
SELECT o.id, o.code, o.name, b.code AS branch_code, o.contract_ends,
    (SELECT count(*) FROM field_device AS d WHERE d.branch_id = o.branch_id AND d.officer_id = o.id AND d.revoked_at IS NULL) AS phones
FROM offices_officer AS o JOIN offices_office AS b ON b.id = o.branch_id
WHERE o.branch_id = ANY (%(branches)s::integer[]) AND (o.contract_ends IS NULL OR o.contract_ends >= %(day)s)
ORDER BY b.code, o.name, o.code
LIMIT 2000

-- name: photos_of_device
-- How many photos a phone's events speak of, and how many of them are stored.
SELECT count(DISTINCT p.sha256) AS owed, count(DISTINCT b.sha256) AS stored
FROM field_photo AS p LEFT JOIN field_blob AS b ON b.sha256 = p.sha256
WHERE p.device = %(device)s

-- name: told_of_device
-- A phone's newest events that somebody must look at: not posted, or refused; with the answer that counts now.
SELECT e.seq, e.kind, e.happened_at, e.received_at, coalesce(a.answer, e.answer) AS answer, f.name,
    CASE WHEN e.kind = 'PAY' THEN (convert_from(e.body, 'UTF8')::json ->> 'amt')::bigint END AS amount_rp
FROM field_event AS e
LEFT JOIN LATERAL (
    SELECT a.answer FROM field_answer AS a
    WHERE (a.stage, a.branch, a.device, a.seq) = (e.stage, e.branch, e.device, e.seq) ORDER BY a.number DESC LIMIT 1
) AS a ON true
LEFT JOIN danom_entitlement AS n ON (n.stage, n.branch, n.id) = (
    e.stage, e.branch, CASE WHEN e.kind IN ('PAY', 'UNPAID', 'EVID', 'VOID') THEN (convert_from(e.body, 'UTF8')::json ->> 'asg')::uuid END
)
LEFT JOIN registry_family AS f ON f.stage = n.stage AND f.id = n.family AND f.branch = n.branch
WHERE e.device = %(device)s AND coalesce(a.answer, e.answer) NOT IN ('ACCEPTED', 'ACCEPTED_FLAGGED', 'DUPLICATE')
ORDER BY e.seq DESC
LIMIT 20

-- name: recount_links
-- Events of unbroken chains, and those whose hash is not that of their bytes or that do not name the event before them.
SELECT count(*) AS events, count(*) FILTER (WHERE NOT linked) AS broken,
    (array_agg(json_build_object('device', device, 'seq', seq)::text) FILTER (WHERE NOT linked))[1:5] AS examples
FROM (
    SELECT e.device, e.seq, sha256(e.body) = e.digest AND (
            e.seq = 1 OR convert_from(e.body, 'UTF8')::json ->> 'prev'
                = encode(lag(e.digest) OVER (PARTITION BY e.device ORDER BY e.seq), 'hex')
        ) AS linked
    FROM field_event AS e JOIN field_device AS d ON d.id = e.device AND d.branch_id = e.branch
    WHERE e.seq <= d.last_seq
) AS e

-- name: heads
-- The last event of each phone's chain, and the phone's key; those after a given phone, so that a nation's are read in parts.
SELECT d.id AS device, d.public_key, d.last_seq AS seq, e.body, e.signature
FROM field_device AS d JOIN field_event AS e ON e.device = d.id AND e.seq = d.last_seq AND e.branch = d.branch_id
WHERE d.id > %(after)s
ORDER BY d.id
LIMIT 5000
