-- name: villages
-- Every village code an old or new list may name, and of today's the branch that serves it.
SELECT a.code AS code, a.last_vintage = (SELECT max(code) FROM areas_vintage) AS current, c.branch_id AS branch
FROM areas_area AS a
LEFT JOIN offices_coverage AS c ON c.village = a.code
WHERE a.level = 4

-- name: lock_stage
-- One import or approval of a stage at a time, so that versions follow each other and no family comes onto the list twice.
-- A client that died is noticed within a second, and the lock falls.
SELECT set_config('client_connection_check_interval', '1s', true) AS watch, pg_advisory_xact_lock(hashtext('danom'), %(stage)s)::text AS locked

-- name: take_stage
-- The same over several transactions, until it is left or the connection ends.
SELECT pg_advisory_lock(hashtext('danom'), %(stage)s)::text AS taken

-- name: leave_stage
-- See take_stage.
SELECT pg_advisory_unlock(hashtext('danom'), %(stage)s) AS left_

-- name: next_version
-- The version a new batch of the stage gets.
SELECT coalesce(max(version), 0) + 1 AS version FROM danom_batch WHERE stage = %(stage)s

-- name: anything_approved
-- Whether the stage has a list: an empty one need not be asked line by line.
SELECT EXISTS (SELECT FROM danom_entitlement WHERE stage = %(stage)s) AS here

-- name: stages_of_other_programmes
-- Stages of other programmes whose window meets this one's and that have a list.
SELECT other.id AS stage
FROM programmes_stage AS own
JOIN programmes_stage AS other
    ON other.programme_id <> own.programme_id AND other.opens <= own.deadline AND own.opens <= other.deadline
WHERE own.id = %(stage)s AND EXISTS (SELECT FROM danom_entitlement AS e WHERE e.stage = other.id)
ORDER BY other.id

-- name: families_in_stage
-- Which of the given families (by their place) are on a stage's list. OFFSET 0 keeps it one step down the key for each.
SELECT b.place
FROM unnest(%(families)s::uuid[]) WITH ORDINALITY AS b(family, place)
WHERE EXISTS (SELECT FROM danom_entitlement AS e WHERE e.stage = %(stage)s AND e.family = b.family OFFSET 0)

-- name: note_mending
-- Lines that bring a quarantined line of this stage again, mended; each once, the first that does.
INSERT INTO danom_mending (batch, line, of_batch, of_line)
SELECT DISTINCT ON (q.batch_id, q.line) %(batch)s, m.line, q.batch_id, q.line
FROM unnest(%(lines)s::integer[], %(of_batches)s::text[], %(of_lines)s::integer[]) AS m(line, of_batch, of_line)
JOIN danom_batch AS b ON b.stage = %(stage)s AND b.name = m.of_batch
JOIN danom_quarantine AS q ON q.batch_id = b.id AND q.line = m.of_line AND q.mended_by IS NULL
WHERE NOT EXISTS (SELECT FROM danom_mending AS n WHERE n.batch = %(batch)s AND (n.of_batch, n.of_line) = (q.batch_id, q.line))
ORDER BY q.batch_id, q.line, m.line

-- name: pair_within
-- Lines of a batch that share village, birth date and name with an earlier line of it, unless they were judged to be two people.
INSERT INTO danom_pair (batch, line, family, other)
SELECT %(batch)s, later.line, later.family, earlier.family
FROM unnest(%(later)s::integer[], %(earlier)s::integer[]) AS p(later, earlier)
JOIN {lines} AS later ON later.line = p.later
JOIN {lines} AS earlier ON earlier.line = p.earlier
WHERE NOT EXISTS (
    SELECT FROM danom_judgement AS j
    WHERE (j.one, j.other) = (least(later.family, earlier.family), greatest(later.family, earlier.family)) AND NOT j.same
)

-- name: pair_with_list
-- Lines of a batch that share village, birth date and name with another family on the stage's list.
INSERT INTO danom_pair (batch, line, family, other)
SELECT DISTINCT %(batch)s::integer, l.line, l.family, e.family
FROM {lines} AS l
JOIN danom_entitlement AS e ON e.stage = %(stage)s AND e.likeness = l.likeness AND e.family <> l.family
WHERE NOT EXISTS (
    SELECT FROM danom_judgement AS j WHERE (j.one, j.other) = (least(l.family, e.family), greatest(l.family, e.family)) AND NOT j.same
)
ON CONFLICT DO NOTHING

