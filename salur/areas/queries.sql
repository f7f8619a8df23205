-- name: lock_register
-- One import at a time: a second one waits, and then sees what the first one wrote.
LOCK TABLE areas_vintage IN SHARE ROW EXCLUSIVE MODE;

-- name: newest_vintage
-- The vintage whose areas are current; NULL before the first import.
SELECT max(code) AS code FROM areas_vintage;

-- name: codes_of_vintage
-- The codes a vintage has already, so that a register may come in several files.
SELECT code FROM areas_entry WHERE vintage = %(vintage)s;

-- name: count_retiring
-- How many areas are current, and how many of them a newer register does not name.
SELECT count(*) AS current, count(*) FILTER (WHERE NOT code = ANY (%(codes)s::bigint[])) AS missing
FROM areas_area WHERE last_vintage = (SELECT max(code) FROM areas_vintage);

-- name: import_register
-- Write a register: entries of its vintage, areas new to us, longer life and the latest name for areas known. Vintages may come in
-- any order. Answers how many rows came to be or changed.
WITH incoming AS (
    SELECT * FROM unnest(%(codes)s::bigint[], %(names)s::text[], %(levels)s::smallint[]) AS i (code, name, level)
),
entered AS (
    INSERT INTO areas_entry AS e (vintage, code, name)
    SELECT %(vintage)s::text, code, name FROM incoming
    ON CONFLICT (vintage, code) DO UPDATE SET name = excluded.name WHERE e.name <> excluded.name
    RETURNING e.code
),
merged AS (
    INSERT INTO areas_area AS a (code, name, level, first_vintage, last_vintage)
    SELECT code, name, level, %(vintage)s::text, %(vintage)s::text FROM incoming
    ON CONFLICT (code) DO UPDATE SET
        name = CASE WHEN excluded.last_vintage >= a.last_vintage THEN excluded.name ELSE a.name END,
        first_vintage = LEAST(a.first_vintage, excluded.first_vintage),
        last_vintage = GREATEST(a.last_vintage, excluded.last_vintage)
    WHERE excluded.first_vintage < a.first_vintage OR excluded.last_vintage > a.last_vintage
        OR (excluded.last_vintage = a.last_vintage AND excluded.name <> a.name)
    RETURNING a.xmax = 0 AS created
)
SELECT
    (SELECT count(*) FROM entered) AS entered,
    (SELECT count(*) FROM merged WHERE created) AS created,
    (SELECT count(*) FROM merged WHERE NOT created) AS changed;

-- name: analyze_register
-- An import that was taken back can leave statistics that say the tables are empty; what follows would then read 91,000 rows 91,000 times.
ANALYZE areas_area, areas_entry;

-- name: count_vintage
-- The areas of a vintage by level.
SELECT a.level, count(*) AS areas
FROM areas_entry AS e JOIN areas_area AS a USING (code)
WHERE e.vintage = %(vintage)s
GROUP BY a.level ORDER BY a.level;

-- name: count_retired
-- The areas that ceased, and how many of those say what took over.
SELECT count(*) AS retired, count(*) FILTER (WHERE EXISTS (SELECT FROM areas_successor AS s WHERE s.old = a.code)) AS linked
FROM areas_area AS a WHERE a.last_vintage < (SELECT max(code) FROM areas_vintage);

-- name: unknown_codes
-- Which of the given codes were never in any vintage.
SELECT given.code
FROM unnest(%(codes)s::bigint[]) AS given (code) LEFT JOIN areas_area AS a ON a.code = given.code
WHERE a.code IS NULL ORDER BY given.code;

-- name: import_links
-- Add links that are not there; answers how many are new.
WITH added AS (
    INSERT INTO areas_successor (old, new)
    SELECT * FROM unnest(%(olds)s::bigint[], %(news)s::bigint[])
    ON CONFLICT (old, new) DO NOTHING
    RETURNING old
)
SELECT count(*) AS added FROM added;

-- name: set_centroids
-- Write centroids of known areas; answers how many changed.
WITH changed AS (
    UPDATE areas_area AS a SET lat = i.lat, lng = i.lng
    FROM unnest(%(codes)s::bigint[], %(lats)s::float8[], %(lngs)s::float8[]) AS i (code, lat, lng)
    WHERE a.code = i.code AND (a.lat, a.lng) IS DISTINCT FROM (i.lat, i.lng)
    RETURNING a.code
)
SELECT count(*) AS changed FROM changed;

