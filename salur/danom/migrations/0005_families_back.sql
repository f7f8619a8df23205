CREATE TABLE registry_family_before (LIKE registry_family INCLUDING CONSTRAINTS INCLUDING DEFAULTS);
INSERT INTO registry_family_before SELECT DISTINCT ON (id, branch) * FROM registry_family ORDER BY id, branch, stage DESC;
ALTER TABLE registry_family_before DROP COLUMN stage, ADD CONSTRAINT registry_family_before_pkey PRIMARY KEY (id, branch);