-- name: warn_of_pairs
-- Lines of a batch that may repeat somebody get their warning; answers how many, and for how many it is the first.
WITH paired AS (SELECT DISTINCT line FROM danom_pair WHERE batch = %(batch)s),
warned AS (
    INSERT INTO danom_warning AS w (batch_id, line, reasons) SELECT %(batch)s, line, %(reason)s FROM paired
    ON CONFLICT (batch_id, line) DO UPDATE SET reasons = w.reasons || ' ' || excluded.reasons
    RETURNING reasons = %(reason)s AS first
)
SELECT count(*) AS lines, count(*) FILTER (WHERE first) AS first_warnings FROM warned

-- name: count_lines
-- What waits for approval: it must be what the import counted.
SELECT count(*) AS lines, coalesce(sum(amount_rp), 0)::bigint AS amount_rp FROM {lines}

-- name: known_families
-- How many families of the batch came onto the stage's list after it was imported.
SELECT count(*) AS known
FROM {lines} AS l
WHERE EXISTS (SELECT FROM danom_entitlement AS e WHERE e.stage = %(stage)s AND e.family = l.family)

-- name: scattered
-- Whether lines of one village lie apart: how often the village changes from line to line, for each village there is.
SELECT count(*) FILTER (WHERE changes) > 3 * count(DISTINCT village) AS scattered
FROM (SELECT village, village IS DISTINCT FROM lag(village) OVER () AS changes FROM (SELECT village FROM {lines} LIMIT 2000000) AS l) AS c

-- name: entitle
-- The batch's lines become entitlements; lines of one village lie together, as they are paid.
INSERT INTO danom_entitlement (stage, branch, id, family, village, amount_rp, version, line, number, likeness)
SELECT stage, branch, id, family, village, amount_rp, version, line, number, likeness
FROM {lines} ORDER BY branch, village, line

-- name: tally
-- The allocation that the batch brings.
INSERT INTO danom_tally (stage, branch, village, version, lines, amount_rp)
SELECT %(stage)s, branch, village, %(version)s, count(*), sum(amount_rp) FROM {lines} GROUP BY branch, village

-- name: settle_mending
-- Quarantined lines that an approved batch brought again need nobody any more.
UPDATE danom_quarantine AS q SET mended_by = %(batch)s
FROM danom_mending AS m
WHERE m.batch = %(batch)s AND (q.batch_id, q.line) = (m.of_batch, m.of_line)

-- name: forget_batch
-- What a cancelled batch noted of others.
WITH pairs AS (DELETE FROM danom_pair WHERE batch = %(batch)s)
DELETE FROM danom_mending WHERE batch = %(batch)s

-- name: allocation
-- Allocated families and rupiah of a stage, as of a version, by nation, region, branch, kecamatan or village.
WITH RECURSIVE above AS (
    SELECT id AS office, id AS ancestor, parent_id, kind FROM offices_office
    UNION ALL
    SELECT above.office, o.id, o.parent_id, o.kind FROM above JOIN offices_office AS o ON o.id = above.parent_id
),
grouped AS (
    SELECT CASE %(by)s::text
            WHEN 'nation' THEN 0
            WHEN 'region' THEN (SELECT ancestor FROM above WHERE above.office = t.branch AND above.kind = 'REGION' LIMIT 1)
            WHEN 'branch' THEN t.branch
            WHEN 'kecamatan' THEN t.village / 10000
            WHEN 'village' THEN t.village
        END AS key, sum(t.lines) AS allocated, sum(t.amount_rp) AS amount_rp
    FROM danom_tally AS t
    WHERE t.stage = %(stage)s AND t.version <= %(version)s
    GROUP BY 1
)
SELECT coalesce(o.code, a.code::text, '') AS code, coalesce(o.name, a.name, '') AS name, g.allocated::bigint, g.amount_rp::bigint
FROM grouped AS g
LEFT JOIN offices_office AS o ON %(by)s::text IN ('region', 'branch') AND o.id = g.key
LEFT JOIN areas_area AS a ON %(by)s::text IN ('kecamatan', 'village') AND a.code = g.key
ORDER BY code

