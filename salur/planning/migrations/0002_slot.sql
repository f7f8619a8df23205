-- When and where one family is paid. A plan that is published later writes new rows only for families whose place or time it changes:
-- the highest version of a family counts. No foreign key to the list, because a correction may take a planned family away;
-- `salur verify` and the next plan see it.
CREATE TABLE planning_slot (
    stage integer NOT NULL,
    branch integer NOT NULL,
    entitlement uuid NOT NULL,
    version integer NOT NULL,
    village bigint NOT NULL,
    channel text CONSTRAINT planning_slot_channel_known CHECK (channel IN ('session', 'door', 'office')),
    number integer,
    seat smallint CONSTRAINT planning_slot_seat_counted CHECK (seat >= 1),
    position integer CONSTRAINT planning_slot_position_counted CHECK (position >= 1),
    day date,
    starts_at timestamptz,
    ends_at timestamptz,
    CONSTRAINT planning_slot_pkey PRIMARY KEY (stage, branch, entitlement, version),
    CONSTRAINT planning_slot_whole CHECK (num_nulls(channel, number, position, day, starts_at, ends_at) IN (0, 6)),
    CONSTRAINT planning_slot_ends_later CHECK (starts_at < ends_at)
) PARTITION BY LIST (stage);

-- A village's letters and sheets; a day's work lists.
CREATE INDEX planning_slot_village ON planning_slot (branch, village);
CREATE INDEX planning_slot_day ON planning_slot (branch, day);

-- Stages that are here already get their partition; later ones with all other hot tables (lib/stage_tables.py).
DO $$
DECLARE known integer;
BEGIN
    FOR known IN SELECT id FROM programmes_stage LOOP
        EXECUTE format('CREATE TABLE planning_slot_s%s PARTITION OF planning_slot FOR VALUES IN (%s)', known, known);
    END LOOP;
END $$;
