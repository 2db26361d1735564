-- migrate:up

-- Who says for an organization who somebody is.
CREATE TABLE identity_provider (
    organization_id text        NOT NULL CHECK (length(organization_id) BETWEEN 1 AND 64),
    provider_id     text        NOT NULL UNIQUE CHECK (length(provider_id) BETWEEN 1 AND 64),
    protocol        text        NOT NULL CHECK (protocol IN ('oidc')),
    name            text        NOT NULL CHECK (length(name) BETWEEN 1 AND 60),
    issuer          text        NOT NULL CHECK (length(issuer) BETWEEN 1 AND 2000),
    client_id       text        NOT NULL CHECK (length(client_id) BETWEEN 1 AND 300),
    secret_sealed   text        CHECK (length(secret_sealed) <= 2000), -- null: a public client
    domains         text[]      NOT NULL CHECK (cardinality(domains) <= 50),
    mapping         jsonb       NOT NULL,
    mapped_by       text        NOT NULL,
    mapped_by_id    text        NOT NULL,
    enabled         boolean     NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    changed_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (organization_id, provider_id)
);
CREATE INDEX identity_provider_domains ON identity_provider USING gin (domains);
COMMENT ON COLUMN identity_provider.domains IS 'of which e-mail addresses may be; none: all';
COMMENT ON COLUMN identity_provider.mapped_by_id IS 'the person or key whose permission the mapping gives from';
SELECT tenant_wall('identity_provider');

-- A subject of a provider is one person, and a person one subject of it: an e-mail address that is given to
-- somebody new opens nothing of him who had it before.
CREATE TABLE provider_identity (
    organization_id text        NOT NULL,
    provider_id     text        NOT NULL,
    subject         text        NOT NULL CHECK (length(subject) BETWEEN 1 AND 255),
    person_id       text        NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    seen_at         timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (organization_id, provider_id, subject),
    UNIQUE (organization_id, provider_id, person_id),
    FOREIGN KEY (organization_id, provider_id) REFERENCES identity_provider ON DELETE CASCADE,
    FOREIGN KEY (organization_id, person_id) REFERENCES membership ON DELETE CASCADE
);
CREATE INDEX provider_identity_of_person ON provider_identity (organization_id, person_id);
SELECT tenant_wall('provider_identity');

-- Whether passwords let people in.
CREATE TABLE sign_on_policy (
    organization_id text        PRIMARY KEY,
    required        boolean     NOT NULL,
    break_glass_id  text,
    changed_at      timestamptz NOT NULL DEFAULT now(),
    CHECK (NOT required OR break_glass_id IS NOT NULL)
);
COMMENT ON COLUMN sign_on_policy.break_glass_id IS 'the one Org Admin whose password still does';
SELECT tenant_wall('sign_on_policy');

-- Who would be needed when the provider is away can be neither removed nor made something else.
CREATE FUNCTION keep_break_glass() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF (TG_OP = 'DELETE' OR NEW.role <> OLD.role) AND EXISTS (
        SELECT FROM sign_on_policy
        WHERE organization_id = OLD.organization_id AND required AND break_glass_id = OLD.person_id) THEN
        RAISE EXCEPTION '% is the break-glass admin of %', OLD.person_id, OLD.organization_id
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'break_glass';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END
$$;
CREATE TRIGGER break_glass BEFORE UPDATE OF role OR DELETE ON membership
    FOR EACH ROW EXECUTE FUNCTION keep_break_glass();

-- Before anybody is known: a provider by its id, and those that a sign-in page offers.
CREATE FUNCTION access_provider(p_provider_id text) RETURNS SETOF identity_provider
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT * FROM identity_provider WHERE provider_id = p_provider_id AND enabled;
$$;

CREATE FUNCTION access_providers(p_organization_id text, p_domain text) RETURNS TABLE (
    organization_id text, provider_id text, name text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT p.organization_id, p.provider_id, p.name FROM identity_provider p
    WHERE enabled AND (p.organization_id = p_organization_id OR p.domains @> ARRAY[p_domain])
    ORDER BY 1, 3, 2 LIMIT 20;
$$;

-- Those of some organizations that do not let this person in by a password. A person may be null: nobody yet.
CREATE FUNCTION access_sign_on_required(p_organizations text[], p_person_id text) RETURNS text[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT ARRAY(SELECT organization_id FROM sign_on_policy
        WHERE organization_id = ANY (p_organizations) AND required AND break_glass_id IS DISTINCT FROM p_person_id);
$$;

-- Whether another organization knows whom an address names.
CREATE FUNCTION access_address_elsewhere(p_email text, p_organization_id text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT EXISTS (SELECT FROM person p JOIN membership m USING (person_id)
        WHERE p.email = p_email AND m.organization_id <> p_organization_id);
$$;

REVOKE ALL ON FUNCTION access_provider(text), access_providers(text, text), access_sign_on_required(text[], text),
    access_address_elsewhere(text, text), keep_break_glass() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION access_provider(text), access_providers(text, text),
    access_sign_on_required(text[], text), access_address_elsewhere(text, text) TO spendlog_api;
GRANT SELECT (organization_id, provider_id, protocol, name, issuer, client_id, domains, mapping, mapped_by,
        mapped_by_id, enabled, created_at, changed_at),
    INSERT, UPDATE (name, client_id, secret_sealed, domains, mapping, mapped_by, mapped_by_id, enabled, changed_at),
    DELETE ON identity_provider TO spendlog_api;
GRANT SELECT, INSERT, UPDATE (seen_at), DELETE ON provider_identity TO spendlog_api;
GRANT SELECT, INSERT, UPDATE (required, break_glass_id, changed_at) ON sign_on_policy TO spendlog_api;

-- migrate:down

DO $$ BEGIN RAISE EXCEPTION 'forward only: identity providers would be lost'; END $$;