-- name: difference
-- What changed in the allocation between two versions, village by village.
SELECT o.code AS branch, t.village, sum(t.lines)::integer AS lines, sum(t.amount_rp)::bigint AS amount_rp
FROM danom_tally AS t JOIN offices_office AS o ON o.id = t.branch
WHERE t.stage = %(stage)s AND t.version > %(older)s AND t.version <= %(newer)s
GROUP BY o.code, t.village
HAVING sum(t.lines) <> 0 OR sum(t.amount_rp) <> 0
ORDER BY o.code, t.village

-- name: changes
-- What corrections between two versions changed, entitlement by entitlement.
SELECT c.version, c.line, c.entitlement, before.code AS branch_before, after.code AS branch_after, c.village_before, c.village_after,
    c.amount_before_rp, c.amount_after_rp
FROM danom_change AS c
JOIN offices_office AS before ON before.id = c.branch_before
JOIN offices_office AS after ON after.id = c.branch_after
WHERE c.stage = %(stage)s AND c.version > %(older)s AND c.version <= %(newer)s
ORDER BY c.version, c.line

-- name: change_entitlements
-- A correction's lines whose entitlement is to change: what it was and what it will be. Families it leaves as they are do not appear.
SELECT l.line, e.id, e.branch, e.village, e.amount_rp, l.branch AS new_branch, l.village AS new_village, l.amount_rp AS new_amount_rp
FROM {lines} AS l
JOIN danom_entitlement AS e ON e.stage = %(stage)s AND e.family = l.family
WHERE (e.branch, e.village, e.amount_rp) IS DISTINCT FROM (l.branch, l.village, l.amount_rp)
ORDER BY l.line

-- name: families_gone
-- How many families of a correction or withdrawal left the stage's list after it was imported.
SELECT count(*) AS gone FROM {lines} AS l
WHERE NOT EXISTS (SELECT FROM danom_entitlement AS e WHERE e.stage = %(stage)s AND e.family = l.family OFFSET 0)

-- name: take_away
-- Take entitlements off the list, to put them back changed; the foreign keys refuse those where somebody has been.
DELETE FROM danom_entitlement WHERE stage = %(stage)s AND (branch, id) IN (SELECT * FROM unnest(%(branches)s::integer[], %(ids)s::uuid[]))
RETURNING branch, id, family, village, amount_rp, number, held, likeness

-- name: put_back
-- The same entitlements with what a correction says of them.
INSERT INTO danom_entitlement (stage, branch, id, family, village, amount_rp, version, line, number, held, likeness)
SELECT %(stage)s, l.branch, t.id, t.family, l.village, l.amount_rp, %(version)s, l.line, coalesce(l.number, t.number), t.held, l.likeness
FROM unnest(%(ids)s::uuid[], %(families)s::uuid[], %(numbers)s::text[], %(held)s::boolean[]) AS t(id, family, number, held)
JOIN {lines} AS l ON l.family = t.family

-- name: move_holds
-- A held entitlement that moves to another branch stays held there.
UPDATE danom_hold AS h SET branch = m.new_branch
FROM unnest(%(ids)s::uuid[], %(branches)s::integer[], %(new_branches)s::integer[]) AS m(id, branch, new_branch)
WHERE (h.stage, h.branch, h.entitlement) = (%(stage)s, m.branch, m.id)

-- name: note_changes
-- What a correction changed, and its difference to the allocation.
WITH changed AS (
    INSERT INTO danom_change (stage, version, line, entitlement, branch_before, branch_after, village_before, village_after,
        amount_before_rp, amount_after_rp)
    SELECT %(stage)s, %(version)s, * FROM unnest(%(lines)s::integer[], %(ids)s::uuid[], %(branches)s::integer[], %(new_branches)s::integer[],
        %(villages)s::bigint[], %(new_villages)s::bigint[], %(amounts)s::bigint[], %(new_amounts)s::bigint[])
    RETURNING *
)
INSERT INTO danom_tally (stage, branch, village, version, lines, amount_rp)
SELECT %(stage)s, branch, village, %(version)s, sum(lines), sum(amount_rp)
FROM (
    SELECT branch_before AS branch, village_before AS village, -1 AS lines, -amount_before_rp AS amount_rp FROM changed
    UNION ALL
    SELECT branch_after, village_after, 1, amount_after_rp FROM changed
) AS moved
GROUP BY branch, village
HAVING sum(lines) <> 0 OR sum(amount_rp) <> 0

