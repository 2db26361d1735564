-- migrate:up

-- The second wall: whatever a statement of the API asks, PostgreSQL shows its role the rows of one organization,
-- which the session names in `spendlog.organization`; none where it names none. Forced, so that a table's owner
-- is subject to it as well and has a policy of his own.

CREATE FUNCTION tenant_wall(p_table regclass) RETURNS void
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', p_table);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', p_table);
    -- In a sub-select, so that it is looked up once and not for each row.
    EXECUTE format(
        'CREATE POLICY tenant ON %s TO spendlog_api '
        'USING (organization_id = (SELECT current_setting(''spendlog.organization'', true)))', p_table);
    EXECUTE format('CREATE POLICY owner ON %s TO CURRENT_USER USING (true)', p_table);
END
$$;
COMMENT ON FUNCTION tenant_wall IS 'for each new table with an organization_id; tests/api/test_walls.py asks for it';
REVOKE ALL ON FUNCTION tenant_wall(regclass) FROM PUBLIC;

DO $$
DECLARE
    one regclass;
BEGIN
    FOR one IN
        SELECT c.oid::regclass FROM pg_class c
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'organization_id' AND NOT a.attisdropped
        WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace
        ORDER BY c.relname
    LOOP
        PERFORM tenant_wall(one);
    END LOOP;
END
$$;

-- A person is seen by those whose organization he belongs to.
ALTER TABLE person ENABLE ROW LEVEL SECURITY;
ALTER TABLE person FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON person TO spendlog_api
    USING (EXISTS (SELECT FROM membership m WHERE m.person_id = person.person_id));
CREATE POLICY owner ON person TO CURRENT_USER USING (true);

-- A view asks with the rights of its owner, who sees all, unless told otherwise.
DO $$
DECLARE
    one regclass;
BEGIN
    FOR one IN
        SELECT oid::regclass FROM pg_class WHERE relkind = 'v' AND relnamespace = 'public'::regnamespace
    LOOP
        EXECUTE format('ALTER VIEW %s SET (security_invoker = true)', one);
    END LOOP;
END
$$;

-- These are of the system and not of a tenant: they write and read for all. Without policies, which COPY does
-- not take, and at no cost.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY[
        'spendlog_sink', 'spendlog_ticker', 'spendlog_webhooks', 'spendlog_auditor'] LOOP
        IF NOT (SELECT rolbypassrls FROM pg_roles WHERE rolname = name) THEN
            EXECUTE format('ALTER ROLE %I BYPASSRLS', name);
        END IF;
    END LOOP;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE EXCEPTION 'the roles spendlog_sink, spendlog_ticker, spendlog_webhooks and spendlog_auditor need '
        'BYPASSRLS, which this user may not give: let a superuser give it, and migrate again';
END
$$;

-- migrate:down

DO $$ BEGIN RAISE EXCEPTION 'forward only: tenants would see each other'; END $$;
