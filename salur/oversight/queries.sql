-- name: population
-- How many payments of a branch were recorded up to a moment and stood then.
SELECT count(*) AS payments
FROM payments_payment AS p
LEFT JOIN payments_void AS v ON (v.stage, v.branch, v.entitlement, v.round) = (p.stage, p.branch, p.entitlement, p.round) AND v.recorded_at <= %(until)s
WHERE p.stage = %(stage)s AND p.branch = %(branch)s AND p.recorded_at <= %(until)s AND v.id IS NULL

-- name: drawn
-- The payments that a seed draws: all that stood at the moment, in the order of the SHA-256 of seed and id, the first of them.
SELECT p.entitlement, p.id AS payment, p.officer, e.village, p.amount_rp
FROM payments_payment AS p
JOIN danom_entitlement AS e ON (e.stage, e.branch, e.id) = (p.stage, p.branch, p.entitlement)
LEFT JOIN payments_void AS v ON (v.stage, v.branch, v.entitlement, v.round) = (p.stage, p.branch, p.entitlement, p.round) AND v.recorded_at <= %(until)s
WHERE p.stage = %(stage)s AND p.branch = %(branch)s AND p.recorded_at <= %(until)s AND v.id IS NULL
ORDER BY sha256(%(seed)s::bytea || uuid_send(p.id)), p.id
LIMIT %(size)s

-- name: write_items
-- The items of a sample, in the seed's order.
INSERT INTO oversight_sample_item (sample_id, number, entitlement, payment, officer, village, amount_rp)
SELECT %(sample)s, i.number, i.entitlement, i.payment, i.officer, i.village, i.amount_rp
FROM unnest(%(entitlements)s::uuid[], %(payments)s::uuid[], %(officers)s::integer[], %(villages)s::bigint[], %(amounts_rp)s::bigint[])
    WITH ORDINALITY AS i(entitlement, payment, officer, village, amount_rp, number)

-- name: samples
-- Samples with how many were answered, the latest first.
SELECT s.id, s.stage_id AS stage, g.code AS stage_code, s.branch_id AS branch, o.code AS branch_code, o.name AS branch_name, s.method, s.seed, s.until,
    s.population, s.size, s.confidence_ppm, s.drawn_by, s.drawn_at,
    (SELECT count(DISTINCT a.number) FROM oversight_sample_answer AS a WHERE a.sample_id = s.id) AS asked
FROM oversight_sample AS s
JOIN offices_office AS o ON o.id = s.branch_id
JOIN programmes_stage AS g ON g.id = s.stage_id
WHERE (s.id = %(sample)s OR %(sample)s::uuid IS NULL) AND (s.stage_id = %(stage)s OR %(stage)s::integer IS NULL)
    AND (s.branch_id = ANY (%(branches)s::integer[]) OR %(branches)s::integer[] IS NULL)
ORDER BY s.drawn_at DESC, s.id
LIMIT %(limit)s

-- name: items
-- A sample's items with the family's name and place, the officer, and what was said last.
SELECT i.number, i.payment, i.entitlement, i.officer, f.code AS officer_code, f.name AS officer_name, r.name, r.address, r.rt, r.rw,
    v.name AS village_name, i.amount_rp, p.paid_at, last.round, last.said, last.got_rp, last.note, last.asked_by, last.asked_at
FROM oversight_sample_item AS i
JOIN oversight_sample AS s ON s.id = i.sample_id
LEFT JOIN danom_entitlement AS e ON (e.stage, e.branch, e.id) = (s.stage_id, s.branch_id, i.entitlement)
LEFT JOIN registry_family AS r ON (r.stage, r.id, r.branch) = (e.stage, e.family, e.branch)
LEFT JOIN offices_officer AS f ON f.id = i.officer
LEFT JOIN areas_area AS v ON v.code = i.village
LEFT JOIN payments_payment AS p ON (p.stage, p.branch, p.entitlement, p.id) = (s.stage_id, s.branch_id, i.entitlement, i.payment)
LEFT JOIN LATERAL (
    SELECT * FROM oversight_sample_answer AS a WHERE a.sample_id = i.sample_id AND a.number = i.number ORDER BY round DESC LIMIT 1
) AS last ON true
WHERE i.sample_id = %(sample)s AND (i.number = %(number)s OR %(number)s::integer IS NULL)
ORDER BY i.number

