-- migrate:up

-- People are known by their e-mail address, wherever they belong; what they may do is said by a membership.
CREATE TABLE person (
    person_id       text        PRIMARY KEY CHECK (length(person_id) BETWEEN 1 AND 64),
    email           text        NOT NULL UNIQUE CHECK (email = lower(email) AND length(email) BETWEEN 3 AND 200),
    name            text        NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    password_hash   text, -- Argon2id; null: signs in by a link or by another provider
    password_set_at timestamptz,
    totp_secret     text,
    totp_since      timestamptz, -- null: offered, not confirmed yet; it is not asked for
    totp_step       bigint,      -- the last that was used: a code is good once
    recovery_sha256 bytea[]     NOT NULL DEFAULT '{}',
    created_at      timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE membership (
    organization_id text        NOT NULL CHECK (length(organization_id) BETWEEN 1 AND 64),
    person_id       text        NOT NULL REFERENCES person,
    role            text        NOT NULL CHECK (
        role IN ('employee', 'finance_manager', 'org_admin', 'auditor', 'system_admin')),
    department_ids  text[]      NOT NULL DEFAULT '{}' CHECK (cardinality(department_ids) <= 100),
    employee_id     text        NOT NULL CHECK (length(employee_id) BETWEEN 1 AND 200),
    created_at      timestamptz NOT NULL DEFAULT now(),
    changed_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (organization_id, person_id)
);
CREATE INDEX membership_of_person ON membership (person_id);
COMMENT ON COLUMN membership.department_ids IS 'an employee''s own; a finance manager''s: none means all';
COMMENT ON COLUMN membership.employee_id IS 'as cards name their holder: what is his own';

CREATE TABLE person_session (
    session_sha256   bytea       PRIMARY KEY CHECK (length(session_sha256) = 32),
    session_id       text        NOT NULL UNIQUE,
    organization_id  text        NOT NULL,
    person_id        text        NOT NULL,
    created_at       timestamptz NOT NULL DEFAULT now(),
    seen_at          timestamptz NOT NULL DEFAULT now(),
    authenticated_at timestamptz, -- when a password or a provider last said who it is; null: a link did
    expires_at       timestamptz NOT NULL,
    ended_at         timestamptz,
    method           text        NOT NULL CHECK (method IN ('password', 'link', 'oidc')),
    address          text        NOT NULL CHECK (length(address) <= 100),
    user_agent       text        NOT NULL CHECK (length(user_agent) <= 300),
    FOREIGN KEY (organization_id, person_id) REFERENCES membership ON DELETE CASCADE
) WITH (fillfactor = 70);
CREATE INDEX person_session_of_person ON person_session (organization_id, person_id, created_at DESC);

-- Links that sign in, invite, or set a password: random, kept as their hash, good once and for a while.
CREATE TABLE access_link (
    link_sha256     bytea       PRIMARY KEY CHECK (length(link_sha256) = 32),
    link_id         text        NOT NULL UNIQUE,
    kind            text        NOT NULL CHECK (kind IN ('sign_in', 'invitation', 'password_reset')),
    organization_id text        NOT NULL,
    person_id       text        NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    created_by      text        NOT NULL,
    expires_at      timestamptz NOT NULL,
    used_at         timestamptz,
    FOREIGN KEY (organization_id, person_id) REFERENCES membership ON DELETE CASCADE
);
CREATE INDEX access_link_of_person ON access_link (organization_id, person_id);

ALTER TABLE api_key
    ADD COLUMN expires_at timestamptz,
    ADD COLUMN last_used_at timestamptz,
    ADD COLUMN created_by text,
    ADD COLUMN replaced_by text;
COMMENT ON COLUMN api_key.created_by IS 'the actor who made it by the API; null: made on the command line';

-- Before anybody is known there is no organization to look in: these few look-ups are done with the rights of
-- the tables' owner, by a secret's hash or an address, and show nothing else.

CREATE FUNCTION access_key(p_sha256 bytea) RETURNS SETOF api_key
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    UPDATE api_key SET last_used_at = now()
    WHERE key_sha256 = p_sha256 AND revoked_at IS NULL
        AND coalesce(last_used_at, '-infinity') < now() - interval '1 minute';
    SELECT * FROM api_key
    WHERE key_sha256 = p_sha256 AND revoked_at IS NULL AND coalesce(expires_at, 'infinity') > now();
$$;

CREATE FUNCTION access_session(p_sha256 bytea, p_idle interval) RETURNS TABLE (
    session_id text, organization_id text, person_id text, email text, name text, role text,
    department_ids text[], employee_id text, authenticated_at timestamptz, expires_at timestamptz,
    second_factor boolean)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    UPDATE person_session SET seen_at = now()
    WHERE session_sha256 = p_sha256 AND ended_at IS NULL
        AND person_session.expires_at > now() AND seen_at > now() - p_idle
        AND seen_at < now() - interval '30 seconds';
    SELECT s.session_id, s.organization_id, s.person_id, p.email, p.name, m.role, m.department_ids,
        m.employee_id, s.authenticated_at, s.expires_at, p.totp_since IS NOT NULL
    FROM person_session s
    JOIN membership m USING (organization_id, person_id)
    JOIN person p USING (person_id)
    WHERE s.session_sha256 = p_sha256 AND s.ended_at IS NULL
        AND s.expires_at > now() AND s.seen_at > now() - p_idle;
$$;

CREATE FUNCTION access_person(p_email text) RETURNS TABLE (
    person_id text, email text, name text, password_hash text, totp_secret text, second_factor boolean,
    organizations text[])
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT p.person_id, p.email, p.name, p.password_hash, p.totp_secret, p.totp_since IS NOT NULL,
        ARRAY(SELECT m.organization_id FROM membership m WHERE m.person_id = p.person_id
              ORDER BY m.created_at, m.organization_id)
    FROM person p WHERE p.email = lower(p_email);
$$;

-- A link, used up by being looked at.
CREATE FUNCTION access_link_use(p_sha256 bytea, p_kinds text[]) RETURNS TABLE (
    link_id text, kind text, organization_id text, person_id text, email text, second_factor boolean)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    UPDATE access_link l SET used_at = now()
    FROM person p
    WHERE l.link_sha256 = p_sha256 AND l.used_at IS NULL AND l.expires_at > now()
        AND l.kind = ANY (p_kinds) AND p.person_id = l.person_id
    RETURNING l.link_id, l.kind, l.organization_id, l.person_id, p.email, p.totp_since IS NOT NULL;
$$;

-- The person of an address, made where there is none: an invitation names people who may be known elsewhere.
CREATE FUNCTION access_person_for(p_person_id text, p_email text, p_name text) RETURNS text
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    INSERT INTO person (person_id, email, name) VALUES (p_person_id, lower(p_email), p_name)
    ON CONFLICT (email) DO UPDATE SET email = excluded.email
    RETURNING person_id;
$$;

-- A code of the second factor is good once.
CREATE FUNCTION access_totp_step(p_person_id text, p_step bigint) RETURNS boolean
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH used AS (
        UPDATE person SET totp_step = p_step
        WHERE person_id = p_person_id AND coalesce(totp_step, -1) < p_step RETURNING 1)
    SELECT EXISTS (SELECT FROM used);
$$;

CREATE FUNCTION access_recovery(p_person_id text, p_sha256 bytea) RETURNS boolean
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH used AS (
        UPDATE person SET recovery_sha256 = array_remove(recovery_sha256, p_sha256)
        WHERE person_id = p_person_id AND p_sha256 = ANY (recovery_sha256) RETURNING 1)
    SELECT EXISTS (SELECT FROM used);
$$;

REVOKE ALL ON FUNCTION access_key(bytea), access_session(bytea, interval), access_person(text),
    access_link_use(bytea, text[]), access_person_for(text, text, text), access_totp_step(text, bigint),
    access_recovery(text, bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION access_key(bytea), access_session(bytea, interval), access_person(text),
    access_link_use(bytea, text[]), access_person_for(text, text, text), access_totp_step(text, bigint),
    access_recovery(text, bytea) TO spendlog_api;

GRANT SELECT (person_id, email, name, password_set_at, totp_since, created_at),
    UPDATE (name, password_hash, password_set_at, totp_secret, totp_since, totp_step, recovery_sha256)
    ON person TO spendlog_api;
GRANT SELECT, INSERT, UPDATE, DELETE ON membership TO spendlog_api;
GRANT SELECT (session_id, organization_id, person_id, created_at, seen_at, authenticated_at, expires_at,
        ended_at, method, address, user_agent),
    INSERT, UPDATE (authenticated_at, ended_at) ON person_session TO spendlog_api;
GRANT SELECT (link_id, kind, organization_id, person_id, created_at, created_by, expires_at, used_at),
    INSERT, UPDATE (used_at) ON access_link TO spendlog_api;
GRANT INSERT, UPDATE (revoked_at, expires_at, replaced_by) ON api_key TO spendlog_api;
GRANT SELECT (person_id, email, name, created_at) ON person TO spendlog_auditor;
GRANT SELECT ON membership TO spendlog_auditor;
GRANT SELECT (expires_at, last_used_at, created_by, replaced_by) ON api_key TO spendlog_auditor;

-- migrate:down

DO $$ BEGIN RAISE EXCEPTION 'forward only: people and keys would be lost'; END $$;