-- name: hold_batch
-- The entitlements of a withdrawal are held from now on; those that are held already stay as they are.
WITH held AS (
    INSERT INTO danom_hold (id, stage, branch, entitlement, reason, batch, held_by, held_at)
    SELECT l.id, %(stage)s, e.branch, e.id, coalesce(l.number, %(reason)s), %(batch)s, %(actor)s, %(at)s
    FROM {lines} AS l JOIN danom_entitlement AS e ON e.stage = %(stage)s AND e.family = l.family
    ON CONFLICT (stage, branch, entitlement) WHERE released_at IS NULL DO NOTHING
    RETURNING branch, entitlement
)
UPDATE danom_entitlement AS e SET held = true FROM held WHERE (e.stage, e.branch, e.id) = (%(stage)s, held.branch, held.entitlement)
RETURNING e.id

-- name: entitlement
-- An entitlement of a stage by its id or its family.
SELECT stage, branch, id, family, village, amount_rp, version, line, number, held FROM danom_entitlement
WHERE stage = %(stage)s AND (family = %(word)s OR id = %(word)s) LIMIT 2

-- name: hold
-- Hold one entitlement; answers nothing when it is held already.
WITH held AS (
    INSERT INTO danom_hold (id, stage, branch, entitlement, reason, held_by, held_at)
    VALUES (%(id)s, %(stage)s, %(branch)s, %(entitlement)s, %(reason)s, %(actor)s, %(at)s)
    ON CONFLICT (stage, branch, entitlement) WHERE released_at IS NULL DO NOTHING
    RETURNING entitlement
)
UPDATE danom_entitlement AS e SET held = true FROM held WHERE (e.stage, e.branch, e.id) = (%(stage)s, %(branch)s, held.entitlement)
RETURNING e.id

-- name: release
-- End the hold of one entitlement; answers nothing when there is none.
WITH released AS (
    UPDATE danom_hold SET released_by = %(actor)s, released_at = %(at)s, release_reason = %(reason)s
    WHERE (stage, branch, entitlement) = (%(stage)s, %(branch)s, %(entitlement)s) AND released_at IS NULL
    RETURNING entitlement
)
UPDATE danom_entitlement AS e SET held = false FROM released WHERE (e.stage, e.branch, e.id) = (%(stage)s, %(branch)s, released.entitlement)
RETURNING e.id

-- name: holds
-- What a stage's list holds back, and why; with those released when asked.
SELECT h.entitlement, o.code AS branch, e.village, e.amount_rp, h.reason, h.held_by, h.held_at, h.released_by, h.released_at, h.release_reason
FROM danom_hold AS h
JOIN offices_office AS o ON o.id = h.branch
LEFT JOIN danom_entitlement AS e ON (e.stage, e.branch, e.id) = (h.stage, h.branch, h.entitlement)
WHERE h.stage = %(stage)s AND (%(released)s OR h.released_at IS NULL)
ORDER BY h.held_at, h.id

-- name: open_pairs
-- Pairs of families that may be one person and that nobody has judged.
SELECT b.name AS batch, p.line, p.family, p.other, f.name, f.birth_date, f.address AS address, g.address AS other_address,
    f.nik_sealed, f.key_version, g.nik_sealed AS other_nik_sealed, g.key_version AS other_key_version
FROM danom_pair AS p
JOIN danom_batch AS b ON b.id = p.batch AND b.state = 'approved'
JOIN LATERAL (SELECT * FROM registry_family AS f WHERE f.stage = b.stage AND f.id = p.family LIMIT 1) AS f ON true
JOIN LATERAL (SELECT * FROM registry_family AS f WHERE f.stage = b.stage AND f.id = p.other LIMIT 1) AS g ON true
WHERE (%(stage)s::integer IS NULL OR b.stage = %(stage)s)
    AND NOT EXISTS (SELECT FROM danom_judgement AS j WHERE (j.one, j.other) = (least(p.family, p.other), greatest(p.family, p.other)))
ORDER BY b.stage, b.version, p.line

-- name: pair_of_line
-- The two families of a pair.
SELECT p.family, p.other FROM danom_pair AS p WHERE p.batch = %(batch)s AND p.line = %(line)s

-- name: judge
-- Remember whether two families are one person; answers nothing when somebody has judged before.
INSERT INTO danom_judgement (one, other, same, reason, judged_by, judged_at)
VALUES (least(%(family)s::uuid, %(other)s::uuid), greatest(%(family)s::uuid, %(other)s::uuid), %(same)s, %(reason)s, %(actor)s, %(at)s)
ON CONFLICT (one, other) DO NOTHING
RETURNING one