-- name: count_answers
-- What was said last about each item of a sample, counted.
SELECT said, count(*) AS items
FROM (
    SELECT DISTINCT ON (number) said FROM oversight_sample_answer WHERE sample_id = %(sample)s ORDER BY number, round DESC
) AS last
GROUP BY said ORDER BY said

-- name: recount_samples
-- Samples of a stage with what is kept of their items, to be drawn again.
SELECT s.id, s.branch_id AS branch, s.seed, s.until, s.population, s.size,
    (SELECT coalesce(array_agg(payment ORDER BY number), '{}') FROM oversight_sample_item AS i WHERE i.sample_id = s.id) AS payments
FROM oversight_sample AS s WHERE s.stage_id = %(stage)s

-- name: paid
-- Everything a branch paid in a stage: by whom, when, and what the phone's event tells of place and proxy where there was one.
WITH event AS (
    SELECT id, convert_from(body, 'UTF8')::jsonb AS said FROM field_event
    WHERE stage = %(stage)s AND branch = %(branch)s AND kind = 'PAY'
)
SELECT p.officer, p.entitlement::text AS family, e.village, extract(epoch FROM p.paid_at)::bigint AS second,
    extract(epoch FROM (p.paid_at AT TIME ZONE o.timezone)::time)::bigint AS local,
    (event.said -> 'geo' ->> 'lat_e7')::bigint AS lat_e7, (event.said -> 'geo' ->> 'lon_e7')::bigint AS lon_e7, event.id IS NOT NULL AS heard,
    CASE WHEN event.said -> 'pay_to' ->> 'who' = 'WAKIL'
        THEN coalesce(nullif(event.said -> 'pay_to' ->> 'nik_h', ''), nullif(lower(event.said -> 'pay_to' ->> 'name'), '')) END AS proxy
FROM payments_payment AS p
JOIN offices_office AS o ON o.id = p.branch
JOIN danom_entitlement AS e ON (e.stage, e.branch, e.id) = (p.stage, p.branch, p.entitlement)
LEFT JOIN payments_void AS v ON (v.stage, v.branch, v.entitlement, v.round) = (p.stage, p.branch, p.entitlement, p.round)
LEFT JOIN event ON event.id = p.id
WHERE p.stage = %(stage)s AND p.branch = %(branch)s AND v.id IS NULL

-- name: located
-- The houses that a branch located, each family's newest geotag.
SELECT DISTINCT ON (g.entitlement) g.officer, g.entitlement::text AS family, e.village, extract(epoch FROM g.taken_at)::bigint AS second,
    g.lat_e7::bigint AS lat_e7, g.lon_e7::bigint AS lon_e7, g.photo_sha256 AS photo
FROM evidence_geotag AS g
JOIN danom_entitlement AS e ON (e.stage, e.branch, e.id) = (g.stage, g.branch, g.entitlement)
WHERE g.stage = %(stage)s AND g.branch = %(branch)s
ORDER BY g.entitlement, g.revision DESC

-- name: villages
-- The middle of each village that a branch has families in.
SELECT a.code AS village, a.lat, a.lng FROM areas_area AS a
WHERE a.code IN (SELECT DISTINCT t.village FROM danom_tally AS t WHERE t.stage = %(stage)s AND t.branch = %(branch)s)