-- name: set_signal
-- Write whether known areas have signal; answers how many changed.
WITH changed AS (
    UPDATE areas_area AS a SET online = i.online
    FROM unnest(%(codes)s::bigint[], %(values)s::boolean[]) AS i (code, online)
    WHERE a.code = i.code AND a.online IS DISTINCT FROM i.online
    RETURNING a.code
)
SELECT count(*) AS changed FROM changed;

-- name: set_postal_codes
-- Write postal codes of known areas; answers how many changed.
WITH changed AS (
    UPDATE areas_area AS a SET postal_code = i.postal_code
    FROM unnest(%(codes)s::bigint[], %(values)s::text[]) AS i (code, postal_code)
    WHERE a.code = i.code AND a.postal_code IS DISTINCT FROM i.postal_code
    RETURNING a.code
)
SELECT count(*) AS changed FROM changed;

-- name: set_boundaries
-- Write the shapes of known areas; answers how many changed.
WITH changed AS (
    INSERT INTO areas_boundary AS b (code, polygons, west, south, east, north)
    SELECT i.code, i.polygons::jsonb, i.west, i.south, i.east, i.north
    FROM unnest(%(codes)s::bigint[], %(polygons)s::text[], %(wests)s::integer[], %(souths)s::integer[], %(easts)s::integer[], %(norths)s::integer[])
        AS i (code, polygons, west, south, east, north)
    JOIN areas_area AS a ON a.code = i.code
    ON CONFLICT (code) DO UPDATE
    SET polygons = excluded.polygons, west = excluded.west, south = excluded.south, east = excluded.east, north = excluded.north
    WHERE b.polygons <> excluded.polygons
    RETURNING b.code
)
SELECT count(*) AS changed FROM changed;

-- name: current_of_retired
-- What a retired code means today: followed over several decrees to areas that are current, and only where that is exactly one
-- (a village that was split is for a person to decide). For readers of old lists.
WITH RECURSIVE newest AS (SELECT max(code) AS vintage FROM areas_vintage),
followed AS (
    SELECT s.old, s.new FROM areas_successor AS s JOIN areas_area AS a ON a.code = s.old CROSS JOIN newest
    WHERE a.last_vintage < newest.vintage
    UNION -- not UNION ALL: a link back to where it came from ends here
    SELECT f.old, s.new
    FROM followed AS f JOIN areas_area AS a ON a.code = f.new JOIN areas_successor AS s ON s.old = f.new CROSS JOIN newest
    WHERE a.last_vintage < newest.vintage
)
SELECT f.old, min(f.new) AS current
FROM followed AS f JOIN areas_area AS a ON a.code = f.new CROSS JOIN newest
WHERE a.last_vintage = newest.vintage
GROUP BY f.old HAVING count(*) = 1
ORDER BY f.old;

-- name: retired_without_successor
-- Areas that ceased and nobody knows what took over, from province to village.
SELECT code, name FROM areas_area AS a
WHERE last_vintage < (SELECT max(code) FROM areas_vintage) AND NOT EXISTS (SELECT FROM areas_successor AS s WHERE s.old = a.code)
ORDER BY level, code;

-- name: named
-- The names of all current areas and of those that ceased, with whether they are current and the vintages they lived through.
SELECT code, name, first_vintage, last_vintage, last_vintage = (SELECT max(code) FROM areas_vintage) AS current FROM areas_area;

-- name: single_links
-- What took over from an area, where that is one area: to follow the parents of a village over a decree.
SELECT old, min(new) AS new FROM areas_successor GROUP BY old HAVING count(*) = 1;

-- name: find
-- Areas whose name holds a text, or whose code is it; current ones first, the larger before the smaller.
SELECT a.code, a.name, a.level, a.last_vintage, a.last_vintage = (SELECT max(code) FROM areas_vintage) AS current,
    kecamatan.name AS kecamatan, kabupaten.name AS kabupaten, province.name AS province,
    ARRAY(SELECT s.new FROM areas_successor AS s WHERE s.old = a.code ORDER BY s.new) AS successors
FROM areas_area AS a
LEFT JOIN areas_area AS kecamatan ON a.level = 4 AND kecamatan.code = a.code / 10000
LEFT JOIN areas_area AS kabupaten
    ON a.level > 2 AND kabupaten.code = CASE a.level WHEN 4 THEN a.code / 1000000 ELSE a.code / 100 END
LEFT JOIN areas_area AS province
    ON a.level > 1 AND province.code = CASE a.level WHEN 4 THEN a.code / 100000000 WHEN 3 THEN a.code / 10000 ELSE a.code / 100 END
WHERE strpos(lower(a.name), lower(%(text)s::text)) > 0 OR a.code = %(code)s::bigint
ORDER BY current DESC, a.level, a.code
LIMIT %(limit)s::int;
