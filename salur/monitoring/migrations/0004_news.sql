-- How many changes a row is the sum of. Two looks at a branch that count the same have seen the same, whoever committed first: an open board
-- is told that nothing changed without being added up. A change is 1 by default, so the functions that note one need not say so.
ALTER TABLE monitoring_tally ADD COLUMN news bigint NOT NULL DEFAULT 1;
ALTER TABLE monitoring_change ADD COLUMN news bigint NOT NULL DEFAULT 1;