-- name: failures
-- Each officer's visits that did not pay, of all visits.
WITH failed AS (
    SELECT officer, count(*) AS failed FROM payments_failure WHERE stage = %(stage)s AND branch = %(branch)s GROUP BY officer
),
paid AS (
    SELECT officer, count(*) AS paid FROM payments_payment WHERE stage = %(stage)s AND branch = %(branch)s GROUP BY officer
)
SELECT officer, coalesce(failed, 0)::bigint AS count, (coalesce(failed, 0) + coalesce(paid, 0))::bigint AS of
FROM failed FULL JOIN paid USING (officer)

-- name: cash
-- Each officer's counts of cash that were short and not explained, of all counts in the stage's days.
SELECT c.officer_id AS officer, count(*) FILTER (WHERE c.counted_rp < c.expected_rp AND c.explanation = '') AS count, count(*) AS of
FROM custody_count AS c
WHERE c.branch_id = %(branch)s AND c.officer_id IS NOT NULL
    AND c.day BETWEEN (SELECT opens FROM programmes_stage WHERE id = %(stage)s)
        AND (SELECT greatest(deadline, (SELECT max(deadline) FROM programmes_extension AS x WHERE x.stage_id = s.id)) FROM programmes_stage AS s WHERE s.id = %(stage)s)
GROUP BY c.officer_id

-- name: voices
-- Families who were asked in samples, or complained of an officer, and how many of them say otherwise than the books.
SELECT officer, count(*) FILTER (WHERE otherwise) AS count, count(*) AS of
FROM (
    SELECT i.officer, last.said = ANY (%(problems)s::text[]) AS otherwise
    FROM oversight_sample AS s
    JOIN oversight_sample_item AS i ON i.sample_id = s.id
    JOIN LATERAL (
        SELECT said FROM oversight_sample_answer AS a WHERE a.sample_id = i.sample_id AND a.number = i.number ORDER BY round DESC LIMIT 1
    ) AS last ON NOT last.said = ANY (%(silent)s::text[])
    WHERE s.stage_id = %(stage)s AND s.branch_id = %(branch)s
    UNION ALL
    SELECT c.officer_id, true FROM oversight_complaint AS c
    WHERE c.stage_id = %(stage)s AND c.branch_id = %(branch)s AND c.officer_id IS NOT NULL AND c.about = ANY (%(contradicts)s::text[])
) AS voice
GROUP BY officer

-- name: photos_without_look
-- Stored photos of a branch's houses whose look is not computed yet.
SELECT DISTINCT g.photo_sha256 AS sha256
FROM evidence_geotag AS g
JOIN field_blob AS b ON b.sha256 = g.photo_sha256
WHERE g.stage = %(stage)s AND g.branch = %(branch)s
    AND NOT EXISTS (SELECT FROM oversight_photo_look AS l WHERE l.sha256 = g.photo_sha256)

-- name: looks
-- The looks of a branch's photos.
SELECT DISTINCT l.sha256 AS photo, l.bits, l.detail::bigint AS detail
FROM evidence_geotag AS g JOIN oversight_photo_look AS l ON l.sha256 = g.photo_sha256
WHERE g.stage = %(stage)s AND g.branch = %(branch)s

-- name: write_looks
-- Keep the looks of photos; another process may have computed some of them.
INSERT INTO oversight_photo_look (sha256, bits, detail)
SELECT * FROM unnest(%(sha256s)s::bytea[], %(bits)s::bytea[], %(details)s::smallint[]) ON CONFLICT DO NOTHING

-- name: write_signals
-- The signals of a look.
INSERT INTO oversight_signal (look_id, officer_id, kind, count, of, peers_ppm, surprise_milli, score_milli)
SELECT %(look)s, * FROM unnest(
    %(officers)s::integer[], %(kinds)s::text[], %(counts)s::integer[], %(ofs)s::integer[], %(peers_ppm)s::integer[], %(surprises)s::integer[],
    %(scores)s::integer[]
)

