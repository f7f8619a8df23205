-- The families that were known come into the part of every stage that has them on its list.
DO $$
DECLARE stage integer;
BEGIN
    FOR stage IN SELECT DISTINCT e.stage FROM danom_entitlement AS e LOOP
        EXECUTE format('CREATE TABLE registry_family_s%1$s PARTITION OF registry_family FOR VALUES IN (%1$s)', stage);
    END LOOP;
    INSERT INTO registry_family (stage, branch, id, nik_sealed, kk_sealed, kk_key, key_version, name, birth_date, sex, address, rt, rw)
    SELECT e.stage, f.branch, f.id, f.nik_sealed, f.kk_sealed, f.kk_key, f.key_version, f.name, f.birth_date, f.sex, f.address, f.rt, f.rw
    FROM danom_entitlement AS e JOIN registry_family_before AS f ON f.id = e.family AND f.branch = e.branch;
END $$;
DROP TABLE registry_family_before;
