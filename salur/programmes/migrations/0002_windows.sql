-- The first moment at which nobody pays in a village any more. The stage's deadline, or the deepest extension of its file, ends with the day
-- at the branch; then each decision about the village in its turn: an extension never shortens, a freeze never lengthens, a reopening says
-- what counts. Nothing (NULL) when the stage was entered here after its deadline, as history is, and nobody decided. Asked only for what
-- is paid after the stage's first possible close.
CREATE FUNCTION programmes_closes_at(of_stage integer, at_branch integer, of_village bigint, zone text) RETURNS timestamptz
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    closes timestamptz;
    word record;
BEGIN
    SELECT (coalesce((
            SELECT x.deadline FROM programmes_extension AS x
            WHERE x.stage_id = s.id AND x.area IN (of_village, of_village / 10000, of_village / 1000000, of_village / 100000000)
            ORDER BY x.area DESC LIMIT 1
        ), s.deadline) + 1)::timestamp AT TIME ZONE zone
    INTO closes FROM programmes_stage AS s WHERE s.id = of_stage;
    closes := (SELECT closes FROM programmes_stage AS s WHERE s.id = of_stage AND s.entered_at < closes);
    FOR word IN
        SELECT d.change, d.closes_at FROM programmes_decision AS d
        WHERE d.stage_id = of_stage AND d.branch IN (0, at_branch)
            AND d.area IN (0, of_village, of_village / 10000, of_village / 1000000, of_village / 100000000)
        ORDER BY d.number
    LOOP
        closes := CASE word.change
            WHEN 'extended' THEN greatest(closes, word.closes_at)
            WHEN 'frozen' THEN least(closes, word.closes_at)
            ELSE word.closes_at
        END;
    END LOOP;
    RETURN closes;
END
$$;
