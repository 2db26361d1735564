-- migrate:up

-- The last Org Admin stays one. Here and not in a statement, so that two who demote each other at one moment
-- wait for each other, and the second is refused.
CREATE FUNCTION keep_last_org_admin() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF OLD.role <> 'org_admin' OR (TG_OP = 'UPDATE' AND NEW.role = 'org_admin') THEN
        RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('org_admin ' || OLD.organization_id, 0));
    IF NOT EXISTS (
        SELECT FROM membership
        WHERE organization_id = OLD.organization_id AND role = 'org_admin' AND person_id <> OLD.person_id) THEN
        RAISE EXCEPTION '% is the last Org Admin of %', OLD.person_id, OLD.organization_id
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'last_org_admin';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END
$$;
CREATE TRIGGER last_org_admin BEFORE UPDATE OF role OR DELETE ON membership
    FOR EACH ROW EXECUTE FUNCTION keep_last_org_admin();

CREATE TABLE invitation (
    organization_id text        NOT NULL,
    invitation_id   text        NOT NULL CHECK (length(invitation_id) BETWEEN 1 AND 64),
    token_sha256    bytea       NOT NULL UNIQUE CHECK (length(token_sha256) = 32),
    email           text        NOT NULL CHECK (email = lower(email) AND length(email) BETWEEN 3 AND 200),
    name            text        NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    role            text        NOT NULL CHECK (
        role IN ('employee', 'finance_manager', 'org_admin', 'auditor', 'system_admin')),
    department_ids  text[]      NOT NULL CHECK (cardinality(department_ids) <= 100),
    employee_id     text        NOT NULL CHECK (length(employee_id) BETWEEN 1 AND 200),
    created_at      timestamptz NOT NULL DEFAULT now(),
    created_by      text        NOT NULL,
    created_by_id   text        NOT NULL,
    expires_at      timestamptz NOT NULL,
    accepted_at     timestamptz,
    withdrawn_at    timestamptz,
    PRIMARY KEY (organization_id, invitation_id)
);
-- One open invitation for an address: a second one takes the place of the first.
CREATE UNIQUE INDEX invitation_open ON invitation (organization_id, email)
    WHERE accepted_at IS NULL AND withdrawn_at IS NULL;
SELECT tenant_wall('invitation');

-- An invitation that can still be accepted, and what is known of whom it names. Whose token it is sees it.
CREATE FUNCTION access_invitation(p_sha256 bytea) RETURNS TABLE (
    organization_id text, invitation_id text, email text, name text, role text, department_ids text[],
    employee_id text, created_by text, person_id text, has_password boolean, elsewhere boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT i.organization_id, i.invitation_id, i.email, i.name, i.role, i.department_ids, i.employee_id,
        i.created_by, p.person_id, p.password_hash IS NOT NULL,
        EXISTS (SELECT FROM membership m
            WHERE m.person_id = p.person_id AND m.organization_id <> i.organization_id)
    FROM invitation i LEFT JOIN person p USING (email)
    WHERE i.token_sha256 = p_sha256 AND i.accepted_at IS NULL AND i.withdrawn_at IS NULL AND i.expires_at > now();
$$;

-- Whether somebody belongs to another organization as well: then what this one's admins may do ends where it
-- would reach into that one, as a new password does.
CREATE FUNCTION access_elsewhere(p_person_id text, p_organization_id text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT EXISTS (SELECT FROM membership
        WHERE person_id = p_person_id AND organization_id <> p_organization_id);
$$;

-- A new password of one of this organization, and the end of all his sessions but one, in every organization: a
-- password is a person's.
CREATE FUNCTION access_set_password(p_person_id text, p_hash text, p_but_session text) RETURNS text[]
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH one AS (
        UPDATE person SET password_hash = p_hash, password_set_at = now()
        WHERE person_id = p_person_id AND EXISTS (SELECT FROM membership m WHERE m.person_id = p_person_id
            AND m.organization_id = current_setting('spendlog.organization', true))
        RETURNING person_id
    ), ended AS (
        UPDATE person_session s SET ended_at = now() FROM one
        WHERE s.person_id = one.person_id AND ended_at IS NULL AND session_id IS DISTINCT FROM p_but_session
    ), used AS (
        UPDATE access_link l SET used_at = now() FROM one
        WHERE l.person_id = one.person_id AND used_at IS NULL AND kind = 'password_reset'
    )
    SELECT ARRAY(SELECT m.organization_id FROM membership m WHERE m.person_id = one.person_id
        ORDER BY m.organization_id) FROM one;
$$;

-- A link that can still be used, only looked at.
CREATE FUNCTION access_link_find(p_sha256 bytea, p_kinds text[]) RETURNS TABLE (
    organization_id text, person_id text, email text, name text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT l.organization_id, l.person_id, p.email, p.name
    FROM access_link l JOIN person p USING (person_id)
    WHERE l.link_sha256 = p_sha256 AND l.used_at IS NULL AND l.expires_at > now() AND l.kind = ANY (p_kinds)
        AND (l.kind <> 'password_reset' OR NOT access_elsewhere(l.person_id, l.organization_id));
$$;

REVOKE ALL ON FUNCTION access_invitation(bytea), access_link_find(bytea, text[]), access_elsewhere(text, text),
    access_set_password(text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION access_invitation(bytea), access_link_find(bytea, text[]), access_elsewhere(text, text),
    access_set_password(text, text, text) TO spendlog_api;
REVOKE UPDATE ON person FROM spendlog_api;
GRANT UPDATE (totp_secret, totp_since, totp_step, recovery_sha256) ON person TO spendlog_api;
GRANT SELECT (organization_id, invitation_id, email, name, role, department_ids, employee_id, created_at, created_by,
        created_by_id, expires_at, accepted_at, withdrawn_at),
    INSERT, UPDATE (accepted_at, withdrawn_at) ON invitation TO spendlog_api;

-- migrate:down

DO $$ BEGIN RAISE EXCEPTION 'forward only: invitations would be lost'; END $$;
