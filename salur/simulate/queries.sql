-- name: villages
-- The villages of today's register, by code, and whether an office serves them.
SELECT a.code, c.village IS NOT NULL AS served
FROM areas_area AS a LEFT JOIN offices_coverage AS c ON c.village = a.code
WHERE a.level = 4 AND a.last_vintage = (SELECT max(code) FROM areas_vintage)
ORDER BY a.code;
