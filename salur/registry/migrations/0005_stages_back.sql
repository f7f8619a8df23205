DROP TABLE registry_family;
ALTER TABLE registry_family_before RENAME TO registry_family;
ALTER TABLE registry_family RENAME CONSTRAINT registry_family_before_pkey TO registry_family_pkey;
CREATE INDEX registry_family_name ON registry_family (branch, name) INCLUDE (id) WHERE octet_length(name) < 1000;
