-- name: shapes
-- The shapes of these areas, and of others of the same kind that reach into the box around them or up to it; in the order of their codes.
WITH chosen AS (
    SELECT true AS chosen, code, polygons, west, south, east, north FROM areas_boundary WHERE code = ANY (%(codes)s::bigint[])
),
box AS (SELECT min(west) AS west, min(south) AS south, max(east) AS east, max(north) AS north FROM chosen)
SELECT * FROM chosen
UNION ALL
(
    SELECT false, b.code, b.polygons, b.west, b.south, b.east, b.north
    FROM areas_boundary AS b
    JOIN box ON b.west <= box.east AND b.east >= box.west AND b.south <= box.north AND b.north >= box.south
    WHERE b.code BETWEEN %(first_code)s::bigint AND %(last_code)s::bigint AND NOT b.code = ANY (%(codes)s::bigint[])
    LIMIT 400
)
ORDER BY code

-- name: located
-- Where the houses of some villages are, as known at a moment: the latest place of each, named by nothing.
SELECT g.lat_e7, g.lon_e7
FROM danom_entitlement AS e
CROSS JOIN LATERAL (
    SELECT t.lat_e7, t.lon_e7 FROM evidence_geotag AS t
    WHERE (t.stage, t.branch, t.entitlement) = (e.stage, e.branch, e.id)
        AND (%(as_of)s::timestamptz IS NULL OR CASE WHEN %(known)s THEN t.recorded_at ELSE t.taken_at END <= %(as_of)s::timestamptz)
    ORDER BY t.revision DESC LIMIT 1
) AS g
WHERE e.stage = %(stage)s AND e.version <= %(version)s AND e.village BETWEEN %(first_village)s AND %(last_village)s
    AND (e.branch = ANY (%(branches)s::integer[]) OR %(branches)s::integer[] IS NULL)
