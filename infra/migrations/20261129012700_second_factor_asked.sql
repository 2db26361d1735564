-- migrate:up

-- Whether an organization asks its people for a second factor, and whether a session has one.
ALTER TABLE sign_on_policy ADD COLUMN second_factor boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN sign_on_policy.second_factor IS 'whether nobody gets any further than his own account without one';
ALTER TABLE person_session ADD COLUMN second_factor text CHECK (second_factor IN ('own', 'provider'));
COMMENT ON COLUMN person_session.second_factor IS 'whose was given: of the person, or at the provider; null: none';
GRANT UPDATE (second_factor) ON sign_on_policy TO spendlog_api;
GRANT SELECT (second_factor), UPDATE (second_factor) ON person_session TO spendlog_api;

DROP FUNCTION access_session(bytea, interval);
CREATE FUNCTION access_session(p_sha256 bytea, p_idle interval) RETURNS TABLE (
    session_id text, organization_id text, person_id text, email text, name text, role text,
    department_ids text[], employee_id text, authenticated_at timestamptz, expires_at timestamptz,
    second_factor boolean, factor_due boolean)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    UPDATE person_session SET seen_at = now()
    WHERE session_sha256 = p_sha256 AND ended_at IS NULL
        AND person_session.expires_at > now() AND seen_at > now() - p_idle
        AND seen_at < now() - interval '30 seconds';
    SELECT s.session_id, s.organization_id, s.person_id, p.email, p.name, m.role, m.department_ids,
        m.employee_id, s.authenticated_at, s.expires_at, p.totp_since IS NOT NULL,
        s.second_factor IS NULL AND EXISTS (
            SELECT FROM sign_on_policy o WHERE o.organization_id = s.organization_id AND o.second_factor)
    FROM person_session s
    JOIN membership m USING (organization_id, person_id)
    JOIN person p USING (person_id)
    WHERE s.session_sha256 = p_sha256 AND s.ended_at IS NULL
        AND s.expires_at > now() AND s.seen_at > now() - p_idle;
$$;
REVOKE ALL ON FUNCTION access_session(bytea, interval) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION access_session(bytea, interval) TO spendlog_api;

-- A provider by its id, also while it is turned off: an Org Admin tries it before it is turned on.
CREATE OR REPLACE FUNCTION access_provider(p_provider_id text) RETURNS SETOF identity_provider
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT * FROM identity_provider WHERE provider_id = p_provider_id;
$$;

-- migrate:down

DO $$ BEGIN RAISE EXCEPTION 'forward only: policies would be lost'; END $$;