-- name: policy
-- How much reasons weigh in a programme, where that differs from the house's.
SELECT reason, weight FROM danom_policy WHERE programme = %(programme)s ORDER BY reason

-- name: set_policy
-- Let a reason weigh otherwise in a programme.
INSERT INTO danom_policy (programme, reason, weight) VALUES (%(programme)s, %(reason)s, %(weight)s)
ON CONFLICT (programme, reason) DO UPDATE SET weight = excluded.weight

-- name: still_quarantined
-- How many lines of each batch are in quarantine and have not come again, mended.
SELECT batch_id AS batch, count(*) AS lines FROM danom_quarantine WHERE mended_by IS NULL GROUP BY batch_id

-- name: between_stages
-- Families of two stages' lists: how many stayed, went and came, and what changed for those who stayed, by branch.
SELECT o.code AS branch, count(*) FILTER (WHERE a.id IS NULL) AS came, count(*) FILTER (WHERE b.id IS NULL) AS went,
    count(*) FILTER (WHERE a.id IS NOT NULL AND b.id IS NOT NULL) AS stayed,
    count(*) FILTER (WHERE a.amount_rp <> b.amount_rp) AS other_amount, count(*) FILTER (WHERE a.village <> b.village) AS other_village
FROM (SELECT * FROM danom_entitlement WHERE stage = %(older)s) AS a
FULL JOIN (SELECT * FROM danom_entitlement WHERE stage = %(newer)s) AS b ON b.family = a.family
JOIN offices_office AS o ON o.id = coalesce(b.branch, a.branch)
GROUP BY o.code ORDER BY o.code

-- name: recount_tally
-- Villages whose tally differs from a recount of entitlements.
WITH recounted AS (
    SELECT branch, village, count(*) AS lines, sum(amount_rp) AS amount_rp
    FROM danom_entitlement WHERE stage = %(stage)s GROUP BY branch, village
),
kept AS (
    SELECT branch, village, sum(lines) AS lines, sum(amount_rp) AS amount_rp FROM danom_tally WHERE stage = %(stage)s GROUP BY branch, village
)
SELECT coalesce(k.branch, r.branch) AS branch, coalesce(k.village, r.village) AS village,
    coalesce(k.lines, 0)::integer AS lines, coalesce(k.amount_rp, 0)::bigint AS amount_rp,
    coalesce(r.lines, 0)::integer AS recounted_lines, coalesce(r.amount_rp, 0)::bigint AS recounted_amount_rp,
    (coalesce(k.lines, 0), coalesce(k.amount_rp, 0)) IS DISTINCT FROM (coalesce(r.lines, 0), coalesce(r.amount_rp, 0)) AS broken
FROM kept AS k
FULL JOIN recounted AS r USING (branch, village)

-- name: recount_batches
-- Approved batches of new families whose tally differs from what the batch says.
SELECT b.version, b.accepted, b.amount_rp, coalesce(t.lines, 0)::integer AS lines, coalesce(t.amount_rp, 0)::bigint AS entitled_rp
FROM danom_batch AS b
LEFT JOIN (
    SELECT version, sum(lines) AS lines, sum(amount_rp) AS amount_rp FROM danom_tally WHERE stage = %(stage)s GROUP BY version
) AS t USING (version)
WHERE b.stage = %(stage)s AND b.state = 'approved' AND b.kind IN ('list', 'supplement')
    AND (b.accepted, b.amount_rp) IS DISTINCT FROM (coalesce(t.lines, 0), coalesce(t.amount_rp, 0))

-- name: recount_families
-- Families that are on a stage's list more than once.
SELECT family, count(*) AS times FROM danom_entitlement WHERE stage = %(stage)s GROUP BY family HAVING count(*) > 1

-- name: recount_holds
-- Entitlements that are held without a reason, or not held with one.
SELECT coalesce(h.branch, e.branch) AS branch, coalesce(h.entitlement, e.id) AS entitlement, h.entitlement IS NOT NULL AS should_be
FROM (SELECT branch, id FROM danom_entitlement WHERE stage = %(stage)s AND held) AS e
FULL JOIN (SELECT branch, entitlement FROM danom_hold WHERE stage = %(stage)s AND released_at IS NULL) AS h
    ON (h.branch, h.entitlement) = (e.branch, e.id)
WHERE e.id IS NULL OR h.entitlement IS NULL