-- name: latest_looks
-- The latest look at each branch of a stage.
SELECT DISTINCT ON (l.branch_id) l.id, l.branch_id AS branch, o.code AS branch_code, o.name AS branch_name, l.looked_at, l.looked_by, l.officers, l.digest
FROM oversight_look AS l JOIN offices_office AS o ON o.id = l.branch_id
WHERE l.stage_id = %(stage)s AND (l.branch_id = ANY (%(branches)s::integer[]) OR %(branches)s::integer[] IS NULL)
ORDER BY l.branch_id, l.looked_at DESC, l.id DESC

-- name: signals
-- The signals of looks with the officer's name.
SELECT s.look_id AS look, l.branch_id AS branch, o.code AS branch_code, o.name AS branch_name, s.officer_id AS officer, f.code AS officer_code,
    f.name AS officer_name, s.kind, s.count, s.of, s.peers_ppm, s.surprise_milli, s.score_milli
FROM oversight_signal AS s
JOIN oversight_look AS l ON l.id = s.look_id
JOIN offices_officer AS f ON f.id = s.officer_id
JOIN offices_office AS o ON o.id = l.branch_id
WHERE s.look_id = ANY (%(looks)s::uuid[]) AND (s.officer_id = %(officer)s OR %(officer)s::integer IS NULL)
ORDER BY s.score_milli DESC, s.officer_id, s.kind

-- name: signals_before
-- An officer's signals in the latest look at the branch up to a moment.
SELECT s.kind, s.score_milli FROM oversight_signal AS s
WHERE s.officer_id = %(officer)s AND s.look_id = (
    SELECT id FROM oversight_look
    WHERE stage_id = %(stage)s AND branch_id = %(branch)s AND looked_at <= %(at)s::timestamptz ORDER BY looked_at DESC, id DESC LIMIT 1
)

-- name: where_to_look
-- The villages in which an officer paid, those with most families first.
SELECT e.village, a.name AS village_name, k.name AS kecamatan_name, count(*) AS payments, min(p.paid_at) AS first, max(p.paid_at) AS last
FROM payments_payment AS p
JOIN danom_entitlement AS e ON (e.stage, e.branch, e.id) = (p.stage, p.branch, p.entitlement)
LEFT JOIN areas_area AS a ON a.code = e.village
LEFT JOIN areas_area AS k ON k.code = e.village / 10000
WHERE p.stage = %(stage)s AND p.branch = %(branch)s AND p.officer = %(officer)s
GROUP BY e.village, a.name, k.name ORDER BY payments DESC, e.village LIMIT 12

-- name: villages_of
-- The villages in which a branch has families of a stage.
SELECT t.village, coalesce(a.name, '') AS name, coalesce(k.name, '') AS kecamatan
FROM (SELECT DISTINCT village FROM danom_tally WHERE stage = %(stage)s AND branch = %(branch)s) AS t
LEFT JOIN areas_area AS a ON a.code = t.village
LEFT JOIN areas_area AS k ON k.code = t.village / 10000
ORDER BY k.name, a.name, t.village

-- name: recount_looks
-- Looks of a stage with their signals as one text each, to compare with the digest.
SELECT l.id, l.digest, l.branch_id AS branch, coalesce(string_agg(
    s.officer_id || ' ' || s.kind || ' ' || s.count || ' ' || s.of || ' ' || s.peers_ppm || ' ' || s.surprise_milli || ' ' || s.score_milli,
    E'\n' ORDER BY s.officer_id, s.kind COLLATE "C"), '') AS said
FROM oversight_look AS l LEFT JOIN oversight_signal AS s ON s.look_id = l.id
WHERE l.stage_id = %(stage)s
GROUP BY l.id

-- name: branches_paying
-- The branches that paid somebody in a stage.
SELECT DISTINCT t.branch FROM payments_tally AS t
WHERE t.stage = %(stage)s AND (t.branch = ANY (%(branches)s::integer[]) OR %(branches)s::integer[] IS NULL)
ORDER BY t.branch

