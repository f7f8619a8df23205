-- name: shapes
-- The shapes of these areas, in the order of their codes.
SELECT code, polygons, west, south, east, north FROM areas_boundary WHERE code = ANY (%(codes)s::bigint[]) ORDER BY code

-- name: neighbours
-- The shapes of other areas of the same kind that reach into a box or up to it.
SELECT code, polygons, west, south, east, north FROM areas_boundary
WHERE code BETWEEN %(first_code)s::bigint AND %(last_code)s::bigint AND NOT code = ANY (%(codes)s::bigint[])
    AND west <= %(east)s AND east >= %(west)s AND south <= %(north)s AND north >= %(south)s
ORDER BY code
LIMIT 400

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
