-- name: viewer
-- The role of a user, whether it has ended, and the branches below its office; no row when there is no role.
-- A sub-branch is a counter of its branch: who works there sees the branch. Who works at the top sees the country.
WITH RECURSIVE given AS (
    SELECT m.role, o.id, o.kind, o.parent_id, m.demonstration,
        coalesce(m.ends < (%(now)s::timestamptz AT TIME ZONE coalesce(o.timezone, 'Asia/Jakarta'))::date, false) AS ended
    FROM web_membership AS m LEFT JOIN offices_office AS o ON o.id = m.office_id
    WHERE m.user_id = %(user)s
),
up AS (
    SELECT * FROM given
    UNION ALL
    SELECT up.role, o.id, o.kind, o.parent_id, up.demonstration, up.ended FROM up JOIN offices_office AS o ON o.id = up.parent_id WHERE up.kind = 'KCP'
),
membership AS (
    SELECT role, demonstration, ended, CASE WHEN kind <> 'HQ' THEN id END AS office FROM up WHERE kind IS DISTINCT FROM 'KCP'
),
below AS (
    SELECT o.id, o.kind FROM offices_office AS o JOIN membership AS m ON m.office = o.id
    UNION ALL
    SELECT o.id, o.kind FROM offices_office AS o JOIN below ON o.parent_id = below.id
)
SELECT m.role, m.demonstration, m.ended, m.office, coalesce(o.code, '') AS office_code, coalesce(o.name, '') AS office_name,
    CASE WHEN m.office IS NOT NULL THEN (SELECT coalesce(array_agg(id ORDER BY id), '{}') FROM below WHERE kind IN ('KC', 'KCU')) END AS branches
FROM membership AS m LEFT JOIN offices_office AS o ON o.id = m.office

-- name: first_steps
-- What an installation has, in the order in which it is given: for the page that leads an empty one to its first stage.
SELECT EXISTS (SELECT FROM areas_area) AS areas,
    EXISTS (SELECT FROM offices_office WHERE kind IN ('KC', 'KCU')) AS offices,
    EXISTS (SELECT FROM programmes_stage) AS stages,
    EXISTS (SELECT FROM danom_batch) AS batches,
    EXISTS (SELECT FROM danom_batch WHERE approved_at IS NOT NULL) AS approved

-- name: demo_offices
-- The first branch with an approved list, and its region: where the demo's users work.
SELECT b.id AS branch, b.code AS branch_code, r.id AS region, r.code AS region_code
FROM offices_office AS b
LEFT JOIN offices_office AS r ON r.id = b.parent_id AND r.kind = 'REGION'
WHERE b.kind IN ('KC', 'KCU')
ORDER BY EXISTS (SELECT FROM danom_tally AS t WHERE t.branch = b.id) DESC, b.code
LIMIT 1

-- name: watched
-- What an operator watches, each in a millisecond: stages that run, phones, cases, jobs, and the server itself.
SELECT 'salur_entitlements' AS name, json_build_object('stage', s.code)::text AS labels, sum(t.lines)::float AS value
FROM (SELECT * FROM monitoring_tally UNION ALL SELECT * FROM monitoring_change) AS t JOIN programmes_stage AS s ON s.id = t.stage
WHERE s.deadline >= (%(now)s::timestamptz - interval '60 days')::date GROUP BY s.code
UNION ALL
SELECT 'salur_paid', json_build_object('stage', s.code)::text, sum(t.paid)
FROM (SELECT * FROM monitoring_tally UNION ALL SELECT * FROM monitoring_change) AS t JOIN programmes_stage AS s ON s.id = t.stage
WHERE s.deadline >= (%(now)s::timestamptz - interval '60 days')::date GROUP BY s.code
UNION ALL
SELECT 'salur_phones_enrolled', '{}', count(*) FROM field_device WHERE revoked_at IS NULL
UNION ALL
SELECT 'salur_phones_silent', '{}', count(*) FROM field_device
WHERE revoked_at IS NULL AND last_seen_at < %(now)s::timestamptz - interval '24 hours' AND last_seen_at > %(now)s::timestamptz - interval '14 days'
UNION ALL
SELECT 'salur_phones_unsent_transactions', '{}', coalesce(sum(unsent), 0) FROM field_device WHERE revoked_at IS NULL
UNION ALL
SELECT 'salur_jobs', json_build_object('status', status)::text, count(*) FROM procrastinate_jobs
WHERE status IN ('todo', 'doing', 'failed') GROUP BY status
UNION ALL
SELECT 'salur_database_bytes', '{}', pg_database_size(current_database())
UNION ALL
SELECT 'salur_database_connections', '{}', count(*) FROM pg_stat_activity WHERE datname = current_database()
UNION ALL
SELECT 'salur_database_oldest_transaction_seconds', '{}',
    coalesce(extract(epoch FROM max(clock_timestamp() - xact_start)), 0) FROM pg_stat_activity WHERE datname = current_database()
