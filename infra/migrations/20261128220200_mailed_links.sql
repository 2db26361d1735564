-- migrate:up

-- A link that went to somebody's own address is his, whatever else he belongs to; one that an admin was shown must
-- not reach into another organization.
ALTER TABLE access_link ADD COLUMN mailed boolean NOT NULL DEFAULT false;
GRANT SELECT (mailed) ON access_link TO spendlog_api;

CREATE OR REPLACE FUNCTION access_link_find(p_sha256 bytea, p_kinds text[]) RETURNS TABLE (
    organization_id text, person_id text, email text, name text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT l.organization_id, l.person_id, p.email, p.name
    FROM access_link l JOIN person p USING (person_id)
    WHERE l.link_sha256 = p_sha256 AND l.used_at IS NULL AND l.expires_at > now() AND l.kind = ANY (p_kinds)
        AND (l.kind <> 'password_reset' OR l.mailed OR NOT access_elsewhere(l.person_id, l.organization_id));
$$;

-- migrate:down

DO $$ BEGIN RAISE EXCEPTION 'forward only'; END $$;
