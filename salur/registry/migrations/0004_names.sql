-- Finds a family by a part of its name within a branch: the branch's names lie together and are read from the index alone.
-- What is longer than a thousand bytes is no name, and would not fit into the index.
CREATE INDEX registry_family_name ON registry_family (branch, name) INCLUDE (id) WHERE octet_length(name) < 1000;