-- name: complaints
-- Complaints with their state, the responsible person and the answer; what is due first at the top.
SELECT c.id, c.ticket, c.stage_id AS stage, g.code AS stage_code, c.branch_id AS branch, o.code AS branch_code, o.name AS branch_name,
    o.timezone, f.code AS officer_code, f.name AS officer_name, c.entitlement, c.way, c.about, c.text_sealed, c.contact_sealed, c.key_version, c.received_at,
    c.due_at, last.step AS step, last.number AS steps, taken.person, answer.text AS answer, answer.at AS answered_at, answer.actor AS answered_by,
    CASE WHEN last.step = 'answered' THEN last.at > c.due_at ELSE %(now)s::timestamptz > c.due_at END AS late
FROM oversight_complaint AS c
JOIN offices_office AS o ON o.id = c.branch_id
LEFT JOIN programmes_stage AS g ON g.id = c.stage_id
LEFT JOIN offices_officer AS f ON f.id = c.officer_id
JOIN LATERAL (SELECT step, number, at FROM oversight_complaint_step AS s WHERE s.complaint_id = c.id ORDER BY number DESC LIMIT 1) AS last ON true
LEFT JOIN LATERAL (
    SELECT person FROM oversight_complaint_step AS s WHERE s.complaint_id = c.id AND s.step = 'taken' ORDER BY number DESC LIMIT 1
) AS taken ON true
LEFT JOIN LATERAL (
    SELECT text, at, actor FROM oversight_complaint_step AS s
    WHERE s.complaint_id = c.id AND s.step = 'answered' AND last.step = 'answered' ORDER BY number DESC LIMIT 1
) AS answer ON true
WHERE (c.id = %(complaint)s OR %(complaint)s::uuid IS NULL) AND (c.ticket = %(ticket)s OR %(ticket)s::text IS NULL)
    AND (c.branch_id = ANY (%(branches)s::integer[]) OR %(branches)s::integer[] IS NULL)
    AND (c.stage_id = %(stage)s OR %(stage)s::integer IS NULL)
    AND ((last.step = 'answered') = %(answered)s OR %(answered)s::boolean IS NULL)
    AND ((CASE WHEN last.step = 'answered' THEN last.at ELSE %(now)s::timestamptz END > c.due_at) = %(late)s OR %(late)s::boolean IS NULL)
ORDER BY last.step = 'answered', c.due_at, c.id
LIMIT %(limit)s

-- name: count_complaints
-- How many complaints are open, late among those, and answered.
SELECT count(*) FILTER (WHERE last.step <> 'answered') AS open, count(*) FILTER (WHERE last.step <> 'answered' AND c.due_at < %(now)s::timestamptz) AS late,
    count(*) FILTER (WHERE last.step = 'answered') AS answered
FROM oversight_complaint AS c
JOIN LATERAL (SELECT step FROM oversight_complaint_step AS s WHERE s.complaint_id = c.id ORDER BY number DESC LIMIT 1) AS last ON true
WHERE c.branch_id = ANY (%(branches)s::integer[]) OR %(branches)s::integer[] IS NULL

-- name: by_letter
-- The entitlement whose letter carries a code (its first 35 bits of the hash), with the officer who paid it; of several the newest.
SELECT e.stage, s.code AS stage_code, e.branch, e.id, p.officer
FROM danom_entitlement AS e
JOIN programmes_stage AS s ON s.id = e.stage
LEFT JOIN payments_payment AS p ON (p.stage, p.branch, p.entitlement) = (e.stage, e.branch, e.id)
    AND NOT EXISTS (SELECT FROM payments_void AS v WHERE (v.stage, v.branch, v.entitlement, v.round) = (p.stage, p.branch, p.entitlement, p.round))
WHERE substr(sha256(uuid_send(e.id)), 1, 5) BETWEEN %(first)s AND %(last)s
ORDER BY s.opens DESC, s.id DESC LIMIT 1

