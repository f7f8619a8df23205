-- Django's cache in the database (settings.CACHES): wrong attempts are counted by all processes of the server together.
-- A table that `createcachetable` would make; made here, so that a new home needs no further step.
CREATE TABLE web_cache (
    cache_key varchar(255) PRIMARY KEY,
    value text NOT NULL,
    expires timestamptz NOT NULL
);
CREATE INDEX web_cache_expires ON web_cache (expires);
