-- name: key_version
-- The version that new rows are sealed with.
SELECT coalesce(max(version), 1)::integer AS version FROM registry_key

-- name: lock_keys
-- One rotation at a time.
SELECT pg_advisory_xact_lock(hashtext('registry keys'))::text AS locked

-- name: parts
-- The tables that hold a table's rows: itself, or its partitions.
SELECT coalesce(part.relid, whole.oid)::regclass::text AS name
FROM pg_class AS whole LEFT JOIN LATERAL pg_partition_tree(whole.oid) AS part ON true
WHERE whole.oid = %(whole)s::regclass AND coalesce(part.isleaf, true)
ORDER BY 1

-- name: staged_pages
-- How long a staged table is, to take it in stretches.
SELECT (pg_relation_size(%(staged)s::regclass) / current_setting('block_size')::bigint)::integer AS pages

-- name: register_new
-- Families of one stretch of a staged table come into the registry, in the order of its key; those it knows stay as they are.
WITH registered AS (
    INSERT INTO registry_family (stage, branch, id, nik_sealed, kk_sealed, kk_key, key_version, name, birth_date, sex, address, rt, rw)
    SELECT stage, branch, id, nik_sealed, kk_sealed, kk_key, key_version, name, birth_date, sex, address, rt, rw
    FROM {lines} WHERE ctid >= %(start)s::text::tid AND ctid < %(end)s::text::tid
    ORDER BY id
    ON CONFLICT (id, branch, stage) DO NOTHING
    RETURNING 1
)
SELECT (SELECT count(*) FROM registered) AS registered,
    (SELECT count(*) FROM {lines} WHERE ctid >= %(start)s::text::tid AND ctid < %(end)s::text::tid) AS staged

-- name: refresh_known
-- Families that were known get what the newer list says of them; a family card that it does not name stays.
UPDATE registry_family AS f
SET name = s.name, birth_date = s.birth_date, sex = s.sex, address = s.address, rt = s.rt, rw = s.rw,
    kk_sealed = coalesce(s.kk_sealed, f.kk_sealed), kk_key = coalesce(s.kk_key, f.kk_key),
    nik_sealed = s.nik_sealed, key_version = s.key_version
FROM (SELECT * FROM {lines} WHERE ctid >= %(start)s::text::tid AND ctid < %(end)s::text::tid ORDER BY id) AS s
WHERE f.stage = s.stage AND f.id = s.id AND f.branch = s.branch
    AND (f.name, f.birth_date, f.sex, f.address, f.rt, f.rw, f.kk_key)
        IS DISTINCT FROM (s.name, s.birth_date, s.sex, s.address, s.rt, s.rw, coalesce(s.kk_key, f.kk_key))

-- name: look_up_by_key
-- For the transaction: a stretch is looked up in the registry by its key, never by reading all families.
SELECT set_config('enable_hashjoin', 'off', true) AS hashjoin, set_config('enable_mergejoin', 'off', true) AS mergejoin,
    set_config('enable_tidscan', 'on', true) AS tidscan, set_config('work_mem', '128MB', true) AS work_mem

-- name: family
-- A family as the newest stage's list names it, at a branch or at any.
SELECT branch, id, nik_sealed, kk_sealed, key_version, name FROM registry_family
WHERE id = %(id)s AND (%(branch)s::integer IS NULL OR branch = %(branch)s) ORDER BY stage DESC, branch LIMIT 1

-- name: count_old
-- How many rows of a sealed table an older key still seals.
SELECT count(*) AS rows FROM {lines} WHERE key_version < %(version)s