UNION ALL
SELECT 'salur_archive_failures', '{}', failed_count FROM pg_stat_archiver
UNION ALL
SELECT 'salur_archive_age_seconds', '{}', extract(epoch FROM clock_timestamp() - last_archived_time) FROM pg_stat_archiver
WHERE last_archived_time IS NOT NULL

-- name: people
-- Who has one of these roles at or below an office (none: in the country), and who is invited to one and has not come yet.
WITH RECURSIVE below AS (
    SELECT id FROM offices_office WHERE id = %(office)s
    UNION ALL
    SELECT o.id FROM offices_office AS o JOIN below ON o.parent_id = below.id
),
factor AS (
    SELECT user_id, count(*) FILTER (WHERE type IN ('totp', 'webauthn')) AS factors FROM mfa_authenticator GROUP BY user_id
),
found AS (
    SELECT u.id, u.username, m.role, m.office_id, m.ends, m.external, u.last_login, coalesce(f.factors, 0) AS factors,
        NULL::timestamptz AS invited_at, NULL::timestamptz AS expires_at, '' AS invited_by
    FROM web_membership AS m JOIN auth_user AS u ON u.id = m.user_id LEFT JOIN factor AS f ON f.user_id = u.id
    UNION ALL
    SELECT NULL, i.username, i.role, i.office_id, i.ends, i.external, NULL, 0, i.invited_at, i.expires_at, i.invited_by
    FROM web_invitation AS i WHERE i.accepted_at IS NULL AND i.withdrawn_at IS NULL
)
SELECT f.*, coalesce(o.code, '') AS office_code, coalesce(o.name, '') AS office_name, coalesce(o.timezone, 'Asia/Jakarta') AS timezone,
    coalesce(f.id IS NOT NULL AND f.ends < (%(now)s::timestamptz AT TIME ZONE coalesce(o.timezone, 'Asia/Jakarta'))::date, false) AS ended
FROM found AS f LEFT JOIN offices_office AS o ON o.id = f.office_id
WHERE f.role = ANY (%(roles)s) AND (%(office)s::integer IS NULL OR f.office_id IN (SELECT id FROM below))
ORDER BY f.invited_at DESC NULLS LAST, o.code NULLS FIRST, f.role, f.username
LIMIT 2000

-- name: offices_below
-- The offices of some kinds at or below an office (none: in the country).
WITH RECURSIVE below AS (
    SELECT id FROM offices_office WHERE id = %(office)s::integer OR (%(office)s::integer IS NULL AND parent_id IS NULL)
    UNION ALL
    SELECT o.id FROM offices_office AS o JOIN below ON o.parent_id = below.id
)
SELECT o.id, o.code, o.name, o.kind FROM offices_office AS o JOIN below ON below.id = o.id
WHERE o.kind = ANY (%(kinds)s)
ORDER BY array_position(ARRAY['REGION', 'KCU', 'KC', 'KCP'], o.kind), o.name, o.code

-- name: offices_above
-- An office and everything above it.
WITH RECURSIVE up AS (
    SELECT id, parent_id FROM offices_office WHERE id = %(office)s
    UNION ALL
    SELECT o.id, o.parent_id FROM offices_office AS o JOIN up ON o.id = up.parent_id
)
SELECT id FROM up

-- name: roles_mark
-- Hangs on every row that lets somebody in; the order of the rows changes nothing.
SELECT coalesce(sum(hashtextextended(concat_ws(' ', m::text, u.username, u.password, u.is_active), 0)::numeric), 0)::text AS mark
FROM web_membership AS m JOIN auth_user AS u ON u.id = m.user_id
