-- A phone's events are found by phone and number, whatever their stage: so the key begins with them, and lies in the order of arrival.
ALTER TABLE field_answer DROP CONSTRAINT field_answer_event_fkey;
ALTER TABLE field_event DROP CONSTRAINT field_event_pkey;
ALTER TABLE field_event ADD CONSTRAINT field_event_pkey PRIMARY KEY (device, seq, stage, branch);
ALTER TABLE field_answer ADD CONSTRAINT field_answer_event_fkey
    FOREIGN KEY (stage, branch, device, seq) REFERENCES field_event (stage, branch, device, seq);

UPDATE field_device AS d SET highest_seq = greatest(last_seq, (SELECT coalesce(max(e.seq), 0) FROM field_event AS e WHERE e.device = d.id));

-- Which event speaks of which photo; whether it is here, field_blob tells.
CREATE TABLE field_photo (
    stage integer NOT NULL,
    branch integer NOT NULL,
    device uuid NOT NULL,
    seq bigint NOT NULL,
    sha256 bytea NOT NULL CONSTRAINT field_photo_is_sha256 CHECK (length(sha256) = 32),
    kind text NOT NULL,
    bytes integer NOT NULL CONSTRAINT field_photo_has_bytes CHECK (bytes > 0),
    CONSTRAINT field_photo_pkey PRIMARY KEY (device, sha256, seq, stage, branch)
) PARTITION BY LIST (stage);
CREATE TABLE field_photo_s0 PARTITION OF field_photo FOR VALUES IN (0);
-- A stage that is open already gets its partition; later ones get theirs when they are opened.
DO $$
DECLARE known record;
BEGIN
    FOR known IN SELECT id FROM programmes_stage WHERE to_regclass('field_event_s' || id) IS NOT NULL LOOP
        EXECUTE format('CREATE TABLE field_photo_s%s PARTITION OF field_photo FOR VALUES IN (%s)', known.id, known.id);
    END LOOP;
END $$;
