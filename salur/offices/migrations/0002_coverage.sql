-- Who serves each village: the deepest service area that holds it (a deeper code is a larger number), and the branch of that
-- office: itself for a KCU or KC, for a KCP the nearest KCU or KC above it. Retired villages are covered as well: an old list
-- still names them. Touches only the villages whose office changed; answers how many those are.
--
-- A function, because two folders' verbs need it in their own transaction: an import of offices calls it, and an import of areas
-- (which stands below and knows no offices) wakes it through the trigger on areas_vintage.
CREATE FUNCTION offices_cover_villages() RETURNS bigint LANGUAGE sql AS $$
    -- Two imports at once would each cover by what it sees alone; the second waits, and its statement then sees both.
    LOCK TABLE offices_coverage IN SHARE ROW EXCLUSIVE MODE;
    WITH RECURSIVE branch_of AS (
        SELECT id AS office_id, id AS branch_id FROM offices_office WHERE kind IN ('KCU', 'KC')
        UNION ALL
        SELECT below.id, above.branch_id
        FROM branch_of AS above JOIN offices_office AS below ON below.parent_id = above.office_id AND below.kind = 'KCP'
    ),
    claimed AS (
        SELECT village.code AS village, COALESCE(desa.office_id, kecamatan.office_id, kabupaten.office_id, province.office_id) AS office_id
        FROM areas_area AS village
        LEFT JOIN offices_service_area AS desa ON desa.area = village.code
        LEFT JOIN offices_service_area AS kecamatan ON kecamatan.area = village.code / 10000
        LEFT JOIN offices_service_area AS kabupaten ON kabupaten.area = village.code / 1000000
        LEFT JOIN offices_service_area AS province ON province.area = village.code / 100000000
        WHERE village.level = 4
    ),
    served AS (SELECT claimed.village, branch_of.branch_id, claimed.office_id FROM claimed JOIN branch_of USING (office_id)),
    gone AS (
        DELETE FROM offices_coverage AS c WHERE NOT EXISTS (SELECT FROM served WHERE served.village = c.village)
        RETURNING c.village
    ),
    kept AS (
        INSERT INTO offices_coverage AS c (village, branch_id, office_id)
        SELECT village, branch_id, office_id FROM served
        ON CONFLICT (village) DO UPDATE SET branch_id = excluded.branch_id, office_id = excluded.office_id
        WHERE (c.branch_id, c.office_id) IS DISTINCT FROM (excluded.branch_id, excluded.office_id)
        RETURNING c.village
    )
    SELECT (SELECT count(*) FROM gone) + (SELECT count(*) FROM kept)
$$;

CREATE FUNCTION offices_cover_villages_on_new_vintage() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM offices_cover_villages();
    RETURN NULL;
END
$$;

CREATE TRIGGER offices_cover_villages AFTER INSERT OR UPDATE ON areas_vintage
    FOR EACH STATEMENT EXECUTE FUNCTION offices_cover_villages_on_new_vintage();
