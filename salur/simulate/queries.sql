-- name: villages
-- The villages of today's register, by code, and whether an office serves them.
SELECT a.code, c.village IS NOT NULL AS served
FROM areas_area AS a LEFT JOIN offices_coverage AS c ON c.village = a.code
WHERE a.level = 4 AND a.last_vintage = (SELECT max(code) FROM areas_vintage)
ORDER BY a.code;

-- name: entitlements
-- A branch's list in the order of the ministry's file: what a campaign is played over.
SELECT id, village FROM danom_entitlement WHERE stage = %(stage)s AND branch = %(branch)s ORDER BY version, line
