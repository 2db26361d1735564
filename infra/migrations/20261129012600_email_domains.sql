-- migrate:up

-- Domains of e-mail addresses that an organization says are its own; proved when the domain's DNS says so, too.
CREATE TABLE email_domain (
    organization_id text        NOT NULL CHECK (length(organization_id) BETWEEN 1 AND 64),
    domain          text        NOT NULL CHECK (length(domain) BETWEEN 3 AND 253 AND domain = lower(domain)),
    challenge       text        NOT NULL CHECK (length(challenge) BETWEEN 20 AND 100),
    proved_at       timestamptz,
    created_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (organization_id, domain)
);
COMMENT ON COLUMN email_domain.challenge IS 'what its TXT record says';
COMMENT ON COLUMN email_domain.proved_at IS 'when the record was seen last; null: never';
SELECT tenant_wall('email_domain');

-- By an e-mail address a sign-in page finds providers of organizations whose domain it is, and no others: else
-- anybody's provider could stand on the page of another company's people.
CREATE OR REPLACE FUNCTION access_providers(p_organization_id text, p_domain text) RETURNS TABLE (
    organization_id text, provider_id text, name text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT p.organization_id, p.provider_id, p.name FROM identity_provider p
    WHERE enabled AND (p.organization_id = p_organization_id OR p.domains @> ARRAY[p_domain] AND EXISTS (
        SELECT FROM email_domain d
        WHERE d.organization_id = p.organization_id AND d.domain = p_domain AND d.proved_at IS NOT NULL))
    ORDER BY 1, 3, 2 LIMIT 20;
$$;

GRANT SELECT, INSERT, UPDATE (proved_at), DELETE ON email_domain TO spendlog_api;

-- migrate:down

DO $$ BEGIN RAISE EXCEPTION 'forward only: proved domains would be lost'; END $$;