-- name: knock
-- Count what somebody without an account asks within an hour, and forget the hours of yesterday.
WITH forgotten AS (
    DELETE FROM oversight_knock WHERE hour < %(hour)s::timestamptz - interval '1 day'
)
INSERT INTO oversight_knock (source, hour, count) VALUES (%(source)s, %(hour)s, 1)
ON CONFLICT (source, hour) DO UPDATE SET count = oversight_knock.count + 1
RETURNING count

-- name: branches
-- The branches that a complaint may go to.
SELECT id, code, name, timezone FROM offices_office
WHERE kind IN ('KC', 'KCU') AND (id = ANY (%(branches)s::integer[]) OR %(branches)s::integer[] IS NULL)
ORDER BY name, code

-- name: hold_complaint
-- One complaint, held until this transaction ends: its next step is this transaction's. Its row is a fact that nobody may lock.
SELECT c.id, c.branch_id AS branch, pg_advisory_xact_lock(hashtextextended('complaint ' || c.id, 0))
FROM oversight_complaint AS c
WHERE c.id = %(complaint)s AND (c.branch_id = ANY (%(branches)s::integer[]) OR %(branches)s::integer[] IS NULL)

-- name: steps
-- What happened to a complaint, in order.
SELECT number, step, person, text, actor, at FROM oversight_complaint_step WHERE complaint_id = %(complaint)s ORDER BY number

-- name: late_complaints
-- Complaints whose time is over without an answer.
SELECT c.id, c.ticket, c.branch_id AS branch, c.stage_id AS stage, c.due_at, c.about
FROM oversight_complaint AS c
JOIN LATERAL (SELECT step FROM oversight_complaint_step AS s WHERE s.complaint_id = c.id ORDER BY number DESC LIMIT 1) AS last ON last.step <> 'answered'
WHERE c.due_at < %(now)s::timestamptz
ORDER BY c.due_at

-- name: recount_complaints
-- Complaints whose clock or steps are not as they must be.
SELECT c.id, c.ticket, c.about, c.received_at, c.due_at,
    coalesce(bool_or(s.number <> s.place), true) AS gaps, coalesce(min(s.at) < c.received_at, false) AS early
FROM oversight_complaint AS c
LEFT JOIN (
    SELECT complaint_id, number, at, row_number() OVER (PARTITION BY complaint_id ORDER BY number) AS place FROM oversight_complaint_step
) AS s ON s.complaint_id = c.id
GROUP BY c.id

-- name: visits
-- Control visits with their photos, the latest first.
SELECT v.id, v.stage_id AS stage, g.code AS stage_code, v.branch_id AS branch, o.code AS branch_code, o.name AS branch_name, o.timezone,
    v.village, a.name AS village_name, f.code AS officer_code, f.name AS officer_name, v.found, v.note, v.visited_by, v.visited_at,
    (SELECT coalesce(array_agg(encode(p.sha256, 'hex') ORDER BY p.sha256), '{}') FROM oversight_visit_photo AS p WHERE p.visit_id = v.id) AS photos
FROM oversight_control_visit AS v
JOIN offices_office AS o ON o.id = v.branch_id
JOIN programmes_stage AS g ON g.id = v.stage_id
LEFT JOIN areas_area AS a ON a.code = v.village
LEFT JOIN offices_officer AS f ON f.id = v.officer_id
WHERE (v.id = %(visit)s OR %(visit)s::uuid IS NULL) AND (v.stage_id = %(stage)s OR %(stage)s::integer IS NULL)
    AND (v.branch_id = ANY (%(branches)s::integer[]) OR %(branches)s::integer[] IS NULL)
ORDER BY v.visited_at DESC, v.id
LIMIT %(limit)s

-- name: branch_serves
-- Whether a branch has families of a stage in a village.
SELECT EXISTS (
    SELECT FROM danom_tally AS t WHERE t.stage = %(stage)s AND t.branch = %(branch)s AND t.village = %(village)s
) AS serves
